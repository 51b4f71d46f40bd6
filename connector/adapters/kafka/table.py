"""A compacted topic as a table: read whole, then followed for ever, by a consumer of its own that joins no group.

Each process reads all of it. Nothing is committed: a start begins at the beginning, as compaction keeps the last record of a
key. A log that was cut or begun anew is read again: a row that comes twice is the same row. The client works in a thread of
its own, and the event loop hears of batches. Never here: what a record means.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from connector.adapters.kafka.groupless import GROUPLESS
from connector.adapters.kafka.properties import refused
from connector.adapters.kafka.refusals import EXIT_CONFIG, EXIT_DENIED, denied
from connector.adapters.kafka.renewal import NOT_MADE, Credentials, Renewal, error_of, give_password
from connector.ports import StartupRefused

R = TypeVar("R")

BATCH = 2000
POLL_S = 0.25
"""The longest that an end waits for the thread."""
ANSWER_WITHIN_S = 5.0
AGAIN_S = 2.0
NEW_PARTITIONS_S = 60.0
"""How often it is looked for partitions that were added."""

_DEFAULTS: Mapping[str, Any] = {
    "queued.min.messages": 10_000,
    "queued.max.messages.kbytes": 8192,
    "fetch.wait.max.ms": 100,
}


@dataclass(frozen=True, slots=True)
class Entry(Generic[R]):
    """A record, and what was read of its key and value."""

    partition: int
    offset: int
    read: R


class Table(Generic[R]):
    """Made once, run once. `read` is called in the thread with key and value of each record, and raises nothing."""

    def __init__(
        self,
        topic: str,
        properties: Mapping[str, Any],
        read: Callable[[bytes | None, bytes | None], R],
        what: str = "the channel directory",
        troubled: Callable[[str], None] = lambda _why: None,
    ) -> None:
        """`what` is in it; `troubled` hears, in the thread, why nothing is read at the moment, once it was read whole.

        `properties`: of any client of the cluster, `bootstrap.servers` and a `group.id` that it may use among them.

        The group is never joined; the client refuses to be without one. Raises ValueError for properties that it does not take.
        """
        self._topic = topic
        self._read = read
        self._what = f"{what} is read from topic {topic}"
        self._troubled = troubled
        self._trouble: str | None = None
        self._unread: set[int] = set()
        self._known: set[int] = set()
        self._look_again_at = 0.0
        self._next_offsets: dict[int, int] = {}
        """Where to read on with another client."""
        self._credentials = Credentials(properties)
        self._renewal: Renewal | None = None
        why = refused({**_DEFAULTS, **properties, **GROUPLESS})
        if why is not None:
            raise ValueError(f"the client of topic {topic}: {why}")
        self._client: Consumer | None = None
        self.waiting_for: str | None = self._what
        """Why its end was not reached yet; None afterwards."""

    async def follow(self, take: Callable[[Sequence[Entry[R]]], None], whole: Callable[[], None]) -> None:
        """Until cancelled: give every batch to `take`, and say once, by `whole`, that every partition's end was reached.

        Raises `StartupRefused` when the topic does not exist, or may not be read; brokers that do not answer are waited for.
        """
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, f"table-{self._topic}")
        try:
            while not await loop.run_in_executor(thread, self._begin):  # noqa: ASYNC110 - nobody tells that a broker is back
                await asyncio.sleep(AGAIN_S)
            while True:
                batch = await loop.run_in_executor(thread, self._next)
                if batch:
                    take(batch)
                if self.waiting_for is not None and not self._unread:
                    self.waiting_for = None
                    whole()
        finally:
            thread.submit(self._close)
            thread.shutdown(wait=False)

    def renew(self, renewal: Renewal) -> None:
        """Log in with these from now on; if need be with another client, which reads on where this one was."""
        self._credentials.renew(renewal)
        self._renewal = renewal

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _begin(self) -> bool:
        """Assign what partitions there are. False: nobody answers. Raises `StartupRefused`."""
        try:
            self._made().poll(0)  # callbacks
            numbers = self._partitions()
        except NOT_MADE as failed:
            self._wait(self._trouble or error_of(failed).str())
            return False
        if isinstance(numbers, StartupRefused):
            raise numbers
        self._assign(numbers)
        return True

    def _made(self) -> Consumer:
        """The client, with the credentials of now. Raises NOT_MADE."""
        renewal, self._renewal = self._renewal, None
        if self._client is not None and renewal is not None:
            if renewal.rebuild or self._credentials.outdated:
                self._close()
            else:
                give_password(self._client, self._credentials.connection)
        if self._client is None:
            self._credentials.taken_up()
            ours: dict[str, Any] = {"error_cb": self._hear, "logger": logging.getLogger("librdkafka")}
            self._client = Consumer({**_DEFAULTS, **self._credentials.connection, **GROUPLESS, **ours})
            if self._known:
                places = ((number, self._next_offsets.get(number)) for number in sorted(self._known))
                self._client.incremental_assign(
                    [
                        TopicPartition(self._topic, n, OFFSET_BEGINNING if at is None else at)
                        for n, at in places
                    ]
                )
        return self._client

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _partitions(self) -> set[int] | StartupRefused:
        """Their numbers, or why there are none. Raises KafkaException when nobody answers."""
        found = self._made().list_topics(self._topic, timeout=ANSWER_WITHIN_S).topics[self._topic]
        if found.error is None:
            return set(found.partitions)
        if found.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return StartupRefused(EXIT_DENIED, denied(f"Read on topic {self._topic}"))
        sentence = (
            f"topic does not exist: {self._topic}. Create it (cleanup.policy=compact), or correct its name."
        )
        return StartupRefused(EXIT_CONFIG, sentence)

    def _assign(self, numbers: set[int]) -> None:
        new = numbers - self._known
        self._known |= new
        self._unread |= new
        self._look_again_at = time.monotonic() + NEW_PARTITIONS_S
        if new:
            begin = [TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in sorted(new)]
            self._made().incremental_assign(begin)

    def _next(self) -> list[Entry[R]]:
        if time.monotonic() >= self._look_again_at:
            self._look_for_new()
        try:
            client = self._made()
        except NOT_MADE as failed:
            self._wait(error_of(failed).str())
            time.sleep(AGAIN_S)
            return []
        first = client.poll(POLL_S)
        if first is None:
            return []
        messages = [first, *client.consume(BATCH, 0)]
        return [entry for message in messages if (entry := self._entry(message)) is not None]

    def _look_for_new(self) -> None:
        try:
            numbers = self._partitions()
        except NOT_MADE:
            numbers = set()
        self._assign(numbers if isinstance(numbers, set) else set())

    def _entry(self, message: Message) -> Entry[R] | None:
        error = message.error()
        if error is None:
            number, offset = message.partition() or 0, message.offset() or 0
            self._next_offsets[number] = offset + 1
            return Entry(number, offset, self._read(message.key(), message.value()))
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with an underscore
            self._unread.discard(message.partition() or 0)
        else:
            self._wait(error.str())
        return None

    def _hear(self, error: KafkaError) -> None:
        self._trouble = error.str()
        self._wait(self._trouble)

    def _wait(self, why: str) -> None:
        if self.waiting_for is not None:
            self.waiting_for = f"{self._what}: {why}"
        else:
            self._troubled(why)
