"""A real or embedded Kafka, a registry, the simulator and the connector's folder, joined for one test."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from pydantic import SecretStr

from connector.config import Loaded, load
from connector.core.decode import ParsedSchema, SchemaId, SchemaRef, parse_schema
from connector.core.records import Epoch, Record
from connector.demo.estate import DEAD_LETTER_TOPIC, SECRET, UID
from connector.demo.events import BadRecord, DemoRecord, channels_table, payload
from connector.demo.verdict import Letter, Verdict, judge
from connector.resources import schemas_dir
from connector.simulator.server import Simulator
from connector.simulator.world import Channel, World


def world(companies: int = 24) -> World:
    """Front as the channels table of the demo's companies describes it."""
    rows = channels_table(companies)
    names = tuple(dict.fromkeys(row["company"] for row in rows))
    channels = {row["channel"]: Channel(company=row["company"], app=UID) for row in rows}
    return World(apps={UID: SecretStr(SECRET)}, companies=names, channels=channels)


@dataclass
class Publisher:
    """Produces with confluent-kafka's own serializer: not by the project's code."""

    bootstrap: str
    registry_url: str
    schemas: dict[SchemaRef, ParsedSchema] = field(default_factory=dict)
    produced: list[Record] = field(default_factory=list)
    _serializers: dict[str, AvroSerializer] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._registry = SchemaRegistryClient({"url": self.registry_url})
        self._producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._registry.close()

    def publish(self, records: Iterable[DemoRecord]) -> None:
        """Produce all of them and wait until the broker has them; remembers where each lies."""
        for record in records:
            value = self._bytes(record)
            self.publish_raw(record.topic, record.key.encode(), value, timestamp_ms=record.at_ms, flush=False)
        self.flush()

    def publish_raw(
        self, topic: str, key: bytes | None, value: bytes | None, *, timestamp_ms: int = 0, flush: bool = True
    ) -> None:
        """Produce bytes as they are."""

        def delivered(error: object, message: Message) -> None:
            assert error is None, error
            self.produced.append(_as_record(message))

        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=delivered, timestamp=timestamp_ms)
                break
            except BufferError:
                self._producer.poll(0.1)
        if flush:
            self.flush()

    def flush(self) -> None:
        """Wait for the broker."""
        assert self._producer.flush(30) == 0

    def _bytes(self, record: DemoRecord) -> bytes:
        text = self._definition(record)
        serializer = self._serializers.get(text)
        if serializer is None:
            conf = {
                "auto.register.schemas": True,
                "subject.name.strategy": topic_record_subject_name_strategy,
            }
            serializer = self._serializers[text] = AvroSerializer(self._registry, text, conf=conf)
        if isinstance(record, BadRecord):
            parsed = self._parsed_of(record, text)
            assert isinstance(parsed.ref, SchemaId)
            return payload(record, parsed.avro, parsed.ref.id)
        value = serializer(dict(record.value), SerializationContext(record.topic, MessageField.VALUE))
        assert value is not None
        self._remember(int.from_bytes(value[1:5], "big"), text)
        return bytes(value)

    def _definition(self, record: DemoRecord) -> str:
        definition = record.definition if isinstance(record, BadRecord) else None
        if definition is not None:
            return json.dumps(definition)
        namespace, _, name = record.schema_name.rpartition(".")
        return (schemas_dir() / "avro" / namespace / f"{name}.avsc").read_text()

    def _parsed_of(self, record: BadRecord, text: str) -> ParsedSchema:
        number = self._registry.register_schema(f"{record.topic}-{record.schema_name}", Schema(text, "AVRO"))
        return self._remember(number, text)

    def _remember(self, number: int, text: str) -> ParsedSchema:
        ref = SchemaId(number)
        if ref not in self.schemas:
            parsed = parse_schema(json.loads(text), ref)
            assert isinstance(parsed, ParsedSchema)
            self.schemas[ref] = parsed
        return self.schemas[ref]


def _as_record(message: Message) -> Record:
    _, timestamp = message.timestamp()
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        epoch=Epoch(0),
        value=message.value(),
        key=message.key(),
        timestamp_ms=timestamp,
    )


def create_topics(bootstrap: str, partitions: dict[str, int]) -> None:
    """Create topics and wait until they are there."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = [
        NewTopic(name, num_partitions=number, replication_factor=1) for name, number in partitions.items()
    ]
    for future in admin.create_topics(topics).values():
        future.result(30)


def read_topic(bootstrap: str, topic: str, group: str = "reader") -> list[Message]:
    """Everything that a topic holds now."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in numbers])
    messages, ended = [], 0
    while ended < len(numbers):
        message = consumer.poll(10)
        assert message is not None, f"{topic} does not end"
        if message.error():
            ended += 1
        else:
            messages.append(message)
    consumer.close()
    return messages


def letters(bootstrap: str, topic: str = DEAD_LETTER_TOPIC) -> list[Letter]:
    """The dead letters, by what their headers say."""
    found = []
    for message in read_topic(bootstrap, topic):
        headers: Any = dict(message.headers() or [])
        text = {name: value.decode() for name, value in headers.items() if value is not None}
        source = (
            text["__connect.errors.topic"],
            int(text["__connect.errors.partition"]),
            int(text["__connect.errors.offset"]),
        )
        found.append(Letter(source, text["front.reason"]))
    return found


def raw_log(simulator: Simulator) -> list[dict[str, Any]]:
    """Every request that arrived, in order."""
    rows: list[dict[str, Any]] = []
    while True:
        after = rows[-1]["seq"] if rows else 0
        page = httpx.get(f"{simulator.base_url}/_sim/requests", params={"after": after, "limit": 10_000})
        found = page.json()["requests"]
        if not found:
            return rows
        rows += found


def verdict(config: Path, publisher: Publisher, simulator: Simulator, bootstrap: str) -> Verdict:
    """Judge a run from outside."""
    loaded = load(config)
    assert isinstance(loaded, Loaded)
    return judge(
        publisher.produced, loaded.mappings, publisher.schemas, raw_log(simulator), letters(bootstrap)
    )
