"""A defect anywhere ends the pipeline and passes no record: in a task, in a callback of the loop, in a timer."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from connector.core.answers import Answered
from connector.core.offset_map import Believed, read
from connector.core.prepare import MapperNeeded, Prepared, begin
from connector.core.records import Epoch, Record
from connector.pipeline import taking
from tests.support.virtual_time import in_virtual_time
from tests.support.world import LOG, OTHER, TP, Sent, Stage, record


def _from_the_thread(callback: Callable[..., object], *args: object) -> None:
    """As the polling thread tells the loop: nobody sees what the callback raises."""
    asyncio.get_running_loop().call_soon_threadsafe(callback, *args)


def _broken(_sent: Sent, _n: int) -> Answered:
    raise ZeroDivisionError


def _defect_at(monkeypatch: pytest.MonkeyPatch, offset: int) -> None:
    def broken(taken: Record, *rest: Any) -> Prepared | MapperNeeded:
        assert taken.offset != offset, "a defect in mapping"
        return begin(taken, *rest)

    monkeypatch.setattr(taking, "begin", broken)


def test_shd_08_a_defect_in_mapping_stops_the_process_and_passes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Record 1 meets a defect: the run ends with it, and no later batch moves the committed offset past it."""
    _defect_at(monkeypatch, 1)

    @in_virtual_time
    async def play() -> None:
        stage = Stage(commit_interval_s=0.05)
        with pytest.raises(ExceptionGroup, match="unhandled") as raised:
            async with stage:
                stage.assign()
                await stage.quiet(0.1)
                _from_the_thread(stage.pipeline.received, [record(0), record(1, "b")])
                _from_the_thread(stage.pipeline.received, [record(2, "c")])
                _from_the_thread(stage.pipeline.reached_end, TP, Epoch(1), 9)
                await stage.quiet()
        assert raised.group_contains(AssertionError, match="a defect in mapping")
        assert {entry.offset for entries in stage.coordinator.history for entry in entries} <= {0, 1}

    play()


def test_a_defect_half_way_through_a_batch_lets_no_later_batch_close_the_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Records behind the defect were never taken: to the ledger they would look like holes of the log, and be passed."""

    @in_virtual_time
    async def play() -> None:
        stage = Stage()
        with pytest.raises(ExceptionGroup):
            async with stage:
                stage.assign()
                stage.assign(tp=OTHER)
                await stage.quiet(0.1)
                # A rewound log meets a defect.
                monkeypatch.setattr(stage.pipeline._receiving, "_rewound", None)
                stage.pipeline.received([record(5, tp=OTHER)])
                _from_the_thread(stage.pipeline.received, [record(3, tp=OTHER), record(0)])
                _from_the_thread(stage.pipeline.received, [record(1)])
                await stage.quiet()
        committed = {entry for entries in stage.coordinator.history for entry in entries if entry.tp == TP}
        assert {(entry.offset, read(entry.metadata, LOG, 0)) for entry in committed} == {
            (0, Believed(released=False, settled=())),
            (0, Believed(released=True, settled=())),
        }

    play()


@in_virtual_time
async def test_shd_08_a_defect_in_a_timer_stops_the_process() -> None:
    """The timer that starts what waited for its time."""
    stage = Stage()
    gate = lambda _channel, now: now + 1.0 if now < 2.0 else 1 / 0  # noqa: E731
    setattr(stage.pipeline.gates, "wait_until", gate)  # noqa: B010 - a method is replaced
    with pytest.raises(ExceptionGroup) as raised:
        async with stage:
            stage.assign()
            stage.pipeline.received([record(0)])
            await stage.quiet(10.0)
    assert raised.group_contains(ZeroDivisionError)


@in_virtual_time
async def test_shd_08_a_defect_in_an_assignment_stops_the_process() -> None:
    """A partition that is assigned twice would otherwise never be opened, in silence."""
    with pytest.raises(ExceptionGroup) as raised:
        async with Stage() as stage:
            stage.assign()
            _from_the_thread(stage.assign)
            await stage.quiet()
    assert raised.group_contains(AssertionError, match="assigned twice")


@in_virtual_time
async def test_a_revoke_after_a_defect_does_not_say_that_it_was_released() -> None:
    """The defect cut requests off, and they may still arrive: the next owner must wait for them."""
    stage = Stage()
    stage.front.script = _broken
    stage.front.delay = lambda sent: 0.1 if sent.key == "broken" else 5.0
    with pytest.raises(ExceptionGroup):
        async with stage:
            stage.assign()
            stage.pipeline.received([record(0), record(1, "broken")])
            await stage.quiet()
    await stage.pipeline.revoke([TP], 1.0)
    committed = stage.coordinator.committed()
    assert committed is not None
    assert read(committed.metadata, LOG, 0) == Believed(released=False, settled=())
