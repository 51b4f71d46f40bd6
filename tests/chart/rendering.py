"""The chart rendered by Helm itself, offline, and its objects read back."""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "front-connector"
EXAMPLES: Mapping[str, Path] = {
    f"example-{path.stem}": path for path in sorted((CHART / "examples").glob("*.yaml"))
}
"""Values to start from, by name."""
VARIANTS: Mapping[str, Path | None] = {
    "default": None,
    **EXAMPLES,
    **{path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*-values.yaml"))},
}
"""Values under which the chart is checked, by name; None is its own defaults."""

Object = dict[str, Any]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The dashboard takes a tenth of the time by libyaml."""


def values_of(variant: str) -> dict[str, Any]:
    """The values of a variant, as Helm reads them."""
    path = VARIANTS[variant]
    return {} if path is None else helm.values_from_yaml(path.read_text())


def render(values: Mapping[str, Any], name: str = "demo") -> dict[str, str]:
    """What `helm template` gives, by template file. Raises HelmError where the chart refuses the values."""
    return dict(_rendered(json.dumps(values), name))


@functools.cache
def _rendered(values: str, name: str) -> Mapping[str, str]:
    """Once for the same values: many tests look at one render."""
    with helm.Chart.load(CHART) as chart:
        return chart.render(json.loads(values), name=name, namespace="voice")


def objects(values: Mapping[str, Any], name: str = "demo") -> list[Object]:
    """The rendered Kubernetes objects; the notes are left out."""
    return list(_read(render(values, name)))


def one(found: list[Object], kind: str, ending: str = "") -> Object:
    """The only object of a kind, or of a kind with a name ending so."""
    (match,) = [o for o in found if o["kind"] == kind and o["metadata"]["name"].endswith(ending)]
    return match


def workload(found: list[Object]) -> Object:
    """The Deployment or StatefulSet."""
    (match,) = [o for o in found if o["kind"] in ("Deployment", "StatefulSet")]
    return match


def notes(values: Mapping[str, Any]) -> str:
    """What Helm says to whoever installed a release."""
    return next(text for file, text in render(values).items() if file.endswith("NOTES.txt"))


def _read(rendered: Mapping[str, str]) -> Iterator[Object]:
    for file, text in rendered.items():
        if not file.endswith("NOTES.txt"):
            yield from (document for document in yaml.load_all(text, Loader=_LOADER) if document)
