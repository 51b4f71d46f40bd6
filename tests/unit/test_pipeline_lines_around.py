"""Waiting records of unknown lines among everything else: bounds, the log, partitions that go, a stop. Virtual time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connector.core.mapping import line_key
from connector.core.records import TopicPartition, key_hash
from tests.support.virtual_time import run
from tests.support.world import TP, Stage, record
from tests.unit.test_pipeline_lines import scene, write


def test_a_full_partition_is_paused_by_its_unknown_line_and_says_which_key(tmp_path: Path) -> None:
    """What waits counts for the partition's bounds; the log names the key's hash, and the row ends the pause."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings, partition_records=10) as stage:
            stage.assign()
            stage.pipeline.received([record(n, channel="new") for n in range(10)])
            await stage.quiet()
            assert stage.coordinator.paused == {TP}
            (paused,) = [
                fields for name, _, fields in stage.facts.seen if fields.get("reason") == "backpressure"
            ]
            assert paused["key_hash"] == key_hash(line_key("new"))
            write(stage, known, new="cha_1")
            await stage.quiet()
            assert stage.coordinator.paused == set()
            assert stage.front.ids == [str(n) for n in range(10)]

    run(story())


def test_the_log_tells_of_the_line_by_its_hash_when_it_begins_and_ends_to_wait(tmp_path: Path) -> None:
    """Once a partition and line, whatever the number of records."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([record(n, channel="+3725551234") for n in range(5)])
            await stage.quiet(60.0)
            write(stage, known, **{"+3725551234": "cha_1"})
            told: list[tuple[Any, dict[str, object]]] = [
                (args[0], fields)
                for _, args, fields in stage.facts.seen
                if args and str(args[0]).startswith("channel.")
            ]
            where = {"topic": "messages", "partition": 0}
            hashed = {"key_hash": key_hash(line_key("+3725551234"))}
            assert told == [
                ("channel.unknown", {**where, "offset": 0, **hashed}),
                ("channel.known", {**where, "records": 5, "seconds": 60.0, **hashed}),
            ]

    run(story())


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "revoked"])
def test_a_partition_that_goes_takes_its_waiting_records_along(tmp_path: Path, lost: bool) -> None:
    """They are the next owner's: a row that appears later sends nothing here, and the revoke does not wait for them."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([record(0, channel="new"), record(1, channel="old")])
            await stage.quiet()
            if lost:
                stage.pipeline.lost([TP])
            else:
                await stage.pipeline.revoke([TP], 5.0)
                assert stage.coordinator.committed().offset == 0  # type: ignore[union-attr]
            write(stage, known, new="cha_1")
            await stage.quiet()
            assert stage.front.ids == ["1"]
            stage.assign(epoch=2)
            stage.pipeline.received([record(0, channel="new", epoch=2)])
            await stage.quiet()
            assert stage.front.ids == ["1", "0"]

    run(story())


def test_a_row_that_comes_while_a_partition_is_given_back_is_left_to_the_next_owner(tmp_path: Path) -> None:
    """The revoke waits for what is in flight; what waited for the row does not begin meanwhile."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            stage.front.delay = lambda _sent: 2.0
            stage.assign()
            stage.pipeline.received([record(0, channel="new"), record(1, channel="old")])
            await stage.quiet(1.0)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(stage.pipeline.revoke([TP], 5.0))
                await stage.quiet(0.5)
                write(stage, known, new="cha_1")
            await stage.quiet()
            assert stage.front.ids == ["1"]

    run(story())


def test_a_stop_does_not_wait_for_a_row(tmp_path: Path) -> None:
    """What waits stays uncommitted, and the stop is clean."""

    async def story() -> None:
        known = scene(tmp_path)
        stage = Stage(maps=known.mappings)
        async with stage:
            stage.assign()
            stage.pipeline.received([record(0, channel="new"), record(1, channel="old")])
            await stage.quiet()
            assert await stage.pipeline.stop(5.0)
        assert stage.coordinator.committed().offset == 0  # type: ignore[union-attr]

    run(story())


def test_a_row_releases_its_line_in_every_partition(tmp_path: Path) -> None:
    """A line's records may come from several partitions; order is kept in each."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            second = TopicPartition("messages", 1)
            for tp in (TP, second):
                stage.assign(tp=tp)
                stage.pipeline.received(
                    [record(n, f"room-{tp.partition}", channel="new", tp=tp) for n in range(3)]
                )
            await stage.quiet()
            assert stage.front.ids == []
            write(stage, known, new="cha_1")
            await stage.quiet()
            for room in ("room-0", "room-1"):
                sent = [one.id.rsplit("-", 1)[1] for one in stage.front.sent if one.key == room]
                assert sent == ["0", "1", "2"]

    run(story())
