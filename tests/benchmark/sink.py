"""The far side of the benchmark: answers every request with 202 after a while, as cheaply as Python can.

A process of its own with a listener for each thing that is measured; each counts what it answered, and when, in memory
that the benchmark shares. It reads no more of HTTP than it must, so it is no test of correctness: the simulator is.
`probe` drives a listener by bare sockets, which tells what is to be had on this machine at all.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import Array, c_double
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

_BODY = b'{"status":"accepted","message_uid":"1a2b3c4d5e6f"}'
ANSWER = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nDate: Tue, 03 Nov 2026 08:00:00 GMT\r\n"
    b"x-ratelimit-limit: 100\r\nx-ratelimit-remaining: 99\r\nx-ratelimit-reset: 1793692860\r\n"
    b"Content-Length: %d\r\n\r\n%s"
) % (len(_BODY), _BODY)
"""With the headers that Front sends and the connector reads."""

_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Listener:
    """A base URL, and what was answered there since `reset`. Times are monotonic seconds, the same in all processes."""

    port: int
    _cells: Any
    _at: int

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def answered(self) -> int:
        """Requests answered."""
        return int(self._cells[self._at])

    @property
    def took_s(self) -> float:
        """From the arrival of the first request to the last answer."""
        return float(self._cells[self._at + 2] - self._cells[self._at + 1])

    def reset(self) -> None:
        """Count from nothing. Call it while nothing is under way."""
        self._cells[self._at] = self._cells[self._at + 1] = 0


@contextmanager
def running_sink(answers_after_s: Sequence[float]) -> Iterator[tuple[Listener, ...]]:
    """One listener for each delay, while the block runs."""
    context = multiprocessing.get_context("spawn")
    cells = context.Array("d", 3 * len(answers_after_s), lock=False)
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, tuple(answers_after_s), cells), daemon=True)
    process.start()
    theirs.close()  # else nobody would hear of a sink that could not start
    try:
        yield tuple(Listener(port, cells, 3 * at) for at, port in enumerate(ours.recv()))
    finally:
        process.terminate()
        process.join()


class _Answering(asyncio.Protocol):
    """One connection. One request at a time: no client of ours pipelines."""

    def __init__(self, delay_s: float, cells: "Array[c_double]", at: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay_s = delay_s
        self._cells: Any = cells
        self._at = at
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head = self._seen.find(b"\r\n\r\n")
        if head < 0 or len(self._seen) < head + 4 + _content_length(self._seen[:head]):
            return
        self._seen = b""
        if self._cells[self._at + 1] == 0:
            self._cells[self._at + 1] = time.monotonic()
        if self._delay_s:
            self._loop.call_later(self._delay_s, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        # Counted first: whoever has the answer may look at the count at once.
        self._cells[self._at + 2] = time.monotonic()
        self._cells[self._at] += 1
        self._transport.write(ANSWER)


def _content_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(_LENGTH)
    return 0 if at < 0 else int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0])


def _serve(ready: Connection, answers_after_s: tuple[float, ...], cells: "Array[c_double]") -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        servers = [
            await loop.create_server(
                partial(_Answering, delay_s, cells, 3 * at), "127.0.0.1", 0, backlog=1024
            )
            for at, delay_s in enumerate(answers_after_s)
        ]
        ready.send([server.sockets[0].getsockname()[1] for server in servers])
        await loop.run_in_executor(None, ready.poll, None)

    asyncio.run(main())


_REQUEST = (
    b"POST /channels/cha_1/inbound_messages HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n" + b"x" * 600
)


class _Asking(asyncio.Protocol):
    """Sends the next request when an answer is there, until there are none left to send."""

    def __init__(self, left: list[int], ended: "asyncio.Future[None]") -> None:
        self._left = left
        self._ended = ended
        self._seen = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._seen += len(data)
        if self._seen >= len(ANSWER):
            self._seen = 0
            self._ask()

    def _ask(self) -> None:
        if self._left[0]:
            self._left[0] -= 1
            self._transport.write(_REQUEST)
            return
        self._transport.close()
        if not self._ended.done():
            self._ended.set_result(None)


async def _probe(port: int, requests: int, in_flight: int) -> None:
    loop = asyncio.get_running_loop()
    left = [requests]
    ended = [loop.create_future() for _ in range(in_flight)]
    for future in ended:
        await loop.create_connection(partial(_Asking, left, future), "127.0.0.1", port)
    await asyncio.gather(*ended)


def probe(listener: Listener, requests: int, in_flight: int) -> float:
    """Requests a second that bare sockets get from this listener with so many in flight."""
    listener.reset()
    asyncio.run(_probe(listener.port, requests, in_flight))
    return requests / listener.took_s
