"""Threads for calls that may never return: Python mappers, and reading mapping files anew. Bounded, as no thread can be ended.

Not a `ThreadPoolExecutor`: the interpreter joins its threads when it ends, and one that hangs would hold up the end. These are
daemons. A call that is over its time is given up and its thread left behind; should it return after all, nobody hears of it
and the thread ends. Never here: what is called, or what becomes of a record.
"""

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Final, Generic, TypeVar, cast

from connector.ports import EventLog, GaveUp, RestartNeeded

T = TypeVar("T")

EXIT_STUCK: Final = 70
AT_ONCE: Final = 4
"""Calls under way at once. They share one interpreter lock: more are no quicker; but one that hangs should not stop others."""
MEND_THE_MAPPER: Final = "the process ends; mend the mapper, or raise mappings.mapper_timeout_s"
LEFT_BEHIND_MAX: Final = 8
"""Threads that may hang. Each keeps its memory, and one that computes takes its share of the CPU from everything else."""


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    call: Callable[[], T]
    answer: "asyncio.Future[T | GaveUp]"
    overdue: asyncio.TimerHandle | None = None
    left_behind: bool = False


@dataclass(slots=True, eq=False)
class _Worker:
    """A thread and its inbox; None ends it."""

    inbox: "SimpleQueue[_Job[object] | None]" = field(default_factory=SimpleQueue)


class Workers:
    """Implements `ports.MapperCalls`. `what` begins the log's sentences, as "a mapper"; `when_stuck` ends that of the end."""

    def __init__(self, what: str, timeout_s: float, log: EventLog, when_stuck: str = MEND_THE_MAPPER) -> None:
        self._what = what
        self._when_stuck = when_stuck
        self._timeout_s = timeout_s
        self._log = log
        self._idle: list[_Worker] = []
        self._waiting: deque[_Job[object]] = deque()
        self._busy = 0
        self._left_behind = 0
        self._numbers = itertools.count(1)

    async def run(self, call: Callable[[], T]) -> T | GaveUp:
        """The call's result. Given up: over its time, which begins when it begins; or it raised what ends a thread.

        Raises what the call raises, and `RestartNeeded` when more than eight calls hang. Cancelling it does not end a call
        that has begun: its thread is watched as before.
        """
        self._refuse_if_stuck()
        answer: asyncio.Future[T | GaveUp] = asyncio.get_running_loop().create_future()
        self._waiting.append(cast("_Job[object]", _Job(call, answer)))
        self._start()
        return await answer

    def _start(self) -> None:
        while self._waiting and self._busy < AT_ONCE:
            job = self._waiting.popleft()
            if job.answer.done():  # cancelled before its turn
                continue
            self._busy += 1
            worker = self._idle.pop() if self._idle else self._new()
            job.overdue = asyncio.get_running_loop().call_later(self._timeout_s, self._give_up, job)
            worker.inbox.put(job)

    def _new(self) -> _Worker:
        worker = _Worker()
        loop = asyncio.get_running_loop()
        name = f"{self._what} {next(self._numbers)}"
        threading.Thread(target=self._live, args=(worker, loop), name=name, daemon=True).start()
        return worker

    def _live(self, worker: _Worker, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread: one job after the other."""
        while (job := worker.inbox.get()) is not None:
            result, error = None, None
            try:
                result = job.call()
            except BaseException as raised:  # noqa: BLE001 - foreign code; told to whoever asked
                error = raised
            try:
                loop.call_soon_threadsafe(self._returned, worker, job, result, error)
            except RuntimeError:  # the loop has ended, and with it whoever asked
                return
            del job, result, error

    def _returned(
        self, worker: _Worker, job: _Job[object], result: object, error: BaseException | None
    ) -> None:
        if job.left_behind:
            self._left_behind -= 1
            worker.inbox.put(None)
            return
        assert job.overdue is not None
        job.overdue.cancel()
        self._busy -= 1
        self._idle.append(worker)
        if not job.answer.done():
            match error:
                case None:
                    job.answer.set_result(result)
                case Exception():
                    job.answer.set_exception(error)
                case _:  # it would end the event loop as well
                    job.answer.set_result(GaveUp(f"raised {type(error).__name__}"))
        self._start()

    def _give_up(self, job: _Job[object]) -> None:
        job.left_behind = True
        self._busy -= 1
        self._left_behind += 1
        why = f"did not return within {self._timeout_s:g} s"
        self._log.error("call.given_up", reason=f"{self._what} {why}", threads=self._left_behind)
        if not job.answer.done():
            if self._left_behind > LEFT_BEHIND_MAX:
                job.answer.set_exception(self._stuck())
            else:
                job.answer.set_result(GaveUp(why))
        self._start()

    def _refuse_if_stuck(self) -> None:
        if self._left_behind > LEFT_BEHIND_MAX:
            raise self._stuck()

    def _stuck(self) -> RestartNeeded:
        return RestartNeeded(
            EXIT_STUCK,
            f"{self._left_behind} threads hang in calls that did not return within {self._timeout_s:g} s ({self._what}): "
            f"threads cannot be ended, so {self._when_stuck}",
        )

    def close(self) -> None:
        """End the threads that are idle. What hangs ends with the process."""
        while self._idle:
            self._idle.pop().inbox.put(None)
