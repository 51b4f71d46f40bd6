"""Mapping files that change, in the service: what it shows, what a signal and new rows do, how it ends."""

from collections.abc import Container
from pathlib import Path

import pytest

from connector.adapters.telemetry import configure_logging
from connector.adapters.workers import Workers
from connector.app import service
from connector.app.assembly import assemble
from connector.pipeline import Pipeline
from connector.ports import RestartNeeded
from tests.support.world import Facts
from tests.unit.config_files import CONFIG, folder, loaded
from tests.unit.reload_stage import CHANGED


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
    logs = configure_logging("info", "json", "test")
    service._Service(start, Facts(), logs)._look_now(parts)
    assert parts.reload._asked.is_set()


async def test_rows_that_come_are_told_to_the_reload_and_to_the_records_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is watched, to the records alone."""
    came: list[Container[str]] = []
    monkeypatch.setattr(Pipeline, "rows_came", lambda _self, lines: came.append(lines))
    for mode in ("watch", "restart"):
        file = folder(
            tmp_path, config=CONFIG.replace("folder: mappings", f"folder: mappings, reload: {mode}")
        )
        parts = assemble(loaded(file), Facts())
        service._whom_rows_concern(parts)({"line-9"})
        assert parts.reload is None or parts.reload._rows_changed
    assert came == [{"line-9"}] * 2


async def test_threads_that_hang_in_reading_end_no_process_and_the_sentence_says_so(tmp_path: Path) -> None:
    """What reads mapping files is not what maps records."""
    file = folder(tmp_path, config=CONFIG.replace("folder: mappings", "folder: mappings, reload: watch"))
    parts = assemble(loaded(file), Facts())
    assert parts.reload is not None
    calls = parts.reload._calls
    assert isinstance(calls, Workers)
    calls._left_behind = 9
    with pytest.raises(RestartNeeded) as raised:
        await calls.run(lambda: None)
    assert str(raised.value) == (
        "9 threads hang in calls that did not return within 120 s (reading the mapping files): threads cannot be ended, so "
        "no mapping file is read again before a restart; see what the modules do that they import"
    )
