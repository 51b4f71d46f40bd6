"""The pipeline's `Sender`: a request, a fresh token, one attempt, and what its headers tell.

Joins what others make: the request's bytes (core), the token (`tokens.py`) with the secret and the time that Front
knows (`rotation.py`, `core/clock_skew.py`), the connection (`carrier.py`). Never retries, never judges an answer for a
record, never logs. Times and headers go to an observer as typed facts.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from connector.adapters.front.carrier import Carrier
from connector.adapters.front.rotation import OVERLAP_S, Key, Rotation, RotationObserver
from connector.adapters.front.tokens import Tokens
from connector.core.answers import Answer, Answered
from connector.core.clock_skew import ServerClock, corrected
from connector.core.http_request import HttpRequest
from connector.core.outcome import proves_credentials
from connector.core.records import Channel
from connector.ports import Clock

COMPANY_TIER: Final = "company"
"""`x-ratelimit-*` count all of a company's tokens together, on routes with a tier of their own too: a 429 of
such a route still says how much of the company's limit remains (Front's docs, "Rate limits")."""


class RequestObserver(RotationObserver, Protocol):
    """Hears what attempts were like."""

    def request(self, operation: str, status: str, took_s: float) -> None:
        """One attempt ended. `status`: the HTTP code, or timeout, connect, tls, protocol."""

    def rate_limit(self, tier: str, limit: int, remaining: int) -> None:
        """Front said how much of a limit is left."""

    def clock_skew(self, seconds: float) -> None:
        """This machine's wall clock less Front's, signed, as estimated anew: 0 while they may agree."""


@dataclass(frozen=True, slots=True)
class App:
    """Who signs, and where its requests go. `base_url`: scheme and host, perhaps a path."""

    base_url: str
    tokens: Tokens = field(repr=False)
    overlap_s: float = OVERLAP_S
    """For how long a former secret may be taken up again: see `rotation.py`."""


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
        self._carrier = carrier
        self._clock = clock
        self._observer = observer
        self._user_agent = f"front-connector/{version}"
        urls = {name: app.base_url.removesuffix("/") for name, app in apps.items()}
        hosts = {url: _Host(url) for url in urls.values()}
        self._hosts = tuple(hosts.values())
        self._apps = {
            name: _Known(
                hosts[urls[name]],
                app.tokens,
                Rotation(name, app.tokens.secret, clock.monotonic, observer, app.overlap_s),
            )
            for name, app in apps.items()
        }

    async def start(self) -> None:
        """Open the carrier's pool."""
        await self._carrier.start()

    async def send(self, request: HttpRequest, channel: Channel) -> Answer:
        """One attempt with a token minted now; see `ports.Sender`. The channel's app is one of ours."""
        app = self._apps[channel.app]
        began = self._clock.monotonic()
        skew = app.host.clock.skew(self._clock.wall(), began)
        key = app.rotation.key(channel.real_id)
        token = app.tokens.mint(channel.real_id, corrected(self._clock.wall(), skew), key.value)
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "User-Agent": self._user_agent,
        }
        if request.content_type is not None:
            headers["Content-Type"] = request.content_type
        answer = await self._carrier.send(
            request.method, app.host.base_url + request.path, headers, request.upload or request.content
        )
        ended = self._clock.monotonic()
        if isinstance(answer, Answered):
            self._observer.request(request.operation, str(answer.status), ended - began)
            self._hear_limits(answer.headers)
            self._hear_date(app.host, answer.headers.get("date"), began, ended)
            if answer.status == 401:
                self._refused(app, channel, key, skew)
            elif proves_credentials(answer):
                app.rotation.accepted(channel.real_id, key)
        else:
            self._observer.request(request.operation, answer.error, ended - began)
        return answer

    def refresh(self, app: str) -> None:
        """Front refused this app's token: read its secret again, at once."""
        self._apps[app].rotation.refresh()

    async def close(self) -> None:
        """Close the carrier; idempotent."""
        await self._carrier.close()

    def _refused(self, app: "_Known", channel: Channel, key: Key, skew: float | None) -> None:
        """A 401. Its `Date` may have shown that the token was made by a wrong clock: then no secret is to blame."""
        now = app.host.clock.skew(self._clock.wall(), self._clock.monotonic())
        if abs((now or 0.0) - (skew or 0.0)) <= _SAME_CLOCK_S:
            app.rotation.refused(channel.real_id, key)

    def _hear_limits(self, headers: Mapping[str, str]) -> None:
        limit, remaining = (
            _count(headers.get("x-ratelimit-limit")),
            _count(headers.get("x-ratelimit-remaining")),
        )
        if limit is not None and remaining is not None:
            self._observer.rate_limit(COMPANY_TIER, limit, remaining)

    def _hear_date(self, host: "_Host", date: str | None, began: float, ended: float) -> None:
        if date is None:
            return
        if date != host.date:
            # Hundreds of answers share one, which is read once.
            host.date, host.date_s = date, _unix_seconds(date)
        wall = self._clock.wall()
        if host.date_s is None or not host.clock.heard(host.date_s, began, ended, wall):
            return
        skews = (one.clock.skew(wall, ended) for one in self._hosts)
        self._observer.clock_skew(max((skew for skew in skews if skew is not None), key=abs))


@dataclass(slots=True)
class _Host:
    """Whom a base URL leads to, and what its answers tell of its clock."""

    base_url: str
    clock: ServerClock = field(default_factory=ServerClock)
    date: str | None = None
    date_s: float | None = None
    """The last `Date`, read."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An app in use."""

    host: _Host
    tokens: Tokens = field(repr=False)
    rotation: Rotation = field(repr=False)


_SAME_CLOCK_S: Final = 1.0
"""Estimates that differ by no more are of one clock: its `Date` has that resolution."""


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
