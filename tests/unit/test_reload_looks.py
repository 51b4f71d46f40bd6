"""Mapping files, their volume and the channel directory's rows change while they are looked at and judged."""

import asyncio
import errno
from pathlib import Path

import pytest

from connector.adapters.files import LOOK_EVERY_S, STAYS_S
from connector.config import Problems, load_mappings
from connector.core.mapping import ChannelRow
from tests.support.virtual_time import in_virtual_time
from tests.unit.config_files import CONFIG, MAPPING, folder, loaded
from tests.unit.reload_stage import BROKEN, CHANGED, RAW, SCHEMA, SEEN_TWICE_S, TESTED, watched


@in_virtual_time
async def test_files_that_change_while_they_are_read_are_read_again(tmp_path: Path) -> None:
    """What was read is of no version that ever was."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(SEEN_TWICE_S)
        before = stage.calls.made

        def while_read(n: int) -> None:
            if n == before + 3:  # two looks, then this reading
                stage.write(CHANGED + "# more\n")

        stage.calls.script = while_read
        stage.write(CHANGED)
        await asyncio.sleep(LOOK_EVERY_S * 3)
        [new] = stage.swapped
        assert new.hash == loaded(stage.file).mappings.hash


@in_virtual_time
async def test_files_that_come_while_others_are_judged_are_judged_too(tmp_path: Path) -> None:
    """Else a restart would be the first to read them, and end."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(SEEN_TWICE_S)
        before = stage.calls.made

        def while_read(n: int) -> None:
            if n == before + 4:  # two looks, then the reading, then the look after it
                stage.write(BROKEN, "late")

        stage.calls.script = while_read
        stage.write(CHANGED)
        await asyncio.sleep(LOOK_EVERY_S * 3)
        assert stage.swapped == []
        assert not stage.reload.successful
        assert stage.why().startswith("mappings/late.yaml:")


@in_virtual_time
async def test_a_schema_file_that_is_written_while_it_is_first_read_is_read_again(tmp_path: Path) -> None:
    """It is watched from the moment that a mapping file names it: not before it was looked at twice does it count."""
    (tmp_path / "mappings").mkdir()
    schema = tmp_path / "mappings" / "call.avsc"
    schema.write_text(SCHEMA % "id", encoding="utf-8")
    async with watched(tmp_path, calls=RAW) as stage:

        def while_read(n: int) -> None:
            if n == 4:  # two looks and the reading have been: the first look at the schema file
                schema.write_text("{", encoding="utf-8")

        stage.calls.script = while_read
        await asyncio.sleep(LOOK_EVERY_S * 3)
        assert stage.told() == [("error", "config.reload.failed")]
        assert "call.avsc" in stage.why()


@in_virtual_time
async def test_signals_do_not_make_a_half_written_folder_count(tmp_path: Path) -> None:
    """Two looks that find the same lie five seconds apart, however often somebody asks."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(100.0)
        stage.write(BROKEN)  # the first half
        for _ in range(40):
            stage.reload.look_now()
            await asyncio.sleep(0.1)
        assert stage.facts.seen == []
        stage.write(CHANGED)
        stage.reload.look_now()
        await asyncio.sleep(STAYS_S + 0.1)
        assert stage.told() == [("info", "config.reloaded")]


NEEDS_A_ROW = (TESTED % "Hi").replace("line-1", "line-9")


@in_virtual_time
async def test_files_whose_tests_need_a_new_row_are_taken_when_the_row_has_come(tmp_path: Path) -> None:
    """One edit brings both, and the row is found later: what was refused is judged again."""
    async with watched(tmp_path) as stage:
        stage.write(NEEDS_A_ROW)
        await asyncio.sleep(SEEN_TWICE_S)
        assert not stage.reload.successful
        row = ChannelRow(key="line-9", channel="cha_9", company="shop", app="main")
        stage.reload._loaded.channels.change({"line-9": row})
        stage.reload.rows_changed()
        await asyncio.sleep(LOOK_EVERY_S + 0.1)
        assert len(stage.swapped) == 1
        assert stage.reload.successful


@in_virtual_time
async def test_a_row_that_comes_while_the_tests_run_counts(tmp_path: Path) -> None:
    """They may have run before it came."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(SEEN_TWICE_S)
        before = stage.calls.made

        def after_the_tests(n: int) -> None:
            if n == before + 4:
                row = ChannelRow(key="line-9", channel="cha_9", company="shop", app="main")
                stage.reload._loaded.channels.change({"line-9": row})
                stage.reload.rows_changed()

        stage.calls.script = after_the_tests
        stage.write(NEEDS_A_ROW)
        await asyncio.sleep(3 * LOOK_EVERY_S)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_rows_that_do_not_help_are_no_news(tmp_path: Path) -> None:
    """Rows of a topic change all day: the same reason is told once, and once for each signal; files in use are not read."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(SEEN_TWICE_S)
        before = stage.calls.made
        for _ in range(10):
            stage.reload.rows_changed()
            await asyncio.sleep(LOOK_EVERY_S)
        assert stage.calls.made <= before + 11
        stage.write(NEEDS_A_ROW)
        for _ in range(100):
            stage.reload.rows_changed()
            await asyncio.sleep(1.0)
        assert stage.told() == [("error", "config.reload.failed")]
        await asyncio.sleep(LOOK_EVERY_S)
        before = stage.calls.made
        await asyncio.sleep(10 * LOOK_EVERY_S)
        assert (
            stage.calls.made <= before + 10
        )  # one look each: nothing is judged that no row could have changed
        stage.reload.look_now()
        await asyncio.sleep(1.0)
        assert stage.told() == [("error", "config.reload.failed")] * 2


@in_virtual_time
async def test_a_folder_that_cannot_be_listed_is_refused_and_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A volume whose server is away: the service lives on, and says so once; later all is well again."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(SEEN_TWICE_S)

        def stale(_folder: Path, _pattern: str) -> list[Path]:
            raise OSError(errno.ESTALE, "Stale file handle")

        with monkeypatch.context() as patched:
            patched.setattr(Path, "glob", stale)
            await asyncio.sleep(LOOK_EVERY_S * 10)
            assert stage.told() == [("error", "config.reload.failed")]
            assert stage.why() == "the folder cannot be read: Stale file handle"
            assert not stage.reload.successful
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.reload.successful
        assert stage.told()[1:] == [("info", "config.reloaded")]


@in_virtual_time
async def test_files_that_contradict_the_settings_are_refused(tmp_path: Path) -> None:
    """As at start: no record may wait for rows that nobody writes, and no dead letter be read again."""
    async with watched(tmp_path) as stage:
        stage.write(MAPPING.replace("calls.v1", "front.dead-letters"))
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.told() == [("error", "config.reload.failed")]
        assert "is a mapped topic: dead letters would be read again" in stage.why()
    config = CONFIG.replace("  channels: channels.csv\n", "")
    start = loaded(
        folder(tmp_path, config=config, calls=MAPPING.replace("${channels[value.line_id]}", "cha_1"))
    )
    text = MAPPING.replace("    start: earliest\n", "    start: earliest\n    on_unknown_channel: wait\n")
    folder(tmp_path, config=config, calls=text)
    refused, _ = load_mappings(start)
    assert isinstance(refused, Problems)
    assert "waits for rows of the channel directory (on_unknown_channel), and there is none" in str(refused)
