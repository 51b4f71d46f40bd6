"""Partitions that change hands, on a real broker and under both group protocols: nothing lost, repeated or out of order.

Members are real consumers and pipelines in this process; Front is scripted, so that what is in flight is known.
"""

from dataclasses import replace

import pytest

from connector.core.answers import Answered
from tests.kafka.inside import Place, Told, until
from tests.kafka.inside_laws import check_laws
from tests.kafka.member import PROTOCOLS, Protocol
from tests.support.guarded import GuardedCluster
from tests.support.wire import Api, Pass, Wire

pytestmark = [
    pytest.mark.kafka(java=True),
    pytest.mark.timeout(120),
    pytest.mark.parametrize("protocol", PROTOCOLS),
]


async def test_reb_11_the_next_owner_does_not_send_what_the_map_calls_settled(
    guarded_cluster: GuardedCluster, protocol: Protocol
) -> None:
    """0-2, 4, 6 and 7 are settled and told, 3 and 5 go on failing: their heir sends 3, 5 and what is new."""
    place = Place(guarded_cluster)
    place.front.script = lambda request: Answered(503 if request.offset in {3, 5} else 202)
    place.write(*(f"k{number}" for number in range(8)))
    async with place.member(protocol) as first, place.member(protocol) as second:
        await until(lambda: bool(first.owned or second.owned), "an owner")
        owner, heir = (first, second) if first.owned else (second, first)
        await until(
            lambda: place.committed() == Told(3, released=False, settled=frozenset({4, 6, 7})), "the map"
        )
        await owner.stop()
        place.front.script = lambda _request: Answered(202)
        place.write("k8", "k9")
        await until(lambda: place.committed().offset == 10, "the end")
        assert sorted(request.offset for request in place.front.of(heir)) == [3, 5, 8, 9]
    check_laws(place)


async def test_reb_01_what_was_read_and_not_sent_is_the_next_owners(
    guarded_cluster: GuardedCluster, protocol: Protocol
) -> None:
    """One request occupies the only slot; what queues behind it in other partitions moves uncommitted, whole, unsent."""
    place = Place(guarded_cluster, partitions=4)
    place.front.holds = lambda request: request.key == "slow"
    settings = {"front": {"request_deadline_s": 5.0}, "limits": {"in_flight": 1, "revoke_drain_s": 0.2}}
    async with place.member(protocol, settings=settings) as first:
        await first.joined(4)
        place.write("slow")
        await until(lambda: len(place.front.waiting()) == 1, "the request that occupies the slot")
        for partition in (1, 2, 3):
            place.write(*(f"k{number}" for number in range(20)), partition=partition)
        await until(lambda: first.pipeline.dispatch.queued == 60, "60 records in hand")
        async with place.member(protocol) as second:
            await second.joined(2)
            moved = [partition for partition in second.owned if partition != 0]
            assert moved
            assert not [request for request in place.front.of(first) if request.tp.partition in moved]
            await until(
                lambda: all(place.front.accepted(partition) == set(range(20)) for partition in moved),
                "all that moved",
            )
            assert place.front.sent_once(*moved)
            place.front.holds = lambda _request: False
    check_laws(place)


async def test_reb_04_a_revoke_waits_for_what_is_in_flight_and_the_next_owner_waits_for_nothing(
    guarded_cluster: GuardedCluster, protocol: Protocol
) -> None:
    """Five requests end while the partition is given away: its last commit has them and says *released*; none is repeated."""
    place = Place(guarded_cluster, partitions=2)
    place.front.holds = lambda _request: True
    settings = {"front": {"request_deadline_s": 5.0}, "limits": {"revoke_drain_s": 20.0}}
    async with place.member(protocol, settings=settings) as first:
        await first.joined(2)
        for partition in range(2):
            place.write(*(f"k{number}" for number in range(5)), partition=partition)
        await until(lambda: len(place.front.waiting()) == 10, "ten requests in flight")
        async with place.member(protocol, settings=settings) as second:
            await until(lambda: len(first.closing) == 1, "a partition that is given away")
            (moved,) = first.closing
            place.front.holds = lambda _request: False
            await second.joined(1)
            assert second.owned == [moved]
            place.write("k5", partition=moved)
            await until(lambda: 5 in place.front.accepted(moved), "what came later")
            assert [request.place for request in place.front.of(second)] == [(moved, 5)]
            commits = place.history()[place.tp(moved)]
            told = [Told.of(commit.offset, commit.metadata) for commit in commits]
            release = told.index(Told(5, released=True, settled=frozenset()))
            claim = next(number for number in range(release + 1, len(told)) if told[number].released is False)
            waited = place.front.of(second)[0].at - commits[claim].at
            assert waited < 4.9, "it waited out a request deadline for nobody"
            await until(lambda: place.delivered, "everything")
    assert place.front.sent_once(0, 1)
    check_laws(place)


async def test_reb_05_the_wait_for_what_is_in_flight_has_a_bound_and_the_next_owner_waits_the_rest(
    guarded_cluster: GuardedCluster, protocol: Protocol
) -> None:
    """A request that never ends is cut off; the rest is committed, not as released; its heir sends it a deadline later."""
    place = Place(guarded_cluster, partitions=2)
    place.front.holds = lambda request: request.key == "stuck"
    settings = {"front": {"request_deadline_s": 1.5}, "limits": {"revoke_drain_s": 0.3}}
    async with place.member(protocol, settings=settings) as first:
        await first.joined(2)
        for partition in range(2):
            place.write("stuck", "k1", "k2", partition=partition)
        settled = Told(0, released=False, settled=frozenset({1, 2}))
        await until(
            lambda: [place.committed(partition) for partition in range(2)] == [settled] * 2, "the maps"
        )
        async with place.member(protocol, settings=settings) as second:
            await second.joined(1)
            (moved,) = second.owned
            place.front.holds = lambda _request: False
            await until(lambda: place.front.accepted(moved) == {0, 1, 2}, "the rest")
            mine = [request for request in place.front.of(first) if request.place == (moved, 0)]
            assert mine[-1].cut_off
            (sent,) = [request for request in place.front.of(second) if request.tp.partition == moved]
            assert sent.offset == 0
            (assigned,) = second.facts.events("consumer.assigned")
            assert sent.at - assigned["wall"] >= 1.5, (
                "the one that was cut off may still have been on its way"
            )
            assert [told.released for told in place.told(moved)].count(True) == 1, (
                "only the start was released"
            )
            await until(lambda: place.delivered, "everything")
            assert first.in_group
            assert first.owned == [1 - moved]
    check_laws(place)


async def test_reb_06_partitions_that_stay_flow_on_while_others_move(
    guarded_cluster: GuardedCluster, protocol: Protocol
) -> None:
    """While two partitions drain for as long as we like, records of the others are accepted; their ledgers stay."""
    place = Place(guarded_cluster, partitions=4)
    place.front.holds = lambda request: request.key == "slow" or not flows
    flows = False
    settings = {"front": {"request_deadline_s": 5.0}, "limits": {"revoke_drain_s": 20.0, "in_flight": 6}}
    async with place.member(protocol, settings=settings) as first:
        await first.joined(4)
        ledgers = {part.tp.partition: part.ledger for part in first.pipeline.partitions.values()}
        for partition in range(4):
            place.write("slow", partition=partition)
        await until(lambda: len(place.front.waiting()) == 4, "a request in flight of each")
        for partition in range(4):
            place.write(*(f"k{number}" for number in range(50)), partition=partition)
        await until(lambda: first.unsettled == 204, "204 records in hand")
        async with place.member(protocol, settings=settings) as second:
            await until(lambda: len(first.closing) == 2, "two partitions that move")
            moving = first.closing
            kept = [partition for partition in range(4) if partition not in moving]
            flows = True
            await until(
                lambda: all(len(place.front.accepted(partition)) == 50 for partition in kept),
                "all but the slow ones",
            )
            assert first.closing == moving, "they are drained still"
            assert not second.owned
            place.front.holds = lambda _request: False
            await second.joined(2)
            await until(lambda: place.delivered, "everything")
            assert {partition: ledgers[partition] for partition in kept} == {
                part.tp.partition: part.ledger for part in first.pipeline.partitions.values()
            }
    assert place.front.sent_once(*range(4))
    check_laws(place)


async def test_reb_10_a_partition_that_left_paused_is_fetched_when_it_returns(
    guarded_cluster: GuardedCluster, protocol: Protocol
) -> None:
    """Paused because its bounds were full, given away, given back by a member that did nothing: it flows, unasked."""
    place = Place(guarded_cluster, partitions=2)
    place.front.holds = lambda _request: True
    settings = {
        "front": {"request_deadline_s": 1.0},
        "limits": {"partition_records": 5, "revoke_drain_s": 0.2},
    }
    async with place.member(protocol, settings=settings) as first:
        await first.joined(2)
        for partition in range(2):
            place.write(*(f"k{number}" for number in range(30)), partition=partition)
        await until(lambda: first.paused == [0, 1], "the pauses")
        async with place.member(protocol, settings=settings) as second:
            await second.joined(1)
            (moved,) = second.owned
            assert first.owned == first.paused == [1 - moved]
        await first.joined(2)
        place.front.holds = lambda _request: False
        await until(lambda: place.delivered, "everything")
        await until(lambda: first.paused == [], "no pause is left")
    check_laws(place)


async def test_reb_12_a_partition_that_goes_before_its_first_record_costs_a_claim_and_a_release(
    guarded_cluster: GuardedCluster, protocol: Protocol
) -> None:
    """No record is ever fetched: the offset and its map are written twice, as owned and as released, and nothing is sent."""
    place = Place(guarded_cluster)
    place.front.script = lambda request: Answered(503 if request.offset == 1 else 202)
    place.write(*(f"k{number}" for number in range(5)))
    left = Told(1, released=True, settled=frozenset({2, 3, 4}))
    async with place.member(protocol):
        await until(lambda: place.committed().settled == left.settled, "the map")
    before, sent = place.told(), len(place.front.requests)
    assert before[-1] == left
    with Wire(guarded_cluster.side_door(1)) as wire:
        wire.fate = lambda asked: Pass.SWALLOWED if asked.api == Api.FETCH else Pass.ON
        async with place.member(protocol, wire.bootstrap) as quick:
            await quick.joined(1)
        assert wire.sent(Api.FETCH)
    claim = replace(left, released=False)
    told = place.told()[len(before) :]
    assert (told[0], told[-1], set(told)) == (claim, left, {claim, left})
    assert len(place.front.requests) == sent
    check_laws(place)
