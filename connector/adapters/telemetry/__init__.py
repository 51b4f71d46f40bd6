"""How the process is observed from outside: metrics that Prometheus scrapes and one-line logs on stdout."""

from connector.adapters.telemetry.last_resort import tell_instead_of_print
from connector.adapters.telemetry.logs import Logs, configure_logging
from connector.adapters.telemetry.metrics import Metrics

__all__ = ["Logs", "Metrics", "configure_logging", "tell_instead_of_print"]
