"""What is committed, when, and what a refusal does: in virtual time, against a scripted coordinator."""

import asyncio
import random
from itertools import pairwise

import pytest

from connector.core.answers import Answered
from connector.core.offset_map import Believed, CommitEntry, read, write
from connector.core.outcome import RetryPolicy
from connector.core.records import Epoch, TopicPartition, key_hash
from connector.pipeline.commits import BATCH_BYTES, ENTRY_BYTES
from connector.ports import Assignment
from tests.support.virtual_time import in_virtual_time
from tests.support.world import LOG, OTHER, TP, Stage, record


def _map(entry: CommitEntry | None) -> set[int]:
    """The offsets that a committed map names."""
    assert entry is not None
    believed = read(entry.metadata, LOG, entry.offset)
    assert isinstance(believed, Believed)
    return {offset for first, end in believed.settled for offset in range(first, end)}


@in_virtual_time
async def test_led_05_partitions_do_not_leak_into_each_other() -> None:
    """Both heads are held; when one is accepted only its own partition's offset moves."""
    async with Stage() as stage:
        stage.front.delay = lambda sent: {"messages-0-0": 5.0, "other-0-0": 50.0}.get(sent.id, 0.01)
        for tp in (TP, OTHER):
            stage.assign(tp=tp)
            stage.pipeline.received([record(0, "a", tp=tp), record(1, "b", tp=tp)])
        await stage.quiet(4.0)
        for tp in (TP, OTHER):
            held = stage.coordinator.committed(tp)
            assert held is not None
            assert (held.offset, _map(held)) == (0, {1})
        await stage.quiet(10.0)
        moved, stays = stage.coordinator.committed(TP), stage.coordinator.committed(OTHER)
        assert moved is not None
        assert stays is not None
        assert (moved.offset, stays.offset, _map(stays)) == (2, 0, {1})
        await stage.quiet(60.0)


@in_virtual_time
async def test_led_14_what_settles_while_a_commit_is_out_belongs_to_the_next() -> None:
    """The answer to the older commit must not mark the newer state as saved."""
    async with Stage() as stage:
        stage.coordinator.delay = 2.0
        stage.front.delay = lambda sent: {"0": 0.5, "1": 4.0}[sent.id[-1]]
        stage.assign()
        stage.pipeline.received([record(0), record(1, "b")])
        await stage.quiet(20.0)
        assert [entry.offset for entries in stage.coordinator.history for entry in entries] == [0, 1, 2]


@pytest.mark.parametrize(
    "code", ["NOT_COORDINATOR", "REBALANCE_IN_PROGRESS", "STALE_MEMBER_EPOCH", "_TIMED_OUT"]
)
def test_led_15_reb_08_a_commit_that_fails_is_built_anew(code: str) -> None:
    """One commit fails: the next carries what has settled since; nothing is sent twice, kept partitions flow."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            stage.coordinator.script = lambda n: code if n == 2 else None
            stage.assign()
            await stage.quiet(0.5)
            stage.pipeline.received([record(0)])
            await stage.quiet(0.7)
            assert stage.pipeline.partitions[TP].committed is None
            stage.pipeline.received([record(1)])
            await stage.quiet(3.0)
            assert stage.front.ids == ["0", "1"]
            committed = stage.coordinator.committed()
            assert committed is not None
            assert committed.offset == 2
            assert stage.facts.count("commit", "error") == 1

    play()


@in_virtual_time
async def test_led_15_when_every_commit_fails_delivery_ends_with_the_lease_and_recovers_by_itself() -> None:
    """Twenty seconds of errors: records flow for session less deadline, then wait; nothing claims to be committed."""
    async with Stage(session_timeout_s=10.0, request_deadline_s=4.0) as stage:
        began = asyncio.get_running_loop().time()
        failing = True
        stage.coordinator.script = lambda n: "COORDINATOR_NOT_AVAILABLE" if n > 1 and failing else None
        stage.assign()
        for offset in range(40):
            await stage.quiet(0.5)
            stage.pipeline.received([record(offset)])
        last = max(sent.at for sent in stage.front.sent) - began
        assert 5.0 < last < 6.0, "the claim was sent at 0: nothing starts from 6 on"
        assert stage.facts.count("warning", "lease.ended") == 1
        assert stage.pipeline.partitions[TP].committed is None
        failing = False
        await stage.quiet(5.0)
        assert stage.facts.count("info", "lease.renewed") == 1
        assert stage.front.ids == [str(offset) for offset in range(40)]
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 40


@in_virtual_time
async def test_led_19_commits_come_once_an_interval_and_then_only_renew_the_lease() -> None:
    """Two partitions under load for five seconds: a commit a second with both in it; then one a third of the session."""
    async with Stage(session_timeout_s=45.0, partition_records=10**6) as stage:
        stage.assign()
        stage.assign(tp=OTHER)
        for tick in range(50):
            for tp in (TP, OTHER):
                stage.pipeline.received([record(tick * 100 + n, str(n), tp=tp) for n in range(100)])
            await stage.quiet(0.1)
        await stage.quiet(1.5)
        claims, moving = stage.coordinator.history[:2], stage.coordinator.history[2:]
        assert all(entry.offset == 0 for entries in claims for entry in entries)
        assert 5 <= len(moving) <= 7
        assert all({entry.tp for entry in entries} == {TP, OTHER} for entries in moving)
        await stage.quiet(90.0)
        assert len(stage.coordinator.history) - len(moving) - len(claims) in (5, 6, 7)


@in_virtual_time
async def test_led_20_one_commit_is_out_at_a_time_whatever_it_is_for() -> None:
    """Claims, the timer and a revoke meet a coordinator that takes its time: never two at once, offsets never fall."""
    async with Stage(commit_interval_s=0.05) as stage:
        stage.coordinator.delay = 0.7
        stage.assign()
        for offset in range(30):
            stage.pipeline.received([record(offset, str(offset % 3))])
            if offset == 10:
                stage.assign(tp=OTHER)
            await stage.quiet(0.2)
        await stage.pipeline.revoke([TP], 5.0)
        assert stage.coordinator.most_outstanding == 1
        offsets = [
            entry.offset for entries in stage.coordinator.history for entry in entries if entry.tp == TP
        ]
        assert offsets == sorted(offsets)
        assert offsets[-1] == 30


@in_virtual_time
async def test_led_24_a_map_that_is_too_large_for_the_coordinator_is_halved_at_once() -> None:
    """The coordinator takes 100 characters: commit after commit without a pause, until the offset is taken without a map."""
    async with Stage(in_flight=500) as stage:
        stage.coordinator.refuse = lambda entry: (
            "OFFSET_METADATA_TOO_LARGE" if len(entry.metadata) > 100 else None
        )
        drawn = random.Random(24)
        stage.front.delay = lambda sent: 0.001 if sent.key == "free" else 3.0
        stage.assign()
        stage.pipeline.received([record(n, drawn.choice(["free", f"held{n}"])) for n in range(800)])
        await stage.quiet(2.5)
        first = stage.coordinator.committed()
        assert first is not None
        assert (first.offset, len(first.metadata) <= 100) == (0, True)
        assert stage.facts.count("map_shed") > 0
        await stage.quiet(5.0)
        last = stage.coordinator.committed()
        assert last is not None
        assert last.offset == 800


@in_virtual_time
async def test_led_25_a_large_commit_leaves_in_parts_one_after_the_other() -> None:
    """Four hundred partitions, each with a long map: no part above 256 KiB, every partition's map stored, the lease lives."""
    drawn = random.Random(25)
    runs = tuple((first, first + drawn.randint(1, 200)) for first in range(300, 300 * 700, 300))
    metadata = write(LOG, 0, runs, released=True)
    assert len(metadata) > 2000
    tps = [TopicPartition("messages", number) for number in range(400)]
    async with Stage() as stage:
        stage.pipeline.assigned([Assignment(tp, Epoch(1), 0, metadata, LOG) for tp in tps])
        await stage.quiet(40.0)
        sizes = [
            sum(len(entry.metadata) + len(entry.tp.topic) + ENTRY_BYTES for entry in entries)
            for entries in stage.coordinator.history
        ]
        assert len(sizes) > 4
        assert max(sizes) <= BATCH_BYTES
        assert stage.coordinator.most_outstanding == 1
        claims = {entry.tp: entry for entries in stage.coordinator.history for entry in entries}
        assert set(claims) == set(tps)
        assert {read(entry.metadata, LOG, 0) for entry in claims.values()} == {
            Believed(released=False, settled=runs)
        }
        assert stage.pipeline.lease.live(asyncio.get_running_loop().time())


@in_virtual_time
async def test_led_25_a_commit_that_is_still_too_large_is_split_further() -> None:
    """The broker refuses every part of more than ten entries (28): smaller ones follow at once, all are stored."""
    tps = [TopicPartition("messages", number) for number in range(100)]
    async with Stage() as stage:
        stage.coordinator.refuse_all = lambda entries: (
            "INVALID_COMMIT_OFFSET_SIZE" if len(entries) > 10 else None
        )
        stage.pipeline.assigned([Assignment(tp, Epoch(1), 0, None, LOG) for tp in tps])
        await stage.quiet(0.5)
        assert {entry.tp for entries in stage.coordinator.history for entry in entries} == set(tps)
        assert all(len(entries) <= 10 for entries in stage.coordinator.history)


@pytest.mark.parametrize("code", ["UNKNOWN_TOPIC_OR_PART", "TOPIC_AUTHORIZATION_FAILED"])
def test_led_15_a_topic_that_is_gone_keeps_no_other_topic_from_being_committed(code: str) -> None:
    """The client tells the error of one entry of all of them: the others are committed without it, and the lease lives."""

    @in_virtual_time
    async def play() -> None:
        async with Stage(session_timeout_s=10.0, request_deadline_s=4.0) as stage:
            gone = False
            stage.coordinator.refuse_all = lambda entries: (
                code if gone and any(entry.tp == OTHER for entry in entries) else None
            )
            there = [TP, TopicPartition(TP.topic, 1)]
            stage.pipeline.assigned([Assignment(tp, Epoch(1), 0, None, LOG) for tp in (*there, OTHER)])
            await stage.quiet(1.0)
            gone = True
            stage.pipeline.received([record(0, tp=OTHER)])
            for offset in range(30):
                stage.pipeline.received([record(offset, tp=tp) for tp in there])
                await stage.quiet(1.0)
            assert stage.facts.count("warning", "lease.ended") == 0
            assert {entry.tp for entry in stage.coordinator.history[-1]} == set(there), "one commit a topic"
            assert min(entry.offset for entry in stage.coordinator.history[-1]) >= 29
            gone = False
            await stage.quiet(5.0)
            assert stage.coordinator.committed(OTHER).offset == 1  # type: ignore[union-attr]
            assert not stage.pipeline.partitions[OTHER].commits_by_topic

    play()


@in_virtual_time
async def test_led_16_a_map_near_its_limit_stops_intake_and_not_the_commit() -> None:
    """A held head, and what is above settles in no pattern: paused at three quarters, nothing shed, resumed by itself."""
    drawn = random.Random(16)
    offset = 0
    patient = RetryPolicy(base_s=0.1, cap_s=1.0, attempts=10**6)
    async with Stage(in_flight=10**5, partition_records=10**6, retry=patient) as stage:
        held = [True]
        stage.front.script = lambda sent, _n: Answered(503 if held[0] and sent.key == "head" else 202)
        stage.front.delay = lambda sent: (
            0.001 if sent.key == "free" else 900.0 if sent.key != "head" else 0.01
        )
        stage.assign()
        while not stage.coordinator.paused:
            keys = [
                "head" if offset == 0 else drawn.choice(["free", f"slow{offset + n}"]) for n in range(200)
            ]
            stage.pipeline.received([record(offset + n, key) for n, key in enumerate(keys)])
            offset += 200
            assert offset < 30_000, "it must be paused long before"
            await stage.quiet(0.2)
        assert stage.pipeline.partitions[TP].paused == "map"
        paused = next(fields for name, args, fields in stage.facts.seen if args == ("partition.paused",))
        assert paused["key_hash"] == key_hash(("conversation", "cha_1", "head"))
        await stage.quiet(5.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert len(_map(committed)) > 500
        assert stage.facts.count("map_shed") == 0
        held[0] = False
        await stage.quiet(2000.0)
        assert stage.coordinator.paused == set()
        assert stage.coordinator.committed().offset == offset  # type: ignore[union-attr]


@in_virtual_time
async def test_led_28_a_crash_at_request_one_of_three_repeats_that_request_only() -> None:
    """The next owner sends all three in order, the first of them again; the key's next record waits for the third."""
    async with Stage() as first:
        first.front.script = lambda _sent, n: Answered(202)
        first.front.delay = lambda sent: 0.01 if not first.front.tries[sent.id] else 99.0
        first.assign()
        first.pipeline.received([record(0, "three"), record(1, "three")])
        await first.quiet(2.0)
        first.pipeline.lost([TP])
        left = first.coordinator.committed()
        assert left is not None
        assert left.offset == 0
    async with Stage(request_deadline_s=1.0) as second:
        second.assign(left.offset, metadata=left.metadata)
        second.pipeline.received([record(0, "three"), record(1, "three")])
        await second.quiet(5.0)
        assert second.front.ids == ["0", "0", "0", "1", "1", "1"]
        assert first.front.sent[0].content == second.front.sent[0].content


@in_virtual_time
async def test_led_16_an_inherited_map_near_its_limit_stops_no_intake() -> None:
    """What was inherited only shrinks as it is read: a new owner that is paused for it would never read, and never resume."""
    drawn = random.Random(17)
    metadata = write(
        LOG, 0, tuple((n, n + drawn.randint(1, 7)) for n in range(9, 9 * 7000, 9)), released=True
    )
    believed = read(metadata, LOG, 0)
    assert isinstance(believed, Believed)
    assert len(metadata) > 3600
    end = believed.settled[-1][1]
    async with Stage(partition_records=5000) as stage:
        stage.assign(metadata=metadata)
        await stage.quiet(0.1)
        for start in range(0, end, 500):
            offsets = range(start, min(end, start + 500))
            stage.pipeline.received([record(offset, "skip" if offset % 9 else "a") for offset in offsets])
            assert stage.coordinator.paused == set()
            await stage.quiet(1.0)
        assert stage.facts.count("settled", "messages", "duplicate") == sum(
            b - a for a, b in believed.settled
        )
        assert stage.coordinator.committed().offset == end  # type: ignore[union-attr]


@in_virtual_time
async def test_led_25_a_partition_starts_when_its_own_claim_is_acknowledged() -> None:
    """Claims that leave one by one, half a second each: the first partition does not wait for the tenth."""
    tps = [TopicPartition("messages", number) for number in range(10)]
    async with Stage() as stage:
        stage.coordinator.delay = 0.5
        stage.coordinator.refuse_all = lambda entries: "UNKNOWN" if len(entries) > 1 else None
        stage.pipeline.assigned([Assignment(tp, Epoch(1), 0, None, LOG) for tp in tps])
        stage.pipeline.received([record(0, tp=tp) for tp in tps])
        await stage.quiet(20.0)
        starts = sorted(sent.at for sent in stage.front.sent)
        assert len(starts) == 10
        assert [later - before for before, later in pairwise(starts)] == pytest.approx([0.5] * 9, abs=0.01)
