"""`/metrics` as a scraper reads it, when everything that can happen has happened: bounded, sound, and as the catalogue says."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import product
from typing import get_args

import pytest
from prometheus_client import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from connector.adapters.catalogue import METRICS, PREFIX, SERIES_NAMES
from connector.adapters.telemetry import Metrics
from connector.adapters.telemetry.labels import (
    CLIENT_CODES_MAX,
    ERROR_TYPES_MAX,
    HOLD_PAIRS,
    RELOADED,
    STATUSES,
    TIERS_MAX,
    CommitResult,
    RebalanceEvent,
    RegistryOperation,
    SecretResult,
)
from connector.adapters.telemetry.values import BOUNDS, PAIRS, VALUES
from connector.core.answers import NetworkError
from connector.core.call_states import ILLEGAL
from connector.core.certificates import CertificateName
from connector.core.dead_letter import REASONS
from connector.core.fetching import FetchResult
from connector.core.held_back import CAUSES
from connector.core.mapping import SkipReason
from connector.core.offset_map import MapRefusal
from connector.core.operations import OPERATIONS
from connector.core.status import BuildInfo, CircuitStatus, HoldStatus, PartitionStatus, PauseReason, Snapshot
from connector.ports import Outcome, Stage

BUDGET = 1500
"""Series a pod, what Prometheus' client adds by itself included."""
TOPICS = ("calls", "messages", "status")
PARTITIONS = 12
APPS = ("main", "emea")
RULES = 5
"""A topic's rules that skip."""
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"

FULL = Snapshot(
    state="running",
    ready=True,
    partitions=tuple(
        PartitionStatus(topic, partition, committed=5, position=8, end=9, unsettled=3, lag_s=2.5)
        for topic in TOPICS
        for partition in range(PARTITIONS)
    ),
    holds=tuple(HoldStatus(scope, reason, "it", 1.0) for scope, reason in HOLD_PAIRS),
    circuits=tuple(CircuitStatus(app, "open", 1.0) for app in APPS),
    reloaded=tuple((kind, True) for kind in RELOADED),
    certificates=tuple((name, 2e9) for name in get_args(CertificateName)),
    throttle_wait_s=dict.fromkeys(CAUSES, 1.5),
    connected_brokers=3,
)


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    """After every fact with every value that it may have, those from outside beyond their bounds."""
    made = Metrics(lambda: FULL, BuildInfo(version="1", revision="a", python="3", librdkafka="2"))
    made.initialise(TOPICS)
    for partition in FULL.partitions:
        made.received(partition.topic, partition.partition, 1)
    for topic in TOPICS:
        _all_of_a_topic(made, topic)
    _all_of_front(made)
    _all_of_the_rest(made)
    return made


def _all_of_a_topic(metrics: Metrics, topic: str) -> None:
    for outcome in get_args(Outcome):
        metrics.settled(topic, outcome, 0.1)
    metrics.accepted_latency(topic, 1.0)
    for reason in get_args(SkipReason):
        for rule in range(RULES if reason == "rule" else 1):
            metrics.skipped(topic, reason, f"{topic} {rule}" if reason == "rule" else None)
    for stage, error_type in _errors():
        metrics.error(topic, stage, error_type)
    for reason in REASONS:
        metrics.dead_lettered(topic, reason)
    metrics.retried(topic)
    metrics.dead_letter_failed(topic)
    metrics.passed_over(topic, 1)


def _errors() -> Iterable[tuple[Stage, str]]:
    """Every stage with the reasons for which it gives up; at Front besides any status that somebody may think of."""
    stages: dict[Stage, tuple[str, ...]] = {
        "decode": ("decode_failed", "schema_missing", "registry_unavailable"),
        "map": ("no_rule", "mapping_failed", "operator_skip"),
        "validate": ("request_invalid", "too_large", "predecessor_dead_lettered"),
        "attach": (*get_args(FetchResult), "attachment_rejected", "attachment_unavailable", "timeout", "connect", "tls"),
        "send": (*REASONS, *get_args(NetworkError), "unauthorized", "forbidden", "wrong_base_url", *map(str, range(600))),
        "dead_letter": ("unwritable",),
    }  # fmt: skip
    return ((stage, error) for stage, errors in stages.items() for error in errors)


def _all_of_front(metrics: Metrics) -> None:
    for operation, status in product(OPERATIONS, (*STATUSES, *map(str, range(100, 600)))):
        metrics.request(operation, status, 0.1)
        metrics.unknown_outcome(operation)
    for tier in range(100):
        metrics.rate_limit(f"tier-{tier}", 5, 4)
    for result in get_args(SecretResult):
        metrics.other_secret(result)
    for fetched in get_args(FetchResult):
        metrics.attachment(fetched, 10)
    for registry, status in product(get_args(RegistryOperation), (*STATUSES, *map(str, range(100, 600)))):
        metrics.registry_request(registry, status, 0.1)
    metrics.clock_skew(1.0)


def _all_of_the_rest(metrics: Metrics) -> None:
    for before, after in ILLEGAL:
        metrics.illegal_transition(before, after)
    for reason in get_args(PauseReason):
        metrics.paused(reason)
    for event in get_args(RebalanceEvent):
        metrics.rebalance(event)
    for result in get_args(CommitResult):
        metrics.commit(result, 0.1)
    for refusal in get_args(MapRefusal):
        metrics.map_refused(refusal)
    for code in range(1000):
        metrics.client_error(f"_CODE_{code}")
    for happened in (
        metrics.possible_duplicate, metrics.stale_settle, metrics.stray_settle, metrics.key_in_two_partitions,
        metrics.channel_row_refused, metrics.map_shed,
    ):  # fmt: skip
        happened()


def _families(metrics: Metrics, accept: str | None) -> list[Family]:
    body = metrics.exposition(accept)[0].decode()
    return list(text_format(body) if accept is None else open_metrics(body))  # type: ignore[no-untyped-call]


both_formats = pytest.mark.parametrize("accept", [None, OPEN_METRICS], ids=["text", "OpenMetrics"])


@both_formats
def test_the_worst_that_can_happen_stays_within_the_budget(metrics: Metrics, accept: str | None) -> None:
    """Three topics of twelve partitions, every known value used and every bound from outside filled: 1,500 series."""
    counted = Counter(sample.name for family in _families(metrics, accept) for sample in family.samples)
    assert counted.total() <= BUDGET, counted.most_common(12)
    # The bounds are met, else this proves nothing.
    assert counted[PREFIX + "kafka_client_errors_total"] == CLIENT_CODES_MAX + 1
    assert counted[PREFIX + "front_rate_limit_limit"] == TIERS_MAX + 1
    assert counted[PREFIX + "front_requests_total"] == len(OPERATIONS) * len(STATUSES)
    assert counted[PREFIX + "consumer_lag_seconds"] == len(TOPICS) * PARTITIONS


@both_formats
def test_every_series_stands_there_once(metrics: Metrics, accept: str | None) -> None:
    """A second sample of the same labels makes Prometheus refuse the scrape."""
    families = _families(metrics, accept)
    assert max(Counter(family.name for family in families).values()) == 1
    series = Counter(
        (sample.name, *sorted(sample.labels.items())) for family in families for sample in family.samples
    )
    assert max(series.values()) == 1


@both_formats
def test_kinds_texts_and_labels_are_those_of_the_catalogue(metrics: Metrics, accept: str | None) -> None:
    """Each family carries what the reference page says of it, and no metric is missing or more."""
    found = {family.name: family for family in _families(metrics, accept) if family.name.startswith(PREFIX)}
    names = {
        metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
        for metric in METRICS.values()
    }
    assert found.keys() == names
    assert {sample.name for family in found.values() for sample in family.samples} == SERIES_NAMES
    for metric in METRICS.values():
        family = found[metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)


def test_every_value_of_a_closed_label_is_a_declared_one(metrics: Metrics) -> None:
    """What the reference page lists is all there is; and with everything happening, all of it was there."""
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for family in _families(metrics, None):
        for sample in family.samples:
            name = sample.name if sample.name in METRICS else family.name
            for label, value in sample.labels.items():
                seen[name, label].add(value)
    closed = {
        (name, label): set(values) for name, labels in VALUES.items() for label, values in labels.items()
    }
    assert {place: seen[place] for place in closed} == closed
    assert all(set(pairs) <= set(product(*VALUES[name].values())) for name, pairs in PAIRS.items())


def test_every_label_is_closed_or_says_what_bounds_it() -> None:
    """Whoever adds a label without a bound is stopped here; and nothing is declared that no metric has."""
    labels = {(metric.name, label) for metric in METRICS.values() for label in metric.labels}
    closed = {(name, label) for name, values in VALUES.items() for label in values}
    assert closed <= labels
    assert {label for _, label in labels - closed} == BOUNDS.keys()


def test_what_is_known_stands_at_zero_from_the_start() -> None:
    """A counter that first appears at 1 shows no increase: every one with closed labels and topics is there at once."""
    made = Metrics(lambda: FULL, BuildInfo(version="1", revision="a", python="3", librdkafka="2"))
    made.initialise(TOPICS)
    counters = [metric for metric in METRICS.values() if metric.kind != "gauge"]
    at_once = {
        metric.name
        for metric in counters
        if all(label == "topic" or label in VALUES.get(metric.name, {}) for label in metric.labels)
    }
    values: dict[str, list[float]] = defaultdict(list)
    for family in _families(made, None):
        for sample in family.samples:
            values[sample.name.removesuffix("_count")].append(sample.value)
    assert all(values[name] for name in at_once)
    throttled = PREFIX + "front_throttle_wait_seconds_total"
    assert not any(any(values[name]) for name in at_once - {throttled})
    assert len(values[PREFIX + "dead_letter_records_total"]) == len(TOPICS) * len(REASONS)
    assert len(values[PREFIX + "illegal_call_transitions_total"]) == len(ILLEGAL)
    # The rest has a label from outside, and comes as it comes.
    assert {metric.name.removeprefix(PREFIX) for metric in counters} - {
        name.removeprefix(PREFIX) for name in at_once
    } == {
        "records_received_total",
        "records_skipped_total",
        "record_errors_total",
        "kafka_client_errors_total",
    }


def test_errors_of_all_kinds_have_room() -> None:
    """Every word that the connector itself uses is told by its name."""
    own = {error for _, error in _errors() if not error.isdecimal()}
    assert len(own) <= ERROR_TYPES_MAX
