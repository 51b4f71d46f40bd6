"""A member of a group that is nothing but the plain client: for claims about the client itself.

What lives here: its settings by protocol, what its callbacks said, and records to read. No code of the connector.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, TypeAlias

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from tests.support.kafka import Kafka

Protocol: TypeAlias = Literal["classic", "consumer"]
PROTOCOLS: Sequence[Protocol] = ("classic", "consumer")

SESSION_S = 2.0
"""The session time-out of members, and of the clusters that `GROUP_SETTINGS` make."""
GROUP_SETTINGS = {
    "group.consumer.session.timeout.ms": "2000",
    "group.consumer.heartbeat.interval.ms": "200",
}
_BY_PROTOCOL: dict[Protocol, dict[str, Any]] = {
    "classic": {
        "group.protocol": "classic",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 2000,
        "heartbeat.interval.ms": 200,
    },
    "consumer": {"group.protocol": "consumer"},
}


class Member:
    """Subscribes when it is made; a context manager, so that none is left behind."""

    def __init__(self, bootstrap: str, topic: str, protocol: Protocol = "classic", **settings: Any) -> None:
        """The group has the topic's name. `settings`: librdkafka's, with underscores for dots; callbacks as they are."""
        self.events: list[tuple[str, list[int]]] = []
        """What the callbacks said and which errors came as messages, in order: assigned, revoked, lost, or the error."""
        self.records: list[Message] = []
        given = {
            name if callable(value) else name.replace("_", "."): value for name, value in settings.items()
        }
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": topic,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
                **_BY_PROTOCOL[protocol],
                **given,
            }
        )
        self.subscribe(topic)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.close()

    def subscribe(self, topic: str) -> None:
        """Anew after an `unsubscribe`."""
        self.consumer.subscribe(
            [topic], on_assign=self.on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """The client's callback."""
        self.events.append(("assigned", [tp.partition for tp in partitions]))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.events.append(("revoked", [tp.partition for tp in partitions]))

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.events.append(("lost", [tp.partition for tp in partitions]))

    def has(self, event: str) -> bool:
        """Whether this has happened."""
        return any(name == event for name, _ in self.events)

    @property
    def owned(self) -> list[int]:
        """The partitions that the client takes for its own."""
        return sorted(tp.partition for tp in self.consumer.assignment())

    def poll(self) -> None:
        """Once, for a moment."""
        try:
            message = self.consumer.poll(0.02)
        except KafkaException as raised:
            self.events.append((raised.args[0].name(), []))
            return
        if message is None:
            return
        error = message.error()
        if error is None:
            self.records.append(message)
        else:
            self.events.append((error.name(), []))

    def commit(self, *entries: TopicPartition) -> str | None:
        """Synchronously; the error's name if it was refused."""
        try:
            self.consumer.commit(offsets=list(entries), asynchronous=False)
        except KafkaException as error:
            return str(error.args[0].name())
        return None


def poll_until(holds: Callable[[], bool], *members: Member, within_s: float = 15.0) -> None:
    """Poll these in turn until it holds."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s: {[one.events for one in members]}"
        for member in members:
            member.poll()


def poll_for(seconds: float, *members: Member) -> None:
    """Poll these in turn for so long."""
    ends = time.monotonic() + seconds
    poll_until(lambda: time.monotonic() >= ends, *members, within_s=seconds + 10)


def joined(*members: Member, partitions: int = 1) -> None:
    """Until the partitions are divided among these members."""
    poll_until(
        lambda: sorted(number for one in members for number in one.owned) == list(range(partitions)), *members
    )
    poll_until(lambda: all(one.owned for one in members), *members)


def committed(kafka: Kafka, topic: str, partition: int = 0) -> tuple[int, str | None]:
    """Offset and metadata as a stranger reads them of the group named like the topic."""
    reader = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topic, "log_level": 0})
    try:
        (found,) = reader.committed([TopicPartition(topic, partition)], timeout=10)
    finally:
        reader.close()
    return found.offset, found.metadata


def new_topic(kafka: Kafka, *, partitions: int = 1, records: int = 20) -> str:
    """A topic with records in each partition; each record's value is its offset."""
    topic = kafka.create_topic(partitions=partitions)
    for partition in range(partitions):
        write(kafka, topic, [str(number).encode() for number in range(records)], partition=partition)
    return topic


def write(kafka: Kafka, topic: str, values: Sequence[bytes], *, partition: int = 0) -> None:
    """Write records and wait for all acknowledgements."""
    errors: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            errors.append(error)

    producer = Producer({"bootstrap.servers": kafka.bootstrap, "acks": "all", "log_level": 0})
    for value in values:
        producer.produce(topic, value, partition=partition, on_delivery=delivered)
    assert producer.flush(20) == 0
    assert not errors
