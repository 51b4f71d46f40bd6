"""What may start when (holds, pace, slots, memory), and what a partition that has gone leaves behind: nothing."""

import asyncio
from itertools import pairwise

from connector.core.answers import Answer, Answered, NotSent
from connector.core.decode import SchemaAbsent, SchemaId
from connector.core.http_request import HttpRequest
from connector.core.pacing import RateLimits
from connector.core.records import Channel, Epoch
from connector.ports import RegistryUnavailable
from tests.support.virtual_time import in_virtual_time
from tests.support.world import OTHER, SCHEMA, TP, Stage, record


@in_virtual_time
async def test_brk_02_a_held_channel_is_probed_by_one_request_an_interval() -> None:
    """Five keys wait and the probe takes a second: the others wait for its answer, not beside it."""
    async with Stage(probe_interval_s=60.0) as stage:
        stage.front.script = lambda _sent, _n: Answered(403)
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        stage.pipeline.received([record(0, "first")])
        await stage.quiet(5.0)
        stage.pipeline.received([record(offset, str(offset)) for offset in range(1, 6)])
        await stage.quiet(190.0)
        assert [round(sent.at) for sent in stage.front.sent] == [0, 61, 122, 183]


@in_virtual_time
async def test_brk_07_the_end_of_an_apps_hold_wakes_every_channel_at_once() -> None:
    """Two refused channels hold the app; one probe is accepted: a third channel does not wait for a probe of its own."""
    async with Stage(probe_interval_s=60.0) as stage:
        good = False
        stage.front.script = lambda _sent, _n: Answered(202 if good else 401)
        stage.assign()
        stage.pipeline.received([record(0, "a", channel="cha_1"), record(1, "b", channel="cha_2")])
        await stage.quiet(5.0)
        assert [hold.name for hold in stage.pipeline.holds.active if hold.scope == "app"] == ["main"]
        stage.pipeline.received(
            [record(offset, str(offset), channel=f"cha_{offset}") for offset in (3, 4, 5)]
        )
        good = True
        await stage.quiet(60.0)
        assert stage.pipeline.holds.active == ()
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0


@in_virtual_time
async def test_ret_07_a_channels_limit_holds_in_the_pipeline() -> None:
    """Two a second: eight take three and a half, evenly spaced."""
    async with Stage(rate_limits=RateLimits(company_per_minute=0, channel_per_second=2)) as stage:
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(8)])
        await stage.quiet(10.0)
        starts = [sent.at for sent in stage.front.sent]
        assert [round(later - earlier, 6) for earlier, later in pairwise(starts)] == [0.5] * 7


@in_virtual_time
async def test_a_slot_is_free_while_a_letter_travels() -> None:
    """One slot; the first key's letter takes ten seconds: the second key is not delayed by it."""
    async with Stage(in_flight=1) as stage:
        stage.front.script = lambda sent, _n: Answered(400 if sent.key == "a" else 202)
        stage.letters.delay = 10.0
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "b")])
        await stage.quiet(1.0)
        assert stage.front.ids == ["0", "1"]


@in_virtual_time
async def test_what_settles_frees_its_bytes() -> None:
    """A bound of bytes: the partition pauses at the bound, resumes below half, and ends with none kept."""
    size = record(0).size
    async with Stage(partition_bytes=4 * size) as stage:
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        stage.pipeline.received([record(offset) for offset in range(4)])
        assert stage.coordinator.paused == {TP}
        await stage.quiet(10.0)
        assert stage.coordinator.paused == set()
        assert stage.pipeline.partitions[TP].buffered_bytes == 0


@in_virtual_time
async def test_an_answer_for_a_rewound_log_counts_in_no_ledger() -> None:
    """Same partition, another assignment: a client that answers although it was cancelled changes nothing."""
    async with Stage(request_deadline_s=1.0) as stage:

        class Deaf:
            async def send(self, _request: HttpRequest, _channel: Channel) -> Answer:
                try:
                    await asyncio.sleep(0.5)
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    assert task is not None
                    task.uncancel()
                return Answered(202)

        stage.front.send = Deaf().send  # type: ignore[method-assign]
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0), record(1, "b")])
        await stage.quiet(0.1)
        stage.pipeline.received([record(0, "new")])
        stage.assign(0, metadata="", epoch=2)
        stage.pipeline.received([record(0, "new", epoch=2)])
        await stage.quiet(0.2)
        assert stage.facts.count("stale_settle") == 2
        part = stage.pipeline.partitions[TP]
        assert (part.ledger.frontier, part.buffered_bytes) == (0, record(0, "new").size)


@in_virtual_time
async def test_ret_09_what_was_certainly_not_sent_cannot_be_a_duplicate() -> None:
    """No connection: the second attempt is the first that Front sees."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, n: NotSent("connect") if n == 1 else Answered(202)
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        assert (len(stage.front.sent), stage.facts.count("possible_duplicate")) == (2, 0)


@in_virtual_time
async def test_reg_03_a_schema_that_was_absent_is_asked_for_again() -> None:
    """The first record goes to the dead-letter topic, the schema is registered, the second is sent."""
    async with Stage() as stage:
        stage.schemas.script = lambda _ref, n: SchemaAbsent("no such schema") if n == 1 else SCHEMA
        stage.assign()
        stage.pipeline.received([record(0, schema=9)])
        await stage.quiet()
        stage.pipeline.received([record(1, schema=9)])
        await stage.quiet()
        assert (stage.letters.reasons(), stage.front.ids) == (["schema_missing"], ["1"])


@in_virtual_time
async def test_an_end_of_partition_of_a_former_assignment_moves_nothing() -> None:
    """It was reached in another life of the partition: what this one has not read yet is not passed."""
    async with Stage() as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.lost([TP])
        stage.assign(epoch=2)
        stage.pipeline.reached_end(TP, Epoch(1), 50)
        await stage.quiet()
        assert stage.coordinator.committed().offset == 0  # type: ignore[union-attr]


@in_virtual_time
async def test_reb_13_a_schema_is_not_asked_for_when_its_partition_is_gone() -> None:
    """The registry is down and the partition is revoked: the asking ends with it."""
    async with Stage() as stage:
        stage.schemas.script = lambda _ref, _n: RegistryUnavailable("down")
        stage.schemas.known.pop(SchemaId(1))
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(5.0)
        await stage.pipeline.revoke([TP], 1.0)
        asked = stage.schemas.asked
        assert asked > 1
        await stage.quiet(60.0)
        assert stage.schemas.asked == asked


@in_virtual_time
async def test_reb_13_a_claim_is_not_repeated_when_its_partition_is_gone() -> None:
    """Every commit is refused: until the revoke only the claim is tried, by it and after it nothing is."""
    async with Stage(commit_interval_s=0.05) as stage:
        stage.coordinator.script = lambda _n: "COORDINATOR_NOT_AVAILABLE"
        stage.assign()
        await stage.quiet(2.2)
        assert stage.coordinator.asked == 5
        await stage.pipeline.revoke([TP], 1.0)
        await stage.quiet(5.0)
        assert stage.coordinator.asked == 5


@in_virtual_time
async def test_ord_03_a_slot_that_a_revoke_freed_is_used_at_once() -> None:
    """One slot, held by a request of a partition that is given back: the other partition's record starts when it is cut off."""
    async with Stage(in_flight=1) as stage:
        stage.front.delay = lambda sent: 1e9 if sent.key == "stuck" else 0.01
        stage.assign()
        stage.assign(tp=OTHER)
        await stage.quiet(0.1)
        stage.pipeline.received([record(0, "stuck"), record(0, "waits", tp=OTHER)])
        await stage.quiet(0.1)
        await stage.pipeline.revoke([TP], 1.0)
        await stage.quiet(0.1)
        assert [sent.key for sent in stage.front.sent] == ["stuck", "waits"]
