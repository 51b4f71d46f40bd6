"""The dead-letter topic and the schema registry, and what a member's own side of them and of Front is."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from connector.core.answers import Answer
from connector.core.dead_letter import DeadLetter
from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaRef
from connector.core.http_request import HttpRequest
from connector.core.records import Channel
from connector.ports import Acknowledged, NotWritten, RegistryUnavailable, SchemaAnswer
from tests.simulation.files import FileSide
from tests.simulation.front import WALL, Front
from tests.simulation.kernel import Kernel, Process
from tests.simulation.log import Stored
from tests.simulation.records import SCHEMAS


class Witness(Protocol):
    """Told what becomes of dead letters."""

    def letter(self, process: Process, letter: DeadLetter, stored: Stored) -> None:
        """It is handed to the producer."""

    def acknowledged(self, process: Process, stored: Stored) -> None:
        """The topic has it, and the connector's code knows."""


@dataclass(slots=True)
class DeadLetterTopic:
    """`unwritable_until`: nothing is written; `doubtful_until`: written, but reported as failed."""

    kernel: Kernel
    random: Random
    witness: Witness
    records: list[Stored]
    letters: list[tuple[float, str, int]] = field(default_factory=list)
    unwritable_until: float = 0.0
    doubtful_until: float = 0.0
    slow_until: float = 0.0


@dataclass(slots=True)
class DeadLetterSide:
    """Implements `ports.DeadLetterSink` for one member."""

    process: Process
    topic: DeadLetterTopic

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    async def write(self, letter: DeadLetter) -> Acknowledged | NotWritten:
        topic, kernel = self.topic, self.topic.kernel
        assert letter.value is not None
        number = _number(letter.value)
        stored = topic.records[number]
        topic.witness.letter(self.process, letter, stored)
        slow = kernel.now < topic.slow_until
        await asyncio.sleep(topic.random.uniform(0.3, 2.5) if slow else topic.random.uniform(0.005, 0.05))
        if kernel.now < topic.unwritable_until:
            return NotWritten("_MSG_TIMED_OUT")
        topic.letters.append((kernel.now, self.process.name, number))
        if kernel.now < topic.doubtful_until:
            return NotWritten("_MSG_TIMED_OUT")
        topic.witness.acknowledged(self.process, stored)
        return Acknowledged()


def _number(value: bytes) -> int:
    """A record's number out of its value."""
    length = value[5] >> 1
    return int(value[6 : 6 + length])


@dataclass(slots=True)
class Registry:
    """Knows `records.SCHEMAS`, says firmly that there are no others."""

    kernel: Kernel
    random: Random
    down_until: float = 0.0


@dataclass(slots=True)
class RegistrySide:
    """Implements `ports.SchemaSource` for one member: what it has asked it keeps."""

    registry: Registry
    known: dict[SchemaRef, ParsedSchema] = field(default_factory=dict)
    asked: set[SchemaRef] = field(default_factory=set)
    """Firmly absent, as far as this member was ever told."""

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    @property
    def entries(self) -> int:
        return len(self.known)

    def cached(self, ref: SchemaRef) -> ParsedSchema | None:
        return self.known.get(ref)

    async def fetch(self, ref: SchemaRef) -> SchemaAnswer:
        registry = self.registry
        await asyncio.sleep(registry.random.uniform(0.005, 0.2))
        if registry.kernel.now < registry.down_until:
            return RegistryUnavailable("down")
        found = SCHEMAS.get(ref)  # type: ignore[arg-type]
        if found is None:
            self.asked.add(ref)
            return SchemaAbsent("none")
        self.known[ref] = found
        return found


@dataclass(slots=True)
class FrontSide:
    """Implements `ports.Sender` for one member: its clock dates the tokens."""

    process: Process
    front: Front
    clock: "MemberClock"
    files: FileSide

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    async def send(self, request: HttpRequest, channel: Channel) -> Answer:
        self.files.sends(request)
        answer = await self.front.send(self.process, request, channel, self.clock.wall())
        self.files.sends(request)
        return answer

    def refresh(self, app: str) -> None: ...


@dataclass(slots=True)
class MemberClock:
    """Implements `ports.Clock`. `skew`: its wall clock minus the true one."""

    process: Process
    random: Random
    skew: float = 0.0

    def monotonic(self) -> float:
        return self.process.kernel.now + self.process.monotonic_base

    def wall(self) -> float:
        return WALL + self.process.kernel.now + self.skew

    def jitter(self) -> float:
        return self.random.random()


class Quiet:
    """Telemetry that hears nothing."""

    def __getattr__(self, name: str) -> "Quiet":
        return self

    def __call__(self, *args: object, **fields: object) -> None: ...


class Lines:
    """A log whose lines are searched for what must never be in one."""

    def __init__(self, process: Process, secrets: tuple[str, ...], told: "LogWitness") -> None:
        self._process = process
        self._secrets = secrets
        self._told = told

    def _line(self, event: str, fields: Mapping[str, object]) -> None:
        text = " ".join(map(str, fields.values()))
        kernel = self._process.kernel
        if kernel.lines is not None:
            kernel.trace(self._process.name, f"log: {event} {dict(fields)}")
        if any(secret in text for secret in self._secrets):
            self._told.leaked(event)

    def debug(self, event: str, **fields: object) -> None:
        self._line(event, fields)

    info = warning = error = debug


class LogWitness(Protocol):
    """Told of a line that says too much."""

    def leaked(self, event: str) -> None: ...
