"""The dead-letter producer against a broker that breaks it: every letter is answered, and a later one is written."""

import asyncio

import pytest

from connector.adapters.kafka import DeadLetterProducer
from connector.core.dead_letter import DeadLetter
from connector.core.records import Epoch, Record
from connector.demo.broker import EmbeddedBroker
from connector.ports import Acknowledged, NotWritten
from tests.support.world import Facts

TOPIC = "dead"
SOURCE = Record(topic="t", partition=0, offset=1, epoch=Epoch(1), value=b"v")
LETTER = DeadLetter(key=None, value=b"v", headers=(("front.reason", b"no_rule"),), source=SOURCE)

PRODUCE, INIT_PRODUCER_ID = 0, 22
"""Kafka's numbers of requests."""
CLUSTER_AUTHORIZATION_FAILED, OUT_OF_ORDER_SEQUENCE = 31, 45
"""Kafka's error codes; both are fatal to an idempotent producer."""


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
        with EmbeddedBroker() as broker:
            if not broker.controllable:
                pytest.skip("this client's embedded broker cannot be made to fail")
            broker.create_topic(TOPIC)
            producer = DeadLetterProducer(
                TOPIC, {"bootstrap.servers": broker.bootstrap, "log_level": 0}, facts
            )
            broker.push_errors(request_kind, [code])
            await producer.start()
            try:
                answers = await asyncio.wait_for(
                    asyncio.gather(*(producer.write(LETTER) for _ in range(10))), 10.0
                )
                assert all(isinstance(answer, NotWritten) for answer in answers)
                assert await asyncio.wait_for(producer.write(LETTER), 10.0) == Acknowledged()
            finally:
                await producer.close()

    asyncio.run(play())
    assert [fields for fact, _, fields in facts.seen if fact == "error"] == [{"error_type": name}]
