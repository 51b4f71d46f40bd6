"""Dead letters as somebody else reads them: with a consumer of its own, by their headers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.support.kafka import Kafka
from tests.support.service import eventually

CONNECT, FRONT = "__connect.errors.", "front."
TEN_MB = 10 * 2**20
"""Bytes of the largest letter; Kafka's default is 1 MiB."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class Letters:
    """Reads a dead-letter topic of one partition as it grows."""

    def __init__(self, kafka: Kafka) -> None:
        self.topic = topic = kafka.create_topic(config={"max.message.bytes": str(TEN_MB)})
        self._admin = kafka.new_admin()
        self._at = TopicPartition(topic, 0, 0)
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka.bootstrap,
                "group.id": f"reader-{topic}",
                "enable.auto.commit": False,
                # A broker answers a connection in order: a question waits for the fetch before it.
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )
        self._consumer.assign([self._at])
        self._read: list[Message] = []

    def all(self) -> list[Message]:
        """Every letter so far."""
        _, end = self._consumer.get_watermark_offsets(self._at, timeout=10)
        while len(self._read) < end:
            message = self._consumer.poll(10)
            assert message is not None, f"{self.topic} does not end"
            assert message.error() is None, message.error()
            self._read.append(message)
        return self._read

    def of(self, place: Place) -> Message:
        """The letter of a record, once it is there."""
        found: list[Message] = []

        def there() -> bool:
            found[:] = [letter for letter in self.all() if source(letter) == place]
            return bool(found)

        eventually(there, 20, f"dead letter of {place}")
        (letter,) = found
        return letter

    def none_of(self, topic: str) -> bool:
        """Whether no record of a topic was given up."""
        return not any(source(letter).topic == topic for letter in self.all())

    @contextmanager
    def refused_above(self, size: int) -> Iterator[None]:
        """The broker takes no letter of more bytes, until the block ends."""
        self._set_limit(size)
        try:
            yield
        finally:
            self._set_limit(TEN_MB)

    def close(self) -> None:
        self._consumer.close()

    def _set_limit(self, size: int) -> None:
        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
        topic = ConfigResource(ResourceType.TOPIC, self.topic, incremental_configs=[entry])
        self._admin.incremental_alter_configs([topic])[topic].result(10)


def headers(letter: Message) -> dict[str, str]:
    """Our headers of a dead letter, as text."""
    return {name: value.decode() for name, value in raw_headers(letter) if name.startswith((CONNECT, FRONT))}


def raw_headers(letter: Message) -> list[tuple[str, bytes]]:
    """All headers of a dead letter: the record's own, then ours."""
    return cast("list[tuple[str, bytes]]", letter.headers() or [])


def source(letter: Message) -> Place:
    """Where the record of a letter lay."""
    told = headers(letter)
    return Place(told[f"{CONNECT}topic"], int(told[f"{CONNECT}partition"]), int(told[f"{CONNECT}offset"]))
