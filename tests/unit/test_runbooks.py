"""The runbooks: each alert leads to a page that can be worked by, and each page belongs to an alert.

That their links lead somewhere is said by `test_docs.py`.
"""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from connector import cli
from connector.adapters.catalogue import SERIES_NAMES
from tests.unit.test_docs import rows

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "runbooks"
INDEX = FOLDER / "README.md"
PAGES = tuple(sorted(path for path in FOLDER.glob("*.md") if path != INDEX))
ALERTS_PAGE = ROOT / "docs" / "alerts.md"
RULES = ROOT / "helm" / "front-connector" / "rules" / "front-connector.yaml"
SECTIONS = ["What it means", "Look first", "Likely causes", "What to do", "Closed when"]
SERVED = re.compile(r"localhost:8083(/(?:status|connectors/\$NAME/(?:offsets|pause|resume)))?(?=[\s`;]|$)")
"""What runbooks ask of a process by the forwarded port (docs/admin.md)."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@cache
def _rules() -> tuple[dict[str, Any], ...]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return tuple(rule for group in groups for rule in group["rules"])


def _alerts() -> dict[str, Path]:
    return {rule["alert"]: ROOT / rule["annotations"]["runbook_url"] for rule in _rules() if "alert" in rule}


def test_each_alert_leads_to_a_page_and_each_page_belongs_to_an_alert() -> None:
    """A page names in its title the alerts that lead to it, all of them and no other."""
    titles = {page: page.read_text("utf-8").splitlines()[0] for page in PAGES}
    for page, title in titles.items():
        assert title == "# " + ", ".join(alert for alert, leads_to in _alerts().items() if leads_to == page)
    assert set(_alerts().values()) == set(PAGES)


def test_the_index_has_each_page() -> None:
    """With the alerts' names and their severity, in the order of the rules."""
    text = INDEX.read_text("utf-8")
    listed = re.findall(r"^\| \[([^\]]+)\]\(([\w-]+\.md)\) \| ([\w, ]+) \|$", text, re.MULTILINE)
    assert {FOLDER / name for _, name, _ in listed} == set(PAGES)
    for names, name, severities in listed:
        own = [rule for rule in _rules() if _alerts().get(rule.get("alert", "")) == FOLDER / name]
        assert names == ", ".join(rule["alert"].removeprefix("FrontConnector") for rule in own)
        assert set(severities.split(", ")) == {rule["labels"]["severity"] for rule in own}


@each_page
def test_a_page_has_every_section_and_something_in_each(page: Path) -> None:
    """In the order in which somebody who was woken needs them."""
    parts = re.split(r"^## (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    assert parts[1::2] == SECTIONS
    assert all(len(text.split()) >= 3 for text in parts[2::2])


@each_page
def test_a_page_names_only_what_exists(page: Path) -> None:
    """Metrics and recordings, log events, paths of the port on loopback."""
    text = page.read_text("utf-8")
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    assert set(re.findall(r"\bjob:front_connector_[\w:]+", text)) <= recorded
    assert set(re.findall(r"(?<!:)\bfront_connector_\w+", text)) <= SERIES_NAMES
    searched = re.findall(r"grep (?:-E )?'\"\(?([\w.|]+)\)?\"'", text)
    events = {row[0] for row in rows(ROOT / "docs" / "operations.md", "Log events")}
    assert {event for names in searched for event in names.split("|")} <= events
    assert set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", text.split("## Closed when")[1])) <= events
    assert all(SERVED.match(text, found.start()) for found in re.finditer("localhost:8083", text))


@each_page
def test_a_command_of_the_connector_has_the_verb_and_the_options_that_are_shown(page: Path) -> None:
    """Nobody learns at night that an option has another name."""
    commands: Any = typer.main.get_command(cli.app)
    for verb, rest in re.findall(r"\bfront-connector ([a-z]+)\b([^`\n|]*)", page.read_text("utf-8")):
        if verb not in commands.commands:
            assert f"deploy/front-connector {verb}" in rest, f"front-connector {verb}"
            continue
        options = {name for each in commands.commands[verb].params for name in each.opts}
        assert {word for word in shlex.split(rest) if word.startswith("--")} <= options


def test_the_inhibitions_name_alerts_and_leave_the_one_that_loses_records_alone() -> None:
    """The example for Alertmanager in docs/alerts.md."""
    (text,) = re.findall(
        r"<!-- alertmanager -->\n```yaml\n(.*?)^```", ALERTS_PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    rules = yaml.safe_load(text)["inhibit_rules"]
    for rule in rules:
        assert rule["equal"] == ["namespace", "job"]
        source, target = (_meant(rule[side]) for side in ("source_matchers", "target_matchers"))
        assert source
        assert target
        assert not source & target
        assert "FrontConnectorRetentionThreat" not in target


def _meant(matchers: list[str]) -> set[str]:
    """The alerts that matchers select; each word in them is an alert's."""
    names = set(_alerts())
    for matcher in matchers:
        found = re.fullmatch(r'alertname(=~|!~|=|!=)"(.+)"', matcher)
        assert found, matcher
        for word in found[2].split("|"):
            assert any(re.fullmatch(word, name) for name in _alerts()), word
        hit = {name for name in _alerts() if re.fullmatch(found[2], name)}
        names &= hit if found[1] in ("=", "=~") else set(_alerts()) - hit
    return names
