"""Virtual time, and processes that run in it, freeze, thaw and die. Knows nothing of Kafka or of the connector.

One heap of events for the whole world. An event that belongs to a process runs only while the process runs: frozen
(SIGSTOP) it is kept until the thaw, dead (kill -9) it is dropped. Each process has an asyncio loop of its own on that heap.
Everything is in an order that depends on the seed alone.
"""

import asyncio
import heapq
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine
from enum import Enum
from itertools import count
from typing import Any


class Life(Enum):
    """What a process does."""

    RUNNING = "running"
    FROZEN = "frozen"
    DEAD = "dead"


class Kernel:
    """The clock and the heap. `steps`: events of the world and callbacks of its loops that were carried out."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0
        self.lines: list[str] | None = None
        """The trace, if one is wanted."""
        self._heap: list[tuple[float, int, Process | None, Callable[..., object], tuple[Any, ...]]] = []
        self._serial = count()
        self.tasks = count()

    def at(self, when: float, function: Callable[..., object], *args: object) -> None:
        """Call it at `when`, whoever is frozen or dead."""
        heapq.heappush(self._heap, (when, next(self._serial), None, function, args))

    def after(self, delay: float, function: Callable[..., object], *args: object) -> None:
        """Call it `delay` from now."""
        heapq.heappush(self._heap, (self.now + delay, next(self._serial), None, function, args))

    def push(
        self, when: float, owner: "Process", function: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        """Call it at `when`, or when its owner thaws."""
        heapq.heappush(self._heap, (when, next(self._serial), owner, function, args))

    def run(self, ended: Callable[[], bool], until: float) -> bool:
        """Carry events out until `ended`, asked after each; False when `until` or the end of all events came first."""
        heap = self._heap
        pop = heapq.heappop
        while heap:
            when, _, owner, function, args = pop(heap)
            if when > until:
                return False
            if owner is not None and owner.life is not Life.RUNNING:
                if owner.life is Life.FROZEN:
                    owner.backlog.append((function, args))
                continue
            self.now = max(self.now, when)
            self.steps += 1
            function(*args)
            if ended():
                return True
        return False

    def trace(self, who: str, what: str) -> None:
        """A line of the trace. Ask `lines` first where a line costs something to make."""
        if self.lines is not None:
            self.lines.append(f"{self.now:9.3f}  {who:<12} {what}")


class _Handle(asyncio.TimerHandle):
    """A handle without the cost of a context or a representation."""

    __slots__ = ()

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], when: float) -> None:
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._when = when
        self._scheduled = False

    def cancel(self) -> None:
        self._cancelled = True


class _Task(asyncio.Task[Any]):
    """A task whose hash is its number: sets of tasks are walked through in the same order every time."""

    __slots__ = ("_number",)

    def __init__(self, coro: Coroutine[Any, Any, Any], loop: "Loop", number: int) -> None:
        self._number = number
        super().__init__(coro, loop=loop)

    def __hash__(self) -> int:
        return self._number


_Base: Any = asyncio.AbstractEventLoop
"""Untyped: a loop has 36 more methods, and nobody asks for them here."""


class Loop(_Base):  # type: ignore[misc]
    """The event loop of one process: what asyncio's tasks, futures, locks and timers ask of a loop, and no more."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._kernel = process.kernel
        self._ready: deque[_Handle] = deque()
        self._turn_is_due = False

    def time(self) -> float:
        """Seconds on the process's monotonic clock."""
        return self._kernel.now + self._process.monotonic_base

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._process.life is not Life.DEAD

    def is_closed(self) -> bool:
        return self._process.life is Life.DEAD

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> asyncio.Task[Any]:
        task = _Task(coro, self, next(self._kernel.tasks))
        self._process.tasks.append(task)
        return task

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Any = None) -> _Handle:
        handle = _Handle(callback, args, 0.0)
        if self._process.life is Life.DEAD:
            return handle
        self._ready.append(handle)
        if not self._turn_is_due:
            self._turn_is_due = True
            kernel = self._kernel
            kernel.push(kernel.now, self._process, self._turn, ())
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> _Handle:
        when = self._kernel.now + delay
        handle = _Handle(callback, args, when + self._process.monotonic_base)
        if self._process.life is not Life.DEAD:
            self._kernel.push(when, self._process, self._run, (handle,))
        return handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> _Handle:
        handle = _Handle(callback, args, when)
        if self._process.life is not Life.DEAD:
            self._kernel.push(when - self._process.monotonic_base, self._process, self._run, (handle,))
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Nobody awaited an exception, or a pending task was thrown away: only the first is a defect."""
        error = context.get("exception")
        if self._process.life is not Life.DEAD and error is not None:
            self._process.failed(error)

    default_exception_handler = call_exception_handler

    def _turn(self) -> None:
        """One iteration: what is ready now; what that makes ready comes in the next."""
        self._turn_is_due = False
        ready = self._ready
        kernel = self._kernel
        _set_running_loop(self)
        try:
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled and self._process.life is not Life.DEAD:
                    kernel.steps += 1
                    handle._callback(*handle._args)
        except Exception as error:
            self._process.failed(error)
        finally:
            _set_running_loop(None)
        if ready and not self._turn_is_due:
            self._turn_is_due = True
            kernel.push(kernel.now, self._process, self._turn, ())

    def _run(self, handle: _Handle) -> None:
        if handle._cancelled:
            self._kernel.steps -= 1
            return
        _set_running_loop(self)
        try:
            handle._callback(*handle._args)
        except Exception as error:
            self._process.failed(error)
        finally:
            _set_running_loop(None)


class Process:
    """An operating-system process: a loop, clocks, and a life. `failed`: told what nobody caught."""

    def __init__(
        self, kernel: Kernel, name: str, monotonic_base: float, failed: Callable[[BaseException], None]
    ) -> None:
        self.kernel = kernel
        self.name = name
        self.monotonic_base = monotonic_base
        self.failed = failed
        self.life = Life.RUNNING
        self.thawed_at: float | None = None
        self.backlog: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.loop = Loop(self)

    def after(self, delay: float, function: Callable[..., object], *args: object) -> None:
        """Call it `delay` from now, or at the thaw; never if it dies before."""
        kernel = self.kernel
        kernel.push(kernel.now + delay, self, function, args)

    def freeze(self) -> None:
        """SIGSTOP. Its clocks go on."""
        if self.life is Life.RUNNING:
            self.life = Life.FROZEN

    def thaw(self) -> None:
        """SIGCONT: what came due meanwhile comes now, in the order in which it was due."""
        if self.life is Life.FROZEN:
            self.life, self.thawed_at = Life.RUNNING, self.kernel.now
            backlog, self.backlog = self.backlog, []
            for function, args in backlog:
                self.kernel.push(self.kernel.now, self, function, args)

    def kill(self) -> None:
        """kill -9."""
        self.life = Life.DEAD
        self.backlog.clear()

    def bury(self) -> None:
        """After the run: end what a dead process left in the middle, before Python finds it and complains."""
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                for _ in range(5):  # a task group waits once more for its children
                    try:
                        task.get_coro().close()
                    except RuntimeError:
                        continue
                    break
