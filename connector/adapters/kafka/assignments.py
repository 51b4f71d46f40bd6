"""Which partitions this member has, and where each begins: rebalances, offsets that are missing, topics that are made anew.

Everything here runs in the polling thread, most of it inside the client's callbacks. What a position means, and why one is
faulty, is said in `starts.py`; what is done with records is the pipeline's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal, TypeAlias

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition

from connector.adapters.kafka import client, starts
from connector.adapters.kafka.protocols import Answer, Client, Crossing, TopicIds
from connector.adapters.kafka.runtime import Runtime
from connector.core.mapping import OnMissingOffset
from connector.core.records import Epoch
from connector.core.records import TopicPartition as TP
from connector.ports import Assignment, EventLog, RecordSink

IDS_EVERY_S = 10.0
"""How often the topics' ids are asked for."""

SeenBy: TypeAlias = Literal["client", "records"]
"""Who says that a log was cut: the client, by an error; or the pipeline, by the records that came."""
Found: TypeAlias = Mapping[tuple[str, int], starts.Position]


@dataclass(frozen=True, slots=True)
class Missing:
    """A partition that holds: its committed offset is of no use. `since` is wall time."""

    fault: starts.Fault
    since: float


class Assignments:
    """Made when the service runs; lives on when the client is made anew."""

    def __init__(self, runtime: Runtime, log: EventLog, policies: Mapping[str, OnMissingOffset]) -> None:
        """`policies`: `on_missing_offset` of each topic."""
        self._runtime = runtime
        self._log = log
        self._policies = policies
        self.known = starts.Known()
        self.missing: dict[TP, Missing] = {}
        self.absent: dict[str, float] = {}
        """Topics that were deleted while we ran, since when (wall)."""
        self._epochs: dict[TP, Epoch] = {}
        self._next_epoch = count(1)
        self._unresolved: set[TP] = set()
        self._leaving: set[TP] = set()
        """Partitions whose revoke waits for the pipeline, which may ask for something about them meanwhile."""
        self._begun_again: dict[TP, dict[SeenBy, starts.Position]] = {}
        """Where a partition was begun again, until a record comes from there: that proves the position."""
        self._outdated: set[TP] = set()
        """Partitions whose topic became another one when a look-up for its other partitions asked for its id."""
        self._asked: Answer | None = None
        self._ask_at = 0.0

    def connect(self, bridge: Crossing, sink: RecordSink, topic_ids: TopicIds) -> None:
        """Whom to tell, and whom to ask for ids."""
        self._bridge = bridge
        self._sink = sink
        self._topic_ids = topic_ids

    def epoch(self, tp: TP) -> Epoch | None:
        """The current assignment's, if the partition is ours."""
        return self._epochs.get(tp)

    @property
    def owned(self) -> Sequence[TP]:
        """The partitions of this member."""
        return tuple(self._epochs)

    def flows(self, tp: TP) -> bool:
        """Whether the pipeline may pause and resume it: it is ours and neither holds nor waits for its offset."""
        return tp in self._epochs and tp not in self._unresolved and tp not in self.missing

    # --- rebalances: callbacks inside poll --------------------------------------------------------------------

    def assigned(self, consumer: Client, partitions: list[TopicPartition]) -> None:
        """Partitions arrive."""
        tps = [TP(tp.topic, tp.partition) for tp in partitions]
        for tp in tps:
            self._epochs[tp] = Epoch(next(self._next_epoch))
        try:
            found = self._look_up(consumer, tps)
        except KafkaException as error:
            # Assign paused and read again outside the callback: the client's own look-up would begin somewhere else.
            self._not_read("committed offsets", error)
            self._unresolved.update(tps)
            consumer.incremental_assign([TopicPartition(*tp, OFFSET_INVALID) for tp in tps])
            consumer.pause([TopicPartition(*tp) for tp in tps])
            return
        good = [tp for tp in tps if found[tp].fault is None]
        client.assign(consumer, [client.at(tp, found[tp]) for tp in good])
        if good:
            # A pause survives revoke and reassignment of the same client; nothing but this clears it.
            consumer.resume([TopicPartition(*tp) for tp in good])
        self._tell_assigned(good, found)
        faulty = [tp for tp in tps if found[tp].fault is not None]
        if faulty:
            # At a number, paused: without one the client would look for its own.
            consumer.incremental_assign([TopicPartition(*tp, found[tp].low) for tp in faulty])
            consumer.pause([TopicPartition(*tp) for tp in faulty])
        for tp in faulty:
            self._faulty(consumer, tp, found[tp])

    def revoked(self, consumer: Client, partitions: list[TopicPartition], bound_s: float | None) -> None:
        """Partitions go, in order: the pipeline drains within the bound; None: it is not asked."""
        tps = self._ours(partitions)
        status = "abandoned"
        self._leaving.update(tps)
        if bound_s is not None and tps:
            drained = self._bridge.ask_loop(self._sink.revoke(tps, bound_s), bound_s + 2.0, consumer)
            status = "drained" if drained else "bound exceeded"
        if tps:
            self._log.info("consumer.revoked", partitions=len(tps), status=status)
        self._forget(tps)
        consumer.incremental_unassign(partitions)

    def lost(self, consumer: Client, partitions: list[TopicPartition]) -> None:
        """Partitions are gone already."""
        self._lost(self._ours(partitions))
        consumer.incremental_unassign(partitions)

    def lose_all(self) -> None:
        """The client is gone, and every partition with it."""
        self._lost(self.owned)

    def _lost(self, tps: Sequence[TP]) -> None:
        if tps:
            self._forget(tps)
            self._bridge.tell_loop(self._sink.lost, tps)
            self._log.warning("consumer.lost", partitions=len(tps))

    def _ours(self, partitions: list[TopicPartition]) -> list[TP]:
        """Those that have not been lost already, with the client that failed."""
        return [tp for tp in (TP(tp.topic, tp.partition) for tp in partitions) if tp in self._epochs]

    def _forget(self, tps: Sequence[TP]) -> None:
        for tp in tps:
            self._epochs.pop(tp, None)
            self._unresolved.discard(tp)
            self._leaving.discard(tp)
            self._begun_again.pop(tp, None)
            self._outdated.discard(tp)
            self.missing.pop(tp, None)

    # --- between polls ----------------------------------------------------------------------------------------

    def tick(self, consumer: Client) -> None:
        """Once a second: read what could not be read in a callback, and see whether the topics are still the same."""
        if self._unresolved:
            self._resolve(consumer)
        # Not in the look-up itself: that may be a callback about other partitions.
        outdated, self._outdated = self._outdated, set()
        for tp in sorted(outdated):
            self.begin_again(consumer, tp)
        if self._asked is not None and self._asked.done():
            asked, self._asked = self._asked, None
            try:
                ids = asked.result()
            except KafkaException as error:
                self._not_read("topic ids", error)
            else:
                self._heard_ids(consumer, ids)
        now = self._runtime.monotonic()
        if self._asked is None and now >= self._ask_at and self._with_ids():
            self._ask_at = now + IDS_EVERY_S
            self._asked = self._topic_ids(self._with_ids())

    def flowed(self, tp: TP, leader_epoch: int | None) -> None:
        """A record of it was handed over. From the position at which it was begun again, if that position is sound."""
        begun = self._begun_again.get(tp)
        if begun and (
            leader_epoch is None or all(leader_epoch >= (one.leader_epoch or 0) for one in begun.values())
        ):
            del self._begun_again[tp]

    def suspect_topics(self) -> None:
        """The client finds a topic or partition unknown: look at the ids soon."""
        self._ask_at = 0.0

    def cut(self, consumer: Client, tp: TP, seen_by: SeenBy) -> None:
        """The client cannot read on (retention, truncation), or the records are not those that follow: begin again.

        If the same one says so again before a record has come, the committed offset itself was cut: then, without a leader
        epoch, and if it is gone, the topic's policy decides. Of one cut both may tell: the client's word waits in its queue.
        """
        self._end_and_begin(consumer, tp, seen_by)

    def begin_again(self, consumer: Client, tp: TP) -> None:
        """Its topic is another one now: end this assignment, and begin at the committed offset. Proves no cut of that."""
        self._begun_again.pop(tp, None)
        self._end_and_begin(consumer, tp, None)

    def _end_and_begin(self, consumer: Client, tp: TP, seen_by: SeenBy | None) -> None:
        """A new assignment at the committed offset if the log holds it still; by its leader epoch the client can tell so."""
        if tp not in self._epochs or tp in self.missing or tp in self._leaving:
            return
        # A new epoch: what the old one has asked for is not done any more, whatever comes next. Not even its last commit,
        # which would change the committed offset after it was judged.
        self._epochs[tp] = Epoch(next(self._next_epoch))
        self._outdated.discard(tp)
        self._bridge.tell_loop(self._sink.lost, [tp])
        try:
            found = self._look_up(consumer, [tp])[tp]
        except KafkaException:
            self._unresolved.add(tp)  # the committed offset leads back here
            return
        self._unresolved.discard(tp)
        told = found.fault is None and found.leader_epoch is not None
        begun = self._begun_again.setdefault(tp, {})
        if told and seen_by not in begun:
            if seen_by is not None:
                begun[seen_by] = found
            where = {"topic": tp.topic, "partition": tp.partition}
            self._log.error("log.cut", **where, offset=found.offset, high=found.end)
            self._restart(consumer, tp, found)
        else:
            self._faulty(consumer, tp, replace(found, fault=found.fault or "out_of_range"))

    def _resolve(self, consumer: Client) -> None:
        tps = sorted(self._unresolved)
        try:
            found = self._look_up(consumer, tps)
        except KafkaException as error:
            self._not_read("committed offsets", error)
            return
        self._unresolved.clear()
        good = [tp for tp in tps if found[tp].fault is None]
        if good:
            client.move(consumer, [client.at(tp, found[tp]) for tp in good])
            self._tell_assigned(good, found)
        for tp in tps:
            if found[tp].fault is not None:
                self._faulty(consumer, tp, found[tp])

    # --- positions --------------------------------------------------------------------------------------------

    def _look_up(self, consumer: Client, tps: Sequence[TP]) -> Found:
        """Raises KafkaException.

        The ids behind the offsets, which may be waited for while a topic is made anew and its next owner commits there: an id
        from before that would call the new topic's offset another topic's. The ends behind the ids, so that none is judged by
        the log of a topic that was there before.
        """
        committed = starts.read_committed(consumer, [TopicPartition(*tp) for tp in tps])
        asked = [topic for topic in self._with_ids() if any(tp.topic == topic for tp in tps)]
        if asked:
            self._asked = None  # an older answer that comes later would turn an id back
            for topic, topic_id in self._topic_ids(asked).result().items():
                if self._note_id(topic, topic_id):
                    others = {tp for tp in self._epochs if tp.topic == topic} - {*tps, *self._unresolved}
                    self._outdated |= others  # nobody hears of the new id a second time
        return starts.positions(consumer, committed, self.known)

    def _tell_assigned(self, tps: Sequence[TP], found: Found) -> None:
        for tp in tps:
            self._log.info(
                "consumer.assigned", topic=tp.topic, partition=tp.partition, offset=found[tp].offset
            )
        assignments = [self._assignment(tp, found[tp], found[tp].metadata) for tp in tps]
        self._bridge.tell_loop(self._sink.assigned, assignments)

    def _assignment(self, tp: TP, position: starts.Position, metadata: str | None) -> Assignment:
        log, end, leader_epoch = self.known.logs[tp.topic], position.end, position.leader_epoch
        return Assignment(tp, self._epochs[tp], position.offset, metadata, log, end, leader_epoch)

    def _restart(self, consumer: Client, tp: TP, position: starts.Position) -> None:
        """A new assignment of a partition that we own, with an empty map. Its epoch is new already, and told to nobody."""
        client.move(consumer, [client.at(tp, position)])
        self._bridge.tell_loop(self._sink.assigned, [self._assignment(tp, position, "")])

    def _faulty(self, consumer: Client, tp: TP, found: starts.Position) -> None:
        """The committed offset is of no use. The topic's policy decides; silence is no policy."""
        assert found.fault is not None
        policy = self._policies[tp.topic]
        where: dict[str, Any] = {"topic": tp.topic, "partition": tp.partition}
        self._log.error(
            "offset.missing",
            **where,
            reason=found.fault,
            offset=None if found.metadata is None else found.offset,
            low=found.low,
            high=found.end,
            records=found.concerned,
            policy=policy,
        )
        if policy == "hold":
            consumer.pause([TopicPartition(*tp)])
            self.missing[tp] = Missing(found.fault, self._runtime.wall())
            reason = "another_topic" if found.fault == "another_topic" else "offset_missing"
            self._log.error("hold.started", scope="partition", reason=reason, **where)
            return
        offset = found.low if policy == "earliest" else found.end
        self._bridge.tell_loop(self._sink.passed_over, tp.topic, found.passed_over(offset))
        self._restart(consumer, tp, replace(found, offset=offset, leader_epoch=None))

    def _not_read(self, what: str, error: KafkaException) -> None:
        self._log.warning("kafka.error", error_type=error.args[0].name(), detail=f"{what} not read yet")

    # --- topics that are deleted and made anew ----------------------------------------------------------------

    def _with_ids(self) -> list[str]:
        """The topics whose ids can be compared: not with brokers that have none."""
        return [topic for topic, log in self.known.logs.items() if log.topic_id]

    def _note_id(self, topic: str, topic_id: str) -> bool:
        """A topic is there. Whether it has become another one since it was asked for last."""
        if self.absent.pop(topic, None) is not None:
            self._log.info("hold.released", scope="topic", reason="topic_missing", name=topic)
        if starts.same_topic(self.known.logs[topic], topic_id):
            return False
        self.known.logs[topic] = starts.with_id(self.known.logs[topic], topic_id)
        self.known.recreated.add(topic)
        self._log.error("topic.recreated", topic=topic)
        return True

    def _heard_ids(self, consumer: Client, ids: Mapping[str, str]) -> None:
        for topic in self._with_ids():
            if topic not in ids:
                if topic not in self.absent:
                    self.absent[topic] = self._runtime.wall()
                    self._log.error("hold.started", scope="topic", reason="topic_missing", name=topic)
                continue
            if self._note_id(topic, ids[topic]):
                for tp in [tp for tp in self._epochs if tp.topic == topic]:
                    self.begin_again(consumer, tp)
