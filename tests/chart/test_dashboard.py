"""The Grafana dashboard: a file that imports as it is, asking only for metrics that exist."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.adapters.catalogue import METRICS, SERIES_NAMES
from connector.core.status import State
from tests.chart.rendering import ROOT, objects, one, values_of
from tests.dashboard import build
from tests.dashboard.build import FILE, RUNBOOKS_DEFAULT
from tests.dashboard.colours import contrast

DASHBOARD: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
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
        label
        for _, selector in _SELECTOR.findall(query)
        for label in re.findall(r'(\w+)(?:=~|!~|!=|=)"', selector)
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
    assert used - {"__rate_interval", "__from", "__to", "__all"} <= VARIABLES
    assert 36 <= DASHBOARD["schemaVersion"] <= 42


def test_it_is_what_its_program_makes() -> None:
    """Changed in tests/dashboard and made anew by `python -m tests.dashboard.build`, never by hand."""
    assert FILE.read_text(encoding="utf-8") == build.text()


def test_it_fits_into_a_config_map() -> None:
    """Kubernetes refuses an object above 1 MiB, and kubectl apply's own copy above 256 KiB."""
    assert FILE.stat().st_size < 256 * 1024


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    """What it means and when to worry, a unit, a name for each series, and words where there is nothing to show."""
    defaults = panel["fieldConfig"]["defaults"]
    assert len(panel["description"]) > 40
    assert defaults["unit"]
    assert not defaults["noValue"].startswith("No data")
    assert all(target["legendFormat"] for target in panel["targets"])
    assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]


def test_the_first_row_answers_in_words() -> None:
    """Each state of a process has a word and a colour, and so has each number that the panel can show."""
    health, next_step = PANELS[:2]
    words = health["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert set(words) == set(next_step["fieldConfig"]["defaults"]["mappings"][0]["options"])
    assert all(each["text"] and each["color"] for each in words.values())
    assert set(get_args(State)) == set(re.findall(r'state="(\w+)"', health["targets"][0]["expr"]))


def test_its_colours_can_be_told_from_both_backgrounds() -> None:
    """At least 3 to 1, as WCAG 2.2 asks of graphics, on Grafana's panels in light and in dark."""
    used = {text for text in _texts(DASHBOARD) if re.fullmatch(r"#[0-9a-f]{6}", text)}
    assert len(used) >= 5
    for colour in used:
        for background in ("#ffffff", "#181b1f"):
            assert contrast(colour, background) >= 3, (colour, background)


def test_its_links_lead_to_pages_of_alerts() -> None:
    """A runbook's page is named as the rules name it."""
    urls = {link["url"] for panel in PANELS for link in panel.get("links", [])}
    assert len(urls) >= 20
    for url in urls:
        assert (ROOT / "docs" / "runbooks" / url.removeprefix("${runbooks}/")).is_file(), url


def test_the_chart_says_where_the_runbooks_are() -> None:
    """The address that the alerts have, and nothing else is changed."""
    where = "https://docs.example.com/runbooks"
    monitoring = {"dashboard": {"enabled": True}, "prometheusRule": {"runbooks": where}}
    found = one(objects({**values_of("everything"), "monitoring": monitoring}), "ConfigMap", "-dashboard")
    shipped = json.loads(found["data"]["front-connector.json"])
    (variable,) = (each for each in shipped["templating"]["list"] if each["name"] == "runbooks")
    assert variable["query"] == where
    variable["query"] = RUNBOOKS_DEFAULT
    assert shipped == DASHBOARD


def test_the_link_to_logs_asks_loki_for_this_release() -> None:
    """Filled in as Grafana does, the address is JSON again, and its query names the namespace."""
    (link,) = (link for link in DASHBOARD["links"] if link["title"] == "Logs")
    values = {"logs": "loki-1", "namespace": "voice", "log_labels": "app=`x`", "__from": "1", "__to": "2"}
    url = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], link["url"])
    (panes,) = parse_qs(urlsplit(url).query)["panes"]
    (query,) = json.loads(panes)["logs"]["queries"]
    assert query["expr"] == "{namespace=`voice`,app=`x`} | json"


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
