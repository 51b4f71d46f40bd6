"""The embedded broker serves real clients, this process's and others', and makes the faults it is told to make."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from connector.demo import broker as module
from connector.demo.broker import PLAIN_PARTITIONS, EmbeddedBroker, EmbeddedBrokerError

PRODUCE_FROM_OUTSIDE = """
import sys
from confluent_kafka import Producer

producer = Producer({"bootstrap.servers": sys.argv[1]})
for number in range(3):
    producer.produce("calls", key=b"k", value=str(number).encode(), headers=[("h", b"\\x00\\xff")], partition=2)
assert producer.flush(10) == 0
"""


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A broker of the test's own."""
    with EmbeddedBroker() as running:
        yield running


def test_it_can_be_controlled_here(broker: EmbeddedBroker) -> None:
    """The wheel's librdkafka is found, so the tests below try the full form and not the plain one."""
    assert broker.controllable


def test_records_of_another_process_arrive_as_they_were_written(broker: EmbeddedBroker) -> None:
    """What a client elsewhere wrote to one of five partitions is read here in order, bytes unchanged."""
    assert broker.create_topic("calls", 5) == 5
    subprocess.run([sys.executable, "-c", PRODUCE_FROM_OUTSIDE, broker.bootstrap], check=True, timeout=30)

    records = _read(broker, "calls", partition=2, count=3)

    assert [record.value() for record in records] == [b"0", b"1", b"2"]
    assert [record.key() for record in records] == [b"k"] * 3
    assert records[0].headers() == [("h", b"\x00\xff")]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_gets_its_partitions_without_the_initial_wait(broker: EmbeddedBroker, protocol: str) -> None:
    """A member of either group protocol is assigned all partitions well before librdkafka's 3 s."""
    broker.create_topic("calls", 4)
    assigned: list[TopicPartition] = []
    member = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "g", "group.protocol": protocol, "log_level": 0}
    )
    try:
        member.subscribe(["calls"], on_assign=lambda _, partitions: assigned.extend(partitions))
        for _ in range(25):
            member.poll(0.1)
            if assigned:
                break
    finally:
        member.close()
    assert sorted(one.partition for one in assigned) == [0, 1, 2, 3]


def test_a_pushed_error_meets_one_request_and_no_more(broker: EmbeddedBroker) -> None:
    """With an error pushed on Produce, a producer that may not retry fails once, then succeeds."""
    broker.create_topic("calls")
    producer = Producer({"bootstrap.servers": broker.bootstrap, "retries": 0})

    broker.push_errors(0, [KafkaError.INVALID_REQUIRED_ACKS])

    assert _produced(producer) == KafkaError.INVALID_REQUIRED_ACKS
    assert _produced(producer) is None


def test_errors_that_are_cleared_meet_nobody(broker: EmbeddedBroker) -> None:
    """Pushed errors can be taken back."""
    broker.create_topic("calls")
    broker.push_errors(0, [KafkaError.INVALID_REQUIRED_ACKS])
    broker.clear_errors(0)

    assert _produced(Producer({"bootstrap.servers": broker.bootstrap, "retries": 0})) is None


def test_a_broker_that_is_down_keeps_its_records(broker: EmbeddedBroker) -> None:
    """Down, it takes nothing; up again, it has what it had."""
    broker.create_topic("calls")
    settings = {"bootstrap.servers": broker.bootstrap, "message.timeout.ms": 300, "log_level": 0}
    assert _produced(Producer(settings)) is None

    broker.broker_down()
    assert _produced(Producer(settings)) == KafkaError._MSG_TIMED_OUT
    broker.broker_up()

    assert [record.value() for record in _read(broker, "calls", partition=0, count=1)] == [b"v"]


def test_a_topic_that_exists_is_not_created_again(broker: EmbeddedBroker) -> None:
    """The error names the topic and says what is wrong."""
    broker.create_topic("calls")
    with pytest.raises(EmbeddedBrokerError, match=r"topic 'calls' was not created: .*already exists"):
        broker.create_topic("calls")


def test_a_broker_that_is_not_there_cannot_go_down(broker: EmbeddedBroker) -> None:
    """Brokers are counted from 1; another number is refused with the cause."""
    with pytest.raises(EmbeddedBrokerError, match="broker 7 was not set down: "):
        broker.broker_down(7)


def test_without_the_bundled_library_it_still_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain form takes and gives records; it says that topics have its own number of partitions."""
    monkeypatch.setattr(module, "_library_path", lambda: None)
    with EmbeddedBroker() as plain:
        assert not plain.controllable
        assert plain.create_topic("calls", 1) == PLAIN_PARTITIONS
        assert _produced(Producer({"bootstrap.servers": plain.bootstrap}), partition=0) is None
        assert [record.value() for record in _read(plain, "calls", partition=0, count=1)] == [b"v"]


def test_without_the_bundled_library_a_fault_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what was wanted, what is missing and what to do."""
    monkeypatch.setattr(module, "_library_path", lambda: None)
    monkeypatch.setattr(sys, "platform", "plan9")
    with EmbeddedBroker() as plain, pytest.raises(EmbeddedBrokerError) as refused:
        plain.push_errors(0, [1])
    assert str(refused.value) == (
        "push_errors needs the librdkafka that the confluent-kafka wheel bundles, which was not found on plan9: "
        "install confluent-kafka from its wheel (not from source), or use a real Kafka"
    )


@pytest.mark.parametrize("library", ["libc.so.6", "no-such-library.so"])
def test_a_library_that_lacks_the_functions_counts_as_missing(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    """A library that does not load, or has no mock cluster, leads to the plain form rather than to a crash."""
    monkeypatch.setattr(module, "_library_path", lambda: library)
    with EmbeddedBroker() as plain:
        assert not plain.controllable


def _produced(producer: Producer, partition: int = 0) -> int | None:
    """Write one record; the code of the error that it met, or None."""
    codes: list[int | None] = []
    producer.produce(
        "calls",
        b"v",
        partition=partition,
        on_delivery=lambda error, _: codes.append(error.code() if error else None),
    )
    assert producer.flush(10) == 0
    return codes[0]


def _read(broker: EmbeddedBroker, topic: str, *, partition: int, count: int) -> list[Message]:
    reader = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader"})
    try:
        reader.assign([TopicPartition(topic, partition, 0)])
        return reader.consume(count, timeout=10)
    finally:
        reader.close()
