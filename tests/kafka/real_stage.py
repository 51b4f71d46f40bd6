"""The stage of the real client: a real broker, and a wire on which single answers to commits are forged or lost.

The other stage is `tests/simulation/scripts/simulated.py`; the scripts know only what both have in common.
"""

import itertools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.kafka.member import _BY_PROTOCOL, new_topic, write
from tests.simulation.scripts.events import Events
from tests.simulation.scripts.stage import MAX_POLL_S, PATIENCE_S, SOCKET_S, GroupProtocol, Script
from tests.support.kafka import Cluster
from tests.support.offset_commit import read, refusal
from tests.support.wire import COORDINATOR, Api, Fate, Pass, Request, Wire

AT_ONCE = 8


class RealStage:
    """Implements `stage.Stage`. A context manager: what the script leaves open is closed."""

    def __init__(self, cluster: Cluster, bootstrap: str, protocol: GroupProtocol, topic: str) -> None:
        """`bootstrap`: the wire's, which asks `fate` about the requests of clients that this stage has made."""
        self.topic = topic
        self.protocol = protocol
        self.events = Events(with_empty=protocol == "consumer")
        self._cluster = cluster
        self._bootstrap = bootstrap
        self.group = f"{topic}-{uuid.uuid4().hex[:8]}"
        self._consumers: list[Consumer] = []
        self._cut: set[str] = set()
        self._answer: list[int | None] = []
        self._applied: list[tuple[int, int]] = []
        self._admin: Any = cluster.new_admin()
        self._serial = itertools.count()

    def __enter__(self) -> "RealStage":
        return self

    def __exit__(self, *_: object) -> None:
        for consumer in self._consumers:
            consumer.close()

    def run(self, script: Script) -> Mapping[str, Sequence[str]]:
        """Play it to its end; what was told."""
        script.play(self)
        return self.events.lines()

    def fate(self, request: Request) -> Fate:
        """Of a request that one of this stage's clients sends."""
        if request.client in self._cut and request.api in COORDINATOR:
            return Pass.SWALLOWED
        if request.api != Api.OFFSET_COMMIT:
            return Pass.ON
        error = self._answer.pop() if self._answer else 0
        if error:
            return refusal(request, error)
        self._applied += [(entry.partition, entry.offset) for entry in read(request).entries]
        return Pass.ON if error == 0 else Pass.UNANSWERED

    # --- stage.Stage ------------------------------------------------------------------------------------------

    def client(self, name: str) -> Any:
        """See `Stage`. Set as the connector sets its own, but for the times."""
        made = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "client.id": self._id(name),
                "group.id": self.group,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "socket.timeout.ms": round(SOCKET_S * 1000),
                "max.poll.interval.ms": round(MAX_POLL_S * 1000),
                "fetch.wait.max.ms": 100,
                "log_level": 0,
                **_BY_PROTOCOL[self.protocol],
            }
        )
        self._consumers.append(made)
        return made

    def now(self) -> float:
        """Of this machine."""
        return time.monotonic()

    def pass_time(self, seconds: float) -> None:
        """See `Stage`."""
        time.sleep(seconds)

    def produce(self, partition: int, count: int) -> None:
        """See `Stage`."""
        write(self._cluster, self.topic, [b"value"] * count, partition=partition)

    def transaction(self, partition: int, count: int) -> Callable[[bool], None]:
        """See `Stage`."""
        producer = Producer(
            {
                "bootstrap.servers": self._cluster.bootstrap,
                "transactional.id": f"{self.group}-{next(self._serial)}",
                "log_level": 0,
            }
        )
        producer.init_transactions(PATIENCE_S)
        producer.begin_transaction()
        for _ in range(count):
            producer.produce(self.topic, b"value", partition=partition)
        assert producer.flush(PATIENCE_S) == 0

        def finish(commit: bool) -> None:
            (producer.commit_transaction if commit else producer.abort_transaction)(PATIENCE_S)

        return finish

    def delete_records(self, partition: int, before: int) -> None:
        """See `Stage`."""
        place = TopicPartition(self.topic, partition, before)
        self._admin.delete_records([place])[place].result(PATIENCE_S)

    def answer_next_commit(self, error: int | None) -> None:
        """See `Stage`."""
        self._answer = [error]

    def cut(self, name: str) -> None:
        """See `Stage`."""
        self._cut.add(self._id(name))

    def mend(self, name: str) -> None:
        """See `Stage`."""
        self._cut.discard(self._id(name))

    def held(self, partition: int) -> tuple[int, str | None] | None:
        """See `Stage`. As a stranger reads it."""
        stranger = Consumer(
            {"bootstrap.servers": self._cluster.bootstrap, "group.id": self.group, "log_level": 0}
        )
        try:
            (found,) = stranger.committed([TopicPartition(self.topic, partition)], timeout=PATIENCE_S)
        finally:
            stranger.close()
        return None if found.offset < 0 else (found.offset, found.metadata or None)

    def applied(self) -> Sequence[tuple[int, int]]:
        """See `Stage`."""
        return tuple(self._applied)

    def _id(self, name: str) -> str:
        return f"{self.group}/{name}"


class Plays:
    """Plays scripts, several at once: most of the time they wait. A context manager."""

    def __init__(self, cluster: Cluster, two_leaders: str) -> None:
        """`two_leaders`: the topic for the scripts that want such a one."""
        self._cluster = cluster
        self._two_leaders = two_leaders
        self._wire = Wire(cluster.side_door(1))
        self._wire.fate = self._fate
        self._stages: dict[str, RealStage] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE)

    def __enter__(self) -> "Plays":
        self._wire.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._wire.__exit__(None, None, None)

    def begin(self, script: Script, protocol: GroupProtocol) -> Future[Mapping[str, Sequence[str]]]:
        """What was told, when it has been played."""
        return self._threads.submit(self._play, script, protocol)

    def _play(self, script: Script, protocol: GroupProtocol) -> Mapping[str, Sequence[str]]:
        topic = self._two_leaders
        if not script.two_leaders:
            topic = new_topic(self._cluster, partitions=script.partitions, records=script.records)
            self._wait_known(topic, script.partitions)
        with RealStage(self._cluster, self._wire.bootstrap, protocol, topic) as stage:
            self._stages[stage.group] = stage
            return stage.run(script)

    def _wait_known(self, topic: str, partitions: int) -> None:
        """Until the broker tells clients of a topic that its controller has made."""
        admin = self._cluster.new_admin()
        deadline = time.monotonic() + PATIENCE_S
        while len(admin.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions) != partitions:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _fate(self, request: Request) -> Fate:
        group, _, _ = request.client.partition("/")
        return self._stages[group].fate(request)
