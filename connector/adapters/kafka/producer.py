"""The dead-letter topic: acks=all, idempotent, answered only by the broker's acknowledgement.

It has a polling thread of its own, so that a revoke (which blocks the consumer's thread) can wait for acknowledgements.
A fatal error of the idempotent producer needs a new producer; whatever it held is answered `NotWritten` and written again,
so a letter may be in the topic twice: its source coordinates are its identity, every reader keeps the first.
"""

import asyncio
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connector.adapters.kafka.renewal import NOT_MADE, Credentials, Renewal, error_of, give_password
from connector.core.dead_letter import DeadLetter
from connector.ports import Acknowledged, EventLog, NotWritten

_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.RECORD_LIST_TOO_LARGE)


class DeadLetterProducer:
    """Implements `ports.DeadLetterSink`. `properties` are the connection's; what makes it safe is added here."""

    def __init__(self, topic: str, properties: Mapping[str, Any], log: EventLog) -> None:
        self._topic = topic
        self._credentials = Credentials(properties)
        self._own: Mapping[str, Any] = {
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            # The answer must come while somebody still waits; a letter that timed out is written again.
            "delivery.timeout.ms": 20_000,
            "message.max.bytes": 10_000_000,
            "logger": logging.getLogger("librdkafka"),
        }
        self._log = log
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._producer: Producer | None = None
        self._retired: list[Producer] = []
        self._lock = threading.Lock()  # guards the exchange of a producer that failed fatally
        self._open = False

    async def start(self) -> None:
        """Connects lazily: a broker that is down shows at the first letter."""
        self._loop = asyncio.get_running_loop()
        self._open = True
        try:
            await asyncio.to_thread(self._current)
        except NOT_MADE as failed:  # there is no token yet; the first letter asks again
            error = error_of(failed)
            self._log.warning("kafka.unreachable", error_type=error.name(), detail=error.str())
        self._thread = threading.Thread(target=self._serve, name="dead-letter-poll", daemon=True)
        self._thread.start()

    async def write(self, letter: DeadLetter) -> Acknowledged | NotWritten:
        """See `ports.DeadLetterSink`."""
        answer: asyncio.Future[Acknowledged | NotWritten] = self._loop.create_future()

        def delivered(error: KafkaError | None, _: Message) -> None:
            result = Acknowledged() if error is None else _refusal(error)
            self._loop.call_soon_threadsafe(_answer, answer, result)

        assert self._open, "write before start"
        producer = self._producer
        try:
            if producer is None:
                producer = await asyncio.to_thread(self._current)
        except NOT_MADE as failed:
            return NotWritten(error_of(failed).name())
        try:
            producer.produce(
                self._topic,
                value=letter.value,
                key=letter.key,
                headers=list(letter.headers),
                on_delivery=delivered,
            )
        except BufferError:
            return NotWritten("_QUEUE_FULL")
        except (
            KafkaException
        ) as error:  # a topic denied before, too large for this client, or a fatal error before
            if error.args[0].code() == KafkaError._FATAL:  # noqa: SLF001 - librdkafka's own codes begin with an underscore
                self._retire(producer, error.args[0])
            return _refusal(error.args[0])
        return await answer

    def renew(self, renewal: Renewal) -> None:
        """Log in with these from now on. What a producer holds that must be replaced is still answered by that one."""
        with self._lock:
            self._credentials.renew(renewal)
            if self._producer is None:
                return
            if renewal.rebuild:
                self._retired.append(self._producer)
                self._producer = None
            else:
                give_password(self._producer, self._credentials.connection)

    def _current(self) -> Producer:
        """The one to write with. Waits for a token where one is needed; raises NOT_MADE."""
        with self._lock:
            if self._producer is None:
                # Only now: one that is refused as soon as it starts would be made again and again without a pause.
                self._producer = Producer({**self._credentials.connection, **self._own})
            return self._producer

    async def close(self) -> None:
        """Wait a little for what is under way; what is not acknowledged by then was never settled."""
        if self._thread is None:
            return
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, 5.0)
        if self._producer is not None:
            with suppress(KafkaException):
                await asyncio.to_thread(self._producer.flush, 1.0)
        self._thread = None

    def _serve(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                current, retired = self._producer, list(self._retired)
            if current is None:
                self._stopping.wait(0.1)
            else:
                self._poll(current, 0.1)
            for producer in retired:
                self._poll(producer, 0)
                if len(producer) == 0:
                    with self._lock:
                        self._retired.remove(producer)

    def _poll(self, producer: Producer, wait_s: float) -> None:
        try:
            producer.poll(wait_s)
        except KafkaException as error:  # how the client tells of a fatal error
            self._retire(producer, error.args[0])

    def _retire(self, failed: Producer, error: KafkaError) -> None:
        with self._lock:
            if self._producer is not failed:
                return
            self._producer = None
            # Polled until it has answered for everything that it held.
            self._retired.append(failed)
        failed.purge(blocking=False)
        self._log.error("dlq.producer_rebuilt", error_type=error.name())


def _refusal(error: KafkaError) -> NotWritten:
    return NotWritten(error.name(), too_large=error.code() in _TOO_LARGE)


def _answer(future: asyncio.Future[Acknowledged | NotWritten], result: Acknowledged | NotWritten) -> None:
    if not future.done():
        future.set_result(result)
