"""An outage of Front as the whole pipeline lives it: quiet, probed by one request, over in two steps, no dead letter."""

import asyncio
from collections import Counter

from connector.core.answers import Answer, Answered, Unknown
from connector.core.outcome import RetryPolicy
from tests.support.virtual_time import in_virtual_time
from tests.support.world import TP, Sent, Stage, record

BACK_OFF = RetryPolicy(base_s=0.5, cap_s=60.0, attempts=3)


def most_at_once(sent: list[Sent]) -> int:
    """Requests under way together; those without an end count to the last."""
    return max(
        sum(other.at <= one.at and (other.ended is None or one.at < other.ended) for other in sent)
        for one in sent
    )


@in_virtual_time
async def test_brk_01_brk_02_an_outage_is_met_by_single_probes_further_and_further_apart() -> None:
    """A hundred keys, 503 to all for ten minutes, a probe takes a second: never two at once, and a minute apart at last."""
    async with Stage(retry=BACK_OFF, in_flight=10) as stage:
        stage.front.script = lambda _sent, _n: Answered(503)
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(100)])
        await stage.quiet(600.0)
        probes = [sent for sent in stage.front.sent if sent.at > 1.5]
        assert most_at_once(probes) == 1
        assert len(probes) == 12
        assert (
            probes[-1].at - probes[-2].at == 76.0
        )  # a minute and a quarter of it, after an answer of a second
        assert stage.facts.count("error", "circuit.opened") == 1
        assert stage.pipeline.circuits.state("main", asyncio.get_running_loop().time()) != "closed"
        assert (stage.letters.letters, stage.coordinator.committed().offset) == ([], 0)  # type: ignore[union-attr]


@in_virtual_time
async def test_brk_03_traffic_returns_in_steps_and_no_probe_is_sent_twice() -> None:
    """Front is back after five minutes: three requests one by one, then as many as there are slots; each accepted once."""
    async with Stage(retry=BACK_OFF, in_flight=10) as stage:
        loop = asyncio.get_running_loop()
        stage.front.script = lambda _sent, _n: Answered(503 if loop.time() < 300.0 else 202)
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(100)])
        await stage.quiet(500.0)
        accepted = [sent for sent in stage.front.sent if sent.ended is not None and sent.ended >= 300.0]
        assert [most_at_once(accepted[:3]), most_at_once(accepted)] == [1, 10]
        assert accepted[3].at == accepted[2].ended
        assert set(Counter(sent.id for sent in accepted).values()) == {1}
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0
        assert stage.facts.count("info", "circuit.closed") == 1


@in_virtual_time
async def test_brk_10_a_stop_does_not_wait_for_an_open_circuit() -> None:
    """Fifty records wait for Front: the stop is clean at once, nothing is committed, nothing dead-lettered."""
    async with Stage(retry=BACK_OFF) as stage:
        loop = asyncio.get_running_loop()
        stage.front.script = lambda _sent, _n: Answered(503)
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(50)])
        await stage.quiet(100.0)
        before = loop.time()
        assert await stage.pipeline.stop(30.0)
        assert loop.time() - before < 5.0
        assert (stage.letters.letters, stage.coordinator.committed().offset) == ([], 0)  # type: ignore[union-attr]


@in_virtual_time
async def test_brk_11_six_hours_of_outage_at_one_record_a_minute_make_no_dead_letter() -> None:
    """503 and time-outs in turn; far more attempts than a record is allowed; then all are accepted, in order of each key."""
    async with Stage(retry=BACK_OFF) as stage:
        loop = asyncio.get_running_loop()

        def script(_sent: Sent, n: int) -> Answer:
            if loop.time() >= 6 * 3600.0:
                return Answered(202)
            return Answered(503) if n % 2 else Unknown("timeout")

        stage.front.script = script
        stage.assign()
        for minute in range(360):
            stage.pipeline.received([record(minute, str(minute % 100))])
            await stage.quiet(60.0)
        during = len(stage.front.sent)
        await stage.quiet(300.0)
        assert stage.letters.letters == []
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0
        accepted = [int(sent.id.rsplit("-", 1)[1]) for sent in stage.front.sent if sent.at >= 6 * 3600.0]
        for key in range(100):
            mine = [offset for offset in accepted if offset % 100 == key]
            assert mine == sorted(mine)
        assert max(stage.front.tries.values()) > 3
        assert during < 6 * 60 + 200, "about one probe a minute, however many keys wait"


@in_virtual_time
async def test_brk_11_a_poison_record_does_not_open_the_circuit_and_is_dead_lettered_alone() -> None:
    """Afterwards one record fails for ever while one a minute is accepted: only it is given up."""
    async with Stage(retry=BACK_OFF) as stage:
        stage.front.script = lambda sent, _n: Answered(503 if sent.key == "poison" else 202)
        stage.assign()
        stage.pipeline.received([record(0, "poison")])
        for minute in range(1, 30):
            await stage.quiet(60.0)
            stage.pipeline.received([record(minute, str(minute))])
        await stage.quiet(60.0)
        assert stage.letters.reasons() == ["retries_exhausted"]
        assert stage.facts.count("error", "circuit.opened") == 0
        assert stage.pipeline.partitions[TP].ledger.frontier == 30


@in_virtual_time
async def test_a_probe_that_is_cut_off_with_its_partition_makes_room_for_another_partitions() -> None:
    """The probe hangs, its partition is lost: the other partition's record probes at once and ends the outage."""
    async with Stage(retry=BACK_OFF) as stage:
        loop = asyncio.get_running_loop()
        stage.front.script = lambda _sent, _n: Answered(503 if loop.time() < 1.0 else 202)
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(6)])
        await stage.quiet(0.9)
        stage.front.delay = lambda _sent: 30.0
        await stage.quiet(5.0)
        assert stage.front.sent[-1].ended is None, "a probe is under way"
        stage.front.delay = lambda _sent: 0.01
        other = TP._replace(partition=1)
        stage.assign(tp=other)
        stage.pipeline.received([record(0, "new", tp=other)])
        await stage.quiet(1.0)
        sent = len(stage.front.sent)
        stage.pipeline.lost([TP])
        await stage.quiet(1.0)
        assert len(stage.front.sent) == sent + 1
        assert stage.pipeline.partitions[other].ledger.unsettled == 0
