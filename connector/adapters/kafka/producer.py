"""The dead-letter topic: acks=all, idempotent, answered only by the broker's acknowledgement.

It has a polling thread of its own, so that a revoke (which blocks the consumer's thread) can wait for acknowledgements.
A fatal error of the idempotent producer needs a new producer; whatever it held is answered `NotWritten` and written again,
so a letter may be in the topic twice: its source coordinates are its identity, every reader keeps the first.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
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
        # Guards the exchange of producers: one that was retired gets no letter, as it is forgotten once it holds none.
        self._lock = threading.Lock()
        self._maker = ThreadPoolExecutor(1, "dead-letter-client")
        self._making: asyncio.Future[Producer] | None = None
        self._open = False

    async def start(self) -> None:
        """Connects lazily: a broker that is down shows at the first letter."""
        self._loop = asyncio.get_running_loop()
        self._open = True
        try:
            await self._made()
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
        while True:
            try:
                await self._made()
            except NOT_MADE as failed:
                return NotWritten(error_of(failed).name())
            with self._lock:
                producer = self._producer
                error = None if producer is None else self._given(producer, letter, delivered)
            if producer is None:  # it was replaced in this moment
                continue
            if error is None:
                return await answer
            if error.code() == KafkaError._FATAL:  # noqa: SLF001 - librdkafka's own codes begin with an underscore
                self._retire(producer, error)
            return _refusal(error)

    def _given(
        self, producer: Producer, letter: DeadLetter, delivered: Callable[[KafkaError | None, Message], None]
    ) -> KafkaError | None:
        """Why it does not take the letter: no room, a topic denied before, too large for this client, a fatal error before."""
        try:
            producer.produce(
                self._topic,
                value=letter.value,
                key=letter.key,
                headers=list(letter.headers),
                on_delivery=delivered,
            )
        except BufferError:
            return KafkaError(KafkaError._QUEUE_FULL)  # noqa: SLF001
        except KafkaException as error:
            found: KafkaError = error.args[0]
            return found
        return None

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

    async def _made(self) -> None:
        """Return when there is one to write with; raises NOT_MADE.

        One is made for all letters that wait, and only now: one that is refused as soon as it starts would be made again and
        again without a pause.
        """
        while self._producer is None:
            if self._making is None:
                connection = self._credentials.connection
                # In a thread of its own: it may wait for a token, for longer than others can wait for a thread of the pool.
                properties = {**connection, **self._own}
                self._making = self._loop.run_in_executor(self._maker, Producer, properties)
                self._making.add_done_callback(partial(self._swap_in, connection))
            await asyncio.shield(self._making)

    def _swap_in(self, connection: Mapping[str, Any], making: "asyncio.Future[Producer]") -> None:
        self._making = None
        if making.cancelled() or making.exception() is not None:  # whoever waits for it is told
            return
        with self._lock:
            if connection == self._credentials.connection:  # else these have been renewed meanwhile
                self._producer = making.result()

    async def close(self) -> None:
        """Wait a little for what is under way; what is not acknowledged by then was never settled."""
        if self._thread is None:
            return
        self._stopping.set()
        if self._making is not None:
            self._making.cancel()
        self._maker.shutdown(wait=False, cancel_futures=True)
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
