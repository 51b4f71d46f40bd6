"""The consumer in this process, on a real broker: a client that fails is followed by another, and a loop that stands bounds it.

What the client says when it fails is forged, for a broker cannot be made to say it; everything else is real.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer

from connector.adapters.kafka import KafkaSource, SourceOptions
from connector.adapters.kafka.protocols import Client
from connector.adapters.kafka.runtime import Runtime
from connector.app.service import _first, _Service
from connector.app.status import Status
from connector.core.records import Epoch, Record, TopicPartition
from connector.ports import Assignment, RecordSink, StartupRefused
from tests.support.kafka import Kafka
from tests.support.world import Facts

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]


@dataclass(slots=True)
class Heard:
    """A sink that remembers, and may keep the loop busy."""

    assignments: list[Assignment] = field(default_factory=list)
    gone: list[TopicPartition] = field(default_factory=list)
    batches: list[Sequence[Record]] = field(default_factory=list)
    revoked: list[TopicPartition] = field(default_factory=list)
    on_batch: Callable[[], None] = lambda: None

    def assigned(self, assignments: Sequence[Assignment]) -> None:
        self.assignments.extend(assignments)

    def received(self, records: Sequence[Record]) -> None:
        self.batches.append(records)
        self.on_batch()

    def reached_end(self, tp: TopicPartition, epoch: Epoch, offset: int) -> None: ...

    def heard_ends(self, ends: Mapping[TopicPartition, int]) -> None: ...

    async def revoke(self, partitions: Sequence[TopicPartition], bound_s: float) -> None:
        self.revoked.extend(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        self.gone.extend(partitions)

    @property
    def records(self) -> int:
        return sum(len(batch) for batch in self.batches)


class Forged:
    """A message of the client's that is an error."""

    def __init__(self, error: KafkaError) -> None:
        self._error = error

    def error(self) -> KafkaError:
        return self._error

    def topic(self) -> None: ...

    def partition(self) -> None: ...


class Failing:
    """The real client, which says once that it failed."""

    def __init__(self, properties: Mapping[str, Any], errors: list[KafkaError]) -> None:
        self._client = Consumer(dict(properties))
        self._errors = errors

    def poll(self, timeout: float) -> Message | Forged | None:
        if self._errors and self._client.assignment():
            return Forged(self._errors.pop())
        return self._client.poll(timeout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def source(
    kafka: Kafka, topic: str, letters: str, errors: list[KafkaError], group_instance_id: str | None = "one"
) -> KafkaSource:
    """A consumer of one topic, in a group of its own, whose client fails with these errors, one after the other."""
    connection = {"bootstrap.servers": kafka.bootstrap, "log_level": 0}
    group: dict[str, object] = {
        "group.id": f"group-{topic}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "partition.assignment.strategy": "cooperative-sticky",
    }
    if group_instance_id is not None:
        group["group.instance.id"] = group_instance_id
    options = SourceOptions(
        properties={**connection, **group},
        connection=connection,
        topics={topic: "earliest"},
        on_missing_offset={topic: "hold"},
        dead_letter_topic=letters,
    )

    def client(properties: Mapping[str, Any]) -> Client:
        return cast(Client, Failing(properties, errors))

    return KafkaSource(options, Facts(), lambda _name: None, Runtime(client=client))


def consume(
    made: KafkaSource, sink: Heard, meanwhile: Callable[["asyncio.Task[None]"], Awaitable[None]]
) -> None:
    """Run it until `meanwhile` is over, then close it."""

    async def live() -> None:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(made.run(cast(RecordSink, sink)))
            await meanwhile(running)
            made.close()

    asyncio.run(live())


async def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        await asyncio.sleep(0.05)


def produce(kafka: Kafka, topic: str, count: int) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for number in range(count):
        producer.produce(topic, b"%d" % number)
        producer.poll(0)
    assert producer.flush(30) == 0


def test_a_client_that_failed_for_good_is_followed_by_another(kafka: Kafka) -> None:
    """Its partitions are lost, it is `starting` again and says why, and the next one begins at the committed offset."""
    topic, letters = kafka.create_topic(), kafka.create_topic()
    produce(kafka, topic, 3)
    error = KafkaError(KafkaError._FATAL, "Fatal error: something that nobody knows")
    made, sink = source(kafka, topic, letters, [error]), Heard()

    async def meanwhile(_: "asyncio.Task[None]") -> None:
        await until(lambda: bool(sink.gone))
        assert not made.joined
        assert made.waiting_for == "the Kafka client failed (_FATAL) and is made anew"
        await until(lambda: any(batch[0].epoch > sink.assignments[0].epoch for batch in sink.batches))
        assert made.joined

    consume(made, sink, meanwhile)
    tp = TopicPartition(topic, 0)
    assert sink.gone == [tp]
    first, second = sink.assignments
    assert (second.tp, second.start) == (tp, 0)
    assert first.epoch < second.epoch
    assert sink.revoked == [tp], "the second one left in order"


def test_a_refusal_that_the_next_client_would_meet_again_ends_the_service(kafka: Kafka) -> None:
    """The code and the sentence cross to the loop."""
    topic, letters = kafka.create_topic(), kafka.create_topic()
    words = f"Fatal error: {KafkaError(KafkaError.FENCED_INSTANCE_ID).str()}: fenced"
    made = source(kafka, topic, letters, [KafkaError(KafkaError._FATAL, words)])
    with pytest.raises(
        StartupRefused, match=r"another process has joined the group \S+ with .* one: give"
    ) as told:
        asyncio.run(made.run(cast(RecordSink, Heard())))
    assert told.value.exit_code == 78


def test_a_loop_that_stands_is_told_of_a_few_batches_and_no_more(kafka: Kafka) -> None:
    """Ten thousand records wait and the loop stands for a second: four batches of 500 wait in memory, the rest at Kafka."""
    topic, letters = kafka.create_topic(), kafka.create_topic()
    produce(kafka, topic, 10_000)
    made, sink = source(kafka, topic, letters, []), Heard()
    waiting: list[int] = []

    def stand() -> None:
        sink.on_batch = lambda: None
        time.sleep(1.0)
        # What is told of by now is heard before this.
        asyncio.get_running_loop().call_soon(lambda: waiting.append(len(sink.batches)))

    sink.on_batch = stand

    async def meanwhile(_: "asyncio.Task[None]") -> None:
        await until(lambda: sink.records == 10_000)

    consume(made, sink, meanwhile)
    assert waiting[0] <= 1 + 4
    offsets = [record.offset for batch in sink.batches for record in batch]
    assert offsets == list(range(10_000))


def test_an_abandoned_consumer_leaves_the_group_and_asks_nobody(kafka: Kafka) -> None:
    """After a defect: the pipeline is no more, and the partitions go to others at once."""
    topic, letters = kafka.create_topic(), kafka.create_topic()
    made, sink = source(kafka, topic, letters, []), Heard()

    async def meanwhile(running: "asyncio.Task[None]") -> None:
        await until(lambda: bool(sink.assignments))
        made.abandon()
        await running

    consume(made, sink, meanwhile)
    assert not sink.revoked


class Broken(Heard):
    """A pipeline with a defect, met as soon as there is something to do."""

    async def run(self) -> None:
        await until(lambda: bool(self.assignments))
        raise ZeroDivisionError


def test_shd_08_after_a_defect_the_group_is_left_before_the_process_ends(kafka: Kafka) -> None:
    """The polling thread is not left behind: no member stays whose session others would have to wait out."""
    topic, letters = kafka.create_topic(), kafka.create_topic()
    made, broken = source(kafka, topic, letters, [], group_instance_id=None), Broken()
    status = Status(cast(Any, broken), made, cast(Any, None), ())
    with pytest.raises(ExceptionGroup) as told:
        service = _Service(cast(Any, None), Facts(), cast(Any, None))
        asyncio.run(service._run(asyncio.Event(), cast(Any, broken), made, status))
    assert isinstance(_first(told.value), ZeroDivisionError)
    assert not broken.revoked
    admin = kafka.new_admin()
    group = admin.describe_consumer_groups([f"group-{topic}"])[f"group-{topic}"].result(10)
    assert not group.members
