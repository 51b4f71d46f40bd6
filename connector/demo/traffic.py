"""Produces the demo's records as a platform would: schemas into the registry, framed Avro into Kafka.

Remembers where each record lies and by which schema it was written, for the verdict. Uses nothing of the connector's
adapters, and of the Kafka client only what the connector needs too.
"""

import json
from collections.abc import Iterable

import httpx
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connector.core.decode import ParsedSchema, SchemaId, SchemaRef, parse_schema
from connector.core.records import Epoch, Record
from connector.demo.events import BadRecord, DemoRecord, payload
from connector.resources import schemas_dir

_FLUSH_WITHIN_S = 30.0


class Publisher:
    """A producer for one run. Blocks; raises KafkaException, TimeoutError and httpx.HTTPError."""

    def __init__(self, bootstrap: str, registry_url: str) -> None:
        self.produced: list[Record] = []
        """What the broker acknowledged, with its place in the log."""
        self.schemas: dict[SchemaRef, ParsedSchema] = {}
        """By which schemas it was written."""
        self.registry_url = registry_url
        self._written_by: dict[tuple[str, str], ParsedSchema] = {}
        # Silent: a lost connection is told by a failed delivery, not on stderr.
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 0})

    def publish(self, records: Iterable[DemoRecord]) -> None:
        """Produce all of them and wait until the broker has them."""
        for record in records:
            self._produce(record.topic, record.key.encode(), self.encoded(record), record.at_ms)
        self._flush()

    def publish_raw(
        self, topic: str, key: bytes | None, value: bytes | None, *, timestamp_ms: int = 0
    ) -> None:
        """Produce bytes as they are, and wait until the broker has them."""
        self._produce(topic, key, value, timestamp_ms)
        self._flush()

    def encoded(self, record: DemoRecord) -> bytes:
        """The record's value, its schema registered."""
        name = (record.topic, record.schema_name)
        schema = self._written_by.get(name)
        if schema is None:
            schema = self._written_by[name] = self._register(*name, definition(record))
        assert isinstance(schema.ref, SchemaId)
        return payload(record, schema.avro, schema.ref.id)

    def remember(self, schema_id: int, text: str) -> ParsedSchema:
        """Note that records are written by this schema."""
        ref = SchemaId(schema_id)
        if ref not in self.schemas:
            parsed = parse_schema(json.loads(text), ref)
            assert isinstance(parsed, ParsedSchema), "the registry accepted it"
            self.schemas[ref] = parsed
        return self.schemas[ref]

    def _register(self, topic: str, schema_name: str, text: str) -> ParsedSchema:
        """Source: Schema Registry API reference, POST /subjects/(subject)/versions; TopicRecordNameStrategy."""
        answer = httpx.post(
            f"{self.registry_url}/subjects/{topic}-{schema_name}/versions",
            json={"schema": text},
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
            trust_env=False,
        )
        return self.remember(answer.raise_for_status().json()["id"], text)

    def _produce(self, topic: str, key: bytes | None, value: bytes | None, timestamp_ms: int) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._delivered, timestamp=timestamp_ms)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise KafkaException(error)
        self.produced.append(_as_record(message))

    def _flush(self) -> None:
        if self._producer.flush(_FLUSH_WITHIN_S):
            raise TimeoutError(f"Kafka has not taken all records within {_FLUSH_WITHIN_S:.0f} s")


def definition(record: DemoRecord) -> str:
    """The schema that a record is written by, as text."""
    own = record.definition if isinstance(record, BadRecord) else None
    if own is not None:
        return json.dumps(own)
    namespace, _, name = record.schema_name.rpartition(".")
    return (schemas_dir() / "avro" / namespace / f"{name}.avsc").read_text(encoding="utf-8")


def _as_record(message: Message) -> Record:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None, "an acknowledged record has a place in the log"
    _, timestamp_ms = message.timestamp()
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        epoch=Epoch(0),
        value=message.value(),
        key=message.key(),
        timestamp_ms=timestamp_ms,
    )
