"""What `validate` and `run` say of traces that cannot be: OpenTelemetry comes with an extra, which may not be there."""

from importlib.util import find_spec
from typing import Final

from connector.config.tracing import TracingSettings, read_headers

EXTRA: Final = "front-connector[otel]"
_NEEDED: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def tracing_problem(settings: TracingSettings) -> str | None:
    """What keeps tracing from being on, as a sentence; None if nothing does, or it is not to be on.

    `settings`: with what its files hold.
    """
    if not settings.enabled:
        return None
    if not all(_there(name) for name in _NEEDED):
        return f"tracing.enabled: OpenTelemetry is not installed: pip install '{EXTRA}'"
    headers = settings.headers
    if headers is not None and isinstance(wrong := read_headers(headers.get_secret_value()), str):
        return f"tracing.headers_file: {wrong}"  # written out, they were refused already
    return None


def _there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False
