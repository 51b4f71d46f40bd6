"""The composition root: settings become adapters, adapters and pipeline become a running service.

Only here do adapters and pipeline meet. `wiring.py` makes each part from its settings,
`assembly.py` joins them, `service.py` runs and stops, `status.py` says how it is.
"""

from connector.adapters.tracing import tracing_problem
from connector.app.service import run
from connector.app.wiring import kafka_problem

__all__ = ["kafka_problem", "run", "tracing_problem"]
