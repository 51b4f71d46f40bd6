"""One request to Front, from its first byte to its answer: logged, read, judged, or struck by a fault.

Waits and breaks as the fault rules say; what Front answers is decided in `front.py`, how an answer fails in `wire.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import assert_never

from starlette.types import Receive, Scope

from connector.simulator.bodies import Body, is_form, read
from connector.simulator.faults import Facts, Fault
from connector.simulator.intake import Gone, Intake, TooLarge
from connector.simulator.replies import Header, Reply, as_json, error
from connector.simulator.request import Request, find_ids
from connector.simulator.request_log import Ending, Entry, Outcome
from connector.simulator.routes import find
from connector.simulator.state import State
from connector.simulator.switches import Switches
from connector.simulator.wire import Wire

_REST_OF_A_FORM = 20
"""With a limit for each file, a request may have so many times that in all: endless ones end."""

_FAULT_TITLES = {
    400: ("Bad request", "Body did not satisfy requirements"),
    401: ("Unauthenticated", "JSON Web Token error"),
    403: ("Forbidden", "The token lacks the scope that this route needs."),
    404: ("Not found", "No such route."),
    429: ("Too many requests", "Rate limit exceeded."),
}


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of a request: what the raw log says, and how it is carried out on the wire."""

    outcome: Outcome
    carry_out: Callable[[], Awaitable[None]]


class Exchanges:
    """Carries out requests to Front for one simulator, each in its own call."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Let go of the requests that a fault holds; their connections must be closed already."""
        self._closing.set()

    async def carry_out(self, scope: Scope, receive: Receive, wire: Wire) -> None:
        """Log the arrival, check the head, read the body, answer or let a fault strike."""
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
        state.log.open(entry)
        request = Request(entry, found)
        headers = dict(scope["headers"])
        state.front.arrive(request, _text(headers, b"authorization"))
        try:
            await self._read(request, _text(headers, b"content-type") or "", receive)
            fate = await self._fate(request, wire)
        except Gone:
            await self._settle(entry, "gone")
            return
        finally:
            if isinstance(request.body, Body):
                request.body.spooled.close()
        # The log is complete before the client can know of its answer: who has read it may rely on the log.
        await self._settle(entry, fate.outcome)
        await fate.carry_out()

    async def _settle(self, entry: Entry, outcome: Outcome) -> None:
        self._state.log.close(entry, outcome, self._state.clock.monotonic())
        if self._state.front.settled is not None:
            await self._state.front.settled(entry)

    async def _read(self, request: Request, content_type: str, receive: Receive) -> None:
        """The body, to its end; what is too large passes through and is forgotten. Raises Gone."""
        switches = self._state.front.switches
        intake = Intake(receive, _most(content_type, switches))
        try:
            if request.found is not None:
                request.body = await read(request.found.route, content_type, intake, switches)
        except TooLarge:
            request.too_large = True
        await intake.drain()
        request.entry.body_sha256, request.entry.body_bytes = intake.sha256, intake.size
        body = request.body if isinstance(request.body, Body) else None
        if intake.size > _most(content_type, switches) or any(
            file.size > switches.size_limit for file in (body.files if body is not None else ())
        ):
            request.too_large = True
        if request.found is not None:
            find_ids(request.entry, request.found, body.fields if body is not None else None)

    async def _fate(self, request: Request, wire: Wire) -> _Fate:
        """A limit's refusal, a fault's effect, or Front's answer."""
        state, entry = self._state, request.entry
        paced = state.front.paced(request)
        if paced is not None:
            return _answered(paced, request, wire)
        fault = state.faults.pick(Facts(entry.operation, entry.channel, entry.company, entry.ids))
        if fault is None:
            return _answered(await self._answer(request), request, wire)
        entry.fault = fault.effect
        dripping = fault.effect == "slow_body"
        if fault.delay_ms and not dripping and not await self._waited(fault.delay_ms / 1000):
            return _Fate("gone", wire.hang)
        return await self._struck(fault, request, wire)

    async def _struck(self, fault: Fault, request: Request, wire: Wire) -> _Fate:
        if fault.effect.endswith("_after"):
            await self._answer(request)
        match fault.effect:
            case "drop" | "drop_after":
                return _Fate(_DROPPED, wire.drop)
            case "reset" | "reset_after":
                return _Fate(_DROPPED, wire.reset)
            case "half_close" | "half_close_after":
                return _Fate(_DROPPED, wire.half_close)
            case "hang" | "hang_after":
                return _Fate("hung", wire.hang)
            case "delay":
                return _answered(await self._answer(request), request, wire)
            case "slow_body":
                reply = await self._answer(request)
                seconds = fault.delay_ms / 1000
                return _Fate(reply.status, lambda: wire.drip(reply, request.headers, seconds))
            case "garbage_body":
                reply = await self._answer(request)
                return _Fate(reply.status, lambda: wire.answer_garbage(reply, request.headers))
            case "cut_body":
                reply = await self._answer(request)
                return _Fate(_DROPPED, lambda: wire.cut(reply, request.headers))
            case "status" | "status_after" | "non_json" | "redirect":
                return _answered(_faulty_reply(fault), request, wire)
            case never:
                assert_never(never)

    async def _answer(self, request: Request) -> Reply:
        """Front's, with the bytes of what was stored put aside for the page."""
        front = self._state.front
        reply = front.carry_out(request)
        if request.entry.stored and isinstance(request.body, Body):
            for file in request.body.files:
                await front.blobs.keep(request.body.spooled.of[file.sha256], file.sha256, file.size)
        return reply

    async def _waited(self, seconds: float) -> bool:
        """Wait, also for a client that has gone: its request is still carried out. False: the simulator closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return True
        return False


_DROPPED: Ending = "dropped"


def _answered(reply: Reply, request: Request, wire: Wire) -> _Fate:
    return _Fate(reply.status, lambda: wire.answer(reply, request.headers))


def _most(content_type: str, switches: Switches) -> int:
    """Bytes that a request may have."""
    whole = switches.size_limit_per == "request" or not is_form(content_type)
    return switches.size_limit if whole else _REST_OF_A_FORM * switches.size_limit


def _faulty_reply(fault: Fault) -> Reply:
    headers: list[Header] = []
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(fault.retry_after).encode("latin-1", "replace")))
    if fault.effect == "redirect":
        headers.append((b"location", fault.location.encode("latin-1", "replace")))
        return Reply(fault.status or 307, headers=tuple(headers))
    status = fault.status or 502
    if status in (204, 304):  # neither has a body (RFC 9110 §15.3.5, §15.4.5)
        return Reply(status, headers=tuple(headers))
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
