"""Ctrl-C and SIGTERM as something to ask for. A second one ends the process at once.

An exception between any two steps of a start or a stop could leave threads that nobody ends (anyio's portal waits for
ever when it is interrupted while it starts), so signals wait until somebody asks.
"""

import signal
from types import FrameType
from typing import Any, Self


class Interrupted(Exception):
    """A signal came; `exit_code` is what shells expect after it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Interrupts:
    """Notes the first signal while the context lasts. For the main thread."""

    def __init__(self) -> None:
        self._came: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._came is not None:
            raise Interrupted(self._came)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._came = number
        signal.signal(number, signal.SIG_DFL)
