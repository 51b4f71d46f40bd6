"""Records of topics without a group: for tools that look at what is there. Joins nothing, commits nothing.

What is read is fixed before the first record: the offsets of each partition up to its end as it was then, the last stable
offset (KIP-98), so that reading ends however fast a topic grows, and no open transaction is waited for. Offsets without a
record (transaction markers, aborted transactions, compaction) are passed over. Memory holds one batch and the client's
queue, whatever the number of records.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin._metadata import TopicMetadata

from connector.adapters.kafka.bounds import bounds
from connector.adapters.kafka.client import as_record
from connector.adapters.kafka.groupless import GROUPLESS
from connector.adapters.kafka.refusals import denied
from connector.config.problems import counted, did_you_mean
from connector.core.records import Epoch, Record

T = TypeVar("T")

ANSWER_WITHIN_S = 10.0
"""How long one question to the brokers may take, the first connection included."""
SILENT_FOR_S = 30.0
"""How long reading waits for the next record before it gives up."""
NAMES_MAX = 20
"""Topics that a sentence lists; a cluster may have thousands."""

_POLL_S = 0.2
_BATCH = 500
_DEFAULTS: Mapping[str, Any] = {
    "queued.min.messages": 2000,
    "queued.max.messages.kbytes": 8192,
    "fetch.max.bytes": 8 * 1024 * 1024,
    "fetch.wait.max.ms": 100,
}
_OURS: Mapping[str, Any] = {
    **GROUPLESS,
    "group.id": "front-connector-reader",
    "log_level": 0,
}
_GONE = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - librdkafka's own codes begin with an underscore
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
)
_OF_MEMBERS = ("group.", "heartbeat.", "session.", "max.poll", "partition.assignment")


@dataclass(frozen=True, slots=True)
class At:
    """The record at an offset of a partition."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Last:
    """The last so many offsets of each topic, spread evenly over its partitions; at least 1.

    Records are fewer where offsets have none, as in a topic that is compacted or written in transactions.
    """

    records: int


@dataclass(frozen=True, slots=True)
class Window:
    """From the first record of `from_ms` or later to before the first of `to_ms` or later, in each partition.

    Kafka's clock, milliseconds since 1970. `to_ms` None: to the end.
    """

    from_ms: int
    to_ms: int | None = None


Selection: TypeAlias = At | Last | Window


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets of a partition that are read: from `begin` to before `end`."""

    topic: str
    partition: int
    begin: int
    end: int


class CannotRead(Exception):
    """Nothing can be read, or no more; the text is a sentence for people.

    `because`: not_there (topic, partition or offset does not exist), denied (no right), unavailable (no answer in time).
    """

    def __init__(self, because: Literal["not_there", "denied", "unavailable"], sentence: str) -> None:
        super().__init__(sentence)
        self.because = because


class Reader:
    """Reads chosen records. A context manager; one `records` at a time. Blocks; raises `CannotRead`.

    `connection`: librdkafka's properties as for any client, `bootstrap.servers` among them. Raises ValueError for properties
    that librdkafka does not take.
    """

    def __init__(self, connection: Mapping[str, Any], answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._within_s = answer_within_s
        self._trouble: str | None = None
        given = {name: value for name, value in connection.items() if not name.startswith(_OF_MEMBERS)}
        self._bootstrap = given["bootstrap.servers"]
        try:
            self._consumer = Consumer({**_DEFAULTS, **given, **_OURS, "error_cb": self._hear})
        except KafkaException as error:
            raise ValueError(str(error.args[0].str())) from None
        self._known: Mapping[str, TopicMetadata] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._consumer.close()

    def plan(self, topics: Sequence[str], selection: Selection) -> tuple[Span, ...]:
        """Where these records lie now; spans without an offset are left out. `At` is for one topic."""
        spans: list[Span] = []
        for topic in topics:
            numbers = self._partitions(topic)
            match selection:
                case At(partition=partition, offset=offset):
                    assert len(topics) == 1, "an offset is of one topic"
                    spans.append(self._at(topic, numbers, partition, offset))
                case Last(records=records):
                    spans += _last(topic, self._bounds(topic, numbers), records)
                case Window():
                    spans += self._window(topic, numbers, selection)
        return tuple(span for span in spans if span.begin < span.end)

    def records(self, spans: Sequence[Span]) -> Iterator[Record]:
        """The records of these spans: of a partition in order, of several as they come."""
        unread = {(span.topic, span.partition): span for span in spans if span.begin < span.end}
        assigned = [TopicPartition(span.topic, span.partition, span.begin) for span in unread.values()]
        if not assigned:
            return
        self._consumer.incremental_assign(assigned)
        heard_at = time.monotonic()
        try:
            while unread:
                for message in self._poll():
                    span = self._span_of(message, unread)
                    if span is None:
                        continue
                    heard_at = time.monotonic()
                    # Of an end of partition: the offset that the next record will have.
                    offset, is_end = message.offset() or 0, message.error() is not None
                    if not is_end and offset < span.end:
                        yield as_record(message, Epoch(0))
                        heard_at = time.monotonic()  # whoever takes the records may need long for one
                    if offset >= (span.end if is_end else span.end - 1):
                        self._leave(unread, span)
                if unread and time.monotonic() - heard_at > SILENT_FOR_S:
                    raise self._silence(next(iter(unread.values())))
        finally:
            # A reader that is dropped half way, as by the first record found, can be used again.
            self._consumer.incremental_unassign([TopicPartition(*place) for place in unread])

    # --- what is there ----------------------------------------------------------------------------------------

    def _partitions(self, topic: str) -> tuple[int, ...]:
        if self._known is None:
            self._known = self._ask(lambda: self._consumer.list_topics(timeout=self._within_s)).topics
        found = self._known.get(topic)
        if found is None:
            # Asked for by its name, a topic that may not be seen is told from one that does not exist.
            named = self._ask(lambda: self._consumer.list_topics(topic, timeout=self._within_s)).topics
            found = named.get(topic)
        error = None if found is None else found.error
        if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise _denied(topic)
        if found is None or error is not None:
            raise CannotRead(
                "not_there", f"the topic {topic} does not exist: {_which(topic, tuple(self._known))}"
            )
        return tuple(sorted(found.partitions))

    def _bounds(self, topic: str, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
        """By partition: the first offset that the log holds, and its last stable one."""
        wanted = [TopicPartition(topic, number) for number in numbers]
        found = self._ask(lambda: bounds(self._consumer, wanted, self._within_s), topic)
        return {number: found[topic, number] for number in numbers}

    def _at(self, topic: str, numbers: Sequence[int], partition: int, offset: int) -> Span:
        if partition not in numbers:
            has = "partition 0 only" if len(numbers) == 1 else f"partitions {numbers[0]} to {numbers[-1]}"
            raise CannotRead("not_there", f"the topic {topic} has no partition {partition}: it has {has}")
        low, end = self._bounds(topic, (partition,))[partition]
        if not low <= offset < end:
            holds = f"offsets {low} to {end - 1}" if low < end else "no records"
            raise CannotRead(
                "not_there",
                f"offset {offset} is out of range: partition {partition} of {topic} holds {holds}",
            )
        return Span(topic, partition, offset, offset + 1)

    def _window(self, topic: str, numbers: Sequence[int], window: Window) -> list[Span]:
        bounds = self._bounds(topic, numbers)
        begins = self._at_time(topic, bounds, window.from_ms)
        ends = {number: end for number, (_, end) in bounds.items()}
        if window.to_ms is not None:
            ends = self._at_time(topic, bounds, window.to_ms)
        return [Span(topic, number, begins[number], ends[number]) for number in numbers]

    def _at_time(self, topic: str, bounds: Mapping[int, tuple[int, int]], at_ms: int) -> dict[int, int]:
        """By partition: its first record of this time or later, or its end."""
        asked = [TopicPartition(topic, number, at_ms) for number in bounds]
        found = self._ask(lambda: self._consumer.offsets_for_times(asked, timeout=self._within_s), topic)
        for tp in found:
            if tp.error is not None:
                raise self._cannot(tp.error, topic)
        return {
            tp.partition: min(tp.offset, bounds[tp.partition][1])
            if tp.offset >= 0
            else bounds[tp.partition][1]
            for tp in found
        }

    # --- the client -------------------------------------------------------------------------------------------

    def _poll(self) -> Iterator[Message]:
        first = self._consumer.poll(_POLL_S)
        if first is not None:
            yield first
            yield from self._consumer.consume(_BATCH, 0)

    def _span_of(self, message: Message, unread: Mapping[tuple[str, int], Span]) -> Span | None:
        """The span that this record, or this end of a partition, belongs to. Raises what ends the reading."""
        topic = message.topic()
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with an underscore
            # The group is none of ours, and what the client tries again by itself ends in time or in silence.
            if not error.fatal() and (error.retriable() or topic is None):
                return None
            raise self._cannot(error, topic or "")
        return unread.get((topic or "", message.partition() or 0))

    def _leave(self, unread: dict[tuple[str, int], Span], span: Span) -> None:
        del unread[span.topic, span.partition]
        self._consumer.incremental_unassign([TopicPartition(span.topic, span.partition)])

    def _ask(self, question: Callable[[], T], topic: str = "") -> T:
        try:
            return question()
        except KafkaException as error:
            self._consumer.poll(0)  # serves `_hear`
            raise self._cannot(error.args[0], topic) from None

    def _cannot(self, error: KafkaError, topic: str) -> CannotRead:
        code = error.code()
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return _denied(topic)
        if code in _GONE:
            return CannotRead("not_there", f"the topic {topic} was deleted while it was read")
        return CannotRead(
            "unavailable",
            f"no broker at {self._bootstrap} answered within {self._within_s:g} s"
            f" ({self._trouble or error.name()}): check kafka.bootstrap_servers and kafka.properties",
        )

    def _silence(self, span: Span) -> CannotRead:
        why = f" ({self._trouble})" if self._trouble else ""
        return CannotRead(
            "unavailable",
            f"partition {span.partition} of {span.topic} gave nothing more for {SILENT_FOR_S:g} s, "
            f"before its end at offset {span.end}{why}",
        )

    def _hear(self, error: KafkaError) -> None:
        """The client's own words about its connections: the first is the cause, "all brokers are down" follows."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._trouble = error.str()


def _last(topic: str, bounds: Mapping[int, tuple[int, int]], wanted: int) -> Iterator[Span]:
    """The same number of each partition; what a short one lacks, the longer ones give."""
    shortest_first = sorted(bounds, key=lambda number: bounds[number][1] - bounds[number][0])
    for at, number in enumerate(shortest_first):
        low, end = bounds[number]
        share = min(end - low, wanted // (len(shortest_first) - at))
        wanted -= share
        yield Span(topic, number, end - share, end)


def _denied(topic: str) -> CannotRead:
    return CannotRead("denied", denied(f"Read on topic {topic}"))


def _which(topic: str, known: Sequence[str]) -> str:
    said = did_you_mean(topic, (name for name in known if not name.startswith("__")))
    listed = said.startswith("choose")
    return f"there are {counted(len(known), 'other topic')}" if listed and len(known) > NAMES_MAX else said
