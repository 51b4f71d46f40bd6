"""The last warnings and errors, kept for the status page: which event, when, where. Never what a line said in words.

A line of the log may quote places in files, hosts or a library's own words; a page is copied into tickets. So only
coordinates and words of closed lists are kept.
"""

import re
from collections import deque
from collections.abc import Mapping

from structlog.typing import EventDict, WrappedLogger

KEPT = 50
"""Lines; at most one in ten seconds of each kind that repeats (`logs.Repeats`)."""

_LEVELS = ("warning", "error", "critical")
_COORDINATES = ("topic", "partition", "offset", "code", "seconds", "suppressed")
_WORDS = ("event", "level", "reason", "error_type", "scope", "state", "stage", "operation", "kind", "status")
_WORD = re.compile(r"[A-Za-z0-9_]+([ .-][A-Za-z0-9_]+)*")
_WORD_MAX = 60


class Recent:
    """A processor of structlog's chain that lets every line through and remembers some. `lines` is newest first."""

    def __init__(self) -> None:
        self._lines: deque[Mapping[str, object]] = deque(maxlen=KEPT)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Comes behind the processor that drops keys which are not on the list, and behind the time stamp."""
        if event.get("level") in _LEVELS:
            self._lines.append(_kept(event))
        return event

    @property
    def lines(self) -> tuple[Mapping[str, object], ...]:
        """Each with `timestamp` (RFC 3339, UTC), `event` and `level`, and what else it had of closed words."""
        return tuple(reversed(self._lines.copy()))  # a thread may log meanwhile


def _kept(event: EventDict) -> dict[str, object]:
    kept: dict[str, object] = {"timestamp": event.get("timestamp")}
    kept |= {name: event[name] for name in _COORDINATES if name in event}
    kept |= {name: event[name] for name in _WORDS if name in event and _harmless(name, event[name])}
    return kept


def _harmless(name: str, value: object) -> bool:
    """Our own words; a reason may be a sentence instead, with a host or a path in it, and that is left to the log."""
    if isinstance(value, int):
        return True
    text = str(value)
    dotted = "." in text and name != "event"
    return len(text) <= _WORD_MAX and not dotted and _WORD.fullmatch(text) is not None
