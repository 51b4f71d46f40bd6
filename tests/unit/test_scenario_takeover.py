"""Who may send when partitions change hands, or when this process was away: in virtual time, one pipeline at a time."""

import asyncio
from typing import cast

import pytest

from connector.core.answers import Answered
from connector.core.offset_map import Believed, read, write
from tests.support.virtual_time import VirtualLoop, in_virtual_time
from tests.support.world import LOG, OTHER, TP, Stage, record


def _freeze(seconds: float) -> None:
    """The process does not run for so long; its clock does (SIGSTOP, a machine that is suspended)."""
    cast(VirtualLoop, asyncio.get_running_loop()).jump(seconds)


@in_virtual_time
async def test_reb_03_a_partition_that_returns_has_a_new_ledger() -> None:
    """Offset 5 outlives its drain; the partition returns at 100; the late answer for 5 is in no commit."""
    async with Stage(in_flight=4) as stage:
        stage.front.delay = lambda sent: 6.0 if sent.id.endswith("-5") else 0.01
        stage.assign(5)
        await stage.quiet(0.1)
        stage.pipeline.received([record(5)])
        await stage.quiet(0.1)
        await stage.pipeline.revoke([TP], 1.0)
        stage.assign(100, epoch=2)
        stage.pipeline.received([record(100, epoch=2)])
        await stage.quiet(10.0)
        later = [entry for entries in stage.coordinator.history for entry in entries if entry.epoch == 2]
        assert {entry.offset for entry in later} == {100, 101}
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0


@in_virtual_time
async def test_reb_09_a_commit_answered_after_its_assignment_is_nobodys() -> None:
    """The answer comes when the partition has left and returned: the new assignment's own commits go on from its start."""
    async with Stage() as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0)])
        stage.coordinator.delay = 30.0
        await stage.quiet(2.0)
        stage.pipeline.lost([TP])
        stage.coordinator.delay = 0.01
        stage.assign(3, epoch=2)
        stage.pipeline.received([record(3, epoch=2)])
        await stage.quiet(40.0)
        part = stage.pipeline.partitions[TP]
        assert part.committed is not None
        assert (part.committed.epoch, part.committed.offset) == (2, 4)
        mine = [
            entry.offset for entries in stage.coordinator.history for entry in entries if entry.epoch == 2
        ]
        assert mine == sorted(mine)
        assert mine[0] == 3


@pytest.mark.parametrize("after", [0.0, 0.0005, 0.3])
def test_reb_12_a_partition_that_leaves_before_its_first_record_keeps_its_map(after: float) -> None:
    """Claimed and released with the same offset and the same settled offsets; nothing is sent."""

    @in_virtual_time
    async def play() -> None:
        before = write(LOG, 3, ((4, 5), (6, 9)), released=True)
        async with Stage() as stage:
            stage.assign(3, metadata=before)
            await stage.quiet(after)
            await stage.pipeline.revoke([TP], 3.0)
            await stage.quiet(1.0)
            for entries in stage.coordinator.history:
                for entry in entries:
                    believed = read(entry.metadata, LOG, 3)
                    assert isinstance(believed, Believed)
                    assert (entry.offset, believed.settled) == (3, ((4, 5), (6, 9)))
            assert len(stage.coordinator.history) <= 2
            assert stage.front.sent == []

    play()


@in_virtual_time
async def test_reb_15_a_member_cut_off_from_its_coordinator_starts_nothing_after_its_lease() -> None:
    """Front answers, no commit does: the last request starts before session less deadline, and ends within the session."""
    async with Stage(session_timeout_s=10.0, request_deadline_s=3.0) as stage:
        began = asyncio.get_running_loop().time()
        stage.front.delay = lambda _sent: 0.5
        stage.assign()
        await stage.quiet(0.1)
        stage.coordinator.delay = 1e6
        stage.pipeline.received([record(offset) for offset in range(100)])
        await stage.quiet(100.0)
        last = stage.front.sent[-1]
        assert 6.0 < last.at - began < 7.0
        assert last.ended is not None
        assert last.ended - began < 10.0
        assert stage.pipeline.dispatch.in_flight == 0
        assert (stage.pipeline.lease_remaining() or 0.0) < 0
        stage.coordinator.delay = 0.0
        stage.pipeline.lost([TP])


@in_virtual_time
async def test_reb_16_a_frozen_process_starts_nothing_when_it_thaws() -> None:
    """Four in flight, fifty queued, frozen for two sessions: none of the fifty starts until the partition is claimed anew."""
    async with Stage(session_timeout_s=6.0, request_deadline_s=2.0, in_flight=4) as stage:
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(offset, f"k{offset}") for offset in range(54)])
        await stage.quiet(0.5)
        assert len(stage.front.sent) == 4
        stage.coordinator.script = lambda _n: "UNKNOWN_MEMBER_ID"
        _freeze(12.0)
        await stage.quiet(5.0)
        assert len(stage.front.sent) == 4
        stage.pipeline.lost([TP])
        stage.coordinator.script = lambda _n: None
        stage.assign(0, metadata=write(LOG, 0, (), released=False), epoch=2)
        stage.pipeline.received([record(offset, f"k{offset}", epoch=2) for offset in range(54)])
        await stage.quiet(30.0)
        assert stage.front.ids[4:] == [str(offset) for offset in range(54)]
        assert stage.coordinator.committed().offset == 54  # type: ignore[union-attr]


@in_virtual_time
async def test_reb_16_a_process_frozen_between_a_decision_and_its_request_sends_nothing() -> None:
    """The request was chosen, its task has not taken a step: it looks at the lease again before it sends."""
    async with Stage(session_timeout_s=6.0, request_deadline_s=2.0) as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.coordinator.script = lambda _n: "UNKNOWN_MEMBER_ID"
        stage.pipeline.received([record(0)])
        assert stage.pipeline.dispatch.in_flight == 1
        _freeze(12.0)
        await stage.quiet(2.0)
        assert stage.front.sent == []
        assert (stage.pipeline.dispatch.in_flight, stage.pipeline.dispatch.queued) == (0, 1)
        stage.coordinator.script = lambda _n: None
        await stage.quiet(3.0)
        assert stage.front.ids == ["0"]


@in_virtual_time
async def test_reb_01_a_commit_due_at_the_revoke_moves_nothing_that_is_only_polled() -> None:
    """A hundred records fetched, none sent: the offset stays, and the release says so."""
    async with Stage(in_flight=1, commit_interval_s=1.0) as stage:
        stage.front.script = lambda _sent, _n: Answered(503)
        stage.assign()
        await stage.quiet(0.999)
        stage.pipeline.received([record(offset) for offset in range(100)])
        await stage.pipeline.revoke([TP], 1.0)
        await stage.quiet(2.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 0
        assert read(committed.metadata, LOG, 0) == Believed(released=True, settled=())


@in_virtual_time
async def test_reb_08_a_release_commits_again_while_the_group_rebalances() -> None:
    """27, 27, then taken: within the bound of the revoke, as released."""
    async with Stage() as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.1)
        asked = stage.coordinator.asked
        stage.coordinator.script = lambda n: "REBALANCE_IN_PROGRESS" if n <= asked + 2 else None
        await stage.pipeline.revoke([TP], 3.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert (committed.offset, read(committed.metadata, LOG, 1)) == (
            1,
            Believed(released=True, settled=()),
        )


@in_virtual_time
async def test_reb_08_a_release_in_an_outdated_generation_waits_for_the_new_one() -> None:
    """22, then taken: another member has left at the same time, and the client was about to hear of the new generation."""
    async with Stage() as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.1)
        asked = stage.coordinator.asked
        stage.coordinator.script = lambda n: "ILLEGAL_GENERATION" if n <= asked + 2 else None
        assert await stage.pipeline.stop(9.0), "not clean"
        committed = stage.coordinator.committed()
        assert committed is not None
        assert read(committed.metadata, LOG, 1) == Believed(released=True, settled=())


@in_virtual_time
async def test_reb_08_a_slow_coordinator_does_not_use_up_the_moment() -> None:
    """The first answer takes longer than the moment lasts, and says 22: it is asked again all the same."""
    async with Stage() as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.1)
        asked, stage.coordinator.delay = stage.coordinator.asked, 1.2
        stage.coordinator.script = lambda n: "ILLEGAL_GENERATION" if n == asked + 1 else None
        assert await stage.pipeline.stop(9.0), "not clean"


@in_virtual_time
async def test_shd_03_a_stop_whose_last_commit_is_refused_is_not_clean() -> None:
    """Though everything has drained: repeats may follow, and the exit code says so."""
    async with Stage() as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.1)
        stage.coordinator.script = lambda _n: "UNKNOWN_MEMBER_ID"
        assert not await stage.pipeline.stop(9.0)


@pytest.mark.parametrize(
    ("code", "within_s"),
    [("UNKNOWN_MEMBER_ID", 0.1), ("FENCED_INSTANCE_ID", 0.1), ("ILLEGAL_GENERATION", 1.2)],
)
def test_reb_08_a_release_that_can_never_be_committed_does_not_wait_for_its_bound(
    code: str, within_s: float
) -> None:
    """The group has expelled this member: there is nothing to wait for; with 22, which may be of a moment, a second."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            stage.assign()
            await stage.quiet(0.1)
            stage.pipeline.received([record(0)])
            await stage.quiet(0.1)
            stage.coordinator.script = lambda _n: code
            before = asyncio.get_running_loop().time()
            await stage.pipeline.revoke([TP], 9.0)
            assert asyncio.get_running_loop().time() - before < within_s

    play()


@in_virtual_time
async def test_shd_01_a_stop_while_a_revoke_drains_is_clean() -> None:
    """Both wait for the same work and want the same last commit: it is made once, and nothing is left."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 2.0
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.5)
        gone = False
        stage.coordinator.refuse = lambda _entry: "closed_epoch" if gone else None

        async def revoke() -> None:
            nonlocal gone
            await stage.pipeline.revoke([TP], 10.0)
            gone = True

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(revoke())
            await stage.quiet(0.1)
            assert await stage.pipeline.stop(10.0)
        released = [entry for entries in stage.coordinator.history for entry in entries if entry.offset == 1]
        assert [read(entry.metadata, LOG, 1) for entry in released] == [Believed(released=True, settled=())]


@in_virtual_time
async def test_reb_05_a_revoke_that_is_given_up_leaves_no_blocked_key_behind() -> None:
    """The coordinator is silent, the caller waits no longer: keys of a partition that is gone are nobody's worry here."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, _n: Answered(503)
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0)])
        await stage.quiet(0.5)
        assert len(stage.pipeline.blocked) == 1
        stage.coordinator.delay = 60.0
        async with asyncio.TaskGroup() as tasks:
            waits = tasks.create_task(stage.pipeline.revoke([TP], 10.0))
            await stage.quiet(1.0)
            waits.cancel()
        assert stage.pipeline.blocked == {}
        assert stage.facts.count("rebalance", "revoked") == 1
        stage.coordinator.delay = 0.01


@in_virtual_time
async def test_reb_19_the_heir_of_a_static_member_waits_for_the_elders_lease() -> None:
    """The classic protocol lets it in at once, and the elder may be alive: a session passes from the claim."""
    async with Stage(session_timeout_s=10.0, request_deadline_s=3.0, takeover_s=10.0) as stage:
        stage.assign(5, metadata=write(LOG, 5, (), released=False))
        stage.pipeline.received([record(5)])
        await stage.quiet(9.9)
        assert stage.front.sent == []
        await stage.quiet(0.5)
        assert stage.front.ids == ["5"]


@in_virtual_time
async def test_reb_15_the_lease_ends_with_the_word_that_the_group_has_expelled_us() -> None:
    """Also beside an entry that was not even sent, as its partition had left by then."""
    async with Stage(session_timeout_s=45.0) as stage:
        stage.assign()
        stage.assign(tp=OTHER)
        await stage.quiet(0.1)
        assert (stage.pipeline.lease_remaining() or 0.0) > 0
        stage.coordinator.refuse = lambda entry: "closed_epoch" if entry.tp == OTHER else "UNKNOWN_MEMBER_ID"
        stage.pipeline.received([record(0), record(0, tp=OTHER)])
        await stage.quiet(1.5)
        assert stage.pipeline.lease_remaining() is None
        stage.pipeline.received([record(1)])
        await stage.quiet(1.0)
        assert stage.front.ids == ["0", "0"]
        stage.coordinator.refuse = lambda _entry: None
