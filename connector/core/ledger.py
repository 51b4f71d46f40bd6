"""Which offsets of one partition are settled, and therefore what may be committed.

Two rules: the frontier never passes a record that was taken and is not settled; offsets the log does not hold
(compaction, transaction markers) never block, because only offsets that were handed over are tracked, not the range
between. One ledger serves one assignment (epoch) of one partition; the next assignment has a new one.
Never here: metadata text (`offset_map`), queues (`dispatch`), time.
"""

from collections import deque
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
    REWOUND = "rewound"
    """At or below an offset already taken: the log was cut or rewound. Open a new ledger here, with an empty map."""


class Settling(Enum):
    """What `settle` answers."""

    SETTLED = "settled"
    STALE = "stale"
    """The work belongs to another assignment; nothing changed. A normal answer after a rebalance."""
    STRAY = "stray"
    """Never taken, or settled already; nothing changed. Counted, because it hints at a defect."""


class Ledger:
    """The settled offsets of one partition during one assignment. All calls are O(1) amortised but `settled_above`."""

    __slots__ = ("_inherited", "_leader_epoch", "_order", "_position", "_unsettled", "epoch")

    def __init__(
        self,
        epoch: Epoch,
        start: int,
        inherited: Sequence[tuple[int, int]] = (),
        leader_epoch: int | None = None,
    ) -> None:
        """Begin at `start`, the committed offset, with the leader epoch that was committed with it.

        `inherited`: runs above `start` that a believed map names as settled.
        """
        self.epoch = epoch
        self._position = start
        self._order: deque[tuple[int, int | None]] = deque()
        self._unsettled: set[int] = set()
        self._leader_epoch = leader_epoch
        self._inherited: deque[tuple[int, int]] = deque((a, b) for a, b in inherited if b > start)

    @property
    def position(self) -> int:
        """The next offset to read from the log."""
        return self._position

    @property
    def unsettled(self) -> int:
        """How many records are taken and not settled."""
        return len(self._unsettled)

    @property
    def leader_epoch(self) -> int | None:
        """Leader epoch of the newest record below the frontier (KIP-320); None when no record or commit told one."""
        return self._leader_epoch

    def take(self, offset: int, leader_epoch: int | None = None) -> Taken:
        """Note a record as handed over. Offsets arrive ascending, with gaps; anything else is `REWOUND`."""
        if offset < self._position:
            return Taken.REWOUND
        self._position = offset + 1
        while self._inherited and self._inherited[0][1] <= offset:
            self._inherited.popleft()
        if self._inherited and self._inherited[0][0] <= offset:
            return Taken.SETTLED_BEFORE
        self._unsettled.add(offset)
        self._order.append((offset, leader_epoch))
        return Taken.NEW

    def settle(self, offset: int, epoch: Epoch) -> Settling:
        """Note a record as accepted, dead-lettered or skipped; `epoch` is the one its work was begun in."""
        if epoch != self.epoch:
            return Settling.STALE
        if offset not in self._unsettled:
            return Settling.STRAY
        self._unsettled.remove(offset)
        order = self._order
        while order and order[0][0] not in self._unsettled:
            leader_epoch = order.popleft()[1]
            if leader_epoch is not None:
                self._leader_epoch = leader_epoch
        return Settling.SETTLED

    def advance(self, offset: int) -> None:
        """The log holds nothing before `offset` that was not handed over (end of partition, trailing markers)."""
        self._position = max(self._position, offset)

    @property
    def frontier(self) -> int:
        """The offset to commit: the lowest unsettled one, or the next to read when there is none.

        Within an epoch it never falls. Source: Kafka protocol, OffsetCommit (a committed offset is the next to read).
        """
        return self._order[0][0] if self._order else self._position

    def settled_above(self) -> Runs:
        """Runs of settled offsets above the frontier, for the commit's map. O(unsettled).

        Offsets between taken ones that the log does not hold count as settled: it makes runs longer and is true.
        """
        runs: list[tuple[int, int]] = []
        start = self.frontier
        for offset, _ in self._order:
            if offset in self._unsettled:
                if offset > start:
                    runs.append((start, offset))
                start = offset + 1
        if self._position > start:
            runs.append((start, self._position))
        for first, end in self._inherited:
            if end > self._position:
                clipped = max(first, self._position)
                if runs and runs[-1][1] == clipped:
                    runs[-1] = (runs[-1][0], end)
                else:
                    runs.append((clipped, end))
        return tuple(runs)
