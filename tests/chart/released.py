"""What the chart made when it was last released, in `released.yaml`: who upgrades from there must lose nothing.

`python -m tests.chart.released` writes it anew. That belongs to a release, and is no way to make a test pass.
"""

from pathlib import Path
from typing import Any

import yaml

from tests.chart.rendering import VARIANTS, Object, objects, values_of

FILE = Path(__file__).with_suffix(".yaml")
"""For each variant: the `values` of then, and what was `made`: kind, name, and the immutable part of its spec."""
_HEAD = """\
# What the chart made of some values when it was last released: `helm upgrade` from there must lose no name and change nothing
# that Kubernetes holds for immutable. Written anew by `python -m tests.chart.released` when a version is released, never to
# make a test pass.
"""
_MUTABLE = {
    "Deployment": {"replicas", "template", "strategy", "minReadySeconds", "revisionHistoryLimit"},
    "StatefulSet": {"replicas", "template", "updateStrategy", "minReadySeconds", "revisionHistoryLimit"},
    "Service": {"ports", "publishNotReadyAddresses"},
}
"""What may change in a spec; of other kinds, all."""


def read() -> dict[str, Any]:
    """The file, by variant."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def as_text() -> str:
    """What the chart makes now, in the form of the file."""
    made = {
        variant: {"values": values_of(variant), "made": [_kept(o) for o in objects(values_of(variant))]}
        for variant in VARIANTS
    }
    return _HEAD + yaml.safe_dump(made, sort_keys=False, width=120)


def _kept(found: Object) -> Object:
    named = {"apiVersion": found["apiVersion"], "kind": found["kind"], "name": found["metadata"]["name"]}
    if found["kind"] not in _MUTABLE:
        return named
    spec = {key: part for key, part in found["spec"].items() if key not in _MUTABLE[found["kind"]]}
    return {**named, "immutable": spec}


if __name__ == "__main__":
    FILE.write_text(as_text(), encoding="utf-8")
