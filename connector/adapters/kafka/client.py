"""The consumer's calls and values in the client library's own types; used in the polling thread only."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from connector.adapters.kafka.protocols import Client
from connector.adapters.kafka.starts import Position
from connector.core.offset_map import CommitEntry
from connector.core.records import Epoch, Record
from connector.core.records import TopicPartition as TP
from connector.ports import CommitFailed, Committed

SEEKS = 2000
"""How often seeks are asked for again, a millisecond apart. Seen: once more is enough, and needed once in sixteen times."""


def move(consumer: Client, positions: list[TopicPartition]) -> None:
    """Fetch on from these positions, paused or not.

    Not by `seek` alone: the client refuses it (_STATE) where it has stopped fetching, as it does when an offset is gone.
    """
    partitions = [TopicPartition(tp.topic, tp.partition) for tp in positions]
    consumer.incremental_unassign(partitions)
    assign(consumer, positions)
    consumer.resume(partitions)


def assign(consumer: Client, positions: list[TopicPartition]) -> None:
    """Begin at these positions, each held to its leader epoch: a log that was cut below it is an error, not another record.

    The client compares an assigned position with the log (KIP-320) only while it knows nothing of the topic; one that was
    sought it always does. Seen on librdkafka 2.16: docs/decisions/kafka-facts.md.
    """
    consumer.incremental_assign(positions)
    tries = SEEKS
    for position in positions:
        if position.leader_epoch is not None and position.leader_epoch >= 0 and position.offset > 0:
            while not _sought(consumer, position) and tries:
                tries -= 1
                time.sleep(0.001)


def _sought(consumer: Client, position: TopicPartition) -> bool:
    """False: refused, as while the client still ends the partition's former assignment, in a thread of its own.

    Refused for long, the partition has stopped by itself: then its error is waiting in the queue.
    """
    try:
        consumer.seek(position)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001
            raise
        return False
    return True


def commit(consumer: Client, entries: Sequence[CommitEntry]) -> Committed | CommitFailed:
    """Commit and wait for the answer: bounded by the client's session and socket time-outs."""
    try:
        answered = consumer.commit(offsets=[committable(entry) for entry in entries], asynchronous=False)
    except KafkaException as error:
        return CommitFailed({entry.tp: error.args[0].name() for entry in entries})
    refused = {TP(tp.topic, tp.partition): tp.error.name() for tp in answered if tp.error is not None}
    return CommitFailed(refused) if refused else Committed()


def as_record(message: Message, epoch: Epoch) -> Record:
    """A message as the pipeline knows it, stamped with the assignment in which it was polled."""
    kind, timestamp = message.timestamp()
    headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        epoch=epoch,
        value=message.value(),
        key=message.key(),
        headers=tuple(headers),
        timestamp_ms=timestamp if kind else None,
        leader_epoch=message.leader_epoch(),
    )


def connected_brokers(brokers: Iterable[Mapping[str, Any]]) -> int:
    """How many of the cluster's brokers the client is connected to, from its statistics.

    By address, as the coordinator of the group is a second entry of its broker. Addresses of the bootstrap list may be other
    names of brokers: they count only while nothing else is connected. Source: librdkafka, STATISTICS.md (`brokers`).
    """
    up = [broker for broker in brokers if broker.get("state") in ("UP", "UPDATE")]
    known = {broker["nodename"] for broker in up if broker["nodeid"] >= 0 or broker["source"] == "logical"}
    return len(known or {broker["nodename"] for broker in up})


def stable_ends(topics: Mapping[str, Any], owned: Sequence[TP]) -> dict[TP, int]:
    """The last stable offsets: what a read-committed consumer can read. The end that the client remembers goes further.

    Source: librdkafka, STATISTICS.md (`topics`; `ls_offset` is negative while it is unknown).
    """
    ends: dict[TP, int] = {}
    for tp in owned:
        partitions = topics.get(tp.topic, {}).get("partitions", {})
        end = partitions.get(str(tp.partition), {}).get("ls_offset", -1)
        if end >= 0:
            ends[tp] = end
    return ends


def at(tp: TP, position: Position) -> TopicPartition:
    """Where to begin. With its leader epoch the client notices a log that was cut (KIP-320)."""
    if position.leader_epoch is None:
        return TopicPartition(tp.topic, tp.partition, position.offset)
    return TopicPartition(tp.topic, tp.partition, position.offset, leader_epoch=position.leader_epoch)


def committable(entry: CommitEntry) -> TopicPartition:
    """An entry as it is committed: next offset to read, our text, and the leader epoch to hold that offset to.

    No text is left out, not given as "": the client appends a byte, and a broker that allows none refuses it.
    """
    told: dict[str, Any] = {} if entry.leader_epoch is None else {"leader_epoch": entry.leader_epoch}
    if entry.metadata:
        told["metadata"] = entry.metadata
    return TopicPartition(*entry.tp, entry.offset, **told)


def quietly(action: Callable[[list[TopicPartition]], object], partitions: list[TopicPartition]) -> None:
    """Pause or resume; a partition that has just left the assignment is nobody's fault."""
    if partitions:
        try:
            action(partitions)
        except KafkaException as error:
            if error.args[0].code() not in (KafkaError._UNKNOWN_PARTITION, KafkaError._STATE):  # noqa: SLF001
                raise
