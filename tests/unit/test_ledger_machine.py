"""The ledger against a model that is nothing but sets, over any log, any order of settling and any number of owners.

What must hold at every step: the frontier is the lowest unsettled offset and never falls; nothing below it is unsettled; the
map names exactly what is settled above it; and the next owner, given both, is handed exactly what is not settled.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.core.ledger import Ledger, Settling, Taken
from connector.core.records import Epoch


class LedgerMachine(RuleBasedStateMachine):
    """`log`: offset -> leader epoch of every record; `told`: the same as the ledger was told, None for old formats."""

    @initialize(start=st.sampled_from([0, 7, 2**31 - 5]), leader_epoch=st.sampled_from([None, 0, 3]))
    def begin(self, start: int, leader_epoch: int | None) -> None:
        self.start = self.end = self.position = self.frontier = start
        self.epoch = Epoch(1)
        self.leader_epoch = leader_epoch or 0
        self.newest = self.before_position = leader_epoch
        self.log: dict[int, int | None] = {}
        self.unsettled: dict[int, int | None] = {}
        self.settled: set[int] = set()
        self.inherited: set[int] = set()
        self.ledger = Ledger(self.epoch, start, leader_epoch=leader_epoch)

    # --- the log is written and read --------------------------------------------------------------------------

    @rule(gaps=st.lists(st.integers(0, 2), min_size=1, max_size=8), elected=st.booleans(), old=st.booleans())
    def produce(self, gaps: list[int], elected: bool, old: bool) -> None:
        """Records, with offsets missing between them; under a new leader or not; with a leader epoch or not."""
        self.leader_epoch += elected
        for gap in gaps:
            self.end += gap
            self.log[self.end] = None if old else self.leader_epoch
            self.end += 1

    @rule(records=st.integers(1, 8))
    def take(self, records: int) -> None:
        for offset in [offset for offset in self.log if offset >= self.position][:records]:
            known = offset in self.inherited
            told = self.log[offset]
            assert self.ledger.take(offset, told) is (Taken.SETTLED_BEFORE if known else Taken.NEW)
            assert known == (offset in self.settled)
            self.newest = self.newest if told is None else told
            if not known:
                self.unsettled[offset] = self.newest
            self.position, self.before_position = offset + 1, self.newest

    @precondition(lambda self: self.position > self.start)
    @rule(data=st.data())
    def take_what_was_taken(self, data: st.DataObject) -> None:
        offset = data.draw(st.integers(self.start, self.position - 1))
        assert self.ledger.take(offset, self.newest) is Taken.REWOUND

    @precondition(lambda self: self.newest)
    @rule(back=st.integers(1, 3), gap=st.integers(0, 5))
    def take_of_a_smaller_leader_epoch(self, back: int, gap: int) -> None:
        assert self.newest is not None
        assert self.ledger.take(self.position + gap, max(0, self.newest - back)) is Taken.REWOUND

    @rule(back=st.integers(0, 3))
    def reach_the_end(self, back: int) -> None:
        """Told in time, when everything is read; or late, when it says nothing new."""
        if all(offset < self.position for offset in self.log):
            self.end += 1  # a marker
            self.position, self.before_position = self.end, None
            self.ledger.advance(self.end)
        else:
            self.ledger.advance(max(0, self.position - back))

    # --- settling ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.unsettled)
    @rule(data=st.data(), most=st.integers(1, 6))
    def settle(self, data: st.DataObject, most: int) -> None:
        for offset in data.draw(
            st.lists(st.sampled_from(sorted(self.unsettled)), max_size=most, unique=True)
        ):
            assert self.ledger.settle(offset, Epoch(self.epoch - 1)) is Settling.STALE
            assert self.ledger.settle(offset, self.epoch) is Settling.SETTLED
            assert self.ledger.settle(offset, self.epoch) is Settling.STRAY
            del self.unsettled[offset]
            self.settled.add(offset)

    @rule()
    def settle_all(self) -> None:
        for offset in sorted(self.unsettled, reverse=True):
            assert self.ledger.settle(offset, self.epoch) is Settling.SETTLED
        self.settled |= self.unsettled.keys()
        self.unsettled = {}

    @rule(data=st.data())
    def settle_what_is_not_there(self, data: st.DataObject) -> None:
        """Settled already, missing from the log, below the start, or not read yet."""
        offset = data.draw(st.integers(max(0, self.start - 2), self.end + 2))
        if offset not in self.unsettled:
            assert self.ledger.settle(offset, self.epoch) is Settling.STRAY

    # --- another owner ----------------------------------------------------------------------------------------

    @rule()
    def hand_over(self) -> None:
        """The next owner begins with what a commit says: the frontier, the map, the leader epochs of both."""
        before = self.ledger
        self.epoch = Epoch(self.epoch + 1)
        self.ledger = Ledger(
            self.epoch,
            before.frontier,
            before.settled_above(),
            before.leader_epoch,
            inherited_leader_epoch=before.map_leader_epoch,
        )
        self.newest = self.before_position = before.leader_epoch
        self.start = self.position = before.frontier
        self.inherited = {offset for first, end in before.settled_above() for offset in range(first, end)}
        self.unsettled = {}

    # --- at every step ----------------------------------------------------------------------------------------

    @invariant()
    def the_frontier_is_the_lowest_hole(self) -> None:
        assert self.ledger.frontier == min(self.unsettled, default=self.position)
        assert self.ledger.frontier >= self.frontier, "the frontier fell"
        self.frontier = self.ledger.frontier
        assert {offset for offset in self.log if offset < self.frontier} <= self.settled
        assert (self.ledger.position, self.ledger.unsettled) == (self.position, len(self.unsettled))

    @invariant()
    def the_map_names_what_is_settled_and_nothing_else(self) -> None:
        runs = self.ledger.settled_above()
        ends = [end for run in runs for end in run]
        assert ends == sorted(set(ends)), "runs must ascend, hold something and not touch"
        read = set(range(self.ledger.frontier, self.position)) - set(self.unsettled)
        ahead = {offset for offset in self.inherited if offset >= self.position}
        assert {offset for first, end in runs for offset in range(first, end)} == read | ahead
        assert {
            offset for offset in self.log if self.frontier <= offset < self.position
        } & read <= self.settled

    @invariant()
    def the_leader_epoch_reaches_to_the_frontier(self) -> None:
        """It is that of the record at the frontier; else of the one before it, unless markers lie between."""
        first = min(self.unsettled, default=None)
        assert self.ledger.leader_epoch == (self.before_position if first is None else self.unsettled[first])


TestLedgerMachine: Any = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
