"""The largest of the values of the last seconds: what somebody who looks now and then must not miss.

A value that a look would reset could be read by one of two readers only; this one is the same for all.
"""

from collections import deque


class RollingMaximum:
    """Over `window_s` seconds. `add` is O(1) amortised, and only values that may still be the largest are kept."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._falling: deque[tuple[float, float]] = deque()
        """Times and values; each value is larger than those behind it."""

    def add(self, value: float, now: float) -> None:
        """A value of this moment; `now` never falls."""
        while self._falling and self._falling[-1][1] <= value:
            self._falling.pop()
        self._falling.append((now, value))
        self._drop(now)

    def over(self, now: float) -> float | None:
        """The largest of the window that ends now; None without any."""
        self._drop(now)
        return self._falling[0][1] if self._falling else None

    def _drop(self, now: float) -> None:
        while self._falling and self._falling[0][0] <= now - self._window_s:
            self._falling.popleft()
