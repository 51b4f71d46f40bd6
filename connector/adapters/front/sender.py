"""The pipeline's `Sender`: a request, a fresh token, one attempt, and what its headers tell.

Joins what others make: the request's bytes (core), the token (`tokens.py`), the connection (`carrier.py`).
Never retries, never judges an answer, never logs. Times and headers go to an observer as typed facts.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from connector.adapters.front.carrier import Carrier
from connector.adapters.front.tokens import Tokens
from connector.core.answers import Answer, Answered
from connector.core.http_request import HttpRequest
from connector.core.records import Channel
from connector.ports import Clock

COMPANY_TIER: Final = "company"
"""`x-ratelimit-*` count all of a company's tokens together, on routes with a tier of their own too: a 429 of
such a route still says how much of the company's limit remains (Front's docs, "Rate limits")."""

SENSIBLE_SKEW_S: Final = 366 * 86_400.0
"""A `Date` further off is not a clock's error but a broken header, such as the epoch's first second."""


class RequestObserver(Protocol):
    """Hears what attempts were like."""

    def request(self, operation: str, status: str, took_s: float) -> None:
        """One attempt ended. `status`: the HTTP code, or timeout, connect, tls, protocol."""

    def rate_limit(self, tier: str, limit: int, remaining: int) -> None:
        """Front said how much of a limit is left."""

    def clock_skew(self, seconds: float) -> None:
        """This machine's wall clock minus Front's `Date`, signed; exact to about a second."""


@dataclass(frozen=True, slots=True)
class App:
    """Who signs, and where its requests go. `base_url`: scheme and host, perhaps a path."""

    base_url: str
    tokens: Tokens = field(repr=False)


class FrontSender:
    """`ports.Sender` for several apps over one carrier, which it starts and closes."""

    def __init__(
        self,
        apps: Mapping[str, App],
        carrier: Carrier,
        clock: Clock,
        observer: RequestObserver,
        *,
        version: str,
    ) -> None:
        self._apps = {name: App(app.base_url.removesuffix("/"), app.tokens) for name, app in apps.items()}
        self._carrier = carrier
        self._clock = clock
        self._observer = observer
        self._user_agent = f"front-connector/{version}"
        self._last_date: str | None = None

    async def start(self) -> None:
        """Open the carrier's pool."""
        await self._carrier.start()

    async def send(self, request: HttpRequest, channel: Channel) -> Answer:
        """One attempt with a token minted now; see `ports.Sender`. The channel's app is one of ours."""
        app = self._apps[channel.app]
        headers = {
            "Authorization": f"Bearer {app.tokens.mint(channel.real_id, self._clock.wall())}",
            "Accept": "application/json",
            "User-Agent": self._user_agent,
        }
        if request.content_type is not None:
            headers["Content-Type"] = request.content_type
        began = self._clock.monotonic()
        answer = await self._carrier.send(
            request.method, app.base_url + request.path, headers, request.content
        )
        took = self._clock.monotonic() - began
        if isinstance(answer, Answered):
            self._observer.request(request.operation, str(answer.status), took)
            self._learn(answer.headers)
        else:
            self._observer.request(request.operation, answer.error, took)
        return answer

    def refresh(self, app: str) -> None:
        """Front refused this app's token: read its secret again, at once."""
        self._apps[app].tokens.refresh()

    async def close(self) -> None:
        """Close the carrier; idempotent."""
        await self._carrier.close()

    def _learn(self, headers: Mapping[str, str]) -> None:
        limit, remaining = (
            _count(headers.get("x-ratelimit-limit")),
            _count(headers.get("x-ratelimit-remaining")),
        )
        if limit is not None and remaining is not None:
            self._observer.rate_limit(COMPANY_TIER, limit, remaining)
        date = headers.get("date")
        # Its resolution is a second: hundreds of answers share one, which is read once.
        if date is not None and date != self._last_date:
            self._last_date = date
            theirs = _unix_seconds(date)
            if theirs is not None and abs(skew := self._clock.wall() - theirs) <= SENSIBLE_SKEW_S:
                self._observer.clock_skew(skew)


def _count(text: str | None) -> int | None:
    """A header's number, fractions cut; None for what is none, or is below 0."""
    if text is None:
        return None
    try:
        number = int(float(text))
    except (ValueError, OverflowError):
        return None
    return number if number >= 0 else None


def _unix_seconds(date: str) -> float | None:
    """An HTTP date (RFC 9110 §5.6.7), which is always UTC; None for anything else."""
    try:
        return parsedate_to_datetime(date).replace(tzinfo=dt.UTC).timestamp()
    except (ValueError, OverflowError):
        return None
