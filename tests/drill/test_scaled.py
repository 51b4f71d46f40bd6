"""The drill's rules are the chart's, but for their times."""

import re

import yaml

from tests.drill.drill import RULES
from tests.drill.scaled import scaled

_TIMES = re.compile(r"(?<=\[)\w+(?=\])|(?<=offset )\w+")


def test_all_times_are_divided_and_nothing_else() -> None:
    """Windows, offsets, `for`, intervals and ages; the certificates' days, counts and ratios stay."""
    ours = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    theirs = scaled(RULES, 60)["groups"]
    assert [group["name"] for group in ours] == [group["name"] for group in theirs]
    assert {group["interval"] for group in theirs} == {"500ms"}
    found = {}
    for before, after in zip(
        (rule for group in ours for rule in group["rules"]),
        (rule for group in theirs for rule in group["rules"]),
        strict=True,
    ):
        assert before.keys() == after.keys()
        assert all(time.endswith("ms") for time in [*_TIMES.findall(after["expr"]), after.get("for", "0ms")])
        words = zip(
            _TIMES.sub("", before["expr"]).split(), _TIMES.sub("", after["expr"]).split(), strict=True
        )
        if changed := {(word, now) for word, now in words if word != now}:
            found[before["alert"].removeprefix("FrontConnector")] = changed
    assert found == {
        "BlockedKey": {("900)", "15)")},
        "RetentionThreat": {("604800", "10080")},
        "Backlog": {("1800", "30")},
        "RecordStuck": {("900)", "15)")},
        "PollStalled": {("120)", "2)")},
    }


def test_a_time_is_divided_exactly() -> None:
    """Three days become 72 minutes."""
    rules = {rule.get("alert"): rule for group in scaled(RULES, 60)["groups"] for rule in group["rules"]}
    assert rules["FrontConnectorPausedLong"]["for"] == "120000ms"
    recorded = {
        rule.get("record"): rule["expr"] for group in scaled(RULES, 60)["groups"] for rule in group["rules"]
    }
    assert "[4320000ms]" in recorded["job:front_connector_records_bad:ratio_rate3d"]
