"""Whoever names a metric names one that exists: pages, alerts, dashboard, chart and tests, each file of them.

A renamed metric is an alert that never fires, a panel that stays empty, a sentence that sends somebody the wrong way: nothing
else would tell. That every metric that is exposed is in the catalogue is said in `test_exposition.py`.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from connector.adapters.catalogue import METRICS, PREFIX, SERIES_NAMES
from connector.adapters.telemetry.values import VALUES
from connector.config.mapping.mappers import VERSION_NAME

ROOT = Path(__file__).parents[2]
ROOMS = ("connector", "docs", "examples", "helm", "tests")
KINDS = {".md", ".yaml", ".yml", ".json", ".txt", ".tpl", ".py", ".html", ".js", ".toml"}
NO_METRICS = {VERSION_NAME, "front_connector_probe"}
"""Names of other things."""
RESERVED = {"outcome": ("parked",), "cause": ("burst",)}
"""Values that queries may name ahead of the parts that will count them."""
ADDED_BY_SCRAPING = {
    "le",
    "namespace",
    "job",
    "instance",
    "pod",
    "container",
    "service",
    "endpoint",
    "cluster",
    "quantile",
}

_WORD = re.compile(r"[A-Za-z_:][\w:]*")
_ONE_OF = re.compile(rf"({PREFIX}\w*)\{{(\w+(?:,\w+)+)\}}(\w*)")
_SELECTOR = re.compile(rf"(?<![\w:])({PREFIX}\w+)\{{([^{{}}]*)\}}")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_WITHOUT_PREFIX = re.compile(r"`([a-z]+(?:_[a-z]+)*_(?:total|bucket|timestamp_seconds))(?:\{[^`]*)?`")


@cache
def _text(path: Path) -> str:
    """As Prometheus would read it: quotes in JSON and YAML lose their backslash, and bars in the tables of a page."""
    return path.read_text(encoding="utf-8").replace('\\"', '"').replace("\\|", "|")


def _all() -> list[Path]:
    """Every file that may name a metric; the changelog may name what was there once."""
    inside = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in KINDS)
    own = [path for path in inside if "node_modules" not in path.parts and path != Path(__file__)]
    return [*own, *(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"), ROOT / "Makefile"]


NAMING = sorted(path for path in _all() if PREFIX in _text(path))
PAGES = sorted(path for path in _all() if path.suffix == ".md")


@cache
def _recorded() -> frozenset[str]:
    """Names that the chart's rules give to expressions; they have colons, as Prometheus advises."""
    files = [path for path in NAMING if path.parent.name == "rules"]
    assert files
    rules = [
        rule
        for file in files
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
    return frozenset(rule["record"] for rule in rules if "record" in rule)


def _named(text: str) -> Iterator[str]:
    """Names in a text; `front_connector_x_{a,b}_y` names two, `front_connector_x_` with anything behind it a family."""
    for found in _ONE_OF.finditer(text):
        yield from (f"{found[1]}{one}{found[3]}" for one in found[2].split(","))
    for word in _WORD.findall(text):
        name = word.rstrip(":")
        if PREFIX in name and (":" in name or name.startswith(PREFIX)) and "__" not in name:
            yield name


def _exists(name: str, recorded: frozenset[str]) -> bool:
    if ":" in name:
        return name in recorded
    if name.endswith("_"):
        return any(known.startswith(name) for known in SERIES_NAMES)
    return name in SERIES_NAMES or name in METRICS or name in NO_METRICS


@pytest.mark.parametrize("path", NAMING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_metric_that_is_named_exists(path: Path) -> None:
    """In the catalogue; or, with colons, among what the chart's rules record."""
    recorded = _recorded()
    named = [name for name in _named(_text(path)) if not (path.suffix == ".py" and ":" in name)]  # patterns
    assert [name for name in named if not _exists(name, recorded)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_name_without_the_prefix_is_one_too(path: Path) -> None:
    """Pages leave the prefix out where it is in the way: what looks like a metric in them is one, of ours or the process's."""
    found = {name for name in _WITHOUT_PREFIX.findall(_text(path)) if not name.startswith(PREFIX)}
    foreign = {name for name in found if name.startswith(("process_", "python_", "kube_", "container_"))}
    assert {name for name in found - foreign if PREFIX + name not in SERIES_NAMES | METRICS.keys()} == set()


def _selected() -> Iterator[tuple[str, str, str, str, str]]:
    """File, metric, label, operator and value of every selector. What is filled in later (`$x`, `{{`) is left out.

    Not of the tests' own series, which may have any values.
    """
    for path in (path for path in NAMING if "tests" not in path.parts):
        for name, inside in _SELECTOR.findall(_text(path)):
            for label, operator, value in _MATCHER.findall(inside):
                if not re.search(r"[$%]|\{\{", value):
                    yield str(path.relative_to(ROOT)), name, label, operator, value


def test_every_label_and_value_that_is_selected_exists() -> None:
    """`outcome="deadletter"` would select nothing, and say so to nobody. Of a pattern each alternative finds something."""
    family = {series: metric for metric in METRICS.values() for series in metric.series_names}
    wrong = []
    for file, name, label, operator, value in _selected():
        metric = family.get(name)
        if metric is None:
            continue  # told above
        closed = VALUES.get(metric.name, {}).get(label)
        values = None if closed is None else (*closed, *RESERVED.get(label, ()))
        known = label in metric.labels or label in ADDED_BY_SCRAPING
        choices = value.split("|") if "~" in operator and "(" not in value else [value]
        finds = values is None or all(
            any(re.fullmatch(choice, one) if "~" in operator else choice == one for one in values)
            for choice in choices
        )
        if not (known and finds):
            wrong.append((file, name, label, value))
    assert wrong == []
    assert len({name for _, name, *_ in _selected()}) > 10
