"""For how long requests were held back, by the cause: wall time in which at least one waited, never more than it lasted.

A thousand waiting requests and one count alike: the question is whether a limit binds, not how many it binds.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

Cause: TypeAlias = Literal["channel", "company", "retry_after"]
"""The channel's pace, the company's minute, or a 429 that named a time."""

CAUSES: tuple[Cause, ...] = get_args(Cause)


class HeldBack:
    """Of the whole process. What is known to last into the future counts as it passes."""

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(CAUSES, 0.0)
        self._waiting: dict[Cause, tuple[float, float]] = {}
        """Since when it is counted, and until when somebody waits."""

    def note(self, cause: Cause, now: float, until: float) -> None:
        """Somebody waits from now until then."""
        running = self._waiting.get(cause)
        if running is None:
            self._waiting[cause] = now, until
        elif running[1] < now:
            self._seconds[cause] += running[1] - running[0]
            self._waiting[cause] = now, until
        elif running[1] < until:
            self._waiting[cause] = running[0], until

    def ask_again(self, now: float) -> None:
        """All who wait ask anew: whoever does not wait any more does not count from here on."""
        for cause, (since, until) in self._waiting.items():
            self._waiting[cause] = since, min(until, now)

    def seconds(self, now: float) -> Mapping[Cause, float]:
        """So far, for every cause."""
        made = dict(self._seconds)
        for cause, (since, until) in self._waiting.items():
            made[cause] += max(0.0, min(until, now) - since)
        return made
