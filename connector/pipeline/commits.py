"""Commits what has settled: on a timer, as a claim, and on revoke. One commit is outstanding at a time.

Two asynchronous commits can overtake each other in the client (the first, answered with a retriable error, lands after
the second): the next is built from the ledgers only when the last one's answer has come.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping

from connector.core.records import TopicPartition
from connector.pipeline.partition import Partition
from connector.ports import Clock, Committed, EventLog, Offsets, Telemetry


class Committer:
    """The only caller of `Offsets.commit`."""

    def __init__(
        self,
        offsets: Offsets,
        partitions: Mapping[TopicPartition, Partition],
        clock: Clock,
        telemetry: Telemetry,
        log: EventLog,
    ) -> None:
        self._offsets = offsets
        self._partitions = partitions
        self._clock = clock
        self._telemetry = telemetry
        self._log = log
        self._lock = asyncio.Lock()

    async def run(self, interval_s: float) -> None:
        """Commit every claimed partition whose settled offsets have changed, for ever."""
        while True:
            await asyncio.sleep(interval_s)
            await self.commit(
                part for part in list(self._partitions.values()) if part.claimed and not part.closing
            )

    async def claim(self, partitions: Collection[Partition]) -> None:
        """Commit offset and map unchanged, as owned, until it is acknowledged: the right to send begins here."""
        waiting = [part for part in partitions if not part.closing]
        while waiting:
            if await self.commit(waiting):
                for part in waiting:
                    part.claimed = True
                return
            await asyncio.sleep(0.5)
            waiting = [part for part in waiting if not part.closing]

    async def commit(self, partitions: Iterable[Partition], *, released: bool = False) -> bool:
        """Commit those that differ from their last acknowledged entry. True when nothing is left unacknowledged."""
        async with self._lock:
            # Built only now: what settled while the last commit was out belongs to this one.
            pairs = [(part, part.entry(released=released)) for part in partitions]
            changed = [(part, entry) for part, entry in pairs if entry != part.committed]
            if not changed:
                return True
            began = self._clock.monotonic()
            answer = await self._offsets.commit([entry for _, entry in changed])
            took = self._clock.monotonic() - began
            if isinstance(answer, Committed):
                for part, entry in changed:
                    part.committed = entry
                self._telemetry.commit("ok", took)
                return True
            for part, _ in changed:
                part.committed = None  # unknown: commit it again even if nothing moves
            self._telemetry.commit("error", took)
            self._log.warning("commit.failed", error_type=answer.code)
            return False
