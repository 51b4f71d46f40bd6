"""The wire: from an ASGI request to Front's answer, and the faults that only a wire can show.

Reads the body, keeps the raw log, waits, closes connections. What Front answers is decided in `front.py`.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from importlib import resources
from typing import Any, assert_never

from starlette.types import Receive, Scope, Send

from connector.simulator.bodies import Body, read
from connector.simulator.control import Control
from connector.simulator.faults import Facts, Fault
from connector.simulator.front import Request, find_ids
from connector.simulator.replies import Header, Reply, as_json, error
from connector.simulator.request_log import Ending, Entry
from connector.simulator.routes import find
from connector.simulator.state import State

_CONTROL_BODY_MAX = 5_000_000

_FAULT_TITLES = {
    400: ("Bad request", "Body did not satisfy requirements"),
    401: ("Unauthenticated", "JSON Web Token error"),
    403: ("Forbidden", "The token lacks the scope that this route needs."),
    404: ("Not found", "No such route."),
    429: ("Too many requests", "Rate limit exceeded."),
}


@dataclass(frozen=True, slots=True)
class _Content:
    """A request's bytes; `data` is None when there were more than the limit."""

    data: bytes | None
    size: int
    sha256: bytes


class App:
    """One simulator as an ASGI application."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._control = Control(state)
        self._page = dict(_page_files())
        self._closing = asyncio.Event()
        self._date = (0, b"")

    def close(self) -> None:
        """Let go of the requests that a fault holds; their connections must be closed already."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "the server is started without websockets and lifespan"
        path: bytes = scope["raw_path"]
        if path == b"/_sim" or path.startswith(b"/_sim/"):
            content = await _content(receive, _CONTROL_BODY_MAX)
            if content is not None:
                query, text = scope["query_string"].decode("latin-1"), path.decode("latin-1")
                await self._send(
                    send, self._control.answer(scope["method"], text, query, content.data or b"")
                )
        elif scope["method"] == "GET" and path in self._page:
            await self._send(send, self._page[path])
        else:
            await self._front(scope, receive, send)

    async def _front(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request to Front: log its arrival, check its head, read its body, answer it or let a fault strike."""
        state, clock = self._state, self._state.clock
        found = find(scope["method"], scope["raw_path"])
        entry = Entry(
            seq=state.log.arrived + 1,
            at=clock.monotonic(),
            wall=clock.wall(),
            method=scope["method"],
            operation=found.route.operation if found is not None else None,
            path_ids=found.ids if found is not None else (),
        )
        log = state.log
        log.open(entry)
        request = Request(entry, found)
        headers = dict(scope["headers"])
        state.front.arrive(request, _text(headers, b"authorization"))
        content = await _content(receive, state.front.switches.size_limit)
        if content is None:
            log.close(entry, "gone", clock.monotonic())
            return
        entry.body_sha256, entry.body_bytes = content.sha256, content.size
        request.too_large = content.data is None
        if found is not None and content.data is not None:
            request.body = await read(found.route, _text(headers, b"content-type") or "", content.data)
            fields = request.body.fields if isinstance(request.body, Body) else None
            find_ids(entry, found, fields)
        reply = state.front.paced(request) or await self._fault_or_answer(request)
        # The log is complete before the client can know of its answer: who has read it may rely on the log.
        log.close(entry, reply.status if isinstance(reply, Reply) else reply, clock.monotonic())
        match reply:
            case Reply():
                await self._send(send, reply, request.headers)
            case "dropped":
                scope["state"]["transport"].abort()
                await _until_gone(receive)
            case "hung" | "gone":
                await _until_gone(receive)
            case never:
                assert_never(never)

    async def _fault_or_answer(self, request: Request) -> Reply | Ending:
        """What becomes of a request that the limits let through."""
        entry, front = request.entry, self._state.front
        fault = self._state.faults.pick(Facts(entry.operation, entry.channel, entry.company, entry.ids))
        if fault is None:
            return front.carry_out(request)
        entry.fault = fault.effect
        if fault.delay_ms and not await self._waited(fault.delay_ms / 1000):
            return "gone"
        if fault.effect.endswith("_after"):
            front.carry_out(request)
        match fault.effect:
            case "drop" | "drop_after":
                return "dropped"
            case "hang" | "hang_after":
                return "hung"
            case "delay":
                return front.carry_out(request)
            case "status" | "status_after" | "non_json" | "redirect":
                return _faulty_reply(fault)
            case never:
                assert_never(never)

    async def _waited(self, seconds: float) -> bool:
        """Wait, also for a client that has gone: its request is still carried out. False: the simulator closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return True
        return False

    async def _send(self, send: Send, reply: Reply, headers: tuple[Header, ...] = ()) -> None:
        whole = [(b"date", self._now_date()), *headers, *reply.headers]
        if reply.content_type is not None:
            whole.append((b"content-type", reply.content_type))
        # RFC 9110 §8.6: a 204 has no Content-Length.
        if reply.status != 204:
            whole.append((b"content-length", b"%d" % len(reply.body)))
        await send({"type": "http.response.start", "status": reply.status, "headers": whole})
        await send({"type": "http.response.body", "body": reply.body})

    def _now_date(self) -> bytes:
        now = int(self._state.clock.wall())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True).encode())
        return self._date[1]


def _faulty_reply(fault: Fault) -> Reply:
    headers: list[Header] = []
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(fault.retry_after).encode("latin-1", "replace")))
    if fault.effect == "redirect":
        headers.append((b"location", fault.location.encode("latin-1", "replace")))
        return Reply(fault.status or 307, headers=tuple(headers))
    status = fault.status or 502
    if fault.effect == "non_json" or isinstance(fault.body, str):
        page = fault.body if isinstance(fault.body, str) else f"<html><h1>{status}</h1></html>"
        return Reply(status, page.encode(), b"text/html; charset=utf-8", tuple(headers))
    if fault.body is not None:
        made = as_json(status, fault.body)
    else:
        made = error(status, *_FAULT_TITLES.get(status, ("Error", "Something went wrong.")))
    return Reply(status, made.body, made.content_type, tuple(headers))


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return value.decode("latin-1") if value is not None else None


async def _content(receive: Receive, limit: int) -> _Content | None:
    """The whole body; None if the client went away before its end.

    One that is too large is read to its end all the same: an answer in the middle would reach few clients.
    """
    digest, kept, size = hashlib.sha256(), bytearray(), 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk: bytes = message["body"]
        digest.update(chunk)
        size += len(chunk)
        if size <= limit:
            kept += chunk
        if not message["more_body"]:
            return _Content(bytes(kept) if size <= limit else None, size, digest.digest())


async def _until_gone(receive: Receive) -> None:
    """Until the connection is closed, by either side: an ASGI application may not just return without answering."""
    while (await receive())["type"] != "http.disconnect":
        pass


_PAGE_HEADERS: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
)


def _page_files() -> Iterator[tuple[bytes, Reply]]:
    """The inbox page, which is three files of this package."""
    folder = resources.files("connector.simulator").joinpath("page")
    for path, name, content_type in (
        (b"/", "index.html", b"text/html; charset=utf-8"),
        (b"/inbox.css", "inbox.css", b"text/css; charset=utf-8"),
        (b"/inbox.js", "inbox.js", b"text/javascript; charset=utf-8"),
    ):
        yield path, Reply(200, folder.joinpath(name).read_bytes(), content_type, _PAGE_HEADERS)
