"""Dispatch: order per key, the limit in flight, back-offs, sleeping lanes, closing, withdrawing a key.

Fairness is in `test_dispatch_fairness`, any sequence of calls in `test_dispatch_machine`.
"""

import random

import pytest

from connector.core.dispatch import Dispatch, Slot
from connector.core.records import Channel, TopicPartition

TP = TopicPartition("calls", 0)
OTHER = TopicPartition("calls", 1)
CHANNEL = Channel("cha_1", "cha_1", "acme", "main")
SECOND = Channel("cha_2", "cha_2", "acme", "main")


def free(_: Channel, __: float) -> None:
    return None


def dispatch(limit: int = 10) -> Dispatch[str]:
    made: Dispatch[str] = Dispatch(limit)
    made.assign(TP)
    made.open(TP)
    return made


def start(made: Dispatch[str], now: float = 0.0) -> list[Slot[str]]:
    slots = []
    while (slot := made.next(now, free)) is not None:
        slots.append(slot)
    return slots


def test_ord_01_keys_run_in_parallel_and_a_key_in_series() -> None:
    """A1 A2 B1 A3 B2 C1 with A1 unanswered: B1, B2 after it and C1 start; A2 and A3 only when those before them are done."""
    made = dispatch()
    for work in ("A1", "A2", "B1", "A3", "B2", "C1"):
        made.add(TP, (work[0],), CHANNEL, work)
    first, second, third = start(made)
    assert (first.head, second.head, third.head) == ("A1", "B1", "C1")
    assert made.next(0.0, free) is None
    for slot in (second, third):
        made.done(slot)
    (last,) = start(made)
    assert last.head == "B2"
    made.done(last)
    for expected in ("A2", "A3"):
        made.done(first)
        (first,) = start(made)
        assert first.head == expected


def test_ord_02_a_hundred_records_of_one_key_start_one_after_the_other() -> None:
    """Whatever becomes of each attempt, one is under way at most, and the next record starts when the one before is done."""
    made = dispatch(10)
    for number in range(100):
        made.add(TP, ("A",), CHANNEL, str(number))
    fates, now, done = random.Random(7), 0.0, []
    while made.queued or made.in_flight:
        (slot,) = start(made, now)
        match fates.choice(["done", "done", "again", "later", "letter"]):
            case "again":
                made.again(slot, CHANNEL, None)
            case "later":
                made.again(slot, CHANNEL, now + 1.0)
                assert start(made, now) == []
                now += 1.0
            case fate:
                done.append(int(slot.head))
                if fate == "letter":
                    made.settling(slot)
                    assert start(made, now) == []
                made.done(slot)
    assert done == list(range(100))


def test_ord_03_the_limit_in_flight_is_exact() -> None:
    """500 keys and a limit of 10: ten start and never an eleventh; each that ends lets one start."""
    made = dispatch(10)
    for number in range(500):
        made.add(TP, (str(number),), CHANNEL, str(number))
    running = start(made)
    for left in range(490, 0, -1):
        assert (len(running), made.in_flight, made.queued) == (10, 10, left)
        made.done(running.pop(0))
        running += start(made)
    assert (len(running), made.queued) == (10, 0)


def test_ret_12_a_record_in_back_off_holds_its_key_but_no_slot() -> None:
    """Two keys in back-off with a limit of two leave room for a third; both come back at their time."""
    made = dispatch(2)
    for key in ("A", "B"):
        made.add(TP, (key,), CHANNEL, key)
    made.add(TP, ("A",), CHANNEL, "A2")
    for slot in start(made):
        made.again(slot, CHANNEL, at=30.0)
    made.add(TP, ("C",), CHANNEL, "C")
    assert [slot.head for slot in start(made)] == ["C"]
    assert made.wake_at == 30.0
    (back,) = [slot.head for slot in start(made, now=30.0)]
    assert back == "A"


def test_a_lane_that_may_not_send_sleeps_as_a_whole_and_others_go_on() -> None:
    """Thousands of keys of a paced channel cost one question, not one each."""
    made = dispatch(100)
    asked: list[Channel] = []

    def gate(channel: Channel, now: float) -> float | None:
        asked.append(channel)
        return now + 5.0 if channel == CHANNEL else None

    for number in range(1000):
        made.add(TP, ("a", str(number)), CHANNEL, "paced")
    made.add(TP, ("b",), SECOND, "free")
    slot = made.next(0.0, gate)
    assert slot is not None
    assert slot.head == "free"
    assert made.next(0.0, gate) is None
    assert asked.count(CHANNEL) == 1
    assert made.wake_at == 5.0


def test_waking_lanes_asks_them_before_their_time() -> None:
    """A hold that ends early must not be waited for."""
    made = dispatch()
    made.add(TP, ("A",), CHANNEL, "A")
    assert made.next(0.0, lambda _, now: now + 60.0) is None
    made.wake_lanes()
    assert [slot.head for slot in start(made)] == ["A"]


def test_nothing_of_a_partition_starts_before_it_is_open() -> None:
    """Records queue behind the claim."""
    made: Dispatch[str] = Dispatch(10)
    made.assign(TP)
    made.add(TP, ("A",), CHANNEL, "A")
    assert start(made) == []
    made.open(TP)
    assert [slot.head for slot in start(made)] == ["A"]


def test_settling_frees_the_slot_and_keeps_the_key() -> None:
    """While a dead letter travels, its key's next record waits and another key may use the slot."""
    made = dispatch(1)
    made.add(TP, ("A",), CHANNEL, "A1")
    made.add(TP, ("A",), CHANNEL, "A2")
    made.add(TP, ("B",), CHANNEL, "B1")
    (slot,) = start(made)
    made.settling(slot)
    (other,) = start(made)
    assert other.head == "B1"
    made.done(other)
    assert start(made) == []
    made.done(slot)
    assert [slot.head for slot in start(made)] == ["A2"]


def test_rev_closing_a_partition_drops_its_queue_and_only_its_queue() -> None:
    """What is in flight still counts against the limit until it ends; late calls change nothing."""
    made = dispatch(2)
    made.assign(OTHER)
    made.open(OTHER)
    made.add(TP, ("A",), CHANNEL, "A1")
    made.add(TP, ("A",), CHANNEL, "A2")
    made.add(OTHER, ("A",), CHANNEL, "other 1")
    made.add(OTHER, ("A",), CHANNEL, "other 2")
    mine, other = start(made)
    made.close(TP)
    assert (made.in_flight, made.queued) == (2, 1)
    made.again(mine, CHANNEL, at=None)
    made.done(other)
    assert [slot.head for slot in start(made)] == ["other 2"]
    made.assign(TP)
    made.open(TP)
    made.done(mine)
    assert made.in_flight == 1


def test_rev_closing_forgets_what_was_queued_and_only_that() -> None:
    """A key whose letter travels, one in flight, one in back-off, one waiting: two had not started."""
    made = dispatch(3)
    for key in ("letter", "flight", "later"):
        made.add(TP, (key,), CHANNEL, key)
    letter, _, later = start(made)
    made.add(TP, ("waits",), CHANNEL, "waits")
    made.settling(letter)
    made.again(later, CHANNEL, at=9.0)
    assert (made.in_flight, made.queued) == (1, 2)
    made.close(TP)
    assert (made.in_flight, made.queued) == (1, 0)


def test_rev_a_back_off_that_ends_after_its_partition_has_gone_starts_nothing() -> None:
    """Not even when the partition is back: its record is read again."""
    made = dispatch()
    made.add(TP, ("A",), CHANNEL, "A1")
    (slot,) = start(made)
    made.again(slot, CHANNEL, at=5.0)
    made.close(TP)
    made.assign(TP)
    made.open(TP)
    assert start(made, now=10.0) == []


def test_a_records_next_request_waits_for_the_channel_that_it_goes_to() -> None:
    """Its first went to a free channel, its second goes to one that is held."""
    made = dispatch()
    made.add(TP, ("A",), CHANNEL, "A1")
    (slot,) = start(made)
    made.again(slot, SECOND, at=None)
    assert made.next(0.0, lambda channel, now: now + 1.0 if channel == SECOND else None) is None
    assert made.wake_at == 1.0


@pytest.mark.parametrize("waits", ["ready", "in back-off"])
def test_the_records_of_a_waiting_key_can_be_withdrawn_one_by_one_and_go_nowhere_else(waits: str) -> None:
    """As parking a key will do: in order, behind them what comes meanwhile, without a slot, and the other keys go on."""
    made = dispatch(1)
    for work in ("A1", "A2", "B1", "B2"):
        made.add(TP, (work[0],), CHANNEL, work)
    (slot,) = start(made)
    made.again(slot, CHANNEL, 5.0 if waits == "in back-off" else None)
    parked = []
    for turn in range(3):
        made.settling(slot)
        parked.append(slot.head)
        if not turn:
            made.add(TP, ("A",), CHANNEL, "A3")
        for other in start(made, now=9.0):
            assert other.key == ("B",)
            made.done(other)
        made.done(slot)
    assert parked == ["A1", "A2", "A3"]
    assert start(made, now=9.0) == []
    assert (made.in_flight, made.queued) == (0, 0)


def test_a_back_off_that_was_withdrawn_does_not_cut_the_next_one_short() -> None:
    """A1 is withdrawn before its time; A2 fails too, and waits for its own time, not for A1's."""
    made = dispatch()
    for work in ("A1", "A2"):
        made.add(TP, ("A",), CHANNEL, work)
    (slot,) = start(made)
    made.again(slot, CHANNEL, 5.0)
    made.settling(slot)
    made.done(slot)
    (slot,) = start(made)
    made.again(slot, CHANNEL, 8.0)
    assert start(made, now=5.0) == []
    assert [each.head for each in start(made, now=8.0)] == ["A2"]


def test_a_key_that_has_not_begun_cannot_end() -> None:
    """Such a call is a defect of the caller, and says so before it can lose a record."""
    made: Dispatch[str] = Dispatch(10)
    made.assign(TP)
    made.add(TP, ("A",), CHANNEL, "A1")
    slot = made._partitions[TP].slots[("A",)]
    with pytest.raises(AssertionError, match="unopened"):
        made.settling(slot)
    made.open(TP)
    with pytest.raises(AssertionError, match="ready"):
        made.done(slot)
    with pytest.raises(AssertionError, match="open already"):
        made.open(TP)


def test_a_gate_that_names_no_later_time_is_a_defect() -> None:
    """It would be asked for ever without the clock moving."""
    made = dispatch()
    made.add(TP, ("A",), CHANNEL, "A1")
    with pytest.raises(AssertionError):
        made.next(3.0, lambda _, now: now)


def test_what_is_said_again_of_a_settled_head_changes_nothing() -> None:
    """The key is gone with its last record; a second answer neither brings it back nor frees a slot twice."""
    made = dispatch()
    made.add(TP, ("A",), CHANNEL, "A1")
    (slot,) = start(made)
    made.done(slot)
    made.done(slot)
    made.again(slot, CHANNEL, None)
    assert start(made) == []
    assert (made.in_flight, made.queued) == (0, 0)


def test_every_key_in_memory_can_be_looked_at() -> None:
    """Those that are under way and those that wait, of every partition, in no way changed by it."""
    made = dispatch(1)
    made.assign(OTHER)
    for tp, work in ((TP, "A1"), (TP, "A2"), (TP, "B1"), (OTHER, "C1")):
        made.add(tp, (work[0],), CHANNEL, work)
    start(made)
    looked = [(slot.tp, slot.head, in_flight) for slot, in_flight in made.slots()]
    assert looked == [(TP, "A1", True), (TP, "B1", False), (OTHER, "C1", False)]
    assert (made.in_flight, made.queued) == (1, 3)
