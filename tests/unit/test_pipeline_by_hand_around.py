"""Settling by hand beside pauses, other operators, revokes and a dead-letter topic that says no. Virtual time."""

import asyncio
from dataclasses import replace

import pytest

from connector.core.answers import Answered
from connector.core.decode import SchemaAbsent, SchemaId, SchemaRef
from connector.core.skipping import Lettered, NotNow, NotThisOne
from connector.pipeline import by_hand
from connector.ports import NotWritten, RegistryUnavailable, SchemaAnswer
from tests.support.virtual_time import in_virtual_time, run
from tests.support.world import OTHER, SCHEMA, TP, Stage, record
from tests.unit.by_hand_stage import all_settled, ready, settle, skipped
from tests.unit.test_pipeline_reload import BY_ROOM, in_room, version


@in_virtual_time
async def test_in_a_pause_records_are_settled_too() -> None:
    """One that was mapped, and one that came in the pause; nothing else starts for it."""
    async with Stage() as stage:
        stage.front.script = lambda sent, _n: Answered(503 if sent.id.endswith("-0") else 202)
        await ready(stage)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.1)
        stage.pipeline.pause()
        stage.pipeline.received([record(1), record(2), record(3)])
        before = len(stage.front.sent)
        assert await settle(stage, 0) == Lettered()
        assert await settle(stage, 2) == Lettered()
        await stage.quiet(60.0)
        assert len(stage.front.sent) == before
        assert stage.coordinator.committed().offset == 1  # type: ignore[union-attr]
        stage.pipeline.resume()
        await stage.quiet(60.0)
        assert stage.front.ids[before:] == ["1", "3"]
        assert skipped(stage) == [0, 2]
        all_settled(stage)


@in_virtual_time
async def test_what_is_not_unsettled_here_is_refused_with_where_it_is() -> None:
    """Another's partition, an offset beyond the position, one that has settled; nothing is written."""
    async with Stage() as stage:
        await ready(stage)
        stage.pipeline.received([record(0)])
        await stage.quiet(1.0)
        other = await stage.pipeline.by_hand.settle(OTHER, 0, "why", 1.0)
        assert other == NotThisOne(
            "its partition is not this process's: ask the process that has it (/status)"
        )
        assert await settle(stage, 1) == NotThisOne("it was not read yet: the next one is 1")
        assert await settle(stage, 0) == NotThisOne("it has settled already, or the log has no such record")
        assert not stage.letters.letters


@in_virtual_time
async def test_of_two_who_settle_one_record_one_wins() -> None:
    """One letter."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, _n: Answered(503)
        stage.letters.delay = 5.0
        await ready(stage)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.25)
        answers = await asyncio.gather(*(settle(stage, 0) for _ in range(3)))
        assert answers == [Lettered(), by_hand.ASKED, by_hand.ASKED]
        assert skipped(stage) == [0]


@pytest.mark.parametrize("key", ["a", "bad"])
@in_virtual_time
async def test_a_letter_in_writing_is_nobodys_to_write_again(key: str) -> None:
    """Of a request that was refused, and of a record that could not be mapped."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, _n: Answered(400)
        stage.letters.delay = 20.0
        await ready(stage)
        stage.pipeline.received([record(0, key)])
        await stage.quiet(1.0)
        answer = await settle(stage, 0)
        assert answer == by_hand.LETTER or answer == NotThisOne("it became a dead letter meanwhile")
        await stage.quiet(60.0)
        assert len(stage.letters.letters) == 1
        all_settled(stage)


@in_virtual_time
async def test_a_dead_letter_topic_that_says_no_delays_the_answer_and_not_for_ever() -> None:
    """It goes on being written after the answer, and settles then."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, _n: Answered(503)
        stage.letters.script = lambda n: NotWritten("_MSG_TIMED_OUT") if n < 10 else None
        await ready(stage)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.25)
        answer = await settle(stage, 0, 5.0)
        assert isinstance(answer, NotNow)
        assert answer.why == "it is being settled, and that is not done within 5 s: it goes on, ask again"
        assert await settle(stage, 0) == by_hand.ASKED
        await stage.quiet(300.0)
        assert skipped(stage) == [0]
        all_settled(stage)


@in_virtual_time
async def test_before_a_partition_is_taken_over_nothing_of_it_is_settled() -> None:
    """Its former owner may still be sending the record."""
    async with Stage() as stage:
        stage.assign(metadata="somebody's")
        await stage.quiet(1.0)
        stage.pipeline.received([record(0)])
        answer = await settle(stage, 0)
        assert answer == NotNow("its partition is just being taken over: ask again in a moment")
        assert not stage.letters.letters


@pytest.mark.parametrize("bound", [0.1, 30.0])
@pytest.mark.parametrize("state", ["in flight", "letter", "wall"])
def test_a_revoke_loses_nothing(state: str, bound: float) -> None:
    """Settled when its letter was acknowledged within the drain, else the next owner's."""

    async def story() -> None:
        async with Stage() as stage:
            stage.front.script = lambda _sent, _n: Answered(503)
            stage.front.delay = lambda _sent: 5.0 if state == "in flight" else 0.1
            stage.letters.delay = 5.0
            stage.schemas.script = lambda _ref, _n: RegistryUnavailable("down")
            await ready(stage)
            stage.pipeline.received([record(0, schema=2 if state == "wall" else 1), record(1)])
            await stage.quiet(0.15)
            settling = asyncio.create_task(settle(stage, 0, 60.0))
            await asyncio.sleep(0.1)
            await stage.pipeline.revoke([TP], bound)
            committed = stage.coordinator.committed()
            assert committed is not None
            answer = await settling
            if bound > 10 and state != "in flight":
                assert answer == Lettered()
                assert committed.offset == 1
                assert skipped(stage) == [0]
            else:
                assert answer == by_hand.LEAVING
                assert committed.offset == 0
            assert not stage.pipeline.partitions

    run(story())


@in_virtual_time
async def test_a_partition_that_is_leaving_takes_no_wish() -> None:
    """It drains: ask the next owner."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 5.0
        await ready(stage)
        stage.pipeline.received([record(0), record(1)])
        await stage.quiet(0.5)
        going = asyncio.create_task(stage.pipeline.revoke([TP], 30.0))
        await asyncio.sleep(0.1)
        assert await settle(stage, 1) == by_hand.LEAVING
        await going
        assert not stage.letters.letters


@in_virtual_time
async def test_new_mappings_behind_a_record_that_is_being_settled() -> None:
    """A swap while a wall is settled: what is behind it is mapped by the new ones, and in order."""
    async with Stage() as stage:
        stage.schemas.script = lambda _ref, _n: RegistryUnavailable("down")
        stage.letters.delay = 10.0
        await ready(stage)
        stage.pipeline.received([record(0, schema=2), record(1), record(2)])
        await stage.quiet(0.5)
        settling = asyncio.create_task(settle(stage, 0))
        await asyncio.sleep(1.0)
        stage.pipeline.swap(replace(stage.pipeline.taking.mappings, hash="1"))
        assert await settling == Lettered()
        await stage.quiet()
        assert stage.front.ids == ["1", "2"]
        all_settled(stage)


@in_virtual_time
async def test_a_record_settled_behind_a_wall_of_new_mappings_does_not_end_it() -> None:
    """What the former mappings took in has not settled: what has its key now comes after it, as without the operator."""
    async with Stage(maps=version("old")) as stage:
        stage.front.script = lambda sent, n: Answered(500 if sent.id.endswith("-0") and n < 6 else 202)
        stage.front.delay = lambda _: 1.0
        await ready(stage)
        stage.pipeline.received([in_room(0, "a")])
        await stage.quiet(0.5)
        assert stage.pipeline.swap(version("new", BY_ROOM)) == 1
        stage.pipeline.received([in_room(1, "b"), in_room(2, "c")])
        assert await settle(stage, 2) == Lettered()
        await stage.quiet(120.0)
        numbers = [sent.id.rsplit("-", 1)[1] for sent in stage.front.sent]
        assert numbers == ["0"] * (len(numbers) - 1) + ["1"]
        assert skipped(stage) == [2]
        all_settled(stage)


@pytest.mark.parametrize("ended_by", ["operator", "revoke"])
def test_a_schema_that_was_absent_in_a_pause_is_asked_for_again(ended_by: str) -> None:
    """Whatever ends the wait of the record that asked: others find it, once it is registered."""

    async def play() -> None:
        async with Stage() as stage:
            there = False
            stage.schemas.script = lambda ref, _n: (
                SCHEMA if there or ref == SchemaId(1) else SchemaAbsent("none")
            )
            stage.assign()
            stage.assign(tp=OTHER)
            await stage.quiet(1.0)
            asked = stage.schemas.fetch

            async def slowly(ref: SchemaRef) -> SchemaAnswer:
                await asyncio.sleep(1.0)
                return await asked(ref)

            stage.schemas.fetch = slowly  # type: ignore[method-assign]
            stage.pipeline.received([record(0, schema=3)])
            await stage.quiet(0.2)
            stage.pipeline.pause()
            await stage.quiet(5.0)
            if ended_by == "operator":
                assert await settle(stage, 0) == Lettered()
            else:
                await stage.pipeline.revoke([TP], 5.0)
            there = True
            stage.pipeline.resume()
            await stage.quiet(5.0)
            stage.pipeline.received([record(5, tp=OTHER, schema=3)])
            await stage.quiet(30.0)
            assert len(stage.front.sent) == 1
            assert len(stage.letters.letters) == (ended_by == "operator")

    run(play())
