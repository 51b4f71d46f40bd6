"""Lines that repeat are told once in a while, and nothing that was held back goes untold.

The first of a kind is told at once; those that follow within ten seconds are counted. The next one after that has the
count; if none comes, the last that was held back is told in its place.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from structlog.typing import EventDict, WrappedLogger

EVERY_S = 10.0
_EACH_COUNTS = """
    connector.started connector.stopped state.changed consumer.assigned consumer.revoked consumer.lost
    record.accepted record.skipped record.dead_lettered hold.started hold.released
    partition.paused partition.resumed map.refused log.cut log.rewound topic.recreated
    front.secret_switched clock.skewed clock.agrees
    circuit.opened circuit.closed backlog.found offset.missing stop.uncommitted
    control.paused control.resumed control.refused
    config.warning config.reloaded config.reload.failed config.restart_required admin.action log.lost
"""
NEVER_SUPPRESSED = frozenset(_EACH_COUNTS.split())
"""A record's fate, a change of state and an audited action are each worth their line, however many come."""
_REMEMBERED = 1000
_UNFILTERED = structlog.make_filtering_bound_logger(logging.NOTSET)


@dataclass(slots=True)
class _Kind:
    """Lines of one event, error type and logger."""

    shown_at: float
    suppressed: int = 0
    last: EventDict | None = None
    """Of those held back."""


class Repeats:
    """A processor of structlog's chain. From any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic, every_s: float = EVERY_S) -> None:
        self._now = now
        self._every_s = every_s
        self._kinds: dict[tuple[str, str, str], _Kind] = {}

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Raises structlog's DropEvent for a line that comes too soon."""
        if event["event"] in NEVER_SUPPRESSED:
            return event
        key = (str(event["event"]), str(event.get("error_type")), str(event.get("logger")))
        known, now = self._kinds.get(key), self._now()
        if known is None:
            if len(self._kinds) >= _REMEMBERED:
                self._kinds.pop(next(iter(self._kinds)), None)
            self._kinds[key] = _Kind(now)
            return event
        if now - known.shown_at < self._every_s:
            known.suppressed += 1
            known.last = dict(event)
            raise structlog.DropEvent
        if known.suppressed:
            event["suppressed"] = known.suppressed
        known.shown_at, known.suppressed, known.last = now, 0, None
        return event

    def tell_late(self, *, all_of_them: bool = False) -> None:
        """Tell the last of each kind whose ten seconds are over without another; at the end of the process, of every kind."""
        now = self._now()
        for known in list(self._kinds.values()):
            last = known.last
            if last is not None and (all_of_them or now - known.shown_at >= self._every_s):
                known.shown_at = now - self._every_s
                known.suppressed -= 1  # the one that is told now is not hidden
                _tell(last)


def _tell(event: EventDict) -> None:
    fields = {name: value for name, value in event.items() if name not in ("event", "level", "logger")}
    logger = structlog.wrap_logger(
        None, wrapper_class=_UNFILTERED, logger_factory_args=(event.get("logger"),)
    )
    logger.log(logging.getLevelNamesMapping()[event["level"].upper()], event["event"], **fields)
