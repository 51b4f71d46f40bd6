"""A small record in a compacted topic: written with acks=all, answered only by the broker's acknowledgement.

Each write has a producer of its own, as there are a few a year. All go to partition 0: whoever reads them needs one order.
Also asked here: whether the topic is compacted at all. Never here: what the record says, who reads it (`table`).
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from connector.adapters.kafka.renewal import NOT_MADE, Credentials, Renewal, error_of
from connector.adapters.kafka.starts import is_mock
from connector.ports import Acknowledged, NotWritten

PARTITION: Final = 0
WITHIN_S: Final = 10.0
"""For an acknowledgement."""
ASK_WITHIN_S: Final = 5.0
"""An end of the process waits for the thread that asks."""
_SILENT: Final = (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001 - librdkafka's own codes begin with an underscore


class SettingTopic:
    """Writes, and tells of the topic. On the event loop; what blocks waits in a thread."""

    def __init__(self, topic: str, properties: Mapping[str, Any]) -> None:
        """`properties`: of any producer of the cluster."""
        self._topic = topic
        self._credentials = Credentials(properties)
        self._one_at_a_time = asyncio.Lock()

    def renew(self, renewal: Renewal) -> None:
        """Log in with these from now on."""
        self._credentials.renew(renewal)

    async def write(self, key: bytes, value: bytes) -> Acknowledged | NotWritten:
        """Of two writes of this process the later one counts; `NotWritten` may be in the topic all the same."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._write, key, value)

    async def cleanup_policy(self) -> str | None:
        """The topic's, as its brokers tell; None: this user may not ask, or the brokers cannot tell.

        Raises KafkaException when nobody answers.
        """
        return await asyncio.to_thread(policy_of, self._credentials.connection, self._topic)

    def _write(self, key: bytes, value: bytes) -> Acknowledged | NotWritten:
        answers: list[KafkaError | None] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            answers.append(error)

        ours: dict[str, Any] = {
            "enable.idempotence": True,
            "acks": "all",
            "delivery.timeout.ms": int(WITHIN_S * 1000),
            "logger": logging.getLogger("librdkafka"),
        }
        try:
            producer = Producer({**self._credentials.connection, **ours})
            producer.produce(self._topic, value=value, key=key, partition=PARTITION, on_delivery=delivered)
            producer.flush(WITHIN_S + 2.0)
        except NOT_MADE as failed:
            return NotWritten(error_of(failed).name())
        if not answers:
            return NotWritten("_TIMED_OUT")
        return Acknowledged() if answers[0] is None else NotWritten(answers[0].name())


def policy_of(connection: Mapping[str, Any], topic: str) -> str | None:
    """See `SettingTopic.cleanup_policy`. Blocks."""
    admin = AdminClient({**connection, "log_level": 0})
    if is_mock(
        admin.list_topics(timeout=ASK_WITHIN_S)
    ):  # it knows no such question, and leaves it unanswered
        return None
    (future,) = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, topic)], request_timeout=ASK_WITHIN_S
    ).values()
    try:
        entries = future.result()
    except KafkaException as error:
        if error.args[0].code() in _SILENT:
            raise
        return None
    return str(entries["cleanup.policy"].value) if "cleanup.policy" in entries else None


def forgets(policy: str) -> bool:
    """Whether a topic of this cleanup.policy may lose the last word of a key: `compact,delete` deletes by age, too."""
    return {word.strip() for word in policy.split(",")} != {"compact"}


def not_compacted(topic: str, policy: str) -> str:
    """What is said of a topic that would forget."""
    return (
        f"control.topic {topic} is not only compacted (cleanup.policy={policy}): it would forget a pause, and who starts then "
        "would send. Set cleanup.policy=compact."
    )
