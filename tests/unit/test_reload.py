"""Mapping files that change under a running service: taken when whole, valid and passing their tests; else the old run on."""

import asyncio
from pathlib import Path

import pytest

from connector.adapters.files import LOOK_EVERY_S, STAYS_S
from connector.ports import GaveUp, RestartNeeded
from tests.support.virtual_time import in_virtual_time
from tests.unit.config_files import MAPPING, loaded
from tests.unit.reload_stage import BROKEN, CHANGED, RAW, SCHEMA, SEEN_TWICE_S, TESTED, watched


@in_virtual_time
async def test_files_that_do_not_change_are_told_of_by_nobody(tmp_path: Path) -> None:
    """Hours of looks: no event, no swap, and they are read whole once only."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(4000 * LOOK_EVERY_S)
        assert stage.facts.seen == []
        assert stage.swapped == []
        assert stage.calls.made < 4100
        assert stage.reload.successful


@in_virtual_time
async def test_a_change_is_taken_when_it_was_seen_twice(tmp_path: Path) -> None:
    """The new mappings are swapped in, and the event says which and how many partitions finish the old ones first."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(100.0)
        stage.write(CHANGED)
        await asyncio.sleep(SEEN_TWICE_S)
        [new] = stage.swapped
        assert new.hash == loaded(stage.file).mappings.hash
        [(level, (event,), fields)] = stage.facts.seen
        assert (level, event) == ("info", "config.reloaded")
        assert fields == {
            "kind": "mapping",
            "path": str(tmp_path / "mappings"),
            "mappings_hash": new.hash,
            "partitions": 3,
        }


@in_virtual_time
async def test_a_change_between_the_start_and_the_first_look_is_not_missed(tmp_path: Path) -> None:
    """The files were read at start, and somebody wrote them right after it."""
    async with watched(tmp_path) as stage:
        stage.write(CHANGED)
        await asyncio.sleep(SEEN_TWICE_S)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_a_folder_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """While each look finds something else nothing is judged, whatever the files say in between."""
    async with watched(tmp_path) as stage:
        for turn in range(50):
            stage.write(f"{CHANGED if turn % 2 else BROKEN}# {turn}\n")
            await asyncio.sleep(STAYS_S - 0.5)
        assert stage.facts.seen == []
        assert stage.swapped == []
        stage.write(CHANGED)
        await asyncio.sleep(SEEN_TWICE_S)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_sighup_looks_at_once(tmp_path: Path) -> None:
    """And still twice."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(100.0)
        stage.write(CHANGED)
        stage.reload.look_now()
        await asyncio.sleep(STAYS_S + 0.1)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_invalid_files_are_refused_with_their_places_once(tmp_path: Path) -> None:
    """The old mappings stay; the same mistake is not told again at each look, a mended file is taken."""
    async with watched(tmp_path) as stage:
        stage.write(BROKEN)
        await asyncio.sleep(100 * LOOK_EVERY_S)
        assert stage.told() == [("error", "config.reload.failed")]
        assert stage.why().startswith("mappings/calls.yaml:10:28: ")
        assert "did you mean" in stage.why()
        assert stage.swapped == []
        assert not stage.reload.successful
        stage.write(CHANGED)
        await asyncio.sleep(SEEN_TWICE_S)
        assert len(stage.swapped) == 1
        assert stage.reload.successful


@in_virtual_time
async def test_a_refused_change_that_is_taken_back_is_well_again(tmp_path: Path) -> None:
    """The files are again those that run: nothing is swapped, and the alert ends."""
    async with watched(tmp_path) as stage:
        stage.write(BROKEN)
        await asyncio.sleep(SEEN_TWICE_S)
        assert not stage.reload.successful
        stage.write(MAPPING)
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.reload.successful
        assert stage.swapped == []
        assert stage.told()[-1] == ("info", "config.reloaded")


@in_virtual_time
async def test_many_problems_are_told_within_a_bound(tmp_path: Path) -> None:
    """Twenty, and how many more there are."""
    async with watched(tmp_path) as stage:
        more = "".join(f"      - {{name: n{n}, skip: true, when: '${{nonsense{n}}}'}}\n" for n in range(30))
        stage.write(MAPPING + more)
        await asyncio.sleep(SEEN_TWICE_S)
        lines = stage.why().split("\n")
        assert len(lines) == 21
        assert lines[-1] == "and 10 more: see `front-connector validate`"


@in_virtual_time
async def test_files_whose_own_tests_fail_are_refused_without_what_they_compared(tmp_path: Path) -> None:
    """A test's record may be a copy of somebody's: place and name are told, no value."""
    async with watched(tmp_path) as stage:
        stage.write(TESTED % "Ho")
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.swapped == []
        assert stage.why() == (
            "mappings/calls.yaml:12: calls.v1: 'a note' does not pass; `front-connector test` shows why"
        )
        stage.write(TESTED % "Hi")
        await asyncio.sleep(SEEN_TWICE_S)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_tests_beside_a_mapping_file_count_too(tmp_path: Path) -> None:
    """And a change of them alone swaps nothing: the mappings are the same."""
    async with watched(tmp_path) as stage:
        beside = "tests:\n  calls.v1:\n    - name: x\n      record: {value: {}}\n      expect: {skip: true}\n"
        stage.write(beside, "calls.tests")
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.swapped == []
        stage.write(CHANGED)
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.swapped == []
        assert "'x' does not pass" in stage.why()


OTHER_TOPIC = MAPPING.replace("calls.v1", "calls.v2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            OTHER_TOPIC,
            "the topic calls.v2 is not there before; the topic calls.v1 is not there any more",
        ),
        (MAPPING.replace("earliest", "latest"), "start of the topic calls.v1 changed"),
        (
            MAPPING.replace("earliest", "earliest\n    key: {format: bytes}\n    on_missing_offset: latest"),
            "on_missing_offset and key of the topic calls.v1 changed",
        ),
        (RAW, "value of the topic calls.v1 changed"),
    ],
)
def test_what_only_a_restart_can_change_is_refused_and_said(tmp_path: Path, text: str, said: str) -> None:
    """Topics, where they start, and how they are read: a sentence, an event of its own, and the old ones run on."""

    @in_virtual_time
    async def play() -> None:
        async with watched(tmp_path) as stage:
            (tmp_path / "mappings" / "call.avsc").write_text(SCHEMA % "id", encoding="utf-8")
            stage.write(text)
            await asyncio.sleep(SEEN_TWICE_S + 2 * STAYS_S)  # a schema file is looked at once named
            assert stage.told() == [("warning", "config.restart_required")]
            assert stage.why() == f"{said}: only a restart can change that"
            assert stage.swapped == []
            assert not stage.reload.successful

    play()


@in_virtual_time
async def test_a_schema_file_belongs_to_the_mappings(tmp_path: Path) -> None:
    """It is watched though its name does not say so, and another schema is another format."""
    (tmp_path / "mappings").mkdir()
    schema = tmp_path / "mappings" / "call.avsc"
    schema.write_text(SCHEMA % "id", encoding="utf-8")
    async with watched(tmp_path, calls=RAW) as stage:
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.facts.seen == []
        schema.write_text(SCHEMA % "name", encoding="utf-8")
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.told() == [("warning", "config.restart_required")]
        assert stage.why() == "value of the topic calls.v1 changed: only a restart can change that"


@in_virtual_time
async def test_a_folder_that_goes_away_is_refused_and_one_that_comes_back_is_taken(tmp_path: Path) -> None:
    """A volume that is mounted anew."""
    async with watched(tmp_path) as stage:
        (tmp_path / "mappings").rename(tmp_path / "away")
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.told() == [("error", "config.reload.failed")]
        assert "there is no folder" in stage.why()
        (tmp_path / "away").rename(tmp_path / "mappings")
        stage.write(CHANGED)
        await asyncio.sleep(SEEN_TWICE_S)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_a_reading_that_hangs_is_refused_and_the_service_lives_on(tmp_path: Path) -> None:
    """A module that a mapping names may hang when it is imported; when too many do, nothing is read before a restart."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(SEEN_TWICE_S)
        before = stage.calls.made
        stage.calls.script = lambda n: GaveUp("did not return within 120 s") if n == before + 3 else None
        stage.write(CHANGED)
        await asyncio.sleep(SEEN_TWICE_S)
        assert stage.why() == "reading and testing the files did not return within 120 s"

        def stuck(_n: int) -> GaveUp | None:
            raise RestartNeeded(70, "9 threads hang")

        stage.calls.script = stuck
        await asyncio.sleep(LOOK_EVERY_S * 10)
        assert stage.why() == "9 threads hang"
        assert stage.told() == [("error", "config.reload.failed")] * 2


@in_virtual_time
async def test_new_mappings_share_the_living_channel_directory(tmp_path: Path) -> None:
    """A row that came while the old ones ran is known to the new ones."""
    async with watched(tmp_path) as stage:
        stage.write(CHANGED)
        await asyncio.sleep(SEEN_TWICE_S)
        [new] = stage.swapped
        directory = stage.reload._loaded.channels
        assert new.topics["calls.v1"].constants["channels"] is directory.table()
