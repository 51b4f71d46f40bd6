"""Every metric of the connector, as data: name, kind, labels, meaning, buckets.

The one list that the code, the dashboard, the alerts and the reference page are checked against. Nothing is
measured here. Base units; `_total` on counters; `_timestamp_seconds` is Unix time, 0 standing for "none"
because a gauge cannot be absent (rules guard with `> 0`). Label values are closed sets or bounded:
never a key, an offset, a handle, a URL or the text of an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]

PREFIX = "front_connector_"


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. `name` is what Prometheus stores; a histogram adds `_bucket`, `_sum` and `_count` to it."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()

    @property
    def series_names(self) -> frozenset[str]:
        """The names that a query may use."""
        if self.kind == "histogram":
            return frozenset(self.name + suffix for suffix in ("_bucket", "_sum", "_count"))
        return frozenset({self.name})


_PROCESSING_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
# 60 s is the freshness objective: it must stay a boundary, or the objective cannot be read from the buckets.
_END_TO_END_S = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)
_FRONT_REQUEST_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)
_FILE_BYTES = (1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 25000000.0)
_ROUND_TRIP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(PREFIX + name, "gauge", labels, text)


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(PREFIX + name, "counter", labels, text)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(PREFIX + name, "histogram", labels, text, buckets)


_PROCESS = (
    _gauge("build_info", "Always 1: what runs.", "version", "revision", "python", "librdkafka"),
    _gauge("ready", "1 while /readyz answers 200."),
    _gauge("state", "1 for the state that the process is in, 0 for the others.", "state"),
    _gauge(
        "config_info",
        "Always 1: hashes of the settings without secrets, and of the mappings in use.",
        "config_hash",
        "mappings_hash",
    ),
    _gauge(
        "config_last_reload_successful",
        "0 when what was last read anew was refused: what was there before is in use.",
        "kind",
    ),
    _gauge(
        "event_loop_lag_seconds",
        "By how much a timer of 100 ms came late at worst, over the last 30 s; a scrape does not reset it.",
    ),
    _gauge(
        "tls_certificate_expiry_timestamp_seconds",
        "When the first certificate of a configured client certificate or CA file ends.",
        "name",
    ),
)

_RECORDS = (
    _counter(
        "records_received_total",
        "Records taken from Kafka; redeliveries count again.",
        "topic",
        "partition",
    ),
    _counter(
        "records_processed_total",
        "Settled records, once each. Accepted means that Front answered 2xx, not that it delivered.",
        "topic",
        "outcome",
    ),
    _counter(
        "records_skipped_total",
        "Records passed over on purpose, by the reason; `mapping` is the rule that says so, or the Python mapper.",
        "topic",
        "reason",
        "mapping",
    ),
    _counter(
        "record_errors_total",
        "Failed attempts at a record, by the step that failed.",
        "topic",
        "stage",
        "error_type",
    ),
    _counter("record_retries_total", "Attempts after the first.", "topic"),
    _counter(
        "dead_letter_records_total",
        "Records that the dead-letter topic acknowledged, by source topic.",
        "topic",
        "reason",
    ),
    _counter(
        "dead_letter_failures_total",
        "Dead letters that could not be written; they are tried again.",
        "topic",
    ),
    _histogram(
        "record_processing_duration_seconds",
        "From taken in hand to settled; retries, holds and throttling included.",
        _PROCESSING_S,
        "topic",
    ),
    _histogram(
        "record_end_to_end_latency_seconds",
        "From the record's Kafka timestamp to Front's 2xx; accepted records only.",
        _END_TO_END_S,
        "topic",
    ),
    _gauge("records_in_flight", "Records being worked on."),
    _gauge("records_queued", "Records fetched and waiting for their turn."),
    _gauge(
        "oldest_in_flight_record_timestamp_seconds",
        "Since when the oldest record is worked on that has not failed; 0 = none. Its own Kafka timestamp may be older.",
    ),
    _gauge("last_record_accepted_timestamp_seconds", "When Front last accepted a record; 0 = none yet."),
    _gauge("blocked_keys", "Order keys whose first record waits after a failure or in a hold."),
    _gauge("oldest_blocked_key_timestamp_seconds", "Since when the oldest blocked key waits; 0 = none."),
    _counter(
        "illegal_call_transitions_total",
        "Changes of a call's state that Front is known to drop, as they were about to be sent.",
        "from",
        "to",
    ),
    _gauge("channel_rows", "Rows of the channel directory that are in force."),
    _counter("channel_rows_refused_total", "Records of the channels topic that are no valid row."),
    _gauge(
        "unknown_channel_lines",
        "Lines without a row in the channel directory for which records wait, counted in each partition.",
    ),
    _gauge("unknown_channel_records", "Records that wait for such a row, or behind one that does."),
    _gauge("holds", "How many hold now.", "scope", "reason"),
    _gauge(
        "hold_started_timestamp_seconds",
        "Since when the oldest hold lasts; 0 = none.",
        "scope",
        "reason",
    ),
    _counter(
        "possible_duplicates_total",
        "Requests sent again although Front may have carried out an earlier one.",
    ),
    _counter("stale_settles_total", "Answers for an assignment that has ended; dropped."),
    _counter("stray_settles_total", "Records that settled a second time; dropped, and a sign of a defect."),
    _counter(
        "order_key_in_two_partitions_total",
        "Keys seen in two partitions, which have no order between them; of a sample of one key in 16.",
    ),
)

_CONSUMER = (
    _gauge(
        "consumer_lag_records",
        "End offset minus committed offset: everything above one held record counts.",
        "topic",
        "partition",
    ),
    _gauge("consumer_committed_offset", "The next offset to read after a restart.", "topic", "partition"),
    _gauge("consumer_position_offset", "The next offset to fetch.", "topic", "partition"),
    _gauge("consumer_end_offset", "The last stable offset of the partition.", "topic", "partition"),
    _gauge("consumer_unsettled_records", "Records known and not settled.", "topic", "partition"),
    _gauge(
        "consumer_lag_seconds",
        "Age of the first unsettled record by its Kafka timestamp; 0 = all is settled.",
        "topic",
        "partition",
    ),
    _gauge("consumer_assigned_partitions", "Partitions that this process owns."),
    _gauge("consumer_paused_partitions", "Partitions that are not being fetched.", "topic", "reason"),
    _counter("consumer_pauses_total", "Pauses; each throws away what was prefetched.", "reason"),
    _counter("consumer_rebalances_total", "Changes of the assignment.", "event"),
    _counter("consumer_commits_total", "Commits, by the coordinator's answer.", "result"),
    _histogram("consumer_commit_duration_seconds", "One commit, from sent to answered.", _ROUND_TRIP_S),
    _gauge(
        "consumer_last_poll_timestamp_seconds",
        "When a poll last returned, records or none; 0 = not yet.",
    ),
    _gauge(
        "lease_remaining_seconds",
        "For how long requests may start without another acknowledged commit; below 0 none starts, 0 without assignment.",
    ),
    _counter(
        "map_shed_total", "Commits whose map had no room for all that has settled: a crash repeats more."
    ),
    _counter(
        "records_passed_over_total",
        "Offsets never read: gone from the log, or before where on_missing_offset began.",
        "topic",
    ),
    _counter("maps_refused_total", "Maps of settled offsets that were not believed.", "reason"),
    _counter("kafka_client_errors_total", "Errors reported by librdkafka, by symbolic name.", "code"),
    _gauge("kafka_connected_brokers", "Brokers that the consumer is connected to, as librdkafka last said."),
)

_FRONT = (
    _counter(
        "front_requests_total",
        "Attempts at Front, by HTTP status or kind of failure. 202 is accepted, not delivered.",
        "operation",
        "status",
    ),
    _histogram(
        "front_request_duration_seconds",
        "One attempt, without waiting for quota.",
        _FRONT_REQUEST_S,
        "operation",
    ),
    _gauge("front_requests_in_flight", "Requests sent and not answered."),
    _gauge(
        "front_circuit_state",
        "1 for the state that the circuit of an app's base URL is in: closed, half_open, open.",
        "app",
        "state",
    ),
    _gauge("front_rate_limit_remaining", "Requests left in the window, as Front last said.", "tier"),
    _gauge("front_rate_limit_limit", "Requests allowed in the window, as Front last said.", "tier"),
    _counter(
        "front_throttle_wait_seconds_total",
        "Wall time in which at least one request was held back, so at most 1 s a second; a 429 is the cause retry_after.",
        "cause",
    ),
    _counter(
        "unknown_outcomes_total",
        "Attempts without an answer that Front may have carried out.",
        "operation",
    ),
    _gauge(
        "clock_skew_seconds",
        "This machine's clock less Front's, estimated from Date headers; 0 while they may agree.",
    ),
    _counter(
        "front_other_secret_tries_total",
        "Attempts with the other secret of an app after a 401, around a change of its secret.",
        "result",
    ),
    _counter("attachments_total", "Attempts to fetch a file that a record only names.", "result"),
    _histogram("attachment_size_bytes", "Size of a file that was fetched.", _FILE_BYTES),
)

_REGISTRY = (
    _counter("schema_registry_requests_total", "Requests to the registry.", "operation", "status"),
    _histogram("schema_registry_request_duration_seconds", "One request to the registry.", _ROUND_TRIP_S),
    _gauge("schema_cache_entries", "Schemas held in memory."),
)

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in (*_PROCESS, *_RECORDS, *_CONSUMER, *_FRONT, *_REGISTRY)}
)
"""The whole catalogue, by full name."""

SERIES_NAMES: frozenset[str] = frozenset().union(*(metric.series_names for metric in METRICS.values()))
"""Every name that a query on these metrics may use."""
