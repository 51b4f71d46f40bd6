"""The text beside a committed offset: what is read back is what was written, or less of it where there was no room."""

import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.ledger import Ledger, Runs
from connector.core.offset_map import (
    MAX_METADATA,
    Believed,
    LogIdentity,
    Written,
    entry,
    fit,
    read,
    write,
)
from connector.core.records import Epoch, TopicPartition
from tests.benchmark.map_sizes import OFFSETS, PATTERNS, forms

LOG = LogIdentity("lkorDA4qT6W1K_dk0LHvtg", "Lw0nPBDJTyqW3PWZdbVQ9A")
TP = TopicPartition("calls", 3)
EPOCH = Epoch(1)


@st.composite
def maps(draw: st.DrawFn) -> tuple[int, Runs]:
    """A committed offset and runs of settled ones above it, of all sizes that a log can have."""
    offset = draw(st.integers(0, 2**40))
    largest = draw(st.sampled_from((1, 3, 130, 20_000, 2**33)))
    steps = draw(st.lists(st.tuples(st.integers(1, largest), st.integers(1, largest)), max_size=300))
    made, position = [], offset
    for gap, length in steps * draw(st.sampled_from((1, 1, 20))):
        made.append((position + gap, position + gap + length))
        position += gap + length
    return offset, tuple(made)


def offsets(runs: Runs) -> set[int]:
    return {number for first, end in runs for number in range(first, end)}


def settled_count(runs: Runs) -> int:
    return sum(end - first for first, end in runs)


def scattered(runs: int) -> Runs:
    """Runs and gaps of 1 to 100 offsets, which no form makes much shorter."""
    chance = random.Random(1)
    made, position = [], 0
    for _ in range(runs):
        first = position + chance.randint(1, 100)
        position = first + chance.randint(1, 100)
        made.append((first, position))
    return tuple(made)


def ahead(start: int, taken: range, *settled: int) -> Ledger:
    ledger = Ledger(EPOCH, start)
    for offset in taken:
        ledger.take(offset)
    for offset in settled:
        ledger.settle(offset, EPOCH)
    return ledger


def believed_of(ledger: Ledger) -> Runs:
    """What the next owner believes of what this ledger commits."""
    made = entry(TP, ledger, LOG, released=False)
    found = read(made.metadata, LOG, made.offset, ledger.position)
    assert isinstance(found, Believed)
    return found.settled


@given(
    maps(), st.booleans(), st.none() | st.integers(0, 2**31 - 1), st.sampled_from((MAX_METADATA, 0, 60, 200))
)
def test_inv_7_what_is_read_back_is_what_was_written_or_a_prefix_of_it(
    drawn: tuple[int, Runs], released: bool, leader_epoch: int | None, limit: int
) -> None:
    """decode(cut(x)) is within x, what is missing was counted as shed, and the text is ASCII and within its limit."""
    offset, settled = drawn
    made = fit(LOG, offset, settled, released=released, limit=limit, leader_epoch=leader_epoch)
    assert made.text.isascii()
    assert "\0" not in made.text
    assert len(made.text) <= limit
    found = read(made.text, LOG, offset)
    if not made.text:
        assert (found, made.shed) == (None, settled_count(settled))
        return
    assert isinstance(found, Believed)
    assert (found.released, found.leader_epoch) == (released, leader_epoch)
    assert found.settled == settled[: len(found.settled)]
    assert made.shed == settled_count(settled) - settled_count(found.settled)
    assert (made.fill <= 1) or made.shed
    assert made.shed == 0 or limit < MAX_METADATA or made.fill > 1


def test_led_24_cut_at_every_length_a_map_only_names_less() -> None:
    """For every limit from nothing to all: as many runs from below as have room, and the rest was counted as shed."""
    settled = scattered(30)
    lengths = [len(write(LOG, 0, settled[:runs], released=True)) for runs in range(31)]
    for limit in range(lengths[-1] + 1):
        made = fit(LOG, 0, settled, released=True, limit=limit)
        kept = sum(length <= limit for length in lengths) - 1
        expected = Believed(True, settled[:kept]) if kept >= 0 else None
        assert read(made.text, LOG, 0) == expected
        assert made.shed == settled_count(settled[max(kept, 0) :])
        assert len(made.text) <= limit


def test_a_text_may_take_all_of_the_budget() -> None:
    """What is written at the very limit is read."""
    short = len(write(LogIdentity(), 0, ((1, 2),), released=True))
    log = LogIdentity("c" * (MAX_METADATA - short))
    text = write(log, 0, ((1, 2),), released=True)
    assert len(text) == MAX_METADATA
    assert read(text, log, 0) == Believed(True, ((1, 2),))


def test_led_24_a_text_that_was_cut_short_on_its_way_names_nothing() -> None:
    """Whatever prefix of a text comes back, none of it is believed."""
    text = write(LOG, 5, ((6, 9), (12, 80)), released=True, leader_epoch=4)
    assert [cut for cut in range(len(text)) if isinstance(read(text[:cut], LOG, 5), Believed)] == []


def test_led_24_with_no_room_at_all_the_text_is_empty_and_the_next_owner_has_nothing_to_believe() -> None:
    """A coordinator that takes no metadata gets none, so that claims and offsets still go through; all is counted as shed."""
    ledger = ahead(10, range(10, 211), *range(11, 211))
    made = entry(TP, ledger, LOG, released=False, limit=0)
    assert (made.offset, made.metadata, made.shed) == (10, "", 200)
    assert read(made.metadata, LOG, 10) is None


@pytest.mark.parametrize("limit", [100, 60])
def test_led_24_a_hundred_characters_hold_the_identity_and_sixty_do_not(limit: int) -> None:
    """The flag and the map go together: never a map without the identity by which it is believed."""
    made = fit(LOG, 10, scattered(200), released=True, limit=limit)
    found = read(made.text, LOG, 10)
    assert isinstance(found, Believed) is (limit == 100)


def test_led_24_halving_ends_with_no_text_and_sheds_more_at_every_step() -> None:
    """What the committer does after each refusal: twelve steps from the whole budget to none."""
    settled = scattered(1_200)
    steps: list[Written] = []
    limit = MAX_METADATA
    while limit:
        steps.append(fit(LOG, 0, settled, released=False, limit=limit))
        limit //= 2
    shed = [made.shed for made in steps]
    assert shed == sorted(shed)
    assert (steps[0].shed, steps[-1].shed) == (0, settled_count(settled))
    assert (len(steps), steps[-1].text) == (12, "")


def test_led_16_the_fill_is_of_the_full_budget_whatever_the_limit() -> None:
    """Three quarters of it are reached before anything is shed, and a lowered limit does not look like a long map."""
    fills = [fit(LOG, 0, scattered(runs), released=False).fill for runs in (0, 500, 1_000, 2_000, 4_000)]
    assert fills == sorted(fills)
    assert fills[0] < 0.03
    assert fills[-1] > 1
    for runs in (1_000, 2_000, 4_000):
        made = fit(LOG, 0, scattered(runs), released=False)
        assert (made.shed > 0) is (made.fill > 1)
        assert fit(LOG, 0, scattered(runs), released=False, limit=0).fill == made.fill


@pytest.mark.parametrize(("runs", "shed"), [(32_768, 0), (32_769, 1)])
def test_led_16_more_runs_than_a_reader_accepts_are_shed_however_short_the_text(runs: int, shed: int) -> None:
    """64 KiB of numbers are read at most, so no more are written; the fill tells of them too."""
    settled = tuple((number, number + 1) for number in range(1, 2 * runs, 2))
    made = fit(LOG, 0, settled, released=False)
    assert (made.shed, made.fill > 1) == (shed, shed > 0)
    assert len(made.text) < 250
    assert read(made.text, LOG, 0) == Believed(False, settled[: runs - shed])


def test_entries_that_say_the_same_to_the_coordinator_are_equal() -> None:
    """What is shed from the same text is no reason to commit it again."""
    few, many = ahead(0, range(5), 2), ahead(0, range(5), 2, 4)
    one, other = (entry(TP, ledger, LOG, released=False, limit=0) for ledger in (few, many))
    assert (one.shed, other.shed) == (1, 2)
    assert one.fill < other.fill
    assert one == other


@pytest.mark.parametrize(
    ("settled", "frontier", "above"),
    [
        ((5, 2, 0, 7, 1, 3, 4, 6), 8, set()),
        ((5, 2, 0, 7, 1, 3, 4), 6, {7}),
        ((5, 2, 0, 1, 3, 4, 7), 6, {7}),
        ((1, 0, 3, 2, 5, 4, 7, 6), 8, set()),
    ],
)
def test_led_03_the_map_names_what_is_settled_above_the_frontier(
    settled: tuple[int, ...], frontier: int, above: set[int]
) -> None:
    """In whatever order it settled: no more and no less, and another record on top joins it."""
    ledger = ahead(0, range(8), *settled)
    assert (ledger.frontier, offsets(believed_of(ledger))) == (frontier, above)
    ledger.take(8)
    ledger.settle(8, EPOCH)
    if above:
        assert offsets(believed_of(ledger)) == above | {8}


def test_led_04_alternating_holes_at_a_large_odd_start() -> None:
    """Fifty even offsets above 2^31-51 come back exactly: nothing wraps at 32 bits."""
    start = 2**31 - 51
    even = [offset for offset in range(start, start + 100) if offset % 2 == 0]
    assert offsets(believed_of(ahead(start, range(start, start + 100), *even))) == set(even)


@pytest.mark.parametrize("number", [127, 128, 129, 255, 256, 16_383, 16_384, 16_385, 2**21, 2**42])
def test_numbers_at_which_another_byte_begins_come_back(number: int) -> None:
    """As a gap and as a length, alone and before another."""
    settled = ((1 + number, 1 + 2 * number), (1 + 3 * number, 1 + 4 * number), (5 * number, 5 * number + 1))
    for runs in (settled, settled[:1]):
        assert read(write(LOG, 1, runs, released=False), LOG, 1) == Believed(False, runs)


@pytest.mark.parametrize("gap", range(1, 6))
def test_every_short_run_comes_back(gap: int) -> None:
    """However its text happens to end: only the padding of base64 is left out, and no letter with it."""
    for length in range(1, 200):
        settled = ((gap, gap + length),)
        assert read(write(LOG, 0, settled, released=False), LOG, 0) == Believed(False, settled)


def test_the_largest_offset_of_all_comes_back() -> None:
    """Offsets are signed 64-bit numbers."""
    settled = ((2**63 - 6, 2**63 - 1),)
    assert read(write(LOG, 0, settled, released=True), LOG, 0) == Believed(True, settled)


@pytest.mark.parametrize("leader_epoch", [None, 0, 7, 2**31 - 1])
def test_the_leader_epoch_comes_back(leader_epoch: int | None) -> None:
    """All that Kafka can give: 32 bits with a sign, or none."""
    text = write(LOG, 0, ((1, 2),), released=False, leader_epoch=leader_epoch)
    assert read(text, LOG, 0) == Believed(False, ((1, 2),), leader_epoch)


@pytest.mark.parametrize("released", [True, False])
def test_an_entry_says_all_that_a_commit_needs(released: bool) -> None:
    """Whose it is and when it must not be sent any more, the offset with its leader epoch, and the text for the next owner."""
    ledger = Ledger(EPOCH, 4, leader_epoch=2)
    for offset, leader_epoch in ((4, 2), (5, 3), (6, 3)):
        ledger.take(offset, leader_epoch)
    ledger.settle(6, EPOCH)
    made = entry(TP, ledger, LOG, released=released)
    assert (made.tp, made.epoch, made.offset, made.leader_epoch) == (TP, EPOCH, 4, 2)
    assert read(made.metadata, LOG, 4) == Believed(released, ((6, 7),), 3)


@pytest.mark.parametrize("limit", [-1, 4_001])
def test_a_limit_that_no_text_of_ours_can_have_is_a_defect(limit: int) -> None:
    """A longer text than the budget would be refused by every reader, as no text of ours is."""
    with pytest.raises(AssertionError):
        fit(LOG, 0, (), released=True, limit=limit)


def test_no_text_is_no_map() -> None:
    """A first start has nothing to believe or refuse."""
    assert read(None, LOG, 0) is None
    assert read("", LOG, 0) is None


def test_a_million_settled_above_one_stuck_record_take_six_bytes() -> None:
    """What is settled in one piece costs nothing, so a record may be stuck for days."""
    made = fit(LOG, 7, ((8, 1_000_008),), released=False)
    assert len(made.text) - len(write(LOG, 7, (), released=False)) <= 8
    assert made.shed == 0


def test_twenty_thousand_offsets_settled_at_random_fit_into_the_budget() -> None:
    """The densest pattern takes little more than a bit an offset, so what a partition buffers fits into a quarter."""
    chance = random.Random(1)
    holes = [0, *(offset for offset in range(1, 20_000) if chance.random() < 0.5), 20_000]
    settled = tuple((a + 1, b) for a, b in itertools.pairwise(holes) if a + 1 < b)
    assert fit(LOG, 0, settled, released=False).shed == 0


@pytest.mark.parametrize("name", PATTERNS)
def test_every_form_that_is_compared_brings_its_patterns_back(name: str) -> None:
    """A short form that loses something would win by cheating."""
    pattern = PATTERNS[name](OFFSETS // 10)
    for form in forms().values():
        assert form.decode(form.encode(pattern), pattern.size) == pattern.runs


def test_the_comparison_of_forms_runs() -> None:
    """It prints its tables; what they say is for people."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark.map_sizes", "--quick"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.count("| a key of 10, random |") == 2
