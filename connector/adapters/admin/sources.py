"""What the loopback listener shows and may change, as the app hands it over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from connector.core.status import BuildInfo, Detail, LoggerLevel, LogLevel, Snapshot


class Levels(Protocol):
    """Levels of the loggers. On the event loop."""

    @property
    def all(self) -> Mapping[str, LoggerLevel]:
        """By the logger's name: the closed set of those that may be changed."""

    def set(self, name: str, level: LogLevel, ttl_s: float | None = None) -> None:
        """Change one of them, for `ttl_s` seconds if given; the change is logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSources:
    """All callables are called on the event loop, once a request, and must not block.

    name, instance: the connector's and this process's. settings: flat, by dotted names, without secrets.
    topics: the source topics. recent: warnings and errors, newest first, of closed words and coordinates only.
    started_wall: Unix seconds; `now_wall` gives the present.
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
    started_wall: float
    now_wall: Callable[[], float]
