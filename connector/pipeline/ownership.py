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
from connector.core.lease import Lease
from connector.core.ledger import Ledger
from connector.core.offset_map import Believed, Refused, read
from connector.core.records import TopicPartition
from connector.pipeline.commits import HOPELESS, OUTDATED, Committer
from connector.pipeline.partition import Partition, drained
from connector.pipeline.work import Work
from connector.pipeline.world import World
from connector.ports import Assignment

COMMIT_S = 10.0
"""The longest that a release waits for its last commit: with no coordinator to answer, it is not worth the grace period."""
RELEASE_AGAIN_S = 0.1
"""A rebalance is in progress (27, 113), or the coordinator moves: soon over."""
OUTDATED_S = 1.0
"""How long an outdated generation may be of a moment. Source: librdkafka, rd_kafka_cgrp_op_handle_OffsetCommit: in a rebalance
the classic client keeps its partitions on error 22, "because a new generation id can be received soon after"."""
CLAIM_AGAIN_S = 0.5


class Ownership:
    """The partitions that this process owns now, and the tasks that work on them."""

    def __init__(
        self, world: World, lease: Lease, dispatch: Dispatch[Work], may_start: Callable[[], None]
    ) -> None:
        """`may_start` is called when a partition has opened, or when the lease is renewed after it had ended."""
        clock, telemetry, log = world.clock, world.telemetry, world.log
        self.partitions: dict[TopicPartition, Partition] = {}
        self.committer = Committer(world.offsets, self.partitions, lease, clock, telemetry, log)
        self.committer.lease_renewed = may_start
        self.committer.claimed = self._claimed
        self.tasks = asyncio.TaskGroup()
        self.gone: Callable[[Partition], None] = lambda _part: None
        """Called when a partition is forgotten: nothing of it runs any more."""
        self._claims: set[asyncio.Task[None]] = set()
        self._dispatch = dispatch
        self._may_start = may_start
        self._clock = clock
        self._telemetry = telemetry
        self._log = log
        self._tracing = world.tracing

    def spawn(self, part: Partition, life: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as part of a partition's work: a release waits for it, or cancels it."""
        task = self.tasks.create_task(life)
        part.running.add(task)
        task.add_done_callback(part.ended)
        return task

    def assign(self, assignments: Sequence[Assignment], wait_s: float) -> None:
        """Open a ledger for each and claim all in one commit. `wait_s`: for partitions that were not released."""
        arrived: list[Partition] = []
        for given in assignments:
            assert given.tp not in self.partitions, f"{given.tp} was assigned twice"
            believed = read(given.metadata, given.log, given.start, given.end)
            if isinstance(believed, Refused):
                self._telemetry.map_refused(believed.reason)
                where = {"topic": given.tp.topic, "partition": given.tp.partition}
                self._log.warning("map.refused", reason=believed.reason, **where)
            inherited, newest = (
                (believed.settled, believed.leader_epoch) if isinstance(believed, Believed) else ((), None)
            )
            ledger = Ledger(given.epoch, given.start, inherited, given.leader_epoch, newest)
            part = Partition(given.tp, given.epoch, given.log, ledger, given.end)
            self.partitions[given.tp] = part
            self._dispatch.assign(given.tp)
            released = isinstance(believed, Believed) and believed.released
            part.wait_s = wait_s if given.metadata is not None and not released else 0.0
            arrived.append(part)
        if arrived:
            self._until_end(self._claim(arrived))

    async def _claim(self, parts: Sequence[Partition]) -> None:
        """Commit offset and map unchanged, as owned, until it is acknowledged: the right to send begins there."""
        while waiting := [part for part in parts if not part.claimed and not part.closing]:
            if not await self.committer.commit(waiting):
                await asyncio.sleep(CLAIM_AGAIN_S)

    def _claimed(self, part: Partition) -> None:
        if part.wait_s:
            self._until_end(self._open_later(part))
        else:
            self._open(part)

    async def _open_later(self, part: Partition) -> None:
        await asyncio.sleep(part.wait_s)
        self._open(part)

    def _open(self, part: Partition) -> None:
        if not part.closing:
            part.opened = True
            self._dispatch.open(part.tp)
            self._may_start()

    def _until_end(self, life: Coroutine[Any, Any, None]) -> None:
        task = self.tasks.create_task(life)
        self._claims.add(task)
        task.add_done_callback(self._claims.discard)

    def end(self) -> None:
        """Claim nothing more: an answer may never come any more."""
        for claim in self._claims:
            claim.cancel()

    async def release(self, partitions: Sequence[TopicPartition], bound_s: float) -> bool:
        """Drain within the bound, commit, forget. True when nothing was cut off and the commit was acknowledged.

        A revoke may come while a stop drains: both wait for the same work, and the shorter bound ends it.
        """
        closed = self._close(partitions)
        ends = self._clock.monotonic() + bound_s
        try:
            clean = await drained(closed, bound_s)
            # Commit even when the bound is used up: a second is little beside what a repeat costs.
            left = min(COMMIT_S, max(1.0, ends - self._clock.monotonic()))
            claimed = [part for part in closed if part.claimed and self.partitions.get(part.tp) is part]
            committed = await asyncio.wait_for(self._release(claimed), left)
        except TimeoutError:
            committed = False
        finally:
            self._forget(closed)  # also when the caller waits no longer: its partitions go, whatever we do
        return clean and committed

    async def _release(self, claimed: Sequence[Partition]) -> bool:
        """The last commit of an assignment: until it is acknowledged, or can never be. Ended by the caller's bound."""
        hopeless = HOPELESS - {OUTDATED}
        outdated_until: float | None = None
        while not await self.committer.commit(claimed, released=True):
            now = self._clock.monotonic()
            # From the first answer, not from the question: with a slow coordinator that took longer than the moment.
            outdated_until = now + OUTDATED_S if outdated_until is None else outdated_until
            if now >= outdated_until:
                hopeless = HOPELESS
            if all(part.committed is not None or part.refused in hopeless for part in claimed):
                return False
            await asyncio.sleep(RELEASE_AGAIN_S)
        return True

    def lose(self, partitions: Sequence[TopicPartition]) -> None:
        """They belong to somebody else already: cut everything off, commit nothing."""
        self._forget(self._close(partitions))

    def _close(self, partitions: Sequence[TopicPartition]) -> list[Partition]:
        """Start nothing more of them. Those that are closed already are answered too, those that are gone are not."""
        closed = [part for part in map(self.partitions.get, partitions) if part is not None]
        for part in closed:
            if part.closing:
                continue
            part.close()
            self._dispatch.close(part.tp)
        return closed

    def _forget(self, closed: Sequence[Partition]) -> None:
        for part in closed:
            part.cut()
            self.gone(part)
            if self.partitions.get(part.tp) is part:
                del self.partitions[part.tp]
                self._tracing.revoked(part.tp)
