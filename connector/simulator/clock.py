"""The simulator's two clocks, by name, so that a test can move them by hand or over the control routes."""

import time
from collections.abc import Callable


class Clock:
    """`monotonic`: seconds, never falling, for limits. `wall`: Unix seconds, for tokens, `Date` and processing.

    Both run as they are given, plus what they were advanced by; frozen, they move only by that. `skew_s` is how far
    this Front's wall clock stands off.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._given = (monotonic, wall)
        self._advanced_s = 0.0
        self._frozen_at: tuple[float, float] | None = None
        self.skew_s = 0.0

    @property
    def advanced_s(self) -> float:
        """How far both clocks are ahead of those that were given."""
        return self._advanced_s

    @property
    def frozen(self) -> bool:
        """Whether only `advance` moves them."""
        return self._frozen_at is not None

    def monotonic(self) -> float:
        """Seconds that never fall."""
        return (self._given[0]() if self._frozen_at is None else self._frozen_at[0]) + self._advanced_s

    def wall(self) -> float:
        """Unix seconds, as this Front believes."""
        now = self._given[1]() if self._frozen_at is None else self._frozen_at[1]
        return now + self._advanced_s + self.skew_s

    def advance(self, seconds: float) -> None:
        """Move both forward."""
        assert seconds >= 0, "a monotonic clock does not fall"
        self._advanced_s += seconds

    def freeze(self) -> None:
        """Stop both where they are."""
        if self._frozen_at is None:
            self._frozen_at = (self._given[0](), self._given[1]())

    def thaw(self) -> None:
        """Let both run on from where they stand: no time is skipped."""
        if self._frozen_at is not None:
            stood = self._given[0]() - self._frozen_at[0]
            self._advanced_s -= stood
            self._frozen_at = None

    def reset(self) -> None:
        """As given."""
        self._advanced_s, self.skew_s, self._frozen_at = 0.0, 0.0, None
