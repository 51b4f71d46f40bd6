"""Traces: a span for each record and for each attempt at Front, handed to a collector by OTLP. Needs the extra `otel`.

Only what is in `spans.py` and `exporting.py` imports OpenTelemetry, and only when tracing is on.
"""

from connector.adapters.tracing.installed import tracing_problem
from connector.adapters.tracing.options import TracingOptions, tracing_options

__all__ = ["TracingOptions", "tracing_options", "tracing_problem"]
