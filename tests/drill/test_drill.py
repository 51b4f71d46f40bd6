"""Each alert of the chart is brought about in a running connector, and none fires without a reason.

`drill.py` plays it, once for all of these tests; what was seen last is in docs/alerts.md.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.drill.drill import ORDINARY, PREFIX, RULES, Seen, play
from tests.drill.faults import FAULTS
from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.prometheus, pytest.mark.timeout(1200)]

NOT_BROUGHT_ABOUT = {
    "StraySettles": "it tells of a defect of ours, and none is known",
    "PausedInPart": "every process reads the same topic",
}
UNSCALED = {"LoopBlocked": "the metric is the worst of 30 s, whatever the rules are divided by"}
"""Alerts that say nothing at a sixtieth of the times, where one hiccup of this machine would do; at a tenth they count."""
OF_A_BUSY_MACHINE = {"LoopBlocked", "Down", "NotReady", "PollStalled", "PartitionsLost"}
"""Where twenty processes get no CPU for seconds these are true: not scraped in time, not polled, no heartbeat."""
BUSY_S = 0.5
FASTEST = 240
"""Only for what lasts for an hour and more: an age of two minutes is half a second there, and polls are as far apart."""
OWN_FOLDERS = {(ORDINARY, "ConfigDrift")}
"""Here each process reads its files from a folder of its own, so their settings differ, as those of a release's pods do not."""

BROUGHT_ABOUT = [(name, alert) for name, fault in FAULTS.items() for alert in fault.alerts]


@pytest.fixture(scope="module")
def seen(prometheus_program: Path, kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The drill, played once; its table is printed."""
    found = play(prometheus_program, kafka, tmp_path_factory.mktemp("drill"))
    print("\n".join(table(found)))
    return found


def table(seen: Seen) -> Iterator[str]:
    """Alert, fault, how long it took, and how long it was silent without."""
    yield "| alert | fault | fired after, s | divided by | beside it fired |"
    yield "|---|---|---|---|---|"
    for name, fault in FAULTS.items():
        others = sorted(alert for stage, alert in seen.fired if stage == name and alert not in fault.alerts)
        for number, alert in enumerate(fault.alerts):
            after = seen.fired.get((name, alert))
            took = "never" if after is None else f"{after:.0f}"
            what = fault.what if number == 0 else ""
            yield f"| {alert} | {what} | {took} | {fault.pace} | {', '.join(others) if number == 0 else ''} |"
    for alert, why in NOT_BROUGHT_ABOUT.items():
        yield f"| {alert} | none: {why} | | | |"
    yield f"Without a fault: {seen.calm_s:.0f} s, in which fired: {sorted(seen.early) or 'none'} (late {seen.late_s:.2f} s)"


def test_every_alert_has_its_fault_or_a_reason_for_none() -> None:
    """A new alert joins the drill."""
    rules = [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]
    alerts = {rule["alert"].removeprefix(PREFIX) for rule in rules if "alert" in rule}
    assert alerts == {alert for _, alert in BROUGHT_ABOUT} | NOT_BROUGHT_ABOUT.keys()


@pytest.mark.parametrize(
    ("name", "alert"), BROUGHT_ABOUT, ids=[f"{alert}-{name}" for name, alert in BROUGHT_ABOUT]
)
def test_an_alert_fires_when_its_fault_strikes(seen: Seen, name: str, alert: str) -> None:
    """And not before: its stage ran well for half a minute first."""
    assert (name, alert) in seen.fired, f"{sorted(seen.fired)}, failed: {seen.failed}"


def test_nothing_fires_before_the_faults_nor_where_there_is_none(seen: Seen) -> None:
    """Twenty connectors for half a minute, one to the end, and one that starts with a backlog and is rolled out meanwhile."""
    due = seen.early & OWN_FOLDERS
    due |= {(name, alert) for name, alert in seen.early if name in FAULTS and FAULTS[name].pace == FASTEST}
    due |= {(name, alert) for name, alert in seen.early if alert in UNSCALED and name != ORDINARY}
    if seen.late_s > BUSY_S:
        due |= {(name, alert) for name, alert in seen.early if alert in OF_A_BUSY_MACHINE}
    assert seen.early == due
    assert seen.failed == []
    assert seen.calm_s >= 60


def test_every_rule_is_evaluated_and_every_text_is_filled_in(seen: Seen) -> None:
    """Templates fail without a word: Prometheus writes the error into the text."""
    # Twice within a millisecond, where a busy machine has made evaluations late: the second adds nothing.
    assert set(seen.broken.values()) <= {"duplicate sample for timestamp"}
    for alert, texts in seen.texts.items():
        assert not any(mark in text for text in texts.values() for mark in ("<no value>", "<error")), alert
