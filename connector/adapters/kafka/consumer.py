"""The consumer: a thread that polls, and the loop's handle on it.

The thread never waits for Front. It hands records over in batches, stamped with the epoch that is valid when the poll
returned; it answers rebalances (`assignments.py`: waiting, within a bound, for the pipeline to drain); and it does what the
loop asks between two polls. Commits are among that, and synchronous: docs/decisions/commits.md says why.
A client that fails for good is replaced (`fatal.py` says when), and so is one that cannot take up new credentials
(`renewal.py`).
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from connector.adapters.kafka import client, fatal, starts
from connector.adapters.kafka.assignments import Assignments
from connector.adapters.kafka.heard import Heard
from connector.adapters.kafka.options import SourceOptions
from connector.adapters.kafka.protocols import Client, Command, TopicIds
from connector.adapters.kafka.renewal import NOT_MADE, Credentials, Renewal, error_of, give_password
from connector.adapters.kafka.runtime import Runtime
from connector.core.offset_map import CommitEntry
from connector.core.records import Epoch, Record
from connector.core.records import TopicPartition as TP
from connector.ports import CommitFailed, Committed, EventLog, RecordSink, StartupRefused

LIBRARY_LOG = logging.getLogger("librdkafka")
BATCH = 500
POLL_S = 0.05
"""The longest a command of the loop waits for the thread."""
AHEAD = 4
"""Batches that the loop may have been told of and not yet heard: beyond that nothing is polled, so that memory is bounded."""
AGAIN_S = 2.0
REBUILD_S = 5.0
"""Before a client that failed is followed by another one."""


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
        self._credentials = Credentials(options.connection)
        self._running = False
        self.replacing = False
        """Whether the client drains, to be followed by one with other credentials."""
        self.heard = Heard(runtime.monotonic)
        self.joined = False
        self.waiting_for = "waiting for the brokers"
        """Why it has not joined the group yet."""
        self.connected_brokers: int | None = None
        """As the client last said, 0 while there is no client; None: it has not said so yet, or is told not to."""
        self.last_poll_wall: float | None = None
        self.last_poll: float = runtime.monotonic()

    async def run(self, sink: RecordSink) -> None:
        """Consume until `close`. Raises `StartupRefused`; anything else is a defect."""
        loop = asyncio.get_running_loop()
        self._sink = sink
        self._bridge = self._runtime.bridge(loop)
        self._running = True
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

    def renew(self, renewal: Renewal) -> None:
        """Log in with these from now on; if need be with another client, once this one has drained."""
        self._credentials.renew(renewal)
        if self._running and not renewal.rebuild:
            self._bridge.tell_thread(self._thread_give_password)

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
            failed = False
            while not self._stopping.is_set():
                failed = self._thread_live(after_failure=failed)
        except BaseException as error:  # noqa: BLE001 - the loop raises it: a thread has nobody to tell
            failure = error
        self._bridge.tell_loop(_finish, ended, failure)

    def _thread_live(self, *, after_failure: bool) -> bool:
        """The life of one client. True when it failed in a way that another one may not."""
        self._credentials.taken_up()
        made = self._thread_make()
        if made is None:
            self._stopping.wait(REBUILD_S)
            return False
        consumer, topic_ids = made
        self.assignments.connect(self._bridge, self._sink, topic_ids)
        try:
            if after_failure:
                self._thread_wait(consumer, REBUILD_S)
            if self._thread_prepare(consumer, topic_ids):
                self._thread_consume(consumer)
        except KafkaException as error:
            self._thread_failed(error)
            return True
        finally:
            self._thread_close(consumer)
        return False

    def _thread_make(self) -> tuple[Client, TopicIds] | None:
        """A client, and who tells topic ids. None, and said why, if it has no token, or a file of its is of no use now."""
        properties, connection = (
            {**self._options.properties, **self._credentials.renewed},
            self._credentials.connection,
        )
        callbacks = {
            "error_cb": self._thread_error,
            "stats_cb": self._thread_statistics,
            "logger": LIBRARY_LOG,
        }
        try:
            return self._runtime.client({**properties, **callbacks}), self._runtime.topic_ids(connection)
        except NOT_MADE as failed:
            error = error_of(failed)
        self.waiting_for = f"no Kafka client can be made: {error.str()}"
        self._log.warning("kafka.unreachable", error_type=error.name(), detail=error.str())
        return None

    def _thread_close(self, consumer: Client) -> None:
        """Leave the group. For a client that is to be replaced that is a revoke of all it has."""
        if self._credentials.outdated and not self._stopping.is_set():
            self.replacing, self.joined = True, False
            self.waiting_for = "a new Kafka client, with other credentials, joins the group"
            self._log.info("kafka.client_renewed", partitions=len(self.assignments.owned))
        consumer.close()
        self.replacing = False
        self.connected_brokers = None if self.connected_brokers is None else 0

    def _thread_give_password(self, consumer: Client) -> None:
        give_password(consumer, self._credentials.connection)
        topic_ids = self._runtime.topic_ids(self._credentials.connection)
        self.assignments.connect(self._bridge, self._sink, topic_ids)

    @property
    def _thread_ends(self) -> bool:
        """Whether the client has had its time."""
        return self._stopping.is_set() or self._credentials.outdated

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
        while not self._thread_ends:
            try:
                metadata = consumer.list_topics(timeout=starts.FIRST_S)
                if not starts.is_mock(metadata):
                    options.checks(self._log, self._credentials.connection)
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
        self.heard.clear()
        consumer.poll(0)  # hears what went wrong on the connections
        self.waiting_for = self.heard.refusal or f"the brokers do not answer: {code}"
        self._log.warning("kafka.unreachable", error_type=code, detail=error.str())
        self._thread_wait(consumer, AGAIN_S)

    def _thread_wait(self, consumer: Client, seconds: float) -> None:
        """Do nothing but what the loop asks for."""
        ends = self._runtime.monotonic() + seconds
        while not self._thread_ends and self._runtime.monotonic() < ends:
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
        while not self._thread_ends:
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
        """Of its connections, and of the ends of the logs."""
        told = json.loads(statistics)
        self.connected_brokers = client.connected_brokers(told["brokers"].values())
        ends = client.stable_ends(told["topics"], self.assignments.owned)
        self._bridge.tell_loop(self._sink.heard_ends, ends)

    def _thread_error(self, error: KafkaError) -> None:
        """librdkafka's global errors: brokers that are down, credentials that are refused."""
        self.heard.hear(error)
        self._bridge.tell_loop(self._on_error, error.name())
        self._log.warning("kafka.error", error_type=error.name(), detail=error.str())

    def _thread_assigned(self, consumer: Client, partitions: list[TopicPartition]) -> None:
        self.joined = True
        self.assignments.assigned(consumer, partitions)

    def _thread_revoked(self, consumer: Client, partitions: list[TopicPartition]) -> None:
        bound_s = self._revoke_bound_s
        if bound_s is not None and self.replacing:
            bound_s = self._options.rebuild_bound_s
        self.assignments.revoked(consumer, partitions, bound_s)


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
