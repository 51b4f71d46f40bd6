"""The dead-letter producer against a broker that breaks it: every letter is answered, and a later one is written."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from confluent_kafka import Producer

from connector.adapters.kafka import DeadLetterProducer, Renewal
from connector.core.dead_letter import DeadLetter, Origin
from connector.core.records import Epoch, Record
from connector.demo.broker import EmbeddedBroker
from connector.pipeline.dead_letters import DeadLetterPolicy
from connector.ports import Acknowledged, NotWritten
from tests.support.estates import read_topic
from tests.support.real_time import until
from tests.support.world import Facts, Stage, record

TOPIC = "dead"
ORIGIN = Origin(connector="test", instance="i", version="0")
SOURCE = Record(topic="t", partition=0, offset=1, epoch=Epoch(1), value=b"v")
LETTER = DeadLetter(key=None, value=b"v", headers=(("front.reason", b"no_rule"),), source=SOURCE)

PRODUCE, INIT_PRODUCER_ID = 0, 22
"""Kafka's numbers of requests."""
CLUSTER_AUTHORIZATION_FAILED, OUT_OF_ORDER_SEQUENCE = 31, 45
NOT_LEADER = 6
"""Kafka's error codes; the first two are fatal to an idempotent producer."""


@asynccontextmanager
async def producing(
    facts: Facts, **properties: str
) -> AsyncIterator[tuple[EmbeddedBroker, DeadLetterProducer]]:
    """A broker that can be made to fail, with an empty dead-letter topic, and a producer for it that has begun."""
    with EmbeddedBroker() as broker:
        if not broker.controllable:
            pytest.skip("this client's embedded broker cannot be made to fail")
        broker.create_topic(TOPIC)
        connection = {"bootstrap.servers": broker.bootstrap, "log_level": 0, **properties}
        producer = DeadLetterProducer(TOPIC, connection, facts)
        await producer.start()
        try:
            yield broker, producer
        finally:
            await producer.close()


@pytest.mark.parametrize(
    ("request_kind", "code", "name"),
    [
        (INIT_PRODUCER_ID, CLUSTER_AUTHORIZATION_FAILED, "CLUSTER_AUTHORIZATION_FAILED"),
        (PRODUCE, OUT_OF_ORDER_SEQUENCE, "OUT_OF_ORDER_SEQUENCE_NUMBER"),
    ],
)
def test_dlq_15_a_fatal_error_answers_every_letter_and_the_next_has_a_new_producer(
    request_kind: int, code: int, name: str
) -> None:
    """Ten letters under way: none hangs, none counts as written, the producer is replaced once, and an eleventh arrives."""
    facts = Facts()

    async def play() -> None:
        async with producing(facts) as (broker, producer):
            broker.push_errors(request_kind, [code])
            answers = await asyncio.wait_for(
                asyncio.gather(*(producer.write(LETTER) for _ in range(10))), 10.0
            )
            assert all(isinstance(answer, NotWritten) for answer in answers)
            assert await asyncio.wait_for(producer.write(LETTER), 10.0) == Acknowledged()

    asyncio.run(play())
    assert [fields for fact, _, fields in facts.seen if fact == "error"] == [{"error_type": name}]


def test_dlq_15_letters_that_a_broken_producer_held_are_written_by_the_next_and_settle() -> None:
    """Ten bad records and a broker that breaks the first producer: ten places in the topic, all committed, no restart."""

    async def play() -> None:
        async with producing(Facts()) as (broker, producer):
            broker.push_errors(PRODUCE, [OUT_OF_ORDER_SEQUENCE])
            policy = DeadLetterPolicy(ORIGIN, base_s=0.05)
            async with Stage(letters=producer, dead_letters=policy, commit_interval_s=0.02) as stage:
                stage.assign()
                stage.pipeline.received([record(offset, "bad") for offset in range(10)])
                await until(lambda: stage.facts.count("settled", "messages", "dead_lettered") == 10)
                assert stage.facts.count("dead_letter_failed") >= 10
                await until(lambda: committed(stage) == 10)
            letters = await asyncio.to_thread(read_topic, broker.bootstrap, TOPIC)
            offsets = [dict(letter.headers() or ())["__connect.errors.offset"] for letter in letters]
            assert set(offsets) == {str(offset).encode() for offset in range(10)}
            assert 10 <= len(offsets) <= 20

    asyncio.run(play())


def test_letters_under_way_are_answered_by_the_producer_that_is_replaced() -> None:
    """New credentials come while ten are being written: each is acknowledged, and so is one for the next producer."""

    async def play() -> None:
        async with producing(Facts()) as (broker, producer):
            broker.push_errors(PRODUCE, [NOT_LEADER] * 3)  # so that they are under way for a moment
            under_way = [asyncio.ensure_future(producer.write(LETTER)) for _ in range(10)]
            await asyncio.sleep(0)
            producer.renew(Renewal({}, rebuild=True))
            assert await asyncio.wait_for(producer.write(LETTER), 30.0) == Acknowledged()
            answers = await asyncio.wait_for(asyncio.gather(*under_way), 30.0)
            assert set(answers) == {Acknowledged()}

    asyncio.run(play())


def test_a_producer_that_is_outdated_when_it_is_made_gets_no_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials change while a client waits for its token: the letter is written by the next, and the loop never waits."""
    waits, goes_on = threading.Event(), threading.Event()
    made: list[str] = []

    def slowly(properties: Mapping[str, Any]) -> Producer:
        made.append(properties["client.id"])
        if len(made) == 2:
            waits.set()
            assert goes_on.wait(30)
        return Producer(properties)

    monkeypatch.setattr("connector.adapters.kafka.producer.Producer", slowly)

    async def play() -> None:
        async with producing(Facts(), **{"client.id": "first"}) as (_, producer):
            producer.renew(Renewal({"client.id": "second"}, rebuild=True))
            letter = asyncio.ensure_future(producer.write(LETTER))
            await until(waits.is_set)
            producer.renew(Renewal({"client.id": "third"}, rebuild=True))
            goes_on.set()
            assert await asyncio.wait_for(letter, 30.0) == Acknowledged()

    asyncio.run(play())
    assert made == ["first", "second", "third"]


def committed(stage: Stage) -> int | None:
    entry = stage.coordinator.committed()
    return entry.offset if entry is not None else None
