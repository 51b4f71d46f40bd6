"""Records whose key is known though their schema is not: they wait aside, and hold up their own key only.

A key can be known before the value when `order_by` needs only headers or the Kafka key (`core.mapping.Rules.early_key`). What
comes behind such a record with the same key waits behind it; everything else in the partition goes on. When the schema comes,
they are taken in in their order. All of them are unsettled and count for the partition's bounds, like those of any other key.
Never here: a record whose key is not known, which is a wall (`life`).
"""

from asyncio import TaskGroup
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from connector.core.dead_letter import Failure
from connector.core.decode import SchemaNeeded, SchemaRef
from connector.core.mapping import Plan, Skip, TopicMapping
from connector.core.prepare import Prepared, early_key, prepare
from connector.core.records import OrderKey, Record
from connector.pipeline.partition import Partition
from connector.pipeline.schemas import Schemas
from connector.pipeline.world import World

Admit: TypeAlias = Callable[[Partition, Record, Plan | Skip | Failure], None]


class Aside:
    """Keeps and releases them. What it keeps lies in the partition, and goes with it."""

    def __init__(
        self, world: World, schemas: Schemas, tasks: TaskGroup, admit: Admit, may_start: Callable[[], None]
    ) -> None:
        """`admit` takes a record in whose schema has come; `may_start` is called after the last of them."""
        self._world = world
        self._schemas = schemas
        self._tasks = tasks
        self._admit = admit
        self._may_start = may_start

    def keeps(self, part: Partition, record: Record, prepared: Prepared) -> bool:
        """Whether the record waits here from now on. One that makes no request has no order, and never does."""
        match prepared:
            case Plan(key=key) if key in part.aside:
                part.aside[key].append(record)
                return True
            case SchemaNeeded(ref=ref):
                early = early_key(record, self._topic(record), self._schemas.known)
                if early is None:
                    return False
                queue = part.aside.setdefault(early, deque())
                queue.append(record)
                if len(queue) == 1:
                    self._wait(part, early, ref)
                return True
            case _:
                return False

    def _topic(self, record: Record) -> TopicMapping:
        return self._world.mappings.topics[record.topic]

    def _wait(self, part: Partition, key: OrderKey, ref: SchemaRef) -> None:
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

    def _release(self, part: Partition, key: OrderKey) -> None:
        """Take the key's records in, up to one that needs another schema."""
        queue = part.aside[key]
        while queue:
            record = queue[0]
            prepared = prepare(record, self._topic(record), self._schemas.known, self._world.clock.wall())
            if isinstance(prepared, SchemaNeeded):
                self._wait(part, key, prepared.ref)
                return
            queue.popleft()
            self._admit(part, record, prepared)
        del part.aside[key]
