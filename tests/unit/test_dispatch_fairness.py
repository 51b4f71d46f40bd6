"""Dispatch is fair between channels, then topics, then partitions, then keys: nothing is passed over twice by a neighbour."""

from collections import Counter

from connector.core.dispatch import Dispatch
from connector.core.records import Channel, TopicPartition

CALLS, CALLS_TOO, MESSAGES = (
    TopicPartition("calls", 0),
    TopicPartition("calls", 1),
    TopicPartition("messages", 0),
)
CHANNEL = Channel("cha_1", "cha_1", "acme", "main")
SECOND = Channel("cha_2", "cha_2", "acme", "main")


def free(_: Channel, __: float) -> None:
    return None


def dispatch(limit: int) -> Dispatch[str]:
    made: Dispatch[str] = Dispatch(limit)
    for tp in (CALLS, CALLS_TOO, MESSAGES):
        made.assign(tp)
        made.open(tp)
    return made


def heads(made: Dispatch[str], count: int) -> list[str]:
    """The heads that start next, each done at once."""
    found = []
    for _ in range(count):
        slot = made.next(0.0, free)
        if slot is None:
            break
        found.append(slot.head)
        made.done(slot)
    return found


def test_ord_11_a_hot_key_does_not_starve_cold_ones() -> None:
    """Ten thousand records of one key before a hundred cold keys: all cold ones are done before 2 % of the hot ones."""
    made = dispatch(4)
    for _ in range(10_000):
        made.add(CALLS, ("hot",), CHANNEL, "hot")
    for number in range(100):
        made.add(CALLS, (f"cold {number}",), CHANNEL, "cold")
    done: Counter[str] = Counter()
    while done["cold"] < 100:
        done.update(heads(made, 1))
    assert done["hot"] < 200


def test_ord_11_a_busy_partition_does_not_starve_a_quiet_one() -> None:
    """Ten thousand ready keys of a partition; a key of another partition of the topic starts after one of them."""
    made = dispatch(4)
    for number in range(10_000):
        made.add(CALLS, (str(number),), CHANNEL, "busy")
    made.add(CALLS_TOO, ("a",), CHANNEL, "quiet")
    assert heads(made, 3) == ["busy", "quiet", "busy"]


def test_ord_11_a_topic_with_many_partitions_does_not_starve_one_with_few() -> None:
    """Two busy partitions of a topic have one turn in two between them; the other topic has the other."""
    made = dispatch(4)
    for number in range(100):
        made.add(CALLS, (str(number),), CHANNEL, "calls 0")
        made.add(CALLS_TOO, (str(number),), CHANNEL, "calls 1")
        made.add(MESSAGES, (str(number),), CHANNEL, "messages")
    assert Counter(heads(made, 100)) == {"messages": 50, "calls 0": 25, "calls 1": 25}


def test_ord_11_a_busy_channel_does_not_starve_a_quiet_one() -> None:
    """However many partitions and keys a channel has, another channel has every other turn."""
    made = dispatch(4)
    for number in range(100):
        made.add(CALLS, ("a", str(number)), CHANNEL, "busy")
        made.add(MESSAGES, ("a", str(number)), CHANNEL, "busy")
        made.add(CALLS, ("b", str(number)), SECOND, "quiet")
    assert Counter(heads(made, 100)) == {"busy": 50, "quiet": 50}


def test_channels_that_come_new_go_behind_those_that_wait() -> None:
    """Or else a stream of records for ever new channels would starve one that is there already."""
    made = dispatch(1)
    for number in range(3):
        channel = Channel(f"cha_{number}", f"cha_{number}", "acme", "main")
        made.add(CALLS, (str(number),), channel, channel.id)
    assert heads(made, 9) == ["cha_0", "cha_1", "cha_2"]


def test_a_key_that_comes_back_goes_behind_those_that_wait() -> None:
    """Keys of a partition take turns: a second record of the first key starts after the first of every other."""
    made = dispatch(1)
    for work in ("A1", "A2", "B1", "B2", "C1"):
        made.add(CALLS, (work[0],), CHANNEL, work)
    assert heads(made, 9) == ["A1", "B1", "C1", "A2", "B2"]


def test_a_partition_that_closes_leaves_the_turns_of_the_others_alone() -> None:
    """What it had waiting is skipped at once, however much it was."""
    made = dispatch(1)
    for number in range(1000):
        made.add(CALLS, (str(number),), CHANNEL, "closed")
    for tp in (CALLS_TOO, MESSAGES):
        made.add(tp, ("a",), CHANNEL, str(tp.topic))
    made.close(CALLS)
    assert heads(made, 9) == ["calls", "messages"]
    assert made.queued == 0
