"""From which level on each logger speaks, changed while the process runs, for good or for a time.

What lives here: the closed list of loggers, their levels, and the log of the service, which follows them.
Never here: what a line may hold (`logs`), who may ask for a change (`adapters.admin`).
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final

import structlog

from connector.core.status import LoggerLevel, LogLevel

SERVICE: Final = "front-connector"
"""Everything that we log ourselves."""
KAFKA_CLIENT: Final = "librdkafka"
LIBRARIES: Final = "root"
"""Every other library."""


class ServiceLog:
    """Implements `ports.EventLog`. What is below the level costs a call that does nothing, as with structlog's own."""

    __slots__ = ("debug", "error", "info", "warning")

    def __init__(self, level: LogLevel) -> None:
        self.follow(level)

    def follow(self, level: LogLevel) -> None:
        """From now on say what is of this level or above."""
        log = _logger(SERVICE, level)
        self.debug, self.info, self.warning, self.error = log.debug, log.info, log.warning, log.error


def _logger(name: str, level: LogLevel) -> structlog.typing.FilteringBoundLogger:
    # Bound: the proxy that wrap_logger returns makes a logger for every line, those below the level included.
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        None, wrapper_class=structlog.make_filtering_bound_logger(number(level)), logger_factory_args=(name,)
    ).bind()
    return made


def number(level: LogLevel) -> int:
    """The standard library's number of a level."""
    return logging.getLevelNamesMapping()[level.upper()]


class Levels:
    """The levels of all loggers. Changes come on the event loop, and each is logged whatever the levels are."""

    def __init__(self, configured: LogLevel) -> None:
        # Below warning, libraries tell of each request and connection: not what an operator reads.
        libraries: LogLevel = "error" if configured == "error" else "warning"
        self._configured: Mapping[str, LogLevel] = {
            SERVICE: configured,
            KAFKA_CLIENT: libraries,
            LIBRARIES: libraries,
        }
        self._now = {name: LoggerLevel(level) for name, level in self._configured.items()}
        self._ends: dict[str, asyncio.TimerHandle] = {}
        self._log = _logger(SERVICE, "info")
        self.log = ServiceLog(configured)
        for name in self._configured:
            self._apply(name)

    @property
    def all(self) -> Mapping[str, LoggerLevel]:
        """By the logger's name; these names and no others."""
        return dict(self._now)

    def set(self, name: str, level: LogLevel, ttl_s: float | None = None) -> None:
        """Change one of `all`; after `ttl_s` seconds it is as configured again. Needs a running event loop for that."""
        self._change(name, LoggerLevel(level, time.time()), ttl_s)
        if ttl_s is not None:
            self._ends[name] = asyncio.get_running_loop().call_later(ttl_s, self._back, name)

    def _back(self, name: str) -> None:
        self._change(name, LoggerLevel(self._configured[name]), None)

    def _change(self, name: str, new: LoggerLevel, ttl_s: float | None) -> None:
        if (ends := self._ends.pop(name, None)) is not None:
            ends.cancel()
        before, self._now[name] = self._now[name], new
        self._apply(name)
        self.audit("logger level", name=name, before=before.level, after=new.level, seconds=ttl_s)

    def audit(self, action: str, **fields: object) -> None:
        """What somebody did through the admin listener, whatever the levels are."""
        self._log.info("admin.action", action=action, **fields)

    def _apply(self, name: str) -> None:
        level = self._now[name].level
        if name == SERVICE:
            self.log.follow(level)
        else:
            logging.getLogger(None if name == LIBRARIES else name).setLevel(number(level))
