"""Holds: a scope (app, channel) in which nothing is sent because every request there would be refused alike.

A hold loses nothing and dead-letters nothing. It probes by itself: once an interval one request is let through, and the
first answer that proves the credentials good releases it. Scopes: a 403 holds its channel; a 401 holds its channel,
and the whole app when a second channel is refused and none of the app was accepted since the first refusal; a wrong base
URL holds the app. A channel may be held twice, by itself and by its app: its probe is due when both are, is one request,
and its success releases both. A probe that is cut off makes room for the next at once.
A held channel for which nobody has waited for `IDLE_INTERVALS` (its records are another process's now) is forgotten:
nothing is lost by asking again, and the memory of holds stays bounded by what waits.
Never here: what an answer means (`outcome`), pace (`pacing`), whether the far side is up (`circuit`).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from connector.core.records import Channel

HoldScope: TypeAlias = Literal["app", "channel"]
HoldReason: TypeAlias = Literal["unauthorized", "forbidden", "wrong_base_url"]

IDLE_INTERVALS = 10
"""Probe intervals for which the probe of a held channel was due and nobody sent it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold. `name` is the app's configured name or the channel's real id; `since` on the caller's clock."""

    scope: HoldScope
    name: str
    reason: HoldReason
    since: float


ProbeScope: TypeAlias = tuple[HoldScope, str]
"""What is probed: an app or a channel, by name."""


@dataclass(slots=True)
class _Held:
    hold: Hold
    app: str
    next_probe: float


class Probe(NamedTuple):
    """A request that probes: the scopes it probes, and when each may be probed again if nothing is heard of it."""

    scopes: tuple[ProbeScope, ...]
    next_probe: float


class Holds:
    """All holds of this process, and when each may probe. Not thread-safe."""

    def __init__(self, probe_interval_s: float) -> None:
        self._interval = probe_interval_s
        self._held: dict[ProbeScope, _Held] = {}
        self._refused: dict[
            str, str
        ] = {}  # app -> the first channel refused with 401 since it last accepted one

    @property
    def active(self) -> tuple[Hold, ...]:
        """What holds now, oldest first."""
        return tuple(sorted((held.hold for held in self._held.values()), key=lambda hold: hold.since))

    def wait_until(self, channel: Channel, now: float) -> float | None:
        """None: a request of this channel may start (as a probe if it is held). Else when the next probe is due."""
        if not self._held:
            return None
        times = [held.next_probe for scope in _scopes(channel) if (held := self._held.get(scope))]
        latest = max(times, default=None)
        return latest if latest is not None and latest > now else None

    def over(self, channel: Channel) -> ProbeScope | None:
        """The widest hold that this channel lies in."""
        return next((scope for scope in _scopes(channel) if scope in self._held), None)

    def started(self, channel: Channel, now: float) -> Probe | None:
        """A request of this channel starts; in a held scope it is the probe, and the next waits an interval."""
        if not self._held:
            return None
        scopes = tuple(scope for scope in _scopes(channel) if scope in self._held)
        for scope in scopes:
            self._held[scope].next_probe = now + self._interval
        return Probe(scopes, now + self._interval) if scopes else None

    def abandoned(self, probe: Probe, now: float) -> None:
        """The probe was cut off before its answer: the next may start at once, unless another has started since."""
        for scope in probe.scopes:
            held = self._held.get(scope)
            if held is not None and held.next_probe == probe.next_probe:
                held.next_probe = now

    def refuse(self, scope: HoldScope, reason: HoldReason, channel: Channel, now: float) -> Hold | None:
        """An answer asks for a hold. The hold that starts, or None when it stands already."""
        if reason == "unauthorized" and scope == "channel":
            first = self._refused.setdefault(channel.app, channel.real_id)
            if first != channel.real_id or ("app", channel.app) in self._held:
                scope = "app"
        name = channel.app if scope == "app" else channel.real_id
        next_probe = now + self._interval
        held = self._held.get((scope, name))
        if held is not None:
            held.next_probe = next_probe
            return None
        hold = Hold(scope, name, reason, now)
        self._held[scope, name] = _Held(hold, channel.app, next_probe)
        return hold

    def proven(self, channel: Channel) -> tuple[Hold, ...]:
        """Front took a request of this channel for authentic: holds that end with it."""
        self._refused.pop(channel.app, None)
        if not self._held:
            return ()
        released = [self._held.pop(scope).hold for scope in _scopes(channel) if scope in self._held]
        if any(hold.scope == "app" for hold in released):
            # Channels that the app's fault took down are asked again at once, each by its own probe.
            for held in self._held.values():
                if held.app == channel.app and held.hold.reason == "unauthorized":
                    held.next_probe -= self._interval  # it lies an interval ahead at most
        return tuple(released)

    def forget_idle(self, now: float) -> tuple[Hold, ...]:
        """Channels for which nobody has waited: their holds end. Apps are few, and theirs stand. O(holds)."""
        idle = [
            scope
            for scope, held in self._held.items()
            if scope[0] == "channel" and held.next_probe + IDLE_INTERVALS * self._interval <= now
        ]
        return tuple(self._held.pop(scope).hold for scope in idle)


def _scopes(channel: Channel) -> tuple[ProbeScope, ProbeScope]:
    return ("app", channel.app), ("channel", channel.real_id)
