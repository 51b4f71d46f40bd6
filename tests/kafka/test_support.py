"""A real broker does what the service relies on, and what a test asks of it."""

import datetime as dt
import io
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import fastavro
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from tests.support.kafka import Cluster, Given, Kafka, running_kafka
from tests.support.plugin import NewCluster
from tests.support.witness import AvroJson, produce_with_jvm

SCHEMA = {
    "type": "record",
    "name": "Call",
    "namespace": "t",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "seconds", "type": ["null", "long"]},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["RINGING", "ENDED"]}},
        {"name": "audio", "type": "bytes"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}


@pytest.fixture(scope="module")
def alone(new_cluster: NewCluster) -> Iterator[Cluster]:
    """One broker that tests may hurt; each test leaves it well."""
    with new_cluster() as cluster:
        yield cluster


@pytest.mark.kafka
def test_records_make_a_round_trip(kafka: Kafka) -> None:
    """A created topic has its partitions, and a record comes back with its key, value and headers."""
    topic = kafka.create_topic(partitions=3)
    assert len(kafka.new_admin().list_topics(topic, timeout=10).topics[topic].partitions) == 3

    _produce(kafka, topic, b"v", key=b"k", partition=2)

    (record,) = _read(kafka, topic, partition=2, count=1)
    assert (record.key(), record.value(), record.headers()) == (b"k", b"v", [("h", b"\x00\xff")])


@pytest.mark.kafka
def test_a_topic_takes_its_configuration(kafka: Kafka) -> None:
    """What a test asks of a topic is what the broker then does: here, it refuses a record that is too large."""
    topic = kafka.create_topic(config={"max.message.bytes": "1000"})
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    errors: list[KafkaError | None] = []
    producer.produce(topic, bytes(5000), on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(20) == 0
    assert [error.code() for error in errors if error] == [KafkaError.MSG_SIZE_TOO_LARGE]


@pytest.mark.kafka
def test_a_mistyped_topic_does_not_come_to_be(kafka: Kafka) -> None:
    """Topics are not created by being named, so a test's mistake is seen."""
    known = kafka.new_admin().list_topics(f"nobody-made-{uuid.uuid4()}", timeout=10)
    errors = [topic.error for topic in known.topics.values()]
    assert [error.code() for error in errors if error] == [KafkaError.UNKNOWN_TOPIC_OR_PART]


@pytest.mark.kafka
def test_a_kafka_that_was_given_is_left_as_it_was_found(kafka: Kafka, tmp_path: Path) -> None:
    """Topics that tests made in somebody's Kafka are deleted at the end."""
    with running_kafka(Given(kafka.bootstrap), tmp_path) as given:
        topic = given.create_topic()
        assert topic in kafka.new_admin().list_topics(timeout=10).topics
    _until(lambda: topic not in kafka.new_admin().list_topics(timeout=10).topics, within_s=30.0)


@pytest.mark.kafka
def test_a_commit_keeps_its_metadata(kafka: Kafka) -> None:
    """The map of settled offsets travels in a commit's metadata: 4,095 characters come back unchanged, no more.

    Not 4,096, the broker's `offset.metadata.max.bytes`: the Python client sends a zero byte after the text.
    """
    topic = kafka.create_topic()
    settings = {"bootstrap.servers": kafka.bootstrap, "group.id": topic}
    longest = "m" * 4095

    member = Consumer(settings)
    try:
        member.commit(offsets=[TopicPartition(topic, 0, 7, longest)], asynchronous=False)
        with pytest.raises(KafkaException) as refused:
            member.commit(offsets=[TopicPartition(topic, 0, 8, longest + "m")], asynchronous=False)
        assert refused.value.args[0].code() == KafkaError.OFFSET_METADATA_TOO_LARGE
    finally:
        member.close()

    successor = Consumer(settings)
    try:
        (committed,) = successor.committed([TopicPartition(topic, 0)], timeout=10)
    finally:
        successor.close()
    assert (committed.offset, committed.metadata) == (7, longest)


@pytest.mark.kafka(java=True)
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_both_group_protocols_assign(alone: Cluster, protocol: str) -> None:
    """A group of the old protocol, and one of KIP-848, gets its partitions."""
    topic = alone.create_topic(partitions=2)
    assigned: list[TopicPartition] = []
    member = Consumer({"bootstrap.servers": alone.bootstrap, "group.id": topic, "group.protocol": protocol})
    try:
        member.subscribe([topic], on_assign=lambda _, partitions: assigned.extend(partitions))
        _until(lambda: member.poll(0.1) is None and bool(assigned), within_s=30.0)
    finally:
        member.close()
    assert sorted(one.partition for one in assigned) == [0, 1]


@pytest.mark.kafka(java=True)
def test_a_frozen_broker_answers_nothing_until_it_is_thawed(alone: Cluster) -> None:
    """Frozen, it acknowledges no record within half a second; thawed, it has what it had and takes the next."""
    topic = alone.create_topic()
    _produce(alone, topic, b"before")

    alone.freeze(1)
    with pytest.raises(KafkaException) as failed:
        _produce(alone, topic, b"during", within_ms=500)
    assert failed.value.args[0].code() == KafkaError._MSG_TIMED_OUT
    alone.thaw(1)

    _produce(alone, topic, b"after")
    # The one in between may or may not have been written: that its outcome is unknown is the point of freezing.
    values = [record.value() for record in _read(alone, topic, count=3, within_s=4.0)]
    assert values in ([b"before", b"after"], [b"before", b"during", b"after"])


@pytest.mark.kafka(java=True)
@pytest.mark.parametrize("end", [Cluster.stop, Cluster.kill])
def test_a_broker_starts_again_with_its_records(alone: Cluster, end: Callable[[Cluster, int], None]) -> None:
    """Stopped in order or killed, a broker serves its records again, at the same address, once it is started."""
    topic = alone.create_topic()
    _produce(alone, topic, b"v")
    before = alone.pid(1)

    end(alone, 1)
    alone.start(1)

    assert alone.pid(1) != before
    assert [record.value() for record in _read(alone, topic, count=1)] == [b"v"]


@pytest.mark.kafka(java=True)
def test_three_brokers_survive_the_loss_of_one(new_cluster: NewCluster) -> None:
    """With two of three replicas required, a killed broker loses no acknowledged record and stops no partition."""
    with new_cluster(brokers=3) as three:
        topic = three.create_topic(partitions=3, config={"min.insync.replicas": "2"})
        for partition in range(3):
            _produce(three, topic, b"before", partition=partition)

        three.kill(2)

        for partition in range(3):
            _produce(three, topic, b"after", partition=partition, within_ms=30_000)
            values = [record.value() for record in _read(three, topic, partition=partition, count=2)]
            assert values == [b"before", b"after"]


@pytest.mark.kafka(java=True)
def test_a_broker_that_does_not_start_shows_its_log(new_cluster: NewCluster) -> None:
    """The error carries the broker's own words, so that nobody has to look for the file."""
    cluster = new_cluster()
    taken = int(cluster.bootstrap.rpartition(":")[2])
    with (
        socket.create_server(("127.0.0.1", taken)),
        pytest.raises(
            RuntimeError, match=r"(?s)broker 1 did not start\. The end of its log:.*already in use"
        ),
        cluster,
    ):
        pass


@pytest.mark.kafka(java=True)
def test_a_setting_that_kafka_refuses_is_shown(new_cluster: NewCluster) -> None:
    """A wrong property is told by Kafka's tools before a broker starts."""
    with (
        pytest.raises(RuntimeError, match=r"(?s)storage was not formatted\. .*num\.network\.threads"),
        new_cluster(settings={"num.network.threads": "0"}),
    ):
        pass


@pytest.mark.kafka(java=True)
def test_what_java_writes_fastavro_reads(kafka: Kafka) -> None:
    """Records of Kafka's and Avro's own Java libraries have the frame and the bytes that we expect, in order."""
    topic = kafka.create_topic()
    at = 1_790_000_000_123
    calls: list[Mapping[str, object]] = [
        {"id": "é-1", "seconds": None, "state": "RINGING", "audio": "\u0000\u00ff", "at": at},
        {"id": "c-2", "seconds": {"long": -3}, "state": "ENDED", "audio": "", "at": at + 1},
    ]
    records = [AvroJson("k1", calls[0]), AvroJson(None, calls[1]), AvroJson("k1", None)]

    produce_with_jvm(kafka.bootstrap, topic, json.dumps(SCHEMA), 70_001, records)

    got = _read(kafka, topic, count=3)
    assert [record.key() for record in got] == [b"k1", None, b"k1"]
    assert got[2].value() is None
    first, second = (_unframed(record, 70_001) for record in got[:2])
    assert (first["id"], first["seconds"], first["state"], first["audio"]) == (
        "é-1",
        None,
        "RINGING",
        b"\x00\xff",
    )
    assert (second["id"], second["seconds"], second["state"]) == ("c-2", -3, "ENDED")
    assert first["at"] == dt.datetime.fromtimestamp(at / 1000, dt.UTC)


@pytest.mark.kafka(java=True)
def test_a_java_producer_that_fails_says_why(kafka: Kafka) -> None:
    """A record that is not of its schema ends the helper with Java's own message."""
    topic = kafka.create_topic()
    with pytest.raises(AssertionError, match=r"(?s)the Java producer failed:.*AvroTypeException"):
        produce_with_jvm(kafka.bootstrap, topic, json.dumps(SCHEMA), 1, [AvroJson("k", {"id": 5})])


def _produce(
    kafka: Kafka,
    topic: str,
    value: bytes,
    *,
    key: bytes | None = None,
    partition: int = 0,
    within_ms: int = 10_000,
) -> None:
    """Write one record and wait for its acknowledgement; raises KafkaException with the error that it met."""
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap, "message.timeout.ms": within_ms, "acks": "all", "log_level": 0}
    )
    errors: list[KafkaError | None] = []
    producer.produce(
        topic,
        value,
        key,
        partition,
        headers=[("h", b"\x00\xff")],
        on_delivery=lambda error, _: errors.append(error),
    )
    assert producer.flush(within_ms / 1000 + 5) == 0
    if errors[0] is not None:
        raise KafkaException(errors[0])


def _read(
    kafka: Kafka, topic: str, *, partition: int = 0, count: int, within_s: float = 10.0
) -> list[Message]:
    reader = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader", "log_level": 0})
    try:
        reader.assign([TopicPartition(topic, partition, 0)])
        return reader.consume(count, timeout=within_s)
    finally:
        reader.close()


def _unframed(record: Message, schema_id: int) -> dict[str, object]:
    framed = record.value()
    assert framed is not None
    assert framed[:5] == b"\x00" + schema_id.to_bytes(4, "big")
    read = fastavro.schemaless_reader(io.BytesIO(framed[5:]), SCHEMA, None)
    assert isinstance(read, dict)
    return read


def _until(holds: Callable[[], bool], *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.01)
