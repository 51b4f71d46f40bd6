"""What waits fills its partition's bounds, and then the partition pauses, says why, and goes on by itself: in virtual time."""

from connector.core.answers import Answered
from connector.core.outcome import RetryPolicy
from connector.core.records import key_hash
from tests.support.feed import Feed
from tests.support.virtual_time import in_virtual_time
from tests.support.world import TP, Stage, record

PATIENT = RetryPolicy(base_s=0.1, cap_s=1.0, attempts=10**6)
HELD = key_hash(("conversation", "cha_1", "held"))


def pauses(stage: Stage) -> list[object]:
    """The key's hash that each pause named."""
    return [fields["key_hash"] for _, name, fields in stage.facts.seen if name == ("partition.paused",)]


@in_virtual_time
async def test_ord_12_full_bounds_pause_the_partition_and_name_the_keys_hash() -> None:
    """A bound of 1,000 under `wait`: it pauses and says whose key is in the way; once that is accepted it goes on alone."""
    async with Stage(partition_records=1000, retry=PATIENT) as stage:
        down = True
        stage.front.script = lambda sent, _n: Answered(503 if down and sent.key == "held" else 202)
        stage.assign()
        keys = ["held" if offset % 2 else str(offset % 10) for offset in range(3000)]
        feed = Feed(stage, [record(offset, key) for offset, key in enumerate(keys)], every_s=0.5)
        stage.pipeline.ownership.tasks.create_task(feed.run())
        await stage.quiet(60.0)
        assert stage.coordinator.paused == {TP}
        assert pauses(stage) == [HELD]
        assert stage.pipeline.partitions[TP].ledger.unsettled <= 1000 + feed.poll
        assert stage.letters.letters == []
        down = False
        await stage.quiet(120.0)
        assert stage.coordinator.paused == set()
        assert stage.coordinator.committed().offset == 3000  # type: ignore[union-attr]
        held = [sent.id for sent in stage.front.sent if sent.key == "held"]
        assert list(dict.fromkeys(held)) == [f"messages-0-{offset}" for offset in range(1, 3000, 2)]


@in_virtual_time
async def test_ord_12_a_key_that_begins_to_fail_while_its_partition_is_paused_is_named_too() -> None:
    """A burst pauses the partition before its first answer comes; that it stays paused is the held key's doing."""
    async with Stage(partition_records=100, retry=PATIENT) as stage:
        stage.front.script = lambda sent, _n: Answered(503 if sent.key == "held" else 202)
        stage.assign()
        keys = ["held" if offset % 2 else str(offset) for offset in range(200)]
        stage.pipeline.received([record(offset, key) for offset, key in enumerate(keys)])
        await stage.quiet(60.0)
        assert stage.coordinator.paused == {TP}
        assert HELD in pauses(stage)


@in_virtual_time
async def test_ord_14_a_partition_that_pauses_again_and_again_loses_and_repeats_nothing() -> None:
    """Front stalls again and again: 10,000 records are sent once each, in order, and less than twice the log is fetched."""
    async with Stage(partition_records=300) as stage:
        stage.front.delay = lambda sent: 0.005 if int(sent.at / 0.05) % 2 else 0.05
        stage.assign()
        feed = Feed(
            stage, [record(offset, str(offset % 97)) for offset in range(10_000)], every_s=0.002, prefetch=100
        )
        stage.pipeline.ownership.tasks.create_task(feed.run())
        await stage.quiet(300.0)
        assert stage.coordinator.pauses >= 10
        assert feed.first_after_pauses == stage.coordinator.pauses
        assert sorted(map(int, stage.front.ids)) == list(range(10_000))
        for key in ("0", "50", "96"):
            of_key = [int(sent.id.rpartition("-")[2]) for sent in stage.front.sent if sent.key == key]
            assert of_key == list(range(int(key), 10_000, 97))
        assert feed.fetched < 2 * 10_000
        assert stage.coordinator.committed().offset == 10_000  # type: ignore[union-attr]


@in_virtual_time
async def test_ord_17_a_channel_held_for_a_day_costs_the_others_nothing_until_the_bounds_are_full() -> None:
    """Twenty channels, one 403: the others keep their rate, then the partition waits, named; after a day all comes in order."""
    async with Stage(
        partition_records=200, retry=PATIENT, probe_interval_s=600.0, commit_interval_s=10.0
    ) as stage:
        forbidden = True
        stage.front.script = lambda sent, _n: Answered(403 if forbidden and sent.key == "0" else 202)
        stage.assign()
        log = [record(offset, str(offset % 20), channel=f"cha_{offset % 20}") for offset in range(8000)]
        feed = Feed(stage, log, poll=5, every_s=0.1, look_s=60.0, prefetch=50)
        stage.pipeline.ownership.tasks.create_task(feed.run())
        await stage.quiet(60.0)
        offered, accepted = feed.position * 19 / 20, stage.facts.count("settled", "messages", "accepted")
        assert accepted >= 0.95 * offered
        assert stage.coordinator.paused == set()
        await stage.quiet(24 * 3600.0)
        assert stage.coordinator.paused == {TP}
        assert [hold.name for hold in stage.pipeline.holds.active] == ["cha_0"]
        assert stage.pipeline.partitions[TP].ledger.unsettled <= 200 + feed.poll
        assert stage.letters.letters == []
        forbidden = False
        await stage.quiet(3600.0)
        assert stage.coordinator.committed().offset == 8000  # type: ignore[union-attr]
        held = list(dict.fromkeys(sent.id for sent in stage.front.sent if sent.key == "0"))
        assert held == [f"messages-0-{offset}" for offset in range(0, 8000, 20)]
