"""The way back to one client: whole answers, and every way in which an answer can fail to arrive.

Decides nothing: which of these it is to be was decided before.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from connector.simulator.replies import Header, Reply

_DRIPS = 20
_GARBAGE = bytes((193 * number + 17) % 256 for number in range(97))
"""Neither JSON nor UTF-8, the same each time."""


class Wire:
    """One request's connection. `date` makes the `Date` header."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, date: Callable[[], bytes]) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._date = date

    async def answer(self, reply: Reply, headers: tuple[Header, ...] = ()) -> None:
        """The whole of it."""
        await self._head(reply, headers)
        await self._send({"type": "http.response.body", "body": reply.body})

    async def answer_garbage(self, reply: Reply, headers: tuple[Header, ...]) -> None:
        """The status and headers of the answer, and bytes that are no body of anything."""
        body = b"" if reply.status == 204 else _GARBAGE
        content_type = reply.content_type or b"application/json; charset=utf-8"
        await self.answer(Reply(reply.status, body, content_type, reply.headers), headers)

    async def drip(self, reply: Reply, headers: tuple[Header, ...], seconds: float) -> None:
        """The answer's body in small pieces over this time; only a body that is there can be slow."""
        await self._head(reply, headers)
        step = max(1, -(-len(reply.body) // _DRIPS))
        pieces = [reply.body[at : at + step] for at in range(0, len(reply.body), step)]
        for piece in pieces:
            await asyncio.sleep(seconds / len(pieces))
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def cut(self, reply: Reply, headers: tuple[Header, ...]) -> None:
        """Half the body that the headers promise, then the end of the connection."""
        promised = reply.body or b'{"status":"accepted"}'
        status = 200 if reply.status == 204 else reply.status
        content_type = reply.content_type or b"application/json; charset=utf-8"
        await self._head(Reply(status, promised, content_type, reply.headers), headers)
        half = promised[: len(promised) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        self._transport.close()
        await self.hang()

    async def drop(self) -> None:
        """The end of the connection, without a byte."""
        self._transport.abort()
        await self.hang()

    async def reset(self) -> None:
        """The end as a TCP reset (SO_LINGER of 0), which the client's system reports as such."""
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.drop()

    async def half_close(self) -> None:
        """Our direction ends without a byte; the client's stays open until it goes."""
        self._transport.write_eof()
        await self.hang()

    async def hang(self) -> None:
        """Until the connection is closed, by either side: an ASGI application may not just return unanswered."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    @property
    def _transport(self) -> Any:
        return self._scope["state"]["transport"]

    async def _head(self, reply: Reply, headers: tuple[Header, ...]) -> None:
        whole = [(b"date", self._date()), *headers, *reply.headers]
        if reply.content_type is not None:
            whole.append((b"content-type", reply.content_type))
        # RFC 9110 §8.6: a 204 has no Content-Length.
        if reply.status != 204:
            whole.append((b"content-length", b"%d" % len(reply.body)))
        await self._send({"type": "http.response.start", "status": reply.status, "headers": whole})
