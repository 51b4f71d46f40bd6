"""A wire between Kafka clients and one broker, on which a test may cut, swallow and forge single requests.

What lives here: the frame of Kafka's protocol and the header of a request. What is in a request, and what is forged and
why, is known to the tests (`offset_commit.py` reads the one that they forge most).
"""

import asyncio
import contextlib
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import TracebackType
from typing import Any, Self, TypeAlias

from tests.support.kafka import SideDoor


class Api(IntEnum):
    """Requests by their number. Source: Kafka protocol guide, API keys."""

    PRODUCE = 0
    FETCH = 1
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    OFFSET_FOR_LEADER_EPOCH = 23
    CONSUMER_GROUP_HEARTBEAT = 68


COORDINATOR = frozenset(
    {
        Api.OFFSET_COMMIT,
        Api.OFFSET_FETCH,
        Api.FIND_COORDINATOR,
        Api.JOIN_GROUP,
        Api.HEARTBEAT,
        Api.CONSUMER_GROUP_HEARTBEAT,
    }
)
"""What a client asks of its group's coordinator, and how it finds it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a client wrote it. `at`: seconds of the monotonic clock; `body`: what follows the header."""

    api: int
    version: int
    correlation: int
    client: str
    body: bytes
    at: float


class Pass(Enum):
    """What becomes of a request besides a forged answer."""

    ON = "to the broker"
    SWALLOWED = "the broker never sees it, the client gets no answer"
    UNANSWERED = "the broker does as it is asked, the client gets no answer"
    AS_BEFORE = "the broker never sees it, the client gets its last answer to this request once more"


Fate: TypeAlias = Pass | bytes
"""Bytes are an answer of our own, from behind the correlation id on; the broker never sees the request."""


class Wire:
    """A context manager. `bootstrap` is for the clients that shall pass it; `fate` may be replaced at any time."""

    def __init__(self, door: SideDoor) -> None:
        self._door = door
        self.bootstrap = f"127.0.0.1:{door.announced}"
        self.fate: Callable[[Request], Fate] = lambda _: Pass.ON
        self.requests: deque[Request] = deque(maxlen=10_000)
        """What the clients have sent, whatever became of it."""
        self._cut = False
        self._answers: dict[int, bytes] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        listen = asyncio.start_server(self._connected, "127.0.0.1", self._door.announced)
        self._server = self._call(listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """From now on nothing passes in either direction; connections stay open, and new ones find silence."""
        self._cut = True

    def mend(self) -> None:
        """Pass again what comes from now on. What came meanwhile is gone, so both ends begin anew."""
        self._cut = False
        self._call(self._hang_up())

    def sent(self, api: Api) -> list[Request]:
        """The requests of one kind so far."""
        return [request for request in list(self.requests) if request.api == api]

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _close(self) -> None:
        self._server.close()
        # A connection that was just accepted has a task that has not begun; cancelled by then it would leave its socket open.
        for _ in range(3):
            await asyncio.sleep(0.01)
            await self._hang_up()

    async def _hang_up(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # for what closes the transports

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        broker_writer: asyncio.StreamWriter | None = None
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._door.leads_to)
            asked: dict[int, int] = {}
            unanswered: set[int] = set()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_requests(reader, writer, broker_writer, asked, unanswered))
                both.create_task(self._pass_answers(broker_reader, writer, asked, unanswered))
        except* (OSError, asyncio.IncompleteReadError):
            pass  # one end has hung up
        except* asyncio.CancelledError:
            pass
        finally:
            for end in (writer, broker_writer):
                if end is not None:
                    end.transport.abort()

    async def _pass_requests(
        self,
        client: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        broker: asyncio.StreamWriter,
        asked: dict[int, int],
        unanswered: set[int],
    ) -> None:
        while True:
            frame = await _read_frame(client)
            if self._cut:
                continue
            request = _parse(frame)
            self.requests.append(request)
            match self.fate(request):
                case Pass.ON:
                    asked[request.correlation] = request.api
                    broker.write(_framed(frame))
                case Pass.UNANSWERED:
                    unanswered.add(request.correlation)
                    broker.write(_framed(frame))
                case Pass.SWALLOWED:
                    pass
                case Pass.AS_BEFORE:
                    back.write(_framed(struct.pack(">i", request.correlation) + self._answers[request.api]))
                case bytes() as answer:
                    back.write(_framed(struct.pack(">i", request.correlation) + answer))

    async def _pass_answers(
        self,
        broker: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        asked: dict[int, int],
        unanswered: set[int],
    ) -> None:
        while True:
            frame = await _read_frame(broker)
            if self._cut:
                continue
            (correlation,) = struct.unpack_from(">i", frame)
            if correlation in unanswered:
                continue
            api = asked.pop(correlation, None)
            if api is not None:
                self._answers[api] = frame[4:]
            client.write(_framed(frame))
            with contextlib.suppress(ConnectionError):
                await client.drain()


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(length)


def _framed(frame: bytes) -> bytes:
    return struct.pack(">i", len(frame)) + frame


def _parse(frame: bytes) -> Request:
    api, version, correlation, length = struct.unpack_from(">hhih", frame)
    end = 10 + max(0, length)
    return Request(api, version, correlation, frame[10:end].decode(), frame[end:], time.monotonic())
