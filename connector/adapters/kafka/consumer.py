"""The consumer: a thread that polls, and the loop's handle on it.

The thread never waits for Front. It hands records over in batches, stamped with the epoch that is valid when the poll
returned; it answers rebalances (waiting, within a bound, for the pipeline to drain); and it does what the loop asks
between two polls. Commits are among that, and synchronous: docs/decisions/commits.md says why.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from connector.adapters.kafka import client, starts
from connector.adapters.kafka.bridge import Bridge
from connector.core.mapping import OnMissingOffset, Start
from connector.core.offset_map import CommitEntry, LogIdentity
from connector.core.records import Epoch, Record
from connector.core.records import TopicPartition as TP
from connector.ports import Assignment, CommitFailed, Committed, EventLog, RecordSink

LIBRARY_LOG = logging.getLogger("librdkafka")
LOGIN_REFUSED = "the brokers refuse our login: check the sasl settings in kafka.properties and kafka.properties_from_files"
BATCH = 500
POLL_S = 0.05
"""The longest a command of the loop waits for the thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """`properties` are librdkafka's, complete (connection, group, ours); `revoke_bound_s` bounds the drain of a revoke."""

    properties: Mapping[str, Any] = field(repr=False)
    connection: Mapping[str, Any] = field(repr=False)
    """Those that any client of the cluster needs."""
    topics: Mapping[str, Start]
    on_missing_offset: Mapping[str, OnMissingOffset]
    dead_letter_topic: str
    revoke_bound_s: float = 10.0


class KafkaSource:
    """Implements `ports.Offsets`; tells the sink what happens. Methods are the loop's, those with `_thread_` the thread's."""

    def __init__(self, options: SourceOptions, log: EventLog, on_error: Callable[[str], None]) -> None:
        self._options = options
        self._log = log
        self._on_error = on_error
        self._stopping = threading.Event()
        self._epochs: dict[TP, Epoch] = {}
        self._next_epoch = count(1)
        self._logs: Mapping[str, LogIdentity] = {}
        self._unresolved: set[TP] = set()
        self.missing: dict[TP, float] = {}
        """Partitions whose committed offset is gone from the log and that hold, since when (wall)."""
        self.joined = False
        self.waiting_for = "waiting for the brokers"
        """Why it has not joined the group yet."""
        self._login_refused = False
        self.last_poll_wall: float | None = None
        self.last_poll: float = time.monotonic()

    async def run(self, sink: RecordSink) -> None:
        """Consume until `close`. Raises `StartupRefused`, or KafkaException for what the client calls fatal."""
        loop = asyncio.get_running_loop()
        self._sink = sink
        self._bridge = Bridge(loop)
        ended: asyncio.Future[None] = loop.create_future()
        thread = threading.Thread(
            target=self._thread_main, args=(loop, ended), name="kafka-poll", daemon=True
        )
        thread.start()
        await ended

    def close(self) -> None:
        """Leave the group; `run` returns when that is done."""
        self._stopping.set()

    # --- ports.Offsets ----------------------------------------------------------------------------------------

    async def commit(self, entries: Sequence[CommitEntry]) -> Committed | CommitFailed:
        """See `ports.Offsets`. Cancelling does not take a commit back that was handed to the thread."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Committed | CommitFailed] = loop.create_future()

        def commit(consumer: Consumer) -> None:
            # An entry of a closed epoch never reaches the client: the broker fences members, not partitions.
            current = [entry for entry in entries if self._epochs.get(entry.tp) == entry.epoch]
            result = client.commit(consumer, current) if current else CommitFailed("closed_epoch")
            self._bridge.tell_loop(_answer, answer, result)

        self._bridge.tell_thread(commit)
        return await answer

    def pause(self, partitions: Sequence[TP]) -> None:
        """See `ports.Offsets`."""
        self._bridge.tell_thread(lambda consumer: client.quietly(consumer.pause, self._owned(partitions)))

    def resume(self, partitions: Sequence[TP]) -> None:
        """See `ports.Offsets`."""
        self._bridge.tell_thread(lambda consumer: client.quietly(consumer.resume, self._owned(partitions)))

    def pause_all(self) -> None:
        """Fetch nothing more, for a stop: what is polled from now on would only be thrown away."""
        self._bridge.tell_thread(lambda consumer: client.quietly(consumer.pause, consumer.assignment()))

    def _owned(self, partitions: Sequence[TP]) -> list[TopicPartition]:
        return [TopicPartition(*tp) for tp in partitions if tp in self._epochs and tp not in self._unresolved]

    # --- the polling thread -----------------------------------------------------------------------------------

    def _thread_main(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        self._bridge.enter()
        failure: BaseException | None = None
        try:
            callbacks = {"error_cb": self._thread_error, "logger": LIBRARY_LOG}
            consumer = Consumer({**self._options.properties, **callbacks})
            try:
                if self._thread_prepare(consumer):
                    self._thread_consume(consumer)
            finally:
                consumer.close()
        except BaseException as error:  # noqa: BLE001 - the loop raises it: a thread has nobody to tell
            failure = error
        loop.call_soon_threadsafe(_finish, ended, failure)

    def _thread_prepare(self, consumer: Consumer) -> bool:
        """Wait for the brokers, check the topics, apply first starts. False when stopped meanwhile."""
        # Nobody polls it, so its own log would pile up; it says nothing that the consumer does not say too.
        admin = AdminClient({**self._options.connection, "log_level": 0})
        topics = list(self._options.topics)
        while not self._stopping.is_set():
            try:
                starts.require_topics(consumer, topics, self._options.dead_letter_topic)
                self._logs = starts.identify(consumer, admin, topics)
                backlogs = starts.apply_starts(consumer, self._options.topics, self._logs)
            except KafkaException as error:
                code = error.args[0].name()
                self._bridge.tell_loop(self._on_error, code)
                self._login_refused = False
                consumer.poll(0)  # hears what went wrong on the connections
                self.waiting_for = (
                    LOGIN_REFUSED if self._login_refused else f"the brokers do not answer: {code}"
                )
                self._log.warning("kafka.unreachable", error_type=code, detail=error.args[0].str())
                self._stopping.wait(2.0)
                continue
            for backlog in backlogs:
                how = "start" if backlog.first_start else "committed"
                self._log.info("backlog.found", topic=backlog.topic, records=backlog.records, begins_at=how)
            self.waiting_for = "waiting for the first assignment of the group"
            return True
        return False

    def _thread_consume(self, consumer: Consumer) -> None:
        consumer.subscribe(
            list(self._options.topics),
            on_assign=self._thread_assigned,
            on_revoke=self._thread_revoked,
            on_lost=self._thread_lost,
        )
        report_at = 0.0
        while not self._stopping.is_set():
            for command in self._bridge.commands():
                command(consumer)
            self._thread_poll(consumer)
            now = time.monotonic()
            self.last_poll, self.last_poll_wall = now, time.time()
            if now >= report_at:
                report_at = now + 1.0
                self._thread_report(consumer)
                if self._unresolved:
                    self._thread_resolve(consumer)

    def _thread_poll(self, consumer: Consumer) -> None:
        """Wait for one message, then take what else is there: `consume(n, t)` would wait out t unless n arrive."""
        first = consumer.poll(POLL_S)
        if first is None:
            return
        messages = [first, *consumer.consume(BATCH - 1, 0)]
        records: list[Record] = []
        for message in messages:
            tp = TP(message.topic() or "", message.partition() or 0)
            epoch = self._epochs.get(tp)
            if message.error() is not None:
                if records:
                    self._bridge.tell_loop(self._sink.received, tuple(records))
                    records = []
                self._thread_message_error(consumer, message, tp, epoch)
            elif epoch is not None:
                records.append(client.as_record(message, epoch))
        if records:
            self._bridge.tell_loop(self._sink.received, tuple(records))

    def _thread_message_error(
        self, consumer: Consumer, message: Message, tp: TP, epoch: Epoch | None
    ) -> None:
        error = message.error()
        assert error is not None
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with an underscore
            if epoch is not None:
                self._bridge.tell_loop(self._sink.reached_end, tp, epoch, message.offset() or 0)
        elif code == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            self._thread_offset_missing(consumer, tp)
        elif error.fatal():
            raise KafkaException(error)
        else:
            self._bridge.tell_loop(self._on_error, error.name())
            self._log.warning("kafka.error", error_type=error.name(), topic=tp.topic or None)

    def _thread_offset_missing(self, consumer: Consumer, tp: TP) -> None:
        """The log no longer holds the offset (retention, truncation). The topic's policy decides; silence is no policy."""
        if tp not in self._epochs:
            return
        self._bridge.tell_loop(self._sink.lost, [tp])
        try:
            found = starts.positions(consumer, [TopicPartition(*tp)])[tp]
        except KafkaException:
            self._unresolved.add(tp)  # begin again from the committed offset, which leads back here
            return
        policy = self._options.on_missing_offset[tp.topic]
        self._log.error(
            "offset.missing",
            topic=tp.topic,
            partition=tp.partition,
            offset=found.offset,
            low=found.low,
            high=found.end,
            records=max(0, found.low - found.offset),
            policy=policy,
        )
        if policy == "hold":
            consumer.pause([TopicPartition(*tp)])
            self.missing[tp] = time.time()
            self._log.error(
                "hold.started",
                scope="partition",
                reason="offset_missing",
                topic=tp.topic,
                partition=tp.partition,
            )
            return
        offset = found.low if policy == "earliest" else found.end
        epoch = self._epochs[tp] = Epoch(next(self._next_epoch))
        client.move(consumer, [TopicPartition(*tp, offset)])
        fresh = Assignment(tp, epoch, offset, "", self._logs[tp.topic], found.end)
        self._bridge.tell_loop(self._sink.assigned, [fresh])

    def _thread_report(self, consumer: Consumer) -> None:
        ends: dict[TP, int] = {}
        for tp in self._epochs:
            _, high = consumer.get_watermark_offsets(TopicPartition(*tp), cached=True)
            if high is not None and high >= 0:
                ends[tp] = high
        self._bridge.tell_loop(self._sink.heard_ends, ends)

    def _thread_error(self, error: KafkaError) -> None:
        """librdkafka's global errors: brokers that are down, credentials that are refused."""
        self._login_refused |= error.code() == KafkaError._AUTHENTICATION  # noqa: SLF001
        self._bridge.tell_loop(self._on_error, error.name())
        self._log.warning("kafka.error", error_type=error.name(), detail=error.str())

    # --- rebalances: callbacks inside poll --------------------------------------------------------------------

    def _thread_assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.joined = True
        tps = [TP(tp.topic, tp.partition) for tp in partitions]
        for tp in tps:
            self._epochs[tp] = Epoch(next(self._next_epoch))
        try:
            found = starts.positions(consumer, partitions)
        except KafkaException as error:
            # Assign paused and read again outside the callback: the client's own look-up would begin somewhere else.
            self._log.warning(
                "kafka.error", error_type=error.args[0].name(), detail="committed offsets not read yet"
            )
            self._unresolved.update(tps)
            consumer.incremental_assign([TopicPartition(*tp, OFFSET_INVALID) for tp in tps])
            consumer.pause([TopicPartition(*tp) for tp in tps])
            return
        consumer.incremental_assign([client.at(tp, found[tp]) for tp in tps])
        if tps:
            # A pause survives revoke and reassignment of the same client; nothing but this clears it.
            consumer.resume([TopicPartition(*tp) for tp in tps])
        self._thread_tell_assigned(tps, found)

    def _thread_resolve(self, consumer: Consumer) -> None:
        tps = sorted(self._unresolved)
        try:
            found = starts.positions(consumer, [TopicPartition(*tp) for tp in tps])
        except KafkaException as error:
            self._log.warning(
                "kafka.error", error_type=error.args[0].name(), detail="committed offsets not read yet"
            )
            return
        self._unresolved.clear()
        client.move(consumer, [client.at(tp, found[tp]) for tp in tps])
        self._thread_tell_assigned(tps, found)

    def _thread_tell_assigned(
        self, tps: Sequence[TP], found: Mapping[tuple[str, int], starts.Position]
    ) -> None:
        for tp in tps:
            self._log.info(
                "consumer.assigned", topic=tp.topic, partition=tp.partition, offset=found[tp].offset
            )
        assignments = [
            Assignment(
                tp,
                self._epochs[tp],
                found[tp].offset,
                found[tp].metadata,
                self._logs[tp.topic],
                found[tp].end,
                found[tp].leader_epoch,
            )
            for tp in tps
        ]
        self._bridge.tell_loop(self._sink.assigned, assignments)

    def _thread_revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        tps = [TP(tp.topic, tp.partition) for tp in partitions]
        bound = self._options.revoke_bound_s
        in_time = self._bridge.ask_loop(self._sink.revoke(tps, bound), bound + 2.0, consumer)
        self._log.info(
            "consumer.revoked", partitions=len(tps), status="drained" if in_time else "bound exceeded"
        )
        self._thread_forget(tps)
        consumer.incremental_unassign(partitions)

    def _thread_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        tps = [TP(tp.topic, tp.partition) for tp in partitions]
        self._thread_forget(tps)
        self._bridge.tell_loop(self._sink.lost, tps)
        self._log.warning("consumer.lost", partitions=len(tps))
        consumer.incremental_unassign(partitions)

    def _thread_forget(self, tps: Sequence[TP]) -> None:
        for tp in tps:
            self._epochs.pop(tp, None)
            self._unresolved.discard(tp)
            self.missing.pop(tp, None)


def _finish(ended: asyncio.Future[None], failure: BaseException | None) -> None:
    if ended.done():
        return
    if failure is None:
        ended.set_result(None)
    else:
        ended.set_exception(failure)


def _answer(future: asyncio.Future[Committed | CommitFailed], result: Committed | CommitFailed) -> None:
    if not future.done():
        future.set_result(result)
