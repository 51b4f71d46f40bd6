"""How a pipeline ends: it is told to, or a callback of the event loop has a defect.

A task's exception ends its task group. A callback's (a timer, what another thread tells the loop) would only be logged
by the loop, and the process would live on with records that nobody looks at.
"""

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")


class Ending:
    """Waits for the end. Made on the event loop."""

    def __init__(self) -> None:
        self._reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.defect = False
        """A callback failed: none may run any more, as what it was to do is missing."""

    async def wait(self) -> None:
        """Return when it was told to end; raise the defect if there was one."""
        await self._reached

    def tell(self) -> None:
        """End."""
        if not self._reached.done():
            self._reached.set_result(None)

    def fail(self, defect: Exception) -> None:
        """End with this; raised here when nobody waits any more."""
        self.defect = True
        if self._reached.done():
            raise defect
        self._reached.set_exception(defect)


class _Ends(Protocol):
    @property
    def ending(self) -> Ending: ...


S = TypeVar("S", bound=_Ends)


def callback(function: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """A method that the event loop calls directly: its defect ends the pipeline, and after one it does nothing."""

    @wraps(function)
    def called(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self.ending.defect:
            return
        try:
            function(self, *args, **kwargs)
        except Exception as defect:  # noqa: BLE001 - not handled but carried to where it is raised
            self.ending.fail(defect)

    return called
