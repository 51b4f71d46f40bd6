"""Dispatch measured: what a record costs it while 10^3 to 10^6 keys are queued, and how much memory they take.

    python -m tests.benchmark.dispatch [most keys]

Half a minute. Every record has a key of its own; they are spread over topics, partitions and channels. *filled and drained*:
`add`, `next` and `done` of every key, from empty to empty. *among queued*: the same three of one more record while all
the others wait. Best of the rounds, in microseconds; the last line compares the largest number of keys with the smallest.
"""

import gc
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from connector.core.dispatch import Dispatch, Slot
from connector.core.records import Channel, OrderKey, TopicPartition
from tests.benchmark.expressions import resident_mib

ROUNDS = 3
IN_FLIGHT = 64
AMONG = 20_000
PARTITIONS = [TopicPartition(topic, number) for topic in ("calls", "messages") for number in range(8)]
CHANNELS = [Channel(f"cha_{number}", f"cha_{number}", "acme", "main") for number in range(15)]

Entry = tuple[TopicPartition, OrderKey, Channel, int]


def entries(first: int, count: int) -> list[Entry]:
    """Records, each with a key of its own."""
    places: Iterator[tuple[TopicPartition, Channel]] = zip(cycle(PARTITIONS), cycle(CHANNELS))
    return [
        (tp, ("conversation", channel.id, f"room-{number}"), channel, number)
        for number, (tp, channel) in enumerate(islice(places, count), first)
    ]


def free(_channel: Channel, _now: float) -> None:
    """A gate that is open."""


def filled(waiting: Sequence[Entry]) -> Dispatch[int]:
    """A dispatch in which these wait."""
    dispatch: Dispatch[int] = Dispatch(IN_FLIGHT)
    for tp in PARTITIONS:
        dispatch.assign(tp)
        dispatch.open(tp)
    for entry in waiting:
        dispatch.add(*entry)
    return dispatch


def drain(dispatch: Dispatch[int]) -> None:
    """Start and end everything, as many at once as may be."""
    while True:
        started: list[Slot[int]] = []
        while (slot := dispatch.next(0.0, free)) is not None:
            started.append(slot)
        if not started:
            return
        for slot in started:
            dispatch.done(slot)


def whole(keys: int) -> float:
    """Microseconds a record, from empty to empty."""
    waiting = entries(0, keys)
    began = time.process_time()
    drain(filled(waiting))
    return (time.process_time() - began) / keys * 1e6


def among(keys: int) -> float:
    """Microseconds of one more record while `keys` wait."""
    dispatch = filled(entries(0, keys))
    more = entries(keys, AMONG)
    began = time.process_time()
    for entry in more:
        dispatch.add(*entry)
        slot = dispatch.next(0.0, free)
        assert slot is not None
        dispatch.done(slot)
    return (time.process_time() - began) / AMONG * 1e6


def memory(keys: int) -> float:
    """Bytes of resident memory a queued key."""
    waiting = entries(0, keys)
    before = resident_mib()
    dispatch = filled(waiting)
    assert dispatch.queued == keys
    return (resident_mib() - before) * 2**20 / keys


def main() -> None:
    """One line a size, and the ratio."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    gc.freeze()
    gc.set_threshold(10_000)  # as the service does
    print(f"{'queued keys':>12}{'filled and drained':>22}{'among queued':>16}{'bytes a key':>14}")
    figures: list[tuple[float, float]] = []
    keys = 1000
    while keys <= most:
        # The first of a process: later ones use again what was freed.
        size = f"{memory(keys):14.0f}" if keys == most else ""
        figures.append((min(whole(keys) for _ in range(ROUNDS)), min(among(keys) for _ in range(ROUNDS))))
        print(f"{keys:12}{figures[-1][0]:19.2f} us{figures[-1][1]:13.2f} us{size}", flush=True)
        keys *= 10
    ratios = [last / first for first, last in zip(figures[0], figures[-1], strict=True)]
    print(f"largest to smallest{ratios[0]:15.2f}{ratios[1]:16.2f}")


if __name__ == "__main__":
    main()
