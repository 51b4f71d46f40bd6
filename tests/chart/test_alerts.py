"""The alerts: a plain file of rules that promtool tries, and the PrometheusRule that the chart makes of it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.adapters.catalogue import METRICS, SERIES_NAMES
from tests.chart.rendering import CHART, ROOT, objects, one, values_of
from tests.support.promtool import promtool as run

RULES = CHART / "rules" / "front-connector.yaml"
CASES = Path(__file__).parent / "rules.test.yaml"
GUIDE = ROOT / "docs" / "operations.md"
_OWN_NAME = re.compile(r"front_connector_\w+")
_SELECTOR = re.compile(r"(front_connector_\w+)\{([^}]*)\}")
_GROUPED = re.compile(r"by \(([^)]*)\)")
_ADDED_BY_SCRAPING = {"namespace", "job", "instance", "pod"}


def _alerts(groups: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in groups["groups"] for rule in group["rules"]]


ALERTS = _alerts(yaml.safe_load(RULES.read_text(encoding="utf-8")))
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


@pytest.mark.promtool
def test_each_alert_fires_and_stays_quiet_as_its_cases_say(promtool: Path) -> None:
    """`promtool test rules`: series in, alerts out, with Prometheus' own engine."""
    code, said = run(promtool, "test", "rules", CASES)
    assert code == 0, said


@each_alert
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet(alert: dict[str, Any]) -> None:
    """Without the one it might never fire, without the other always."""
    tests = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    expected = [
        case["exp_alerts"]
        for test in tests
        for case in test["alert_rule_test"]
        if case["alertname"] == alert["alert"]
    ]
    assert {bool(alerts) for alerts in expected} == {True, False}


@each_alert
def test_an_alert_asks_for_series_and_labels_that_exist(alert: dict[str, Any]) -> None:
    """A renamed metric is an alert that never fires; a release without its job would hear of others."""
    selectors = _SELECTOR.findall(alert["expr"])
    families = {name: metric for metric in METRICS.values() for name in metric.series_names}
    assert len(selectors) == len(_OWN_NAME.findall(alert["expr"])) > 0
    assert {name for name, _ in selectors} <= SERIES_NAMES
    known = _ADDED_BY_SCRAPING | {label for name, _ in selectors for label in families[name].labels}
    grouped = {label.strip() for group in _GROUPED.findall(alert["expr"]) for label in group.split(",")}
    shown = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
    assert grouped | shown <= known
    assert all('job="front-connector"' in selector for _, selector in selectors)


@each_alert
def test_an_alert_says_what_is_wrong_and_where_its_runbook_is(alert: dict[str, Any]) -> None:
    """Whoever is woken reads these lines first; the section that they lead to is there."""
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert all(alert["annotations"][name] for name in ("summary", "description"))
    page, anchor = alert["annotations"]["runbook_url"].split("#")
    assert ROOT / page == GUIDE
    assert anchor == alert["alert"].lower()
    assert f"\n### {alert['alert']}\n" in GUIDE.read_text(encoding="utf-8")


def test_the_rules_of_a_release_are_about_itself() -> None:
    """Its namespace and job, the address of the runbooks, and braces that pass through Helm as they stand."""
    found = one(objects(values_of("everything"), name="calls"), "PrometheusRule")
    assert found["metadata"]["labels"]["release"] == "prometheus"
    for ours, theirs in zip(ALERTS, _alerts(found["spec"]), strict=True):
        itself = ours["expr"].replace('job="front-connector"', 'namespace="voice",job="calls"')
        assert theirs["expr"] == itself
        notes = theirs["annotations"]
        assert notes.pop("runbook_url") == f"https://docs.example.com/operations#{ours['alert'].lower()}"
        assert notes.items() <= ours["annotations"].items()
        assert {key: theirs[key] for key in ("alert", "for", "labels")}.items() <= ours.items()


@pytest.mark.promtool
def test_prometheus_takes_the_rules_of_a_release(promtool: Path, tmp_path: Path) -> None:
    """`promtool check rules` on what the operator would hand to Prometheus."""
    rendered = tmp_path / "rules.yaml"
    found = one(objects(values_of("everything")), "PrometheusRule")
    rendered.write_text(yaml.safe_dump(found["spec"]), encoding="utf-8")
    code, said = run(promtool, "check", "rules", rendered)
    assert (code, f"{len(ALERTS)} rules found" in said) == (0, True), said
