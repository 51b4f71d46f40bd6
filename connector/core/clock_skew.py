"""How far this machine's clock is from a server's, told by the `Date` headers of its answers.

`Date` is cut to whole seconds (RFC 9110 §5.6.7), and was written somewhere between our sending and our hearing. So one
answer gives no number, but bounds; what most of the last answers agree on is narrower than a second, and a header that
lies is outvoted. Bounds are kept against the monotonic clock: they stay true when the wall clock is set, and the
difference to it is right at once. Pure: times come in as numbers, nothing is logged or sent here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

SECONDS_KEPT: Final = 16
"""Dates that count: one that lies needs as many like it to be believed."""

KEPT_FOR_S: Final = 900.0
"""Older ones no longer count: two clocks drift apart by some 50 ms in that time."""

ABSURD_S: Final = 366 * 86_400.0
"""A `Date` further off is not a clock's error but a broken header, such as the epoch's first second."""

CORRECTED_MAX_S: Final = 300.0
"""A larger difference is told and not acted on: a proxy with a wrong clock must not decide what our tokens say."""

WARN_ABOVE_S: Final = 2.0
WELL_BELOW_S: Final = 1.0

Episode: TypeAlias = Literal["began", "ended"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The server's Unix time less our monotonic time lies between these, in seconds."""

    low: float
    high: float


@dataclass(slots=True)
class _Second:
    """What the answers with one `Date` say together. Written for every answer, hence no new object each time."""

    low: float
    high: float
    heard_at: float

    def narrow(self, low: float, high: float) -> None:
        """One more answer."""
        if low > self.high or high < self.low:
            # Servers differ a little, and a date may have been a lie before it came true: then the later one counts.
            self.low, self.high = low, high
            return
        self.low = max(self.low, low)
        self.high = min(self.high, high)


class ServerClock:
    """One server's clock, as far as its answers tell. Costs little but when a `Date` is new."""

    def __init__(self) -> None:
        self._seconds: dict[float, _Second] = {}
        self._bounds: Bounds | None = None

    def heard(self, date: float, began: float, ended: float, wall: float) -> bool:
        """An answer said `date` (Unix seconds); its attempt ran from `began` to `ended`, monotonic.

        `wall` is our wall clock at the end. True if what is believed was judged anew, which happens once for each
        `date`; False also for an absurd one.
        """
        if abs(wall - date) > ABSURD_S:
            return False
        low, high = date - ended, date + 1.0 - began
        known = self._seconds.get(date)
        if known is not None:
            known.narrow(low, high)
            known.heard_at = ended
            return False
        self._seconds[date] = _Second(low, high, ended)
        self._forget(ended)
        self._bounds = _agreed(
            (Bounds(second.low, second.high) for second in self._seconds.values()), wall - ended
        )
        return True

    def skew(self, wall: float, monotonic: float) -> float | None:
        """Our wall clock less the server's now, signed: above 0 we are ahead. None before the first answer.

        0 while the clocks may agree; otherwise the middle of what is possible.
        """
        if self._bounds is None:
            return None
        ours = wall - monotonic
        least, most = ours - self._bounds.high, ours - self._bounds.low
        return 0.0 if least <= 0.0 <= most else (least + most) / 2

    def _forget(self, now: float) -> None:
        old = [date for date, second in self._seconds.items() if now - second.heard_at > KEPT_FOR_S]
        for date in (*old, *list(self._seconds)[:-SECONDS_KEPT]):
            self._seconds.pop(date, None)


def corrected(wall: float, skew: float | None) -> float:
    """The server's time, for a token: ours less the difference, if there is one that can be believed."""
    return wall if skew is None or abs(skew) > CORRECTED_MAX_S else wall - skew


class SkewEpisodes:
    """Tells when the clocks come apart and when they agree again, once each."""

    def __init__(self) -> None:
        self._apart = False

    def note(self, skew: float) -> Episode | None:
        """What this estimate changes, if anything. Between the two limits nothing does."""
        if not self._apart and abs(skew) > WARN_ABOVE_S:
            self._apart = True
            return "began"
        if self._apart and abs(skew) < WELL_BELOW_S:
            self._apart = False
            return "ended"
        return None


def _agreed(several: Iterable[Bounds], ours: float) -> Bounds:
    """Where most of the bounds overlap (K. Marzullo's algorithm, as in RFC 5905 §11.2.1).

    Where as many say one thing as another, our own clock (`ours`: its wall time less its monotonic time) is the witness.
    """
    # At one place a beginning sorts before an end: bounds that only touch overlap.
    edges = sorted(edge for bounds in several for edge in ((bounds.low, -1), (bounds.high, 1)))
    best: list[Bounds] = []
    most = count = 0
    for index, (place, kind) in enumerate(edges):
        count -= kind
        if kind < 0 and count >= most:
            here = Bounds(place, edges[index + 1][0])
            best = [*best, here] if count == most else [here]
            most = count
    return min(best, key=lambda bounds: max(bounds.low - ours, ours - bounds.high, 0.0))
