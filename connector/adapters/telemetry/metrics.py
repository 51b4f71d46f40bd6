"""The metrics of one process: typed facts go in, Prometheus' text comes out.

Callers say what happened (`settled`, `retried`); names and labels are this module's business, and every one
stands in the catalogue. Counters and histograms are kept here; gauges are read from a snapshot at a scrape.
Called from the event loop only. No method blocks, awaits or raises for a value that production can bring.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from connector.adapters.catalogue import METRICS, PREFIX
from connector.adapters.telemetry.labels import (
    CLIENT_CODES_MAX,
    ERROR_TYPES_MAX,
    RULES_MAX,
    TIERS_MAX,
    BoundedLabel,
    CommitResult,
    RebalanceEvent,
    RegistryOperation,
    SecretResult,
    status_label,
)
from connector.adapters.telemetry.scrape import SnapshotCollector
from connector.adapters.telemetry.values import AT_FIRST, PAIRS, VALUES
from connector.core.call_states import CallStatus
from connector.core.dead_letter import Reason
from connector.core.fetching import FetchResult
from connector.core.mapping import SkipReason
from connector.core.offset_map import MapRefusal
from connector.core.status import BuildInfo, PauseReason, Snapshot
from connector.ports import Outcome, Stage


class Metrics:
    """The process's registry, private so that two instances in one interpreter share nothing."""

    def __init__(self, snapshot: Callable[[], Snapshot], build: BuildInfo) -> None:
        # Else each counter has a second series, its creation time, that nothing of ours reads. Process-wide.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._scrape = SnapshotCollector(snapshot)
        self._registry.register(self._scrape)
        self._families: dict[str, Counter | Histogram] = {}
        """By full name."""

        # Written for every record: `labels` takes a lock and builds its key anew each time, a cache does neither. What bounds
        # the labels bounds the caches.
        self._received = cache(self._counter("records_received_total").labels)
        self._processed = cache(self._counter("records_processed_total").labels)
        self._skipped = cache(self._counter("records_skipped_total").labels)
        self._errors = self._counter("record_errors_total")
        self._retries = self._counter("record_retries_total")
        self._dead_letters = self._counter("dead_letter_records_total")
        self._dead_letter_failures = self._counter("dead_letter_failures_total")
        self._processing = cache(self._histogram("record_processing_duration_seconds").labels)
        self._latency = cache(self._histogram("record_end_to_end_latency_seconds").labels)
        self._possible_duplicates = self._counter("possible_duplicates_total")
        self._stale_settles = self._counter("stale_settles_total")
        self._stray_settles = self._counter("stray_settles_total")
        self._keys_in_two_partitions = self._counter("order_key_in_two_partitions_total")

        self._illegal_transitions = self._counter("illegal_call_transitions_total")
        self._channel_rows_refused = self._counter("channel_rows_refused_total")
        self._passed_over = self._counter("records_passed_over_total")
        self._pauses = self._counter("consumer_pauses_total")
        self._rebalances = self._counter("consumer_rebalances_total")
        self._commits = self._counter("consumer_commits_total")
        self._commit_duration = self._histogram("consumer_commit_duration_seconds")
        self._maps_refused = self._counter("maps_refused_total")
        self._maps_shed = self._counter("map_shed_total")
        self._client_errors = self._counter("kafka_client_errors_total")

        self._requests = cache(self._counter("front_requests_total").labels)
        self._request_duration = cache(self._histogram("front_request_duration_seconds").labels)
        self._limit_remaining = cache(self._gauge("front_rate_limit_remaining").labels)
        self._limit = cache(self._gauge("front_rate_limit_limit").labels)
        self._unknown_outcomes = self._counter("unknown_outcomes_total")
        self._clock_skew = self._gauge("clock_skew_seconds")
        self._other_secret = self._counter("front_other_secret_tries_total")
        self._attachments = self._counter("attachments_total")
        self._attachment_size = self._histogram("attachment_size_bytes")
        self._registry_requests = self._counter("schema_registry_requests_total")
        self._registry_duration = self._histogram("schema_registry_request_duration_seconds")

        self._known_error = BoundedLabel(ERROR_TYPES_MAX)
        self._known_code = BoundedLabel(CLIENT_CODES_MAX)
        self._known_rule = BoundedLabel(RULES_MAX)
        self._known_tier = BoundedLabel(TIERS_MAX)

        self._gauge("build_info").labels(build.version, build.revision, build.python, build.librdkafka).set(1)
        self._start_at_zero({})

    def initialise(self, topics: Iterable[str]) -> None:
        """Expose what can be counted of these source topics, at zero; before the first record.

        A counter that first appears at 1 shows no increase, so the first dead letter would alert nobody.
        """
        known = {"topic": tuple(topics)}
        self._scrape.expect_topics(known["topic"])
        self._start_at_zero(known)

    def exposition(self, accept: str | None) -> tuple[bytes, str]:
        """Everything as text: the body and its content type, chosen by the scraper's `Accept` header."""
        encode, content_type = choose_encoder(accept or "")
        return encode(self._registry), content_type

    # Records

    def received(self, topic: str, partition: int, n: int) -> None:
        """A poll brought `n` records of this partition."""
        self._received(topic, str(partition)).inc(n)

    def settled(self, topic: str, outcome: Outcome, took_s: float, trace_id: str | None = None) -> None:
        """A record reached its end, `took_s` seconds after it was taken in hand. `trace_id`: of its span, if it is kept."""
        self._processed(topic, outcome).inc()
        self._processing(topic).observe(took_s, _exemplar(trace_id))

    def skipped(self, topic: str, reason: SkipReason, rule: str | None) -> None:
        """A record is passed over on purpose; `rule` says so, if one does."""
        self._skipped(topic, reason, self._known_rule(rule or "")).inc()

    def accepted_latency(self, topic: str, seconds: float, trace_id: str | None = None) -> None:
        """Front accepted a record this long after its Kafka timestamp; below 0 (clocks apart) counts as 0."""
        self._latency(topic).observe(max(0.0, seconds), _exemplar(trace_id))

    def error(self, topic: str, stage: Stage, error_type: str) -> None:
        """An attempt failed. `error_type` is a short fixed word, never an exception's text."""
        error_type = status_label(error_type) if error_type.isdecimal() else self._known_error(error_type)
        self._errors.labels(topic, stage, error_type).inc()

    def retried(self, topic: str) -> None:
        """An attempt after the first has started."""
        self._retries.labels(topic).inc()

    def dead_lettered(self, topic: str, reason: Reason) -> None:
        """The dead-letter topic acknowledged a record of this source topic."""
        self._dead_letters.labels(topic, reason).inc()

    def dead_letter_failed(self, topic: str) -> None:
        """A dead letter could not be written this time."""
        self._dead_letter_failures.labels(topic).inc()

    def possible_duplicate(self) -> None:
        """A request goes out again although Front may have carried out the earlier one."""
        self._possible_duplicates.inc()

    def stale_settle(self) -> None:
        """An answer came for an assignment that has ended."""
        self._stale_settles.inc()

    def stray_settle(self) -> None:
        """A record settled that its ledger does not wait for."""
        self._stray_settles.inc()

    def key_in_two_partitions(self) -> None:
        """An order key that was seen in one partition came from another."""
        self._keys_in_two_partitions.inc()

    def illegal_transition(self, before: CallStatus, after: CallStatus) -> None:
        """A request would change a call's state in a way that Front drops."""
        self._illegal_transitions.labels(before, after).inc()

    def channel_row_refused(self) -> None:
        """A record of the channels topic is no valid row."""
        self._channel_rows_refused.inc()

    # Consumer

    def passed_over(self, topic: str, records: int) -> None:
        """Records that will never be read."""
        self._passed_over.labels(topic).inc(records)

    def commit(self, result: CommitResult, took_s: float) -> None:
        """The coordinator answered a commit."""
        self._commits.labels(result).inc()
        self._commit_duration.observe(took_s)

    def rebalance(self, event: RebalanceEvent) -> None:
        """The assignment changed."""
        self._rebalances.labels(event).inc()

    def paused(self, reason: PauseReason) -> None:
        """Partitions were paused."""
        self._pauses.labels(reason).inc()

    def map_refused(self, reason: MapRefusal) -> None:
        """A map found in a commit's metadata was not believed."""
        self._maps_refused.labels(reason).inc()

    def map_shed(self) -> None:
        """A commit's map had no room for all that has settled."""
        self._maps_shed.inc()

    def client_error(self, code: str) -> None:
        """librdkafka reported an error, by its symbolic name."""
        self._client_errors.labels(self._known_code(code)).inc()

    # Front and the registry

    def request(self, operation: str, status: str, took_s: float, trace_id: str | None = None) -> None:
        """One attempt at Front ended. `status` is the HTTP code, or timeout, connect, tls or protocol."""
        self._requests(operation, status_label(status)).inc()
        self._request_duration(operation).observe(took_s, _exemplar(trace_id))

    def unknown_outcome(self, operation: str) -> None:
        """An attempt ended without an answer, and Front may have carried it out."""
        self._unknown_outcomes.labels(operation).inc()

    def rate_limit(self, tier: str, limit: int, remaining: int) -> None:
        """Front said how much of a limit is left."""
        tier = self._known_tier(tier)
        self._limit(tier).set(limit)
        self._limit_remaining(tier).set(remaining)

    def clock_skew(self, seconds: float) -> None:
        """This machine's clock less Front's, signed."""
        self._clock_skew.set(seconds)

    def other_secret(self, result: SecretResult) -> None:
        """After a 401 the other secret of an app was tried."""
        self._other_secret.labels(result).inc()

    def attachment(self, result: FetchResult, size: int | None) -> None:
        """One attempt to fetch a file ended; `size` in bytes if it is here."""
        self._attachments.labels(result).inc()
        if size is not None:
            self._attachment_size.observe(size)

    def registry_request(self, operation: RegistryOperation, status: str, took_s: float) -> None:
        """One request to the schema registry ended."""
        self._registry_requests.labels(operation, status_label(status)).inc()
        self._registry_duration.observe(took_s)

    # Construction

    def _start_at_zero(self, known: Mapping[str, tuple[str, ...]]) -> None:
        """Every series of the families whose labels are closed, or among those known now."""
        for name, family in self._families.items():
            labels, closed = METRICS[name].labels, {**VALUES.get(name, {}), **AT_FIRST.get(name, {}), **known}
            if not labels or not closed.keys() >= set(labels):
                continue
            for values in PAIRS.get(name) or itertools.product(*(closed[label] for label in labels)):
                family.labels(*values)

    def _counter(self, name: str) -> Counter:
        metric = METRICS[PREFIX + name]
        family = Counter(metric.name, metric.help, metric.labels, registry=self._registry)
        self._families[metric.name] = family
        return family

    def _gauge(self, name: str) -> Gauge:
        metric = METRICS[PREFIX + name]
        return Gauge(metric.name, metric.help, metric.labels, registry=self._registry)

    def _histogram(self, name: str) -> Histogram:
        metric = METRICS[PREFIX + name]
        family = Histogram(
            metric.name, metric.help, metric.labels, registry=self._registry, buckets=metric.buckets
        )
        self._families[metric.name] = family
        return family


def _exemplar(trace_id: str | None) -> dict[str, str] | None:
    """Beside a bucket's count, one trace that fell into it (OpenMetrics, "Exemplars"). The text format has none."""
    return None if trace_id is None else {"trace_id": trace_id}
