"""Gauges that are read from a `Snapshot` when Prometheus scrapes, so that nothing stale can be left behind.

A partition that was revoked is not in the next snapshot, and its series end with it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from connector.adapters.catalogue import METRICS, PREFIX
from connector.adapters.telemetry.labels import CIRCUIT_STATES, HOLD_PAIRS, PAUSE_REASONS, STATES
from connector.core.held_back import CAUSES
from connector.core.status import CircuitStatus, HoldStatus, PartitionStatus, Snapshot


class SnapshotCollector(Collector):
    """Asks for one snapshot a scrape: all gauges of an exposition belong to the same instant."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._topics: set[str] = set()

    def expect_topics(self, topics: Iterable[str]) -> None:
        """Expose these topics' gauges at zero before any partition of theirs is assigned."""
        self._topics.update(topics)

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """One family for each number of the snapshot."""
        now = self._snapshot()
        yield from _process(now)
        yield from _holds(now.holds)
        yield _circuits(now.circuits)
        yield _throttled(now)
        yield from _partitions(now.partitions)
        yield _paused(now.partitions, self._topics)


def _family(name: str) -> GaugeMetricFamily:
    metric = METRICS[PREFIX + name]
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def _single(name: str, value: float | None) -> GaugeMetricFamily:
    family = _family(name)
    family.add_metric((), 0.0 if value is None else float(value))
    return family


def _process(now: Snapshot) -> Iterator[GaugeMetricFamily]:
    yield _single("ready", now.ready)
    state = _family("state")
    for name in STATES:
        state.add_metric((name,), float(name == now.state))
    yield state
    info, reloaded = _family("config_info"), _family("config_last_reload_successful")
    info.add_metric((now.config_hash, now.mappings_hash), 1.0)
    for kind, successful in now.reloaded:
        reloaded.add_metric((kind,), float(successful))
    yield info
    yield reloaded
    certificates = _family("tls_certificate_expiry_timestamp_seconds")
    for certificate, ends in now.certificates:
        certificates.add_metric((certificate,), ends)
    yield certificates
    yield _single("event_loop_lag_seconds", now.loop_lag_s)
    yield _single("records_in_flight", now.in_flight)
    yield _single("records_queued", now.queued)
    yield _single("oldest_in_flight_record_timestamp_seconds", now.oldest_in_flight_wall)
    yield _single("last_record_accepted_timestamp_seconds", now.last_accepted_wall)
    yield _single("blocked_keys", now.blocked_keys)
    yield _single("oldest_blocked_key_timestamp_seconds", now.oldest_blocked_wall)
    yield _single("channel_rows", now.channel_rows)
    yield _single("unknown_channel_lines", now.unknown_lines)
    yield _single("unknown_channel_records", now.records_without_line)
    yield _single("consumer_assigned_partitions", len(now.partitions))
    yield _single("consumer_last_poll_timestamp_seconds", now.last_poll_wall)
    brokers = _family("kafka_connected_brokers")
    if now.connected_brokers is not None:  # 0 would be a claim, and an alert
        brokers.add_metric((), now.connected_brokers)
    yield brokers
    yield _single("lease_remaining_seconds", now.lease_remaining_s)
    yield _single("front_requests_in_flight", now.requests_in_flight)
    yield _single("schema_cache_entries", now.schema_cache_entries)


def _holds(holds: Iterable[HoldStatus]) -> Iterator[GaugeMetricFamily]:
    since: dict[tuple[str, str], list[float]] = {pair: [] for pair in HOLD_PAIRS}
    for hold in holds:
        since.setdefault((hold.scope, hold.reason), []).append(hold.since_wall)
    count, started = _family("holds"), _family("hold_started_timestamp_seconds")
    for pair, times in since.items():
        count.add_metric(pair, len(times))
        started.add_metric(pair, min(times, default=0.0))
    yield count
    yield started


def _circuits(circuits: Iterable[CircuitStatus]) -> GaugeMetricFamily:
    family = _family("front_circuit_state")
    for circuit in circuits:
        for state in CIRCUIT_STATES:
            family.add_metric((circuit.app, state), float(state == circuit.state))
    return family


def _throttled(now: Snapshot) -> CounterMetricFamily:
    metric = METRICS[PREFIX + "front_throttle_wait_seconds_total"]
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for cause in CAUSES:
        family.add_metric((cause,), now.throttle_wait_s.get(cause, 0.0))
    return family


def _partitions(partitions: Iterable[PartitionStatus]) -> Iterator[GaugeMetricFamily]:
    families: dict[str, Callable[[PartitionStatus], float | None]] = {
        "consumer_lag_records": lambda p: p.lag,
        "consumer_committed_offset": lambda p: p.committed,
        "consumer_position_offset": lambda p: p.position,
        "consumer_end_offset": lambda p: p.end,
        "consumer_unsettled_records": lambda p: p.unsettled,
        "consumer_lag_seconds": lambda p: p.lag_s,
    }
    partitions = tuple(partitions)
    for name, read in families.items():
        family = _family(name)
        for partition in partitions:
            value = read(partition)
            if value is not None:  # not known yet: no series is honest, 0 would be a claim
                family.add_metric((partition.topic, str(partition.partition)), float(value))
        yield family


def _paused(partitions: Iterable[PartitionStatus], topics: Iterable[str]) -> GaugeMetricFamily:
    partitions = tuple(partitions)
    paused = Counter((p.topic, p.paused_reason) for p in partitions)
    family = _family("consumer_paused_partitions")
    for topic in sorted({*topics, *(p.topic for p in partitions)}):
        for reason in PAUSE_REASONS:
            family.add_metric((topic, reason), paused[topic, reason])
    return family
