"""Paused by an operator: nothing new begins, what is under way ends, and everything goes on where it stood. Virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connector.core.answers import Answered
from connector.core.decode import SchemaAbsent, SchemaId, SchemaRef
from connector.core.offset_map import Believed, read
from connector.core.pacing import RateLimits
from connector.ports import RegistryUnavailable, SchemaAnswer
from tests.support.files import Files, FrontOfForms, with_files
from tests.support.virtual_time import in_virtual_time, run
from tests.support.world import LOG, OTHER, SCHEMA, TP, Stage, record
from tests.unit.test_pipeline_aside import by_room, known_from, message
from tests.unit.test_pipeline_lines import scene, write


async def _ready(stage: Stage) -> None:
    stage.assign()
    await stage.quiet(1.0)


@in_virtual_time
async def test_nothing_starts_while_paused_and_all_of_it_in_order_afterwards() -> None:
    """What comes from the poll meanwhile waits, too; a resume needs no other event."""
    async with Stage() as stage:
        await _ready(stage)
        stage.pipeline.pause()
        stage.pipeline.received([record(offset) for offset in range(3)])
        await stage.quiet(3600.0)
        assert stage.front.ids == []
        assert stage.pipeline.partitions[TP].ledger.unsettled == 3
        stage.pipeline.resume()
        await stage.quiet()
        assert stage.front.ids == ["0", "1", "2"]
        assert stage.coordinator.committed().offset == 3  # type: ignore[union-attr]


@in_virtual_time
async def test_what_is_in_flight_ends_and_its_next_does_not_begin() -> None:
    """The first record of a key, and the first of the three requests of another record."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 5.0
        await _ready(stage)
        stage.pipeline.received([record(0), record(1), record(2, "three")])
        await stage.quiet(1.0)
        stage.pipeline.pause()
        await stage.quiet(60.0)
        assert sorted(stage.front.ids) == ["0", "2"]
        assert not stage.front.cancelled
        assert stage.coordinator.committed().offset == 1  # type: ignore[union-attr]
        stage.pipeline.resume()
        await stage.quiet(60.0)
        assert sorted(stage.front.ids) == ["0", "1", "2", "2", "2"]


@in_virtual_time
async def test_a_pause_between_the_decision_and_the_step_is_obeyed() -> None:
    """The attempt was made a task, and has not taken its first step."""
    async with Stage() as stage:
        await _ready(stage)
        stage.pipeline.received([record(0)])
        stage.pipeline.pause()
        await stage.quiet(60.0)
        assert stage.front.ids == []
        assert stage.pipeline.dispatch.in_flight == 0
        stage.pipeline.resume()
        await stage.quiet()
        assert stage.front.ids == ["0"]


@in_virtual_time
async def test_a_letter_in_writing_is_finished_and_none_is_begun() -> None:
    """The broker says no until the pause is long begun; a bad record that comes meanwhile has no letter."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, _n: Answered(400)
        stage.letters.delay = 10.0
        await _ready(stage)
        stage.pipeline.received([record(0)])
        await stage.quiet(1.0)
        stage.pipeline.pause()
        stage.pipeline.received([record(1, "bad")])
        await stage.quiet(60.0)
        assert stage.letters.reasons() == ["front_rejected"]
        stage.pipeline.resume()
        await stage.quiet(60.0)
        assert stage.letters.reasons() == ["front_rejected", "mapping_failed"]


@in_virtual_time
async def test_partitions_are_paused_in_the_client_and_so_are_those_that_come() -> None:
    """With the reason `manual`; a resume takes it back from all."""
    async with Stage() as stage:
        await _ready(stage)
        stage.pipeline.pause()
        assert stage.coordinator.paused == {TP}
        stage.assign(tp=OTHER)
        assert stage.coordinator.paused == {TP, OTHER}
        assert stage.facts.count("paused", "manual") == 2
        stage.pipeline.pause()  # said twice
        assert stage.facts.count("paused", "manual") == 2
        stage.pipeline.resume()
        assert stage.coordinator.paused == set()


@in_virtual_time
async def test_a_pause_and_the_bounds_of_memory_do_not_undo_each_other() -> None:
    """Resumed by hand, a partition that is full stays paused; when it has room while paused by hand, it stays so, too."""
    async with Stage(partition_records=4) as stage:
        stage.front.delay = lambda _sent: 1.0
        await _ready(stage)
        stage.pipeline.received([record(offset, str(offset)) for offset in range(4)])
        stage.pipeline.pause()
        stage.pipeline.resume()
        assert stage.coordinator.paused == {TP}
        await stage.quiet(0.5)
        stage.pipeline.pause()
        await stage.quiet(5.0)
        assert stage.pipeline.partitions[TP].paused is None
        assert stage.coordinator.paused == {TP}
        stage.pipeline.resume()
        assert stage.coordinator.paused == set()
        stage.pipeline.pause()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(4, 8)])
        assert stage.pipeline.partitions[TP].paused == "backpressure"
        stage.pipeline.resume()
        await stage.quiet(5.0)
        assert stage.coordinator.paused == set()


@in_virtual_time
async def test_a_member_that_is_paused_keeps_its_lease_and_commits() -> None:
    """Idle renewals go on, what settled is committed, and a partition that comes is claimed."""
    async with Stage(session_timeout_s=45.0) as stage:
        stage.front.delay = lambda _sent: 2.0
        await _ready(stage)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.5)
        stage.pipeline.pause()
        stage.assign(tp=OTHER)
        await stage.quiet(3600.0)
        assert stage.coordinator.committed().offset == 1  # type: ignore[union-attr]
        assert stage.coordinator.committed(OTHER) is not None
        remaining = stage.pipeline.lease_remaining()
        assert remaining is not None
        assert remaining > 0


@in_virtual_time
async def test_no_probe_goes_out_while_paused() -> None:
    """Neither of a hold nor of an open circuit."""
    async with Stage(probe_interval_s=60.0) as stage:
        stage.front.script = lambda sent, _n: Answered(403 if sent.key == "held" else 503)
        await _ready(stage)
        stage.pipeline.received([record(0, "held", channel="cha_1")])
        stage.pipeline.received([record(n, str(n), channel="cha_2") for n in range(1, 8)])
        await stage.quiet(120.0)
        assert stage.pipeline.holds.active
        assert stage.pipeline.circuits.active(stage.front.loop_time())
        before = len(stage.front.sent)
        stage.pipeline.pause()
        await stage.quiet(3600.0)
        assert len(stage.front.sent) == before
        stage.front.script = lambda _sent, _n: Answered(202)
        stage.pipeline.resume()
        await stage.quiet(600.0)
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0
        assert not stage.letters.letters


@in_virtual_time
async def test_a_revoke_and_a_stop_work_while_paused() -> None:
    """What waits is the next owner's, and the last commit says released."""
    async with Stage() as stage:
        await _ready(stage)
        stage.pipeline.pause()
        stage.pipeline.received([record(0), record(1, "bad")])
        await stage.pipeline.revoke([TP], 5.0)
        assert not stage.pipeline.partitions
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 0
        assert read(committed.metadata, LOG, 0) == Believed(released=True, settled=())
        stage.assign(epoch=2, metadata=committed.metadata)
        stage.pipeline.received([record(0, epoch=2)])
        await stage.quiet(60.0)
        assert stage.front.ids == []
    assert stage.front.ids == []


@in_virtual_time
async def test_a_schema_that_comes_in_a_pause_lets_nothing_through() -> None:
    """The wall's record, those behind it, and one that is a dead letter as its schema does not exist."""
    async with Stage() as stage:
        known = False

        def script(ref: SchemaRef, _n: int) -> SchemaAnswer:
            if not known:
                return RegistryUnavailable("down")
            return SchemaAbsent("none") if ref == SchemaId(3) else SCHEMA

        stage.schemas.script = script
        await _ready(stage)
        stage.pipeline.received([record(0, schema=2), record(1, schema=3), record(2)])
        await stage.quiet(1.0)
        stage.pipeline.pause()
        known = True
        await stage.quiet(60.0)
        assert (stage.front.ids, stage.letters.reasons()) == ([], [])
        stage.pipeline.resume()
        await stage.quiet(60.0)
        assert (stage.front.ids, stage.letters.reasons()) == (["0", "2"], ["schema_missing"])


@in_virtual_time
async def test_a_schema_that_one_room_waits_for_lets_nothing_of_it_through() -> None:
    """It waits aside; the registry answers in the pause."""
    async with Stage(maps=by_room()) as stage:
        known_from(stage, {2: 30.0, 3: 30.0})
        await _ready(stage)
        stage.pipeline.received([message(0, "a", schema=2), message(1, "b", schema=3, says="bad")])
        await stage.quiet(1.0)
        stage.pipeline.pause()
        await stage.quiet(120.0)
        assert (stage.front.ids, stage.letters.letters) == ([], [])
        stage.pipeline.resume()
        await stage.quiet(60.0)
        assert (stage.front.ids, stage.letters.reasons()) == (["0"], ["mapping_failed"])


@in_virtual_time
async def test_what_a_mapper_says_in_a_pause_waits() -> None:
    """It was called before: neither its request nor the letter of its failure begins."""
    async with Stage() as stage:

        class Slow:
            async def run(self, call: Callable[[], object]) -> object:
                await asyncio.sleep(10.0)
                return call()

        taking = stage.pipeline.taking
        taking._world = replace(taking._world, mapper_calls=Slow())  # type: ignore[arg-type]
        await _ready(stage)
        stage.pipeline.received([record(0, "bad"), record(1)])
        await stage.quiet(1.0)
        stage.pipeline.pause()
        await stage.quiet(120.0)
        assert (stage.front.ids, stage.letters.letters) == ([], [])
        stage.pipeline.resume()
        await stage.quiet(60.0)
        assert (stage.front.ids, len(stage.letters.letters)) == (["1"], 1)


def test_rows_that_come_in_a_pause_let_nothing_through(tmp_path: Path) -> None:
    """Afterwards those that waited come before what was read later."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            await _ready(stage)
            stage.pipeline.received([record(n, channel="new") for n in range(150)])
            await stage.quiet(1.0)
            stage.pipeline.pause()
            write(stage, known, new="cha_1")
            stage.pipeline.received([record(150, channel="new")])
            await stage.quiet(60.0)
            assert stage.front.ids == []
            stage.pipeline.resume()
            await stage.quiet(60.0)
            assert stage.front.ids == [str(n) for n in range(151)]

    run(story())


def test_a_pause_in_the_middle_of_many_rows_stops_there(tmp_path: Path) -> None:
    """Records are released a hundred in a step of the loop; a stop in that pause ends."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings, in_flight=1000) as stage:
            await _ready(stage)
            stage.pipeline.received([record(n, str(n), channel="new") for n in range(350)])
            await stage.quiet(1.0)
            write(stage, known, new="cha_1")
            await asyncio.sleep(0)
            stage.pipeline.pause()
            await stage.quiet(60.0)
            assert len(stage.front.ids) < 350
            waiting = sum(len(wait.records) for wait in stage.pipeline.partitions[TP].aside.values())
            assert waiting > 0
            stage.pipeline.resume()
            await stage.quiet(60.0)
            assert sorted(map(int, stage.front.ids)) == list(range(350))
            stage.pipeline.received([record(n, str(n), channel="other") for n in range(350, 700)])
            write(stage, known, other="cha_2")
            stage.pipeline.pause()

    run(story())


@in_virtual_time
async def test_files_are_not_fetched_nor_kept_in_a_pause() -> None:
    """The first of two files is under way: it ends, is given back, and both are fetched when the pause is over."""
    front, files = FrontOfForms(), Files(delay=1.0)
    maps = with_files("https://files.example/{id}/1", "https://files.example/{id}/2")
    async with Stage(maps=maps, sender=front, files=files) as stage:
        await _ready(stage)
        stage.pipeline.received([record(0), record(1, "b")])
        await stage.quiet(0.5)
        stage.pipeline.pause()
        await stage.quiet(60.0)
        assert sorted(url for url, _ in files.asked) == [
            "https://files.example/messages-0-0/1",
            "https://files.example/messages-0-1/1",
        ]
        assert (files.kept, files.cancelled, len(front.got)) == (0, 0, 0)
        stage.pipeline.resume()
        await stage.quiet(60.0)
        assert len(front.got) == 2
        assert files.kept == 0


@in_virtual_time
async def test_files_that_are_here_are_given_back_when_a_pause_begins() -> None:
    """Their request has not begun, as the channel's pace does not let it."""
    front, files = FrontOfForms(), Files()
    limits = RateLimits(company_per_minute=0, channel_per_second=1)
    async with Stage(
        maps=with_files("https://files.example/{id}"), sender=front, files=files, rate_limits=limits
    ) as stage:
        await _ready(stage)
        stage.pipeline.received([record(n, str(n)) for n in range(5)])
        await stage.quiet(0.2)
        assert files.kept == 4
        stage.pipeline.pause()
        assert files.kept == 0
        await stage.quiet(60.0)
        stage.pipeline.resume()
        await stage.quiet(60.0)
        assert len(front.got) == 5
        assert files.kept == 0


@pytest.mark.parametrize("settles", [0, 2])
def test_no_order_is_lost_over_pauses_at_any_time(settles: int) -> None:
    """Twenty pauses while records of four keys come; some attempts fail."""

    async def story() -> None:
        async with Stage() as stage:
            stage.front.script = lambda sent, n: Answered(503 if n <= settles and sent.key == "a" else 202)
            stage.front.delay = lambda _sent: 0.3
            await _ready(stage)
            for turn in range(20):
                stage.pipeline.received([record(turn * 4 + n, "abcd"[n]) for n in range(4)])
                await stage.quiet(0.07 * turn)
                stage.pipeline.pause()
                await stage.quiet(1.0)
                before = len(stage.front.sent)
                await stage.quiet(5.0)
                assert len(stage.front.sent) == before
                stage.pipeline.resume()
            await stage.quiet(3600.0)
            assert stage.pipeline.partitions[TP].ledger.unsettled == 0
            for key in "abcd":
                sent = [int(one.id.rsplit("-", 1)[1]) for one in stage.front.sent if one.key == key]
                assert sent == sorted(sent)
            assert not stage.letters.letters

    run(story())
