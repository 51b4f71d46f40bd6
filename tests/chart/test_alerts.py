"""The alerts: a plain file of rules that promtool tries, and the PrometheusRule that the chart makes of it."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.adapters.catalogue import METRICS, SERIES_NAMES
from tests.chart.rendering import CHART, ROOT, objects, one, values_of
from tests.support.promtool import promtool as run

RULES = CHART / "rules" / "front-connector.yaml"
CASES = sorted(Path(__file__).parent.glob("rules.*.test.yaml"))
_OWN_NAME = re.compile(r"(?<!:)\bfront_connector_\w+")
_SELECTOR = re.compile(r"(?<!:)\b(front_connector_\w+)\{([^}]*)\}")
_RECORDED = re.compile(r"\bjob:[\w:]+")
_GROUPED = re.compile(r"(?:by|on) \(([^)]*)\)")
_ADDED_BY_SCRAPING = {"namespace", "job", "instance", "pod"}
_OF_EVERY_PROCESS = {"up": (), "process_start_time_seconds": ()}
"""Series that Prometheus itself and its Python client make, with the labels that they add."""

Rule = dict[str, Any]


def _rules(groups: dict[str, Any]) -> list[Rule]:
    return [rule for group in groups["groups"] for rule in group["rules"]]


ALL = _rules(yaml.safe_load(RULES.read_text(encoding="utf-8")))
ALERTS = [rule for rule in ALL if "alert" in rule]
RECORDINGS = {rule["record"] for rule in ALL if "record" in rule}
each_rule = pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.get("alert") or rule["record"])
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


@pytest.mark.promtool
@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.name.split(".")[1])
def test_each_alert_fires_and_stays_quiet_as_its_cases_say(
    promtool: Path, tmp_path: Path, cases: Path
) -> None:
    """`promtool test rules`: series in, alerts out, at full size. What an alert says is judged by those who read it."""
    bare = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for rule in _rules(bare):
        rule.pop("annotations", None)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(bare), encoding="utf-8")
    shutil.copy(cases, tmp_path)
    code, said = run(promtool, "test", "rules", tmp_path / cases.name)
    assert code == 0, said


@each_alert
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet(alert: Rule) -> None:
    """Without the one it might never fire, without the other always."""
    expected = [
        case["exp_alerts"]
        for path in CASES
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == alert["alert"]
    ]
    assert {bool(alerts) for alerts in expected} == {True, False}


@each_rule
def test_a_rule_asks_for_series_and_labels_that_exist(rule: Rule) -> None:
    """A renamed metric is an alert that never fires; a release without its job would hear of others."""
    selectors = _SELECTOR.findall(rule["expr"])
    families = {name: metric for metric in METRICS.values() for name in metric.series_names}
    assert len(selectors) == len(_OWN_NAME.findall(rule["expr"]))
    assert {name for name, _ in selectors} <= SERIES_NAMES
    assert set(_RECORDED.findall(rule["expr"])) <= RECORDINGS
    known = _ADDED_BY_SCRAPING | {label for name, _ in selectors for label in families[name].labels}
    grouped = {label.strip() for group in _GROUPED.findall(rule["expr"]) for label in group.split(",")}
    shown = set(re.findall(r"\$labels\.(\w+)", str(rule.get("annotations"))))
    assert grouped | shown <= known
    assert all('job="front-connector"' in selector for _, selector in selectors)
    for name in _OF_EVERY_PROCESS:
        assert rule["expr"].count(f"{name}{{") == rule["expr"].count(f'{name}{{job="front-connector"}}')
    asked = {*_RECORDED.findall(rule["expr"]), *(name for name, _ in selectors)}
    assert asked or any(name in rule["expr"] for name in _OF_EVERY_PROCESS)


def test_no_recording_is_made_for_nobody() -> None:
    """Each costs an evaluation every 30 s; the autoscaler asks for the last one."""
    asked = {name for rule in ALL for name in _RECORDED.findall(rule["expr"])}
    assert asked == RECORDINGS


@each_alert
def test_an_alert_says_what_is_wrong_and_where_to_look(alert: Rule) -> None:
    """Whoever is woken reads these lines first. (tests/unit/test_runbooks.py reads the pages that they lead to.)"""
    assert alert["labels"] in [{"severity": severity} for severity in ("critical", "warning", "info")]
    assert {"summary", "description", "runbook_url", "dashboard_url"} == alert["annotations"].keys()
    assert len(alert["annotations"]["summary"]) <= 120
    assert (ROOT / alert["annotations"]["runbook_url"]).is_file()
    assert alert["annotations"]["dashboard_url"] == (
        "https://grafana.example.com/d/front-connector"
        "?var-namespace={{ $labels.namespace }}&var-job={{ $labels.job }}"
    )


def test_the_rules_of_a_release_are_about_itself() -> None:
    """Its namespace, job, retention and addresses; and braces that pass through Helm as they stand."""
    found = one(objects(values_of("everything"), name="calls"), "PrometheusRule")
    assert found["metadata"]["labels"]["release"] == "prometheus"
    text = RULES.read_text(encoding="utf-8")
    for ours, theirs in (
        ('job="front-connector"', 'namespace="voice",job="calls"'),
        ("604800", "86400"),
        ("docs/runbooks", "https://docs.example.com/runbooks"),
        ("https://grafana.example.com", "https://grafana.voice.example.com"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    assert found["spec"] == yaml.safe_load(text)


@pytest.mark.promtool
def test_prometheus_takes_the_rules_of_a_release(promtool: Path, tmp_path: Path) -> None:
    """`promtool check rules` on what the operator would hand to Prometheus; it reads the annotations' templates too."""
    rendered = tmp_path / "rules.yaml"
    found = one(objects(values_of("everything")), "PrometheusRule")
    rendered.write_text(yaml.safe_dump(found["spec"]), encoding="utf-8")
    code, said = run(promtool, "check", "rules", rendered)
    assert (code, f"{len(ALL)} rules found" in said) == (0, True), said


@pytest.mark.promtool
def test_the_queries_of_the_runbooks_are_ones(promtool: Path, tmp_path: Path) -> None:
    """Whoever is woken pastes them."""
    pages = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
    shown = [
        re.findall(r"query instant \$PROMETHEUS '(.+)'$", page.read_text("utf-8"), re.MULTILINE)
        for page in pages
    ]
    rules = [{"record": "asked", "expr": query} for query in sorted({one for each in shown for one in each})]
    assert len(rules) > 20
    written = tmp_path / "queries.yaml"
    written.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}), encoding="utf-8")
    code, said = run(promtool, "check", "rules", written)
    assert code == 0, said


@pytest.mark.amtool
def test_alertmanager_takes_the_inhibitions(amtool: Path, tmp_path: Path) -> None:
    """The example in docs/alerts.md, with a receiver. (tests/unit/test_runbooks.py reads its names.)"""
    page = (ROOT / "docs" / "alerts.md").read_text("utf-8")
    (example,) = re.findall(r"<!-- alertmanager -->\n```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    written = tmp_path / "alertmanager.yml"
    written.write_text(
        f"route: {{receiver: nobody}}\nreceivers: [{{name: nobody}}]\n{example}", encoding="utf-8"
    )
    code, said = run(amtool, "check-config", written)
    assert (code, " - 12 inhibit rules" in said) == (0, True), said
