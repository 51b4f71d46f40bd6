"""A world for the pipeline without Kafka or HTTP, in virtual time: scripted Front, dead-letter topic and coordinator.

It plays the ports and keeps what happened. Real parts prove the same things in tests/kafka; here every interleaving can
be chosen.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from connector.core.answers import Answer, Answered
from connector.core.dead_letter import DeadLetter, Origin
from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaId, SchemaRef, parse_schema
from connector.core.http_request import HttpRequest
from connector.core.mapping import (
    AvroFormat,
    BytesFormat,
    ChannelDirectory,
    MapperInput,
    MapperRequest,
    MappingSet,
    PythonMapper,
    TopicMapping,
)
from connector.core.offset_map import CommitEntry, LogIdentity
from connector.core.outcome import RetryPolicy
from connector.core.pacing import RateLimits
from connector.core.records import Channel, Epoch, Record, TopicPartition
from connector.pipeline import Pipeline, Policy, World
from connector.pipeline.dead_letters import DeadLetterPolicy
from connector.ports import (
    Acknowledged,
    Assignment,
    CommitFailed,
    Committed,
    DeadLetterSink,
    FileSource,
    NoTracing,
    NotWritten,
    RegistryUnavailable,
    SchemaAnswer,
    SchemaSource,
    Sender,
)
from tests.support.framing import framed

TP = TopicPartition("messages", 0)
OTHER = TopicPartition("other", 0)
LOG = LogIdentity("cluster", "topic")


def _schema(number: int) -> ParsedSchema:
    fields = [{"name": name, "type": "string"} for name in ("id", "conversation", "channel")]
    parsed = parse_schema({"type": "record", "name": "Message", "fields": fields}, SchemaId(number))
    assert isinstance(parsed, ParsedSchema)
    return parsed


SCHEMA = _schema(1)


def record(
    offset: int,
    key: str = "a",
    *,
    channel: str = "cha_1",
    tp: TopicPartition = TP,
    epoch: int = 1,
    schema: int = 1,
) -> Record:
    """A message of conversation `key`. A key that begins with "bad" makes its mapper refuse it."""
    value = {"id": f"{tp.topic}-{tp.partition}-{offset}", "conversation": key, "channel": channel}
    return framed(tp, offset, SCHEMA, value, schema_id=schema, epoch=epoch)


def _map(taken: MapperInput) -> list[MapperRequest]:
    value: Any = taken.value
    if value["conversation"].startswith("bad"):
        raise ValueError
    if value["conversation"].startswith("skip"):
        return []
    body = {
        "sender": {"handle": "h"},
        "body": "b",
        "metadata": {"external_id": value["id"], "external_conversation_id": value["conversation"]},
    }
    request = MapperRequest(operation="sync-inbound-message", channel=value["channel"], body=body)
    return [request] * (3 if value["conversation"].startswith("three") else 1)


def mappings(*topics: str, maps: PythonMapper | None = None) -> MappingSet:
    """Topics of `record`s, or of what another mapper reads."""
    directory = ChannelDirectory.of((), apps=("main",))
    mapper = maps or PythonMapper(name="test", function=_map, channels=directory, table={})
    made = {
        topic: TopicMapping(
            topic=topic,
            start="earliest",
            max_age_s=None,
            on_missing_offset="hold",
            value=AvroFormat(),
            key=BytesFormat(),
            maps=mapper,
            constants={},
        )
        for topic in topics
    }
    return MappingSet(topics=made, hash="0")


@dataclass
class Sent:
    """A request that reached Front. `id`, `key`: a message's own and its conversation's; else operation and path."""

    id: str
    key: str
    at: float
    content: bytes
    channel: Channel
    ended: float | None = None


def _named(request: HttpRequest) -> tuple[str, str]:
    """What a request is called here: see `Sent`."""
    body = json.loads(request.content) if request.content_type == "application/json" else {}
    if "metadata" not in body:
        return request.operation, request.path
    return body["metadata"]["external_id"], body["metadata"]["external_conversation_id"]


@dataclass
class Front:
    """Answers by `script(sent, n)`, n counting the requests of this id from 1; after `delay(sent)` seconds."""

    loop_time: Callable[[], float]
    script: Callable[[Sent, int], Answer] = lambda _sent, _n: Answered(202)
    delay: Callable[[Sent], float] = lambda _sent: 0.01
    sent: list[Sent] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    refreshed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, request: HttpRequest, channel: Channel) -> Answer:
        name, key = _named(request)
        sent = Sent(name, key, self.loop_time(), request.content, channel)
        self.sent.append(sent)
        try:
            await asyncio.sleep(self.delay(sent))
        except asyncio.CancelledError:
            self.cancelled.append(sent.id)
            raise
        sent.ended = self.loop_time()
        self.tries[sent.id] += 1
        return self.script(sent, self.tries[sent.id])

    def refresh(self, app: str) -> None:
        self.refreshed.append(app)

    @property
    def ids(self) -> list[str]:
        """Offsets of what was sent, in order of arrival."""
        return [sent.id.rsplit("-", 1)[1] for sent in self.sent]


@dataclass
class Coordinator:
    """Keeps every acknowledged commit; `script(n)` may refuse the n-th."""

    delay: float = 0.001
    script: Callable[[int], str | None] = lambda _n: None
    refuse: Callable[[CommitEntry], str | None] = lambda _entry: None
    """May refuse single entries of a commit."""
    refuse_all: Callable[[Sequence[CommitEntry]], str | None] = lambda _entries: None
    """May refuse every entry of a commit."""
    history: list[tuple[CommitEntry, ...]] = field(default_factory=list)
    asked: int = 0
    outstanding: int = 0
    most_outstanding: int = 0
    watch: Callable[[CommitEntry], None] = lambda _entry: None
    """Told every entry in the moment in which the coordinator applies it."""
    paused: set[TopicPartition] = field(default_factory=set)
    pauses: int = 0
    rereads: list[tuple[TopicPartition, Epoch]] = field(default_factory=list)
    """Partitions that the pipeline wants to begin again at their committed offset."""

    async def commit(self, entries: Sequence[CommitEntry]) -> Committed | CommitFailed:
        self.asked += 1
        number = self.asked
        self.outstanding += 1
        self.most_outstanding = max(self.most_outstanding, self.outstanding)
        await asyncio.sleep(self.delay)
        self.outstanding -= 1
        refusal = self.script(number)
        if refusal is not None:
            return CommitFailed({entry.tp: refusal for entry in entries})
        whole = self.refuse_all(entries)
        refused = {entry.tp: code for entry in entries if (code := whole or self.refuse(entry)) is not None}
        applied = tuple(entry for entry in entries if entry.tp not in refused)
        for entry in applied:
            self.watch(entry)
        if applied:
            self.history.append(applied)
        return CommitFailed(refused) if refused else Committed()

    def pause(self, tp: TopicPartition, epoch: Epoch) -> None:
        self.paused.add(tp)
        self.pauses += 1

    def resume(self, tp: TopicPartition, epoch: Epoch) -> None:
        self.paused.discard(tp)

    def reread(self, tp: TopicPartition, epoch: Epoch) -> None:
        self.rereads.append((tp, epoch))

    def committed(self, tp: TopicPartition = TP) -> CommitEntry | None:
        """The newest acknowledged entry of a partition."""
        return next(
            (entry for entries in reversed(self.history) for entry in entries if entry.tp == tp), None
        )


@dataclass
class DeadLetterTopic:
    """Holds what it acknowledged; `script(n)` may refuse the n-th write."""

    delay: float = 0.01
    script: Callable[[int], NotWritten | None] = lambda _n: None
    letters: list[DeadLetter] = field(default_factory=list)
    writes: int = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, letter: DeadLetter) -> Acknowledged | NotWritten:
        self.writes += 1
        number = self.writes
        await asyncio.sleep(self.delay)
        refusal = self.script(number)
        if refusal is not None:
            return refusal
        self.letters.append(letter)
        return Acknowledged()

    def reasons(self) -> list[str]:
        """The reason of each letter."""
        return [dict(letter.headers)["front.reason"].decode() for letter in self.letters]  # type: ignore[union-attr]


@dataclass
class Schemas:
    """Knows schema 1; asks `script(ref, n)` for the others."""

    script: Callable[[SchemaRef, int], SchemaAnswer] = lambda ref, _n: SchemaAbsent(f"no {ref}")
    delay: float = 0.01
    known: dict[SchemaRef, ParsedSchema] = field(default_factory=lambda: {SchemaId(1): SCHEMA})
    asked: int = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    @property
    def entries(self) -> int:
        return len(self.known)

    def cached(self, ref: SchemaRef) -> ParsedSchema | None:
        return self.known.get(ref)

    async def fetch(self, ref: SchemaRef) -> SchemaAnswer:
        self.asked += 1
        number = self.asked
        await asyncio.sleep(self.delay)
        answer = self.script(ref, number)
        if isinstance(answer, ParsedSchema):
            self.known[ref] = answer
        return answer


class Facts:
    """Telemetry and log in one: every call is kept as (name, arguments)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[object, ...], dict[str, object]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **fields: self.seen.append((name, args, fields))

    def count(self, name: str, *args: object) -> int:
        """How often a fact whose arguments begin with these was told."""
        return sum(seen == name and given[: len(args)] == args for seen, given, _ in self.seen)


@dataclass
class Clock:
    """The virtual loop's time on every clock; jitter at its upper edge, so that waits are exact."""

    time: Callable[[], float]

    def monotonic(self) -> float:
        return self.time()

    def wall(self) -> float:
        return 1_790_000_000.0 + self.time()

    def jitter(self) -> float:
        return 1.0


class Stage:
    """A pipeline on this world. `async with Stage() as stage` runs it; leaving stops it."""

    def __init__(
        self,
        *,
        maps: MappingSet | None = None,
        schemas: SchemaSource | None = None,
        sender: Sender | None = None,
        letters: DeadLetterSink | None = None,
        files: FileSource | None = None,
        **policy: Any,
    ) -> None:
        """`maps`: instead of `mappings`. An adapter that is given plays instead of the scripted one, which stays idle.

        `policy`: fields of `Policy`; `tracing` among them is the world's.
        """
        loop = asyncio.get_running_loop()
        self.front = Front(loop.time)
        self.coordinator = Coordinator()
        self.letters = DeadLetterTopic()
        self.schemas = Schemas()
        self.facts = Facts()
        world = World(
            mappings=maps or mappings("messages", "other"),
            schemas=schemas or self.schemas,
            sender=sender or self.front,
            dead_letters=letters or self.letters,
            offsets=self.coordinator,
            clock=Clock(loop.time),
            telemetry=self.facts,
            log=self.facts,
            files=files,
            tracing=policy.pop("tracing", NoTracing()),
        )
        defaults: dict[str, Any] = {
            "dead_letters": DeadLetterPolicy(Origin(connector="test", instance="i", version="0")),
            "retry": RetryPolicy(base_s=0.1, cap_s=1.0, attempts=3, not_found_grace_s=10.0),
            "rate_limits": RateLimits(company_per_minute=0, channel_per_second=0),
        }
        self.pipeline = Pipeline(world, Policy(**{**defaults, **policy}))
        self._run: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._run = asyncio.create_task(self.pipeline.run())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._run is not None
        if error[0] is None:
            await self.pipeline.stop(5.0)
        else:
            self._run.cancel()
        await asyncio.gather(self._run, return_exceptions=error[0] is not None)

    def assign(
        self,
        start: int = 0,
        *,
        tp: TopicPartition = TP,
        metadata: str | None = None,
        epoch: int = 1,
        end: int | None = None,
    ) -> None:
        """Give the pipeline a partition."""
        self.pipeline.assigned([Assignment(tp, Epoch(epoch), start, metadata, LOG, end)])

    async def quiet(self, seconds: float = 3.0) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)


def unavailable_until(number: int, then: SchemaAnswer) -> Callable[[SchemaRef, int], SchemaAnswer]:
    """A registry that is silent for its first `number` - 1 answers."""
    return lambda _ref, n: then if n >= number else RegistryUnavailable("down")
