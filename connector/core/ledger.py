"""Which offsets of one partition are settled, and therefore what may be committed.

Two rules: the frontier never passes a record that was taken and is not settled; offsets the log does not hold
(compaction, transaction markers) never block, because only offsets that were handed over are tracked, not the range
between. Only what is unsettled is kept, so a record that is held for a day costs one entry however much settles above it.
One ledger serves one assignment (epoch) of one partition; the next assignment has a new one.

What it cannot see: a log that was cut below `position` and written on beyond it. The next record then carries the next
offset and a larger leader epoch, as after any election. Only the client notices (KIP-320: it asks the leader where the epoch
of its position ended), and only if assignments and commits carry the leader epoch.
Never here: metadata text (`offset_map`), queues (`dispatch`), time.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from enum import Enum

from connector.core.records import Epoch

Runs = tuple[tuple[int, int], ...]
"""Ascending, disjoint half-open ranges [first, end) of offsets."""


class Taken(Enum):
    """What `take` answers."""

    NEW = "new"
    """Not seen before: work on it, settle it later."""
    SETTLED_BEFORE = "settled before"
    """The inherited map says a former owner settled it: nothing to do."""
    REWRITTEN = "rewritten"
    """New: work on it, settle it later. And the log was cut since the inherited map was written: what it names from here on
    are other records now. The rest of it is dropped; what it named below was true."""
    REWOUND = "rewound"
    """The log is not the one that was read so far: it was cut, or recreated. Nothing changed. Begin again, with a new
    ledger that inherits neither map nor leader epoch: what is unsettled here would be lost to a ledger that begins at
    this offset."""


class Settling(Enum):
    """What `settle` answers."""

    SETTLED = "settled"
    STALE = "stale"
    """The work belongs to another assignment; nothing changed. A normal answer after a rebalance."""
    STRAY = "stray"
    """Never taken, or settled already; nothing changed. Counted, because it hints at a defect."""


class Ledger:
    """The settled offsets of one partition during one assignment. All calls are O(1) amortised but `settled_above`."""

    __slots__ = (
        "_inherited",
        "_inherited_leader_epoch",
        "_newest_leader_epoch",
        "_position",
        "_position_leader_epoch",
        "_unsettled",
        "epoch",
    )

    def __init__(
        self,
        epoch: Epoch,
        start: int,
        inherited: Sequence[tuple[int, int]] = (),
        leader_epoch: int | None = None,
        inherited_leader_epoch: int | None = None,
    ) -> None:
        """Begin at `start`, the committed offset, with the leader epoch that was committed with it.

        `inherited`: runs above `start` that a believed map names as settled, and the leader epoch that came with it.
        """
        self.epoch = epoch
        self._position = start
        # Ascending, as they were taken. Not a dict: to find its first entry costs a step for every deleted one before it.
        self._unsettled: OrderedDict[int, int | None] = OrderedDict()
        self._newest_leader_epoch = self._position_leader_epoch = leader_epoch
        self._inherited: deque[tuple[int, int]] = deque((a, b) for a, b in inherited if b > start)
        self._inherited_leader_epoch = inherited_leader_epoch

    @property
    def position(self) -> int:
        """The next offset to read from the log."""
        return self._position

    @property
    def unsettled(self) -> int:
        """How many records are taken and not settled. `settled_above` has so many runs at most, inherited ones aside."""
        return len(self._unsettled)

    @property
    def leader_epoch(self) -> int | None:
        """The leader epoch to commit beside the frontier; None when no record or commit told one.

        That of the record at the frontier; when all are settled, of the record just before it, and None if there is none
        there. Not of the newest record below the frontier: where offsets between the two are missing, that epoch may have
        ended before the frontier, and a client which begins there would take the log for cut.
        Source: KIP-320 (it was cut when the end of the position's epoch lies below the position).
        """
        return next(iter(self._unsettled.values())) if self._unsettled else self._position_leader_epoch

    @property
    def map_leader_epoch(self) -> int | None:
        """The leader epoch to write beside `settled_above`: of a record of this log, and at least that of each it names."""
        return self._inherited_leader_epoch if self._inherited else self._newest_leader_epoch

    def take(self, offset: int, leader_epoch: int | None = None) -> Taken:
        """Note a record as handed over. Offsets ascend, with gaps, and leader epochs never fall; anything else is `REWOUND`.

        Source of the second: every leader writes with a larger epoch than the one before it (KIP-101). A record without one
        (a message format before 0.11) says nothing.
        """
        newest = self._newest_leader_epoch
        if offset < self._position:
            return Taken.REWOUND
        if leader_epoch is not None and newest is not None and leader_epoch < newest:
            return Taken.REWOUND
        if leader_epoch is not None:
            self._newest_leader_epoch = leader_epoch
        self._position, self._position_leader_epoch = offset + 1, self._newest_leader_epoch
        while self._inherited and self._inherited[0][1] <= offset:
            self._inherited.popleft()
        rewritten = bool(self._inherited) and self._is_newer_than_inherited(leader_epoch)
        if rewritten:
            self._inherited.clear()
        if self._inherited and self._inherited[0][0] <= offset:
            return Taken.SETTLED_BEFORE
        self._unsettled[offset] = self._newest_leader_epoch
        return Taken.REWRITTEN if rewritten else Taken.NEW

    def _is_newer_than_inherited(self, leader_epoch: int | None) -> bool:
        """Epochs ascend with offsets, so from such a record on the log holds nothing that the inherited map can have meant.

        A map without an epoch was written of records without one, and cannot mean a record that has one.
        """
        known = self._inherited_leader_epoch
        return leader_epoch is not None and (known is None or leader_epoch > known)

    def is_unsettled(self, offset: int) -> bool:
        """Whether it was taken in this assignment, and has not settled."""
        return offset in self._unsettled

    def settle(self, offset: int, epoch: Epoch) -> Settling:
        """Note a record as accepted, dead-lettered or skipped; `epoch` is the one its work was begun in."""
        if epoch != self.epoch:
            return Settling.STALE
        if offset not in self._unsettled:
            return Settling.STRAY
        del self._unsettled[offset]
        return Settling.SETTLED

    def advance(self, offset: int) -> None:
        """The log holds nothing before `offset` that was not handed over (end of partition, trailing markers)."""
        if offset > self._position:
            # Whoever wrote the markers up to here may have been another leader.
            self._position, self._position_leader_epoch = offset, None

    @property
    def frontier(self) -> int:
        """The offset to commit: the lowest unsettled one, or the next to read when there is none.

        Within an epoch it never falls. Source: Kafka protocol, OffsetCommit (a committed offset is the next to read).
        """
        return next(iter(self._unsettled), self._position)

    def settled_above(self) -> Runs:
        """Runs of settled offsets above the frontier, for the commit's map. O(unsettled + inherited)."""
        runs = list(self.settled_so_far())
        for first, end in self._inherited:
            if end > self._position:
                clipped = max(first, self._position)
                if runs and runs[-1][1] == clipped:
                    runs[-1] = (runs[-1][0], end)
                else:
                    runs.append((clipped, end))
        return tuple(runs)

    def settled_so_far(self) -> Runs:
        """Those of `settled_above` that lie below the position: what this owner adds to what it inherited. O(unsettled).

        Offsets between taken ones that the log does not hold count as settled: it makes runs longer and is true.
        """
        runs: list[tuple[int, int]] = []
        start = self.frontier
        for offset in self._unsettled:
            if offset > start:
                runs.append((start, offset))
            start = offset + 1
        if self._position > start:
            runs.append((start, self._position))
        return tuple(runs)
