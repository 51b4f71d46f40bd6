"""What the process is doing, as one value: probes, gauges and the status page are read from it.

Whoever holds the moving parts builds a `Snapshot` when asked; nothing here measures, reads a clock or acts.
Times ending in `_wall` are Unix seconds. Absence is None: offset 0 and no known offset differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from connector.core import holds
from connector.core.certificates import CertificateName
from connector.core.circuit import CircuitState
from connector.core.held_back import Cause
from connector.core.pacing import LimitScope

State: TypeAlias = Literal["failed", "draining", "held_auth", "paused", "circuit_open", "starting", "running"]
"""One state a process. When several hold, the leftmost wins (docs/operations.md, States)."""

HoldScope: TypeAlias = holds.HoldScope | Literal["dead_letter", "budget", "partition", "topic"]
HoldReason: TypeAlias = (
    holds.HoldReason
    | Literal["unwritable", "exceeded", "offset_missing", "another_topic", "topic_missing", "unknown_channel"]
)
PauseReason: TypeAlias = Literal["backpressure", "map", "hold", "circuit", "manual"]


@dataclass(frozen=True, slots=True)
class HoldStatus:
    """Something that waits for a person or a probe. `name` says which app, channel, topic or partition."""

    scope: HoldScope
    reason: HoldReason
    name: str
    since_wall: float


@dataclass(frozen=True, slots=True)
class CircuitStatus:
    """The circuit of one app's far side; apps with one base URL share it. `since_wall`: when it opened, None while closed."""

    app: str
    state: CircuitState
    since_wall: float | None = None


@dataclass(frozen=True, slots=True)
class PauseStatus:
    """An operator's pause: since when, through which process it was asked for, and the words that came with it."""

    since_wall: float
    by: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition of the current assignment. `committed` and `position` are the next offset to read."""

    topic: str
    partition: int
    committed: int | None = None
    position: int | None = None
    end: int | None = None
    unsettled: int = 0
    paused_reason: PauseReason | None = None
    lag_s: float | None = None
    """Age of its first unsettled record by Kafka's timestamp, 0 when all are settled; None: not known."""

    @property
    def lag(self) -> int | None:
        """Records from the committed offset to the end; None until both are known."""
        if self.committed is None or self.end is None:
            return None
        return max(0, self.end - self.committed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The process at one instant. `reasons` are sentences that say why it is not ready."""

    state: State
    ready: bool
    reasons: tuple[str, ...] = ()
    in_flight: int = 0
    queued: int = 0
    requests_in_flight: int = 0
    oldest_in_flight_wall: float | None = None
    """Since when the oldest record is worked on of those that no failure and no hold keeps waiting."""
    blocked_keys: int = 0
    oldest_blocked_wall: float | None = None
    holds: tuple[HoldStatus, ...] = ()
    circuits: tuple[CircuitStatus, ...] = ()
    """One for each configured app."""
    paused: PauseStatus | None = None
    """None: no operator has paused, as far as is known."""
    partitions: tuple[PartitionStatus, ...] = ()
    last_accepted_wall: float | None = None
    last_poll_wall: float | None = None
    connected_brokers: int | None = None
    """As the client last said; None: it has not said so yet."""
    throttle_wait_s: Mapping[Cause, float] = field(default_factory=dict)
    """Wall time in which at least one request was held back; causes left out stand at 0."""
    loop_lag_s: float = 0.0
    """The longest that the event loop was late within the last half minute."""
    certificates: tuple[tuple[CertificateName, float], ...] = ()
    """By name when the first of its certificates ends, Unix seconds."""
    schema_cache_entries: int = 0
    channel_rows: int = 0
    unknown_lines: int = 0
    """Lines without a row for which records wait; a line counts in each partition."""
    records_without_line: int = 0
    config_hash: str = ""
    mappings_hash: str = ""
    """Of the mappings that the next record is mapped by."""
    mappings_since_wall: float | None = None
    """When they replaced others while the process ran; None: they are those of the start."""
    reloaded: tuple[tuple[str, bool], ...] = ()
    """What is read again while the process runs, and whether the last time it was of use."""
    lease_remaining_s: float | None = None
    """For how long requests may still start without another acknowledged commit; None without an assignment."""

    @property
    def degraded(self) -> bool:
        """Some records wait although the process is well: anything holds, or a circuit is not closed."""
        circuits = any(circuit.state != "closed" for circuit in self.circuits)
        return bool(self.holds) or circuits or self.state == "circuit_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedKey:
    """A key whose first record waits after a failure or in a hold. The key itself is never shown."""

    key_hash: str
    topic: str
    partition: int
    offset: int
    """Of the record that waits; those behind it wait for it."""
    since_wall: float
    reason: str | None
    """How its last attempt failed: a status, a word such as `timeout`, or the reason of a hold."""
    attempts: int
    operation: str
    next_wall: float | None
    """When its back-off ends; None: a limit, hold or circuit decides, or it is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInFlight:
    """A record that is worked on and has not failed. `since_wall`: since its turn came; waits that Front asked for included."""

    topic: str
    partition: int
    offset: int
    since_wall: float
    attempts: int
    operation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelWait:
    """Front said with 429 that nothing of this scope may come before `until_wall`. `name`: a company's or a channel's id."""

    scope: LimitScope
    name: str
    until_wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyPace:
    """Requests started within the last minute, of so many allowed."""

    company: str
    started: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What takes a look at every record in memory: for people who ask, not for each scrape."""

    blocked: tuple[BlockedKey, ...] = ()
    """The longest first, `DETAIL_ROWS` at most; how many there are is in the snapshot."""
    oldest: RequestInFlight | None = None
    in_flight: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """By topic and partition; those without are left out."""
    waits: tuple[ChannelWait, ...] = ()
    paces: tuple[CompanyPace, ...] = ()
    """The companies nearest to their limits first, `DETAIL_ROWS` at most."""
    kafka_cluster: str | None = None
    """The cluster's id; None before the first assignment."""


DETAIL_ROWS = 50
"""What a page can show of lists that may be long."""


LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class LoggerLevel:
    """From which level on a logger speaks. `changed_wall`: None while it is as configured."""

    level: LogLevel
    changed_wall: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildInfo:
    """What runs: the values that tell one build from another."""

    version: str
    revision: str
    python: str
    librdkafka: str
