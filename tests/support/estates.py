"""A real or embedded Kafka, a registry, the simulator and the connector's folder, joined for one test."""

from pathlib import Path
from typing import Any, Self

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from connector.config import Loaded, load
from connector.demo import traffic
from connector.demo.events import BadRecord, DemoRecord
from connector.demo.evidence import letters, read_topic
from connector.demo.evidence import raw_log as raw_log_at
from connector.demo.front import world
from connector.demo.verdict import Verdict, judge
from connector.simulator.server import Simulator

__all__ = ["Publisher", "create_topics", "letters", "raw_log", "read_topic", "verdict", "world"]


class Publisher(traffic.Publisher):
    """Serializes good records with confluent-kafka's own serializer: not by the project's code."""

    def __init__(self, bootstrap: str, registry_url: str) -> None:
        super().__init__(bootstrap, registry_url)
        self._registry = SchemaRegistryClient({"url": registry_url})
        self._serializers: dict[str, AvroSerializer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections to the registry."""
        self._registry.close()

    def encoded(self, record: DemoRecord) -> bytes:
        """The record's value, its schema registered."""
        if isinstance(record, BadRecord):
            return super().encoded(record)
        serializer = self._serializers.get(record.schema_name)
        text = traffic.definition(record)
        if serializer is None:
            conf = {
                "auto.register.schemas": True,
                "subject.name.strategy": topic_record_subject_name_strategy,
            }
            serializer = self._serializers[record.schema_name] = AvroSerializer(
                self._registry, text, conf=conf
            )
        value = serializer(dict(record.value), SerializationContext(record.topic, MessageField.VALUE))
        assert value is not None
        self.remember(int.from_bytes(value[1:5], "big"), text)
        return bytes(value)


def create_topics(bootstrap: str, partitions: dict[str, int]) -> None:
    """Create topics and wait until they are there."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = [
        NewTopic(name, num_partitions=number, replication_factor=1) for name, number in partitions.items()
    ]
    for future in admin.create_topics(topics).values():
        future.result(30)


def raw_log(simulator: Simulator) -> list[dict[str, Any]]:
    """Every request that arrived, in order."""
    return raw_log_at(simulator.base_url)


def verdict(config: Path, publisher: Publisher, simulator: Simulator, bootstrap: str) -> Verdict:
    """Judge a run from outside."""
    loaded = load(config)
    assert isinstance(loaded, Loaded)
    return judge(
        publisher.produced, loaded.mappings, publisher.schemas, raw_log(simulator), letters(bootstrap)
    )
