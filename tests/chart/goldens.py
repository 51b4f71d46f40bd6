"""The objects of every variant as they were last looked at, in `golden/`: a change of the chart is read as a change of these.

What stands in a file of its own with tests of its own is left out: the dashboard, the rules, and the example's mappings.
"""

from pathlib import Path
from typing import Any

import yaml

from tests.chart.rendering import Object, objects, values_of

FOLDER = Path(__file__).parent / "golden"
"""`<variant>.yaml`, rendered as the release `demo` in the namespace `voice`."""


def renewed(variant: str) -> str:
    """The file of a variant as it should be."""
    return as_text(objects(values_of(variant)))


def as_text(found: list[Object]) -> str:
    """The objects in an order of their own."""
    ordered = sorted(found, key=lambda o: (o["kind"], o["metadata"]["name"]))
    return yaml.safe_dump_all(map(_shortened, ordered), sort_keys=False, width=120)


def _shortened(found: Object) -> Object:
    if found["kind"] == "PrometheusRule":
        return {**found, "spec": "(rules/)"}
    if found["kind"] == "ConfigMap":
        data: dict[str, Any] = {name: _file(name, text) for name, text in found["data"].items()}
        return {**found, "data": data}
    return found


def _file(name: str, text: str) -> str:
    return text if name == "config.yaml" else "(a file)"
