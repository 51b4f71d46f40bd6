"""A release in a namespace of its own: broker, registry, Front, connectors and traffic, and what is then done to it.

What lives here: a stage and its verbs. Which faults there are, and which alerts they must bring about, is said in `faults.py`.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.demo.broker import EmbeddedBroker
from connector.demo.registry import EmbeddedRegistry, running_registry
from connector.simulator.server import running
from tests.kafka.conftest import COMPANIES, MESSAGES, Connector, Site, Topic
from tests.support.estates import world
from tests.support.kafka import Kafka
from tests.support.prometheus import Target
from tests.support.service import eventually

READY_WITHIN_S = 300.0
"""Twenty processes start at once, on whatever there is of CPU."""
NAP_S = 0.05
TICK_S = 0.5
"""Every so often each stage gets its traffic."""


class Embedded(Kafka):
    """The demo's broker, with the verbs that a place to test in needs of a Kafka."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        super().__init__(broker.bootstrap)
        self.broker = broker

    def create_topic(
        self, name: str | None = None, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        """It has no settings of topics, and takes records of any size."""
        name = name or f"topic-{len(self.created)}"
        self.broker.create_topic(name, partitions)
        self.created.append(name)
        return name


@dataclass(slots=True)
class Stage:
    """One namespace. `tick` is its traffic, called twice a second; a fault may replace it."""

    name: str
    site: Site
    registry: EmbeddedRegistry
    folder: Path
    topic: Topic
    partitions: int
    connectors: list[Connector] = field(default_factory=list)
    tick: Callable[[], object] | None = None
    struck_at: float | None = None
    """When the fault was injected, Unix seconds."""
    ended: threading.Event = field(default_factory=threading.Event)
    """The drill is over: what a fault does again and again may stop."""
    _ticks: int = 0

    @property
    def connector(self) -> Connector:
        """The first one."""
        return self.connectors[0]

    @property
    def broker(self) -> EmbeddedBroker:
        """Its broker, where it is the embedded one."""
        assert isinstance(self.site.kafka, Embedded)
        return self.site.kafka.broker

    def add(self, settings: Mapping[str, Any] | None = None, *topics: Topic) -> Connector:
        """One more process of this release's group, not started."""
        made = self.site.connector(*(topics or (self.topic,)), settings=settings, group=f"group-{self.name}")
        self.connectors.append(made)
        return made

    def message(self) -> None:
        """A good message, of another company each time."""
        self._ticks += 1
        line = COMPANIES[self._ticks % len(COMPANIES)].chat[0].id
        self.site.message(self.topic, line_id=line, partition=self._ticks % self.partitions)

    def bad(self) -> None:
        """A record that is no Avro."""
        self.site.send(self.topic, b"not avro")

    def targets(self) -> Iterator[Target]:
        """Its processes that run, as an operator's monitor would name them: an instance keeps its name over restarts."""
        for number, connector in enumerate(self.connectors):
            if connector.log.exists() and (started := connector.events("connector.started")):
                yield Target(
                    address=f"127.0.0.1:{started[-1]['port']}",
                    namespace=self.name,
                    pod=f"front-connector-{number}",
                    instance=f"{self.name}-{number}",
                )


@contextmanager
def staged(
    name: str, folder: Path, *, partitions: int = 2, kafka: Kafka | None = None, **mapping: object
) -> Iterator[Stage]:
    """A stage without connectors. `kafka`: a real one in place of the embedded; `mapping`: as for `Site.topic`."""
    with ExitStack() as stack:
        if kafka is None:
            kafka = Embedded(stack.enter_context(EmbeddedBroker()))
        registry = stack.enter_context(running_registry())
        front = stack.enter_context(running(world()))
        site = Site(kafka, registry.url, front, folder / name)
        stack.callback(site.close)
        topic = site.topic(MESSAGES, partitions, **mapping)
        stage = Stage(name, site, registry, folder / name, topic, partitions)
        stack.callback(stage.ended.set)
        yield stage


class Traffic:
    """Calls every stage's tick until it is stopped. A context manager; errors end the drill."""

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self._stages = stages
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self.failed: BaseException | None = None

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                for stage in self._stages.values():
                    tick = stage.tick
                    if tick is not None:
                        tick()
            except BaseException as error:
                self.failed = error
                raise
            took = time.monotonic() - began
            self._over.wait(max(0.0, TICK_S - took))


class Sleeper:
    """Sleeps, and notes how late it wakes: the witness of how busy this machine is. A context manager."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sleeper", daemon=True)
        self.late_s = 0.0

    def __enter__(self) -> "Sleeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        slept_at = time.monotonic()
        while not self._over.wait(NAP_S):
            now = time.monotonic()
            self.late_s = max(self.late_s, now - slept_at - NAP_S)
            slept_at = now


def begin(connectors: list[Connector]) -> None:
    """Start processes at once, and wait until all are ready."""
    for connector in connectors:
        connector.start()
    for connector in connectors:
        eventually(lambda c=connector: _ready(c), READY_WITHIN_S, f"readiness of {connector.config}")  # type: ignore[misc]


def _ready(connector: Connector) -> bool:
    assert connector.running, connector.log.read_text()[-3000:]
    with contextlib.suppress(Exception):
        return connector.get("/readyz").status_code == 200
    return False
