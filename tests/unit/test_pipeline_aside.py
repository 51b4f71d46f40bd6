"""Records whose key is known before their schema is: they hold up their own key and no other, in virtual time."""

import asyncio
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.decode import SchemaAbsent, SchemaId, SchemaRef
from connector.core.mapping import MappingSet
from connector.core.offset_map import Believed, CommitEntry, read
from connector.core.records import Record
from connector.ports import RegistryUnavailable, SchemaAnswer
from tests.support import virtual_time
from tests.support.virtual_time import in_virtual_time
from tests.support.world import LOG, SCHEMA, TP, Stage, record
from tests.unit.config_files import folder, loaded

BY_ROOM = """\
version: 1
topics:
  messages:
    start: earliest
    rules:
      - name: not ours
        when: '${value.conversation == "skip"}'
        skip: true
      - name: message
        operation: sync-inbound-message
        channel: cha_1
        order_by: ['${headers.room}']
        body:
          sender: {handle: h}
          body: '${value.conversation == "bad" ? value.nothing : "b"}'
          metadata: {external_id: '${value.id}', external_conversation_id: '${value.conversation}'}
"""
ABSENT = 9
"""A schema of which the registry says that there is none."""


@cache
def by_room() -> MappingSet:
    """Messages in order by the header `room`; of the conversations "skip" and "bad" none is sent."""
    with TemporaryDirectory() as path:
        return loaded(folder(Path(path), messages=BY_ROOM)).mappings


def message(
    offset: int, room: str | None, *, schema: int = 1, says: str = "good", epoch: int = 1, size: int = 0
) -> Record:
    """A record of this room; without one its key is known to nobody."""
    headers = () if room is None else (("room", room.encode()), ("filler", b"x" * size))
    return replace(record(offset, says, schema=schema, epoch=epoch), headers=headers)


def known_from(stage: Stage, ready: dict[int, float]) -> None:
    """The registry gives each of these schemas from its time on, and is silent about it before; `ABSENT` is always so."""

    def script(ref: SchemaRef, _n: int) -> SchemaAnswer:
        assert isinstance(ref, SchemaId)
        if stage.front.loop_time() < ready[ref.id]:
            return RegistryUnavailable("down")
        return SchemaAbsent("none") if ref.id == ABSENT else SCHEMA

    stage.schemas.script = script


@in_virtual_time
async def test_ord_15_what_comes_behind_in_the_same_room_waits_and_keeps_its_order() -> None:
    """Two schemas come one after the other: the room goes on as far as each lets it, the other room was never held up."""
    async with Stage(maps=by_room()) as stage:
        known_from(stage, {2: 30.0, 3: 60.0})
        stage.assign()
        for offset, schema in enumerate([1, 2, 1, 3, 2, 1]):
            stage.pipeline.received([message(offset, "a", schema=schema)])
        stage.pipeline.received([message(6, "b")])
        await stage.quiet(20.0)
        assert stage.front.ids == ["0", "6"]
        await stage.quiet(25.0)
        assert stage.front.ids == ["0", "6", "1", "2"]
        await stage.quiet(40.0)
        assert stage.front.ids == ["0", "6", "1", "2", "3", "4", "5"]
        assert not stage.pipeline.partitions[TP].aside


@in_virtual_time
async def test_many_rooms_that_wait_for_one_schema_ask_for_it_once() -> None:
    """An outage of the registry is asked about once for each schema, not once for each key or record."""
    async with Stage(maps=by_room(), registry_retry_cap_s=10.0) as stage:
        known_from(stage, {2: 100.0})
        stage.assign()
        stage.pipeline.received([message(offset, f"room-{offset % 50}", schema=2) for offset in range(200)])
        await stage.quiet(99.0)
        asked = stage.schemas.asked
        assert asked < 20
        assert set(stage.pipeline.schemas.silent_for) == {TP}
        await stage.quiet(20.0)
        assert sorted(map(int, stage.front.ids)) == list(range(200))
        assert stage.schemas.asked <= asked + 2
        assert stage.pipeline.schemas.silent_for == {}


@in_virtual_time
async def test_garbage_that_names_a_new_schema_each_does_not_flood_the_registry() -> None:
    """Hundreds of schemas are wanted at once: a few are asked for at a time, and all in the end."""
    async with Stage(maps=by_room(), partition_records=1000) as stage:
        asking = most = 0
        fetch = stage.schemas.fetch

        async def counted(ref: SchemaRef) -> SchemaAnswer:
            nonlocal asking, most
            asking += 1
            most = max(most, asking)
            answer = await fetch(ref)
            asking -= 1
            return answer

        stage.schemas.fetch = counted  # type: ignore[method-assign]
        stage.assign()
        stage.pipeline.received([message(n, f"room-{n}", schema=1000 + n) for n in range(300)])
        await stage.quiet(30.0)
        assert most == 16
        assert stage.letters.reasons() == ["schema_missing"] * 300


@in_virtual_time
async def test_reg_03_a_schema_that_does_not_exist_lets_its_room_go_on() -> None:
    """The record is given up as it would be anywhere, and what is behind it in its room is sent."""
    async with Stage(maps=by_room()) as stage:
        known_from(stage, {ABSENT: 10.0})
        stage.assign()
        stage.pipeline.received([message(0, "a", schema=ABSENT), message(1, "a"), message(2, "b")])
        await stage.quiet(5.0)
        assert stage.front.ids == ["2"]
        await stage.quiet(15.0)
        assert stage.front.ids == ["2", "1"]
        assert stage.letters.reasons() == ["schema_missing"]


@in_virtual_time
async def test_a_schema_that_is_registered_late_is_asked_for_again() -> None:
    """That there was none is believed for the records that waited, not for those that come later."""
    async with Stage(maps=by_room()) as stage:
        stage.assign()
        stage.pipeline.received([message(0, "a", schema=2)])
        await stage.quiet(5.0)
        assert stage.letters.reasons() == ["schema_missing"]
        known_from(stage, {2: 0.0})
        stage.pipeline.received([message(1, "a", schema=2)])
        await stage.quiet(5.0)
        assert stage.front.ids == ["1"]


@in_virtual_time
async def test_what_makes_no_request_waits_for_nobody() -> None:
    """Skips and dead letters have no order to keep: they settle though their room waits."""
    async with Stage(maps=by_room()) as stage:
        known_from(stage, {2: 30.0})
        stage.assign()
        kinds = ("good", "skip", "bad")
        stage.pipeline.received(
            [message(n, "a", says=says, schema=2 - bool(n)) for n, says in enumerate(kinds)]
        )
        await stage.quiet(5.0)
        assert stage.pipeline.partitions[TP].ledger.unsettled == 1
        assert stage.letters.reasons() == ["mapping_failed"]


@in_virtual_time
async def test_a_record_without_the_header_is_a_wall_as_ever() -> None:
    """Its key is not known, so nothing behind it starts; what waits aside before it goes on when its own schema comes."""
    async with Stage(maps=by_room()) as stage:
        known_from(stage, {2: 10.0, 3: 30.0})
        stage.assign()
        stage.pipeline.received(
            [message(0, "a", schema=2), message(1, None, schema=3), message(2, "a"), message(3, "b")]
        )
        await stage.quiet(20.0)
        assert stage.front.ids == ["0"]
        await stage.quiet(30.0)
        assert sorted(stage.front.ids) == ["0", "2", "3"]
        assert stage.letters.reasons() == ["mapping_failed"]


@in_virtual_time
async def test_what_waits_aside_counts_for_the_bounds() -> None:
    """A room with more records than a partition may keep pauses it; when they go, it is fetched again and nothing is kept."""
    async with Stage(maps=by_room(), partition_records=10, partition_bytes=1_000_000) as stage:
        known_from(stage, {2: 30.0})
        stage.assign()
        stage.pipeline.received([message(offset, "a", schema=2, size=100) for offset in range(9)])
        part = stage.pipeline.partitions[TP]
        assert part.paused is None
        assert part.buffered_bytes > 900
        stage.pipeline.received([message(9, "a", size=100)])
        assert part.paused == "backpressure"
        await stage.quiet(60.0)
        assert part.paused is None
        assert part.buffered_bytes == 0


@in_virtual_time
async def test_reb_04_what_waits_aside_delays_no_revoke_and_is_the_next_owners() -> None:
    """It has not begun: the partition is released at once and cleanly, and its schemas are asked for no more."""
    async with Stage(maps=by_room()) as stage:
        known_from(stage, {2: 1e9, 3: 1e9})
        stage.assign()
        stage.pipeline.received(
            [
                message(0, "a", schema=2),
                message(1, "b"),
                message(2, "c", schema=3),
                message(3, None, schema=3),
            ]
        )
        await stage.quiet(10.0)
        began = stage.front.loop_time()
        await stage.pipeline.revoke([TP], 5.0)
        assert stage.front.loop_time() - began < 0.1
        committed = stage.coordinator.committed()
        assert committed is not None
        believed = read(committed.metadata, LOG, committed.offset)
        assert isinstance(believed, Believed)
        assert (committed.offset, believed.settled, believed.released) == (0, ((1, 2),), True)
        asked = stage.schemas.asked
        await stage.quiet(60.0)
        assert stage.schemas.asked == asked
        assert stage.pipeline.schemas.silent_for == {}


@in_virtual_time
async def test_reb_03_a_schema_that_comes_late_starts_nothing_of_a_former_assignment() -> None:
    """Lost and given back while the registry is silent: each record is sent once, by the assignment that is there."""
    async with Stage(maps=by_room()) as stage:
        known_from(stage, {2: 30.0})
        for epoch in (1, 2):
            stage.assign(epoch=epoch)
            stage.pipeline.received([message(n, "a", schema=2, epoch=epoch) for n in range(3)])
            await stage.quiet(5.0)
            if epoch == 1:
                stage.pipeline.lost([TP])
        await stage.quiet(60.0)
        assert stage.front.ids == ["0", "1", "2"]
        assert stage.facts.count("stale_settle") == 0


@in_virtual_time
async def test_shd_02_a_stop_waits_for_no_schema() -> None:
    """It ends at once and leaves no task behind."""
    stage = Stage(maps=by_room())
    async with stage:
        known_from(stage, {2: 1e9})
        stage.assign()
        stage.pipeline.received([message(0, "a", schema=2)])
        await stage.quiet(5.0)
        began = stage.front.loop_time()
    assert stage.front.loop_time() - began < 0.1
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --- any schedule -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A record, and how long the next batch comes after it (None: in the same one)."""

    room: str | None
    schema: int
    says: str
    pause: float | None


RECORDS = st.lists(
    st.builds(
        Drawn,
        st.sampled_from(["a", "a", "b", "c", None]),
        st.sampled_from([1, 1, 2, 3, 4, ABSENT]),
        st.sampled_from(["good", "good", "good", "skip", "bad"]),
        st.sampled_from([None, None, 0.0, 0.5, 3.0, 20.0]),
    ),
    min_size=1,
    max_size=20,
)
READY = st.fixed_dictionaries({n: st.sampled_from([0.0, 2.0, 7.0, 25.0, 60.0]) for n in (2, 3, 4, ABSENT)})
MOVES = st.lists(
    st.tuples(st.sampled_from(["revoke", "lost"]), st.sampled_from([0.0, 0.3, 4.0, 30.0])), max_size=3
)
Move = tuple[Literal["revoke", "lost", "end"], float]


class Schedule:
    """What was drawn, and the laws that hold at every moment of it."""

    def __init__(self, stage: Stage, records: list[Drawn], ready: dict[int, float]) -> None:
        self.stage = stage
        self.records = records
        self.ready = {1: 0.0, **ready}
        self.sent = [
            offset
            for offset, drawn in enumerate(records)
            if drawn.room is not None and drawn.schema != ABSENT and drawn.says == "good"
        ]
        known_from(stage, ready)
        stage.coordinator.watch = self._check

    def settled(self) -> set[int]:
        """Offsets whose fate is durable now."""
        done = {int(name.rsplit("-", 1)[1]) for name in self.stage.front.tries}
        done |= {letter.source.offset for letter in self.stage.letters.letters}
        return done | {
            offset
            for offset, drawn in enumerate(self.records)
            if drawn.says == "skip"
            and drawn.schema != ABSENT
            and self.ready[drawn.schema] <= self.stage.front.loop_time()
        }

    def _check(self, entry: CommitEntry) -> None:
        believed = read(entry.metadata, LOG, entry.offset)
        assert isinstance(believed, Believed)
        named = {number for first, end in believed.settled for number in range(first, end)}
        assert set(range(entry.offset)) | named <= self.settled(), "a commit that is not true"

    async def feed(self, start: int, epoch: int) -> None:
        """Hand everything from `start` on to the pipeline, in the drawn batches."""
        batch: list[Record] = []
        for offset, drawn in enumerate(self.records):
            if offset >= start:
                batch.append(message(offset, drawn.room, schema=drawn.schema, says=drawn.says, epoch=epoch))
            if drawn.pause is not None:
                self.stage.pipeline.received(batch)
                batch = []
                await self.stage.quiet(drawn.pause)
        self.stage.pipeline.received(batch)


@given(RECORDS, READY, MOVES)
@settings(max_examples=150, deadline=None)
def test_ord_15_any_schedule_keeps_order_per_key_and_loses_nothing(
    records: list[Drawn], ready: dict[int, float], moves: list[Move]
) -> None:
    """Records with known, late and absent schemas, with and without a known key; revokes and losses at any moment."""
    virtual_time.run(_play(records, ready, moves))


async def _play(records: list[Drawn], ready: dict[int, float], moves: list[Move]) -> None:
    async with Stage(maps=by_room(), in_flight=2, request_deadline_s=3.0, partition_records=5) as stage:
        schedule = Schedule(stage, records, ready)
        stage.front.delay = lambda sent: (0.01, 1.0, 0.2)[len(sent.id + sent.content.decode()) % 3]
        start, metadata = 0, None
        for epoch, (move, after) in enumerate([*moves, ("end", 0.0)], start=1):
            stage.assign(start, metadata=metadata, epoch=epoch)
            feeding = asyncio.create_task(schedule.feed(start, epoch))
            if move == "end":
                await feeding
                break
            await stage.quiet(after)
            if move == "lost":
                stage.pipeline.lost([TP])
            else:
                await stage.pipeline.revoke([TP], 2.5)
            feeding.cancel()
            committed = stage.coordinator.committed()
            if committed is not None:
                start, metadata = committed.offset, committed.metadata
        part = stage.pipeline.partitions[TP]
        await stage.quiet(200.0)
        assert (part.ledger.unsettled, part.buffered_bytes, part.paused) == (0, 0, None)
        assert [len(kept) for kept in (part.aside, part.awaited, part.asking, part.inbox)] == [0] * 4
    assert {int(number) for number in stage.front.ids} == set(schedule.sent)
    assert schedule.settled() >= set(range(len(records)))
    for room in "abc":
        of_room = [n for n in map(int, stage.front.ids) if records[n].room == room]
        firsts = list(dict.fromkeys(of_room))
        assert firsts == sorted(firsts), "first requests of a room come in offset order"
