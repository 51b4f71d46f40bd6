"""What the consumer runs on: the client library, the clocks, and a thread to poll in.

Given from outside so that tests can run the very same polling code on simulated brokers and time. Production takes the
default. Nothing here decides anything.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._topic import TopicDescription

from connector.adapters.kafka.bridge import Bridge
from connector.adapters.kafka.protocols import Answer, Client, Crossing, Flag, TopicIds

REQUEST_S = 10.0
"""How long the brokers may take to tell topic ids."""


def _client(properties: Mapping[str, Any]) -> Client:
    return Consumer(dict(properties))


@dataclass(frozen=True, slots=True)
class _Ids:
    """Implements `protocols.Answer`."""

    described: Mapping[str, Future[TopicDescription]]
    admin: AdminClient
    """Kept while its answers are waited for: without it they end in an error."""

    def done(self) -> bool:
        return all(future.done() for future in self.described.values())

    def result(self) -> Mapping[str, str]:
        found = {}
        for topic, future in self.described.items():
            try:
                found[topic] = str(future.result().topic_id)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
        return found


def _topic_ids(connection: Mapping[str, Any]) -> TopicIds:
    # Nobody polls it, so its own log would pile up; it says nothing that the consumer does not say too.
    admin = AdminClient({**connection, "log_level": 0})

    def ask(topics: Sequence[str]) -> Answer:
        described = admin.describe_topics(TopicCollection(list(topics)), request_timeout=REQUEST_S)
        return _Ids(described, admin)

    return ask


def _spawn(function: Callable[[], None]) -> None:
    threading.Thread(target=function, name="kafka-poll", daemon=True).start()


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """`client` is made with the consumer's properties, `topic_ids` with the connection's; `spawn` runs the polling code."""

    client: Callable[[Mapping[str, Any]], Client] = _client
    topic_ids: Callable[[Mapping[str, Any]], TopicIds] = _topic_ids
    bridge: Callable[[asyncio.AbstractEventLoop], Crossing] = Bridge
    flag: Callable[[], Flag] = threading.Event
    spawn: Callable[[Callable[[], None]], None] = _spawn
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
