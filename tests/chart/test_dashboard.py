"""The Grafana dashboard: a file that imports as it is, asking only for metrics that exist."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from connector.adapters.catalogue import METRICS, SERIES_NAMES
from tests.chart.rendering import CHART

DASHBOARD: dict[str, Any] = json.loads((CHART / "dashboards" / "front-connector.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
_OWN_NAME = re.compile(r"front_connector_\w+")
_SELECTOR = re.compile(r"(front_connector_\w+)\{([^}]*)\}")
_GROUPED = re.compile(r"by \(([^)]*)\)")
_ADDED_BY_SCRAPING = {"namespace", "job", "instance", "pod"}


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for child in node.values():
            yield from _texts(child)
    elif isinstance(node, list):
        for child in node:
            yield from _texts(child)
    elif isinstance(node, str):
        yield node


def _queries() -> list[str]:
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_every_metric_that_it_asks_for_exists() -> None:
    """A renamed metric is an empty panel that nobody notices."""
    asked = {name for text in _texts(DASHBOARD) for name in _OWN_NAME.findall(text)}
    assert len(asked) >= 6
    assert asked <= SERIES_NAMES


@pytest.mark.parametrize("query", _queries())
def test_a_query_uses_only_labels_of_its_metric(query: str) -> None:
    """Selected and grouped labels are the catalogue's, or those that scraping adds."""
    families = {name: metric for metric in METRICS.values() for name in metric.series_names}
    names = _OWN_NAME.findall(query)
    known = {"le"} | _ADDED_BY_SCRAPING | {label for name in names for label in families[name].labels}
    selected = {
        pair.split("=")[0].strip(" !~")
        for _, selector in _SELECTOR.findall(query)
        for pair in selector.split(",")
    }
    grouped = {label.strip() for group in _GROUPED.findall(query) for label in group.split(",")}
    assert selected | grouped <= known


@pytest.mark.parametrize("query", _queries())
def test_a_query_stays_within_the_chosen_release(query: str) -> None:
    """Every selector names namespace and job: two releases must not be added up."""
    selectors = _SELECTOR.findall(query)
    assert len(selectors) == len(_OWN_NAME.findall(query))
    for _, selector in selectors:
        assert 'namespace="$namespace"' in selector
        assert 'job="$job"' in selector


@pytest.mark.parametrize("query", _queries())
def test_counters_are_read_as_rates(query: str) -> None:
    """The bare value of a counter falls to zero with each restart and says nothing."""
    kinds = {name: metric.kind for metric in METRICS.values() for name in metric.series_names}
    for match in _SELECTOR.finditer(query):
        rated = re.search(r"(rate|increase)\($", query[: match.start()]) is not None
        assert rated == (kinds[match[1]] != "gauge")


def test_it_imports_without_questions() -> None:
    """A fixed uid, no id, no inputs, and every variable that is used is defined."""
    assert DASHBOARD["uid"] == "front-connector"
    assert DASHBOARD["id"] is None
    assert "__inputs" not in DASHBOARD
    assert {"datasource", "namespace", "job"} <= VARIABLES
    used = {name for text in _texts(DASHBOARD) for name in re.findall(r"\$\{?(\w+)\}?", text)}
    assert used - {"__rate_interval"} <= VARIABLES


def test_panels_have_their_own_numbers_and_places() -> None:
    """No two panels share an id or lie on one another, and each says what it shows."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(panel["title"] and panel["description"] for panel in PANELS)
