"""Records whose order key is known though they cannot be mapped yet: they wait aside, and hold up their own key only.

Two things may be missing. A schema: then the key is known if `order_by` needs only headers or the Kafka key
(`core.mapping.Rules.early_key`). A row of the channel directory, if the topic waits for it: then the key is that of `order_by`,
or of the first request if its own line is known, or else one of the line. What comes behind such a record with the same key
waits behind it; everything else in the partition goes on. When the schema or the row comes, they are taken in in their order,
before anything that is read later. All of them are unsettled and count for the partition's bounds, like those of any other key.
Never here: a record whose key is not known, which is a wall (`taking`).
"""

from asyncio import TaskGroup
from collections import deque
from collections.abc import Callable, Container, Iterable
from typing import TypeAlias

from connector.core.dead_letter import Failure
from connector.core.decode import SchemaNeeded, SchemaRef
from connector.core.mapping import ChannelNeeded, MappingSet, Plan, Skip, line_key
from connector.core.prepare import MapperNeeded, Prepared, early_key, prepare
from connector.core.records import OrderKey, Record, key_hash
from connector.pipeline.partition import LineWait, Partition
from connector.pipeline.schemas import Schemas
from connector.pipeline.work import coordinates
from connector.pipeline.world import World

Admit: TypeAlias = Callable[[Partition, Record, Plan | Skip | Failure, str], None]
"""Takes a mapped record further; the text is the hash of the mappings that mapped it."""
MayStart: TypeAlias = Callable[[], None]


class Aside:
    """Keeps and releases them. What it keeps lies in the partition, and goes with it."""

    def __init__(
        self, world: World, schemas: Schemas, tasks: TaskGroup, admit: Admit, may_start: MayStart
    ) -> None:
        """`admit` takes a record in for which nothing is missing any more; `may_start` is called after the last of them."""
        self.mappings: MappingSet = world.mappings
        self._clock = world.clock
        self._log = world.log
        self._schemas = schemas
        self._tasks = tasks
        self._admit = admit
        self._may_start = may_start

    def keeps(self, part: Partition, record: Record, prepared: Prepared | MapperNeeded) -> bool:
        """Whether the record waits here from now on. One that makes no request has no order, and never does."""
        match prepared:
            case Plan(key=key) if (queue := part.aside.get(key)) and queue[0].offset < record.offset:
                _queue(queue, record)
            case ChannelNeeded(key=key):
                if key in part.aside:
                    _queue(part.aside[key], record)
                else:
                    part.aside[key] = deque([record])
                    self._wait_for_row(part, key, record, prepared.line)
            case SchemaNeeded(ref=ref):
                early = early_key(record, self.mappings.topics[record.topic], self._schemas.known)
                if early is None:
                    return False
                if early in part.aside:
                    _queue(part.aside[early], record)
                else:
                    part.aside[early] = deque([record])
                    self._wait_for_schema(part, early, ref)
            case _:
                return False
        return True

    def _release(self, part: Partition, key: OrderKey) -> None:
        """Take the key's records in, up to one that needs something else."""
        queue = part.aside[key]
        while queue:
            record = queue[0]
            topic = self.mappings.topics[record.topic]
            prepared = prepare(record, topic, self._schemas.known, self._clock.wall())
            match prepared:
                case SchemaNeeded(ref=ref):
                    self._wait_for_schema(part, key, ref)
                    return
                case ChannelNeeded(line=line, key=same) if same == key:
                    self._wait_for_row(part, key, record, line)
                    return
            queue.popleft()
            # Waited under its line's key, it may turn out to belong to a key that waits for something, too.
            if _key_of(prepared) == key or not self.keeps(part, record, prepared):
                assert not isinstance(prepared, SchemaNeeded | ChannelNeeded)
                self._admit(part, record, prepared, self.mappings.hash)
        del part.aside[key]

    def give_back(self, part: Partition) -> None:
        """Put what waits into the inbox again, in order of offsets: new mappings may say that it misses something else."""
        if not part.aside:
            return
        waiting = [record for queue in part.aside.values() for record in queue]
        part.inbox = deque(sorted((*waiting, *part.inbox), key=lambda record: record.offset))
        part.forget_waits()

    # --- for a schema -------------------------------------------------------------------------------------------------

    def _wait_for_schema(self, part: Partition, key: OrderKey, ref: SchemaRef) -> None:
        """The key's first record needs this schema: asked for once, however many keys wait for it."""
        keys = part.awaited.get(ref)
        if keys is not None:
            keys.append(key)
            return
        part.awaited[ref] = [key]
        task = self._tasks.create_task(self._fetch(part, ref))
        part.asking.add(task)
        task.add_done_callback(part.asking.discard)

    async def _fetch(self, part: Partition, ref: SchemaRef) -> None:
        await self._schemas.ask(part.tp, ref)
        if part.closing:
            return
        for key in part.awaited.pop(ref):
            self._release(part, key)
        self._schemas.forget_absent(ref)
        self._may_start()

    # --- for a row of the channel directory ---------------------------------------------------------------------------

    def _wait_for_row(self, part: Partition, key: OrderKey, record: Record, line: str) -> None:
        """The key's first record needs the row of this line, which nobody asks for: it comes when somebody writes it."""
        wait = part.lines.get(line)
        if wait is None:
            wait = part.lines[line] = LineWait(self._clock.wall())
            hashed = key_hash(line_key(line))
            self._log.warning("channel.unknown", **coordinates(record), key_hash=hashed)
        wait.keys.append(key)

    def rows_came(self, parts: Iterable[Partition], lines: Container[str]) -> None:
        """These lines have a row now, and no record was mapped since: what waits for them comes before what is read later."""
        for part in parts:
            for line in [line for line in part.lines if line in lines]:
                wait = part.lines.pop(line)
                records = sum(len(part.aside[key]) for key in wait.keys)
                for key in wait.keys:
                    self._release(part, key)
                self._log.info(
                    "channel.known",
                    topic=part.tp.topic,
                    partition=part.tp.partition,
                    records=records,
                    seconds=round(self._clock.wall() - wait.since_wall, 3),
                    key_hash=key_hash(line_key(line)),
                )
        self._may_start()


def _key_of(prepared: Prepared) -> OrderKey | None:
    """The order key of a record that makes requests."""
    return prepared.key if isinstance(prepared, Plan) else None


def _queue(queue: deque[Record], record: Record) -> None:
    """In the order of offsets: it may have waited under another key, and then is not the last."""
    at = len(queue)
    while at and queue[at - 1].offset > record.offset:
        at -= 1
    queue.insert(at, record)
