"""How far ahead or past a token's `exp` may be: which whole second to ask for next, and what the answers bound.

Pure. The server's clock is known only within bounds, and so is each trial: a value is claimed when one whole second alone
fits them all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from connector.workbench.probe.findings import Finding, Measured, NotDecidable

AHEAD: Final = (30, 5, 10, 15, 20, 25, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600, 86_400)
"""Limits that are usual for `exp`; the believed one first."""
PAST: Final = (0, 1, 2, 5, 10, 15, 30, 60, 90, 120, 180, 300, 600)
"""Leeways that are usual; the believed one first."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """`holds` seconds were let through and `fails` were not; None: nothing was refused yet."""

    holds: int = 0
    fails: int | None = None

    def told(self, seconds: int, *, through: bool) -> "Bracket":
        """Narrowed by one answer."""
        return replace(self, holds=seconds) if through else replace(self, fails=seconds)

    def question(self, usual: Sequence[int]) -> int | None:
        """The next number of seconds to ask for; None: there is nothing left to ask."""
        first = usual[0]
        for belief in (first, first + 1):
            if self._open(belief):
                return belief
        likely = sorted({n for one in usual for n in (one, one + 1) if self._open(n)})
        if likely:
            return likely[len(likely) // 2]
        if self.fails is None or self.fails - self.holds == 1:
            return None
        return (self.holds + self.fails) // 2

    def _open(self, seconds: int) -> bool:
        return self.holds < seconds and (self.fails is None or seconds < self.fails)


@dataclass(frozen=True, slots=True)
class ServerTime:
    """What the server's clock is ahead of ours, in seconds: between `low` and `high`, by the `Date`s of its answers."""

    low: float = -math.inf
    high: float = math.inf

    def heard(self, date: float, began: float, ended: float) -> "ServerTime":
        """An answer said `date` (whole seconds, cut); its request began and ended at these times of ours."""
        return ServerTime(max(self.low, date - ended), min(self.high, date + 1.0 - began))

    @property
    def known(self) -> bool:
        """Whether there are bounds, and they do not contradict each other."""
        return math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high

    @property
    def middle(self) -> float:
        """Of what is possible; 0 where nothing is known."""
        return (self.low + self.high) / 2 if self.known else 0.0

    @property
    def ahead_s(self) -> float:
        """The best guess: none where the clocks may agree."""
        return 0.0 if self.low <= 0 <= self.high else self.middle


@dataclass(frozen=True, slots=True)
class Tried:
    """A token whose `exp` was between `low` and `high` seconds ahead of the server's clock when it arrived (or past it)."""

    low: float
    high: float
    through: bool
    status: int


def ttl(tried: Sequence[Tried]) -> Finding:
    """`exp` ahead: a token goes through if it is not further ahead than the limit."""
    least = max((one.low for one in tried if one.through), default=None)
    beyond = min((one.high for one in tried if not one.through), default=None)
    if not _known(tried):
        return _NO_CLOCK
    if least is None:
        return NotDecidable("no token was let through")
    if beyond is None:
        return NotDecidable(f"no limit was met: exp {int(least)} s ahead was let through")
    words = "exp {} s ahead was let through, and not a second more"
    return _only(math.ceil(least), math.ceil(beyond) - 1, words, tried)


def leeway(tried: Sequence[Tried]) -> Finding:
    """`exp` past: a token goes through while less time than the leeway has passed."""
    least = max((one.low for one in tried if one.through), default=None)
    beyond = min((one.high for one in tried if not one.through), default=None)
    if not _known(tried):
        return _NO_CLOCK
    if beyond is None:
        past = "" if least is None else f": exp {int(least)} s ago was let through"
        return NotDecidable(f"no token was refused{past}")
    fewest = 0 if least is None else math.floor(least) + 1
    words = "exp less than {} s past was let through" if fewest > 0 else "exp in the past was refused"
    return _only(max(fewest, 0), math.floor(beyond), words, tried)


_NO_CLOCK: Final = NotDecidable("Front's clock is not known: its answers have no usable Date")


def _known(tried: Sequence[Tried]) -> bool:
    return all(math.isfinite(one.low) and math.isfinite(one.high) for one in tried)


def _only(first: int, last: int, words: str, tried: Sequence[Tried]) -> Finding:
    """The one whole second from `first` to `last`; `words` say so."""
    if first > last:
        return NotDecidable("the answers contradict each other")
    if first < last:
        return NotDecidable(
            f"between {first} and {last} s: Front's clock is not known well enough to say more"
        )
    return Measured(first, words.format(first), rests_on=frozenset(one.status for one in tried))
