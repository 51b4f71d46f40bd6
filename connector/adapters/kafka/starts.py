"""Where reading begins: the topics that must exist, first starts, committed offsets, and offsets that are gone.

`start` of a topic counts only for a group without any committed offset in it. It is resolved to numbers and committed
before the group is joined, for all partitions at once: a crash before the first commit must not lose the decision, and a
second member must not take a neighbour's unwritten partition for one that was added later.
A partition without a committed offset although its topic has some: up to the highest partition that has one, its offset
has expired or was deleted, for partitions are only ever added at the end, and the first start commits all of them. Beyond
that it was added later, and starts at its first record. (A new partition whose owner died before its first commit, while a
higher one was committed, is taken for an expired one: it holds, which loses nothing.)
`auto.offset.reset` is always `error` in the client: what happens to a missing offset is decided here, not there.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin._metadata import ClusterMetadata

from connector.adapters.kafka.bounds import bounds
from connector.adapters.kafka.protocols import Client, TopicIds
from connector.adapters.kafka.refusals import EXIT_CONFIG
from connector.core.mapping import Start, StartAt
from connector.core.offset_map import LogIdentity, Refused, read, write
from connector.ports import StartupRefused

REQUEST_S = 10.0
"""How long one question to the broker may take."""
FIRST_S = 3.0
"""The same for the first question of all: readiness should soon say that nobody answers."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a topic holds for this group when the service starts. `first_start`: its `start` was applied now."""

    topic: str
    partitions: int
    records: int
    first_start: bool


@dataclass(slots=True)
class Known:
    """What the process knows of its topics, so that a missing offset is told from a new partition."""

    logs: dict[str, LogIdentity] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    """topic -> how many of its partitions, from 0 on, must have a committed offset."""
    resolved: dict[tuple[str, int], int] = field(default_factory=dict)
    """First starts of this process: they count where the offset could not be committed, as the group had members already."""
    recreated: set[str] = field(default_factory=set)
    """Topics that have become other ones while the process ran."""


Fault: TypeAlias = Literal["expired", "out_of_range", "another_topic"]
"""Why a committed offset is of no use: it is gone, the log does not hold it, or it is of a topic that was deleted since."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition's delivery begins; `metadata` as in `ports.Assignment`."""

    offset: int
    """With the fault `expired` meaningless."""
    metadata: str | None
    leader_epoch: int | None
    low: int
    """The first offset that the log still holds."""
    end: int
    fault: Fault | None = None

    @property
    def concerned(self) -> int:
        """Records that a fault is about: gone unread, or in the log and perhaps unread."""
        if self.fault == "out_of_range":
            return max(self.low - self.offset, self.offset - self.end, 0)
        return self.end - self.low

    def passed_over(self, begins_at: int) -> int:
        """Records that are never read when delivery begins there instead.

        Of a log that was cut below the committed offset, and perhaps written anew since, only a lower bound: nobody tells
        from where on its records are other ones.
        """
        return max(0, begins_at - (self.offset if self.fault == "out_of_range" else self.low))


def identify(consumer: Client, topic_ids: TopicIds, topics: Sequence[str]) -> dict[str, LogIdentity]:
    """The identity of each topic's log. Topic ids exist since Kafka 2.8 (KIP-516); without one it is empty."""
    metadata = consumer.list_topics(timeout=REQUEST_S)
    cluster = metadata.cluster_id or ""
    # librdkafka's mock does not answer this and would use up the time-out.
    ids = {} if is_mock(metadata) else topic_ids(topics).result()
    if not is_mock(metadata) and any(topic not in ids for topic in topics):
        # Deleted since `require_topics`, which is asked again: without its id a topic would pass for one of an older broker.
        raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    return {topic: LogIdentity(_word(cluster), _word(ids.get(topic, ""))) for topic in topics}


def is_mock(metadata: ClusterMetadata) -> bool:
    """Whether it is librdkafka's own mock cluster, which knows few of an admin client's questions."""
    return (metadata.cluster_id or "").startswith("mockCluster")


def same_topic(log: LogIdentity, topic_id: str) -> bool:
    """Whether a topic still has the id by which it is known; true where there are no ids."""
    return not log.topic_id or log.topic_id == _word(topic_id)


def with_id(log: LogIdentity, topic_id: str) -> LogIdentity:
    """The same cluster's log of another id."""
    return LogIdentity(log.cluster_id, _word(topic_id))


def require_topics(metadata: ClusterMetadata, topics: Sequence[str], dead_letter_topic: str) -> None:
    """Raise `StartupRefused` naming every topic that the broker says does not exist."""
    present = metadata.topics
    missing = [topic for topic in topics if _absent(present, topic)]
    if missing:
        names = ", ".join(missing)
        raise StartupRefused(
            EXIT_CONFIG,
            f"topic does not exist: {names}. Create it, or correct its name in the mapping files.",
        )
    if _absent(present, dead_letter_topic):
        raise StartupRefused(
            EXIT_CONFIG,
            f"the dead-letter topic {dead_letter_topic} does not exist. Create it (dead_letter.topic names it).",
        )


def apply_starts(
    consumer: Client, starts: Mapping[str, Start], known: Known, *, group_is_new: bool = True
) -> tuple[Backlog, ...]:
    """Commit the start position of every topic in which the group has none, and count what is waiting.

    Fills `known.begun` and `known.resolved`; `known.logs` must be there. If the group is not new, no topic has a first start.
    Call before subscribing: the broker takes commits from outside only while the group has no member. If it has one,
    that member has done this, or does not know the topic yet. Raises KafkaException when the broker does not answer.
    """
    present = consumer.list_topics(timeout=REQUEST_S).topics
    backlogs = []
    for topic, start in starts.items():
        if _absent(present, topic):  # deleted since `require_topics`, which is asked again
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
        wanted = [TopicPartition(topic, number) for number in present[topic].partitions]
        committed = {tp.partition: tp.offset for tp in read_committed(consumer, wanted)}
        found = bounds(consumer, wanted, REQUEST_S)
        held = {number: found[topic, number] for number in present[topic].partitions}
        # A topic that was begun before this client is known to the group, whatever became of its offsets.
        first_start = (
            group_is_new and topic not in known.begun and all(offset < 0 for offset in committed.values())
        )
        if first_start:
            committed = _resolve(consumer, topic, start, held)
            if not _commit_outside(consumer, topic, committed, known.logs[topic]):
                known.resolved.update({(topic, number): offset for number, offset in committed.items()})
        begun = [number for number, offset in committed.items() if offset >= 0]
        known.begun[topic] = 1 + max(begun) if begun else len(wanted)
        records = sum(
            max(0, high - max(low, committed[number] if committed[number] >= 0 else low))
            for number, (low, high) in held.items()
        )
        backlogs.append(Backlog(topic, len(wanted), records, first_start))
    return tuple(backlogs)


def positions(
    consumer: Client, committed: Sequence[TopicPartition], known: Known
) -> Mapping[tuple[str, int], Position]:
    """Where each partition whose committed offset was read begins, or what is wrong.

    Called in a callback, inside which nothing is polled: REQUEST_S bounds it whatever the number of partitions. Raises
    KafkaException when the brokers do not answer.
    """
    result: dict[tuple[str, int], Position] = {}
    held = bounds(consumer, committed, REQUEST_S)
    for tp in committed:
        place = (tp.topic, tp.partition)
        low, high = held[place]
        if tp.offset >= 0:
            result[place] = _judged(tp, low, high, known.logs[tp.topic])
        elif place in known.resolved and tp.topic not in known.recreated:
            result[place] = Position(known.resolved[place], None, None, low, high)
        elif tp.partition < known.begun.get(tp.topic, 0):
            # The broker drops the offsets of a topic that is deleted, too.
            fault: Fault = "another_topic" if tp.topic in known.recreated else "expired"
            result[place] = Position(low, None, None, low, high, fault)
        else:
            result[place] = Position(low, None, None, low, high)
    return result


def _judged(tp: TopicPartition, low: int, high: int, log: LogIdentity) -> Position:
    # An offset without text was committed by somebody else (an operator's reset): there may have been an owner.
    metadata = tp.metadata or ""
    fault: Fault | None = None
    if log.topic_id and read(metadata, log, tp.offset) == Refused("topic"):
        fault = "another_topic"
    elif not low <= tp.offset <= high:
        fault = "out_of_range"
    return Position(tp.offset, metadata, tp.leader_epoch, low, high, fault)


def read_committed(consumer: Client, wanted: Sequence[TopicPartition]) -> list[TopicPartition]:
    """What the group has committed of each. Raises KafkaException when the coordinator does not answer."""
    answered = consumer.committed(list(wanted), timeout=REQUEST_S)
    for tp in answered:
        if tp.error is not None:
            raise KafkaException(tp.error)
    return list(answered)


def _resolve(
    consumer: Client, topic: str, start: Start, held: Mapping[int, tuple[int, int]]
) -> dict[int, int]:
    match start:
        case "earliest":
            return {number: low for number, (low, _) in held.items()}
        case "latest":
            return {number: high for number, (_, high) in held.items()}
        case StartAt(timestamp_ms=timestamp_ms):
            asked = [TopicPartition(topic, number, timestamp_ms) for number in held]
            found = consumer.offsets_for_times(asked, timeout=REQUEST_S)
            # No record so late: the end, so that what is written from now on is read.
            return {tp.partition: tp.offset if tp.offset >= 0 else held[tp.partition][1] for tp in found}


def _commit_outside(consumer: Client, topic: str, offsets: Mapping[int, int], log: LogIdentity) -> bool:
    """False when the group has members, who alone may commit."""
    entries = [
        TopicPartition(topic, number, offset, write(log, offset, (), released=True))
        for number, offset in offsets.items()
    ]
    errors = _commit(consumer, entries)
    if any(error.code() == KafkaError.OFFSET_METADATA_TOO_LARGE for error in errors):
        # A broker may take no text at all: what counts is the offset.
        errors = _commit(consumer, [TopicPartition(topic, *entry) for entry in offsets.items()])
    for error in errors:
        if error.code() not in _GROUP_HAS_MEMBERS:
            raise KafkaException(error)
    return not errors


def _commit(consumer: Client, entries: list[TopicPartition]) -> list[KafkaError]:
    """What was refused."""
    try:
        answered = consumer.commit(offsets=entries, asynchronous=False)
    except KafkaException as refused:
        return [refused.args[0]]
    return [tp.error for tp in answered if tp.error is not None]


_GROUP_HAS_MEMBERS = (
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.STALE_MEMBER_EPOCH,
)


def _absent(present: Mapping[str, object], topic: str) -> bool:
    found = present.get(topic)
    error = getattr(found, "error", None)
    return found is None or (error is not None and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART)


def _word(text: str) -> str:
    """Ids stand in the metadata between semicolons; whatever else a broker calls itself is hashed."""
    plain = text.replace("-", "").replace("_", "")
    return text if plain.isalnum() or not text else hashlib.sha256(text.encode()).hexdigest()[:16]
