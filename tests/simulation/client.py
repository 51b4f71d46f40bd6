"""A model of `confluent_kafka.Consumer` as far as the connector uses it. One client of one process.

What it must get right: prefetched records are thrown away by a pause and by a move; a pause outlives an assignment;
rebalance callbacks run only inside `poll`, `consume` and `close`, also in the middle of a batch; a callback that blocks
blocks polling; fenced members lose everything without a revoke; errors and ends of partitions come as messages.
Sources: docs/decisions/kafka-facts.md; librdkafka's rdkafka_cgrp.c, rdkafka_assignment.c, rdkafka_queue.c.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any, Literal

from confluent_kafka import OFFSET_END, KafkaError, KafkaException

from connector.core.records import TopicPartition
from tests.simulation.coordinator import OK, Entry
from tests.simulation.fetching import QUEUE_MOST
from tests.simulation.kernel import Life
from tests.simulation.membership import Membership
from tests.simulation.messages import (
    DEAD_LETTER_TOPIC,
    INVALID,
    ClientWorld,
    Fetch,
    Message,
    Place,
    Rebalance,
    kafka_error,
    leader_epoch,
)
from tests.simulation.thread import PollThread

TRIES = 3
"""Of a synchronous commit that nobody answers."""
POLL_S = 0.05
IDLE_S = 1.0
"""Polls that find nothing for so long are simulated as one."""


class SimClient(Membership):
    """What the polling thread calls. Each call may switch to the rest of the world, as a real one would wait."""

    def __init__(
        self, properties: Mapping[str, Any], thread: PollThread, world: ClientWorld, random: Random
    ) -> None:
        super().__init__(thread, world, random)
        self._error_cb: Callable[[Any], None] = properties["error_cb"]
        self.answers_lost_until = 0.0
        self.answers_late_until = 0.0
        self.in_commit = False
        self.was_frozen = False
        self.subscribed = False
        self._last_poll = self.kernel.now
        self._polling = False
        self._last_applied = 0.0

    # --- polling -------------------------------------------------------------------------------------------------

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self._alive()
        self.subscribed = True
        self._callbacks = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}
        self._join()
        self.process.after(self.world.max_poll, self._watch_polls)

    def poll(self, timeout: float) -> Any:
        self._alive()
        self._enter()
        self._polling = timeout > 0
        began = self.kernel.now
        ends = began + timeout
        while True:
            message = self._next_message()
            if message is not None or self.kernel.now >= ends:
                self._polling = False
                self._last_poll = self.kernel.now
                return message
            self._wake = self.thread.waker()
            self.thread.attention = partial(self._wanted, self._wake, began)
            if self.thread.commands:
                self.thread.attention()
            self.thread.block(max(timeout, IDLE_S) if timeout > 0 else 0.0)
            self.thread.attention = lambda: None
            self._wake = None
            self._alive()
            if not self._queue:
                ends = self.kernel.now

    def _wanted(self, wake: Callable[[Any], None], began: float) -> None:
        """Noticed when the poll under way ends: one of those that are simulated as one."""
        polls = int((self.kernel.now - began) / POLL_S) + 1
        self.process.after(began + polls * POLL_S - self.kernel.now, wake, None)

    def consume(self, num_messages: int, timeout: float) -> list[Any]:
        assert timeout == 0
        self._alive()
        self._enter()
        batch: list[tuple[Message, Fetch | None]] = []
        while len(batch) < num_messages and self._queue:
            callbacks = self.in_callback
            message = self._next_message(batch)
            if message is not None:
                batch.append((message, self.assigned.get(message.tp)))
            assert self.in_callback == callbacks
        self._last_poll = self.kernel.now
        return [message for message, _ in batch]

    def _enter(self) -> None:
        self.world.observer.polled(self, self.kernel.now - self._last_poll)
        self._last_poll = self.kernel.now

    def _next_message(self, batch: list[tuple[Message, Fetch | None]] | None = None) -> Message | None:
        """The next message that is not outdated; callbacks on the way are run, and outdate what a batch holds."""
        queue = self._queue
        while queue:
            item = queue.popleft()
            if isinstance(item, Rebalance):
                self._run(item)
                if batch is not None:
                    batch[:] = [(one, fetch) for one, fetch in batch if self.assigned.get(one.tp) is fetch]
                continue
            self._messages -= 1
            if not item.tp.topic:  # it is the client's, not a partition's
                return item
            fetch = self._current(item)
            if fetch is None:
                self._refill()  # what is outdated takes room in the queue until it is met here
                continue
            stored = item._stored
            if stored is not None:
                fetch.app = stored.offset + 1
            elif item._error.code() == KafkaError._PARTITION_EOF:
                fetch.app = max(fetch.app, item._offset)
            elif item._error.code() == KafkaError._AUTO_OFFSET_RESET:
                self.world.observer.offset_missing(self.process, item.tp)
            self._refill()
            return item
        return None

    def _refill(self) -> None:
        if self._messages <= QUEUE_MOST // 2:
            for waiting in self.assigned.values():
                # Not only where there is something to read: a log that was cut while the queue was full is noticed, too.
                if waiting.position != waiting.log.stable or self._diverged(waiting):
                    self._fetch(waiting)

    def _watch_polls(self) -> None:
        """max.poll.interval.ms: who does not poll leaves the group and hears of it at its next poll."""
        if self.closed:
            return
        late = self.kernel.now - self._last_poll - self.world.max_poll
        if not self._polling and late >= 0:
            member, self.member_id = self.member_id, None
            self._ask(lambda: self.world.group.leave(member))
            exceeded = kafka_error(KafkaError._MAX_POLL_EXCEEDED)
            self._put(Message(TopicPartition("", 0), 0, INVALID, None, exceeded))
            self.fenced("max.poll.interval exceeded")
            self._last_poll = self.kernel.now
        self.process.after(max(0.1, -late) if not self._polling else self.world.max_poll, self._watch_polls)

    # --- questions to the brokers --------------------------------------------------------------------------------

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        self._round_trip()
        cluster = self.world.cluster
        topics = {
            name: SimpleNamespace(partitions=dict.fromkeys(cluster.partitions(name)), error=None)
            for name in cluster.log_ids
        }
        topics[DEAD_LETTER_TOPIC] = SimpleNamespace(partitions={0: None}, error=None)
        return SimpleNamespace(topics=topics, cluster_id=cluster.cluster_id)

    def offsets_for_times(self, partitions: Sequence[Any], timeout: float) -> Any:
        """Their ends (-1), or first offsets (-2). The leaders answer side by side, and the slowest last.

        First offsets are asked right behind the ends, and take no time of their own: one step less to simulate.
        """
        self._alive()
        gives_up = self.kernel.now + timeout
        if any(place.offset == OFFSET_END for place in partitions):
            self._round_trip()
        asked = {TopicPartition(place.topic, place.partition): place.offset for place in partitions}
        logs = [(tp, log) for tp in asked if (log := self.world.cluster.logs.get(tp)) is not None]
        if len(logs) < len(asked):
            raise KafkaException(kafka_error(KafkaError._UNKNOWN_PARTITION))
        answers = []
        for tp, log in sorted(logs, key=lambda one: (one[1].readable_from, one[0])):
            if log.readable_from > self.kernel.now:
                self.thread.block(max(0.0, min(gives_up, log.readable_from) - self.kernel.now))
                self._alive()
                if log.readable_from > self.kernel.now:
                    raise KafkaException(kafka_error(KafkaError._TIMED_OUT))
            if asked[tp] == OFFSET_END:
                self.world.observer.read_end(self.process, tp, log.stable)
            answers.append(Place(*tp, log.stable if asked[tp] == OFFSET_END else log.low))
        return answers

    def committed(self, partitions: Sequence[Any], timeout: float) -> Any:
        self._alive()
        ends = self.kernel.now + timeout
        while not self.reachable() or self.world.group.unavailable():
            left = ends - self.kernel.now
            if left <= 0:
                raise KafkaException(kafka_error(KafkaError._TIMED_OUT))
            self.thread.block(min(0.3, left))
            self._alive()
        self._round_trip()
        answer = []
        for place in partitions:
            tp = TopicPartition(place.topic, place.partition)
            held = self.world.group.offsets.get(tp)
            if held is None:
                answer.append(Place(tp.topic, tp.partition))
                self.world.observer.read_committed(self.process, tp, INVALID, "")
                continue
            self.world.observer.read_committed(self.process, tp, held.offset, held.metadata)
            answer.append(
                Place(tp.topic, tp.partition, held.offset, held.metadata or None, held.leader_epoch)
            )
        return answer

    def _round_trip(self) -> None:
        self._alive()
        self.thread.block(self.random.uniform(0.001, 0.02))
        self._alive()

    # --- commits and the end -------------------------------------------------------------------------------------

    def commit(self, *, offsets: Sequence[Any], asynchronous: bool) -> Any:
        self._alive()
        entries = [
            Entry(
                TopicPartition(place.topic, place.partition),
                place.offset,
                place.metadata or "",
                leader_epoch(place),
            )
            for place in offsets
        ]
        self.world.observer.handed(self, entries)
        if asynchronous:
            self._commit_later(entries)
            return None
        self.in_commit = True
        try:
            codes = self._commit(entries)
        finally:
            self.in_commit = False
        refused = [code for code in codes if code != OK]
        if refused:  # one error is told of all, whatever the coordinator has stored of the others
            raise KafkaException(kafka_error(refused[0]))
        return [Place(*entry.tp, entry.offset, entry.metadata, entry.leader_epoch) for entry in entries]

    def _commit(self, entries: list[Entry]) -> list[int]:
        """Sent again inside the client while the coordinator is away; given up a session time-out later."""
        ends = self.kernel.now + self.world.session + 1.0
        unanswered = 0
        while True:
            while not self.reachable():
                if self.kernel.now >= ends:
                    return [KafkaError._WAIT_COORD] * len(entries)
                self.thread.block(min(0.3, ends - self.kernel.now))
                self._alive()
            sent_at = self.kernel.now
            self._send_commit(entries, self.member_id, self.epoch, self.thread.waker())
            codes: list[int] | None = self.thread.block(self.world.socket)
            self._alive()
            if codes is None:  # no answer: it may have been applied, or may be still
                unanswered += 1
                if unanswered < TRIES:
                    continue
                return [KafkaError._TIMED_OUT] * len(entries)
            if codes[0] in (7, 14, 15, 16):
                if self.kernel.now >= ends:
                    return codes
                self.thread.block(self.random.uniform(0.05, 0.3))
                self._alive()
                continue
            # One error is told of all: what was stored beside it claims nothing and renews no lease, for nobody is told of it.
            if all(code == OK for code in codes):
                self.world.observer.committed(self.process, entries, sent_at)
            # Outdated while a join is under way: the new generation is about to be told. KIP-848 believes heartbeats only.
            if self.world.classic and (codes[0] == 25 or (codes[0] == 22 and not self._joining)):
                self.fenced(f"error {codes[0]} on a commit")
            return codes

    def _commit_later(self, entries: list[Entry]) -> None:
        """What the connector must not use: answered 14, 15 or 16 it is sent again, behind those that came after it."""
        sent_at = self.kernel.now

        def answered(codes: list[int]) -> None:
            if codes[0] in (7, 14, 15, 16):
                self.process.after(self.random.uniform(0.05, 0.3), self._commit_later, entries)
            elif codes[0] == OK:
                self.world.observer.committed(self.process, entries, sent_at)

        self._send_commit(entries, self.member_id, self.epoch, answered)

    def _send_commit(
        self, entries: list[Entry], member_id: str | None, epoch: int, answer: Callable[[Any], None]
    ) -> None:
        """Requests of one connection are carried out in their order, now and then late."""
        delay = self.random.uniform(0.001, 0.02)
        if self.random.random() < 0.03 or self.kernel.now < self.answers_late_until:
            delay = self.random.uniform(0.1, 3.0)
        arrives = max(self.kernel.now + delay, self._last_applied + 1e-6)
        self._last_applied = arrives

        def arrive() -> None:
            if not self.network_whole():
                return
            codes = self.world.group.commit(self, member_id, epoch, entries)
            lost = self.kernel.now < self.answers_lost_until or self.random.random() < 0.005
            if not lost:
                self.kernel.after(self.random.uniform(0.001, 0.02), back, codes)

        def back(codes: list[int]) -> None:
            if self.network_whole():
                self.process.after(0.0, answer, codes)

        self.kernel.at(arrives, arrive)

    def set_sasl_credentials(self, username: str, password: str) -> None:
        """Nobody asks for a login here."""

    def close(self) -> None:
        """Give everything back, then leave."""
        if self.process.life is Life.DEAD or self.closed:
            return
        self._queue.clear()
        self._pending = 0
        self.closed = True
        if self.held:
            kind: Literal["revoke", "lost"] = "lost" if self._fenced else "revoke"
            self._fenced = False
            self._run(Rebalance(kind, list(self.held)))
        if self.member_id is not None:
            member_id = self.member_id
            if not self.network_whole():
                self.thread.block(min(self.world.session, self.cut_until - self.kernel.now))
                self._alive()
            self._ask(lambda: self.world.group.leave(member_id))
            self._round_trip()
            self.member_id = None
        self._unwatch()
