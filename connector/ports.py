"""What the pipeline needs from the world, as Protocols; adapters implement them, tests fake them.

Every adapter that holds something open has the same life: `await start()`, `await close()` (idempotent).
Nothing here raises for what production can bring: outcomes are values. An exception is a defect.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from connector.core.answers import Answer
from connector.core.call_states import CallStatus
from connector.core.dead_letter import DeadLetter, Failure, Reason
from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaRef
from connector.core.fetching import FetchResult
from connector.core.files import FetchAnswer, RemoteFile
from connector.core.http_request import HttpRequest
from connector.core.mapping import SkipReason
from connector.core.offset_map import CommitEntry, LogIdentity, MapRefusal
from connector.core.records import Channel, Epoch, Record, TopicPartition
from connector.core.status import PauseReason

T = TypeVar("T")


class StartupRefused(Exception):
    """The exception of ours that crosses a port: the service cannot start as it is configured, and must say why and end.

    `exit_code`: 78 configuration, 77 permission.
    """

    def __init__(self, exit_code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class RestartNeeded(Exception):
    """The other one: the process cannot mend itself and ends, as only a new one is well. `exit_code`: 70."""

    def __init__(self, exit_code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class Clock(Protocol):
    """Two of the three clocks by name; the third is Front's `Date` header."""

    def monotonic(self) -> float:
        """Seconds, never falling, suspended time counted; for the lease, pacing and back-off."""

    def wall(self) -> float:
        """Unix seconds; for tokens, dead-letter headers and record ages."""

    def jitter(self) -> float:
        """A fresh number in [0, 1)."""


class Sender(Protocol):
    """Carries one request to Front with a fresh token. Does not retry."""

    async def start(self) -> None: ...

    async def send(self, request: HttpRequest, channel: Channel) -> Answer:
        """One attempt, ended within the request deadline. Cancelling it closes its connection."""

    def refresh(self, app: str) -> None:
        """Front refused this app's token: read its secret again before the next one is minted."""

    async def close(self) -> None: ...


class FileSource(Protocol):
    """Fetches the files that records only name. Does not retry."""

    async def start(self) -> None: ...

    async def fetch(self, file: RemoteFile, most: int) -> FetchAnswer:
        """One attempt, within its bounds of time and of `most` bytes. Cancelling it leaves nothing behind.

        Waits for its turn where too much is being fetched at once, from all hosts or from this one.
        """

    def host(self, file: RemoteFile) -> str:
        """The host whose failures and successes are told apart from other hosts': lower case, with its port."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RegistryUnavailable:
    """The registry gave no usable answer: an outage; the record waits."""

    detail: str


SchemaAnswer: TypeAlias = ParsedSchema | SchemaAbsent | RegistryUnavailable


class SchemaSource(Protocol):
    """Schemas by the reference that a record carries. Ids are immutable: an adapter caches for ever."""

    async def start(self) -> None: ...

    @property
    def entries(self) -> int:
        """How many schemas are known."""

    def cached(self, ref: SchemaRef) -> ParsedSchema | None:
        """The schema if it is known already. Does not block: the hot path."""

    async def fetch(self, ref: SchemaRef) -> SchemaAnswer:
        """Ask the registry, once for concurrent callers. Does not retry."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class GaveUp:
    """A call that will have no result. `why` ends a sentence, as "did not return within 5 s"."""

    why: str


class MapperCalls(Protocol):
    """Where foreign code is called, so that a call that hangs stops nothing else."""

    async def run(self, call: Callable[[], T]) -> T | GaveUp:
        """The call's result, within a bound. Raises `RestartNeeded` when too many calls hang at once."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The dead-letter topic durably holds the record."""


@dataclass(frozen=True, slots=True)
class NotWritten:
    """It may or may not hold the record: write it again. `too_large` needs a smaller envelope first."""

    code: str
    too_large: bool = False


class DeadLetterSink(Protocol):
    """The dead-letter topic, written with acks=all by an idempotent producer."""

    async def start(self) -> None: ...

    async def write(self, letter: DeadLetter) -> Acknowledged | NotWritten:
        """Ended by the broker's acknowledgement or by its refusal; never by having been queued."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Committed:
    """The coordinator acknowledged every entry of the commit."""


@dataclass(frozen=True, slots=True)
class CommitFailed:
    """The coordinator refused some entries, or gave no answer about them; those not named here it acknowledged.

    Nothing may be concluded about a refused entry. `refused`: librdkafka's symbolic name of the error, a partition.
    """

    refused: Mapping[TopicPartition, str]


class Offsets(Protocol):
    """The consumer as the pipeline sees it. Safe to call from the event loop only."""

    async def commit(self, entries: Sequence[CommitEntry]) -> Committed | CommitFailed:
        """Hand entries to the coordinator. At most one is outstanding in the process: callers wait."""

    def pause(self, tp: TopicPartition, epoch: Epoch) -> None:
        """Stop fetching, in this assignment only. Throws away what the client has prefetched: use rarely."""

    def resume(self, tp: TopicPartition, epoch: Epoch) -> None:
        """Fetch on, in this assignment only: the next one begins unpaused anyway."""

    def reread(self, tp: TopicPartition, epoch: Epoch) -> None:
        """The log was cut or rewound under this assignment: it ends (`lost`), and a new one begins at the committed offset.

        With an empty map: other records may stand where those were that it names. Repeat rather than skip.
        """


Outcome: TypeAlias = Literal["accepted", "duplicate", "skipped", "dead_lettered"]
Stage: TypeAlias = Literal["decode", "map", "validate", "attach", "send", "dead_letter"]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A partition that this process now owns, and where its delivery begins.

    `metadata` is the text that came back with the committed offset (None: there was none, so nobody has sent anything
    of this partition); `end` the log's end when it was assigned, None if unknown; `leader_epoch` what was committed beside
    the offset: the claim repeats it, so that the next owner still notices a log that was cut (KIP-320).
    """

    tp: TopicPartition
    epoch: Epoch
    start: int
    metadata: str | None
    log: LogIdentity
    end: int | None = None
    leader_epoch: int | None = None


class RecordSink(Protocol):
    """What a consumer tells the pipeline, in this order, on the event loop."""

    def assigned(self, assignments: Sequence[Assignment]) -> None:
        """Partitions arrive. Their records follow with the same epoch."""

    def received(self, records: Sequence[Record]) -> None:
        """Records in offset order per partition; those of closed epochs are dropped by the receiver."""

    def reached_end(self, tp: TopicPartition, epoch: Epoch, offset: int) -> None:
        """The log holds nothing more before `offset` (end of partition: markers and compaction included)."""

    def heard_ends(self, ends: Mapping[TopicPartition, int]) -> None:
        """The newest known end of the logs, for the lag."""

    def passed_over(self, topic: str, records: int) -> None:
        """So many records will never be read: they are gone from the log, or `on_missing_offset` begins behind them."""

    async def revoke(self, partitions: Sequence[TopicPartition], bound_s: float) -> None:
        """Stop starting, drain within the bound, commit, forget. The polling thread waits for it."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """They belong to somebody else already: forget, commit nothing."""


class Telemetry(Protocol):
    """Facts about records, for metrics. Called from the event loop; must not block or raise."""

    def received(self, topic: str, partition: int, n: int) -> None: ...
    def settled(self, topic: str, outcome: Outcome, took_s: float, trace_id: str | None = None) -> None: ...
    def accepted_latency(self, topic: str, seconds: float, trace_id: str | None = None) -> None: ...
    def error(self, topic: str, stage: Stage, error_type: str) -> None: ...
    def retried(self, topic: str) -> None: ...
    def dead_lettered(self, topic: str, reason: Reason) -> None: ...
    def dead_letter_failed(self, topic: str) -> None: ...
    def unknown_outcome(self, operation: str) -> None: ...
    def possible_duplicate(self) -> None: ...
    def stale_settle(self) -> None: ...
    def stray_settle(self) -> None: ...
    def passed_over(self, topic: str, records: int) -> None: ...
    def key_in_two_partitions(self) -> None: ...
    def attachment(self, result: FetchResult, size: int | None) -> None: ...
    def skipped(self, topic: str, reason: SkipReason, rule: str | None) -> None: ...
    def illegal_transition(self, before: CallStatus, after: CallStatus) -> None: ...
    def commit(self, result: Literal["ok", "error"], took_s: float) -> None: ...
    def rebalance(self, event: Literal["assigned", "revoked", "lost"]) -> None: ...
    def paused(self, reason: PauseReason) -> None: ...
    def map_refused(self, reason: MapRefusal) -> None: ...
    def map_shed(self) -> None: ...


class EventLog(Protocol):
    """Log lines with stable event names. Fields are coordinates and closed words, never a record's content."""

    def debug(self, event: str, **fields: object) -> None: ...
    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


class TraceIds(NamedTuple):
    """A span as W3C Trace Context writes it: 32 and 16 hexadecimal digits."""

    trace_id: str
    span_id: str


class Tracing(Protocol):
    """What becomes of records, one by one, as spans. Called from the event loop; must not block or raise.

    Not every record is followed. Of one that is not, and of one that is gone, nothing here does anything.
    """

    async def start(self) -> None: ...

    def taken(self, record: Record) -> None:
        """It is in hand from now on: its span begins."""

    def mapped(self, record: Record, rule: str) -> None:
        """It has requests; from now on it waits for its turn."""

    def attempt(
        self, record: Record, request: HttpRequest, channel: Channel, answer: Awaitable[Answer]
    ) -> Awaitable[Answer]:
        """One attempt at Front: a span of its own, for as long as `answer` takes. It is passed on as it is."""

    def fetch(self, record: Record, host: str, answer: Awaitable[FetchAnswer]) -> Awaitable[FetchAnswer]:
        """One attempt at a file, likewise."""

    def failed(self, record: Record, stage: Stage, error: str) -> None:
        """An attempt failed, and another one will follow."""

    def given_up(self, record: Record, failure: Failure) -> None:
        """It becomes a dead letter, which is to be written now."""

    def settled(self, record: Record, outcome: Outcome) -> str | None:
        """Its span ends. The id of its trace, if it is kept."""

    def revoked(self, tp: TopicPartition) -> None:
        """The assignment has ended: the spans of all its records end, whatever still runs."""

    def current(self) -> TraceIds | None:
        """The attempt that this task is in."""

    def of(self, topic: str, partition: int, offset: int) -> TraceIds | None:
        """The record that lies there, if it is in hand."""

    async def close(self) -> None:
        """Hand over what is left, within two seconds."""


class NoTracing:
    """Implements `Tracing`: follows nothing."""

    async def start(self) -> None: ...

    def taken(self, record: Record) -> None: ...

    def mapped(self, record: Record, rule: str) -> None: ...

    def attempt(
        self,
        record: Record,  # noqa: ARG002
        request: HttpRequest,  # noqa: ARG002
        channel: Channel,  # noqa: ARG002
        answer: Awaitable[Answer],
    ) -> Awaitable[Answer]:
        return answer

    def fetch(
        self,
        record: Record,  # noqa: ARG002
        host: str,  # noqa: ARG002
        answer: Awaitable[FetchAnswer],
    ) -> Awaitable[FetchAnswer]:
        return answer

    def failed(self, record: Record, stage: Stage, error: str) -> None: ...

    def given_up(self, record: Record, failure: Failure) -> None: ...

    def settled(self, record: Record, outcome: Outcome) -> str | None: ...

    def revoked(self, tp: TopicPartition) -> None: ...

    def current(self) -> TraceIds | None: ...

    def of(self, topic: str, partition: int, offset: int) -> TraceIds | None: ...

    async def close(self) -> None: ...
