"""What the process answers about itself over HTTP: probes and metrics on the pod's address, the rest on loopback."""

from connector.adapters.admin.desk import LOOPBACK, desk
from connector.adapters.admin.listener import Listener
from connector.adapters.admin.probes import Heartbeat, ProbeSources, probes
from connector.adapters.admin.sources import AdminSources, Levels

__all__ = [
    "LOOPBACK",
    "AdminSources",
    "Heartbeat",
    "Levels",
    "Listener",
    "ProbeSources",
    "desk",
    "probes",
]
