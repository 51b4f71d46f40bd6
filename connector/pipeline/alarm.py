"""Calls back at a time, one at a time, and is moved often: it is set anew for every record."""

import asyncio
from collections.abc import Callable


class Alarm:
    """On the event loop. `ring` is called by the loop, so a defect in it must be carried somewhere (`ending.callback`)."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float | None, now: float) -> None:
        """Ring at `at` and at no other time; None: not at all. The timer is left alone when it stands already."""
        if at == self._at:
            return
        self._at = at
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if at is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, at - now), self._rings)

    def _rings(self) -> None:
        self._at = self._timer = None
        self._ring()
