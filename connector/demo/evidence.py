"""What the verdict is made from: all that arrived at the simulator, all that the dead-letter topic holds. Reads, judges not."""

from typing import Any

import httpx
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connector.core.dead_letter import CONNECT, FRONT
from connector.demo.estate import DEAD_LETTER_TOPIC
from connector.demo.verdict import Letter

_PAGE = 10_000
_ANSWER_WITHIN_S = 10.0


def raw_log(front_url: str) -> list[dict[str, Any]]:
    """Every request that arrived, in order of arrival. Raises httpx.HTTPError."""
    rows: list[dict[str, Any]] = []
    with httpx.Client(base_url=front_url, trust_env=False, timeout=_ANSWER_WITHIN_S) as client:
        while True:
            after = rows[-1]["seq"] if rows else 0
            page = client.get("/_sim/requests", params={"after": after, "limit": _PAGE})
            found = page.raise_for_status().json()["requests"]
            if not found:
                return rows
            rows += found


def letters(bootstrap: str, topic: str = DEAD_LETTER_TOPIC) -> list[Letter]:
    """The dead letters, by what their headers say. Raises as `read_topic`."""
    return [_letter(message) for message in read_topic(bootstrap, topic)]


def read_topic(bootstrap: str, topic: str) -> list[Message]:
    """Everything that a topic holds now, each partition in order. Raises KafkaException and TimeoutError."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "front-connector-demo-reader",  # demanded by the client; nothing is committed
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=_ANSWER_WITHIN_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        messages: list[Message] = []
        ended = 0
        while ended < len(partitions):
            message = consumer.poll(_ANSWER_WITHIN_S)
            if message is None:
                raise TimeoutError(f"the topic {topic} does not come to its end")
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's public codes begin so
                ended += 1
            else:
                raise KafkaException(error)
        return messages
    finally:
        consumer.close()


def _letter(message: Message) -> Letter:
    # The last header of a name is the connector's own; a redriven record carries earlier ones.
    raw: dict[str, Any] = dict(message.headers() or ())
    headers = {name: value.decode() for name, value in raw.items() if value is not None}
    source = headers[f"{CONNECT}topic"], int(headers[f"{CONNECT}partition"]), int(headers[f"{CONNECT}offset"])
    return Letter(source, headers[f"{FRONT}reason"])
