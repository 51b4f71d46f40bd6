"""What the pipeline keeps of one assigned partition, and its bounds."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.core.ledger import Ledger
from connector.core.offset_map import CommitEntry, LogIdentity, entry
from connector.core.records import Epoch, Record, TopicPartition


@dataclass(slots=True, eq=False)
class Partition:
    """One assignment of one partition. Gone when it is revoked or lost; the next assignment makes another."""

    tp: TopicPartition
    epoch: Epoch
    log: LogIdentity
    ledger: Ledger
    end: int | None = None
    """The log's end as last heard."""
    claimed: bool = False
    """A commit of this assignment was acknowledged: requests may start."""
    opened: bool = False
    """What the former owner may still have sent has ended: requests of ours may have started."""
    cut_off: bool = False
    """Work of this assignment was ended before its time: its request may still arrive at Front."""
    closing: bool = False
    fetching: asyncio.Task[None] | None = None
    """The first record of the inbox waits for its schema: a wall, as its key is unknown nothing behind it may start."""
    paused: bool = False
    inbox: deque[Record] = field(default_factory=deque)
    buffered_bytes: int = 0
    running: set[asyncio.Task[None]] = field(default_factory=set)
    committed: CommitEntry | None = None
    """The last entry that the coordinator acknowledged."""

    def entry(self, *, released: bool = False) -> CommitEntry:
        """What may be committed now. It says *released* only if no request of ours or of a former owner can still arrive."""
        return entry(self.tp, self.ledger, self.log, released=released and self.opened and not self.cut_off)

    def cut(self) -> None:
        """End what still runs."""
        for task in self.running:
            task.cancel()

    def ended(self, task: asyncio.Task[None]) -> None:
        """A task of `running` is done."""
        self.running.discard(task)
        self.cut_off |= task.cancelled() or task.exception() is not None

    def admit(self, record: Record) -> None:
        """Count a record that is now kept in memory."""
        self.buffered_bytes += record.size

    def free(self, record: Record) -> None:
        """A record left memory."""
        self.buffered_bytes -= record.size

    def exceeds(self, records: int, size: int) -> bool:
        """Whether it keeps at least so many records or bytes."""
        return self.ledger.unsettled >= records or self.buffered_bytes >= size


async def drained(parts: Sequence[Partition], bound_s: float) -> bool:
    """Wait until their work has ended, `bound_s` at most; then cancel the rest. True when nothing was ever cut off."""
    if tasks := {task for part in parts for task in part.running}:
        _, pending = await asyncio.wait(tasks, timeout=bound_s)
        for part in parts:
            part.cut()
        if pending:
            await asyncio.wait(pending)
    return not any(part.cut_off for part in parts)
