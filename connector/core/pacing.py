"""When the next request may go: Front's limits per channel and company, and what a 429 told us to wait.

Both count starts, retries included, while Front counts arrivals: a network's jitter moves requests together. So a channel's
requests are spaced evenly (a burst at the end of one second and another at the start of the next would be one burst at
Front), and a company's minute has a second to spare.
Source: Front, "Rate limits": so many requests a minute per company, five a second per resource.
Never here: holds (`holds`), back-off of a single record (`outcome`).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from connector.core.held_back import Cause, HeldBack
from connector.core.records import Channel

LimitScope: TypeAlias = Literal["channel", "company"]


MINUTE_S = 61.0
"""A minute of Front's, by our clock and over a network."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests allowed; 0 switches a limit off. `companies` overrides the minute's limit by company name."""

    company_per_minute: int = 50
    channel_per_second: int = 4
    companies: Mapping[str, int] = field(default_factory=dict)


class Used(NamedTuple):
    """Starts within the window, of so many allowed."""

    started: int
    limit: int


class _Window:
    """At most `limit` starts within any `seconds`."""

    __slots__ = ("_limit", "_seconds", "_starts")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._starts: deque[float] = deque(maxlen=limit or None)

    def free_at(self, now: float) -> float | None:
        if self._limit == 0 or len(self._starts) < self._limit:
            return None
        free = self._starts[0] + self._seconds
        return free if free > now else None

    def start(self, now: float) -> None:
        if self._limit:
            self._starts.append(now)

    def used(self, now: float) -> Used:
        return Used(sum(start + self._seconds > now for start in self._starts), self._limit)


class _Spacing:
    """At most `per_second` starts a second, evenly spaced."""

    __slots__ = ("_gap", "_last")

    def __init__(self, per_second: int) -> None:
        self._gap = 1.0 / per_second if per_second else 0.0
        self._last: float | None = None

    def free_at(self, now: float) -> float | None:
        free = now if self._last is None else self._last + self._gap
        return free if free > now else None

    def start(self, now: float) -> None:
        self._last = now


CHANNELS_REMEMBERED = 10_000
"""Beyond that, channels that may send anyway are forgotten: ids come from records, and records may hold anything."""


class Pacing:
    """Limits of the channels and companies seen so far. Not thread-safe."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._channels: dict[str, _Spacing] = {}
        self._look_through_at = CHANNELS_REMEMBERED
        self._companies: dict[str, _Window] = {}
        self._closed: dict[tuple[LimitScope, str], float] = {}
        self.held_back = HeldBack()

    def wait_until(self, channel: Channel, now: float) -> float | None:
        """None: a request of this channel may start now. Else when to ask again, later than `now`: so long it is held back."""
        times: tuple[tuple[Cause, float | None], ...] = (
            ("retry_after", self._closed_until("channel", channel.real_id, now)),
            ("retry_after", self._closed_until("company", channel.company, now)),
            ("channel", self._channel(channel, now).free_at(now)),
            ("company", self._company(channel).free_at(now)),
        )
        latest: float | None = None
        for cause, until in times:
            if until is not None:
                self.held_back.note(cause, now, until)
                latest = until if latest is None else max(latest, until)
        return latest

    def started(self, channel: Channel, now: float) -> None:
        """A request of this channel starts: it counts in both windows."""
        self._channel(channel, now).start(now)
        self._company(channel).start(now)

    def throttle(self, scope: LimitScope, channel: Channel, until: float) -> None:
        """Front answered 429: nothing of this scope starts before `until`. A later time wins."""
        name = channel.real_id if scope == "channel" else channel.company
        self._closed[scope, name] = max(until, self._closed.get((scope, name), until))

    def closed(self, now: float) -> dict[tuple[LimitScope, str], float]:
        """The scopes that a 429 closed, by kind and name, and until when each is."""
        return {scope: until for scope, until in self._closed.items() if until > now}

    def companies(self, now: float) -> dict[str, Used]:
        """The minute of each company that has a limit and was seen so far."""
        used = {name: window.used(now) for name, window in self._companies.items()}
        return {name: minute for name, minute in used.items() if minute.limit}

    def _closed_until(self, scope: LimitScope, name: str, now: float) -> float | None:
        until = self._closed.get((scope, name))
        if until is None:
            return None
        if until <= now:
            del self._closed[scope, name]
            return None
        return until

    def _channel(self, channel: Channel, now: float) -> _Spacing:
        spacing = self._channels.get(channel.real_id)
        if spacing is None:
            if len(self._channels) >= self._look_through_at:
                self._channels = {name: known for name, known in self._channels.items() if known.free_at(now)}
                self._look_through_at = max(CHANNELS_REMEMBERED, 2 * len(self._channels))
            spacing = self._channels[channel.real_id] = _Spacing(self._limits.channel_per_second)
        return spacing

    def _company(self, channel: Channel) -> _Window:
        window = self._companies.get(channel.company)
        if window is None:
            limit = self._limits.companies.get(channel.company, self._limits.company_per_minute)
            window = self._companies[channel.company] = _Window(limit, MINUTE_S)
        return window
