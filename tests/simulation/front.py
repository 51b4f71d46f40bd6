"""Front as seen over a network: a request's arrival, its answer, and the loss of either are different things.

A request whose sender has been cancelled, frozen or killed may still arrive, until its deadline. A token is judged by Front's
clock when the request arrives. What arrived is kept in `log`; nothing is de-duplicated.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, Protocol

from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.core.http_request import HttpRequest
from connector.core.records import Channel
from tests.simulation.kernel import Kernel, Life, Process
from tests.simulation.log import Stored

WALL = 1_790_000_000.0
SpellKind = Literal[
    "503", "429", "401", "403", "404", "route", "refuse", "reset", "hang", "slow", "late", "too_late"
]


@dataclass(frozen=True, slots=True)
class Spell:
    """For a time, a share of the requests of a channel (None: of all) fare so. `too_late`: arrive after their deadline."""

    kind: SpellKind
    until: float
    share: float = 1.0
    channel: str | None = None


@dataclass(slots=True, eq=False)
class Attempt:
    """One request under way. `assignment`: under which assignment of its partition it was started."""

    process: Process
    stored: Stored
    index: int
    channel: Channel
    sent_at: float
    expires_wall: float
    assignment: int
    former: bool = False
    """Its sender takes the topic for the one that was there before, whose assignment it has."""
    arrived_at: float | None = None
    dropped: bool = False
    status: int | None = None


class Witness(Protocol):
    """Told what happens at Front and at its door."""

    def starts(self, process: Process, stored: Stored, index: int, channel: Channel) -> int:
        """A request leaves the connector's code; the number of its partition's assignment."""

    def sent(self, attempt: Attempt) -> None:
        """It is under way."""

    def arrived(self, attempt: Attempt) -> None:
        """With its status."""

    def answered(self, attempt: Attempt, answer: Answer) -> None:
        """The connector's code has the answer."""

    def cancelled(self, attempt: Attempt) -> None: ...


@dataclass(slots=True)
class Front:
    """All members' Front. `records`: by number."""

    kernel: Kernel
    random: Random
    records: Sequence[Stored]
    witness: Witness
    deadline: float
    poison_until: float
    """Until then it cannot stomach `poison`."""
    spells: list[Spell] = field(default_factory=list)
    log: list[Attempt] = field(default_factory=list)

    def now_wall(self) -> float:
        """By its own clock."""
        return WALL + self.kernel.now

    async def send(
        self, process: Process, request: HttpRequest, channel: Channel, token_wall: float
    ) -> Answer:
        """One attempt of one member."""
        number, index, _ = request.content.split(b"|", 2)
        stored = self.records[int(number)]
        assignment = self.witness.starts(process, stored, int(index), channel)
        attempt = Attempt(
            process, stored, int(index), channel, self.kernel.now, token_wall + self.deadline, assignment
        )
        self.witness.sent(attempt)
        loop = process.loop
        future: asyncio.Future[Answer] = loop.create_future()
        self._travel(attempt, self._resolver(process, future))
        timer = loop.call_later(self.deadline, _give_up, future)
        try:
            answer = await future
        except asyncio.CancelledError:
            if attempt.arrived_at is None and self.random.random() < 0.5:
                attempt.dropped = True
            self.witness.cancelled(attempt)
            raise
        finally:
            timer.cancel()
        self.witness.answered(attempt, answer)
        return answer

    def _resolver(self, process: Process, future: asyncio.Future[Answer]) -> Callable[[float, Answer], None]:
        def resolve(delay: float, answer: Answer) -> None:
            process.after(delay, _set, future, answer)

        return resolve

    def _travel(self, attempt: Attempt, answer: Callable[[float, Answer], None]) -> None:
        spell = self._spell(attempt, ("refuse", "reset", "hang", "late", "too_late"))
        random = self.random
        delay = random.uniform(0.002, 0.04)
        if random.random() < 0.03:
            delay = random.uniform(0.0, self.deadline * 0.95)
        match spell:
            case "refuse":
                answer(delay, NotSent("connect"))
                return
            case "reset":
                answer(delay, Unknown("protocol"))
                if random.random() < 0.5:
                    return
            case "late":
                delay = random.uniform(0.0, self.deadline * 0.95)
            case "too_late":
                delay = self.deadline + random.uniform(0.01, 3.0)
            case "hang":
                if random.random() < 0.5:
                    return
        silent = spell in ("hang", "reset")
        self.kernel.after(delay, self._arrive, attempt, None if silent else answer)

    def _arrive(self, attempt: Attempt, answer: Callable[[float, Answer], None] | None) -> None:
        if attempt.dropped:
            return
        attempt.arrived_at = self.kernel.now
        status, headers, body = self._judge(attempt)
        attempt.status = status
        self.log.append(attempt)
        self.witness.arrived(attempt)
        if answer is not None and attempt.process.life is not Life.DEAD:
            slow = self._spell(attempt, ("slow",))
            delay = (
                self.random.uniform(0.3, 0.95 * self.deadline) if slow else self.random.uniform(0.005, 0.12)
            )
            answer(delay, Answered(status, headers, body))

    def _judge(self, attempt: Attempt) -> tuple[int, Mapping[str, str], bytes]:
        if self.now_wall() > attempt.expires_wall:
            return 401, {}, b""
        match self._spell(attempt, ("503", "429", "401", "403", "404", "route")):
            case "429":
                # The channel's own limit where the company still has some left.
                left = {"x-ratelimit-remaining": "5"} if self.random.random() < 0.5 else {}
                return 429, {"retry-after": "1", **left}, b""
            case "route":
                return 404, {}, b'{"_error": {"title": "No such route"}}'
            case None:
                pass
            case kind:
                return int(kind), {}, b""
        if attempt.stored.kind == "rejected":
            return 400, {}, b'{"_error": {"title": "Bad", "message": "s3cr3t-payload Bearer s3cr3t-token"}}'
        if attempt.stored.kind == "poison" and self.kernel.now < self.poison_until:
            return 500, {}, b""
        return 202, {}, b""

    def _spell(self, attempt: Attempt, kinds: tuple[SpellKind, ...]) -> SpellKind | None:
        for spell in self.spells:
            if (
                spell.kind in kinds
                and self.kernel.now < spell.until
                and spell.channel in (None, attempt.channel.real_id)
                and (spell.share >= 1.0 or self.random.random() < spell.share)
            ):
                return spell.kind
        return None


def _set(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _give_up(future: asyncio.Future[Answer]) -> None:
    _set(future, Unknown("timeout"))
