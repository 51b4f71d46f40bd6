"""Front's rate limits: a window of a minute and a burst for each company, a tier for each channel.

Source: Front's page on rate limits and its help centre's transcription of the burst; the tier is documented for
the sibling route of the Core API. Times come in; nothing here reads a clock.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from connector.simulator.replies import Header, Reply, error
from connector.simulator.switches import Switches

_WINDOW_S = 60.0
_BURST_REFILL_S = 600.0
_UNLIMITED = 1_000_000
"""What the headers show while `rpm` is off: every answer of Front carries them, so ours must too."""


@dataclass(frozen=True, slots=True)
class Within:
    """The request may go on; its answer carries `headers`."""

    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class Beyond:
    """The request is refused with a 429, and has not been counted."""

    reply: Reply
    why: str


Pace: TypeAlias = Within | Beyond


@dataclass(slots=True)
class _Company:
    """`window_at` is when the running minute began; `burst_used` shrinks from `burst_at` on."""

    window_at: float
    used: int = 0
    burst_used: float = 0.0
    burst_at: float = 0.0


@dataclass(slots=True)
class Limits:
    """The state of all companies and channels. Times are seconds of the monotonic and of the wall clock."""

    _companies: dict[str, _Company] = field(default_factory=dict)
    _channels: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, company: str, channel: str, now: float, wall: float, switches: Switches) -> Pace:
        """Count one request, unless a limit refuses it; the company's limit speaks before the channel's."""
        of = self._companies.get(company)
        if of is None or now - of.window_at >= _WINDOW_S:
            carried = (of.burst_used, of.burst_at) if of is not None else (0.0, now)
            of = self._companies[company] = _Company(now, 0, *carried)
        if of.burst_used:
            given_back = (now - of.burst_at) * switches.burst / _BURST_REFILL_S
            of.burst_used = max(0.0, of.burst_used - given_back)
        of.burst_at = now
        from_burst = bool(switches.rpm) and of.used >= switches.rpm
        if from_burst and of.burst_used + 1 > switches.burst:
            wait = of.window_at + _WINDOW_S - now
            return _beyond(
                "Rate limit exceeded.", "rate limit", wait, _headers(of, now, wall, switches), switches
            )
        wait = self._tier_wait(channel, now, switches)
        if wait > 0:
            text = "Rate limit exceeded for tier-2 route."
            return _beyond(text, "tier limit", wait, _headers(of, now, wall, switches), switches)
        if from_burst:
            of.burst_used += 1
        else:
            of.used += 1
        return Within(_headers(of, now, wall, switches))

    def _tier_wait(self, channel: str, now: float, switches: Switches) -> float:
        """Seconds until the channel may go again; 0 counts this request. At most `tier_rps` in any second."""
        if not switches.tier_rps:
            return 0.0
        recent = self._channels.setdefault(channel, deque())
        while recent and now - recent[0] >= 1.0:
            recent.popleft()
        if len(recent) >= switches.tier_rps:
            return recent[0] + 1.0 - now
        recent.append(now)
        return 0.0


def _headers(of: _Company, now: float, wall: float, switches: Switches) -> tuple[Header, ...]:
    limit = switches.rpm or _UNLIMITED
    remaining = max(0, limit - of.used) if switches.rpm else _UNLIMITED
    reset = wall + of.window_at + _WINDOW_S - now
    shown = f"{reset:.3f}" if switches.retry_after_style == "fraction" else str(math.ceil(reset))
    headers = [
        (b"x-ratelimit-limit", b"%d" % limit),
        (b"x-ratelimit-remaining", b"%d" % remaining),
        (b"x-ratelimit-reset", shown.encode()),
    ]
    if switches.burst:
        left = max(0, int(switches.burst - of.burst_used))
        headers.append((b"x-ratelimit-burst-limit", b"%d" % switches.burst))
        headers.append((b"x-ratelimit-burst-remaining", b"%d" % left))
    if switches.tier_rps:
        headers.append((b"x-front-tier", b"2"))
    return tuple(headers)


def _beyond(text: str, why: str, wait: float, headers: tuple[Header, ...], switches: Switches) -> Beyond:
    """The observed wording names milliseconds in the text and whole seconds in the header."""
    style = switches.retry_after_style
    if style != "absent":
        text = f"{text} Please retry in {math.ceil(wait * 1000)} milliseconds."
    reply = error(429, "Too many requests", text)
    if style == "seconds":
        headers = (*headers, (b"retry-after", b"%d" % max(1, math.ceil(wait))))
    elif style == "fraction":
        headers = (*headers, (b"retry-after", f"{wait:.3f}".encode()))
    return Beyond(Reply(reply.status, reply.body, reply.content_type, headers), why)
