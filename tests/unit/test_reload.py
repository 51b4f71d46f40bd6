"""Mapping files that change under a running service: taken when whole, valid and passing their tests; else the old run on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from connector.app import service
from connector.app.assembly import assemble
from connector.app.reload import LOOK_AGAIN_S, LOOK_EVERY_S, MappingReload
from connector.core.mapping import MappingSet
from connector.ports import GaveUp, RestartNeeded
from tests.support.virtual_time import in_virtual_time
from tests.support.world import Facts
from tests.unit.config_files import CONFIG, MAPPING, folder, loaded

T = TypeVar("T")

CHANGED = MAPPING.replace("value.text", "value.note")
BROKEN = MAPPING.replace("value.text}", "valu.text}")
TESTED = (
    CHANGED
    + """\
    tests:
      - name: a note
        record: {value: {line_id: line-1, call_id: c-1, note: Hi}}
        expect: {operation: add-call-summary, body: {content: %s}}
"""
)
SAME_TOPIC_TWICE_A_LOOK = LOOK_EVERY_S + LOOK_AGAIN_S + 1.0
"""After so long a change has been seen twice."""


@dataclass
class Calls:
    """Runs calls at once; `script(n)` may answer the n-th in its place."""

    script: Callable[[int], GaveUp | None] = lambda _n: None
    made: int = 0

    async def run(self, call: Callable[[], T]) -> T | GaveUp:
        self.made += 1
        answer = self.script(self.made)
        return call() if answer is None else answer


@dataclass
class Watched:
    """A folder, its watcher, and what came of it."""

    file: Path
    facts: Facts
    reload: MappingReload
    calls: Calls
    swapped: list[MappingSet]

    def write(self, text: str, name: str = "calls") -> None:
        """Another content of a mapping file."""
        (self.file.parent / "mappings" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def told(self) -> list[tuple[str, str]]:
        """Events with their level."""
        return [(level, str(args[0])) for level, args, _ in self.facts.seen]

    def why(self) -> str:
        """Of the newest event, without the folder's path."""
        return str(self.facts.seen[-1][2]["why"]).replace(f"{self.file.parent}/", "")


@asynccontextmanager
async def watched(path: Path, **mappings: str) -> AsyncIterator[Watched]:
    """A service whose mapping files are watched."""
    file = folder(
        path, config=CONFIG.replace("folder: mappings", "folder: mappings, reload: watch"), **mappings
    )
    start, facts, calls = loaded(file), Facts(), Calls()
    swapped: list[MappingSet] = []

    def swap(new: MappingSet) -> int:
        swapped.append(new)
        return 3

    stage = Watched(file, facts, MappingReload(start, swap, calls, facts), calls, swapped)
    task = asyncio.create_task(stage.reload.run())
    yield stage
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
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
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_a_folder_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """While each look finds something else nothing is judged, whatever the files say in between."""
    async with watched(tmp_path) as stage:
        for turn in range(50):
            stage.write(f"{CHANGED if turn % 2 else BROKEN}# {turn}\n")
            await asyncio.sleep(LOOK_AGAIN_S - 0.5)
        assert stage.facts.seen == []
        assert stage.swapped == []
        stage.write(CHANGED)
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_sighup_looks_at_once(tmp_path: Path) -> None:
    """And still twice."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(100.0)
        stage.write(CHANGED)
        stage.reload.look_now()
        await asyncio.sleep(LOOK_AGAIN_S + 0.1)
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
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert len(stage.swapped) == 1
        assert stage.reload.successful


@in_virtual_time
async def test_a_refused_change_that_is_taken_back_is_well_again(tmp_path: Path) -> None:
    """The files are again those that run: nothing is swapped, and the alert ends."""
    async with watched(tmp_path) as stage:
        stage.write(BROKEN)
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert not stage.reload.successful
        stage.write(MAPPING)
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert stage.reload.successful
        assert stage.swapped == []
        assert stage.told()[-1] == ("info", "config.reloaded")


@in_virtual_time
async def test_many_problems_are_told_within_a_bound(tmp_path: Path) -> None:
    """Twenty, and how many more there are."""
    async with watched(tmp_path) as stage:
        more = "".join(f"      - {{name: n{n}, skip: true, when: '${{nonsense{n}}}'}}\n" for n in range(30))
        stage.write(MAPPING + more)
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        lines = stage.why().split("\n")
        assert len(lines) == 21
        assert lines[-1] == "and 10 more: see `front-connector validate`"


@in_virtual_time
async def test_files_whose_own_tests_fail_are_refused_without_what_they_compared(tmp_path: Path) -> None:
    """A test's record may be a copy of somebody's: place and name are told, no value."""
    async with watched(tmp_path) as stage:
        stage.write(TESTED % "Ho")
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert stage.swapped == []
        assert stage.why() == (
            "mappings/calls.yaml:12: calls.v1: 'a note' does not pass; `front-connector test` shows why"
        )
        stage.write(TESTED % "Hi")
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_tests_beside_a_mapping_file_count_too(tmp_path: Path) -> None:
    """And a change of them alone swaps nothing: the mappings are the same."""
    async with watched(tmp_path) as stage:
        beside = "tests:\n  calls.v1:\n    - name: x\n      record: {value: {}}\n      expect: {skip: true}\n"
        stage.write(beside, "calls.tests")
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert stage.swapped == []
        stage.write(CHANGED)
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert stage.swapped == []
        assert "'x' does not pass" in stage.why()


OTHER_TOPIC = MAPPING.replace("calls.v1", "calls.v2")
SCHEMA = (
    '{"type": "record", "name": "Call", "fields": ['
    '{"name": "line_id", "type": "string"}, {"name": "call_id", "type": "string"}, {"name": "text", "type": "string"}, '
    '{"name": "%s", "type": "string"}]}'
)
RAW = MAPPING.replace("    rules:", "    value: {format: avro_raw, schema: call.avsc}\n    rules:")


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
            await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
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
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert stage.facts.seen == []
        schema.write_text(SCHEMA % "name", encoding="utf-8")
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert stage.told() == [("warning", "config.restart_required")]
        assert stage.why() == "value of the topic calls.v1 changed: only a restart can change that"


@in_virtual_time
async def test_a_folder_that_goes_away_is_refused_and_one_that_comes_back_is_taken(tmp_path: Path) -> None:
    """A volume that is mounted anew."""
    async with watched(tmp_path) as stage:
        (tmp_path / "mappings").rename(tmp_path / "away")
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert stage.told() == [("error", "config.reload.failed")]
        assert "there is no folder" in stage.why()
        (tmp_path / "away").rename(tmp_path / "mappings")
        stage.write(CHANGED)
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert len(stage.swapped) == 1


@in_virtual_time
async def test_files_that_change_while_they_are_read_are_read_again(tmp_path: Path) -> None:
    """What was read is of no version that ever was."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
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
async def test_a_reading_that_hangs_is_refused_and_the_service_lives_on(tmp_path: Path) -> None:
    """A module that a mapping names may hang when it is imported; when too many do, nothing is read before a restart."""
    async with watched(tmp_path) as stage:
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        before = stage.calls.made
        stage.calls.script = lambda n: GaveUp("did not return within 120 s") if n == before + 3 else None
        stage.write(CHANGED)
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        assert stage.why() == "reading and testing the files did not return within 120 s"

        def stuck(_n: int) -> GaveUp | None:
            raise RestartNeeded(70, "9 threads hang")

        stage.calls.script = stuck
        await asyncio.sleep(LOOK_EVERY_S * 10)
        assert stage.why() == "9 threads hang; nothing is read again before a restart"
        assert stage.told() == [("error", "config.reload.failed")] * 2


@in_virtual_time
async def test_new_mappings_share_the_living_channel_directory(tmp_path: Path) -> None:
    """A row that came while the old ones ran is known to the new ones."""
    async with watched(tmp_path) as stage:
        stage.write(CHANGED)
        await asyncio.sleep(SAME_TOPIC_TWICE_A_LOOK)
        [new] = stage.swapped
        directory = stage.reload._loaded.channels
        assert new.topics["calls.v1"].constants["channels"] is directory.table()


# --- in the service -----------------------------------------------------------------------------------------------------


async def test_the_service_shows_which_mappings_it_uses(tmp_path: Path) -> None:
    """The hash of the start, then that of the swap, on the page for people and in the metrics; restart watches nothing."""
    file = folder(tmp_path, config=CONFIG.replace("folder: mappings", "folder: mappings, reload: watch"))
    start = loaded(file)
    parts = assemble(start, Facts())
    assert parts.reload is not None
    now = parts.status.snapshot()
    assert (now.config_hash, now.mappings_hash) == (start.config_hash, start.mappings.hash)
    assert ("mapping", True) in now.reloaded
    new = loaded(folder(tmp_path, calls=CHANGED)).mappings
    parts.pipeline.swap(new)
    parts.reload.successful = False
    now = parts.status.snapshot()
    assert now.mappings_hash == new.hash
    assert ("mapping", False) in now.reloaded
    restarted = assemble(loaded(folder(tmp_path)), Facts())
    assert restarted.reload is None
    assert "mapping" not in dict(restarted.status.snapshot().reloaded)


def test_threads_that_hang_end_the_process_with_70_and_a_sentence() -> None:
    """As a defect would, and the log says that it is none of ours."""
    facts = Facts()
    group = ExceptionGroup("tasks", [RestartNeeded(70, "9 threads hang")])
    assert service._ended(facts, service._first(group)) == 70
    assert facts.seen == [("error", ("connector.stopped",), {"code": 70, "reason": "9 threads hang"})]


async def test_sighup_looks_at_everything_that_is_read_again(tmp_path: Path) -> None:
    """The channel directory's file and the mapping files."""
    file = folder(tmp_path, config=CONFIG.replace("folder: mappings", "folder: mappings, reload: watch"))
    start = loaded(file)
    parts = assemble(start, Facts())
    assert parts.reload is not None
    service._Service(start, Facts())._look_now(parts)
    assert parts.reload._asked.is_set()
