"""Circuits: is the far side up? While it is not, one request at a time asks; everything else of its apps waits.

One circuit for each far side, that is for each base URL: apps with the same URL share it.

**Opens** when failures of the far side (5xx, 408, 425, no answer) dominate, judged by *keys*, not by requests: the newest
outcome of each key is its one vote, and the circuit opens when at least `failing_keys` keys fail and they are at least
`share` of the votes. A vote is forgotten after `window_s`, or when `window_keys` newer ones are there. By keys, because a
single poison record in back-off makes most of the requests of a quiet estate, and would stop everybody's; with fewer than
`failing_keys` keys failing, their own back-offs are polite enough. The age bound serves one record a minute (five keys
fail five minutes after Front did, however long all was well before), the number bound a thousand a second (half of the
last hundred keys). What Front answers about a record or a token (4xx, 429 too) says that Front is up.

**Open**: nothing starts for `open_s`. Then one request, the probe. If it fails, open again for twice as long, at most
`open_cap_s` (both lengthened by up to a quarter, so that replicas do not probe together; never shorter than before); for
no longer, if a probe was answered since: a Front that fails a third of what it is sent is slow, not down.
**Closes in two steps**: one request at a time, without waiting in between, until `closes_after` more were answered than
failed; then everything at once, as fast as pace and slots allow: they keep the crowd from a Front that has just come back.

A request that started before the circuit opened or closed last, and ends later, votes for nothing: it tells of another time.
A probe that is cut off counts neither way: the next may start at once. Even a probe of which nobody ever hears again
gives up its place after `probe_patience_s`: an open circuit always has a finite time at which a request may start.

Beside back-off: a record whose attempt failed has its own back-off as well, and starts when both are over. It is the
later of the two, never their sum, and both are capped at a minute; the others wait for the circuit only, whose wait
therefore decides how soon traffic comes back. Waiting is no attempt: nothing here moves a record nearer to a dead letter.
Never here: what an answer means (`outcome`), refused credentials (`holds`), the clock.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from connector.core.records import OrderKey

CircuitState: TypeAlias = Literal["closed", "half_open", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitPolicy:
    """See the module. Seconds, keys and requests as named."""

    failing_keys: int = 5
    share: float = 0.5
    window_keys: int = 100
    window_s: float = 120.0
    """Twice the longest back-off, so that a key that goes on failing keeps its vote."""
    open_s: float = 1.0
    open_cap_s: float = 60.0
    closes_after: int = 3
    probe_patience_s: float = 60.0
    """More than a request may last (a token's life, 30 s at most)."""


class Ticket(NamedTuple):
    """One request that was let through. What becomes of it is told with its ticket; telling twice does no harm."""

    far_side: str
    key: OrderKey
    number: int


@dataclass(frozen=True, slots=True)
class Opened:
    """Nothing of these apps starts before `until`. `again`: it was open, and a probe failed."""

    apps: tuple[str, ...]
    until: float
    failing: int
    """Keys that fail: those that opened it, or the probe's."""
    again: bool


@dataclass(frozen=True, slots=True)
class Probing:
    """It is still open, but the next single request may start now."""

    apps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """The far side is up. `open_s`: how long it was not."""

    apps: tuple[str, ...]
    open_s: float


CircuitChange: TypeAlias = Opened | Probing | Closed
"""After each of these, whoever was told a time by `wait_until` should ask again: it may have become an earlier one."""


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    """A circuit that is not closed. `since` on the caller's clock: when it left being closed."""

    apps: tuple[str, ...]
    state: CircuitState
    since: float


@dataclass(slots=True)
class _Circuit:
    votes: OrderedDict[OrderKey, tuple[float, bool]] = field(default_factory=OrderedDict)
    """Key -> when its newest outcome came and whether it was a failure; oldest first. Empty while not closed."""
    failing: int = 0
    first: int = 0
    """Tickets below this number are of before the last opening or closing."""
    since: float | None = None
    """When it opened; None while closed."""
    until: float = 0.0
    """While not closed: when a request may start."""
    period_s: float = 0.0
    """How long it is open between two probes, as it doubles; `wait_s`: as it was lengthened last."""
    wait_s: float = 0.0
    probe: int | None = None
    answered: int = 0
    """Probes answered since it opened, less those that failed after them."""

    def vote(self, key: OrderKey, failed: bool, now: float, policy: CircuitPolicy) -> bool:
        """Note a key's newest outcome. True when failures dominate. Amortised O(1)."""
        votes = self.votes
        before = votes.pop(key, None)
        if before is not None:
            self.failing -= before[1]
        votes[key] = now, failed
        self.failing += failed
        while True:
            oldest, (at, had_failed) = next(iter(votes.items()))
            if len(votes) <= policy.window_keys and at > now - policy.window_s:
                break
            del votes[oldest]
            self.failing -= had_failed
        return self.failing >= policy.failing_keys and self.failing >= policy.share * len(votes)

    def turn(self, first: int) -> None:
        """Opens or closes: what was known is of another time."""
        self.votes.clear()
        self.failing = self.answered = 0
        self.probe = None
        self.first = first


class Circuits:
    """All circuits of this process. Not thread-safe. Every call is O(1), amortised.

    `base_urls`: app -> its base URL; an app that is not named has a far side of its own.
    """

    def __init__(self, policy: CircuitPolicy, base_urls: Mapping[str, str]) -> None:
        self._policy = policy
        self._base_urls = base_urls
        self._apps: dict[str, tuple[str, ...]] = {}
        for app, base_url in sorted(base_urls.items()):
            self._apps[base_url] = (*self._apps.get(base_url, ()), app)
        self._circuits: dict[str, _Circuit] = {}
        self._next = 0

    def active(self, now: float) -> tuple[OpenCircuit, ...]:
        """The circuits that are not closed, oldest first."""
        found = [
            OpenCircuit(self._names(far_side), _state(circuit, now), circuit.since)
            for far_side, circuit in self._circuits.items()
            if circuit.since is not None
        ]
        return tuple(sorted(found, key=lambda circuit: circuit.since))

    def state(self, app: str, now: float) -> CircuitState:
        """open: nothing may start. half_open: a probe is under way, or may start."""
        circuit = self._circuits.get(self._far_side(app))
        return "closed" if circuit is None else _state(circuit, now)

    def wait_until(self, app: str, now: float) -> float | None:
        """None: a request of this app may start now. Else when to ask again, later than `now`."""
        circuit = self._circuits.get(self._far_side(app))
        if circuit is None or circuit.since is None:
            return None
        return circuit.until if circuit.until > now else None

    def started(self, app: str, key: OrderKey, now: float) -> Ticket:
        """A request of this app starts, `wait_until` having said that it may; in an open circuit it is the probe."""
        far_side = self._far_side(app)
        circuit = self._circuits.get(far_side)
        if circuit is None:
            circuit = self._circuits[far_side] = _Circuit()
        ticket = Ticket(far_side, key, self._next)
        self._next += 1
        if circuit.since is not None:
            assert circuit.until <= now, "a request starts that the circuit did not let through"
            circuit.probe = ticket.number
            circuit.until = now + self._policy.probe_patience_s
        return ticket

    def failed(self, ticket: Ticket, now: float, jitter: float) -> Opened | None:
        """Its request met a failure of the far side. `jitter` is in [0, 1)."""
        circuit = self._circuits[ticket.far_side]
        again = circuit.since is not None
        failing, answered = 1, 0
        if circuit.since is None:
            if ticket.number < circuit.first or not circuit.vote(ticket.key, True, now, self._policy):
                return None
            failing = circuit.failing
            circuit.since = now
            circuit.period_s, circuit.wait_s = self._policy.open_s, 0.0
        elif ticket.number == circuit.probe:
            if circuit.answered == 0:
                circuit.period_s = min(self._policy.open_cap_s, circuit.period_s * 2.0)
            answered = max(0, circuit.answered - 1)
        else:
            return None
        circuit.turn(self._next)
        circuit.answered = answered
        # At the cap a small jitter would make it shorter than the time before.
        circuit.wait_s = max(circuit.wait_s, circuit.period_s * (1.0 + 0.25 * jitter))
        circuit.until = now + circuit.wait_s
        return Opened(self._names(ticket.far_side), circuit.until, failing, again)

    def succeeded(self, ticket: Ticket, now: float) -> Probing | Closed | None:
        """The far side answered its request, whatever it said about the record."""
        circuit = self._circuits[ticket.far_side]
        if circuit.since is None:
            if ticket.number >= circuit.first:
                circuit.vote(ticket.key, False, now, self._policy)
            return None
        if ticket.number != circuit.probe:
            return None
        circuit.answered += 1
        if circuit.answered < self._policy.closes_after:
            return self._next_probe(circuit, ticket.far_side, now)
        closed = Closed(self._names(ticket.far_side), now - circuit.since)
        circuit.since = None
        circuit.turn(self._next)
        return closed

    def abandoned(self, ticket: Ticket, now: float) -> Probing | None:
        """Its request was cut off before its answer: it says nothing, and if it was the probe, another may be."""
        circuit = self._circuits[ticket.far_side]
        if circuit.since is None or ticket.number != circuit.probe:
            return None
        return self._next_probe(circuit, ticket.far_side, now)

    def _next_probe(self, circuit: _Circuit, far_side: str, now: float) -> Probing:
        circuit.probe = None
        circuit.until = now
        return Probing(self._names(far_side))

    def _far_side(self, app: str) -> str:
        return self._base_urls.get(app, app)

    def _names(self, far_side: str) -> tuple[str, ...]:
        return self._apps.get(far_side, (far_side,))


def _state(circuit: _Circuit, now: float) -> CircuitState:
    if circuit.since is None:
        return "closed"
    return "open" if circuit.probe is None and circuit.until > now else "half_open"
