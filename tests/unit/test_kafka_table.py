"""A compacted topic that is followed, on an embedded broker: what another client goes on with."""

import asyncio
from collections.abc import Sequence

from confluent_kafka import Producer

from connector.adapters.kafka import Renewal
from connector.adapters.kafka.table import Entry, Table
from connector.demo.broker import EmbeddedBroker
from tests.support.real_time import until

TOPIC = "settings"


def test_a_client_with_new_credentials_reads_on_where_the_former_was() -> None:
    """Nothing is passed over, and nothing is told twice."""
    told: list[tuple[int, bytes | None]] = []

    def take(entries: Sequence[Entry[bytes | None]]) -> None:
        told.extend((entry.offset, entry.read) for entry in entries)

    async def play() -> None:
        with EmbeddedBroker() as broker:
            broker.create_topic(TOPIC)
            producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
            connection = {"bootstrap.servers": broker.bootstrap, "group.id": "g", "log_level": 0}
            table: Table[bytes | None] = Table(TOPIC, connection, lambda _key, value: value)
            _write(producer, 0, 3)
            following = asyncio.ensure_future(table.follow(take, lambda: None))
            await until(lambda: len(told) == 3, 60.0)
            table.renew(Renewal({"client.id": "another"}, rebuild=True))
            _write(producer, 3, 5)
            await until(lambda: len(told) >= 5, 60.0)
            following.cancel()
            await asyncio.wait((following,))

    asyncio.run(play())
    assert told == [(number, str(number).encode()) for number in range(5)]


def _write(producer: Producer, begin: int, end: int) -> None:
    for number in range(begin, end):
        producer.produce(TOPIC, str(number).encode(), "key", partition=0)
    assert producer.flush(30) == 0
