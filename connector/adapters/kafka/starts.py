"""Where reading begins: the topics that must exist, first starts, committed offsets, and offsets that are gone.

`start` of a topic counts only for a group without any committed offset in it. It is resolved to numbers and committed
before the group is joined, for all partitions at once: a crash before the first commit must not lose the decision, and a
second member must not take a neighbour's unwritten partition for one that was added later. A partition that has no
committed offset although its topic has some was added later, and starts at its first record.
`auto.offset.reset` is always `error` in the client: what happens to a missing offset is decided here, not there.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from connector.core.mapping import Start, StartAt
from connector.core.offset_map import LogIdentity, write
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


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition's delivery begins; `metadata` as in `ports.Assignment`."""

    offset: int
    metadata: str | None
    leader_epoch: int | None
    low: int
    """The first offset that the log still holds."""
    end: int


def identify(consumer: Consumer, admin: AdminClient, topics: Sequence[str]) -> Mapping[str, LogIdentity]:
    """The identity of each topic's log. Topic ids exist since Kafka 2.8 (KIP-516); without one it is empty."""
    metadata = consumer.list_topics(timeout=REQUEST_S)
    cluster = metadata.cluster_id or ""
    ids: dict[str, str] = {}
    if not cluster.startswith(
        "mockCluster"
    ):  # librdkafka's mock does not answer this and would use up the time-out
        for topic, future in admin.describe_topics(
            TopicCollection(list(topics)), request_timeout=REQUEST_S
        ).items():
            ids[topic] = str(future.result().topic_id)
    return {topic: LogIdentity(_word(cluster), _word(ids.get(topic, ""))) for topic in topics}


def require_topics(consumer: Consumer, topics: Sequence[str], dead_letter_topic: str) -> None:
    """Raise `StartupRefused` naming every topic that the broker says does not exist. Raises KafkaException if silent."""
    present = consumer.list_topics(timeout=FIRST_S).topics
    missing = [topic for topic in topics if _absent(present, topic)]
    if missing:
        names = ", ".join(missing)
        raise StartupRefused(
            78, f"topic does not exist: {names}. Create it, or correct its name in the mapping files."
        )
    if _absent(present, dead_letter_topic):
        raise StartupRefused(
            78,
            f"the dead-letter topic {dead_letter_topic} does not exist. Create it (dead_letter.topic names it).",
        )


def apply_starts(
    consumer: Consumer, starts: Mapping[str, Start], logs: Mapping[str, LogIdentity]
) -> tuple[Backlog, ...]:
    """Commit the start position of every topic in which the group has none, and count what is waiting.

    Call before subscribing: the broker takes commits from outside only while the group has no member. If it has one,
    that member has done this. Raises KafkaException when the broker does not answer.
    """
    present = consumer.list_topics(timeout=REQUEST_S).topics
    backlogs = []
    for topic, start in starts.items():
        wanted = [TopicPartition(topic, number) for number in present[topic].partitions]
        committed = {tp.partition: tp.offset for tp in _committed(consumer, wanted)}
        bounds = {tp.partition: consumer.get_watermark_offsets(tp, timeout=REQUEST_S) for tp in wanted}
        first_start = all(offset < 0 for offset in committed.values())
        if first_start:
            committed = _resolve(consumer, topic, start, bounds)
            _commit_outside(consumer, topic, committed, logs[topic])
        records = sum(
            max(0, high - max(low, committed[number] if committed[number] >= 0 else low))
            for number, (low, high) in bounds.items()
        )
        backlogs.append(Backlog(topic, len(wanted), records, first_start))
    return tuple(backlogs)


def positions(consumer: Consumer, wanted: Sequence[TopicPartition]) -> Mapping[tuple[str, int], Position]:
    """Where each assigned partition begins. Raises KafkaException when the broker does not answer."""
    result: dict[tuple[str, int], Position] = {}
    for tp in _committed(consumer, wanted):
        low, high = consumer.get_watermark_offsets(tp, timeout=REQUEST_S)
        if tp.offset < 0:
            result[tp.topic, tp.partition] = Position(low, None, None, low, high)
        else:
            # An offset without text was committed by somebody else (an operator's reset): there may have been an owner.
            result[tp.topic, tp.partition] = Position(
                tp.offset, tp.metadata or "", tp.leader_epoch, low, high
            )
    return result


def _committed(consumer: Consumer, wanted: Sequence[TopicPartition]) -> list[TopicPartition]:
    answered = consumer.committed(list(wanted), timeout=REQUEST_S)
    for tp in answered:
        if tp.error is not None:
            raise KafkaException(tp.error)
    return list(answered)


def _resolve(
    consumer: Consumer, topic: str, start: Start, bounds: Mapping[int, tuple[int, int]]
) -> dict[int, int]:
    match start:
        case "earliest":
            return {number: low for number, (low, _) in bounds.items()}
        case "latest":
            return {number: high for number, (_, high) in bounds.items()}
        case StartAt(timestamp_ms=timestamp_ms):
            asked = [TopicPartition(topic, number, timestamp_ms) for number in bounds]
            found = consumer.offsets_for_times(asked, timeout=REQUEST_S)
            # No record so late: the end, so that what is written from now on is read.
            return {tp.partition: tp.offset if tp.offset >= 0 else bounds[tp.partition][1] for tp in found}


def _commit_outside(consumer: Consumer, topic: str, offsets: Mapping[int, int], log: LogIdentity) -> None:
    entries = [
        TopicPartition(topic, number, offset, write(log, offset, (), released=True))
        for number, offset in offsets.items()
    ]
    try:
        answered = consumer.commit(offsets=entries, asynchronous=False)
        errors = [tp.error for tp in answered if tp.error is not None]
    except KafkaException as refused:
        errors = [refused.args[0]]
    for error in errors:
        if error.code() not in _GROUP_HAS_MEMBERS:
            raise KafkaException(error)


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
