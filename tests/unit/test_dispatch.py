"""Dispatch: order per key, fairness, the limit in flight, sleeping lanes, closing."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

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
    """A1 A2 B1: A1 and B1 start; A2 only once A1 is done."""
    made = dispatch()
    for key, work in (("A", "A1"), ("A", "A2"), ("B", "B1")):
        made.add(TP, (key,), CHANNEL, work)
    first, second = start(made)
    assert (first.head, second.head) == ("A1", "B1")
    assert made.next(0.0, free) is None
    made.done(first)
    assert [slot.head for slot in start(made)] == ["A2"]


def test_ord_03_the_limit_in_flight_is_exact() -> None:
    """With 500 keys and a limit of 10, ten start, and one more for each that ends."""
    made = dispatch(10)
    for number in range(500):
        made.add(TP, (str(number),), CHANNEL, str(number))
    slots = start(made)
    assert (len(slots), made.in_flight, made.queued) == (10, 10, 490)
    made.done(slots[0])
    assert len(start(made)) == 1


def test_ord_11_a_hot_key_does_not_starve_cold_ones() -> None:
    """Ten thousand records of one key before a hundred cold keys: all cold ones are done before 2 % of the hot ones."""
    made = dispatch(4)
    for number in range(10_000):
        made.add(TP, ("hot",), CHANNEL, f"hot {number}")
    for number in range(100):
        made.add(TP, (f"cold {number}",), CHANNEL, f"cold {number}")
    done: list[str] = []
    while sum(work.startswith("cold") for work in done) < 100:
        for slot in start(made):
            done.append(slot.head)
            made.done(slot)
    assert sum(work.startswith("hot") for work in done) < 200


def test_lanes_take_turns() -> None:
    """A channel with many keys leaves every other turn to a channel with few."""
    made = dispatch(100)
    for number in range(10):
        made.add(TP, ("a", str(number)), CHANNEL, "busy")
    made.add(TP, ("b",), SECOND, "quiet")
    assert [slot.head for slot in start(made)][:2] == ["busy", "quiet"]


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


@given(st.data())
def test_any_schedule_keeps_order_per_key_and_ends_with_nothing_left(data: st.DataObject) -> None:
    """Random keys, channels, answers and times: per key the heads come in order, one at a time, and all come."""
    limit = data.draw(st.integers(1, 5))
    made = dispatch(limit)
    records = data.draw(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40))
    expected: dict[int, list[int]] = defaultdict(list)
    for number, (key, second) in enumerate(records):
        expected[key].append(number)
        made.add(TP, (str(key),), SECOND if second else CHANNEL, str(number))
    seen: dict[int, list[int]] = defaultdict(list)
    now, running = 0.0, []
    while True:
        running += start(made, now)
        assert len(running) <= limit
        assert len({slot.key for slot in running}) == len(running)
        if not running:
            if made.wake_at is None:
                break
            now = made.wake_at
            continue
        slot = running.pop(data.draw(st.integers(0, len(running) - 1)))
        match data.draw(st.sampled_from(["done", "again", "later", "letter"])):
            case "again":
                made.again(slot, CHANNEL, None)
            case "later":
                made.again(slot, CHANNEL, now + 1.0)
            case kind:
                seen[int(slot.key[0])].append(int(slot.head))
                if kind == "letter":
                    made.settling(slot)
                made.done(slot)
    assert seen == expected
    assert (made.in_flight, made.queued) == (0, 0)
