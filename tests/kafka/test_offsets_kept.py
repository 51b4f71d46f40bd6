"""What the coordinator keeps of a group, and what comes of it: commits and maps on a real broker.

Members are real consumers and pipelines in this process; Front is scripted. `test_offsets.py` has what others do to offsets.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from connector.core.answers import Answered
from connector.core.offset_map import LogIdentity, write
from tests.kafka.chaos.history import OFFSETS_TOPIC
from tests.kafka.inside import Place, Told, until
from tests.kafka.inside_laws import check_laws
from tests.support import offset_commit
from tests.support.guarded import GuardedCluster
from tests.support.plugin import NewCluster
from tests.support.wire import Api, Fate, Pass, Request, Wire

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.timeout(120)]

LOADING, NO_COORDINATOR, NOT_COORDINATOR, REBALANCE = 14, 15, 16, 27


@pytest.fixture
def wire(guarded_cluster: GuardedCluster) -> Iterator[Wire]:
    with Wire(guarded_cluster.side_door(1)) as made:
        yield made


def owned(offset: int, *settled: int) -> Told:
    """A commit of a member that goes on."""
    return Told(offset, released=False, settled=frozenset(settled))


async def test_led_02_led_05_heads_in_flight_hold_back_their_own_partitions_alone(
    guarded_cluster: GuardedCluster,
) -> None:
    """Both heads are in flight: both offsets stand, the maps name the rest; one head ends, and its partition alone moves."""
    place = Place(guarded_cluster, partitions=2)
    place.front.holds = lambda request: request.offset == 0 and request.tp.partition in held
    held = {0, 1}
    async with place.member() as member:
        await member.joined(2)
        place.write("a", "b", "c")
        place.write("a", "b", partition=1)
        await until(lambda: place.committed(0) == owned(0, 1, 2), "the first map")
        await until(lambda: place.committed(1) == owned(0, 1), "the second map")
        commits = member.facts.count("commit", "ok")
        held.remove(0)
        await until(lambda: place.committed(0) == owned(3), "the first partition")
        await until(lambda: member.facts.count("commit", "ok") > commits + 1, "one more commit")
        assert place.committed(1) == owned(0, 1)
        held.remove(1)
        await until(lambda: place.committed(1) == owned(2), "the second partition")
    assert place.front.sent_once(0, 1)
    check_laws(place)


async def test_led_08_markers_are_passed_and_an_open_transaction_is_no_lag(
    guarded_cluster: GuardedCluster,
) -> None:
    """Three transactions, a fourth aborted, a fifth open: committed and lag end behind the last marker that can be read."""
    place = Place(guarded_cluster)
    producer = place.producer(**{"transactional.id": place.topic})
    producer.init_transactions(10)

    def transaction(*offsets: int) -> None:
        producer.begin_transaction()
        for offset in offsets:
            producer.produce(place.topic, place.value(offset, f"k{offset}"), partition=0)
        producer.flush(10)

    place.front.holds = lambda request: request.offset == 4 and holds
    holds = True
    for offsets in ((0, 1), (3, 4), (6,)):  # the markers are 2, 5 and 7
        transaction(*offsets)
        producer.commit_transaction(10)
    place.written = {(0, offset) for offset in (0, 1, 3, 4, 6, 10, 11)}
    transaction(8)
    producer.abort_transaction(10)  # its marker is 9
    async with place.member() as member:
        await until(lambda: 6 in place.committed().settled, "the map")
        assert place.committed().offset == 4, "the record beside a marker is held"
        holds = False
        await until(lambda: place.committed() == owned(10), "the end")
        transaction(10, 11)
        await until(lambda: member.ends == {0: 10}, "the last stable offset")
        assert place.committed() == owned(10)
        producer.commit_transaction(10)
        await until(lambda: place.committed() == owned(13), "the end")
        await until(lambda: member.ends == {0: 13}, "no lag")
    async with place.member() as again:
        await again.joined(1)
        place.write("k13", at=13)
        await until(lambda: 13 in place.front.accepted(), "a new record")
    assert sorted(request.offset for request in place.front.requests) == [0, 1, 3, 4, 6, 10, 11, 13]
    check_laws(place)


async def test_led_09_a_clean_restart_sends_what_had_not_settled_and_nothing_else(
    guarded_cluster: GuardedCluster,
) -> None:
    """3, 5 and 7 go on failing until the stop: the next run sends these three and ends at 8."""
    place = Place(guarded_cluster)
    place.front.script = lambda request: Answered(503 if request.offset in {3, 5, 7} else 202)
    place.write(*(f"k{number}" for number in range(8)))
    async with place.member():
        await until(lambda: place.committed() == owned(3, 4, 6), "the map")
    assert place.committed() == Told(3, released=True, settled=frozenset({4, 6}))
    place.front.script = lambda _request: Answered(202)
    async with place.member() as again:
        await until(lambda: place.committed() == owned(8), "the end")
        assert sorted(request.offset for request in place.front.of(again)) == [3, 5, 7]
    check_laws(place)


async def test_led_15_refused_commits_repeat_nothing_and_when_none_is_taken_the_lease_ends(
    guarded_cluster: GuardedCluster, wire: Wire
) -> None:
    """Two refusals: a later commit has it all. Refusals for ever: nothing starts after the lease, until one is taken."""
    place = Place(guarded_cluster)
    refusals = 0

    def fate(asked: Request) -> Fate:
        nonlocal refusals
        if asked.api == Api.OFFSET_COMMIT and refusals:
            refusals -= 1
            return offset_commit.refusal(asked, REBALANCE)
        return Pass.ON

    wire.fate = fate
    settings = {"kafka": {"session_timeout_s": 2.5}, "front": {"request_deadline_s": 0.5}}
    async with place.member("classic", wire.bootstrap, settings) as member:
        await member.joined(1)
        refusals = 2
        place.write("k0")
        await until(lambda: place.committed() == owned(1), "the commit")
        assert refusals == 0

        refusals = 10**6
        count = 1
        while not member.out_of_lease:
            place.write(f"k{count}")
            count += 1
            await asyncio.sleep(0.05)
        sent = len(place.front.requests)
        assert sent > 2, "delivery went on while the lease lived"
        place.write(*(f"k{number}" for number in range(count, count + 5)))
        await until(lambda: member.unsettled >= 5, "records in hand")
        await asyncio.sleep(0.2)
        assert len(place.front.requests) == sent
        assert place.committed() == owned(1)
        assert member.last_committed <= {1}

        refusals = 0
        await until(lambda: place.committed() == owned(count + 5), "the recovery")
        assert member.in_group
    assert place.front.sent_once(0)
    check_laws(place)


async def test_led_20_a_commit_without_an_answer_is_overtaken_by_none(
    guarded_cluster: GuardedCluster, wire: Wire
) -> None:
    """Loading, gone, moved, silent: no other commit leaves before it has ended; records flow; the last one is the newest."""
    place = Place(guarded_cluster)
    answers: list[int] = []
    silent = True

    def fate(asked: Request) -> Fate:
        if asked.api == Api.OFFSET_COMMIT and offset_commit.read(asked).entries[0].offset == 10:
            if answers:
                return offset_commit.refusal(asked, answers.pop(0))
            if silent:
                return Pass.SWALLOWED
        return Pass.ON

    place.front.holds = lambda request: request.offset == 30 or request.offset >= held
    held = 0
    properties = {"properties": {"socket.timeout.ms": "1000"}}
    async with place.member("classic", wire.bootstrap, {"kafka": properties}) as member:
        await member.joined(1)
        answers = [LOADING, NO_COORDINATOR, NOT_COORDINATOR]
        wire.requests.clear()
        wire.fate = fate
        place.write(*(f"k{number}" for number in range(40)))
        await until(lambda: member.unsettled == 40, "the records")
        held = 10
        await until(lambda: not answers, "the refusals")
        tried = len(wire.sent(Api.OFFSET_COMMIT))
        held = 40
        await until(lambda: len(place.front.accepted()) == 39, "records that flow meanwhile")
        await until(lambda: len(wire.sent(Api.OFFSET_COMMIT)) > tried, "a try without an answer")
        assert place.committed().offset < 10
        silent = False
        await until(lambda: place.committed() == owned(30, *range(31, 40)), "the newest, with its own map")
        offsets = [offset_commit.read(asked).entries[0].offset for asked in wire.sent(Api.OFFSET_COMMIT)]
        assert offsets == sorted(offsets)
        assert offsets.count(10) >= 5
    assert place.front.sent_once(0)
    check_laws(place)


@pytest.mark.parametrize("limit", [0, 100])
async def test_led_24_a_coordinator_that_takes_little_text_gets_little_and_the_offset_moves_all_the_same(
    new_cluster: NewCluster, limit: int
) -> None:
    """Claimed, 149 settled above a held head, shed and counted; after a crash what was shed is repeated, and all is told."""
    settings = {"front": {"request_deadline_s": 1.5}}
    with new_cluster(settings={"offset.metadata.max.bytes": str(limit)}) as cluster:
        place = Place(cluster)
        order = random.Random(24)
        late = {0, *order.sample(range(1, 200), 50)}
        place.front.holds = lambda request: held and request.offset in late
        held = True
        place.write(*(f"k{number}" for number in range(200)))
        async with place.member(settings=settings) as first:
            await first.joined(1)
            await until(lambda: len(place.front.accepted()) == 149, "records above the head")
            await until(lambda: first.facts.count("map_shed") > 0, "the shedding")
            assert place.committed().offset == 0
            await first.crash()
        held = False
        async with place.member(settings=settings):
            await until(lambda: place.committed().offset == 200, "the end")
            assert place.delivered
        check_laws(place)


async def test_led_25_full_maps_of_many_partitions_are_committed_in_parts_that_the_broker_takes(
    guarded_cluster: GuardedCluster, wire: Wire
) -> None:
    """The offsets topic takes less than all maps together: they are taken over whole, part by part, within the lease."""
    count = 24
    place = Place(guarded_cluster, partitions=count)
    # So that there is a group, and its offsets say which log they are of.
    async with place.member() as member:
        await member.joined(count)
    maps, size = leave_maps(place, count)
    assert size > LITTLE
    with offsets_topic_takes(place, LITTLE):
        # What the logs hold is of no interest here, and only delays commits.
        wire.fate = lambda asked: Pass.SWALLOWED if asked.api == Api.FETCH else Pass.ON
        async with place.member("classic", wire.bootstrap) as member:
            await member.joined(count)
            await until(
                lambda: member.facts.count("commit", "ok") > 2 * count,
                "another commit of each, for the lease",
            )
            assert not member.facts.events("lease.ended")
            assert any(fields["error_type"] == "UNKNOWN" for fields in member.facts.events("commit.failed"))
        for partition in range(count):
            told = place.committed(partition)
            assert (told.offset, told.settled) == (0, maps[partition])


LITTLE = 9_000
"""Bytes of a commit; a fraction of what a commit of ours may have."""


def leave_maps(place: Place, partitions: int) -> tuple[list[frozenset[int]], int]:
    """Logs of 3,000 records, and maps of a former owner that are hard to compress. Gives them, and the size of their texts."""
    length = 3000
    producer = place.producer(**{"linger.ms": 50, "queue.buffering.max.messages": 10**6})
    value = place.value(0, "k0")
    for partition in range(partitions):
        for _ in range(length):
            producer.produce(place.topic, value, partition=partition)
    assert producer.flush(60) == 0
    log = LogIdentity(*place.metadata().split(";")[1:3])
    order, maps, entries = random.Random(25), [], []
    for partition in range(partitions):
        runs, at = [], 0
        while (first := at + order.randint(1, 3)) < length - 3:
            at = first + order.randint(1, 3)
            runs.append((first, at))
        maps.append(frozenset(offset for first, end in runs for offset in range(first, end)))
        entries.append(TopicPartition(place.topic, partition, 0, write(log, 0, tuple(runs), released=True)))
    stranger = Consumer(
        {"bootstrap.servers": place.cluster.bootstrap, "group.id": place.topic, "log_level": 0}
    )
    stranger.commit(offsets=entries, asynchronous=False)
    stranger.close()
    return maps, sum(len(entry.metadata or "") for entry in entries)


@contextmanager
def offsets_topic_takes(place: Place, size: int) -> Iterator[None]:
    """Until the block ends, the coordinator writes no larger batch."""
    admin = place.cluster.new_admin()

    def alter(operation: AlterConfigOpType) -> None:
        entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, OFFSETS_TOPIC, incremental_configs=[entry])
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(10)

    alter(AlterConfigOpType.SET)
    try:
        yield
    finally:
        alter(AlterConfigOpType.DELETE)
