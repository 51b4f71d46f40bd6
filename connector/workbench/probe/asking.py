"""One request at a time: paced, counted, repeated where Front says wait; what the answers tell beside themselves.

Nothing here knows what a trial is about. A secret is used for signing, and shown nowhere.
"""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Final

from connector import __version__
from connector.adapters.front.carrier import Carrier
from connector.adapters.front.tokens import Tokens
from connector.core.answers import Answer, Answered
from connector.core.http_request import HttpRequest
from connector.workbench.probe.deciding import conclusive, said, statuses, taken, wait_s
from connector.workbench.probe.thresholds import ServerTime

REQUESTS_MAX: Final = 200
"""Of a run. A usual one needs half of it."""

_WINDOW_S: Final = 60.0
_SHARE: Final = 0.8
"""Of the company's requests a minute: others use them too."""

_GAP_MIN_S: Final = 0.25
_GAP_MAX_S: Final = 4.0
"""Between requests: after each 429 twice as long, up to this."""

_SILENT_MAX: Final = 5
_WAITS_MAX: Final = 6
_WAIT_MAX_S: Final = 120.0
"""A longer one is for another day."""

MakeToken = Callable[[], str]
Moment = Callable[[], Awaitable[None]]


class Stopped(Exception):
    """The run asks no more; the text says why."""


@dataclass(frozen=True, slots=True)
class Times:
    """The clocks, and how to wait."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast. 0 means no bound of ours."""

    per_second: float = 4
    per_minute: float = 50


@dataclass(frozen=True, slots=True)
class Whom:
    """Where requests go and who signs. `channel` is the real id."""

    base_url: str
    channel: str
    tokens: Tokens = field(repr=False)


class Asker:
    """Sends the requests of one run."""

    def __init__(self, carrier: Carrier, whom: Whom, times: Times, pace: Pace) -> None:
        self.whom = whom
        self.times = times
        self.server = ServerTime()
        self.answers: list[Answer] = []
        """All of them, in order."""
        self.for_no_reason: set[int] = set()
        """Statuses by which a request was refused that Front takes at other times."""
        self.sent = 0
        self.span = (0.0, 0.0)
        """Between which moments of the monotonic clock the last attempt was on its way."""
        self._carrier = carrier
        self._pace = pace
        self._gap_s = 1 / pace.per_second if pace.per_second else 0.0
        self._recent: deque[float] = deque()
        self._silent = 0
        self._last_chance = False

    # -- tokens ---------------------------------------------------------------------------------------------------

    def usual_token(self) -> str:
        """As the service makes it."""
        return self.whom.tokens.mint(self.whom.channel, self.server_wall())

    def server_wall(self) -> float:
        """Front's time, as far as it is known."""
        return self.times.wall() + self.server.ahead_s

    def with_tokens(self, tokens: Tokens) -> None:
        """From now on these are the usual ones."""
        self.whom = replace(self.whom, tokens=tokens)

    # -- asking ---------------------------------------------------------------------------------------------------

    async def ask(
        self, request: HttpRequest, token: MakeToken | None = None, moment: Moment | None = None
    ) -> Answer:
        """Front's answer; a 429 is obeyed, and the request sent again. Raises `Stopped`.

        `moment`: waits for a good one, when the pace lets the request go and before its token is made.
        """
        doubled = 1.0
        for _ in range(_WAITS_MAX):
            await self._paced()
            if moment is not None:
                await moment()
            answer = await self._once(request, token or self.usual_token)
            if token is None and isinstance(answer, Answered) and answer.status in (401, 403):
                self.for_no_reason.add(answer.status)
            if not isinstance(answer, Answered) or answer.status != 429:
                return answer
            wanted = wait_s(answer, doubled)
            if wanted > _WAIT_MAX_S:
                raise Stopped(f"Front answered 429 and wants us to wait for {wanted:.0f} s")
            await self._wait(wanted)
            doubled *= 2
            self._gap_s = min(max(2 * self._gap_s, _GAP_MIN_S), _GAP_MAX_S)
        raise Stopped("Front answered 429 again and again")

    async def settle(
        self, make: Callable[[int], HttpRequest], token: MakeToken | None = None, *, stateless: bool = True
    ) -> list[Answer]:
        """Ask until two answers can be told, four times at most.

        `make`: the request by attempt, so that each has ids of its own. `stateless`: both must be answered alike, or
        neither status has a reason.
        """
        answers: list[Answer] = []
        for attempt in range(4):
            answers.append(await self.ask(make(attempt), token))
            if sum(map(conclusive, answers)) == 2:
                break
        seen = set(statuses(answers))
        if stateless and len(seen) > 1:
            self.for_no_reason |= seen
        return answers

    async def offer(self, make: Callable[[int], HttpRequest]) -> list[Answer]:
        """Ask until it is taken, or refused twice; three times at most. The last answer is the one that counts."""
        answers: list[Answer] = []
        for attempt in range(3):
            answers.append(await self.ask(make(attempt)))
            if taken(answers[-1]) or sum(map(conclusive, answers)) == 2:
                break
        if taken(answers[-1]):
            self.for_no_reason |= set(statuses(answers[:-1]))
        return answers

    def expect(self, answer: Answer, reasonable: Iterable[int]) -> None:
        """A request that can be answered in these ways only: another status has no reason."""
        self.for_no_reason |= set(statuses([answer])) - set(reasonable)

    def last_chance(self) -> None:
        """What follows is tidying up: a few requests more, whatever was spent."""
        self._last_chance = True
        self._silent = 0

    async def pause(self, seconds: float) -> None:
        """Nothing is sent for so long."""
        await self._wait(seconds)

    # -- one attempt ----------------------------------------------------------------------------------------------

    async def _once(self, request: HttpRequest, token: MakeToken) -> Answer:
        if not self._last_chance and self.sent >= REQUESTS_MAX:
            raise Stopped(f"the {REQUESTS_MAX} requests that a run may send were sent")
        headers = {
            "Authorization": f"Bearer {token()}",
            "Accept": "application/json",
            "User-Agent": f"front-connector/{__version__} (probe)",
        }
        if request.content_type is not None:
            headers["Content-Type"] = request.content_type
        self.sent += 1
        wall, began = self.times.wall(), self.times.monotonic()
        self._recent.append(began)
        answer = await self._carrier.send(
            request.method, self.whom.base_url + request.path, headers, request.content
        )
        self.span = (began, self.times.monotonic())
        self._hear(answer, wall, self.times.wall())
        return answer

    def _hear(self, answer: Answer, began: float, ended: float) -> None:
        self.answers.append(answer)
        if not isinstance(answer, Answered):
            self._silent += 1
            if self._silent >= _SILENT_MAX and not self._last_chance:
                raise Stopped(f"{_SILENT_MAX} requests one after the other got {said(answer)}")
            return
        self._silent = 0
        date = _unix_seconds(answer.headers.get("date"))
        if date is not None:
            self.server = self.server.heard(date, began, ended)

    async def _paced(self) -> None:
        """Below the limits that the configuration names, and out of the way of others when little is left."""
        await self._wait(self._others_need())
        now = self.times.monotonic()
        while self._recent and now - self._recent[0] >= _WINDOW_S:
            self._recent.popleft()
        if self._recent:
            await self._wait(self._recent[-1] + self._gap_s - now)
        most = math.ceil(self._pace.per_minute * _SHARE)
        if most and len(self._recent) >= most:
            await self._wait(self._recent[-most] + _WINDOW_S - self.times.monotonic())

    def _others_need(self) -> float:
        """Seconds until the company's window ends, if a tenth of it or less is left."""
        last = self.answers[-1] if self.answers else None
        if not isinstance(last, Answered):
            return 0.0
        limit, left, reset = (
            _number(last.headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining", "reset")
        )
        if limit is None or left is None or reset is None or left > limit / 10:
            return 0.0
        return min(reset - self.server_wall(), _WINDOW_S)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            await self.times.sleep(seconds)


def status_counts(answers: list[Answer]) -> dict[str, int]:
    """How often each answer came."""
    return dict(sorted(Counter(map(said, answers)).items()))


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _unix_seconds(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
