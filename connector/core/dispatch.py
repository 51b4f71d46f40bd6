"""Which record may start next: in order per key, fair between channels, topics, partitions and keys, within a limit in flight.

A key's records form a queue; only its head may start, and the next becomes head when the head is done. Keys that are
ready stand in the lane of their head's channel. Lanes take turns, as that is where the limits lie; in a lane topics do, in a
topic partitions, in a partition keys (`turns`). A lane that may not send yet (pace, hold, Retry-After) sleeps as a whole
until a given time, so that a thousand waiting keys cost one heap entry. A record in back-off holds its key but no slot.
All calls but `open`, `close`, `slots`, `find`, `withdraw` and `wake_lanes` are O(log n) or better, n being lanes asleep or
keys in back-off.
Never here: deciding whether a lane may send (`pacing`, `holds`), what an answer means (`outcome`), the clock.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Generic, TypeVar

from connector.core.records import Channel, OrderKey, TopicPartition
from connector.core.turns import Turns

W = TypeVar("W")

Gate = Callable[[Channel, float], float | None]
"""(channel, now) -> None: it may send; else the time at which to ask again (later than now)."""


class _State(Enum):
    UNOPENED = "unopened"  # its partition has not been opened yet
    READY = "ready"  # in its lane
    IN_FLIGHT = "in flight"  # its head holds a slot
    BACK_OFF = "back-off"  # its head waits for a time
    SETTLING = "settling"  # its head waits for another topic's acknowledgement, without a slot
    CLOSED = "closed"  # its partition is gone


@dataclass(slots=True, eq=False)
class Slot(Generic[W]):
    """One key of one partition: its records in order and what its head is doing. Made and changed by `Dispatch` only."""

    tp: TopicPartition
    key: OrderKey
    channel: Channel
    """Where the head's next request goes."""
    head: W
    """The record whose turn it is."""
    followers: deque[tuple[Channel, W]] | None = None
    """None until a second record comes: an empty deque takes more memory than all the rest of a key."""
    state: _State = _State.UNOPENED
    retry_at: float | None = None


@dataclass(slots=True)
class _Partition(Generic[W]):
    open: bool = False
    slots: dict[OrderKey, Slot[W]] = field(default_factory=dict)


class Dispatch(Generic[W]):
    """Queues of all partitions of this process. Not thread-safe: the event loop's."""

    def __init__(self, in_flight_limit: int) -> None:
        self._limit = in_flight_limit
        self._in_flight = 0
        self._queued = 0
        self._partitions: dict[TopicPartition, _Partition[W]] = {}
        self._lanes: dict[Channel, Turns[Slot[W]]] = {}
        self._turns: deque[Channel] = deque()  # lanes that may be asked, in turn
        self._asleep: list[tuple[float, int, Channel]] = []
        self._back_off: list[tuple[float, int, Slot[W]]] = []
        self._serial = count()
        self._begun: dict[Slot[W], float] = {}

    @property
    def begun(self) -> Mapping[Slot[W], float]:
        """Keys whose head has had its turn and is not done, and since when; the longest first."""
        return self._begun

    @property
    def in_flight(self) -> int:
        """Records whose request is under way."""
        return self._in_flight

    @property
    def queued(self) -> int:
        """Records that have not started, back-offs included."""
        return self._queued

    @property
    def wake_at(self) -> float | None:
        """When `next` may have something new without any other event; None: only after one."""
        times = [heap[0][0] for heap in (self._asleep, self._back_off) if heap]
        return min(times) if times else None

    def assign(self, tp: TopicPartition) -> None:
        """A partition arrives; its records queue but do not start before `open`."""
        assert tp not in self._partitions, f"{tp} is assigned already"
        self._partitions[tp] = _Partition()

    def open(self, tp: TopicPartition) -> None:
        """Its records may start: the claim is acknowledged and the former owner's requests have ended."""
        partition = self._partitions[tp]
        assert not partition.open, f"{tp} is open already"
        partition.open = True
        for slot in partition.slots.values():
            self._enter_lane(slot)

    def add(self, tp: TopicPartition, key: OrderKey, channel: Channel, work: W) -> None:
        """Append a record to its key's queue. `channel` is where its (first unsent) request goes."""
        partition = self._partitions[tp]
        slot = partition.slots.get(key)
        self._queued += 1
        if slot is None:
            slot = partition.slots[key] = Slot(tp, key, channel, work)
            if partition.open:
                self._enter_lane(slot)
            return
        if slot.followers is None:
            slot.followers = deque()
        slot.followers.append((channel, work))

    def next(self, now: float, gate: Gate) -> Slot[W] | None:
        """The key whose head starts now, or None until something settles or `wake_at` comes."""
        self._wake(now)
        while self._in_flight < self._limit and self._turns:
            channel = self._turns[0]
            lane = self._lanes[channel]
            if not lane:
                self._turns.popleft()
                del self._lanes[channel]
                continue
            until = gate(channel, now)
            if until is not None:
                assert until > now, "a gate that waits for the past would spin"
                self._turns.popleft()
                heapq.heappush(self._asleep, (until, next(self._serial), channel))
                continue
            slot = lane.take()
            self._turns.rotate(-1)
            slot.state = _State.IN_FLIGHT
            self._begun.setdefault(slot, now)
            self._in_flight += 1
            self._queued -= 1
            return slot
        return None

    def slots(self) -> Iterator[tuple[Slot[W], bool]]:
        """Every key in memory, and whether its head's request is under way: O(keys), for people who look."""
        for partition in self._partitions.values():
            for slot in partition.slots.values():
                yield slot, slot.state is _State.IN_FLIGHT

    def find(self, tp: TopicPartition, wanted: Callable[[W], bool]) -> tuple[Slot[W], W] | None:
        """A record of this partition, and its key: O(records of the partition), for people who ask."""
        partition = self._partitions.get(tp)
        for slot in partition.slots.values() if partition is not None else ():
            for work in (slot.head, *(work for _, work in slot.followers or ())):
                if wanted(work):
                    return slot, work
        return None

    def withdraw(self, slot: Slot[W], work: W) -> None:
        """A record that has not begun has settled: it leaves its key's queue, wherever it stands there by now."""
        if slot.head is work:
            self.settling(slot)
            self.done(slot)
        elif slot.followers:
            kept = deque(one for one in slot.followers if one[1] is not work)
            self._queued -= len(slot.followers) - len(kept)
            slot.followers = kept

    def wake_lanes(self) -> None:
        """Ask every sleeping lane again: a hold or a limit ended early."""
        self._turns.extend(channel for _, _, channel in self._asleep)
        self._asleep.clear()

    def again(self, slot: Slot[W], channel: Channel, at: float | None) -> None:
        """The head must send again (or its next request): after `at` on the clock of `next`, or as soon as its turn comes."""
        if not self._leave_flight(slot):
            return
        self._queued += 1
        slot.channel = channel
        if at is None:
            self._enter_lane(slot)
        else:
            slot.state = _State.BACK_OFF
            slot.retry_at = at
            heapq.heappush(self._back_off, (at, next(self._serial), slot))

    def settling(self, slot: Slot[W]) -> None:
        """The head's fate is decided but not yet durable: free its slot, keep its key until `done`.

        So, too, for a key that waits in an open partition, ready or in back-off: the seam for a policy that parks keys. It
        withdraws the head, writes it to another topic, says `done` when that is acknowledged, and turns to the next head:
        in order, behind it what arrives meanwhile, and nothing of the key starts.
        """
        if slot.state in (_State.READY, _State.BACK_OFF):
            self._queued -= 1
            self._leave_lane(slot)
            slot.state = _State.SETTLING
        elif self._leave_flight(slot):
            slot.state = _State.SETTLING

    def done(self, slot: Slot[W]) -> None:
        """The head has settled: the key's next record becomes head."""
        if not self._leave_flight(slot):
            return
        self._begun.pop(slot, None)
        if slot.followers:
            slot.channel, slot.head = slot.followers.popleft()
            self._enter_lane(slot)
        else:
            del self._partitions[slot.tp].slots[slot.key]
            slot.state = _State.CLOSED

    def close(self, tp: TopicPartition) -> None:
        """Forget a partition's queues. What is in flight goes on; its slots count until it ends."""
        partition = self._partitions.pop(tp)
        for slot in partition.slots.values():
            begun = slot.state in (_State.IN_FLIGHT, _State.SETTLING)
            self._queued -= len(slot.followers or ()) + (not begun)
            self._leave_lane(slot)
            self._begun.pop(slot, None)
            if slot.state is not _State.IN_FLIGHT:
                slot.state = _State.CLOSED
            slot.followers = None

    def _leave_flight(self, slot: Slot[W]) -> bool:
        """Free the slot if it holds one; False when its partition is closed and nothing is left to do."""
        begun = slot.state in (_State.IN_FLIGHT, _State.SETTLING, _State.CLOSED)
        assert begun, f"a head that is {slot.state.value} has not begun"
        if slot.state is _State.IN_FLIGHT:
            self._in_flight -= 1
        partition = self._partitions.get(slot.tp)
        if partition is None or partition.slots.get(slot.key) is not slot:
            slot.state = _State.CLOSED
            return False
        return True

    def _enter_lane(self, slot: Slot[W]) -> None:
        slot.state = _State.READY
        lane = self._lanes.get(slot.channel)
        if lane is None:
            lane = self._lanes[slot.channel] = Turns()
            self._turns.append(slot.channel)
        lane.add(slot.tp, slot)

    def _leave_lane(self, slot: Slot[W]) -> None:
        if slot.state is _State.READY:
            self._lanes[slot.channel].remove(slot.tp, slot)

    def _wake(self, now: float) -> None:
        while self._asleep and self._asleep[0][0] <= now:
            self._turns.append(heapq.heappop(self._asleep)[2])
        while self._back_off and self._back_off[0][0] <= now:
            at, _, slot = heapq.heappop(self._back_off)
            if slot.state is _State.BACK_OFF and slot.retry_at == at:  # not closed or withdrawn meanwhile
                self._enter_lane(slot)
