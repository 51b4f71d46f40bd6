"""The fetching side of a client: what is assigned, prefetched, paused and at its end. See `client.py`."""

from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import greenlet
from confluent_kafka import KafkaError, KafkaException

from connector.core.records import TopicPartition
from tests.simulation.kernel import Life
from tests.simulation.log import PartitionLog
from tests.simulation.messages import (
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

FETCH_MOST = 8
QUEUE_MOST = 24
TAKEN_BEFORE = 0.3
"""How often a callback is queued between two messages that the app takes in one go."""


class Fetching:
    """Partitions and the queue of what was fetched of them. A version outdates messages without looking for them."""

    def __init__(self, thread: PollThread, world: ClientWorld, random: Random) -> None:
        self.name = thread.process.name
        self.thread = thread
        self.process = thread.process
        self.world = world
        self.kernel = world.kernel
        self.random = random
        self.paused: dict[TopicPartition, None] = {}
        self.assigned: dict[TopicPartition, Fetch] = {}
        self._queue: deque[Message | Rebalance] = deque()
        self._messages = 0
        self._pending = 0
        """Callbacks in the queue."""
        self._versions = 0
        self._standing = False
        """Nothing is fetched: a callback waits, and the app has not assigned or unassigned anything since."""
        self._wake: Callable[[Any], None] | None = None
        """Wakes a poll that waits."""
        self._watching: dict[int, PartitionLog] = {}

    def _put(self, item: "Message | Rebalance") -> None:
        self._queue.append(item)
        if isinstance(item, Message):
            self._messages += 1
        else:
            self._pending += 1
            # librdkafka pauses what is assigned, of its own accord (rd_kafka_rebalance_op_incr). Now and then the app
            # has just taken what was there, and comes upon the callback behind it in the same batch.
            self._standing = True
            if self.random.random() >= TAKEN_BEFORE:
                self._rewind_all()
        if self._wake is not None:
            self.process.after(0.0, self._wake, None)

    def _alive(self) -> None:
        if self.process.life is Life.DEAD:
            raise greenlet.GreenletExit

    def _current(self, message: Message) -> Fetch | None:
        fetch = self.assigned.get(message.tp)
        # Errors that stop a partition carry no version (rd_kafka_offset_reset): a pause does not throw them away.
        return fetch if fetch is not None and message.version in (0, fetch.version) else None

    def _fetch(self, fetch: Fetch) -> None:
        idle = fetch.under_way or fetch.stopped or fetch.tp in self.paused or self._standing
        if idle or self._messages >= QUEUE_MOST:
            return
        fetch.under_way = True
        wait = max(0.0, fetch.log.readable_from - self.kernel.now)
        self.process.after(wait + self.random.uniform(0.002, 0.03), self._fetched, fetch, fetch.version)

    def _rewind(self, fetch: Fetch) -> None:
        """Throw away what is prefetched. An error that waits in the queue is handed over even so: seen on librdkafka 2.16."""
        if not fetch.stopped:
            self._versions += 1
            fetch.version = self._versions
            fetch.position, fetch.under_way, fetch.told_end = fetch.app, False, None

    def _rewind_all(self) -> None:
        for fetch in self.assigned.values():
            self._rewind(fetch)

    def _go_on(self) -> None:
        """The app has answered a callback."""
        self._standing = False
        for fetch in self.assigned.values():
            self._fetch(fetch)

    def _diverged(self, fetch: Fetch) -> bool:
        """Whether the log's records of the leader epoch that it is held to end before its position (KIP-320)."""
        return fetch.leader_epoch is not None and fetch.log.end_of_epoch(fetch.leader_epoch) < fetch.position

    def _validated(self, fetch: Fetch, version: int) -> None:
        """The answer to a seek's question for the end of its leader epoch: it is asked paused or not."""
        if self.assigned.get(fetch.tp) is fetch and fetch.version == version and self._diverged(fetch):
            self._stop(fetch, INVALID)

    def _stop(self, fetch: Fetch, offset: int) -> None:
        """It cannot be read on, and nobody but the app says where it goes on."""
        if not fetch.stopped:
            fetch.stopped = True
            self._put(Message(fetch.tp, 0, offset, None, kafka_error(KafkaError._AUTO_OFFSET_RESET)))

    def _fetched(self, fetch: Fetch, version: int) -> None:
        if self.assigned.get(fetch.tp) is not fetch or fetch.version != version:
            return
        fetch.under_way = False
        if fetch.tp in self.paused:
            return
        log = self.world.cluster.logs.get(fetch.tp)
        if log is None:
            if fetch.told_end is None:
                unknown = kafka_error(KafkaError.UNKNOWN_TOPIC_OR_PART)
                self._put(Message(fetch.tp, 0, fetch.position, None, unknown))
                fetch.told_end = -1
            self.process.after(0.5, self._fetched, fetch, version)
            fetch.under_way = True
            return
        if log is not fetch.log:
            # Another topic of the same name: the client fetches on where it was.
            fetch.log, fetch.leader_epoch, fetch.told_end = log, None, None
            self._watch(log)
        if log.readable_from > self.kernel.now:
            self._fetch(fetch)
            return
        if self._diverged(fetch):
            self._stop(fetch, INVALID)
            return
        if not log.low <= fetch.position <= log.end:
            self._stop(fetch, fetch.position)
            return
        records, position = log.read(fetch.position, FETCH_MOST)
        position = max(position, fetch.position)
        fetch.high = log.stable
        for stored in records:
            self._put(Message(fetch.tp, version, stored.offset, stored))
        if position > fetch.position:
            # Of whatever batch was read last: a marker's, too (librdkafka, rd_kafka_msgset_reader_run).
            fetch.leader_epoch = log.epoch_of(position - 1)
        fetch.position = position
        if position < log.stable:
            self._fetch(fetch)
        elif fetch.told_end != position:
            fetch.told_end = position
            end = kafka_error(KafkaError._PARTITION_EOF)
            self._put(Message(fetch.tp, version, position, None, end))

    def _watch(self, log: PartitionLog) -> None:
        self._watching[id(log)] = log
        log.watchers[id(self)] = self._log_changed

    def _log_changed(self) -> None:
        if self.process.life is Life.DEAD:
            return
        for fetch in self.assigned.values():
            self._fetch(fetch)

    def _unwatch(self) -> None:
        for log in self._watching.values():
            log.watchers.pop(id(self), None)

    def assignment(self) -> list[Any]:
        self._alive()
        return [Place(*tp) for tp in self.assigned]

    def incremental_assign(self, partitions: Sequence[Any]) -> None:
        self._alive()
        for place in partitions:
            tp = TopicPartition(place.topic, place.partition)
            if tp in self.assigned:
                raise KafkaException(kafka_error(KafkaError._CONFLICT))
            log = self.world.cluster.logs.get(tp)
            if log is None:
                log = PartitionLog(tp, "absent")
            self._versions += 1
            known = place.offset >= 0
            # The leader epoch is not looked at: the client compares it only as long as it knows nothing of the topic.
            fetch = Fetch(tp, log, place.offset, place.offset, None, self._versions, place.offset)
            self.assigned[tp] = fetch
            self._watch(log)
            if known:
                self.world.observer.assigned(self.process, fetch)
                self._fetch(fetch)
            else:
                fetch.stopped = True  # until its look-up is answered: the connector moves it before that
        self._go_on()

    def seek(self, place: Any) -> None:
        """From here on, held to the leader epoch of the place."""
        self._alive()
        fetch = self.assigned.get(TopicPartition(place.topic, place.partition))
        if fetch is None or fetch.stopped:
            raise KafkaException(kafka_error(KafkaError._STATE))
        self._versions += 1
        fetch.version = self._versions  # outdates what is prefetched
        fetch.position = fetch.app = place.offset
        fetch.leader_epoch = leader_epoch(place)
        fetch.under_way, fetch.told_end = False, None
        if fetch.leader_epoch is not None:
            self.process.after(self.random.uniform(0.001, 0.02), self._validated, fetch, fetch.version)
        self._fetch(fetch)

    def incremental_unassign(self, partitions: Sequence[Any]) -> None:
        self._alive()
        for place in partitions:
            tp = TopicPartition(place.topic, place.partition)
            if self.assigned.pop(tp, None) is None:
                raise KafkaException(kafka_error(KafkaError._INVALID_ARG))
            self.world.observer.unassigned(self.process, tp)
        self._go_on()

    def pause(self, partitions: Sequence[Any]) -> None:
        self._alive()
        for place in partitions:
            tp = TopicPartition(place.topic, place.partition)
            fetch = self.assigned.get(tp)
            if fetch is not None and tp not in self.paused:
                self._rewind(fetch)
            self.paused[tp] = None

    def resume(self, partitions: Sequence[Any]) -> None:
        self._alive()
        for place in partitions:
            tp = TopicPartition(place.topic, place.partition)
            self.paused.pop(tp, None)
            fetch = self.assigned.get(tp)
            if fetch is not None:
                self._fetch(fetch)
