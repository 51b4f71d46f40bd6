"""What the pipeline keeps of one assigned partition, and its bounds."""

import asyncio
from collections import deque
from collections.abc import Set as AbstractSet
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
        """What may be committed now."""
        return entry(self.tp, self.ledger, self.log, released=released)

    def admit(self, record: Record) -> None:
        """Count a record that is now kept in memory."""
        self.buffered_bytes += record.size

    def free(self, record: Record) -> None:
        """A record left memory."""
        self.buffered_bytes -= record.size

    def exceeds(self, records: int, size: int) -> bool:
        """Whether it keeps at least so many records or bytes."""
        return self.ledger.unsettled >= records or self.buffered_bytes >= size


async def drained(tasks: AbstractSet[asyncio.Task[None]], bound_s: float) -> bool:
    """Wait until the tasks have ended, `bound_s` at most; then cancel the rest. True when none had to be cancelled."""
    if not tasks:
        return True
    _, pending = await asyncio.wait(tasks, timeout=bound_s)
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)
    return not pending
