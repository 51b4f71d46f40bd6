"""Calls of Python mappers for tools that wait for each: one that hangs does not hang the tool. The bound is the service's own.

Never here: what becomes of a record whose mapper hangs.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from connector.adapters.workers import Workers
from connector.ports import GaveUp

T = TypeVar("T")


class BoundedCalls:
    """Runs calls for `timeout_s` at most. A context manager; not for use inside an event loop."""

    def __init__(self, timeout_s: float) -> None:
        self._workers = Workers("a mapper", timeout_s, _Silent())
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.close()
        self._runner.close()

    def run(self, call: Callable[[], T]) -> T | GaveUp:
        """The call's result. Raises `RestartNeeded` when more than eight calls hang."""
        return self._runner.run(self._workers.run(call))


class _Silent:
    """A tool says itself what was given up."""

    def debug(self, event: str, **fields: object) -> None: ...

    def info(self, event: str, **fields: object) -> None: ...

    def warning(self, event: str, **fields: object) -> None: ...

    def error(self, event: str, **fields: object) -> None: ...
