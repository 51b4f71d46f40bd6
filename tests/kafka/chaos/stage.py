"""Where faults happen: three brokers and a registry for all scenarios; topics, group, Front and connectors for each.

What lives here: starting and stopping, and what an operator sees from outside (lag, the group's coordinator). Which fault
strikes is said in `faults.py`; whether anything was harmed, in `judge.py`.
"""

import itertools
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient

from connector.core.records import TopicPartition
from connector.demo.estate import Estate
from connector.demo.events import TOPICS
from tests.kafka.chaos.front import Doors, running_front
from tests.kafka.chaos.history import topic_id
from tests.kafka.chaos.load import Load
from tests.kafka.conftest import LATEST, Topic, over
from tests.support.kafka import Cluster
from tests.support.service import Service, eventually
from tests.support.tcp_proxy import TcpProxy
from tests.support.wire import Wire

Protocol: TypeAlias = Literal["classic", "consumer"]

SESSION_S = 4.0
DEADLINE_S = 1.5
COMMIT_INTERVAL_S = 0.3
NAMES = ("a", "b", "c")
"""The connectors. Only the first reaches the brokers through the wires, which may be cut."""

BROKER_SETTINGS = {
    "min.insync.replicas": "2",
    "group.consumer.session.timeout.ms": str(int(SESSION_S * 1000)),
}
PARTITIONS = dict(zip(TOPICS, (6, 6, 3, 3), strict=True))

HEARTBEATS: Mapping[Protocol, Mapping[str, str]] = {
    "classic": {"heartbeat.interval.ms": "500"},
    "consumer": {},
}
"""The client's default is 3 s, of which a rebalance takes one or two. Under KIP-848 the broker says how often."""

SETTINGS: Mapping[str, Any] = {
    "kafka": {"session_timeout_s": SESSION_S},
    "front": {
        "request_deadline_s": DEADLINE_S,
        "connect_timeout_s": 0.5,
        "hold_probe_s": 1.0,
        "retry": {"base_s": 0.05, "cap_s": 0.5},
    },
    "registry": {"timeout_s": 2.0},
    # Few enough in flight that a burst queues behind them.
    "limits": {"in_flight": 6, "commit_interval_s": COMMIT_INTERVAL_S, "revoke_drain_s": 2.0, "drain_s": 5.0},
}


@dataclass(slots=True)
class Stage:
    """Shared by all scenarios. `registry` is where records are written by, `registry_proxy` where connectors read."""

    cluster: Cluster
    registry: str
    registry_proxy: TcpProxy
    wires: Mapping[int, Wire]
    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def registry_by_proxy(self) -> str:
        """The registry's address for the connectors."""
        url = urlsplit(self.registry)
        return url._replace(netloc=f"127.0.0.1:{self.registry_proxy.port}").geturl()


@contextmanager
def running_stage(cluster: Cluster, registry: str, folder: Path) -> Iterator[Stage]:
    """The stage, with the wires and the proxy in place."""
    with ExitStack() as stack:
        stack.enter_context(cluster)
        wires = {node: stack.enter_context(Wire(cluster.side_door(node))) for node in (1, 2, 3)}
        port = urlsplit(registry).port
        assert port is not None
        yield Stage(cluster, registry, stack.enter_context(TcpProxy(port)), wires, folder)


class Play:
    """One scenario: everything that it does not share. `topics`: its own name of each of the demo's topics."""

    def __init__(self, stage: Stage, protocol: Protocol, front: Doors, load: Load) -> None:
        self.stage = stage
        self.protocol = protocol
        self.front = front
        self.load = load
        self.topics = dict(load.topics)
        self.group = f"chaos-{uuid.uuid4().hex[:8]}"
        self.letters_topic = stage.cluster.create_topic()
        self.folder = stage.folder / self.group
        self.trouble = ""
        """Why the brokers could not say last time."""
        self._admin: AdminClient = stage.cluster.new_admin()
        self.connectors = {name: self._connector(name) for name in NAMES}

    @property
    def config(self) -> Path:
        """One of the configurations: they differ in addresses only."""
        return self.connectors[NAMES[0]].config

    def start(self, *names: str) -> None:
        """Start connectors and wait until each has sent something."""
        for name in names:
            self.connectors[name].start()
        for name in names:
            self.wait_for(name, 45)

    def wait_for(self, name: str, within_s: float) -> None:
        """Until a connector sends something more."""
        before = self.front.arrived_by(name)
        eventually(
            lambda: self._runs(name) and self.front.arrived_by(name) > before, within_s, f"work of {name}"
        )

    def wait_settled(self, within_s: float, *names: str) -> None:
        """Until everything is committed, while these run."""
        ends = time.monotonic() + within_s
        while (behind := self.behind()) != {}:
            assert all(map(self._runs, names))
            assert time.monotonic() < ends, f"not committed within {within_s} s: {behind} {self.trouble}"
            time.sleep(0.1)

    def _runs(self, name: str) -> bool:
        """True; one that has ended will never do what is waited for: say so at once."""
        connector = self.connectors[name]
        assert connector.running, f"connector {name} has ended:\n{connector.log.read_text()[-3000:]}"
        return True

    def stop(self, *names: str) -> None:
        """SIGTERM to all of them at once; each ends in order."""
        for name in names:
            self.connectors[name].ask_to_end()
        for name in names:
            connector = self.connectors[name]
            code = connector.wait(30)
            assert code == 0, f"connector {name} ended with {code}:\n{connector.log.read_text()[-3000:]}"

    def close(self) -> None:
        """Whatever still runs is killed."""
        for connector in self.connectors.values():
            connector.stop()
        self.load.close()

    def coordinator(self) -> int:
        """The broker that coordinates the group, as the brokers say. Raises KafkaException while they cannot."""
        # A client of its own: one that remembers a coordinator ends the process (librdkafka 2.16, a null pointer) when it
        # asks it for offsets and hears that another is the coordinator now.
        admin = self.stage.cluster.new_admin()
        described = admin.describe_consumer_groups([self.group], request_timeout=10)
        return int(described[self.group].result(10).coordinator.id)

    def behind(self) -> dict[TopicPartition, int] | None:
        """Records that no commit of the group calls settled, where there are any; None while the brokers cannot say."""
        try:
            asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.group)])
            told = asked[self.group].result(5).topic_partitions
            committed: dict[TopicPartition, int] = {
                TopicPartition(tp.topic, tp.partition): tp.offset for tp in told
            }
            ends = self.ends()
        except KafkaException as error:
            # A client of ours may cling to a broker that was frozen: what it sees is not what is to be judged.
            self._admin = self.stage.cluster.new_admin()
            self.trouble = str(error)
            return None
        lags = {tp: end - max(0, committed.get(tp, 0)) for tp, end in ends.items()}
        return {tp: lag for tp, lag in lags.items() if lag}

    def topic_ids(self) -> dict[bytes, str]:
        """Names of the scenario's topics by their ids."""
        described = self._admin.describe_topics(TopicCollection(list(self.topics.values())))
        return {topic_id(str(future.result(10).topic_id)): name for name, future in described.items()}

    def ends(self) -> dict[TopicPartition, int]:
        """Where the logs end. Raises KafkaException while a broker cannot say."""
        wanted = {
            KafkaPartition(self.topics[like], number): LATEST
            for like, count in PARTITIONS.items()
            for number in range(count)
        }
        found = self._admin.list_offsets(wanted)
        return {TopicPartition(tp.topic, tp.partition): one.result(5).offset for tp, one in found.items()}

    def ends_again(self, within_s: float) -> dict[TopicPartition, int]:
        """Where the logs end, as soon as the brokers can say: a new leader cannot at once (OFFSET_NOT_AVAILABLE, KIP-207)."""
        gives_up = time.monotonic() + within_s
        while True:
            try:
                return self.ends()
            except KafkaException:
                if time.monotonic() > gives_up:
                    raise
                time.sleep(0.1)

    def _connector(self, name: str) -> Service:
        """Not started. The first goes through the wires to the brokers."""
        folder = self.folder / name
        mappings = folder / "rewritten"
        mappings.mkdir(parents=True)
        for like, topic in self.topics.items():
            text = Topic(name=topic, like=like).mapping_file()
            (mappings / f"{topic}.yaml").write_text(text, "utf-8")
        through = ",".join(wire.bootstrap for wire in self.stage.wires.values())
        own = {
            "instance": name,
            "kafka": {"group_protocol": self.protocol, "properties": HEARTBEATS[self.protocol]},
            "dead_letter": {"topic": self.letters_topic},
        }
        estate = Estate(
            bootstrap=through if name == NAMES[0] else self.stage.cluster.bootstrap,
            registry_url=self.stage.registry_by_proxy,
            front_url=self.front.urls[name],
            group=self.group,
            mapping_files=mappings,
            settings=over(SETTINGS, own),
        )
        return Service(estate.write(folder))


@contextmanager
def new_play(stage: Stage, protocol: Protocol, seed: int) -> Iterator[Play]:
    """A scenario's own things, none started but Front."""
    number = next(stage.numbers)
    topics = {like: f"chaos-{number}.{like}" for like in TOPICS}
    for like, topic in topics.items():
        stage.cluster.create_topic(topic, PARTITIONS[like])
    with running_front(NAMES, seed) as front:
        load = Load(stage.cluster.bootstrap, stage.registry, topics, seed)
        play = Play(stage, protocol, front, load)
        try:
            yield play
        finally:
            play.close()
