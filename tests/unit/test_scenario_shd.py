"""A stop finishes what is in flight and starts nothing; a defect ends the process and passes nothing. In virtual time."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from connector.app import service
from connector.core.ledger import Ledger
from connector.core.offset_map import Believed, read
from connector.pipeline import life, taking
from connector.pipeline.commits import Committer
from tests.support.virtual_time import in_virtual_time
from tests.support.world import LOG, OTHER, Stage, record
from tests.unit.config_files import folder, loaded


@in_virtual_time
async def test_shd_01_shd_02_a_stop_finishes_what_is_in_flight_and_starts_nothing_of_what_waits() -> None:
    """Five in flight, 500 behind them: five are committed as released, the next start sends the sixth at once and no other."""
    stage = Stage(in_flight=5)
    log = [record(offset, str(offset)) for offset in range(505)]
    async with stage:
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        stage.pipeline.received(log)
        await stage.quiet(0.5)
        began = stage.front.loop_time()
        assert await stage.pipeline.stop(5.0)
        assert stage.front.loop_time() - began < 1.0
    assert stage.front.ids == ["0", "1", "2", "3", "4"]
    committed = stage.coordinator.committed()
    assert committed is not None
    assert committed.offset == 5
    assert read(committed.metadata, LOG, 5) == Believed(released=True, settled=())

    async with Stage(in_flight=5) as after:
        began = after.front.loop_time()
        after.assign(committed.offset, metadata=committed.metadata)
        after.pipeline.received(log[5:])
        await after.quiet(0.05)
        assert after.front.sent[0].at - began < 0.01
        assert after.front.ids[:5] == ["5", "6", "7", "8", "9"]


def _breaks(*_: object, **__: object) -> Any:
    raise ZeroDivisionError


DEFECTS = {
    "mapping": (taking, "begin"),
    "taking in": (Ledger, "take"),
    "settling": (Ledger, "settle"),
    "the judge": (life, "decide"),
    "committing": (Committer, "_batch"),
}


@pytest.mark.parametrize("where", DEFECTS)
def test_shd_08_a_defect_anywhere_ends_the_run_and_passes_no_record(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Mapping, ledger, judge or commits: the defect is raised to whoever runs the pipeline, and nothing was passed."""

    @in_virtual_time
    async def play() -> None:
        stage = Stage()
        run = asyncio.create_task(stage.pipeline.run())
        await stage.quiet(0.1)
        stage.assign()
        stage.assign(tp=OTHER)
        await stage.quiet(0.1)
        monkeypatch.setattr(*DEFECTS[where], _breaks)
        stage.pipeline.received([record(0), record(1, "b")])
        with pytest.raises(ExceptionGroup) as raised:
            await asyncio.wait_for(run, 5.0)
        assert raised.group_contains(ZeroDivisionError)
        assert {entry.offset for entries in stage.coordinator.history for entry in entries} == {0}
        assert stage.letters.letters == []

    play()


@pytest.fixture
def own_logging() -> Iterator[None]:
    """The service configures logging for its process; here it is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("own_logging")
def test_shd_08_the_process_ends_with_70_and_the_place_of_the_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its type and its frames are in the log, its text, which may hold a record's content, is not."""

    def broken(*_: object) -> Any:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(service, "assemble", broken)
    assert service.run(loaded(folder(tmp_path))) == service.EXIT_INTERNAL == 70
    told = capsys.readouterr()
    said = told.out + told.err
    assert "connector.failed" in said
    assert "ZeroDivisionError" in said
    assert "broken" in said
    assert "canary" not in said
