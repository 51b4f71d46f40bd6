"""The operators' wish to pause, as a compacted topic has it: read whole before the first record, and obeyed ever after.

Every process of the group follows the topic, so what is written there reaches all of them, and whoever starts later reads it
before it sends anything. Never here: what a pause does (`pipeline`), who may ask for one (`adapters.admin`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from confluent_kafka import KafkaException

from connector.adapters.kafka import Entry, Renewal, Table
from connector.adapters.kafka.refusals import EXIT_CONFIG
from connector.adapters.kafka.setting import PARTITION, SettingTopic, forgets, not_compacted
from connector.core.control import (
    ControlSetting,
    Heard,
    NoSetting,
    Unreadable,
    name_of,
    read_control,
    written,
)
from connector.ports import Acknowledged, Clock, EventLog, NotWritten, StartupRefused

AGAIN_S = 2.0


class Obeys(Protocol):
    """Who pauses and resumes."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Control(Protocol):
    """Where the operators' wish comes from."""

    @property
    def waiting_for(self) -> str | None:
        """Why no record may start yet; None: it is known."""

    @property
    def paused(self) -> ControlSetting | None:
        """Who has paused, when and why; None: nobody, as far as is known."""

    async def run(self, obeys: Obeys) -> None:
        """Follow it until cancelled, or return if it never changes."""


class NoControl:
    """Implements `Control` where no topic is configured: nobody can pause."""

    waiting_for: str | None = None
    paused: ControlSetting | None = None

    def renew(self, renewal: Renewal) -> None:
        """There is no client."""

    async def run(self, obeys: Obeys) -> None:
        """Nothing changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlOptions:
    """`reader`, `producer`: properties of the two clients. `instance`: this process."""

    topic: str
    group: str
    instance: str
    reader: Mapping[str, Any] = field(repr=False)
    producer: Mapping[str, Any] = field(repr=False)


class TopicControl:
    """Implements `Control`, and writes the wish of whoever asks this process."""

    def __init__(self, options: ControlOptions, clock: Clock, log: EventLog) -> None:
        """Raises ValueError for properties that librdkafka does not take, see `Table`."""
        self.topic = options.topic
        self._options = options
        self._clock = clock
        self._log = log
        self._setting = SettingTopic(options.topic, options.producer)
        read = partial(read_control, group=options.group)
        self._table: Table[Heard] = Table(
            options.topic, options.reader, read, "the control setting", self._troubled
        )
        self._policy: str | None = f"it is asked whether control.topic {options.topic} is compacted"
        self._heard: ControlSetting | None = None
        self._obeyed: ControlSetting | None = None

    @property
    def waiting_for(self) -> str | None:
        """Why its end was not reached yet."""
        return self._policy or self._table.waiting_for

    @property
    def paused(self) -> ControlSetting | None:
        """See `Control`."""
        return self._obeyed

    def renew(self, renewal: Renewal) -> None:
        """Log in with these from now on."""
        self._table.renew(renewal)
        self._setting.renew(renewal)

    async def say(self, *, paused: bool, reason: str | None) -> Acknowledged | NotWritten:
        """Write it for every process of the group, this one included."""
        setting = ControlSetting(paused, self._clock.wall(), name_of(self._options.instance), reason)
        return await self._setting.write(self._options.group.encode(), written(setting))

    async def run(self, obeys: Obeys) -> None:
        """For ever. Raises `StartupRefused` when the topic cannot be what it is for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._say_what_is_awaited())
            tasks.create_task(self._refuse_what_forgets())
            await self._table.follow(partial(self._take, obeys), partial(self._obey, obeys))

    async def _refuse_what_forgets(self) -> None:
        while True:
            try:
                policy = await self._setting.cleanup_policy()
            except KafkaException as error:
                self._policy = f"the brokers do not answer: {error.args[0].str()}"
                await asyncio.sleep(AGAIN_S)
                continue
            if policy is None:
                self._log.warning("control.policy_unknown", topic=self.topic)
            elif forgets(policy):
                raise StartupRefused(EXIT_CONFIG, not_compacted(self.topic, policy))
            self._policy = None
            return

    async def _say_what_is_awaited(self) -> None:
        told: str | None = None
        while (why := self.waiting_for) is not None:
            if told not in (None, why):
                self._log.warning("control.waiting", topic=self.topic, why=why)
            told = why
            await asyncio.sleep(1.0)

    def _take(self, obeys: Obeys, entries: Sequence[Entry[Heard]]) -> None:
        for entry in entries:
            if (
                entry.partition != PARTITION
            ):  # nobody writes there who writes as we do, and between partitions is no order
                continue
            match entry.read:
                case ControlSetting():
                    self._heard = entry.read
                case NoSetting():
                    self._heard = None
                case Unreadable(why=why):
                    where = {"topic": self.topic, "partition": entry.partition, "offset": entry.offset}
                    self._log.error("control.refused", **where, why=why)
                case _:
                    pass
        if self._table.waiting_for is None:
            self._obey(obeys)

    def _obey(self, obeys: Obeys) -> None:
        heard, before = self._heard, self._obeyed
        if heard is not None and heard.paused:
            self._obeyed = heard
            if before is None:
                obeys.pause()
                self._log.warning("control.paused", by=heard.by, reason=heard.reason)
        elif before is not None:
            self._obeyed = None
            obeys.resume()
            told = {} if heard is None else {"by": heard.by, "reason": heard.reason}
            seconds = round(max(0.0, self._clock.wall() - before.at_wall), 3)
            self._log.info("control.resumed", **told, seconds=seconds)

    def _troubled(self, why: str) -> None:
        """In the table's thread. What is known stays in force."""
        self._log.warning("control.unreadable", topic=self.topic, why=why)
