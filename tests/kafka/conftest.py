"""A place to test in: one Kafka, one registry and one Front for a module's tests, and the connectors between them.

What lives here: topics with names of their own and the shipped mapping files rewritten for them, records, the
dead letters, and what the group coordinator was told. What a test breaks, and what must come of it, is said in
the tests.
"""

import functools
import itertools
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from connector.demo.companies import companies_of
from connector.demo.estate import Estate
from connector.demo.events import TOPICS
from connector.resources import mappings_dir, schemas_dir
from connector.simulator.server import Simulator, running
from tests.kafka.letters import TEN_MB, Letters, Place
from tests.support.estates import raw_log, world
from tests.support.guarded import GuardedCluster
from tests.support.java import Missing
from tests.support.kafka import Kafka, find_jars
from tests.support.service import Service, eventually

CALLS, MESSAGES, _, _ = TOPICS
COMPANIES = companies_of(24)
VOICE, CHAT = COMPANIES[0].voice[0], COMPANIES[0].chat[0]
OTHER_CHAT = COMPANIES[1].chat[0]

LATEST = OffsetSpec.latest()

HASTE: Mapping[str, Any] = {
    "front": {"request_deadline_s": 2.0, "hold_probe_s": 1.0, "retry": {"base_s": 0.05, "cap_s": 0.5}},
    "limits": {"commit_interval_s": 0.2, "revoke_drain_s": 2.0, "drain_s": 5.0},
}
"""Settings for tests: what fails is tried again soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic, and which shipped mapping it has under its own name. `mapping`: what its mapping file says besides rules."""

    name: str
    like: str
    mapping: Mapping[str, object] = field(default_factory=dict)

    def mapping_file(self) -> str:
        """The shipped file's text, for this topic."""
        head = f"\n  {self.like}:\n    start: earliest\n"
        texts = (path.read_text("utf-8") for path in mappings_dir().glob("*.yaml"))
        (shipped,) = (text for text in texts if head in text)
        said = {"start": "earliest", **self.mapping}
        lines = "".join(f"    {name}: {value}\n" for name, value in said.items() if value is not None)
        return shipped.replace(head, f"\n  {self.name}:\n{lines}")


class Connector(Service):
    """The service, with the group it was configured for."""

    def __init__(self, config: Path, group: str) -> None:
        super().__init__(config)
        self.group = group

    def begin(self) -> None:
        """Start it and wait until its probes answer. It need not be ready."""
        before = len(self.events("connector.started")) if self.log.exists() else 0
        self.start()
        eventually(lambda: not self.running or len(self.events("connector.started")) > before, 120, "start")
        assert self.running, self.log.read_text()[-3000:]

    def begin_and_join(self) -> None:
        """Start it and wait until it consumes."""
        self.begin()
        eventually(lambda: self.get("/readyz").status_code == 200, 120, "readiness")

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /readyz."""
        answer = self.get("/readyz")
        return answer.status_code, answer.json()

    def refused(self) -> str:
        """Start it, wait for its end, and give what it said; for configurations that it must refuse."""
        self.start()
        assert self.wait(120) == 78, self.log.read_text()[-3000:]
        return self.log.read_text()

    def why(self, code: int = 78) -> str:
        """Start it; it must refuse with this exit code. The sentence with which it does."""
        before = len(self.events("startup.refused")) if self.log.exists() else 0
        self.start()
        assert self.wait(120) == code, self.log.read_text()[-3000:]
        (line,) = self.events("startup.refused")[before:]
        assert line["code"] == code
        return str(line["why"])


class Site:
    """Everything that a module's tests share. `close` ends what they started."""

    def __init__(self, kafka: Kafka, registry: str, front: Simulator, folder: Path) -> None:
        self.kafka = kafka
        self.registry = registry
        self.front = front
        self.letters = Letters(kafka)
        self._folder = folder
        self._run = uuid.uuid4().hex[:4]
        self._numbers = itertools.count(1)
        self._admin: AdminClient = kafka.new_admin()
        self._producer = Producer(
            {
                "bootstrap.servers": kafka.bootstrap,
                "linger.ms": 0,
                "message.max.bytes": 20 * 2**20,
                "log_level": 0,
            }
        )
        self._schemas = SchemaRegistryClient({"url": registry})
        self._serializers: dict[str, AvroSerializer] = {}
        self._connectors: list[Connector] = []

    def close(self) -> None:
        for connector in self._connectors:
            connector.stop()
        self.letters.close()
        self._schemas.close()

    # --- topics and connectors --------------------------------------------------------------------------------

    def topic(self, like: str = MESSAGES, partitions: int = 1, **mapping: object) -> Topic:
        """A new topic. `mapping`: start (earliest if not given, None to leave it out), max_age_s, on_missing_offset."""
        return Topic(
            name=self.kafka.create_topic(partitions=partitions, config={"max.message.bytes": str(TEN_MB)}),
            like=like,
            mapping=mapping,
        )

    def connector(
        self, *topics: Topic, settings: Mapping[str, Any] | None = None, group: str | None = None
    ) -> Connector:
        """A connector for these topics, not started. `settings` go over `HASTE`, section by section."""
        folder = self._folder / f"connector-{next(self._numbers)}"
        mappings = folder / "rewritten"
        mappings.mkdir(parents=True)
        for topic in topics:
            (mappings / f"{topic.name}.yaml").write_text(topic.mapping_file(), "utf-8")
        group = group or f"group-{uuid.uuid4().hex[:12]}"
        own = {"dead_letter": {"topic": self.letters.topic}}
        estate = Estate(
            bootstrap=self.kafka.bootstrap,
            registry_url=self.registry,
            front_url=self.front.base_url,
            group=group,
            mapping_files=mappings,
            settings=functools.reduce(over, (HASTE, own, settings or {})),
        )
        connector = Connector(estate.write(folder), group)
        self._connectors.append(connector)
        return connector

    # --- records ----------------------------------------------------------------------------------------------

    def new_id(self, kind: str) -> str:
        """An id that no other test has."""
        return f"{kind}-{self._run}-{next(self._numbers)}"

    def encode(self, topic: Topic, schema: str, value: Mapping[str, object]) -> bytes:
        """A value as confluent-kafka's own serializer writes it. `schema`: as in `schemas/avro`, or a schema's text."""
        encoded = self._serializer(schema)(dict(value), SerializationContext(topic.name, MessageField.VALUE))
        assert encoded is not None
        return bytes(encoded)

    def send(
        self,
        topic: Topic,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int = 0,
        at: float | None = None,
    ) -> Place:
        """Write one record and wait until the broker has it. `at`: its timestamp, Unix seconds."""
        places: list[Place] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            places.append(Place(topic.name, partition, message.offset() or 0))

        self._producer.produce(
            topic.name, value, key, partition=partition, headers=list(headers), on_delivery=delivered,
            timestamp=round((at or time.time()) * 1000),
        )  # fmt: skip
        assert self._producer.flush(30) == 0
        return places[0]

    def message(self, topic: Topic, *, partition: int = 0, at: float | None = None, **fields: object) -> str:
        """Write a good message and give its id. `fields` replace those of the event."""
        value = message(self.new_id("m"), **fields)
        conversation = str(value["conversation_id"]).encode()
        self.send(topic, self.encode(topic, MESSAGE, value), key=conversation, partition=partition, at=at)
        return str(value["message_id"])

    def call(self, topic: Topic, schema: str, *, partition: int = 0, **fields: object) -> Place:
        """Write an event of a call. `schema`: CallCreated, CallUpdated or another of `telephony`."""
        value = {"event_id": self.new_id("evt"), "occurred_at": _now_ms(), "line_id": VOICE.id, **fields}
        key = str(value["call_id"]).encode()
        return self.send(
            topic, self.encode(topic, f"telephony.{schema}", value), key=key, partition=partition
        )

    def _serializer(self, schema: str) -> AvroSerializer:
        if schema in self._serializers:
            return self._serializers[schema]
        text = schema
        if not schema.startswith("{"):
            namespace, _, name = schema.rpartition(".")
            text = (schemas_dir() / "avro" / namespace / f"{name}.avsc").read_text("utf-8")
        conf = {"auto.register.schemas": True, "subject.name.strategy": topic_record_subject_name_strategy}
        made = self._serializers[schema] = AvroSerializer(self._schemas, text, conf=conf)
        return made

    # --- what came of them ------------------------------------------------------------------------------------

    @contextmanager
    def faulty(self, *faults: Mapping[str, object]) -> Iterator[None]:
        """Front does this wrong, until the block ends."""
        self.set_faults(*faults)
        try:
            yield
        finally:
            self.set_faults()

    def set_faults(self, *faults: Mapping[str, object]) -> None:
        """Front does this wrong and nothing else."""
        httpx.put(f"{self.front.base_url}/_sim/faults", json=list(faults)).raise_for_status()

    def requests(self, *ids: str) -> list[dict[str, Any]]:
        """What arrived at Front for these messages, calls or templates, in order."""
        return [row for row in raw_log(self.front) if row["external_id"] in ids or row["call_id"] in ids]

    def accepted(self, *ids: str) -> bool:
        """Whether Front has accepted something for each of these messages and calls."""
        return {
            row["external_id"] or row["call_id"] for row in self.requests(*ids) if row["accepted"]
        } == set(ids)

    def wait_accepted(self, *ids: str, within_s: float = 20) -> None:
        """Until Front has accepted something for each of these messages and calls."""
        eventually(lambda: self.accepted(*ids), within_s, f"acceptance of {ids}")

    def committed(self, group: str) -> dict[tuple[str, int], Any]:
        """What the coordinator was told: offset and metadata by partition."""
        answer = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
        return {(tp.topic, tp.partition): tp for tp in answer.result(10).topic_partitions}

    def reset(self, group: str, offsets: Mapping[tuple[str, int], int], metadata: str = "") -> None:
        """Set a group's offsets as an operator would, while it has no member."""
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": group, "log_level": 0})
        entries = [TopicPartition(*tp, offset, metadata) for tp, offset in offsets.items()]
        consumer.commit(offsets=entries, asynchronous=False)
        consumer.close()

    def lag(self, connector: Connector, *topics: Topic) -> int:
        """Records of these topics that no commit of the group calls settled."""
        names = {topic.name for topic in topics}
        told = self.committed(connector.group)
        return sum(
            end - (max(0, told[tp].offset) if tp in told else 0) for tp, end in self.ends(names).items()
        )

    def partitions(self, name: str) -> int:
        """How many partitions a topic has, as the producer of this site sees it from now on."""
        return len(self._producer.list_topics(name, timeout=10).topics[name].partitions)

    def ends(self, names: Iterable[str]) -> dict[tuple[str, int], int]:
        """The end of each partition of these topics."""
        known = self._admin.list_topics(timeout=10).topics
        wanted = {TopicPartition(name, number): LATEST for name in names for number in known[name].partitions}
        found = self._admin.list_offsets(wanted)
        return {(tp.topic, tp.partition): future.result(10).offset for tp, future in found.items()}

    def wait_committed(self, connector: Connector, *topics: Topic, within_s: float = 20) -> None:
        """Until the group has committed the end of these topics."""
        eventually(lambda: self.lag(connector, *topics) == 0, within_s, "lag 0")


MESSAGE = "messaging.MessageReceived"


def message(message_id: str, **fields: object) -> dict[str, object]:
    """The event of a good message, in a conversation of its own unless `fields` say otherwise."""
    return {
        "event_id": f"evt-{message_id}",
        "occurred_at": _now_ms(),
        "line_id": CHAT.id,
        "conversation_id": f"room-{message_id}",
        "message_id": message_id,
        "sender": {"address": "+12025550100", "display_name": None, "email": None},
        "text": "hello",
        **fields,
    }


def over(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others put over them, section by section."""
    merged = dict(base)
    for name, value in more.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = over(merged[name], value) if both else value
    return merged


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def front() -> Iterator[Simulator]:
    """A Front that knows the demo's companies."""
    with running(world()) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def site(
    kafka: Kafka, registry: str, front: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The module's place to test in."""
    made = Site(kafka, registry, front, tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@dataclass(frozen=True, slots=True)
class Alone:
    """A broker that a test may stop, with a door that asks for rights, and what else it needs. Each test leaves it well."""

    cluster: GuardedCluster
    site: Site


@pytest.fixture(scope="session")
def guarded_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedCluster]:
    """One for the whole run."""
    jars = find_jars()
    assert not isinstance(jars, Missing), "the test lacks the marker `kafka(java=True)`"
    with GuardedCluster(jars, tmp_path_factory.mktemp("guarded")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def alone(
    guarded_cluster: GuardedCluster, registry: str, front: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Alone]:
    """The module's place at the guarded cluster."""
    site = Site(guarded_cluster, registry, front, tmp_path_factory.mktemp("alone"))
    yield Alone(guarded_cluster, site)
    site.close()
