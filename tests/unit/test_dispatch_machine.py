"""Dispatch against a model that is nothing but lists, under any sequence of calls.

What must hold at every step: a key's records start in order and one at a time; never more in flight than the limit; nothing
of a partition that is closed or not open yet; nothing of a channel whose gate is shut; nothing before its back-off has passed;
nothing is passed over twice by the same neighbour; the counts are those of a recount; and what may start, starts.
"""

from collections import defaultdict
from typing import Any, TypeAlias

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.core.dispatch import Dispatch, Slot
from connector.core.records import Channel, OrderKey, TopicPartition

PARTITIONS = [TopicPartition("calls", 0), TopicPartition("calls", 1), TopicPartition("messages", 0)]
CHANNELS = [Channel(f"cha_{number}", f"cha_{number}", "acme", "main") for number in (1, 2)]
KEYS: list[OrderKey] = [("a",), ("b",), ("c",)]
RECORDS = st.tuples(st.sampled_from(PARTITIONS), st.sampled_from(KEYS), st.sampled_from(CHANNELS))
FATES = st.sampled_from(["done", "done", "again", "later", "letter"])

Place: TypeAlias = tuple[TopicPartition, OrderKey]
Arrival: TypeAlias = tuple[TopicPartition, OrderKey, Channel]
Node: TypeAlias = tuple[object, ...]
"""A place in the turns: (channel), (channel, topic), (channel, topic, partition) or (channel, topic, partition, key)."""


def levels(channel: Channel, place: Place) -> list[Node]:
    """The nodes of a key, from its channel down."""
    path = (channel, place[0].topic, place[0].partition, place[1])
    return [path[:depth] for depth in (1, 2, 3, 4)]


class DispatchMachine(RuleBasedStateMachine):
    """The model: `queues` by partition and key, the first record being the head, and what each head is doing."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.number = 0
        self.open: dict[TopicPartition, bool] = {}
        self.queues: dict[Place, list[tuple[Channel, int]]] = {}
        self.running: list[Slot[int]] = []
        self.settling: list[Slot[int]] = []
        self.gone: list[Slot[int]] = []
        self.resting: dict[Place, float] = {}
        self.known: dict[Place, Slot[int]] = {}
        self.shut: dict[Channel, float] = {}
        self.passed: dict[Node, set[Node]] = defaultdict(set)

    @initialize(limit=st.integers(1, 4))
    def begin(self, limit: int) -> None:
        self.limit = limit
        self.made: Dispatch[int] = Dispatch(limit)
        for tp in PARTITIONS:
            self.arrive_or_open(tp, at_once=True)

    # --- what the model knows ---------------------------------------------------------------------------------

    def waiting(self) -> dict[Place, Channel]:
        """Keys whose head could start if its channel's gate and the limit let it."""
        busy = {(slot.tp, slot.key) for slot in (*self.running, *self.settling) if self.alive(slot)}
        return {
            place: queue[0][0]
            for place, queue in self.queues.items()
            if self.open[place[0]] and place not in busy and self.resting.get(place, self.now) <= self.now
        }

    def alive(self, slot: Slot[int]) -> bool:
        """Whether its partition is still the one that it was started in."""
        return self.known.get((slot.tp, slot.key)) is slot

    def is_shut(self, channel: Channel) -> bool:
        return self.shut.get(channel, self.now) > self.now

    def turns(self) -> set[Node]:
        """Every node that waits for its turn."""
        nodes: set[Node] = set()
        for place, channel in self.waiting().items():
            nodes.update(levels(channel, place)[self.is_shut(channel) :])
        return nodes

    # --- partitions come and go -------------------------------------------------------------------------------

    @rule(tp=st.sampled_from(PARTITIONS), at_once=st.booleans())
    def arrive_or_open(self, tp: TopicPartition, at_once: bool) -> None:
        if tp not in self.open:
            self.made.assign(tp)
            self.open[tp] = False
        if at_once and not self.open[tp]:
            self.made.open(tp)
            self.open[tp] = True

    @precondition(lambda self: self.open)
    @rule(data=st.data(), then=st.sampled_from(["gone", "back", "open"]))
    def leave(self, data: st.DataObject, then: str) -> None:
        tp = data.draw(st.sampled_from(sorted(self.open)), label="partition")
        self.made.close(tp)
        del self.open[tp]
        self.gone += [slot for slot in self.settling if slot.tp == tp]
        self.settling = [slot for slot in self.settling if slot.tp != tp]
        for held in (self.queues, self.resting, self.known):
            for place in [place for place in held if place[0] == tp]:
                del held[place]
        if then != "gone":
            self.arrive_or_open(tp, at_once=then == "open")

    # --- records come, start and end --------------------------------------------------------------------------

    @rule(data=st.data(), records=st.lists(RECORDS, max_size=10), fates=st.lists(FATES, max_size=10))
    def work(self, data: st.DataObject, records: list[Arrival], fates: list[str]) -> None:
        """Records arrive, heads start; then some end, and after each another starts."""
        for tp, key, channel in records:
            if tp in self.open:
                self.number += 1
                self.made.add(tp, key, channel, self.number)
                self.queues.setdefault((tp, key), []).append((channel, self.number))
        self.start(self.limit)
        for fate in fates:
            if self.running:
                slot = self.running.pop(data.draw(st.integers(0, len(self.running) - 1), label="which"))
                self.end(slot, fate, data)
                self.start_one()

    @rule(times=st.integers(1, 4))
    def start(self, times: int) -> None:
        for _ in range(times):
            self.start_one()

    def start_one(self) -> bool:
        self.forget_turns()
        waiting = self.waiting()
        slot = self.made.next(
            self.now, lambda channel, now: self.shut[channel] if self.is_shut(channel) else None
        )
        if slot is None:
            self.check_that_nothing_may_start(waiting)
            return False
        place = slot.tp, slot.key
        assert len(self.running) < self.limit, "more in flight than the limit"
        assert place in waiting, "a key that may not start, or that is under way already"
        channel, head = self.queues[place][0]
        assert slot.head == head, "out of order"
        assert not self.is_shut(channel), "past a gate that is shut"
        self.pass_over(channel, place)
        self.resting.pop(place, None)
        self.known[place] = slot
        self.running.append(slot)
        return True

    def check_that_nothing_may_start(self, waiting: dict[Place, Channel]) -> None:
        if len(self.running) == self.limit:
            return
        assert all(self.is_shut(channel) for channel in waiting.values()), "something may start and does not"
        times = [self.shut[channel] for channel in waiting.values()]
        times += [at for at in self.resting.values() if at > self.now]
        if times:
            wake_at = self.made.wake_at
            assert wake_at is not None, "what waits for a time is never asked again"
            assert self.now < wake_at <= min(times)

    def pass_over(self, channel: Channel, place: Place) -> None:
        """Everything that waits beside one of these nodes sees it pass: once, not twice."""
        waiting = self.turns()
        for node in levels(channel, place):
            for other in waiting:
                if other != node and len(other) == len(node) and other[:-1] == node[:-1]:
                    assert node not in self.passed[other], "passed over twice by the same neighbour"
                    self.passed[other].add(node)
            self.passed.pop(node, None)

    @invariant()
    def forget_turns(self) -> None:
        """What waits no longer loses its place."""
        waiting = self.turns()
        for node in [node for node in self.passed if node not in waiting]:
            del self.passed[node]

    def end(self, slot: Slot[int], fate: str, data: st.DataObject) -> None:
        place = slot.tp, slot.key
        alive = self.alive(slot)
        match fate:
            case "done":
                self.made.done(slot)
                self.drop_head(slot)
            case "letter":
                self.made.settling(slot)
                (self.settling if alive else self.gone).append(slot)
            case _:
                channel = data.draw(st.sampled_from(CHANNELS), label="channel")
                at = self.now + data.draw(st.integers(1, 3), label="rest") if fate == "later" else None
                self.made.again(slot, channel, at)
                if alive:
                    self.queues[place][0] = channel, slot.head
                    if at is not None:
                        self.resting[place] = at
        if not alive:
            self.gone.append(slot)

    @precondition(lambda self: self.settling)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        slot = self.settling.pop(data.draw(st.integers(0, len(self.settling) - 1), label="which"))
        self.made.done(slot)
        self.drop_head(slot)

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        """Park the head of a key that waits."""
        free = [place for place in self.known if place in self.waiting() or place in self.resting]
        if free:
            place = data.draw(st.sampled_from(free), label="place")
            self.resting.pop(place, None)
            self.made.settling(self.known[place])
            self.settling.append(self.known[place])

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def end_late(self, data: st.DataObject) -> None:
        """Calls for a partition that has gone change nothing, however often they come."""
        slot = data.draw(st.sampled_from(self.gone), label="which")
        data.draw(st.sampled_from([self.made.done, self.made.settling]), label="call")(slot)

    def drop_head(self, slot: Slot[int]) -> None:
        if self.alive(slot):
            place = slot.tp, slot.key
            self.queues[place].pop(0)
            if not self.queues[place]:
                del self.queues[place], self.known[place]

    # --- time and gates ---------------------------------------------------------------------------------------

    @rule(seconds=st.integers(1, 4))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @rule(channel=st.sampled_from(CHANNELS), seconds=st.integers(1, 4))
    def shut_gate(self, channel: Channel, seconds: int) -> None:
        self.shut[channel] = max(self.shut.get(channel, 0.0), self.now + seconds)

    @rule()
    def open_gates(self) -> None:
        self.shut.clear()
        self.made.wake_lanes()

    @rule()
    def drain(self) -> None:
        """Everything that is left starts and ends."""
        for tp in list(self.open):
            self.arrive_or_open(tp, at_once=True)
        self.open_gates()
        while self.running or self.settling or self.queues:
            for slot in (*self.running, *self.settling):
                self.made.done(slot)
                self.drop_head(slot)
            self.running, self.settling = [], []
            self.now += 4.0
            self.start(self.limit)
            assert self.running or not self.queues, "something is left that never starts"
        assert (self.made.in_flight, self.made.queued) == (0, 0)

    # --- at every step ------------------------------------------------------------------------

    @invariant()
    def the_counts_are_those_of_a_recount(self) -> None:
        begun = sum(self.alive(slot) for slot in (*self.running, *self.settling))
        assert self.made.in_flight == len(self.running)
        assert self.made.queued == sum(map(len, self.queues.values())) - begun


TestDispatchMachine: Any = DispatchMachine.TestCase
TestDispatchMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
