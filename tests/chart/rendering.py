"""The chart rendered by Helm itself, offline, and its objects read back."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "front-connector"
VARIANTS: Mapping[str, Path | None] = {
    "default": None,
    **{path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*-values.yaml"))},
}
"""Values under which the chart is checked, by name; None is its own defaults."""

Object = dict[str, Any]


def values_of(variant: str) -> dict[str, Any]:
    """The values of a variant, as Helm reads them."""
    path = VARIANTS[variant]
    return {} if path is None else helm.values_from_yaml(path.read_text())


def render(values: Mapping[str, Any], name: str = "demo") -> dict[str, str]:
    """What `helm template` gives, by template file. Raises HelmError where the chart refuses the values."""
    with helm.Chart.load(CHART) as chart:
        return chart.render(dict(values), name=name, namespace="voice")


def objects(values: Mapping[str, Any], name: str = "demo") -> list[Object]:
    """The rendered Kubernetes objects; the notes are left out."""
    return list(_read(render(values, name)))


def one(found: list[Object], kind: str, ending: str = "") -> Object:
    """The only object of a kind, or of a kind with a name ending so."""
    (match,) = [o for o in found if o["kind"] == kind and o["metadata"]["name"].endswith(ending)]
    return match


def _read(rendered: Mapping[str, str]) -> Iterator[Object]:
    for file, text in rendered.items():
        if not file.endswith("NOTES.txt"):
            yield from (document for document in yaml.safe_load_all(text) if document)
