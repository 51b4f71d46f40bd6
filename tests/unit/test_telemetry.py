"""Metrics and logs as a scraper and a log collector see them: real exposition text, real lines."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from connector.adapters.catalogue import METRICS, PREFIX, SERIES_NAMES
from connector.adapters.telemetry import Metrics
from connector.adapters.telemetry.labels import CLIENT_CODES_MAX, HOLD_PAIRS
from connector.core.status import BuildInfo, CircuitStatus, HoldStatus, PartitionStatus, Snapshot

BUILD = BuildInfo(version="1.2.3", revision="abc", python="3.12.1", librdkafka="2.16.0")
QUIET = Snapshot(state="running", ready=True)
CANARY = "+15550100-canary"


class Scene:
    """Metrics over a snapshot that a test may replace."""

    def __init__(self, snapshot: Snapshot = QUIET) -> None:
        self.snapshot = snapshot
        self.metrics = Metrics(lambda: self.snapshot, BUILD)

    def samples(self) -> list[Sample]:
        text = self.metrics.exposition(None)[0].decode()
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def value(self, name: str, **labels: str) -> float | None:
        """The sample of exactly these labels, or None if it is not exposed."""
        found = [s.value for s in self.samples() if s.name == PREFIX + name and s.labels == labels]
        assert len(found) <= 1
        return found[0] if found else None


@pytest.fixture
def scene() -> Scene:
    return Scene()


def _three_topics_of_twelve() -> tuple[PartitionStatus, ...]:
    return tuple(
        PartitionStatus(f"t{t}", p, committed=5, position=8, end=9, unsettled=3, lag_s=2.5)
        for t in range(3)
        for p in range(12)
    )


def test_every_metric_of_the_catalogue_is_exposed_and_no_other(scene: Scene) -> None:
    """What the catalogue promises is what a scraper finds, once each fact has happened."""
    scene.snapshot = replace(
        QUIET,
        partitions=_three_topics_of_twelve(),
        holds=(HoldStatus("app", "unauthorized", "main", 1.0),),
        circuits=(CircuitStatus("main", "closed"),),
        reloaded=(("mapping", True),),
        certificates=(("front_ca", 2_000_000_000.0),),
        connected_brokers=3,
    )
    _everything_happens(scene.metrics)
    exposed = {sample.name for sample in scene.samples() if sample.name.startswith(PREFIX)}
    assert exposed == SERIES_NAMES


def test_the_mappings_in_use_are_shown_and_those_before_are_not(scene: Scene) -> None:
    """A swap changes the hash: the old series ends with it; and whether the newest files were of use is shown by kind."""
    scene.snapshot = replace(QUIET, config_hash="c", mappings_hash="m1")
    assert scene.value("config_info", config_hash="c", mappings_hash="m1") == 1
    reloaded = (("channels", True), ("mapping", False))
    scene.snapshot = replace(QUIET, config_hash="c", mappings_hash="m2", reloaded=reloaded)
    assert scene.value("config_info", config_hash="c", mappings_hash="m2") == 1
    assert len([sample for sample in scene.samples() if sample.name == f"{PREFIX}config_info"]) == 1
    assert scene.value("config_last_reload_successful", kind="channels") == 1
    assert scene.value("config_last_reload_successful", kind="mapping") == 0


def test_types_and_help_come_from_the_catalogue(scene: Scene) -> None:
    """Each family carries the kind and the meaning that the catalogue states."""
    _everything_happens(scene.metrics)
    text = scene.metrics.exposition(None)[0].decode()
    for metric in METRICS.values():
        assert f"# TYPE {metric.name} {metric.kind}\n" in text
        assert f"# HELP {metric.name} {metric.help}\n" in text


def test_sixty_seconds_is_a_boundary_of_the_freshness_histogram(scene: Scene) -> None:
    """The freshness objective reads `le="60.0"`, in exactly this spelling."""
    scene.metrics.accepted_latency("t", 60.0)
    scene.metrics.accepted_latency("t", 60.1)
    assert scene.value("record_end_to_end_latency_seconds_bucket", topic="t", le="60.0") == 1


def test_counters_stand_at_zero_before_anything_happens(scene: Scene) -> None:
    """A first dead letter must be an increase from 0, or the alert on it stays silent."""
    scene.metrics.initialise(["calls"])
    assert scene.value("dead_letter_records_total", topic="calls", reason="front_rejected") == 0
    assert scene.value("records_processed_total", topic="calls", outcome="accepted") == 0
    assert scene.value("unknown_outcomes_total", operation="create-call") == 0
    assert scene.value("consumer_commits_total", result="error") == 0
    assert scene.value("maps_refused_total", reason="checksum") == 0
    assert scene.value("illegal_call_transitions_total", **{"from": "ringing", "to": "hangup"}) == 0
    assert scene.value("consumer_paused_partitions", topic="calls", reason="hold") == 0


def test_a_settled_record_is_counted_once_and_timed(scene: Scene) -> None:
    """One settle: one outcome, one observation."""
    scene.metrics.settled("calls", "accepted", 0.2)
    assert scene.value("records_processed_total", topic="calls", outcome="accepted") == 1
    assert scene.value("record_processing_duration_seconds_count", topic="calls") == 1
    assert scene.value("record_processing_duration_seconds_sum", topic="calls") == pytest.approx(0.2)


def test_a_key_in_two_partitions_is_counted(scene: Scene) -> None:
    """From 0: nothing counted is a claim too."""
    assert scene.value("order_key_in_two_partitions_total") == 0
    scene.metrics.key_in_two_partitions()
    assert scene.value("order_key_in_two_partitions_total") == 1


def test_a_record_from_the_future_counts_as_fresh(scene: Scene) -> None:
    """A producer's clock ahead of ours gives a latency of 0, never a negative sum."""
    scene.metrics.accepted_latency("calls", -5.0)
    assert scene.value("record_end_to_end_latency_seconds_sum", topic="calls") == 0


def test_state_is_one_hot_over_all_states() -> None:
    """Exactly one state is 1, and each of the seven is always there."""
    scene = Scene(replace(QUIET, state="held_auth", ready=False))
    states = {s.labels["state"]: s.value for s in scene.samples() if s.name == PREFIX + "state"}
    assert len(states) == 7
    assert [name for name, value in states.items() if value == 1] == ["held_auth"]
    assert scene.value("ready") == 0


def test_gauges_follow_the_snapshot_of_the_moment_of_the_scrape(scene: Scene) -> None:
    """A revoked partition's series end with its assignment; nothing stale stays behind."""
    owned = PartitionStatus("calls", 3, committed=10, position=14, end=20, unsettled=4, paused_reason="hold")
    scene.snapshot = replace(QUIET, partitions=(owned,))
    assert scene.value("consumer_lag_records", topic="calls", partition="3") == 10
    assert scene.value("consumer_position_offset", topic="calls", partition="3") == 14
    assert scene.value("consumer_unsettled_records", topic="calls", partition="3") == 4
    assert scene.value("consumer_paused_partitions", topic="calls", reason="hold") == 1
    assert scene.value("consumer_assigned_partitions") == 1
    scene.snapshot = QUIET
    assert scene.value("consumer_lag_records", topic="calls", partition="3") is None
    assert scene.value("consumer_assigned_partitions") == 0


def test_an_offset_that_is_not_known_has_no_series(scene: Scene) -> None:
    """Zero would be a claim; absence says that nobody knows yet. A known 0 is shown."""
    scene.snapshot = replace(QUIET, partitions=(PartitionStatus("calls", 0, committed=0),))
    assert scene.value("consumer_committed_offset", topic="calls", partition="0") == 0
    assert scene.value("consumer_end_offset", topic="calls", partition="0") is None
    assert scene.value("consumer_lag_records", topic="calls", partition="0") is None


def test_holds_are_counted_with_the_age_of_the_oldest(scene: Scene) -> None:
    """Two held channels are one series of 2, since the earlier; every other pair stands at 0."""
    scene.snapshot = replace(
        QUIET,
        holds=(
            HoldStatus("channel", "forbidden", "cha_2", 200.0),
            HoldStatus("channel", "forbidden", "cha_1", 100.0),
        ),
    )
    assert scene.value("holds", scope="channel", reason="forbidden") == 2
    assert scene.value("hold_started_timestamp_seconds", scope="channel", reason="forbidden") == 100
    others = [s for s in scene.samples() if s.name == PREFIX + "holds" and s.value == 0]
    assert len(others) == len(HOLD_PAIRS) - 1


def test_brk_09_the_circuit_of_each_app_is_one_hot(scene: Scene) -> None:
    """Every app is exposed, in exactly one of three states."""
    circuits = (CircuitStatus("main", "half_open", 100.0), CircuitStatus("second", "closed"))
    scene.snapshot = replace(QUIET, circuits=circuits)
    for app, expected in (("main", "half_open"), ("second", "closed")):
        values = {
            state: scene.value("front_circuit_state", app=app, state=state)
            for state in ("closed", "half_open", "open")
        }
        assert values == {state: float(state == expected) for state in values}


def test_labels_chosen_outside_cannot_grow_without_end(scene: Scene) -> None:
    """A far side that invents codes fills its bound and then lands in "other"."""
    for n in range(600):
        scene.metrics.client_error(f"_CODE_{n}")
        scene.metrics.rate_limit(f"tier-{n}", 5, 4)
        scene.metrics.request("create-call", str(n), 0.1)
        scene.metrics.error("calls", "send", f"kind-{n}")
    for name in ("kafka_client_errors_total", "front_rate_limit_limit", "front_requests_total"):
        assert len([s for s in scene.samples() if s.name == PREFIX + name]) <= 65
    assert scene.value("kafka_client_errors_total", code="other") == 600 - CLIENT_CODES_MAX
    assert scene.value("kafka_client_errors_total", code="_CODE_0") == 1


def test_a_status_that_nobody_expects_is_counted_as_its_class(scene: Scene) -> None:
    """A proxy's 520 is found by a rule's `5..`; known ones keep their number however many others came before."""
    for status in (*map(str, range(520, 530)), "503", "307", "99", "abc", "timeout"):
        scene.metrics.request("create-call", status, 0.1)
        scene.metrics.registry_request("by_id", status, 0.1)
    for name, operation in (
        ("front_requests_total", "create-call"),
        ("schema_registry_requests_total", "by_id"),
    ):
        counted = {
            status: scene.value(name, operation=operation, status=status)
            for status in ("5xx", "503", "3xx", "other", "timeout")
        }
        assert counted == {"5xx": 10, "503": 1, "3xx": 1, "other": 2, "timeout": 1}


def test_no_creation_times_are_exposed(scene: Scene) -> None:
    """`_created` series would double every counter."""
    scene.metrics.stale_settle()
    assert not [s.name for s in scene.samples() if s.name.endswith("_created")]


def test_two_instances_share_nothing() -> None:
    """Each has its own registry, so a test or an embedded demo cannot count for another."""
    first, second = Scene(), Scene()
    first.metrics.possible_duplicate()
    assert first.value("possible_duplicates_total") == 1
    assert second.value("possible_duplicates_total") == 0


def test_the_scraper_chooses_the_format(scene: Scene) -> None:
    """OpenMetrics when `Accept` asks for it, ending as that format must; else the older text."""
    body, content_type = scene.metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert scene.metrics.exposition("text/html")[1].startswith("text/plain")


def _everything_happens(metrics: Metrics) -> None:
    metrics.initialise(["t0"])
    metrics.received("t0", 0, 2)
    metrics.settled("t0", "accepted", 0.1)
    metrics.accepted_latency("t0", 1.0)
    metrics.skipped("t0", "rule", "an echo")
    metrics.illegal_transition("ringing", "hangup")
    metrics.error("t0", "send", "timeout")
    metrics.retried("t0")
    metrics.dead_lettered("t0", "front_rejected")
    metrics.dead_letter_failed("t0")
    metrics.request("create-call", "202", 0.1)
    metrics.unknown_outcome("create-call")
    metrics.possible_duplicate()
    metrics.stale_settle()
    metrics.commit("ok", 0.01)
    metrics.rebalance("assigned")
    metrics.paused("hold")
    metrics.map_refused("version")
    metrics.client_error("_TRANSPORT")
    metrics.registry_request("by_id", "200", 0.01)
    metrics.rate_limit("company", 50, 49)
    metrics.clock_skew(-0.5)
