"""Partitions come and go, the service stops, bounds and commits hold: in virtual time, against a scripted world."""

import asyncio

import pytest

from connector.core.answers import Answered
from connector.core.offset_map import Believed, read, write
from connector.core.records import Epoch, TopicPartition
from connector.ports import Assignment
from tests.support.virtual_time import in_virtual_time
from tests.support.world import LOG, TP, Stage, record

OTHER = TopicPartition("other", 0)


@in_virtual_time
async def test_reb_04_a_revoke_waits_for_what_is_in_flight_and_commits_it_as_released() -> None:
    """Five requests that take a second: all are in the revoke's commit, nothing queued starts."""
    async with Stage(in_flight=5) as stage:
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(9)])
        await stage.quiet(0.5)
        await stage.pipeline.revoke([TP], 3.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 5
        assert read(committed.metadata, LOG, 5) == Believed(released=True, settled=())
        await stage.quiet()
        assert len(stage.front.sent) == 5


@in_virtual_time
async def test_reb_05_the_drain_of_a_revoke_is_bounded() -> None:
    """A request that never ends is cut off at the bound; the rest is committed, not as released; the slot is free again."""
    async with Stage(in_flight=2) as stage:
        stage.front.delay = lambda sent: 1e9 if sent.key == "stuck" else 0.1
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "stuck")])
        await stage.quiet(0.5)
        await stage.pipeline.revoke([TP], 3.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 1
        assert read(committed.metadata, LOG, 1) == Believed(released=False, settled=())
        assert stage.front.cancelled == ["messages-0-1"]
        assert stage.pipeline.dispatch.in_flight == 0


@in_virtual_time
async def test_reb_02_an_acceptance_after_the_partition_was_lost_moves_nothing() -> None:
    """Lost is not revoked: nothing is committed, late answers are stale, and the same partition may come back."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(0.5)
        stage.pipeline.lost([TP])
        stage.assign(100, epoch=2)
        stage.pipeline.received([record(1), record(100, epoch=2)])
        await stage.quiet()
        assert [entry.offset for entries in stage.coordinator.history for entry in entries] == [0, 100, 101]
        assert stage.pipeline.dispatch.in_flight == 0


@in_virtual_time
async def test_reb_07_a_request_cut_off_before_its_first_step_frees_its_slot() -> None:
    """The loss comes in the very turn of the loop in which the request was started."""
    async with Stage() as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0)])
        assert stage.pipeline.dispatch.in_flight == 1
        stage.pipeline.lost([TP])
        await stage.quiet(0.1)
        assert (stage.pipeline.dispatch.in_flight, stage.front.sent) == (0, [])


@in_virtual_time
async def test_shd_08_a_defect_stops_the_process_and_commits_nothing() -> None:
    """An exception that nobody expects is not swallowed."""
    stage = Stage()
    stage.front.script = lambda _sent, _n: 1 // 0  # type: ignore[return-value, arg-type]
    with pytest.raises(ExceptionGroup):
        async with stage:
            stage.assign()
            stage.pipeline.received([record(0)])
            await stage.quiet()
    assert stage.coordinator.committed().offset == 0  # type: ignore[union-attr]


@in_virtual_time
async def test_ord_12_bounds_pause_a_partition_and_it_goes_on_by_itself() -> None:
    """A key that fails fills its partition: it pauses once, and resumes when half is settled."""
    async with Stage(partition_records=10) as stage:
        down = True
        stage.front.script = lambda _sent, _n: Answered(503 if down else 202)
        stage.assign()
        stage.pipeline.received([record(offset, "a") for offset in range(10)])
        await stage.quiet(5.0)
        assert stage.coordinator.paused == {TP}
        down = False
        await stage.quiet(10.0)
        assert (stage.coordinator.paused, stage.coordinator.pauses) == (set(), 1)


@in_virtual_time
async def test_led_20_one_commit_is_outstanding_at_a_time() -> None:
    """A slow coordinator, many partitions and a claim in between: requests never overlap."""
    async with Stage(commit_interval_s=0.1) as stage:
        stage.coordinator.delay = 1.0
        stage.assign()
        for offset in range(50):
            stage.pipeline.received([record(offset, str(offset % 7))])
            if offset == 20:
                stage.assign(tp=OTHER)
            await stage.quiet(0.2)
        await stage.quiet(5.0)
        assert stage.coordinator.most_outstanding == 1
        assert stage.coordinator.committed().offset == 50  # type: ignore[union-attr]


@in_virtual_time
async def test_led_15_a_commit_that_failed_is_made_again_without_new_traffic() -> None:
    """Nothing is sent again, and the offset arrives with the next one."""
    async with Stage() as stage:
        stage.coordinator.script = lambda n: "REQUEST_TIMED_OUT" if 2 <= n <= 4 else None
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(10.0)
        assert stage.coordinator.committed().offset == 1  # type: ignore[union-attr]
        assert stage.front.ids == ["0"]


@in_virtual_time
async def test_led_21_a_rewound_log_is_read_again_from_the_committed_offset() -> None:
    """Offset 0 still waits at Front when 1 and 2 come again as other records: all three are sent, none is passed over."""
    async with Stage(request_deadline_s=1.0) as stage:
        stage.front.delay = lambda sent: 0.01 if sent.key in ("b", "c") else 0.5
        stage.assign()
        stage.pipeline.received([record(0), record(1, "b"), record(2, "c")])
        await stage.quiet(0.1)
        stage.pipeline.received([record(1, "new"), record(2, "newer")])
        assert stage.coordinator.rereads == [(TP, 1)]
        assert stage.pipeline.partitions == {}
        stage.assign(0, metadata="", epoch=2)
        stage.pipeline.received([record(1, "late from the old assignment")])
        stage.pipeline.received(
            [record(offset, key, epoch=2) for offset, key in enumerate(("a", "new", "newer"))]
        )
        await stage.quiet(5.0)
        assert [sent.key for sent in stage.front.sent][-3:] == ["a", "new", "newer"]
        assert stage.coordinator.committed().offset == 3  # type: ignore[union-attr]


@in_virtual_time
async def test_ord_12_a_bound_of_one_record_resumes_too() -> None:
    """Half of one is none: the partition must not wait for less than nothing."""
    async with Stage(partition_records=1) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        assert (stage.coordinator.pauses, stage.coordinator.paused) == (1, set())


@in_virtual_time
async def test_reb_18_a_partition_given_back_while_its_former_owner_is_waited_for_is_not_released() -> None:
    """A crashed; B claims, waits, and is revoked after 2 of 15 seconds: C must not start before A's requests have ended."""
    async with Stage(request_deadline_s=15.0) as stage:
        stage.assign(5, metadata=write(LOG, 5, (), released=False))
        stage.pipeline.received([record(5)])
        await stage.quiet(2.0)
        await stage.pipeline.revoke([TP], 3.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert read(committed.metadata, LOG, 5) == Believed(released=False, settled=())


@in_virtual_time
async def test_the_claim_repeats_the_leader_epoch_that_it_found() -> None:
    """Unchanged means unchanged: with it the next owner notices a log that was cut (KIP-320)."""
    async with Stage() as stage:
        metadata = write(LOG, 5, (), released=True)
        stage.pipeline.assigned([Assignment(TP, Epoch(1), 5, metadata, LOG, end=9, leader_epoch=7)])
        await stage.quiet(0.5)
        assert stage.coordinator.committed().leader_epoch == 7  # type: ignore[union-attr]


@in_virtual_time
async def test_reb_01_a_revoke_during_a_stop_returns_only_when_what_was_in_flight_is_committed() -> None:
    """Its partitions are another's as soon as it returns: a commit behind it would be refused, and its records repeated."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 2.0
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(0.5)
        stopping = asyncio.create_task(stage.pipeline.stop(20.0))
        await stage.quiet(0.1)
        await stage.pipeline.revoke([TP], 10.0)
        assert stage.coordinator.committed().offset == 1  # type: ignore[union-attr]
        assert await stopping


@in_virtual_time
async def test_led_27_a_topic_that_is_gone_is_not_given_a_last_commit_when_it_is_made_anew() -> None:
    """Half a second later the coordinator would take it: an offset of the old topic, for whoever reads the new one."""
    async with Stage() as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(0.2)
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.5
        stage.coordinator.refuse = lambda _entry: "UNKNOWN_TOPIC_OR_PART" if loop.time() < until else None
        await stage.pipeline.revoke([TP], 3.0)
        await stage.quiet(5.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 0, "the claim's"


@in_virtual_time
async def test_reb_05_the_shorter_bound_ends_a_drain_and_nobody_calls_it_clean() -> None:
    """A stop of 20 s, a revoke of 3 s, a request that never ends: cut off after 3 s, and no commit says released."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 1e9
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(0.5)
        stopping = asyncio.create_task(stage.pipeline.stop(20.0))
        await stage.quiet(0.1)
        await stage.pipeline.revoke([TP], 3.0)
        assert stage.front.cancelled == ["messages-0-0"]
        assert not await stopping
        texts = [read(entry.metadata, LOG, 0) for entries in stage.coordinator.history for entry in entries]
        assert set(texts) == {Believed(released=False, settled=())}


@in_virtual_time
async def test_a_partition_lost_during_a_stop_is_cut_off_and_not_committed() -> None:
    """It is another's already: its request must not run on for the rest of the drain."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 1e9
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(0.5)
        stopping = asyncio.create_task(stage.pipeline.stop(20.0))
        await stage.quiet(0.1)
        commits = stage.coordinator.asked
        stage.pipeline.lost([TP])
        await stage.quiet(0.1)
        assert (stage.front.cancelled, await stopping) == (["messages-0-0"], False)
        assert stage.coordinator.asked == commits


@in_virtual_time
async def test_a_revoke_that_is_no_longer_waited_for_leaves_nothing_behind() -> None:
    """The polling thread gives up: the partition's requests end all the same, and it may come back."""
    async with Stage() as stage:
        stage.front.delay = lambda sent: 1e9 if len(stage.front.sent) == 1 else 0.01
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(0.5)
        revoke = asyncio.create_task(stage.pipeline.revoke([TP], 10.0))
        await stage.quiet(5.0)
        revoke.cancel()
        await stage.quiet(0.1)
        assert (stage.front.cancelled, stage.pipeline.dispatch.in_flight) == (["messages-0-0"], 0)
        stage.assign(epoch=2)
        stage.pipeline.received([record(0, epoch=2)])
        await stage.quiet()
        assert stage.coordinator.committed().offset == 1  # type: ignore[union-attr]


@in_virtual_time
async def test_shd_06_a_claim_that_is_never_answered_does_not_keep_a_stop_from_ending() -> None:
    """The polling thread may have ended with the commit in its queue."""
    stage = Stage()
    run = asyncio.create_task(stage.pipeline.run())
    await stage.quiet(0.1)
    stage.coordinator.delay = 1e9
    stage.assign()
    await stage.quiet(1.0)
    assert not await stage.pipeline.stop(5.0) or stage.coordinator.history == []
    await asyncio.wait_for(run, 1.0)
