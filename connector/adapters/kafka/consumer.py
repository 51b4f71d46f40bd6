"""The consumer: a thread that polls, and the loop's handle on it.

The thread never waits for Front. It hands records over in batches, stamped with the epoch that is valid when the poll
returned; it answers rebalances (`assignments.py`: waiting, within a bound, for the pipeline to drain); and it does what the
loop asks between two polls. Commits are among that, and synchronous: docs/decisions/commits.md says why.
A client that fails for good is replaced (`fatal.py` says when).
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from connector.adapters.kafka import client, fatal, starts
from connector.adapters.kafka.assignments import Assignments
from connector.adapters.kafka.protocols import Client, Command, TopicIds
from connector.adapters.kafka.runtime import Runtime
from connector.core.mapping import OnMissingOffset, Start
from connector.core.offset_map import CommitEntry
from connector.core.records import Epoch, Record
from connector.core.records import TopicPartition as TP
from connector.ports import CommitFailed, Committed, EventLog, RecordSink, StartupRefused

LIBRARY_LOG = logging.getLogger("librdkafka")
LOGIN_REFUSED = "the brokers refuse our login: check the sasl settings in kafka.properties and kafka.properties_from_files"
BATCH = 500
POLL_S = 0.05
"""The longest a command of the loop waits for the thread."""
AHEAD = 4
"""Batches that the loop may have been told of and not yet heard: beyond that nothing is polled, so that memory is bounded."""
AGAIN_S = 2.0
REBUILD_S = 5.0
"""Before a client that failed is followed by another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """`properties` are librdkafka's, complete (connection, group, ours); `revoke_bound_s` bounds the drain of a revoke."""

    properties: Mapping[str, Any] = field(repr=False)
    connection: Mapping[str, Any] = field(repr=False)
    """Those that any client of the cluster needs."""
    topics: Mapping[str, Start]
    on_missing_offset: Mapping[str, OnMissingOffset]
    dead_letter_topic: str
    group_is_new: bool = True
    """Whether a topic without any committed offset has a first start; otherwise its offsets have expired."""
    checks: Callable[[EventLog], None] = lambda _log: None
    """What must be right before the group is joined. Waits; raises `StartupRefused`, or KafkaException without an answer."""
    revoke_bound_s: float = 10.0


class KafkaSource:
    """Implements `ports.Offsets`; tells the sink what happens. Methods are the loop's, those with `_thread_` the thread's."""

    def __init__(
        self,
        options: SourceOptions,
        log: EventLog,
        on_error: Callable[[str], None],
        runtime: Runtime = Runtime(),  # noqa: B008 - frozen
    ) -> None:
        self._options = options
        self._runtime = runtime
        self._log = log
        self._on_error = on_error
        self._stopping = runtime.flag()
        self.assignments = Assignments(runtime, log, options.on_missing_offset)
        self._told = 0
        self._heard = 0
        self._revoke_bound_s: float | None = options.revoke_bound_s
        self.joined = False
        self.waiting_for = "waiting for the brokers"
        """Why it has not joined the group yet."""
        self._login_refused = False
        self.last_poll_wall: float | None = None
        self.last_poll: float = runtime.monotonic()

    async def run(self, sink: RecordSink) -> None:
        """Consume until `close`. Raises `StartupRefused`; anything else is a defect."""
        loop = asyncio.get_running_loop()
        self._sink = sink
        self._bridge = self._runtime.bridge(loop)
        ended: asyncio.Future[None] = loop.create_future()
        self._runtime.spawn(partial(self._thread_main, ended))
        await ended

    def close(self) -> None:
        """Leave the group; `run` returns when that is done."""
        self._stopping.set()

    def abandon(self) -> None:
        """Leave the group without asking the pipeline, which is no more."""
        self._revoke_bound_s = None
        self._stopping.set()

    # --- ports.Offsets ----------------------------------------------------------------------------------------

    async def commit(self, entries: Sequence[CommitEntry]) -> Committed | CommitFailed:
        """See `ports.Offsets`. Cancelling does not take a commit back that was handed to the thread."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Committed | CommitFailed] = loop.create_future()

        def commit(consumer: Client) -> None:
            # An entry of a closed epoch never reaches the client: the broker fences members, not partitions.
            current = [entry for entry in entries if self.assignments.epoch(entry.tp) == entry.epoch]
            closed = {entry.tp: "closed_epoch" for entry in entries if entry not in current}
            result = client.commit(consumer, current) if current else Committed()
            refused = {**closed, **(result.refused if isinstance(result, CommitFailed) else {})}
            self._bridge.tell_loop(_answer, answer, CommitFailed(refused) if refused else result)

        self._bridge.tell_thread(commit)
        return await answer

    def pause(self, tp: TP, epoch: Epoch) -> None:
        """See `ports.Offsets`."""
        place = [TopicPartition(*tp)]
        self._if_flowing(tp, epoch, lambda consumer: client.quietly(consumer.pause, place))

    def resume(self, tp: TP, epoch: Epoch) -> None:
        """See `ports.Offsets`."""
        place = [TopicPartition(*tp)]
        self._if_flowing(tp, epoch, lambda consumer: client.quietly(consumer.resume, place))

    def reread(self, tp: TP, epoch: Epoch) -> None:
        """See `ports.Offsets`."""

        def again(consumer: Client) -> None:
            if self.assignments.epoch(tp) == epoch:
                self.assignments.cut(consumer, tp, "records")

        self._bridge.tell_thread(again)

    def pause_all(self) -> None:
        """Fetch nothing more, for a stop: what is polled from now on would only be thrown away."""
        self._bridge.tell_thread(lambda consumer: client.quietly(consumer.pause, consumer.assignment()))

    def _if_flowing(self, tp: TP, epoch: Epoch, command: Command) -> None:
        """Carried out between two polls; by then the partition may have left, or be another assignment's."""

        def act(consumer: Client) -> None:
            if self.assignments.epoch(tp) == epoch and self.assignments.flows(tp):
                command(consumer)

        self._bridge.tell_thread(act)

    def _hear(self, records: Sequence[Record]) -> None:
        self._heard += 1
        self._sink.received(records)

    # --- the polling thread -----------------------------------------------------------------------------------

    def _thread_main(self, ended: asyncio.Future[None]) -> None:
        self._bridge.enter()
        failure: BaseException | None = None
        try:
            topic_ids = self._runtime.topic_ids(self._options.connection)
            self.assignments.connect(self._bridge, self._sink, topic_ids)
            failed = False
            while not self._stopping.is_set():
                failed = self._thread_live(topic_ids, after_failure=failed)
        except BaseException as error:  # noqa: BLE001 - the loop raises it: a thread has nobody to tell
            failure = error
        self._bridge.tell_loop(_finish, ended, failure)

    def _thread_live(self, topic_ids: TopicIds, *, after_failure: bool) -> bool:
        """The life of one client. True when it failed in a way that another one may not."""
        callbacks = {
            "error_cb": self._thread_error,
            "stats_cb": self._thread_statistics,
            "logger": LIBRARY_LOG,
        }
        consumer = self._runtime.client({**self._options.properties, **callbacks})
        try:
            if after_failure:
                self._thread_wait(consumer, REBUILD_S)
            if self._thread_prepare(consumer, topic_ids):
                self._thread_consume(consumer)
        except KafkaException as error:
            self._thread_failed(error)
            return True
        finally:
            consumer.close()
        return False

    def _thread_failed(self, error: KafkaException) -> None:
        """Lose everything and say why. Raises `StartupRefused` where another client would fail alike."""
        if not fatal.is_end(error.args[0]):
            raise error  # a call that we got wrong
        failed = fatal.verdict(error.args[0], fatal.Member.of(self._options.properties))
        if isinstance(failed, StartupRefused):
            raise failed
        self.joined = False
        self.waiting_for = failed.waiting_for
        self._bridge.tell_loop(self._on_error, failed.code)
        self._log.warning("kafka.client_rebuilt", error_type=failed.code, detail=failed.detail)
        self.assignments.lose_all()

    def _thread_prepare(self, consumer: Client, topic_ids: TopicIds) -> bool:
        """Wait for the brokers, check the topics, apply first starts. False when stopped meanwhile."""
        options, known = self._options, self.assignments.known
        topics = list(options.topics)
        while not self._stopping.is_set():
            try:
                metadata = consumer.list_topics(timeout=starts.FIRST_S)
                if not starts.is_mock(metadata):
                    options.checks(self._log)
                starts.require_topics(metadata, topics, options.dead_letter_topic)
                known.logs = {**starts.identify(consumer, topic_ids, topics), **known.logs}
                backlogs = starts.apply_starts(
                    consumer, options.topics, known, group_is_new=options.group_is_new
                )
            except KafkaException as error:
                self._thread_unreachable(consumer, error.args[0])
                continue
            for backlog in backlogs:
                how = "start" if backlog.first_start else "committed"
                self._log.info("backlog.found", topic=backlog.topic, records=backlog.records, begins_at=how)
            self.waiting_for = "waiting for the first assignment of the group"
            return True
        return False

    def _thread_unreachable(self, consumer: Client, error: KafkaError) -> None:
        code = error.name()
        self._bridge.tell_loop(self._on_error, code)
        self._login_refused = False
        consumer.poll(0)  # hears what went wrong on the connections
        self.waiting_for = LOGIN_REFUSED if self._login_refused else f"the brokers do not answer: {code}"
        self._log.warning("kafka.unreachable", error_type=code, detail=error.str())
        self._thread_wait(consumer, AGAIN_S)

    def _thread_wait(self, consumer: Client, seconds: float) -> None:
        """Do nothing but what the loop asks for."""
        ends = self._runtime.monotonic() + seconds
        while not self._stopping.is_set() and self._runtime.monotonic() < ends:
            self._thread_obey(consumer)
            self._stopping.wait(0.1)

    def _thread_obey(self, consumer: Client) -> None:
        for command in self._bridge.commands():
            command(consumer)

    def _thread_consume(self, consumer: Client) -> None:
        consumer.subscribe(
            list(self._options.topics),
            on_assign=self._thread_assigned,
            on_revoke=self._thread_revoked,
            on_lost=self.assignments.lost,
        )
        tick_at = 0.0
        while not self._stopping.is_set():
            self._thread_obey(consumer)
            if self._told - self._heard < AHEAD:
                self._thread_poll(consumer)
            else:  # the loop stands: if that lasts for max.poll.interval, the group gives our partitions to others
                self._stopping.wait(POLL_S)
            now = self._runtime.monotonic()
            self.last_poll, self.last_poll_wall = now, self._runtime.wall()
            if now >= tick_at:
                tick_at = now + 1.0
                self.assignments.tick(consumer)

    def _thread_poll(self, consumer: Client) -> None:
        """Wait for one message, then take what else is there: `consume(n, t)` would wait out t unless n arrive."""
        first = consumer.poll(POLL_S)
        if first is None:
            return
        polled = _place(first)
        before = self.assignments.epoch(polled)
        messages = consumer.consume(BATCH - 1, 0)
        # Else a rebalance inside `consume` has begun another assignment, which reads the first one again.
        if self.assignments.epoch(polled) == before:
            messages = [first, *messages]
        epochs: dict[TP, Epoch | None] = {}
        records: list[Record] = []
        for message in messages:
            tp = _place(message)
            epoch = self.assignments.epoch(tp)
            if epochs.setdefault(tp, epoch) != epoch:
                continue  # an error before it has begun another assignment, which reads it again
            if message.error() is not None:
                self._thread_hand_over(records)
                records = []
                self._thread_message_error(consumer, message, tp, epoch)
            elif epoch is not None:
                self.assignments.flowed(tp, message.leader_epoch())
                records.append(client.as_record(message, epoch))
        self._thread_hand_over(records)

    def _thread_hand_over(self, records: list[Record]) -> None:
        if records:
            self._told += 1
            self._bridge.tell_loop(self._hear, tuple(records))

    def _thread_message_error(self, consumer: Client, message: Message, tp: TP, epoch: Epoch | None) -> None:
        error = message.error()
        assert error is not None
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with an underscore
            if epoch is not None:
                self.assignments.flowed(tp, None)
                self._bridge.tell_loop(self._sink.reached_end, tp, epoch, message.offset() or 0)
        elif code == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            self.assignments.cut(consumer, tp, "client")
        elif fatal.is_end(error):
            raise KafkaException(error)
        else:
            if code in _TOPIC_UNKNOWN:
                self.assignments.suspect_topics()
            self._bridge.tell_loop(self._on_error, error.name())
            self._log.warning("kafka.error", error_type=error.name(), topic=tp.topic or None)

    def _thread_statistics(self, statistics: str) -> None:
        """The last stable offsets: what a read-committed consumer can read. The end that the client remembers goes further.

        Source: librdkafka, STATISTICS.md (`ls_offset`; negative while it is unknown).
        """
        topics = json.loads(statistics)["topics"]
        ends: dict[TP, int] = {}
        for tp in self.assignments.owned:
            end = (
                topics.get(tp.topic, {}).get("partitions", {}).get(str(tp.partition), {}).get("ls_offset", -1)
            )
            if end >= 0:
                ends[tp] = end
        self._bridge.tell_loop(self._sink.heard_ends, ends)

    def _thread_error(self, error: KafkaError) -> None:
        """librdkafka's global errors: brokers that are down, credentials that are refused."""
        self._login_refused |= error.code() == KafkaError._AUTHENTICATION  # noqa: SLF001
        self._bridge.tell_loop(self._on_error, error.name())
        self._log.warning("kafka.error", error_type=error.name(), detail=error.str())

    def _thread_assigned(self, consumer: Client, partitions: list[TopicPartition]) -> None:
        self.joined = True
        self.assignments.assigned(consumer, partitions)

    def _thread_revoked(self, consumer: Client, partitions: list[TopicPartition]) -> None:
        self.assignments.revoked(consumer, partitions, self._revoke_bound_s)


_TOPIC_UNKNOWN = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_TOPIC_ID,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
)


def _place(message: Message) -> TP:
    return TP(message.topic() or "", message.partition() or 0)


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
