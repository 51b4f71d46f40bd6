"""What the loopback listener shows and may change, as the app hands it over."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from connector.core.skipping import Skipped
from connector.core.status import BuildInfo, Detail, LoggerLevel, LogLevel, Snapshot
from connector.ports import Acknowledged, NotWritten


class Levels(Protocol):
    """Levels of the loggers. On the event loop."""

    @property
    def all(self) -> Mapping[str, LoggerLevel]:
        """By the logger's name: the closed set of those that may be changed."""

    def set(self, name: str, level: LogLevel, ttl_s: float | None = None) -> None:
        """Change one of them, for `ttl_s` seconds if given; the change is logged."""


class Pauses(Protocol):
    """Says to every process of the group whether it is paused."""

    async def say(self, *, paused: bool, reason: str | None) -> Acknowledged | NotWritten:
        """`NotWritten` may have been heard all the same."""


class Settles(Protocol):
    """Settles one record of this process by hand."""

    def __call__(self, topic: str, partition: int, offset: int, reason: str) -> Awaitable[Skipped]: ...


class Audit(Protocol):
    """Writes `admin.action` into the log, whatever its level is."""

    def __call__(self, action: str, **fields: object) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSources:
    """All callables are called on the event loop, once a request, and must not block.

    name, instance: the connector's and this process's. settings: flat, by dotted names, without secrets.
    topics: the source topics. recent: warnings and errors, newest first, of closed words and coordinates only.
    started_wall: Unix seconds; `now_wall` gives the present. pauses: None where no control topic is configured.
    """

    name: str
    instance: str
    build: BuildInfo
    settings: Mapping[str, str]
    topics: tuple[str, ...]
    snapshot: Callable[[], Snapshot]
    detail: Callable[[], Detail]
    recent: Callable[[], tuple[Mapping[str, object], ...]]
    levels: Levels
    pauses: Pauses | None
    settle: Settles
    dead_letter_topic: str
    audit: Audit
    started_wall: float
    now_wall: Callable[[], float]
