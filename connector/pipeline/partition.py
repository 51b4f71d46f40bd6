"""What the pipeline keeps of one assigned partition, and its bounds."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.core.decode import SchemaRef
from connector.core.ledger import Ledger
from connector.core.offset_map import MAX_METADATA, CommitEntry, LogIdentity, entry, fit
from connector.core.records import Epoch, OrderKey, Record, TopicPartition
from connector.core.status import PauseReason


@dataclass(slots=True)
class LineWait:
    """A line without a row in the channel directory: since when, and the keys whose first record needs it."""

    since_wall: float
    keys: list[OrderKey] = field(default_factory=list)


@dataclass(slots=True)
class KeyWait:
    """The records of a key that wait, in order, and what the first of them needs: a schema, or the row of a line (its text).

    `needs` None: it is there now, and the records are about to be taken in.
    """

    records: deque[Record]
    needs: SchemaRef | str | None


@dataclass(slots=True, eq=False)
class Partition:
    """One assignment of one partition. Gone when it is revoked or lost; the next assignment makes another."""

    tp: TopicPartition
    epoch: Epoch
    log: LogIdentity
    ledger: Ledger
    end: int | None = None
    """The log's end as last heard."""
    behind: tuple[int, float] | None = None
    """The position beyond which the log was heard to hold more, all before it being settled; and since when (wall)."""
    first_unread: tuple[int, int] | None = None
    """Likewise, and Kafka's timestamp of the record that is there: somebody has looked, as nothing is fetched."""
    wait_s: float = 0.0
    """From its claim to its first request: what a former owner may still have sent ends meanwhile."""
    claimed: bool = False
    """A commit of this assignment was acknowledged: requests may start."""
    opened: bool = False
    """What the former owner may still have sent has ended: requests of ours may have started."""
    cut_off: bool = False
    """Work of this assignment was ended before its time: its request may still arrive at Front."""
    closing: bool = False
    given_back: bool = False
    """Its last commit was acknowledged: a revoke and a stop may both ask for it."""
    fetching: asyncio.Task[None] | None = None
    """The first record of the inbox waits for its schema or mapper: a wall, as nothing may pass while its key is unknown."""
    walled: bool = False
    """New mappings may give other keys: nothing of the inbox is mapped before what was is settled. See `taking.py`."""
    aside: dict[OrderKey, KeyWait] = field(default_factory=dict)
    """Keys that wait for a schema or a row, with their records in order: see `aside.py`, as for the rest."""
    awaited: dict[SchemaRef, list[OrderKey]] = field(default_factory=dict)
    """The schemas that these keys' first records need."""
    lines: dict[str, LineWait] = field(default_factory=dict)
    """The lines whose rows in the channel directory they need."""
    asking: set[asyncio.Task[None]] = field(default_factory=set)
    fetches: set[asyncio.Task[None]] = field(default_factory=set)
    """Of files: a release does not wait for them, as nothing of theirs has reached Front."""
    by_hand: set[int] = field(default_factory=set)
    """Offsets that an operator is settling. One whose key is not known yet is a wall until it has settled."""
    ready: deque[OrderKey] = field(default_factory=deque)
    """Keys whose row came and that are being taken in, a few records at a time: a wall for the inbox until none is left."""
    looked_at: int | None = None
    """The last offset that was prepared once: up to there no record becomes too old by waiting."""
    paused: PauseReason | None = None
    paused_names_key: bool = False
    """The log has said which key it waits for."""
    map_limit: int = MAX_METADATA
    """Characters that the coordinator takes beside the offset, as far as we know."""
    map_fill: float = 0.0
    """How much of its budget the map takes, when last looked at."""
    settles_until_map_check: int = 0
    commits_alone: bool = False
    """A commit of several entries was refused as too large, and nobody can tell which of them is."""
    commits_by_topic: bool = False
    """A commit of several topics was refused for one of them, and nobody can tell which."""
    refused: str | None = None
    """The error that answered the last commit of it that was not acknowledged."""
    inbox: deque[Record] = field(default_factory=deque)
    buffered_bytes: int = 0
    timestamps: dict[int, int | None] = field(default_factory=dict)
    """Kafka's, of the unsettled records by offset, in order."""
    running: set[asyncio.Task[None]] = field(default_factory=set)
    committed: CommitEntry | None = None
    """The last entry that the coordinator acknowledged."""
    committed_at: tuple[int, int] | None = None
    """`mark` when that entry was built."""

    @property
    def mark(self) -> tuple[int, int]:
        """Changes with whatever changes the entry: a record taken moves the position, one settled the count."""
        return self.ledger.position, self.ledger.unsettled

    def entry(self, *, released: bool = False) -> CommitEntry:
        """What may be committed now. It says *released* only if no request of ours or of a former owner can still arrive."""
        return entry(
            self.tp,
            self.ledger,
            self.log,
            released=released and self.opened and not self.cut_off,
            limit=self.map_limit,
        )

    def commits_apart(self, other: "Partition") -> bool:
        """Whether the two go in different commits, as one of them may be refused for what it is."""
        by_topic = self.commits_by_topic or other.commits_by_topic
        return self.commits_alone or other.commits_alone or (by_topic and self.tp.topic != other.tp.topic)

    def fill(self) -> float:
        """How much of its budget the map takes, without what was inherited: reading on makes that shorter, never longer."""
        return fit(self.log, self.ledger.frontier, self.ledger.settled_so_far(), released=False).fill

    def halve_map(self) -> bool:
        """The coordinator takes less text than we thought. False when there is none left to leave out."""
        if self.map_limit == 0:
            return False
        self.map_limit //= 2
        return True

    def close(self) -> None:
        """Take nothing more in: what waits for a schema, a row or a file is the next owner's. What runs goes on."""
        self.closing = True
        for task in self.fetches:
            task.cancel()
        self.inbox.clear()
        self.forget_waits()

    def forget_waits(self) -> None:
        """Wait for no schema and no row any more; what waited is for the caller to keep."""
        self.aside.clear()
        self.awaited.clear()
        self.lines.clear()
        self.ready.clear()
        for task in self.asking if self.fetching is None else {*self.asking, self.fetching}:
            task.cancel()
        self.fetching = None

    @property
    def records_without_line(self) -> int:
        """Records that wait for the row of a line, or behind one that does. O(keys that wait)."""
        return sum(len(self.aside[key].records) for wait in self.lines.values() for key in wait.keys)

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
        self.timestamps[record.offset] = record.timestamp_ms

    def free(self, record: Record) -> None:
        """A record left memory."""
        self.buffered_bytes -= record.size
        self.timestamps.pop(record.offset, None)

    def heard_end(self, end: int, wall: float) -> None:
        """The log's end is at least there."""
        self.end = max(end, self.end or 0)
        position = self.ledger.position
        if self.ledger.unsettled or self.end <= position:
            self.behind = None
        elif self.behind is None or self.behind[0] != position:
            self.behind = position, wall

    def lag_s(self, wall: float) -> float | None:
        """Age of its first unsettled record, 0 without one; None: its records have no timestamps.

        Of one that was not read yet and that nobody has looked at, since when it is known to be there: it may be older.
        """
        for timestamp_ms in self.timestamps.values():
            return None if timestamp_ms is None else max(0.0, wall - timestamp_ms / 1000)
        position = self.ledger.position
        if self.first_unread is not None and self.first_unread[0] == position:
            return max(0.0, wall - self.first_unread[1] / 1000)
        if self.behind is not None and self.behind[0] == position:
            return max(0.0, wall - self.behind[1])
        return 0.0

    @property
    def first_wanted(self) -> int | None:
        """The offset of the record whose age is its lag, where that is not known: all that was read is settled."""
        position = self.ledger.position
        known = self.timestamps or (self.first_unread is not None and self.first_unread[0] == position)
        return None if known else position

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
