"""An operator settles one record, whatever it is doing: a dead letter, once, and what is behind goes on. Virtual time."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from connector.core.answers import Answer, Answered
from connector.core.pacing import RateLimits
from connector.core.records import Channel
from connector.core.skipping import Lettered, NotThisOne
from connector.ports import RegistryUnavailable
from tests.support.files import Files, FrontOfForms, with_files
from tests.support.virtual_time import in_virtual_time, run
from tests.support.world import Stage, record
from tests.unit.by_hand_stage import all_settled, header, ready, settle, skipped
from tests.unit.test_pipeline_lines import scene, write


@in_virtual_time
async def test_a_head_in_back_off_is_settled_and_its_key_goes_on() -> None:
    """A poison record that Front answers with 503 for ever; the letter says how often it was tried."""
    async with Stage() as stage:
        stage.front.script = lambda sent, _n: Answered(503 if sent.id.endswith("-0") else 202)
        await ready(stage)
        stage.pipeline.received([record(0), record(1), record(2)])
        await stage.quiet(0.25)
        assert await settle(stage, 0) == Lettered()
        await stage.quiet(60.0)
        assert set(stage.front.ids[:-2]) == {"0"}
        assert stage.front.ids[-2:] == ["1", "2"]
        assert skipped(stage) == [0]
        assert header(stage.letters.letters[0], "front.attempts") == str(stage.front.ids.count("0"))
        assert stage.facts.count("settled", "messages", "dead_lettered") == 1
        assert stage.facts.count("dead_lettered", "messages", "operator_skip") == 1
        assert stage.coordinator.committed().offset == 3  # type: ignore[union-attr]
        all_settled(stage)


@in_virtual_time
async def test_a_record_behind_its_key_is_settled_and_the_others_keep_their_order() -> None:
    """The middle of three, while the first fails; nothing behind it may pass before its letter is acknowledged."""
    async with Stage() as stage:
        good = False
        stage.front.script = lambda _sent, _n: Answered(202 if good else 403)
        stage.letters.delay = 20.0
        await ready(stage)
        stage.pipeline.received([record(0), record(1), record(2)])
        await stage.quiet(1.0)
        settling = asyncio.create_task(settle(stage, 1, 60.0))
        await asyncio.sleep(0.1)
        good = True
        stage.pipeline.gates.holds.proven(record_channel(stage))
        stage.pipeline.gates._wake_lanes()
        stage.pipeline._start_ready()
        await stage.quiet(10.0)
        assert stage.front.ids[-1] == "0"
        assert "2" not in stage.front.ids, "it passed a record that is not settled"
        assert await settling == Lettered()
        await stage.quiet(1.0)
        assert stage.front.ids[-1] == "2"
        assert "1" not in stage.front.ids
        assert skipped(stage) == [1]
        all_settled(stage)


def record_channel(stage: Stage) -> Channel:
    """Of the held head."""
    (slot,) = stage.pipeline.blocked
    return slot.channel


@in_virtual_time
async def test_a_record_in_a_hold_and_one_of_a_lane_that_sleeps() -> None:
    """Neither waits for the probe, nor for its channel's pace."""
    limits = RateLimits(company_per_minute=0, channel_per_second=1)
    async with Stage(rate_limits=limits, probe_interval_s=3600.0) as stage:
        stage.front.script = lambda sent, _n: Answered(403 if sent.key == "held" else 202)
        await ready(stage)
        stage.pipeline.received([record(0, "held", channel="cha_2"), record(1, "held", channel="cha_2")])
        await stage.quiet(1.0)
        stage.pipeline.received([record(n, str(n)) for n in range(2, 7)])
        await asyncio.sleep(0.1)
        assert await settle(stage, 1) == Lettered()
        assert await settle(stage, 0) == Lettered()
        assert await settle(stage, 5) == Lettered()
        await stage.quiet(60.0)
        assert stage.front.ids == ["0", "2", "3", "4", "6"]
        assert skipped(stage) == [1, 0, 5]
        all_settled(stage)


@in_virtual_time
async def test_a_request_in_flight_is_awaited_and_may_be_accepted() -> None:
    """Then there is no letter."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 5.0
        await ready(stage)
        stage.pipeline.received([record(0), record(1)])
        await stage.quiet(1.0)
        assert await settle(stage, 0) == NotThisOne("it was accepted meanwhile")
        await stage.quiet(60.0)
        assert stage.front.ids == ["0", "1"]
        assert not stage.front.cancelled
        assert not stage.letters.letters
        all_settled(stage)


@pytest.mark.parametrize("answer", [Answered(503), Answered(401), Answered(429, {"retry-after": "1"})])
@in_virtual_time
async def test_a_request_in_flight_that_fails_is_not_made_again(answer: Answer) -> None:
    """Whatever the answer asks for: a back-off, a hold, a limit's end."""
    async with Stage() as stage:
        stage.front.script = lambda sent, _n: answer if sent.key == "a" else Answered(202)
        stage.front.delay = lambda _sent: 5.0
        await ready(stage)
        stage.pipeline.received([record(0), record(1, "b")])
        await stage.quiet(1.0)
        assert await settle(stage, 0) == Lettered()
        await stage.quiet(120.0)
        assert stage.front.ids.count("0") == 1
        assert skipped(stage) == [0]
        all_settled(stage)


@in_virtual_time
async def test_a_request_in_flight_that_is_refused_is_a_letter_of_its_own() -> None:
    """One letter, with Front's reason."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, _n: Answered(400)
        stage.front.delay = lambda _sent: 5.0
        await ready(stage)
        stage.pipeline.received([record(0)])
        await stage.quiet(1.0)
        assert await settle(stage, 0) == NotThisOne("it became a dead letter meanwhile")
        assert stage.letters.reasons() == ["front_rejected"]
        all_settled(stage)


@in_virtual_time
async def test_of_three_requests_the_letter_says_how_many_were_accepted() -> None:
    """The first is in flight; the second does not begin."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 5.0
        await ready(stage)
        stage.pipeline.received([record(0, "three"), record(1, "three")])
        await stage.quiet(1.0)
        assert await settle(stage, 0) == Lettered()
        await stage.quiet(60.0)
        assert stage.front.ids == ["0", "1", "1", "1"]
        assert header(stage.letters.letters[0], "front.requests.accepted") == "1"
        all_settled(stage)


@in_virtual_time
async def test_a_wall_is_settled_and_holds_until_its_letter_is_acknowledged() -> None:
    """A schema that never comes: what is behind it does not pass the letter, for the key of the wall may be its own."""
    async with Stage() as stage:
        stage.schemas.script = lambda _ref, _n: RegistryUnavailable("down")
        stage.letters.delay = 20.0
        await ready(stage)
        stage.pipeline.received([record(0), record(1, schema=2), record(2), record(3, schema=2), record(4)])
        await stage.quiet(1.0)
        assert stage.front.ids == ["0"]
        settling = asyncio.create_task(settle(stage, 1))
        await stage.quiet(10.0)
        assert stage.front.ids == ["0"]
        assert await settling == Lettered()
        await stage.quiet(1.0)
        assert stage.front.ids == ["0", "2"]
        assert await settle(stage, 3) == Lettered()
        await stage.quiet(1.0)
        assert stage.front.ids == ["0", "2", "4"]
        assert skipped(stage) == [1, 3]
        assert stage.pipeline.schemas.silent_for == {}
        all_settled(stage)


@in_virtual_time
async def test_a_record_behind_a_wall_is_settled_before_the_wall() -> None:
    """Its key was never known; the registry comes back later."""
    async with Stage() as stage:
        stage.schemas.script = lambda _ref, _n: RegistryUnavailable("down")
        await ready(stage)
        stage.pipeline.received([record(0, schema=2), record(1), record(2)])
        await stage.quiet(1.0)
        assert await settle(stage, 1) == Lettered()
        assert stage.front.ids == []
        assert await settle(stage, 0) == Lettered()
        await stage.quiet(1.0)
        assert stage.front.ids == ["2"]
        assert skipped(stage) == [1, 0]
        all_settled(stage)


@pytest.mark.parametrize("offset", [0, 1])
def test_a_record_that_waits_for_a_row(tmp_path: Path, offset: int) -> None:
    """The first of its line, or one behind it; the others go on waiting, and keep their order."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            await ready(stage)
            stage.pipeline.received([record(n, channel="new") for n in range(3)])
            stage.pipeline.received([record(3, "b", channel="old")])
            await stage.quiet(1.0)
            assert await settle(stage, offset) == Lettered()
            await stage.quiet(60.0)
            assert stage.front.ids == ["3"]
            write(stage, known, new="cha_1")
            await stage.quiet(60.0)
            assert stage.front.ids == ["3", *(str(n) for n in range(3) if n != offset)]
            assert skipped(stage) == [offset]
            all_settled(stage)

    run(story())


def test_a_row_that_comes_while_the_letter_is_written_lets_nothing_pass_it(tmp_path: Path) -> None:
    """The first of the line is being settled."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            stage.letters.delay = 20.0
            await ready(stage)
            stage.pipeline.received([record(n, channel="new") for n in range(3)])
            await stage.quiet(1.0)
            settling = asyncio.create_task(settle(stage, 0))
            await stage.quiet(1.0)
            write(stage, known, new="cha_1")
            await stage.quiet(10.0)
            assert stage.front.ids == []
            assert await settling == Lettered()
            await stage.quiet(1.0)
            assert stage.front.ids == ["1", "2"]
            all_settled(stage)

    run(story())


@in_virtual_time
async def test_a_record_whose_file_is_being_fetched() -> None:
    """The fetch is ended, nothing is kept, and the next of the key goes on."""
    front, files = FrontOfForms(), Files(delay=3.0)
    async with Stage(maps=with_files("https://files.example/{id}"), sender=front, files=files) as stage:
        await ready(stage)
        stage.pipeline.received([record(0), record(1)])
        await stage.quiet(1.0)
        assert await settle(stage, 0) == Lettered()
        await stage.quiet(60.0)
        assert files.cancelled == 1
        assert files.kept == 0
        assert len(front.got) == 1
        assert skipped(stage) == [0]
        all_settled(stage)


@in_virtual_time
async def test_a_record_whose_file_is_here_and_has_to_wait() -> None:
    """Its file is given back."""
    limits = RateLimits(company_per_minute=0, channel_per_second=1)
    front, files = FrontOfForms(), Files()
    maps = with_files("https://files.example/{id}")
    async with Stage(maps=maps, sender=front, files=files, rate_limits=limits) as stage:
        await ready(stage)
        stage.pipeline.received([record(n, str(n)) for n in range(3)])
        await stage.quiet(0.2)
        assert files.kept == 2
        assert await settle(stage, 2) == Lettered()
        assert files.kept == 1
        await stage.quiet(60.0)
        assert len(front.got) == 2
        all_settled(stage)


@in_virtual_time
async def test_a_record_that_a_mapper_is_called_for() -> None:
    """The call is a wall: what it returns later is of no interest any more."""
    async with Stage() as stage:

        class Slow:
            async def run(self, call: object) -> object:
                await asyncio.sleep(10.0)
                return call()  # type: ignore[operator]

        taking = stage.pipeline.taking
        taking._world = replace(taking._world, mapper_calls=Slow())  # type: ignore[arg-type]
        await ready(stage)
        stage.pipeline.received([record(0), record(1)])
        await stage.quiet(1.0)
        assert await settle(stage, 0) == Lettered()
        await stage.quiet(60.0)
        assert stage.front.ids == ["1"]
        assert skipped(stage) == [0]
        all_settled(stage)
