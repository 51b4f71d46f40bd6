"""`adapters/kafka/reading.py` at a real broker: what is chosen, that it ends whatever the log looks like, and what it says."""

import time
from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import Producer, TopicPartition

from connector.adapters.kafka import reading
from connector.adapters.kafka.reading import At, CannotRead, Last, Reader, Selection, Window
from tests.kafka.conftest import Alone
from tests.kafka.member import new_topic, write
from tests.support.guarded import PASSWORD, read
from tests.support.kafka import Kafka, free_ports
from tests.support.plugin import NewCluster
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def reader(kafka: Kafka) -> Iterator[Reader]:
    """One for all tests: a reader is used again, also after one that was left half way."""
    with Reader({"bootstrap.servers": kafka.bootstrap}) as made:
        yield made


def found(
    kafka: Kafka, topic: str, selection: Selection, others: Sequence[str] = ()
) -> list[tuple[int, int]]:
    """Partition and offset of what a new reader gives for this choice."""
    with Reader({"bootstrap.servers": kafka.bootstrap}) as one:
        return sorted(
            (record.partition, record.offset) for record in one.records(one.plan([topic, *others], selection))
        )


def transactional(kafka: Kafka, topic: str) -> Producer:
    """A producer whose transactions have begun to be possible."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(10)
    return producer


def transact(producer: Producer, topic: str, count: int, *, commit: bool) -> None:
    """One transaction of so many records; its marker takes an offset too."""
    producer.begin_transaction()
    for _ in range(count):
        producer.produce(topic, b"x", partition=0)
    assert producer.flush(10) == 0  # what is aborted before it was sent takes no offset
    (producer.commit_transaction if commit else producer.abort_transaction)(10)


def test_one_record_comes_whole(kafka: Kafka) -> None:
    """Key, value, headers with and without value, time and place, as they were written."""
    topic = kafka.create_topic(partitions=2)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for number in range(3):
        producer.produce(
            topic,
            b"v%d" % number,
            b"k",
            partition=1,
            headers=[("h", b"\x00\xff"), ("none", None)],
            timestamp=1_700_000_000_000 + number,
        )
    assert producer.flush(10) == 0
    with Reader({"bootstrap.servers": kafka.bootstrap}) as one:
        (record,) = one.records(one.plan([topic], At(1, 1)))
    assert (record.topic, record.partition, record.offset) == (topic, 1, 1)
    assert (record.key, record.value) == (b"k", b"v1")
    assert record.headers == (("h", b"\x00\xff"), ("none", None))
    assert record.timestamp_ms == 1_700_000_000_001


def test_nothing_is_committed_and_no_group_comes_to_be(kafka: Kafka, reader: Reader) -> None:
    """The group's name that the client wants is never seen by the coordinator."""
    topic = new_topic(kafka, records=3)
    assert len(list(reader.records(reader.plan([topic], Last(3))))) == 3
    admin = kafka.new_admin()
    groups = admin.list_consumer_groups(request_timeout=10).result(10).valid
    assert "front-connector-reader" not in {group.group_id for group in groups}


def test_the_last_records_are_spread_over_the_partitions(kafka: Kafka) -> None:
    """What a short partition lacks the longer ones give; an empty one gives nothing; more than there is gives all."""
    topic = kafka.create_topic(partitions=3)
    write(kafka, topic, [b"x"] * 10, partition=0)
    write(kafka, topic, [b"x"] * 2, partition=1)
    assert found(kafka, topic, Last(6)) == [(0, 6), (0, 7), (0, 8), (0, 9), (1, 0), (1, 1)]
    assert found(kafka, topic, Last(1)) == [(0, 9)]
    assert len(found(kafka, topic, Last(100))) == 12


def test_several_topics_are_read_at_once(kafka: Kafka) -> None:
    """Each gives its own last records, however long the others are."""
    long, short = new_topic(kafka, records=50), new_topic(kafka, records=2)
    assert found(kafka, long, Last(3), [short]) == [(0, 0), (0, 1), (0, 47), (0, 48), (0, 49)]


def test_a_window_has_its_begin_and_not_its_end(kafka: Kafka) -> None:
    """Record times from `from_ms` to before `to_ms`; without `to_ms` to the end; before all and after all are fine."""
    topic = kafka.create_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    begin = 1_700_000_000_000
    for number in range(10):
        producer.produce(topic, b"x", partition=0, timestamp=begin + number * 1000)
    assert producer.flush(10) == 0
    assert found(kafka, topic, Window(begin + 2000, begin + 4000)) == [(0, 2), (0, 3)]
    assert found(kafka, topic, Window(begin + 7500)) == [(0, 8), (0, 9)]
    assert found(kafka, topic, Window(0, begin)) == []
    assert found(kafka, topic, Window(begin + 60_000)) == []


def test_what_is_written_while_it_reads_is_not_waited_for(kafka: Kafka, reader: Reader) -> None:
    """The end is the one that was seen when it was planned, though the log goes on."""
    topic = new_topic(kafka, records=5)
    spans = reader.plan([topic], Last(100))
    write(kafka, topic, [b"later"] * 5)
    assert [record.offset for record in reader.records(spans)] == [0, 1, 2, 3, 4]


def test_a_reader_left_half_way_reads_again(kafka: Kafka, reader: Reader) -> None:
    """Whoever wants one record of a window takes it and drops the rest."""
    topic = new_topic(kafka, records=5)
    for _ in range(2):
        records = reader.records(reader.plan([topic], Last(5)))
        assert next(records).offset == 0
        records.close()  # type: ignore[attr-defined]


def test_aborted_records_and_markers_are_passed_over_and_ended_on(kafka: Kafka) -> None:
    """Offsets 0 to 2 and 3 (marker), 4 to 6 aborted and 7 (its marker): the last offset that has a record is 2."""
    topic = kafka.create_topic()
    producer = transactional(kafka, topic)
    transact(producer, topic, 3, commit=True)
    transact(producer, topic, 3, commit=False)
    assert found(kafka, topic, Last(100)) == [(0, 0), (0, 1), (0, 2)]
    assert found(kafka, topic, Last(4)) == []
    assert found(kafka, topic, At(0, 3)) == []
    transact(producer, topic, 1, commit=True)
    assert found(kafka, topic, Last(8)) == [(0, 2), (0, 8)]
    assert found(kafka, topic, At(0, 5)) == []


def test_an_open_transaction_is_not_waited_for(kafka: Kafka) -> None:
    """What is not committed yet is not there yet, and neither is what lies behind it."""
    topic = new_topic(kafka, records=2)
    producer = transactional(kafka, topic)
    producer.begin_transaction()
    producer.produce(topic, b"open", partition=0)
    assert producer.flush(10) == 0
    write(kafka, topic, [b"behind"])
    assert found(kafka, topic, Last(100)) == [(0, 0), (0, 1)]
    producer.abort_transaction(10)
    assert found(kafka, topic, Last(100)) == [(0, 0), (0, 1), (0, 3)]


def test_records_that_retention_removed_are_none_of_the_last(kafka: Kafka, reader: Reader) -> None:
    """The range in the sentence begins where the log does; spans planned before lose what is gone, and end."""
    topic = new_topic(kafka, records=10)
    spans = reader.plan([topic], Last(10))
    place = TopicPartition(topic, 0, 7)
    admin = kafka.new_admin()
    admin.delete_records([place])[place].result(10)
    assert [record.offset for record in reader.records(spans)] == [7, 8, 9]
    assert found(kafka, topic, Last(100)) == [(0, 7), (0, 8), (0, 9)]
    with pytest.raises(CannotRead) as raised:
        reader.plan([topic], At(0, 6))
    assert str(raised.value) == f"offset 6 is out of range: partition 0 of {topic} holds offsets 7 to 9"


@pytest.mark.kafka(java=True)
def test_a_compacted_topic_ends(new_cluster: NewCluster) -> None:
    """Of many records of one key the cleaner leaves few; a range that lost all of its records gives none."""
    settings = {"log.cleaner.backoff.ms": "100", "log.initial.task.delay.ms": "100"}
    with new_cluster(settings=settings) as kafka:
        compact = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
        topic = kafka.create_topic(config=compact)
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})

        def left() -> list[tuple[int, int]]:
            producer.produce(topic, b"x", b"same key", partition=0)
            producer.flush(10)
            return found(kafka, topic, Last(1000))

        eventually(lambda: bool(left()) and left()[0][1] > 0, 60, "compaction")
        assert found(kafka, topic, At(0, 0)) == []


def test_an_empty_topic_gives_nothing_at_once(kafka: Kafka) -> None:
    """No record, no wait; and one record of it is out of range."""
    topic = kafka.create_topic(partitions=3)
    began = time.monotonic()
    assert found(kafka, topic, Last(10)) == found(kafka, topic, Window(0)) == []
    assert time.monotonic() - began < reading.ANSWER_WITHIN_S
    with pytest.raises(CannotRead, match=f"partition 1 of {topic} holds no records"):
        found(kafka, topic, At(1, 0))


def test_a_topic_that_does_not_exist_is_told_with_the_nearest(kafka: Kafka) -> None:
    """And looking for it does not create it."""
    topic = kafka.create_topic()
    wrong = topic[:-1] + "_"
    with pytest.raises(CannotRead) as raised, Reader({"bootstrap.servers": kafka.bootstrap}) as one:
        one.plan([wrong], Last(1))
    assert raised.value.because == "not_there"
    assert str(raised.value) == f"the topic {wrong} does not exist: did you mean {topic!r}?"
    assert wrong not in kafka.new_admin().list_topics(timeout=10).topics


def test_a_partition_that_does_not_exist_is_told_with_those_there_are(kafka: Kafka) -> None:
    """By its number."""
    one, three = kafka.create_topic(), kafka.create_topic(partitions=3)
    with pytest.raises(CannotRead) as raised, Reader({"bootstrap.servers": kafka.bootstrap}) as fresh:
        fresh.plan([three], At(3, 0))
    assert str(raised.value) == f"the topic {three} has no partition 3: it has partitions 0 to 2"
    with pytest.raises(CannotRead) as raised, Reader({"bootstrap.servers": kafka.bootstrap}) as fresh:
        fresh.plan([one], At(1, 0))
    assert str(raised.value) == f"the topic {one} has no partition 1: it has partition 0 only"


def test_a_topic_that_is_deleted_ends_the_reading(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence, whichever of the two the client notices first: no topic, or no more records."""
    monkeypatch.setattr(reading, "SILENT_FOR_S", 3.0)
    topic = new_topic(kafka, records=5)
    with Reader({"bootstrap.servers": kafka.bootstrap}) as one:
        spans = one.plan([topic], Last(5))
        admin = kafka.new_admin()
        admin.delete_topics([topic])[topic].result(10)
        kafka.created.remove(topic)
        eventually(lambda: topic not in admin.list_topics(timeout=10).topics, 10, "deletion")
        with pytest.raises(CannotRead, match=f"{topic} (was deleted while it was read|gave nothing more)"):
            list(one.records(spans))


def test_no_broker_is_told_within_a_bound_with_the_clients_own_words() -> None:
    """Nobody listens there."""
    (port,) = free_ports(1)
    began = time.monotonic()
    with pytest.raises(CannotRead) as raised, Reader({"bootstrap.servers": f"127.0.0.1:{port}"}, 1.0) as one:
        one.plan(["t"], Last(1))
    assert time.monotonic() - began < 10
    assert raised.value.because == "unavailable"
    assert str(raised.value).startswith(f"no broker at 127.0.0.1:{port} answered within 1 s (")
    assert "Connection refused" in str(raised.value)
    assert str(raised.value).endswith("): check kafka.bootstrap_servers and kafka.properties")


def test_a_property_that_the_client_does_not_take_is_refused() -> None:
    """In the client's own words."""
    with pytest.raises(ValueError, match='No such configuration property: "nonsense"'):
        Reader({"bootstrap.servers": "127.0.0.1:1", "nonsense": "1"})


@pytest.mark.kafka(java=True)
@pytest.mark.registry
def test_a_topic_that_may_not_be_read_is_told_as_a_right(alone: Alone) -> None:
    """Neither Describe nor Read: the sentence names the right; with Read alone, and no right on any group, it reads."""
    topic = new_topic(alone.cluster, records=3)
    login = alone.cluster.login()
    connection = {
        **login["properties"],
        "sasl.password": PASSWORD,
        "bootstrap.servers": login["bootstrap_servers"],
    }
    with pytest.raises(CannotRead) as raised, Reader(connection) as one:
        list(one.records(one.plan([topic], Last(1))))
    assert raised.value.because == "denied"
    assert (
        str(raised.value)
        == f"Kafka does not allow this user: Read on topic {topic}. Grant this right (an ACL)."
    )
    alone.cluster.grant(read(topic))
    with Reader(connection) as one:
        assert len(list(one.records(one.plan([topic], Last(2))))) == 2
