"""The ledger: what may be committed after any order of settling. Any sequence of calls is in `test_ledger_machine`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.ledger import Ledger, Settling, Taken
from connector.core.records import Epoch

EPOCH = Epoch(1)


def ledger(start: int, *offsets: int) -> Ledger:
    book = Ledger(EPOCH, start)
    for offset in offsets:
        assert book.take(offset) is Taken.NEW
    return book


def settle(book: Ledger, *offsets: int) -> None:
    for offset in offsets:
        assert book.settle(offset, EPOCH) is Settling.SETTLED


def test_led_01_in_order_run_commits_the_next_to_read() -> None:
    """0-9 settle in turn: each moves the frontier by one, which is the next to read, and the map is empty throughout."""
    book = ledger(0, *range(10))
    for offset in range(10):
        settle(book, offset)
        assert (book.frontier, book.settled_above()) == (offset + 1, ())


def test_led_02_head_in_flight_blocks_the_frontier() -> None:
    """While 0 is unsettled the frontier stays, and the map names exactly 1 and 2."""
    book = ledger(0, 0, 1, 2)
    settle(book, 1, 2)
    assert (book.frontier, book.settled_above()) == (0, ((1, 3),))
    settle(book, 0)
    assert (book.frontier, book.settled_above()) == (3, ())


@pytest.mark.parametrize(
    ("order", "frontier", "above"),
    [
        ((5, 2, 0, 7, 1, 3, 4, 6), 8, ()),
        ((5, 2, 0, 7, 1, 3, 4), 6, ((7, 8),)),
        ((5, 2, 0, 1, 3, 4, 7, 8), 6, ((7, 9),)),
        ((1, 0, 3, 2, 5, 4, 7, 6), 8, ()),
    ],
)
def test_led_03_chosen_permutations(
    order: tuple[int, ...], frontier: int, above: tuple[tuple[int, int], ...]
) -> None:
    """The frontier is the lowest hole whatever the order; the third has a ninth record."""
    book = ledger(0, *range(9 if 8 in order else 8))
    settle(book, *order)
    assert (book.frontier, book.settled_above()) == (frontier, above)


@given(st.data())
def test_led_03_frontier_is_the_lowest_hole(data: st.DataObject) -> None:
    """For any log with gaps and any prefix of any permutation: frontier = lowest unsettled; map and holes add up."""
    offsets = sorted(data.draw(st.sets(st.integers(0, 200), min_size=1, max_size=40)))
    order = data.draw(st.permutations(offsets))
    prefix = order[: data.draw(st.integers(0, len(order)))]
    book = ledger(offsets[0], *offsets)
    frontiers = [book.frontier]
    for offset in prefix:
        settle(book, offset)
        frontiers.append(book.frontier)
    holes = [offset for offset in offsets if offset not in prefix]
    assert book.frontier == (holes[0] if holes else offsets[-1] + 1)
    assert frontiers == sorted(frontiers)
    named = {number for first, end in book.settled_above() for number in range(first, end)}
    assert {offset for offset in offsets if offset > book.frontier} - named == set(holes) - {book.frontier}
    assert not named & set(holes)


def test_led_04_alternating_holes_at_a_large_odd_start() -> None:
    """Only even offsets of 100 settle from 2^31-51: nothing beyond the start is committed, fifty are named."""
    start = 2**31 - 51
    book = ledger(start, *range(start, start + 100))
    even = [offset for offset in range(start, start + 100) if offset % 2 == 0]
    settle(book, *even)
    assert book.frontier == start
    assert book.settled_above() == tuple((offset, offset + 1) for offset in even)


def test_led_06_duplicate_early_and_unknown_acknowledgements_change_nothing() -> None:
    """Settling twice, below the start, or what was never taken is a stray, each told so that it can be counted."""
    book = ledger(99, 99, 100, 101)
    settle(book, 101)
    for stray in (101, 98, 200):
        assert book.settle(stray, EPOCH) is Settling.STRAY
        assert (book.frontier, book.settled_above(), book.unsettled) == (99, ((101, 102),), 2)


def test_led_07_holes_in_the_log_do_not_block() -> None:
    """Offsets that the log does not hold are jumped over in one step."""
    book = ledger(99, 99, 110, 121)
    settle(book, 110)
    assert book.frontier == 99
    settle(book, 121)
    assert (book.frontier, book.settled_above()) == (99, ((100, 122),))
    settle(book, 99)
    assert book.frontier == 122


def test_led_08_the_position_moves_past_trailing_markers() -> None:
    """An end of partition beyond the last record moves the frontier, but not over an unsettled record."""
    book = ledger(0, 0)
    book.advance(5)
    assert book.frontier == 0
    settle(book, 0)
    assert book.frontier == 5


def test_led_09_inherited_offsets_are_not_new_and_stay_in_the_map() -> None:
    """What a believed map names is settled before; until it is passed it stays named."""
    book = Ledger(EPOCH, 3, ((4, 5), (6, 8)))
    assert (book.frontier, book.settled_above()) == (3, ((4, 5), (6, 8)))
    assert [book.take(offset) for offset in (3, 4, 5, 6)] == [
        Taken.NEW,
        Taken.SETTLED_BEFORE,
        Taken.NEW,
        Taken.SETTLED_BEFORE,
    ]
    assert book.settled_above() == ((4, 5), (6, 8))
    settle(book, 3)
    assert book.frontier == 5
    settle(book, 5)
    assert book.frontier == 7
    assert book.take(7) is Taken.SETTLED_BEFORE
    assert (book.frontier, book.settled_above()) == (8, ())


def test_led_09_an_inherited_run_may_begin_at_the_committed_offset() -> None:
    """As it does when the former owner had settled all that it had read, and inherited more."""
    book = Ledger(EPOCH, 7, ((7, 9), (11, 12)))
    assert [book.take(offset) for offset in (7, 8, 9)] == [
        Taken.SETTLED_BEFORE,
        Taken.SETTLED_BEFORE,
        Taken.NEW,
    ]
    assert (book.frontier, book.settled_above()) == (9, ((11, 12),))


def test_a_settle_of_another_epoch_is_stale() -> None:
    """Work begun under a former assignment moves nothing."""
    book = ledger(0, 0)
    assert book.settle(0, Epoch(7)) is Settling.STALE
    assert book.frontier == 0


def test_an_offset_at_or_below_one_already_taken_is_a_rewind() -> None:
    """A log that was cut shows the same numbers again: the ledger refuses to mix them."""
    book = ledger(10, 10, 11)
    assert book.take(11) is Taken.REWOUND
    assert book.take(4) is Taken.REWOUND


def test_a_smaller_leader_epoch_is_a_rewind() -> None:
    """Every leader writes with a larger epoch than the one before: a smaller one is of another log under the same name."""
    book = Ledger(EPOCH, 10)
    assert book.take(10, 4) is Taken.NEW
    assert book.take(11, 3) is Taken.REWOUND
    assert (book.position, book.unsettled, book.leader_epoch) == (11, 1, 4)
    assert book.take(11, 4) is Taken.NEW


def test_a_leader_epoch_below_the_committed_one_is_a_rewind() -> None:
    """A topic that was deleted and created again begins at 0, while nobody of the group was there to see it."""
    assert Ledger(EPOCH, 10, leader_epoch=4).take(10, 0) is Taken.REWOUND


def test_a_larger_leader_epoch_is_an_election_and_no_rewind() -> None:
    """Leaders change without a record being lost; what a cut log looks like from here, the ledger cannot tell."""
    book = Ledger(EPOCH, 10, leader_epoch=4)
    assert [book.take(10, 4), book.take(11, 9)] == [Taken.NEW, Taken.NEW]


def test_the_leader_epoch_is_of_the_record_at_the_frontier() -> None:
    """A commit carries the leader epoch that belongs to its offset; when all is settled, that of the record before it."""
    book = Ledger(EPOCH, 0)
    assert book.leader_epoch is None
    for offset, leader_epoch in ((0, 3), (1, 3), (2, 4)):
        book.take(offset, leader_epoch)
    assert book.leader_epoch == 3
    settle(book, 0, 1)
    assert (book.frontier, book.leader_epoch) == (2, 4)
    settle(book, 2)
    assert (book.frontier, book.leader_epoch) == (3, 4)


def test_offsets_missing_between_two_leaders_do_not_make_the_log_look_cut() -> None:
    """99 is of leader epoch 3, which ended at 105; the frontier goes to 110 and needs the epoch that holds 110."""
    book = Ledger(EPOCH, 99)
    book.take(99, 3)
    book.take(110, 4)
    settle(book, 99)
    assert (book.frontier, book.leader_epoch) == (110, 4)


def test_led_08_markers_of_another_leader_do_not_make_the_log_look_cut() -> None:
    """Nobody tells who wrote the markers at the end: no leader epoch is committed beside them, until a record follows."""
    book = Ledger(EPOCH, 0)
    book.take(0, 3)
    book.advance(1)
    assert book.leader_epoch == 3
    book.advance(2)
    assert book.leader_epoch == 3
    settle(book, 0)
    assert (book.frontier, book.leader_epoch) == (2, None)
    assert book.take(2, 2) is Taken.REWOUND
    book.take(2, 4)
    assert (book.frontier, book.leader_epoch) == (2, 4)


def test_led_09_an_election_among_inherited_offsets_does_not_make_the_log_look_cut() -> None:
    """The new owner sends only 3; the frontier passes 4 and 5, which another leader wrote, and commits that one's epoch."""
    book = Ledger(EPOCH, 3, ((4, 6),), leader_epoch=3, inherited_leader_epoch=4)
    for offset, leader_epoch in ((3, 3), (4, 4), (5, 4)):
        book.take(offset, leader_epoch)
    settle(book, 3)
    assert (book.frontier, book.leader_epoch) == (6, 4)


def test_the_claim_repeats_the_leader_epoch_that_was_committed() -> None:
    """Without it the next owner would not notice a log that was cut."""
    assert Ledger(EPOCH, 5, leader_epoch=7).leader_epoch == 7


def test_what_settles_above_a_held_record_takes_no_memory() -> None:
    """A hundred thousand records settle while one is held for a day: one is kept, and the map has one run."""
    book = ledger(0, 0)
    for offset in range(1, 100_000):
        book.take(offset)
        settle(book, offset)
    assert (len(book._unsettled), book.settled_above()) == (1, ((1, 100_000),))


def test_a_record_without_a_leader_epoch_does_not_erase_the_one_that_is_known() -> None:
    """Old messages carry none; the newest that is known still tells of a log that was cut."""
    book = Ledger(EPOCH, 0, leader_epoch=3)
    book.take(0, None)
    settle(book, 0)
    assert book.leader_epoch == 3


def test_the_position_never_goes_back() -> None:
    """An end of partition that is heard late lies below what was read."""
    book = ledger(0, 0, 1)
    settle(book, 0, 1)
    book.advance(1)
    assert (book.position, book.frontier) == (2, 2)


def test_an_inherited_run_that_ends_where_the_ledger_begins_lends_it_no_leader_epoch() -> None:
    """It names nothing above the frontier, so the map to write is not of its epoch."""
    book = Ledger(EPOCH, 5, ((3, 5),), leader_epoch=2, inherited_leader_epoch=9)
    assert (book.settled_above(), book.map_leader_epoch) == ((), 2)
