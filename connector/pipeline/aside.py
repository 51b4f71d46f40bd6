"""Records whose order key is known though they cannot be mapped yet: they wait aside, and hold up their own key only.

Two things may be missing. A schema: then the key is known if `order_by` needs only headers or the Kafka key
(`core.mapping.Rules.early_key`). A row of the channel directory, if the topic waits for it: then the key is that of `order_by`,
or of the first request if its own line is known, or else one of the line. What comes behind such a record with the same key
waits behind it; everything else in the partition goes on. When the schema or the row comes, they are taken in in their order,
before anything that is read later: those of rows a few in one step of the event loop, as one file may bring a thousand rows.
All of them are unsettled and count for the partition's bounds, like those of any other key; none becomes too old here.
Never here: a record whose key is not known, which is a wall (`taking`).
"""

import asyncio
from asyncio import Task, TaskGroup
from collections import deque
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from connector.core.dead_letter import Failure
from connector.core.decode import SchemaNeeded, SchemaRef
from connector.core.mapping import ChannelNeeded, MappingSet, Plan, Skip, line_key
from connector.core.prepare import MapperNeeded, Prepared, early_key, prepare
from connector.core.records import OrderKey, Record, key_hash
from connector.pipeline.partition import KeyWait, LineWait, Partition
from connector.pipeline.pausing import Pausing
from connector.pipeline.schemas import Schemas
from connector.pipeline.work import coordinates
from connector.pipeline.world import World

Admit: TypeAlias = Callable[[Partition, Record, Plan | Skip | Failure, str], None]
"""Takes a mapped record further; the text is the hash of the mappings that mapped it."""
MayStart: TypeAlias = Callable[[], None]
GoOn: TypeAlias = Callable[[Partition], None]
"""Takes in what the partition's inbox holds, and starts what may start."""

AT_ONCE = 100
"""Records that are released in one step of the loop before other things have their turn: some 20 ms."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What the life of a record does around taking in. `tasks`: the process's; `admit` takes a mapped record further.

    `may_start` is called when some were taken in, outside of `take_in`.
    """

    tasks: TaskGroup
    admit: Admit
    may_start: MayStart
    pausing: Pausing


class Aside:
    """Keeps and releases them. What it keeps lies in the partition, and goes with it."""

    def __init__(self, world: World, schemas: Schemas, steps: Steps, taken_in: GoOn) -> None:
        """`taken_in` is called after the last of those for which nothing is missing any more."""
        self.mappings: MappingSet = world.mappings
        self._clock = world.clock
        self._log = world.log
        self._schemas = schemas
        self._tasks = steps.tasks
        self._admit = steps.admit
        self._pausing = steps.pausing
        self._taken_in = taken_in
        self._behind: deque[Partition] = deque()
        self._catching_up: Task[None] | None = None

    def keeps(self, part: Partition, record: Record, prepared: Prepared | MapperNeeded) -> bool:
        """Whether the record waits here from now on. One that makes no request has no order, and never does."""
        match prepared:
            case Plan(key=key) if (wait := part.aside.get(key)) and wait.records[0].offset < record.offset:
                _queue(wait.records, record)
            case ChannelNeeded(key=key):
                if self._is_first(part, key, record):
                    self._wait_for_row(part, key, record, prepared.line)
            case SchemaNeeded(ref=ref):
                early = early_key(record, self.mappings.topics[record.topic], self._schemas.known)
                if early is None:
                    return False
                if self._is_first(part, early, record):
                    self._wait_for_schema(part, early, ref)
            case _:
                return False
        return True

    def _is_first(self, part: Partition, key: OrderKey, record: Record) -> bool:
        """Put it among those of its key, and tell whether it is the first: then the key waits for what this one needs."""
        wait = part.aside.get(key)
        if wait is None:
            part.aside[key] = KeyWait(deque([record]), None)
            return True
        _queue(wait.records, record)
        if wait.records[0] is not record:
            return False
        if isinstance(line := wait.needs, str):
            part.lines[line].keys.remove(key)
            if not part.lines[line].keys:
                del part.lines[line]
        return True

    def _release(self, part: Partition, key: OrderKey, most: int) -> int:
        """Take in `most` of the key's records, up to one that needs something else. Returns how many were."""
        wait = part.aside[key]
        for released in range(most):
            record = wait.records[0]
            topic = self.mappings.topics[record.topic]
            prepared = prepare(record, topic, self._schemas.known, None)
            match prepared:
                case SchemaNeeded(ref=ref):
                    self._wait_for_schema(part, key, ref)
                    return released
                case ChannelNeeded(line=line, key=same) if same == key:
                    self._wait_for_row(part, key, record, line)
                    return released
            wait.records.popleft()
            if not wait.records:
                del part.aside[key]
            # Waited under its line's key, it may turn out to belong to a key that waits for something, too.
            if _key_of(prepared) == key or not self.keeps(part, record, prepared):
                assert not isinstance(prepared, SchemaNeeded | ChannelNeeded)
                self._admit(part, record, prepared, self.mappings.hash)
            if not wait.records:
                return released + 1
        return most

    def give_back(self, part: Partition) -> None:
        """Put what waits into the inbox again, in order of offsets: new mappings may say that it misses something else."""
        if not part.aside:
            return
        waiting = [record for wait in part.aside.values() for record in wait.records]
        part.inbox = deque(sorted((*waiting, *part.inbox), key=lambda record: record.offset))
        part.forget_waits()

    # --- a few at a time ----------------------------------------------------------------------------------------------

    def later(self, part: Partition) -> None:
        """The partition has records to be released or taken in: `go_on` does it."""
        self._behind.append(part)

    def go_on(self) -> None:
        """Release and take in some of what there is, and the rest in later steps of the loop.

        A step costs some AT_ONCE records, or what one partition's inbox holds. In a pause there is none.
        """
        if self._catching_up is None and not self._pausing.on:
            self._some()
            if self._behind:
                self._catching_up = self._tasks.create_task(self._rest())

    async def _rest(self) -> None:
        while self._behind and not self._pausing.on:
            await asyncio.sleep(0)
            if not self._pausing.on:
                self._some()
        self._catching_up = None

    def _some(self) -> None:
        room = AT_ONCE
        while self._behind and room > 0:
            part = self._behind[0]
            while part.ready and room > 0:
                key = part.ready[0]
                wait = part.aside.get(key)
                # Meanwhile an earlier record may have come before it that needs something else.
                if wait is not None and wait.needs is None:
                    room -= self._release(part, key, room)
                    if part.aside.get(key) is wait and wait.needs is None:
                        continue
                part.ready.popleft()
            if not part.ready:
                self._behind.popleft()
                room -= len(part.inbox)
                self._taken_in(part)

    # --- for a schema -------------------------------------------------------------------------------------------------

    def _wait_for_schema(self, part: Partition, key: OrderKey, ref: SchemaRef) -> None:
        """The key's first record needs this schema: asked for once, however many keys wait for it."""
        part.aside[key].needs = ref
        keys = part.awaited.get(ref)
        if keys is not None:
            keys.append(key)
            return
        part.awaited[ref] = [key]
        task = self._tasks.create_task(self._fetch(part, ref))
        part.asking.add(task)
        task.add_done_callback(part.asking.discard)

    async def _fetch(self, part: Partition, ref: SchemaRef) -> None:
        try:
            await self._schemas.ask(part.tp, ref)
            await self._pausing.over()
            if part.closing:
                return
            for key in part.awaited.pop(ref):
                wait = part.aside.get(key)
                if wait is not None and wait.needs == ref:
                    wait.needs = None
                    self._release(part, key, len(wait.records))
        finally:  # see `TakingIn._fetch`
            self._schemas.forget_absent(ref)
        self._taken_in(part)

    # --- for a row of the channel directory ---------------------------------------------------------------------------

    def _wait_for_row(self, part: Partition, key: OrderKey, record: Record, line: str) -> None:
        """The key's first record needs the row of this line, which nobody asks for: it comes when somebody writes it."""
        part.aside[key].needs = line
        wait = part.lines.get(line)
        if wait is None:
            wait = part.lines[line] = LineWait(self._clock.wall())
            hashed = key_hash(line_key(line))
            self._log.warning("channel.unknown", **coordinates(record), key_hash=hashed)
        wait.keys.append(key)

    def rows_came(self, parts: Iterable[Partition], lines: Container[str]) -> None:
        """These lines have a row now, and no record was mapped since: what waits for them comes before what is read later."""
        for part in parts:
            came = [line for line in part.lines if line in lines]
            for line in came:
                wait = part.lines.pop(line)
                for key in wait.keys:
                    part.aside[key].needs = None
                part.ready.extend(wait.keys)
                self._log.info(
                    "channel.known",
                    topic=part.tp.topic,
                    partition=part.tp.partition,
                    records=sum(len(part.aside[key].records) for key in wait.keys),
                    seconds=round(self._clock.wall() - wait.since_wall, 3),
                    key_hash=key_hash(line_key(line)),
                )
            if came:
                self.later(part)
        self.go_on()


def _key_of(prepared: Prepared) -> OrderKey | None:
    """The order key of a record that makes requests."""
    return prepared.key if isinstance(prepared, Plan) else None


def _queue(queue: deque[Record], record: Record) -> None:
    """In the order of offsets: it may have waited under another key, and then is not the last."""
    at = len(queue)
    while at and queue[at - 1].offset > record.offset:
        at -= 1
    queue.insert(at, record)
