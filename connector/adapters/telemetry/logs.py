"""Logs: one JSON object a line on stdout, holding only keys that are known to be harmless.

Nothing that a record carries can reach a line: the last step drops every key that is not on the list, so a
careless caller loses its key instead of leaking a value. Exceptions appear as a type and frames; their text,
which often quotes data, is left out. `event` names are an interface: dashboards and alerts match them.
Other libraries' logs go the same way; only those whose messages name no data keep their message.
Callers use `structlog.get_logger(__name__)`.
"""

import asyncio
import datetime as dt
import logging
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connector import __version__
from connector.adapters.telemetry.levels import Levels, number
from connector.adapters.telemetry.lines import Lines
from connector.adapters.telemetry.recent import Recent
from connector.adapters.telemetry.repeats import Repeats
from connector.core.status import LogLevel
from connector.ports import NoTracing, Tracing

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
    "log.lost": frozenset({"records"}),
    "tracing.failed": frozenset({"records"}),
    # Client ids are names of programs.
    "group.shared": frozenset({"members", "clients"}),
    "group.times_unknown": frozenset({"detail"}),
    "kafka.client_rebuilt": frozenset({"detail"}),
    "kafka.client_renewed": frozenset({"partitions"}),
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
    # What somebody did by hand: words of closed lists, and the reason that was given for it.
    "admin.action": frozenset({"action", "name", "before", "after", "outcome"}),
    # Our own wording; names of processes.
    "control.waiting": frozenset({"why"}),
    "control.unreadable": frozenset({"why"}),
    "control.refused": frozenset({"why"}),
    "control.paused": frozenset({"by"}),
    "control.resumed": frozenset({"by"}),
}
"""Keys that are harmless in one event only."""

_TRUSTED_LIBRARIES = ("librdkafka", "uvicorn")
"""Loggers whose messages speak of hosts and ports only. Others quote URLs, tasks or values."""

_UNFILTERED = structlog.make_filtering_bound_logger(logging.NOTSET)
_NAMED_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


LOOK_EVERY_S = 1.0
"""How often it is looked whether there is something to tell late."""
LAST_LINES_S = 1.0
"""How long the end of the process waits for a reader that is behind."""


class Spans:
    """A processor of structlog's chain: a line has the ids of the span that it belongs to, if there is one.

    A line about a record has its record's; another one that of the attempt in which it was said.
    """

    def __init__(self) -> None:
        self.tracing: Tracing = NoTracing()

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        ids = None
        match event:
            case {"topic": str(topic), "partition": int(partition), "offset": int(offset)}:
                ids = self.tracing.of(topic, partition, offset)
        ids = ids or self.tracing.current()
        if ids is not None:
            event.setdefault("trace_id", ids.trace_id)
            event.setdefault("span_id", ids.span_id)
        return event


@dataclass(frozen=True, slots=True)
class Logs:
    """The process's logs as configured: `levels.log` is what the service writes to."""

    levels: Levels
    recent: Recent
    spans: Spans
    lines: Lines
    repeats: Repeats

    async def tend(self) -> None:
        """Tell late what no later line has told, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._tell_late()

    def end(self) -> None:
        """The process ends: tell all that was held back, and wait a moment for a reader that is behind. Blocks."""
        self.repeats.tell_late(all_of_them=True)
        self._tell_late()
        self.lines.drain(LAST_LINES_S)

    def _tell_late(self) -> None:
        self.repeats.tell_late()
        self.lines.drain()
        if lost := self.lines.take_lost():
            self.levels.log.warning("log.lost", records=lost)


def configure_logging(level: LogLevel, fmt: LogFormat, instance: str, stream: TextIO | None = None) -> Logs:
    """Send all logs of the process to `stream` (stdout). Replaces an earlier configuration.

    `instance` tells replicas apart (a pod's name). "json" is for machines, "console" for a terminal.
    """
    stream = stream or sys.stdout  # None if the process was started without one
    lines, recent, spans, repeats = Lines(stream), Recent(), Spans(), Repeats()
    structlog.configure(
        processors=[
            structlog.stdlib.add_logger_name,
            structlog.processors.add_log_level,
            _exception_without_its_text,
            spans,
            repeats,
            _stamp(instance),
            _only_allowed_keys,
            recent,
            _renderer(fmt, stream),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number(level)),
        logger_factory=lambda *name: _NamedLogger(lines, *name),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _ForeignHandler):
            root.removeHandler(handler)
    root.addHandler(_ForeignHandler())
    return Logs(Levels(level), recent, spans, lines, repeats)


class _NamedLogger:
    """Writes a line; keeps the name given to `get_logger`, from which the key `logger` is made."""

    def __init__(self, lines: Lines, name: str | None = None) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = lines.write


def _renderer(fmt: LogFormat, stream: TextIO | None) -> Processor:
    if fmt == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    console = structlog.dev.ConsoleRenderer(colors=stream is not None and stream.isatty())

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
