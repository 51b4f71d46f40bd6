"""An HTTP/1.1 peer that reads real bytes off a socket and answers as scripted. Never a model of Front.

Written on streams instead of a web framework: the tests need to see the request line as it came, and to
answer with garbage, with half an answer, or not at all.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived. `connection` counts the accepted connections from 1."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True, slots=True)
class Line:
    """One connection, seen from the peer. `number` counts from 1."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int

    async def gone(self) -> None:
        """Wait until the other side has closed."""
        while await self.reader.read(65536):
            pass


Script = Callable[[Seen, Line], Awaitable[None]]
"""Answers one request by writing (or not). Closing the writer ends the connection."""


@dataclass(slots=True)
class Peer:
    """A listening peer: what it saw, and how to break its connections."""

    script: Script
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    accepted: int = 0
    ended: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that happened here makes the condition true."""
        async with self.changed:
            await self.changed.wait_for(condition)

    def close_idle(self) -> None:
        """Close every connection, as servers do with idle ones."""
        for writer in self.writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The life of one connection."""
        self.writers.add(writer)
        await self._note(accepted=1)
        line = Line(reader, writer, self.accepted)
        try:
            while not writer.is_closing():
                seen = await _read_request(line)
                self.seen.append(seen)
                await self._note()
                await self.script(seen, line)
                if not writer.is_closing():
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.writers.discard(writer)
            await self._note(ended=1)

    async def _note(self, accepted: int = 0, ended: int = 0) -> None:
        async with self.changed:
            self.accepted += accepted
            self.ended += ended
            self.changed.notify_all()


async def _read_request(line: Line) -> Seen:
    head = (await line.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in head[1:] if text)}
    body = await line.reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(head[0], headers, body, line.number)


@asynccontextmanager
async def listening(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A peer on a free port of loopback; at the end all its connections are closed."""
    peer = Peer(script)
    handlers: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        await peer.serve(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in tuple(peer.writers):
            writer.transport.abort()
        # Aborted connections end their handlers; a script that waits for something else is cancelled.
        _, stuck = await asyncio.wait(handlers, timeout=0.1) if handlers else (set(), set())
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


def answer(body: bytes = b"", status: str = "202 Accepted", headers: tuple[str, ...] = ()) -> bytes:
    """A well-formed answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


def always(raw: bytes) -> Script:
    """The same bytes for every request."""

    async def script(_seen: Seen, line: Line) -> None:
        line.writer.write(raw)

    return script


def then_close(raw: bytes) -> Script:
    """These bytes, and the connection's end."""

    async def script(_seen: Seen, line: Line) -> None:
        line.writer.write(raw)
        line.writer.close()

    return script


def then_hang(raw: bytes = b"") -> Script:
    """These bytes, and nothing more until the other side goes away."""

    async def script(_seen: Seen, line: Line) -> None:
        line.writer.write(raw)
        await line.writer.drain()
        await line.gone()

    return script


@asynccontextmanager
async def accepting(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """A port of loopback whose every connection is `handle`'s alone, bytes and all, until it returns."""
    handlers: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await handle(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    listener = socket.socket()
    # Small, so that a body of some megabytes does not fit into what the two ends buffer.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(accept, sock=listener, ssl=tls, limit=4096)
    try:
        yield listener.getsockname()[1]
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a process that dies does: what was not read is answered with RST, and so is what comes."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
