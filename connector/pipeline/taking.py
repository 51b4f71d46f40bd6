"""From the inbox of a partition to what each record becomes, in order: decode and map, under the mappings of the moment.

Five things are walls, before which a partition's next record waits: a schema that is being fetched, as its record's key is
unknown; a Python mapper that is being called, for the same reason; records that waited aside for a row and are being taken in,
as it may belong behind them; a record that an operator settles before it was mapped; and new mappings that may give other order
keys, until what the old ones mapped has settled. A record is finished as it was mapped, and mapped by what is in use at that
moment. Its age is judged once, when its turn comes first: no wall and no wait makes it too old. In a pause nothing is taken in;
what was asked for before it is kept.
"""

from collections.abc import Container, Iterable

from connector.core.decode import SchemaNeeded, SchemaRef
from connector.core.mapping import ChannelNeeded, MappingSet
from connector.core.prepare import MapperNeeded, Prepared, begin
from connector.core.records import Record
from connector.pipeline.aside import Aside, Steps
from connector.pipeline.partition import Partition
from connector.pipeline.schemas import Schemas
from connector.pipeline.world import World
from connector.ports import GaveUp


class TakingIn:
    """Takes records in."""

    def __init__(self, world: World, schemas: Schemas, steps: Steps) -> None:
        self._world = world
        self._schemas = schemas
        self._tasks = steps.tasks
        self._admit = steps.admit
        self._may_start = steps.may_start
        self._pausing = steps.pausing
        self._aside = Aside(world, schemas, steps, self._go_on)

    @property
    def mappings(self) -> MappingSet:
        """Those that the next record is mapped by."""
        return self._aside.mappings

    def take_in(self, part: Partition) -> None:
        """Prepare the inbox in order, up to a wall."""
        if self._pausing.on:
            return
        if part.walled and part.fetching is None:
            # Of the inbox, too, one may have settled: an operator's, which leaves it a moment later.
            waiting = sum(part.ledger.is_unsettled(record.offset) for record in part.inbox)
            part.walled = part.ledger.unsettled > waiting
        while part.inbox and part.fetching is None and not part.walled and not part.ready:
            record = part.inbox[0]
            if record.offset in part.by_hand:
                break
            prepared = self._prepare(part, record)
            if self._aside.keeps(part, record, prepared):
                part.inbox.popleft()
            elif isinstance(prepared, SchemaNeeded):
                part.fetching = self._tasks.create_task(self._fetch(part, prepared.ref))
            elif isinstance(prepared, MapperNeeded):
                part.fetching = self._tasks.create_task(self._call(part, prepared, self.mappings.hash))
            else:
                assert not isinstance(prepared, ChannelNeeded), "it waits aside"
                part.inbox.popleft()
                self._admit(part, record, prepared, self.mappings.hash)

    def rows_came(self, parts: Iterable[Partition], lines: Container[str]) -> None:
        """The channel directory has rows of these lines now: see `Aside.rows_came`."""
        self._aside.rows_came(parts, lines)

    def _go_on(self, part: Partition) -> None:
        self.take_in(part)
        self._may_start()

    def _prepare(self, part: Partition, record: Record) -> Prepared | MapperNeeded:
        topic = self.mappings.topics[record.topic]
        first = part.looked_at is None or record.offset > part.looked_at
        if first:
            part.looked_at = record.offset
        now = self._world.clock.wall() if first else None
        prepared = begin(record, topic, self._schemas.known, now)
        if isinstance(prepared, MapperNeeded) and self._world.mapper_calls is None:
            return prepared.call()
        return prepared

    async def _fetch(self, part: Partition, ref: SchemaRef) -> None:
        try:
            await self._schemas.ask(part.tp, ref)
            await self._pausing.over()
            if part.closing:
                return
            part.fetching = None
            self.take_in(part)
        finally:  # also when it is cancelled in a pause: others would take the schema for absent for ever
            self._schemas.forget_absent(ref)
        self._may_start()

    async def _call(self, part: Partition, needed: MapperNeeded, mappings_hash: str) -> None:
        assert self._world.mapper_calls is not None
        became = await self._world.mapper_calls.run(needed.call)
        await self._pausing.over()
        if part.closing:
            return
        part.fetching = None
        record = part.inbox.popleft()
        assert record is needed.taken.record, "nothing is put before a record that is being mapped"
        outcome = needed.gave_up(became.why) if isinstance(became, GaveUp) else became
        self._admit(part, record, outcome, mappings_hash)
        self.take_in(part)
        self._may_start()

    # --- an operator ----------------------------------------------------------------------------------------------------

    def resume(self, parts: Iterable[Partition]) -> None:
        """A pause is over: what came, or was waited for, is taken in; a few records in this step, the rest in later ones."""
        for part in parts:
            self._aside.later(part)
        self._aside.go_on()

    def unmapped(self, part: Partition, offset: int) -> Record | None:
        """The record of this offset, if it waits here: in the inbox, or aside."""
        waiting = (record for wait in part.aside.values() for record in wait.records)
        return next((record for record in (*part.inbox, *waiting) if record.offset == offset), None)

    def hold_back(self, part: Partition, record: Record) -> None:
        """One of `part.by_hand` is a wall from now on: nobody asks for what it needs, and what comes before it goes on.

        What waits aside is put back, for a record there has a place among all of its partition again.
        """
        self._aside.give_back(part)
        if part.fetching is not None and part.inbox[0] is record:
            part.fetching.cancel()
            part.fetching = None
        self._go_on(part)

    def take_out(self, part: Partition, record: Record) -> None:
        """It is no wall any more; its partition is taken in when it has settled."""
        part.by_hand.discard(record.offset)
        if record in part.inbox:
            part.inbox.remove(record)

    def go_on(self, part: Partition) -> None:
        """What was behind it goes on."""
        self._go_on(part)

    # --- new mappings -------------------------------------------------------------------------------------------------

    def swap(self, mappings: MappingSet, parts: Iterable[Partition]) -> int:
        """Map by these from the next record on; of the same topics. Returns how many of the partitions wait before that.

        What waited aside is mapped anew: a few records in this step of the loop, the rest in later ones.
        """
        former, self._aside.mappings = self.mappings.topics, mappings
        waiting = 0
        for part in parts:
            topic = part.tp.topic
            alike = former[topic].order_signature == mappings.topics[topic].order_signature
            self._aside.give_back(part)
            mapped = part.fetching is not None or part.ledger.unsettled > len(part.inbox)
            part.walled = part.walled or (mapped and not alike)
            waiting += part.walled
            self._aside.later(part)
        self._aside.go_on()
        return waiting

    def settled(self, part: Partition) -> None:
        """A record of a walled partition has settled: it may have been the last one taken in before the wall."""
        self.take_in(part)
        if not part.walled:
            self._may_start()
