"""Real Kafka for tests: found on this machine or started, with the same few verbs whatever it is.

What lives here: where a Kafka comes from (an address that was given, Docker, Java), a cluster of brokers as
processes that a test may stop, freeze and kill, and the creation of topics. What is missing is told as a
value; the plugin decides what follows.
"""

import os
import random
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.java import JVM_FLAGS, Java, Missing, fetch, find_java
from tests.support.process import Guarded

BOOTSTRAP_ENV = "KAFKA_BOOTSTRAP"
NEEDED = f"set {BOOTSTRAP_ENV} to a broker's address, start Docker, or install Java 17+ and Maven"
JARS_NEEDED = "install Java 17+ and Maven"

# Testcontainers' module knows Confluent's image. Kafka 3.9: its groups are classic ones only.
IMAGE = "confluentinc/cp-kafka:7.9.1"

HEAP = "-Xmx384m"
# Below what systems give to connections and to who asks for any port (from 32768 on Linux, 49152 on macOS): a port that
# was asked for so, and let go, may be another's before a JVM has started. In another order in each process that runs tests
# (not by `random` alone, which hypothesis seeds).
_PORTS = iter(random.SystemRandom().sample(range(20_000, 32_000), 12_000))
READY_WITHIN_S = 60.0
ADMIN_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Given:
    """A Kafka that somebody else runs; its topics are deleted when the tests end, nothing else is touched."""

    bootstrap: str


@dataclass(frozen=True, slots=True)
class Docker:
    """An engine that answered a ping."""


@dataclass(frozen=True, slots=True)
class Jars:
    """A broker's class path, and the Java to run it."""

    java: Java
    folder: Path


Source: TypeAlias = Given | Docker | Jars


@cache
def find_kafka() -> Source | Missing:
    """The first of: an address given, Docker, Java. May fetch jars the first time; starts no broker."""
    given = os.environ.get(BOOTSTRAP_ENV)
    if given:
        return Given(given)
    if _docker_answers():
        return Docker()
    return find_jars()


@cache
def find_jars() -> Jars | Missing:
    """What a broker as a process of our own needs."""
    java = find_java()
    if isinstance(java, Missing):
        return java
    folder = fetch("kafka", "copy-dependencies")
    return folder if isinstance(folder, Missing) else Jars(java, folder)


class Kafka:
    """Any Kafka, by its address."""

    def __init__(self, bootstrap: str) -> None:
        """`bootstrap`: host:port, several divided by commas."""
        self.bootstrap = bootstrap
        self.created: list[str] = []

    def new_admin(self) -> AdminClient:
        """An admin client. Keep it referenced until the futures that it gave have resolved."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def create_topic(
        self, name: str | None = None, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        """Create a topic, replicated by the brokers' default, and return its name; None makes up a new one.

        Blocks until it is created; raises KafkaException when the broker refuses.
        """
        name = name or f"test-{uuid.uuid4().hex[:12]}"
        topic = NewTopic(name, num_partitions=partitions, replication_factor=-1, config=dict(config or {}))
        admin = self.new_admin()
        admin.create_topics([topic], operation_timeout=ADMIN_WITHIN_S)[name].result(ADMIN_WITHIN_S)
        self.created.append(name)
        return name

    def delete_created(self) -> None:
        """Delete what `create_topic` made: a Kafka that was given is left as it was found."""
        if self.created:
            admin = self.new_admin()
            for deleted in admin.delete_topics(self.created).values():
                deleted.result(ADMIN_WITHIN_S)
            self.created.clear()


@dataclass(frozen=True, slots=True)
class SideDoor:
    """A second address of a broker, for clients that must pass a `wire.Wire`: who comes by it stays on it.

    The broker tells those clients to connect to `announced`, where the wire listens; it `leads_to` the broker.
    """

    announced: int
    leads_to: int


@dataclass(slots=True)
class _Broker:
    """A broker's place on disk and its ports, kept over restarts, and its process while it has one."""

    node: int
    client_port: int
    controller_port: int
    side_door: "SideDoor"
    directory: Path
    process: Guarded | None = field(default=None)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    @property
    def running(self) -> Guarded:
        assert self.process is not None, f"broker {self.node} is not running"
        return self.process


class Cluster(Kafka):
    """One to three brokers, counted from 1; each a JVM of ours and its own controller (KRaft, combined mode).

    A context manager. Three survive the loss of one; with one or two, any loss leaves no controller.
    """

    flags: tuple[str, ...] = ()
    """More of them for the JVM."""

    def __init__(
        self, jars: Jars, directory: Path, *, brokers: int = 1, settings: Mapping[str, str] | None = None
    ) -> None:
        """`settings` are a broker's properties, over the ones of this module."""
        assert brokers in {1, 2, 3}
        self._jars = jars
        ports = iter(free_ports(4 * brokers))
        self._brokers = [
            _Broker(
                node,
                next(ports),
                next(ports),
                SideDoor(next(ports), next(ports)),
                directory / f"broker-{node}",
            )
            for node in range(1, brokers + 1)
        ]
        super().__init__(",".join(broker.address for broker in self._brokers))
        for broker in self._brokers:
            broker.directory.mkdir(parents=True)
            properties = {**self._properties(broker), **(settings or {})}
            _server_properties(broker).write_text(
                "".join(f"{k}={v}\n" for k, v in properties.items()), "utf-8"
            )

    def __enter__(self) -> Self:
        try:
            self._format()
            for broker in self._brokers:
                self._launch(broker)
            for broker in self._brokers:
                self._wait(broker, nodes={other.node for other in self._brokers})
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill every broker: what they held is thrown away with the folder."""
        for broker in self._brokers:
            if broker.process is not None:
                broker.process.kill()

    def kill(self, node: int) -> None:
        """End a broker as a lost machine would."""
        self._broker(node).running.kill()

    def stop(self, node: int) -> None:
        """End a broker in order: it hands its partitions over first."""
        self._broker(node).running.stop()

    def start(self, node: int) -> None:
        """Start a stopped or killed broker again, on its old ports and disk, and wait until it answers."""
        broker = self._broker(node)
        assert broker.process is None or not broker.process.alive, f"broker {node} is running"
        self._launch(broker)
        self._wait(broker, nodes={node})

    def freeze(self, node: int) -> None:
        """Stop a broker's clock; its connections stay open and nobody answers."""
        self._broker(node).running.freeze()

    def thaw(self, node: int) -> None:
        """Let a frozen broker go on."""
        self._broker(node).running.thaw()

    def pid(self, node: int) -> int:
        """A broker's process id."""
        return self._broker(node).running.pid

    def side_door(self, node: int) -> SideDoor:
        """Where a wire between clients and this broker begins and ends."""
        return self._broker(node).side_door

    def _broker(self, node: int) -> _Broker:
        return self._brokers[node - 1]

    def _properties(self, broker: _Broker) -> dict[str, str]:
        listeners = f"CLIENT://{broker.address},CONTROLLER://127.0.0.1:{broker.controller_port}"
        door = broker.side_door
        replicas = str(len(self._brokers))
        return {
            "process.roles": "broker,controller",
            "node.id": str(broker.node),
            "controller.quorum.voters": ",".join(
                f"{b.node}@127.0.0.1:{b.controller_port}" for b in self._brokers
            ),
            "listeners": f"{listeners},SIDE://127.0.0.1:{door.leads_to}",
            "advertised.listeners": f"{listeners},SIDE://127.0.0.1:{door.announced}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,SIDE:PLAINTEXT",
            "listener.name.side.num.network.threads": "1",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(broker.directory / "data"),
            "default.replication.factor": replicas,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": "1",
            **_PROPERTIES,
        }

    def _format(self) -> None:
        cluster = uuid.uuid4().hex[:22]
        tools = [
            self._jvm(
                broker,
                "kafka.tools.StorageTool",
                "format",
                "-t",
                cluster,
                "-c",
                str(_server_properties(broker)),
            )
            for broker in self._brokers
        ]
        with ExitStack() as ended:
            for tool in tools:
                ended.callback(tool.kill)
            for tool in tools:
                if tool.wait(READY_WITHIN_S) != 0:
                    raise RuntimeError(
                        f"Kafka's storage was not formatted. The end of the log:\n{tool.log_tail()}"
                    )

    def _launch(self, broker: _Broker) -> None:
        broker.process = self._jvm(broker, "kafka.Kafka", str(_server_properties(broker)))

    def _jvm(self, broker: _Broker, main: str, *arguments: str) -> Guarded:
        flags = [*JVM_FLAGS, *self.flags, HEAP, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        command = [str(self._jars.java.java), *flags, "-cp", f"{self._jars.folder}/*", main, *arguments]
        return Guarded(command, log=broker.directory / "broker.log", directory=broker.directory)

    def _wait(self, broker: _Broker, *, nodes: set[int]) -> None:
        """Until `broker` itself says that `nodes` are in the cluster."""
        admin = AdminClient(
            {"bootstrap.servers": broker.address, "log_level": 0, "reconnect.backoff.max.ms": 200}
        )
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline and broker.running.alive:
            try:
                if nodes <= {node.id for node in admin.describe_cluster(request_timeout=1.0).result().nodes}:
                    return
            except KafkaException:
                pass
            time.sleep(0.02)
        raise RuntimeError(
            f"Kafka's broker {broker.node} did not start. The end of its log:\n{broker.running.log_tail()}"
        )


# Sources: Kafka's broker configuration reference; KIP-848 for `group.consumer.*`.
_PROPERTIES = {
    "auto.create.topics.enable": "false",
    # A test knows its topics: a mistyped name must fail, and a group must not wait for members that never
    # come.
    "group.initial.rebalance.delay.ms": "0",
    # Clients may be declared dead within a test's patience; the defaults are 6 and 45 s.
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "200",
    "group.consumer.assignment.interval.ms": "0",
    # The same for a broker that another one has not heard of.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "replica.lag.time.max.ms": "3000",
    # Less to create on the first commit and the first transaction.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "2",
    # 128 MiB by default, out of a heap of 384.
    "log.cleaner.dedupe.buffer.size": "4194304",
}


@contextmanager
def running_kafka(source: Source, directory: Path) -> Iterator[Kafka]:
    """The Kafka of `source`, started if it must be; ends with what was started."""
    match source:
        case Given(bootstrap):
            kafka = Kafka(bootstrap)
            try:
                yield kafka
            finally:
                kafka.delete_created()
        case Docker():
            # Imported here: the module speaks to an engine when it is imported.
            from testcontainers.community.kafka import KafkaContainer

            container = (
                KafkaContainer(IMAGE).with_kraft().with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
            )
            with container:
                yield Kafka(container.get_bootstrap_server())
        case Jars():
            with Cluster(source, directory) as cluster:
                yield cluster


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of 127.0.0.1 that nobody has now, and that no connection will take before they are used: each is given once."""
    found: list[int] = []
    for port in _PORTS:
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return tuple(found)
    raise RuntimeError("this process has used up all ports for tests")


def _docker_answers() -> bool:
    # An installed docker command proves nothing: only an engine that answers does. Asked in a process of its
    # own, because the library leaves its socket open when nobody answers.
    ask = "import docker; docker.from_env(timeout=2).ping()"
    try:
        return (
            subprocess.run(
                [sys.executable, "-c", ask], capture_output=True, timeout=20, check=False
            ).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


def _server_properties(broker: _Broker) -> Path:
    return broker.directory / "server.properties"
