"""Partitions that are paused: where their logs end by now, and how old the first record is that was not read.

The consumer hears of a log's end by fetching from it, so of a paused one it hears nothing: lag would stand still just when it
matters. So a client of its own asks, which joins no group, commits nothing, and lives only while something is paused.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from connector.adapters.kafka.bounds import bounds
from connector.adapters.kafka.groupless import GROUPLESS
from connector.adapters.kafka.renewal import NOT_MADE, Credentials, Renewal
from connector.core.records import TopicPartition as TP

ANSWER_WITHIN_S = 3.0
FIRST_WITHIN_S = 3.0
"""For the first records of all partitions together."""
_DEFAULTS: Mapping[str, Any] = {
    # One record of each partition is wanted, and its timestamp of that.
    "queued.min.messages": 1,
    "queued.max.messages.kbytes": 256,
    "fetch.message.max.bytes": 65536,
    "log_level": 0,
}


class Unread(NamedTuple):
    """`first_ms`: Kafka's timestamp of the first record from the given offset on; None: not asked for, or not known."""

    end: int
    first_ms: int | None = None


class PausedLogs:
    """`look` and `close` wait: they are for a thread, one call at a time."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        """Those of any client of the cluster, and a `group.id` that it may use: librdkafka insists on one."""
        self._credentials = Credentials(properties)
        self._renewed = False
        self._client: Consumer | None = None

    def renew(self, renewal: Renewal) -> None:
        """Log in with these from the next look on."""
        self._credentials.renew(renewal)
        self._renewed = True

    def look(self, paused: Mapping[TP, int | None]) -> Mapping[TP, Unread]:
        """By partition, with the offset whose record's age is wanted. Nothing where the brokers do not answer in time."""
        if not paused:
            self.close()
            return {}
        try:
            client = self._made()
            client.poll(0)  # callbacks
            held = bounds(client, [TopicPartition(*tp) for tp in paused], ANSWER_WITHIN_S)
            wanted = {
                tp: max(offset, held[tp][0])  # what retention took in between is nobody's lag any more
                for tp, offset in paused.items()
                if offset is not None and offset < held[tp][1]
            }
            times = _first_times(client, wanted)
        except NOT_MADE:
            return {}
        return {tp: Unread(held[tp][1], times.get(tp)) for tp in paused}

    def close(self) -> None:
        """Let the connections go; another look makes them anew."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _made(self) -> Consumer:
        if self._renewed:
            self._renewed = False
            self.close()
        if self._client is None:
            self._client = Consumer({**self._credentials.connection, **_DEFAULTS, **GROUPLESS})
        return self._client


def _first_times(client: Consumer, wanted: Mapping[TP, int]) -> Mapping[TP, int]:
    found: dict[TP, int] = {}
    missing = set(wanted)
    if not missing:
        return found
    client.incremental_assign([TopicPartition(*tp, offset) for tp, offset in wanted.items()])
    ends = time.monotonic() + FIRST_WITHIN_S
    try:
        while missing and time.monotonic() < ends:
            message = client.poll(0.1)
            if message is None:
                continue
            tp = TP(message.topic() or "", message.partition() or 0)
            if tp not in missing:
                continue
            kind, timestamp = message.timestamp()
            if message.error() is None and kind:
                found[tp] = timestamp
            missing.discard(tp)
    finally:
        client.incremental_unassign([TopicPartition(*tp) for tp in wanted])
    return found
