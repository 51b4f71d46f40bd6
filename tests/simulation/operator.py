"""An operator: pauses the group through a control setting that every member reads, and settles records by hand.

The setting is one value for all, as a compacted topic is; each member hears of a change a moment later, at a time of its own.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from connector.core.records import TopicPartition
from tests.simulation.kernel import Kernel, Process

if TYPE_CHECKING:
    from tests.simulation.member import Member

NOBODYS = TopicPartition("messages", 99)


class Operator:
    """`members`: all there are, also those that come later."""

    def __init__(self, kernel: Kernel, random: Random, members: list[Member]) -> None:
        self._kernel = kernel
        self._random = random
        self._members = members
        self._until = 0.0

    @property
    def paused(self) -> bool:
        """What the setting says now."""
        return self._kernel.now < self._until

    def pause(self, seconds: float) -> None:
        """From now on; the longest of several pauses counts."""
        self._until = max(self._until, self._kernel.now + seconds)
        self._tell()
        self._kernel.at(self._until, self._tell)

    def _tell(self) -> None:
        for member in self._members:
            process = member.process
            if member.alive and process is not None:
                process.after(self._random.uniform(0.001, 0.3), self._heard, member, process)

    def _heard(self, member: Member, process: Process) -> None:
        """Who has not begun yet reads the setting before it does."""
        if member.process is process and member.obeys:
            process.loop.call_soon(member.obey)

    def settle(self, member: Member, dice: float) -> None:
        """Some of its records that are not settled, or one that is not its own."""
        process = member.process
        if process is None or not member.obeys:
            return
        open_ = [
            (tp, offset)
            for tp, part in sorted(member.pipeline.partitions.items())
            for offset in range(part.ledger.frontier, part.ledger.position)
            if part.ledger.is_unsettled(offset)
        ]
        chosen = self._random.sample(open_, min(len(open_), 1 + int(dice * 40) % 4))
        if dice > 0.8:
            chosen += [*chosen[:1], (NOBODYS, 3)]
        for tp, offset in chosen:
            process.after(self._random.choice((0.0, 0.01, 0.2)), self._ask, member, process, tp, offset)

    def _ask(self, member: Member, process: Process, tp: TopicPartition, offset: int) -> None:
        if member.process is process and member.alive:
            member.asked(process.loop.create_task(member.settle(tp, offset)))


def failure(task: asyncio.Task[None]) -> BaseException | None:
    """What a task ended with, if it was a defect."""
    return None if task.cancelled() else task.exception()
