"""What the client and a real broker make of reading and writing: positions, pauses, truncation, transactions, lost answers.

The plain client, no code of the connector. `docs/decisions/kafka-facts.md` says what follows from each. A test that fails
after an upgrade of the client is news, not noise: read that page before you change the test.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)

from tests.kafka.member import new_topic, write
from tests.support.kafka import Cluster, Kafka
from tests.support.plugin import NewCluster
from tests.support.wire import Api, Pass, Wire

pytestmark = pytest.mark.kafka(java=True)

Seen: TypeAlias = tuple[str, int | None]
"""`record` with its offset, or the name of an error with the offset that came with it."""


@pytest.fixture(scope="module")
def cluster(new_cluster: NewCluster) -> Iterator[Cluster]:
    with new_cluster() as running:
        yield running


@pytest.fixture(scope="module")
def rewritten(cluster: Cluster) -> str:
    """A topic whose leader epoch changed at offset 10 of 30.

    To a reader that stands at 20 and remembers the first epoch, it is a log that was cut at 10 and written anew: the broker
    answers the question for that epoch's end as it would after an unclean election.
    """
    topic = new_topic(cluster, records=10)
    cluster.kill(1)
    cluster.start(1)
    write(cluster, topic, [b"written anew"] * 20)
    return topic


@contextmanager
def reader(kafka: Kafka | Wire, topic: str, **settings: Any) -> Iterator[Consumer]:
    """A client that assigns for itself."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": topic,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "log_level": 0,
            **{
                name if callable(value) else name.replace("_", "."): value for name, value in settings.items()
            },
        }
    )
    try:
        yield consumer
    finally:
        consumer.close()


def seen(consumer: Consumer, count: int, within_s: float = 10.0) -> list[Seen]:
    """The next so many things that the client has to say; fewer when it has no more in time."""
    found: list[Seen] = []
    deadline = time.monotonic() + within_s
    while len(found) < count and time.monotonic() < deadline:
        message = consumer.poll(0.05)
        if message is not None:
            error = message.error()
            found.append(("record" if error is None else error.name(), message.offset()))
    return found


def at(topic: str, offset: int, epoch: int) -> TopicPartition:
    return TopicPartition(topic, 0, offset, leader_epoch=epoch)


def test_the_client_finds_a_cut_log_when_it_did_not_know_the_topic_before(
    cluster: Cluster, rewritten: str
) -> None:
    """A fresh client validates an assigned position that carries its leader epoch, and says so instead of reading on."""
    with reader(cluster, rewritten) as consumer:
        consumer.assign([at(rewritten, 20, 0)])
        assert seen(consumer, 1) == [("_AUTO_OFFSET_RESET", None)]


def test_the_client_overlooks_a_cut_log_when_it_knew_the_topic_and_finds_it_by_a_seek(
    cluster: Cluster, rewritten: str
) -> None:
    """Any metadata asked for before is enough: other records are taken for the next ones. A seek with the epoch validates."""
    with reader(cluster, rewritten) as consumer:
        consumer.get_watermark_offsets(TopicPartition(rewritten, 0), timeout=10)
        consumer.assign([at(rewritten, 20, 0)])
        assert seen(consumer, 1) == [("record", 20)]
        consumer.seek(at(rewritten, 20, 0))
        assert seen(consumer, 1) == [("_AUTO_OFFSET_RESET", None)]


def test_the_client_validates_by_a_seek_before_it_has_given_out_anything(
    cluster: Cluster, rewritten: str
) -> None:
    """Assigned and sought in one breath: a cut log gives the error and no record, a sound position its records."""
    with reader(cluster, rewritten) as consumer:
        consumer.get_watermark_offsets(TopicPartition(rewritten, 0), timeout=10)
        for position, first in (
            (at(rewritten, 20, 0), "_AUTO_OFFSET_RESET"),
            (at(rewritten, 10, 0), "record"),
        ):
            consumer.incremental_assign([position])
            consumer.seek(position)
            assert seen(consumer, 1)[0][0] == first
            consumer.incremental_unassign([TopicPartition(rewritten, 0)])


def test_the_client_overlooks_a_cut_log_in_a_partition_that_it_gets_back(
    cluster: Cluster, rewritten: str
) -> None:
    """A partition that was somebody else's meanwhile is not validated either."""
    with reader(cluster, rewritten) as consumer:
        consumer.assign([at(rewritten, 5, 0)])
        assert seen(consumer, 1) == [("record", 5)]
        consumer.unassign()
        consumer.assign([at(rewritten, 20, 0)])
        assert seen(consumer, 1) == [("record", 20)]


def test_the_client_goes_back_silently_where_a_log_was_cut_unless_told_to_fail(
    cluster: Cluster, rewritten: str
) -> None:
    """With any other `auto.offset.reset` the same offsets come with other records, without a word."""
    with reader(cluster, rewritten, auto_offset_reset="earliest") as consumer:
        consumer.assign([at(rewritten, 20, 0)])
        assert seen(consumer, 2) == [("record", 10), ("record", 11)]


def test_the_client_throws_away_what_it_has_prefetched_when_it_is_paused(cluster: Cluster) -> None:
    """Ten pauses and nothing else: each record comes once to us and several times over the wire."""
    topic = new_topic(cluster, records=0)
    total = 10_000
    write(cluster, topic, [bytes(100)] * total)
    fetched: list[int] = []

    def heard(text: str) -> None:
        fetched.append(json.loads(text)["rxmsgs"])

    with reader(cluster, topic, stats_cb=heard, statistics_interval_ms=100) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        records: list[Message] = []
        while len(records) < total:
            batch = [one for one in consumer.consume(200, 1.0) if one.error() is None]
            records += batch
            if len(records) % 1000 < len(batch) and len(records) < total:
                consumer.pause([TopicPartition(topic, 0)])
                consumer.resume([TopicPartition(topic, 0)])
        told = len(fetched)
        seen(consumer, 1000, within_s=0.5)
    assert len(fetched) > told
    assert fetched[-1] > 2 * total
    assert [record.offset() for record in records] == list(range(total))


def test_the_client_counts_open_transactions_in_the_cached_end_but_never_reads_them(cluster: Cluster) -> None:
    """The cached end is the high watermark, the asked one the last stable offset; markers show in `_PARTITION_EOF` alone."""
    topic = new_topic(cluster, records=0)
    here = TopicPartition(topic, 0)
    stable: list[int] = []

    def heard(text: str) -> None:
        partitions = json.loads(text)["topics"].get(topic, {}).get("partitions", {})
        stable.extend(partitions[number]["ls_offset"] for number in partitions if number == "0")

    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(20)
    with reader(cluster, topic, stats_cb=heard, statistics_interval_ms=100) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        assert seen(consumer, 1) == [("_PARTITION_EOF", 0)]
        _transact(producer, topic, 3)
        producer.commit_transaction(10)
        # Three records and a marker: the end is 4.
        told = seen(consumer, 4)
        assert [one for one in told if one[0] == "record"] == [("record", 0), ("record", 1), ("record", 2)]
        assert (told[-1] if len(told) == 4 and told[-1][0] != "record" else seen(consumer, 1)[0]) == (
            "_PARTITION_EOF",
            4,
        )
        _transact(producer, topic, 5)
        assert seen(consumer, 1, within_s=1.0) == []
        assert consumer.get_watermark_offsets(here, cached=True)[1] == 9
        assert consumer.get_watermark_offsets(here, timeout=10)[1] == 4
        asked = [TopicPartition(topic, 0, which) for which in (OFFSET_BEGINNING, OFFSET_END)]
        assert [consumer.offsets_for_times([one], timeout=10)[0].offset for one in asked] == [0, 4]
        assert stable[-1] == 4
        producer.abort_transaction(10)
        assert seen(consumer, 1) == [("_PARTITION_EOF", 10)]
        (position,) = consumer.position([here])
        assert position.offset == 10


def _transact(producer: Producer, topic: str, records: int) -> None:
    producer.begin_transaction()
    for _ in range(records):
        producer.produce(topic, b"v")
    assert producer.flush(10) == 0


def test_the_client_calls_a_record_timed_out_that_the_broker_has_written(cluster: Cluster) -> None:
    """The answer to a write is lost: `_MSG_TIMED_OUT`, and the record is in the log, idempotent producer or not."""
    topic = cluster.create_topic()
    errors: list[str] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        errors.append("" if error is None else error.name())

    with Wire(cluster.side_door(1)) as wire:
        producer = Producer(
            {
                "bootstrap.servers": wire.bootstrap,
                "enable.idempotence": True,
                "delivery.timeout.ms": 1000,
                "log_level": 0,
            }
        )
        producer.list_topics(topic, timeout=10)
        wire.fate = lambda asked: Pass.UNANSWERED if asked.api == Api.PRODUCE else Pass.ON
        producer.produce(topic, b"v", on_delivery=delivered)
        assert producer.flush(10) == 0
    assert errors == ["_MSG_TIMED_OUT"]
    with reader(cluster, topic) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        assert seen(consumer, 2) == [("record", 0), ("_PARTITION_EOF", 1)]
