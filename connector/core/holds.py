"""Holds: a scope (app, channel) in which nothing is sent because every request there would be refused alike.

A hold loses nothing and dead-letters nothing. It probes by itself: once an interval one request is let through, and the
first answer that proves the credentials good releases it. Scopes: a 403 holds its channel; a 401 holds its channel,
and the whole app when a second channel is refused and none of the app was accepted since the first refusal; a wrong base
URL holds the app.
Never here: what an answer means (`outcome`), pace (`pacing`).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from connector.core.records import Channel

HoldScope: TypeAlias = Literal["app", "channel"]
HoldReason: TypeAlias = Literal["unauthorized", "forbidden", "wrong_base_url"]


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold. `name` is the app's configured name or the channel's real id; `since` on the caller's clock."""

    scope: HoldScope
    name: str
    reason: HoldReason
    since: float


class Holds:
    """All holds of this process, and when each may probe. Not thread-safe."""

    def __init__(self, probe_interval_s: float) -> None:
        self._interval = probe_interval_s
        self._holds: dict[tuple[HoldScope, str], Hold] = {}
        self._next_probe: dict[tuple[HoldScope, str], float] = {}
        self._refused: dict[str, set[str]] = {}  # app -> channels refused with 401 since it last accepted one

    @property
    def active(self) -> tuple[Hold, ...]:
        """What holds now, oldest first."""
        return tuple(sorted(self._holds.values(), key=lambda hold: hold.since))

    def wait_until(self, channel: Channel, now: float) -> float | None:
        """None: a request of this channel may start (as a probe if it is held). Else when the next probe is due."""
        times = [self._next_probe[scope] for scope in self._scopes(channel) if scope in self._holds]
        latest = max(times, default=None)
        return latest if latest is not None and latest > now else None

    def started(self, channel: Channel, now: float) -> None:
        """A request of this channel starts; in a held scope it is the probe, and the next waits an interval."""
        for scope in self._scopes(channel):
            if scope in self._holds:
                self._next_probe[scope] = now + self._interval

    def refuse(self, scope: HoldScope, reason: HoldReason, channel: Channel, now: float) -> Hold | None:
        """An answer asks for a hold. The hold that starts, or None when it stands already."""
        if reason == "unauthorized" and scope == "channel":
            refused = self._refused.setdefault(channel.app, set())
            refused.add(channel.real_id)
            if len(refused) > 1:
                scope = "app"
        name = channel.app if scope == "app" else channel.real_id
        self._next_probe[scope, name] = now + self._interval
        if (scope, name) in self._holds:
            return None
        hold = Hold(scope, name, reason, now)
        self._holds[scope, name] = hold
        return hold

    def proven(self, channel: Channel) -> tuple[Hold, ...]:
        """Front took a request of this channel for authentic: holds that end with it."""
        self._refused.pop(channel.app, None)
        released = [self._holds.pop(scope) for scope in self._scopes(channel) if scope in self._holds]
        if any(hold.scope == "app" for hold in released):
            # Channels that the app's fault took down are asked again at once, each by its own probe.
            for scope, hold in self._holds.items():
                if hold.scope == "channel" and hold.reason == "unauthorized":
                    self._next_probe[scope] = 0.0
        return tuple(released)

    @staticmethod
    def _scopes(channel: Channel) -> tuple[tuple[HoldScope, str], tuple[HoldScope, str]]:
        return ("app", channel.app), ("channel", channel.real_id)
