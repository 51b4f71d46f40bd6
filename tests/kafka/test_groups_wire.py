"""Members whose coordinator refuses single requests, and members whose Front is silent: on a real broker, both protocols.

Refusals are forged on a wire between client and broker, for a broker cannot be made to give them; everything else is real.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from connector.adapters.kafka import starts
from connector.adapters.kafka.consumer import AHEAD, BATCH
from connector.core.answers import Answered
from tests.kafka.inside import Place, Told, until
from tests.kafka.inside_laws import check_laws
from tests.kafka.member import PROTOCOLS, Protocol
from tests.support import offset_commit, offset_fetch
from tests.support.guarded import GuardedCluster
from tests.support.wire import Api, Fate, Pass, Request, Wire

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.timeout(120)]
each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)

REBALANCE = {"classic": 27, "consumer": 113}
"""What a coordinator answers to a commit when a rebalance runs."""
LOADING, NO_COORDINATOR, NOT_COORDINATOR = 14, 15, 16


@pytest.fixture
def wire(guarded_cluster: GuardedCluster) -> Iterator[Wire]:
    with Wire(guarded_cluster.side_door(1)) as made:
        yield made


class RefusedCommits:
    """Refuses commits of a partition, three at a time."""

    def __init__(self, wire: Wire, error: int) -> None:
        self._error = error
        self.left: dict[int, int] = {}
        wire.fate = self

    def __call__(self, request: Request) -> Fate:
        if request.api == Api.OFFSET_COMMIT:
            for entry in offset_commit.read(request).entries:
                if self.left.get(entry.partition, 0) > 0:
                    self.left[entry.partition] -= 1
                    return offset_commit.refusal(request, self._error)
        return Pass.ON


@each_protocol
async def test_reb_08_a_commit_that_a_rebalance_refuses_is_made_again_from_the_ledgers(
    guarded_cluster: GuardedCluster, wire: Wire, protocol: Protocol
) -> None:
    """Three refusals in quiet times, three inside a revoke: what is owned is committed, the last word is *released*."""
    place = Place(guarded_cluster, partitions=2)
    refused = RefusedCommits(wire, REBALANCE[protocol])
    settings = {"front": {"request_deadline_s": 5.0}, "limits": {"revoke_drain_s": 20.0}}
    async with place.member(protocol, wire.bootstrap, settings) as first:
        await first.joined(2)
        refused.left = {0: 3, 1: 3}
        for partition in range(2):
            place.write("k0", partition=partition)
        await until(lambda: refused.left == {0: 0, 1: 0}, "the refusals")
        for partition in range(2):
            place.write("k1", partition=partition)
            await until(lambda: place.committed(partition).offset == 2, "the commit")  # noqa: B023
        place.front.holds = lambda _request: True
        for partition in range(2):
            place.write("k2", partition=partition)
        await until(lambda: len(place.front.waiting()) == 2, "requests in flight")
        async with place.member(protocol, settings=settings) as second:
            await until(lambda: len(first.closing) == 1, "a partition that is given away")
            (moved,) = first.closing
            refused.left = {moved: 3}
            place.front.holds = lambda _request: False
            await second.joined(1)
            assert second.owned == [moved]
            assert refused.left == {moved: 0}
            assert Told(3, released=True, settled=frozenset()) in place.told(moved)
            place.write("k3", partition=1 - moved)
            await until(lambda: place.committed(1 - moved).offset == 4, "what it kept")
            assert first.in_group
    assert place.front.sent_once(0, 1)
    check_laws(place)


@each_protocol
async def test_reb_17_nothing_is_sent_until_the_coordinator_says_what_was_committed(
    guarded_cluster: GuardedCluster, wire: Wire, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It loads, is gone, is another: assigned, paused, polled; then delivery begins at that offset, with that map."""
    monkeypatch.setattr(starts, "REQUEST_S", 0.5)  # else one question alone goes on for 10 s
    place = Place(guarded_cluster)
    place.front.script = lambda request: Answered(503 if request.offset in {3, 5} else 202)
    place.write(*(f"k{number}" for number in range(8)))
    left = Told(3, released=True, settled=frozenset({4, 6, 7}))
    async with place.member(protocol):
        await until(lambda: place.committed().settled == left.settled, "the map")
    assert place.committed() == left
    place.front.script = lambda _request: Answered(202)
    before, told = len(place.front.requests), len(place.told())
    codes = itertools.cycle((LOADING, NO_COORDINATOR, NOT_COORDINATOR))
    refused: list[int] = []
    loading = True

    def fate(asked: Request) -> Fate:
        joining = wire.sent(Api.JOIN_GROUP) or wire.sent(Api.CONSUMER_GROUP_HEARTBEAT)
        if asked.api == Api.OFFSET_FETCH and loading and joining:
            refused.append(next(codes))
            return offset_fetch.refusal(asked, refused[-1])
        return Pass.ON

    wire.fate = fate
    async with place.member(protocol, wire.bootstrap) as member:
        await until(lambda: member.source.assignments.owned == (place.tp(),), "the assignment")
        place.write("k8")
        polls = {member.source.last_poll_wall}

        def polled_and_refused() -> bool:
            polls.add(member.source.last_poll_wall)
            return len(polls) > 5 and len(refused) > 6

        await until(polled_and_refused, "polls while the coordinator refuses")
        assert not member.source.assignments.flows(place.tp())
        assert not wire.sent(Api.FETCH)
        assert len(place.front.requests) == before
        loading = False
        await member.joined(1)
        await until(lambda: place.delivered, "everything")
        assert [request.offset for request in place.front.requests[before:]] == [3, 5, 8]
        assert member.in_group
    assert place.told()[told] == replace(left, released=False)
    check_laws(place)


async def test_ord_13_brk_05_a_front_that_is_silent_for_three_poll_intervals_costs_no_membership(
    guarded_cluster: GuardedCluster,
) -> None:
    """A deep backlog, no answer: the circuit opens, memory stays bounded, no partition moves; then all comes, in order."""
    # Both protocols at once: they wait for the same time to pass.
    await asyncio.gather(*(_silence(Place(guarded_cluster), protocol) for protocol in PROTOCOLS))


async def _silence(place: Place, protocol: Protocol) -> None:
    records, bound, poll_interval_s = 4000, 50, 2.5
    place.front.holds = lambda _request: silent
    silent = True
    place.write(*(f"k{number % 12}" for number in range(records)))
    settings = {
        "kafka": {"max_poll_interval_s": poll_interval_s, "session_timeout_s": 2.5},
        "front": {"request_deadline_s": 0.5},
        "limits": {"partition_records": bound, "revoke_drain_s": 0.5},
    }
    async with place.member(protocol, settings=settings) as member:
        await member.joined(1)
        (part,) = member.pipeline.partitions.values()
        began = time.monotonic()
        await until(lambda: bool(member.facts.events("circuit.opened")), "the open circuit")
        await until(lambda: time.monotonic() - began > 1.5 * poll_interval_s, "half of the silence")
        taken, size = part.ledger.position, part.buffered_bytes
        assert part.paused == "backpressure"
        assert bound <= member.unsettled == taken <= bound + (AHEAD + 1) * BATCH
        await until(lambda: time.monotonic() - began > 3 * poll_interval_s, "the silence")
        assert (part.ledger.position, part.buffered_bytes) == (taken, size), "nothing more is kept"
        silent = False
        await until(lambda: place.committed().offset == records, "the end")
        assert member.facts.count("rebalance") == 1, "it was assigned once and never again"
        assert list(member.pipeline.partitions.values()) == [part]
    check_laws(place)
