"""Every combination of values that the chart refuses, with the sentence that says so.

What lives here: the cases, by room. `test_refusals.py` renders each; README.md of the chart is written from the same ones.
"""

from tests.chart.refusals.case import Refusal
from tests.chart.refusals.network import NETWORK
from tests.chart.refusals.secrets import SECRETS, VARIABLES
from tests.chart.refusals.workloads import FILES, MEMBERSHIP, SCALING, WORKLOAD

__all__ = ["REFUSALS", "Refusal"]

REFUSALS = {
    "pods": WORKLOAD,
    "membership of the group": MEMBERSHIP,
    "files and volumes": FILES,
    "secrets": SECRETS,
    "variables": VARIABLES,
    "monitoring and scaling": SCALING,
    "network": NETWORK,
}
