"""Metrics of records that are passed over, and of changes of a call's state that Front drops."""

from connector.adapters.catalogue import PREFIX
from connector.core.call_states import ILLEGAL
from tests.unit.test_telemetry import Scene


def test_a_skip_is_counted_by_its_rule_and_why() -> None:
    """Without a rule where none was asked."""
    scene = Scene()
    for rule in ("an echo", "an echo", None):
        scene.metrics.skipped("calls", "rule" if rule else "max_age", rule)
    assert scene.value("records_skipped_total", topic="calls", reason="rule", mapping="an echo") == 2
    assert scene.value("records_skipped_total", topic="calls", reason="max_age", mapping="") == 1


def test_every_change_that_front_drops_has_its_counter_and_no_other() -> None:
    """Eight states: at most 64 series, and none for a change that is legal."""
    scene = Scene()
    scene.metrics.illegal_transition("hangup", "connected")
    found = {
        (s.labels["from"], s.labels["to"]): s.value
        for s in scene.samples()
        if s.name == f"{PREFIX}illegal_call_transitions_total"
    }
    assert set(found) == set(ILLEGAL)
    assert found["hangup", "connected"] == sum(found.values()) == 1


def test_rules_cannot_make_series_without_end() -> None:
    """Mappings are read anew while it runs: names beyond the bound are told together."""
    scene = Scene()
    for n in range(501):
        scene.metrics.skipped("calls", "rule", f"rule {n}")
    assert scene.value("records_skipped_total", topic="calls", reason="rule", mapping="rule 499") == 1
    assert scene.value("records_skipped_total", topic="calls", reason="rule", mapping="other") == 1
