"""A sink like `sink.py` that can be told to refuse one conversation with 503, and counts the others.

A process of its own; flags and counts lie in memory that the benchmark shares.
"""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import Array, c_double
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from tests.benchmark.sink import ANSWER, _content_length

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

_CELLS = 4
_FAILING, _REFUSED, _SICK, _OTHERS = range(_CELLS)


@dataclass(frozen=True, slots=True)
class Listener:
    """A base URL; what was answered there; and whether the sick conversation is refused now."""

    port: int
    _cells: Any
    _at: int

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def others(self) -> int:
        """Requests of all other conversations that were accepted."""
        return int(self._cells[self._at + _OTHERS])

    @property
    def sick(self) -> int:
        """Requests of the sick conversation that were accepted."""
        return int(self._cells[self._at + _SICK])

    @property
    def refused(self) -> int:
        """Requests that were refused."""
        return int(self._cells[self._at + _REFUSED])

    def refuse(self, failing: bool) -> None:
        """From now on."""
        self._cells[self._at + _FAILING] = float(failing)


@contextmanager
def running_sink(listeners: int, sick: bytes, answer_after_s: float) -> Iterator[tuple[Listener, ...]]:
    """So many listeners while the block runs. `sick`: what the bodies of the one conversation contain."""
    context = multiprocessing.get_context("spawn")
    cells = context.Array("d", _CELLS * listeners, lock=False)
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, listeners, sick, answer_after_s, cells), daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield tuple(Listener(port, cells, _CELLS * at) for at, port in enumerate(ours.recv()))
    finally:
        process.terminate()
        process.join()


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a listener answers."""

    sick: bytes
    answer_after_s: float
    cells: Any
    at: int


class _Answering(asyncio.Protocol):
    """One connection. One request at a time: no client of ours pipelines."""

    def __init__(self, manner: _Manner) -> None:
        self._loop = asyncio.get_running_loop()
        self._manner = manner
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head = self._seen.find(b"\r\n\r\n")
        if head < 0 or len(self._seen) < head + 4 + _content_length(self._seen[:head]):
            return
        sick = self._manner.sick in self._seen
        self._seen = b""
        self._loop.call_later(self._manner.answer_after_s, self._answer, sick)

    def _answer(self, sick: bool) -> None:
        cells, at = self._manner.cells, self._manner.at
        refused = sick and cells[at + _FAILING]
        cells[at + (_REFUSED if refused else _SICK if sick else _OTHERS)] += 1
        self._transport.write(REFUSAL if refused else ANSWER)


def _serve(
    ready: Connection, listeners: int, sick: bytes, answer_after_s: float, cells: "Array[c_double]"
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        servers = []
        for number in range(listeners):
            manner = _Manner(sick, answer_after_s, cells, _CELLS * number)
            servers.append(
                await loop.create_server(partial(_Answering, manner), "127.0.0.1", 0, backlog=1024)
            )
        ready.send([server.sockets[0].getsockname()[1] for server in servers])
        await loop.run_in_executor(None, ready.poll, None)

    asyncio.run(main())
