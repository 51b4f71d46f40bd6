"""Connectors within the test: the real consumer and the real pipeline on real brokers, before a scripted Front.

What lives here: a group's members, and the Front that they share. The settings pass through the product's own wiring. The
laws that hold whatever happens are in `inside_laws.py`. Where an HTTP client or a process of its own matters,
`conftest.py` has connectors as users run them.
"""

import asyncio
import itertools
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from confluent_kafka import ConsumerGroupTopicPartitions, Producer
from confluent_kafka import TopicPartition as KafkaPartition

from connector.adapters.kafka import KafkaSource
from connector.app import wiring
from connector.app.clock import SystemClock
from connector.config import Loaded
from connector.config.settings import Settings
from connector.core.answers import Answer, Answered, Unknown
from connector.core.http_request import HttpRequest
from connector.core.mapping import ChannelDirectory
from connector.core.offset_map import Believed, LogIdentity, read
from connector.core.records import Channel, TopicPartition
from connector.pipeline import Pipeline, World
from tests.kafka.chaos.history import Commit, read_history
from tests.kafka.conftest import over
from tests.kafka.member import Protocol
from tests.support.kafka import Cluster
from tests.support.service import eventually
from tests.support.world import DeadLetterTopic, Facts, Schemas, mappings, record

SESSION_S = 6.0
"""What the tests' brokers use for the consumer protocol; members of classic groups ask for the same."""
SETTINGS: Mapping[str, Any] = {
    "kafka": {"session_timeout_s": SESSION_S, "properties": {"fetch.wait.max.ms": "20"}},
    "front": {
        "apps": {"main": {"token": "none"}},
        "connect_timeout_s": 0.1,
        "request_deadline_s": 4.0,
        "token_life_s": 15.0,
        "rate_limit": {"company_per_minute": 0, "channel_per_second": 0},
        "retry": {"base_s": 0.02, "cap_s": 0.2},
    },
    "mappings": {"folder": "none"},
    "limits": {"commit_interval_s": 0.1, "revoke_drain_s": 3.0},
}


async def until(holds: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Wait until it holds."""
    ends = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends, f"{what} did not come true within {within_s} s"
        await asyncio.sleep(0.01)


# --- Front ----------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Request:
    """One that arrived. Times are wall clock; `ended` and `accepted` are its answer, None and False if it was cut off."""

    member: str
    tp: TopicPartition
    offset: int
    key: str
    content: bytes
    at: float
    ended: float | None = None
    accepted: bool = False
    cut_off: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.tp.partition, self.offset


@dataclass(slots=True)
class Front:
    """Shared by the members of a group. Both scripts may be replaced at any time."""

    holds: Callable[[Request], bool] = lambda _request: False
    """Keeps a request without an answer while it is true; after its deadline nobody knows what became of it."""
    script: Callable[[Request], Answer] = lambda _request: Answered(202)
    requests: list[Request] = field(default_factory=list)

    def of(self, member: "Member") -> list[Request]:
        """Those that a member sent."""
        return [request for request in self.requests if request.member == member.name]

    def accepted(self, partition: int | None = None) -> set[int]:
        """Offsets of a partition that were accepted; of all if none is named."""
        return {
            request.offset
            for request in self.requests
            if request.accepted and partition in (None, request.tp.partition)
        }

    def sent_once(self, *partitions: int) -> bool:
        """Whether no request of these partitions was made twice."""
        places = Counter(request.place for request in self.requests if request.tp.partition in partitions)
        return set(places.values()) == {1}

    def waiting(self) -> list[Request]:
        """Those that have no answer yet."""
        return [request for request in self.requests if request.ended is None and not request.cut_off]


@dataclass(slots=True)
class _Door:
    """Implements `ports.Sender`."""

    front: Front
    member: str
    deadline_s: float

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def refresh(self, app: str) -> None: ...

    async def send(self, request: HttpRequest, channel: Channel) -> Answer:
        said = json.loads(request.content)["metadata"]
        topic, partition, offset = said["external_id"].rsplit("-", 2)
        tp = TopicPartition(topic, int(partition))
        key = said["external_conversation_id"]
        made = Request(self.member, tp, int(offset), key, request.content, time.time())
        self.front.requests.append(made)
        ends = time.monotonic() + self.deadline_s
        answer: Answer = Unknown("timeout")
        try:
            while self.front.holds(made) and time.monotonic() < ends:
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            made.cut_off = True
            raise
        if time.monotonic() < ends:
            answer = self.front.script(made)
        made.ended = time.time()
        made.accepted = isinstance(answer, Answered) and answer.status < 300
        return answer


# --- records and offsets ----------------------------------------------------------------------------------------


class Place:
    """A topic of its own in a cluster, a group of the same name, and a Front."""

    def __init__(self, cluster: Cluster, *, partitions: int = 1) -> None:
        self.cluster = cluster
        self.front = Front()
        self.topic = cluster.create_topic(f"t{uuid.uuid4().hex[:10]}", partitions=partitions)
        self.letters = cluster.create_topic()
        self._producer = self.producer()
        self._numbers = itertools.count(1)
        self.written: set[tuple[int, int]] = set()
        """Partition and offset of each record that a committed reader can read."""
        self._admin = cluster.new_admin()
        # A broker that has created a topic may not tell of it yet.
        eventually(lambda: {self.topic, self.letters} <= set(self._admin.list_topics(timeout=10).topics), 15)

    def producer(self, **properties: object) -> Producer:
        """Another one, with properties of its own."""
        plain = {"bootstrap.servers": self.cluster.bootstrap, "linger.ms": 0, "log_level": 0}
        return Producer({**plain, **properties})

    def value(self, offset: int, key: str, partition: int = 0) -> bytes:
        """A record's value. Its request tells where it stood."""
        value = record(offset, key, tp=TopicPartition(self.topic, partition)).value
        assert value is not None
        return value

    def write(self, *keys: str, partition: int = 0, at: int | None = None) -> None:
        """Append a record for each key, in this order. `at`: where the first will stand, if not behind the last of ours."""
        if at is None:
            at = 1 + max((offset for of, offset in self.written if of == partition), default=-1)
        for offset, key in enumerate(keys, at):
            self._producer.produce(self.topic, self.value(offset, key, partition), partition=partition)
            self.written.add((partition, offset))
        assert self._producer.flush(20) == 0

    def member(
        self,
        protocol: Protocol = "classic",
        bootstrap: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> "Member":
        """One of the group; `settings` go over `SETTINGS`, section by section."""
        kafka: dict[str, Any] = {
            "bootstrap_servers": bootstrap or self.cluster.bootstrap,
            "group_id": self.topic,
            "group_protocol": protocol,
        }
        if protocol == "classic":
            kafka["properties"] = {"heartbeat.interval.ms": "200"}
        own = {"kafka": kafka, "dead_letter": {"topic": self.letters}}
        return Member(f"m{next(self._numbers)}", self, over(over(SETTINGS, own), settings or {}))

    def tp(self, partition: int = 0) -> TopicPartition:
        """A partition of the topic."""
        return TopicPartition(self.topic, partition)

    def committed(self, partition: int = 0) -> "Told":
        """What the coordinator tells a stranger."""
        found = self._ask(partition)
        return Told.of(found.offset, found.metadata or "")

    def metadata(self, partition: int = 0) -> str:
        """The text beside the committed offset."""
        return self._ask(partition).metadata or ""

    def _ask(self, partition: int) -> KafkaPartition:
        asked = ConsumerGroupTopicPartitions(self.topic, [KafkaPartition(self.topic, partition)])
        answer = self._admin.list_consumer_group_offsets([asked])[self.topic]
        found: Sequence[KafkaPartition] = answer.result(10).topic_partitions
        return found[0]

    def history(self) -> Mapping[TopicPartition, list[Commit]]:
        """Every commit of the group, in order."""
        return read_history(self.cluster.bootstrap, self.topic, {}).commits

    def told(self, partition: int = 0) -> "list[Told]":
        """Every commit of a partition, in order."""
        commits = self.history().get(self.tp(partition), [])
        return [Told.of(commit.offset, commit.metadata) for commit in commits]

    @property
    def delivered(self) -> bool:
        """Whether everything that `write` has written was accepted."""
        return self.written <= {
            (request.tp.partition, request.offset) for request in self.front.requests if request.accepted
        }


@dataclass(frozen=True, slots=True)
class Told:
    """A committed offset and what our text beside it says; `released` is None when there is no text of ours."""

    offset: int
    released: bool | None
    settled: frozenset[int]

    @classmethod
    def of(cls, offset: int, metadata: str) -> "Told":
        """Believed whatever log it names."""
        if not metadata:
            return cls(offset, None, frozenset())
        believed = read(metadata, LogIdentity(*metadata.split(";")[1:3]), offset)
        assert isinstance(believed, Believed), believed
        named = frozenset(number for first, end in believed.settled for number in range(first, end))
        return cls(offset, believed.released, named)


# --- members ----------------------------------------------------------------------------------------------------


class TimedFacts(Facts):
    """Facts with the wall clock's time at which each was told."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **fields: self.seen.append((name, args, {**fields, "wall": time.time()}))

    def events(self, event: str) -> list[dict[str, Any]]:
        """What was logged under a name."""
        return [fields for _, args, fields in list(self.seen) if args == (event,)]


class Member:
    """A connector. A context manager: leaving it stops it, unless it ended before."""

    def __init__(self, name: str, place: Place, source: Mapping[str, Any]) -> None:
        self.name = name
        self.facts = TimedFacts()
        settings = Settings.model_validate({**source, "instance": name})
        maps = mappings(place.topic)
        loaded = Loaded(
            settings=settings, mappings=maps, channels=ChannelDirectory.of((), ()), config_hash="0"
        )
        self.source = KafkaSource(wiring.source_options(loaded), self.facts, lambda _name: None)
        self._deadline_s = settings.front.request_deadline_s
        world = World(
            mappings=maps,
            schemas=Schemas(),
            sender=_Door(place.front, name, self._deadline_s),
            dead_letters=DeadLetterTopic(),
            offsets=self.source,
            clock=SystemClock(),
            telemetry=self.facts,
            log=self.facts,
        )
        self.pipeline = Pipeline(world, wiring.policy(settings))
        self._tasks: tuple[asyncio.Task[None], asyncio.Task[None]] | None = None

    async def __aenter__(self) -> Self:
        consuming = asyncio.create_task(self.source.run(self.pipeline))
        self._tasks = asyncio.create_task(self.pipeline.run()), consuming
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await (self.stop() if error is None else self.crash())

    async def stop(self, bound_s: float = 3.0) -> None:
        """As SIGTERM does: drain, commit as released, leave the group."""
        if self._tasks is not None:
            (living, consuming), self._tasks = self._tasks, None
            await self.pipeline.stop(bound_s)
            self.source.close()
            await asyncio.gather(living, consuming)

    async def crash(self) -> None:
        """End without a commit, and without awaiting what is in flight. The group hears of it, so that nobody need wait."""
        if self._tasks is not None:
            (living, consuming), self._tasks = self._tasks, None
            self.source.abandon()
            await asyncio.wait((consuming,))
            living.cancel()
            await asyncio.wait((living,))

    async def joined(self, partitions: int) -> None:
        """Until it owns and has claimed so many. Raises what ended it."""
        await until(
            lambda: len(self.owned) == partitions or self._ended, f"{partitions} partitions of {self.name}"
        )
        for task in self._tasks or ():
            if task.done():
                task.result()

    @property
    def _ended(self) -> bool:
        return any(task.done() for task in self._tasks or ())

    @property
    def owned(self) -> list[int]:
        """Partitions that it owns, has claimed and is not giving away."""
        parts = self.pipeline.partitions.values()
        return sorted(part.tp.partition for part in parts if part.claimed and not part.closing)

    @property
    def closing(self) -> list[int]:
        """Partitions that it is giving away."""
        return sorted(part.tp.partition for part in self.pipeline.partitions.values() if part.closing)

    @property
    def paused(self) -> list[int]:
        """Partitions that are not fetched."""
        return sorted(
            part.tp.partition for part in self.pipeline.partitions.values() if part.paused is not None
        )

    @property
    def ends(self) -> dict[int, int | None]:
        """The ends of the logs as it knows them."""
        return {part.tp.partition: part.end for part in self.pipeline.partitions.values()}

    @property
    def last_committed(self) -> set[int]:
        """What it calls the last committed offsets."""
        parts = self.pipeline.partitions.values()
        return {part.committed.offset for part in parts if part.committed is not None}

    @property
    def out_of_lease(self) -> bool:
        """Whether nothing may start any more."""
        remaining = self.pipeline.lease_remaining()
        return remaining is not None and remaining <= 0

    @property
    def unsettled(self) -> int:
        """Records in hand."""
        return sum(part.ledger.unsettled for part in self.pipeline.partitions.values())

    @property
    def in_group(self) -> bool:
        """Whether the member runs and never lost a partition."""
        return self._tasks is not None and self.facts.count("rebalance", "lost") == 0
