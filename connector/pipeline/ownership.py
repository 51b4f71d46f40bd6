"""Partitions come and go: claim, open, drain, release, forget.

A partition's records may queue at once, but the first request goes only after the claim (a commit of this assignment,
acknowledged) and, if the former owner did not say *released*, after a request deadline: by then its requests have ended
or their tokens have expired. On revoke nothing more starts, what is in flight is awaited within a bound, and the last
commit says whether anything was left.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from connector.core.dispatch import Dispatch
from connector.core.ledger import Ledger
from connector.core.offset_map import Believed, Refused, read
from connector.core.records import TopicPartition
from connector.pipeline.commits import Committer
from connector.pipeline.partition import Partition, drained
from connector.pipeline.work import Work
from connector.ports import Assignment, Clock, EventLog, Offsets, Telemetry


class Ownership:
    """The partitions that this process owns now, and the tasks that work on them."""

    def __init__(
        self, offsets: Offsets, dispatch: Dispatch[Work], clock: Clock, telemetry: Telemetry, log: EventLog
    ) -> None:
        self.partitions: dict[TopicPartition, Partition] = {}
        self.committer = Committer(offsets, self.partitions, clock, telemetry, log)
        self.tasks = asyncio.TaskGroup()
        self._dispatch = dispatch
        self._clock = clock
        self._telemetry = telemetry
        self._log = log

    def current(self, tp: TopicPartition) -> Partition | None:
        """The partition if it is ours and not being given back."""
        part = self.partitions.get(tp)
        return None if part is None or part.closing else part

    def spawn(self, part: Partition, life: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as part of a partition's work: a release waits for it, or cancels it."""
        task = self.tasks.create_task(life)
        part.running.add(task)
        task.add_done_callback(part.running.discard)
        return task

    def assign(self, assignments: Sequence[Assignment], wait_s: float, opened: Callable[[], None]) -> None:
        """Open a ledger for each and claim all in one commit. `wait_s`: for partitions that were not released."""
        claimed = []
        for given in assignments:
            assert given.tp not in self.partitions, f"{given.tp} was assigned twice"
            believed = read(given.metadata, given.log, given.start)
            if isinstance(believed, Refused):
                self._telemetry.map_refused(believed.reason)
                where = {"topic": given.tp.topic, "partition": given.tp.partition}
                self._log.warning("map.refused", reason=believed.reason, **where)
            inherited = believed.settled if isinstance(believed, Believed) else ()
            ledger = Ledger(given.epoch, given.start, inherited)
            part = Partition(given.tp, given.epoch, given.log, ledger, given.end)
            self.partitions[given.tp] = part
            self._dispatch.assign(given.tp)
            released = isinstance(believed, Believed) and believed.released
            claimed.append((part, wait_s if given.metadata is not None and not released else 0.0))
        if claimed:
            self.tasks.create_task(self._claim(claimed, opened))

    async def _claim(self, claims: Sequence[tuple[Partition, float]], opened: Callable[[], None]) -> None:
        await self.committer.claim([part for part, _ in claims])
        loop = asyncio.get_running_loop()
        for part, wait_s in claims:
            if wait_s:
                loop.call_later(wait_s, self._open, part, opened)
            else:
                self._open(part, opened)

    def _open(self, part: Partition, opened: Callable[[], None]) -> None:
        if part.claimed and not part.closing:
            self._dispatch.open(part.tp)
            opened()

    async def release(self, partitions: Sequence[TopicPartition], bound_s: float) -> bool:
        """Drain within the bound, commit, forget. True when nothing was cut off and the commit was acknowledged."""
        closed = [part for part in map(self._close, partitions) if part is not None]
        ends = self._clock.monotonic() + bound_s
        clean = await drained({task for part in closed for task in part.running}, bound_s)
        # Commit even when the bound is used up: a second is little beside what a repeat costs.
        left = max(1.0, ends - self._clock.monotonic())
        try:
            claimed = [part for part in closed if part.claimed]
            committed = await asyncio.wait_for(self.committer.commit(claimed, released=clean), left)
        except TimeoutError:
            committed = False
        self._forget(closed)
        return clean and committed

    def lose(self, partitions: Sequence[TopicPartition]) -> None:
        """They belong to somebody else already: cut everything off, commit nothing."""
        closed = [part for part in map(self._close, partitions) if part is not None]
        for part in closed:
            for task in part.running:
                task.cancel()
        self._forget(closed)

    def _close(self, tp: TopicPartition) -> Partition | None:
        part = self.current(tp)
        if part is None:
            return None
        part.closing = True
        part.inbox.clear()
        if part.fetching is not None:
            part.fetching.cancel()
        self._dispatch.close(tp)
        return part

    def _forget(self, closed: Sequence[Partition]) -> None:
        for part in closed:
            if self.partitions.get(part.tp) is part:
                del self.partitions[part.tp]
