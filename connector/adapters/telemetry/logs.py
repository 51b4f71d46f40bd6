"""Logs: one JSON object a line on stdout, holding only keys that are known to be harmless.

Nothing that a record carries can reach a line: the last step drops every key that is not on the list, so a
careless caller loses its key instead of leaking a value. Exceptions appear as a type and frames; their text,
which often quotes data, is left out. `event` names are an interface: dashboards and alerts match them.
Other libraries' logs go the same way; only those whose messages name no data keep their message.
Callers use `structlog.get_logger(__name__)`.
"""

import datetime as dt
import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connector import __version__
from connector.adapters.telemetry.levels import Levels, number
from connector.adapters.telemetry.recent import Recent
from connector.core.status import LogLevel

LogFormat: TypeAlias = Literal["json", "console"]

_ALLOWED = """
    timestamp level event logger version instance topic partition offset stage attempt mapping operation
    status duration_ms error_type trace_id span_id key_hash
    scope reason app channel state code seconds stack suppressed
"""
ALLOWED_KEYS = frozenset(_ALLOWED.split())
"""Everything that a line may hold: coordinates, words from closed lists, numbers, times."""

FOREIGN_EVENT = "library.log"
"""The event under which other libraries' lines appear; `logger` says whose they are."""

EXTRA_KEYS: Mapping[str, frozenset[str]] = {
    FOREIGN_EVENT: frozenset({"message"}),
    "connector.started": frozenset({"port", "admin_port", "mappings_hash"}),
    "startup.refused": frozenset({"why"}),
    # Names of files and topics.
    "config.warning": frozenset({"why"}),
    "backlog.found": frozenset({"records", "begins_at"}),
    "consumer.revoked": frozenset({"partitions"}),
    "consumer.lost": frozenset({"partitions"}),
    "commit.failed": frozenset({"partitions"}),
    "log.cut": frozenset({"high"}),
    "lease.ended": frozenset({"queued"}),
    "partition.paused": frozenset({"records", "key_hash"}),
    "offset.missing": frozenset({"low", "high", "records", "policy"}),
    "stop.uncommitted": frozenset({"records"}),
    # Client ids are names of programs.
    "group.shared": frozenset({"members", "clients"}),
    "group.times_unknown": frozenset({"detail"}),
    "kafka.client_rebuilt": frozenset({"detail"}),
    # librdkafka's own words: hosts, ports, protocol errors.
    "kafka.unreachable": frozenset({"detail"}),
    "kafka.error": frozenset({"detail"}),
    "kafka.fatal": frozenset({"detail"}),
    "registry.unavailable": frozenset({"detail"}),
    "config.reloaded": frozenset({"kind", "path", "rows", "changed", "mappings_hash", "partitions"}),
    # Places in mapping files, with the words that `validate` prints; tests by their names.
    "config.reload.failed": frozenset({"kind", "path", "why"}),
    "config.restart_required": frozenset({"kind", "path", "why"}),
    "call.given_up": frozenset({"threads"}),
    # Our own wording and places, neither lines nor rows.
    "channels.waiting": frozenset({"why"}),
    "channels.read": frozenset({"rows"}),
    "channels.row_refused": frozenset({"why"}),
    "channel.known": frozenset({"records"}),
    # States of calls are words of a closed list.
    "call.illegal_transition": frozenset({"before", "after"}),
    # Our own wording: places in the mapping or schema, never values.
    "record.dead_lettered": frozenset({"message"}),
    # Which app, channel or topic holds. Elsewhere a `name` could be a person's.
    "hold.started": frozenset({"name"}),
    "hold.released": frozenset({"name"}),
    "circuit.opened": frozenset({"apps", "failing_keys"}),
    "circuit.closed": frozenset({"apps"}),
    # What somebody changed by hand: words of closed lists.
    "admin.action": frozenset({"action", "name", "before", "after"}),
}
"""Keys that are harmless in one event only."""

_TRUSTED_LIBRARIES = ("librdkafka", "uvicorn")
"""Loggers whose messages speak of hosts and ports only. Others quote URLs, tasks or values."""

_EACH_COUNTS = """
    connector.started connector.stopped state.changed consumer.assigned consumer.revoked consumer.lost
    record.accepted record.skipped record.dead_lettered hold.started hold.released
    partition.paused partition.resumed map.refused log.cut log.rewound topic.recreated
    front.secret_switched clock.skewed clock.agrees
    circuit.opened circuit.closed backlog.found offset.missing stop.uncommitted
    config.warning config.reloaded config.reload.failed config.restart_required admin.action
"""
NEVER_SUPPRESSED = frozenset(_EACH_COUNTS.split())
"""A record's fate, a change of state and an audited action are each worth their line, however many come."""

_REPEATS_REMEMBERED = 1000
_UNFILTERED = structlog.make_filtering_bound_logger(logging.NOTSET)
_NAMED_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


class Repeats:
    """Lets one line of an event and error type through per `every_s` seconds; the next counts the hidden."""

    def __init__(self, now: Callable[[], float] = time.monotonic, every_s: float = 10.0) -> None:
        self._now = now
        self._every_s = every_s
        self._seen: dict[tuple[str, str, str], tuple[float, int]] = {}

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """A processor of structlog's chain; raises its DropEvent for a line that comes too soon."""
        if event["event"] in NEVER_SUPPRESSED:
            return event
        key = (str(event["event"]), str(event.get("error_type")), str(event.get("logger")))
        shown_at, suppressed = self._seen.get(key, (None, 0))
        now = self._now()
        if shown_at is not None and now - shown_at < self._every_s:
            self._seen[key] = (shown_at, suppressed + 1)
            raise structlog.DropEvent
        if shown_at is None and len(self._seen) >= _REPEATS_REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        self._seen[key] = (now, 0)
        if suppressed:
            event["suppressed"] = suppressed
        return event


@dataclass(frozen=True, slots=True)
class Logs:
    """The process's logs as configured: `levels.log` is what the service writes to."""

    levels: Levels
    recent: Recent


def configure_logging(level: LogLevel, fmt: LogFormat, instance: str, stream: TextIO | None = None) -> Logs:
    """Send all logs of the process to `stream` (stdout). Replaces an earlier configuration.

    `instance` tells replicas apart (a pod's name). "json" is for machines, "console" for a terminal.
    """
    stream, recent = stream or sys.stdout, Recent()
    structlog.configure(
        processors=[*_chain(instance), recent, _renderer(fmt, stream)],
        wrapper_class=structlog.make_filtering_bound_logger(number(level)),
        logger_factory=lambda *name: _NamedLogger(stream, *name),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _ForeignHandler):
            root.removeHandler(handler)
    root.addHandler(_ForeignHandler())
    return Logs(Levels(level), recent)


class _NamedLogger(structlog.PrintLogger):
    """Prints a line; keeps the name given to `get_logger`, from which the key `logger` is made."""

    def __init__(self, stream: TextIO, name: str | None = None) -> None:
        super().__init__(stream)
        self.name = name


def _chain(instance: str) -> list[Processor]:
    return [
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        _exception_without_its_text,
        Repeats(),
        _stamp(instance),
        _only_allowed_keys,
    ]


def _renderer(fmt: LogFormat, stream: TextIO) -> Processor:
    if fmt == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    console = structlog.dev.ConsoleRenderer(colors=stream.isatty())

    def render(logger: WrappedLogger, method: str, event: EventDict) -> str:
        frames = event.pop("stack", None)
        return console(logger, method, event) + "".join(f"\n    {frame}" for frame in frames or ())

    return render


def _stamp(instance: str) -> Processor:
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        # RFC 3339, UTC, milliseconds.
        utc = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
        return {"timestamp": utc, **event, "version": __version__, "instance": instance}

    return stamp


def _only_allowed_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    allowed = ALLOWED_KEYS | EXTRA_KEYS.get(event["event"], frozenset())
    return {key: value for key, value in event.items() if key in allowed and value is not None}


def _exception_without_its_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exception()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event.setdefault("error_type", type(error).__name__)
        event["stack"] = _frames(error.__traceback__)
    return event


def _frames(trace: TracebackType | None) -> list[str]:
    """Where, innermost last: file, line and function, without source, arguments or locals."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-20:]]


class _ForeignHandler(logging.Handler):
    """Hands lines of the standard library's logging to our chain."""

    def emit(self, record: logging.LogRecord) -> None:
        # Levels between the five named ones count as the one below.
        level = max((named for named in _NAMED_LEVELS if named <= record.levelno), default=logging.DEBUG)
        trusted = record.name.split(".", 1)[0] in _TRUSTED_LIBRARIES
        # Whether it is to be said was decided by the level of its own logger, not by that of ours.
        structlog.wrap_logger(None, wrapper_class=_UNFILTERED, logger_factory_args=(record.name,)).log(
            level,
            FOREIGN_EVENT,
            exc_info=record.exc_info,
            **({"message": record.getMessage()} if trusted else {}),
        )
