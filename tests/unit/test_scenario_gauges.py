"""What the gauges of age, lag and waiting show when things go wrong: the real parts on a scripted Front, in virtual time."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from connector.adapters.kafka import KafkaSource, SourceOptions
from connector.adapters.kafka.client import connected_brokers
from connector.adapters.kafka.unread import Unread
from connector.app.status import BEAT_S, Status
from connector.app.unread import PausedWatch
from connector.core.answers import Answered
from connector.core.outcome import RetryPolicy
from connector.core.pacing import RateLimits
from connector.core.records import Record, TopicPartition
from connector.core.status import PartitionStatus, Snapshot
from tests.support.virtual_time import in_virtual_time
from tests.support.world import OTHER, TP, Clock, Stage, record

NONE = {"channel": 0.0, "company": 0.0, "retry_after": 0.0}


class Pod(Stage):
    """The stage, and what its status says."""

    def __init__(self, limits: RateLimits | None = None) -> None:
        super().__init__(
            retry=RetryPolicy(base_s=100.0, cap_s=1000.0, attempts=3),
            rate_limits=limits or RateLimits(company_per_minute=0, channel_per_second=0),
        )
        loop = asyncio.get_running_loop()
        self.clock = Clock(loop.time)
        options = SourceOptions(
            properties={}, connection={}, topics={}, on_missing_offset={}, dead_letter_topic="letters"
        )
        source = KafkaSource(options, self.facts, lambda _name: None)
        self.status = Status(self.pipeline, source, self.schemas, ("main",), clock=self.clock)

    @property
    def now(self) -> Snapshot:
        return self.status.snapshot()

    def part(self, number: int = 0) -> PartitionStatus:
        """The partition, in the order of the assignments."""
        return self.now.partitions[number]

    def come(self, *records: Record, end: int | None = None) -> None:
        """Records that were written this very moment, unless they say otherwise."""
        wall_ms = round(self.clock.wall() * 1000)
        stamped = [replace(one, timestamp_ms=one.timestamp_ms or wall_ms) for one in records]
        self.pipeline.received(stamped)
        self.pipeline.heard_ends({TP: end or records[-1].offset + 1})


@in_virtual_time
async def test_the_oldest_record_in_flight_is_as_old_as_its_turn() -> None:
    """It has waited for a minute, behind another of its key: that is no work on it. Once it settles, the next is the oldest."""
    async with Pod() as pod:
        pod.assign()
        await pod.quiet(1.0)
        assert pod.now.oldest_in_flight_wall is None
        pod.front.delay = lambda _sent: 60.0
        began = pod.clock.wall()
        pod.come(record(0, "a"), record(1, "a"))
        await pod.quiet(59.0)
        assert pod.now.oldest_in_flight_wall == pytest.approx(began)
        await pod.quiet(2.0)
        assert pod.now.oldest_in_flight_wall == pytest.approx(began + 60.0)
        await pod.quiet(60.0)
        assert pod.now.oldest_in_flight_wall is None


@in_virtual_time
async def test_a_record_that_front_told_to_wait_counts_as_in_flight() -> None:
    """An endless Retry-After is what the alert on stuck records is for: the record has not failed, and does not move."""
    async with Pod() as pod:
        pod.assign()
        await pod.quiet(1.0)
        pod.front.script = lambda _sent, n: Answered(429, {"retry-after": "600"}) if n == 1 else Answered(202)
        began = pod.clock.wall()
        pod.come(record(0, "a"))
        await pod.quiet(300.0)
        assert pod.now.oldest_in_flight_wall == pytest.approx(began)
        assert pod.now.in_flight == 0
        assert pod.now.throttle_wait_s == {**NONE, "retry_after": pytest.approx(300.0, abs=1.0)}
        await pod.quiet(1000.0)
        assert pod.now.oldest_in_flight_wall is None
        assert pod.now.throttle_wait_s == {**NONE, "retry_after": pytest.approx(600.0, abs=1.0)}


@in_virtual_time
async def test_a_record_that_failed_is_shown_as_blocked_and_no_longer_as_in_flight() -> None:
    """One alert a cause: `oldest_blocked_key` has it; and when its partition goes, neither has it."""
    async with Pod() as pod:
        pod.assign()
        await pod.quiet(1.0)
        pod.front.script = lambda _sent, _n: Answered(503)
        pod.come(record(0, "a"))
        await pod.quiet(10.0)
        assert (pod.now.oldest_in_flight_wall, pod.now.blocked_keys) == (None, 1)
        pod.pipeline.lost([TP])
        assert (pod.now.oldest_in_flight_wall, pod.now.blocked_keys) == (None, 0)


@in_virtual_time
async def test_what_is_lost_with_its_partition_is_in_flight_no_more() -> None:
    """Else a record that somebody else has settled by now would alert for ever."""
    async with Pod() as pod:
        pod.assign()
        await pod.quiet(1.0)
        pod.front.delay = lambda _sent: 600.0
        pod.come(record(0, "a"))
        await pod.quiet(10.0)
        assert pod.now.oldest_in_flight_wall is not None
        pod.pipeline.lost([TP])
        await pod.quiet(1.0)
        assert pod.now.oldest_in_flight_wall is None


@in_virtual_time
async def test_lag_in_seconds_is_the_age_of_the_first_unsettled_record() -> None:
    """By Kafka's timestamp, and of the first by offset: it is the first that retention takes. 0 once all is settled."""
    async with Pod() as pod:
        pod.assign()
        await pod.quiet(1.0)
        assert pod.part().lag_s == 0.0
        pod.front.delay = lambda sent: 10.0 if sent.key == "a" else 100.0
        written_ms = round((pod.clock.wall() - 3600.0) * 1000)
        old = replace(record(0, "a"), timestamp_ms=written_ms)
        newer = replace(record(1, "b"), timestamp_ms=written_ms + 1_800_000)
        pod.come(old, newer)
        await pod.quiet(5.0)
        assert pod.part().lag_s == pytest.approx(3605.0)
        await pod.quiet(45.0)
        assert pod.part().lag_s == pytest.approx(1850.0)
        await pod.quiet(60.0)
        assert (pod.part().lag_s, pod.part().unsettled) == (0.0, 0)


@in_virtual_time
async def test_a_timestamp_ahead_of_our_clock_is_no_negative_lag_and_none_is_no_number() -> None:
    """Producers' clocks are theirs; records of before Kafka 0.10 have no timestamp, and 0 would say that all is settled."""
    async with Pod() as pod:
        pod.assign()
        await pod.quiet(1.0)
        pod.front.delay = lambda _sent: 10.0
        pod.come(replace(record(0, "a"), timestamp_ms=round((pod.clock.wall() + 60.0) * 1000)))
        assert pod.part().lag_s == 0.0
        await pod.quiet(20.0)
        pod.pipeline.received([replace(record(1, "a"), timestamp_ms=None)])
        assert (pod.part().lag_s, pod.part().unsettled) == (None, 1)


@in_virtual_time
async def test_records_that_are_not_read_make_lag_from_when_they_were_heard_of() -> None:
    """Paused, nothing is read, and yet it grows old and retention comes nearer. Once it is read, its timestamp counts."""
    async with Pod() as pod:
        pod.assign()
        await pod.quiet(1.0)
        pod.come(record(0, "a"))
        await pod.quiet(1.0)
        pod.pipeline.heard_ends({TP: 3})
        await pod.quiet(100.0)
        pod.pipeline.heard_ends({TP: 5})
        await pod.quiet(100.0)
        assert pod.part().lag_s == pytest.approx(200.0)
        assert pod.part().unsettled == 0
        pod.come(record(1, "a"), record(2, "a"))
        await pod.quiet(1.0)
        assert pod.part().lag_s == 0.0, "from now on, others are behind: nobody knows yet since when"
        pod.pipeline.heard_ends({TP: 5})
        await pod.quiet(10.0)
        assert pod.part().lag_s == pytest.approx(10.0)


@in_virtual_time
async def test_the_end_of_a_revoked_partition_is_nobodys_lag() -> None:
    """What is heard of it late changes nothing, and the other one's figures stay its own."""
    async with Pod() as pod:
        pod.assign()
        pod.assign(tp=OTHER)
        await pod.quiet(1.0)
        pod.pipeline.heard_ends({TP: 7, OTHER: 2})
        await pod.pipeline.revoke([TP], 1.0)
        pod.pipeline.heard_ends({TP: 9})
        assert [(one.topic, one.end, one.lag) for one in pod.now.partitions] == [("other", 2, 2)]


@in_virtual_time
async def test_a_limit_that_binds_is_wall_time_and_not_a_sum_over_requests() -> None:
    """Thirty channels of a company that may send one a minute: ten minutes held back are ten minutes."""
    async with Pod(RateLimits(company_per_minute=1, channel_per_second=0)) as pod:
        pod.assign()
        await pod.quiet(1.0)
        pod.come(*(record(number, f"key-{number}") for number in range(30)))
        await pod.quiet(600.0)
        waited = pod.now.throttle_wait_s
        assert waited == {**NONE, "company": pytest.approx(600.0, abs=1.0)}
        assert pod.now.queued > 15


class Brokers:
    """What they say of paused partitions; keeps what they were asked."""

    def __init__(self, **told: Unread) -> None:
        self.told = told
        self.asked: list[Mapping[TopicPartition, int | None]] = []

    def look(self, paused: Mapping[TopicPartition, int | None]) -> Mapping[TopicPartition, Unread]:
        self.asked.append(paused)
        return {tp: self.told[tp.topic] for tp in paused if tp.topic in self.told}


async def test_what_is_paused_is_looked_at_as_nothing_is_heard_of_it() -> None:
    """The end moves on, and the first record's own age is the lag, asked for once; what is fetched, nobody asks about."""
    async with Pod() as pod:
        written_ms = int(pod.clock.wall() - 7200.0) * 1000
        brokers = Brokers(messages=Unread(40, written_ms))
        watch = PausedWatch(pod.pipeline, brokers, pod.clock)
        pod.assign(start=5, end=5)
        await watch.look()
        assert brokers.asked == [{}]
        pod.pipeline.pause()
        await watch.look()
        await watch.look()
        assert brokers.asked[1:] == [{TP: 5}, {TP: None}]
        assert pod.part().end == 40
        assert (pod.part().lag_s or 0.0) >= 7200.0
        brokers.told = {}
        await watch.look()
        assert pod.part().end == 40, "silent brokers change nothing"


async def test_a_paused_partition_with_records_in_hand_is_asked_only_for_its_end() -> None:
    """The first of them is the oldest, and its age is known. A partition that went meanwhile is nobody's."""
    async with Pod() as pod:
        pod.front.delay = lambda _sent: 1000.0
        brokers = Brokers(messages=Unread(40))
        watch = PausedWatch(pod.pipeline, brokers, pod.clock)
        pod.assign()
        pod.come(replace(record(0, "a"), timestamp_ms=round((pod.clock.wall() - 60.0) * 1000)))
        pod.pipeline.pause()
        await watch.look()
        assert brokers.asked == [{TP: None}]
        assert pod.part().end == 40
        assert (pod.part().lag_s or 0.0) >= 59.0
        looking = asyncio.create_task(watch.look())
        await asyncio.sleep(0)
        pod.pipeline.lost([TP])
        await looking
        assert pod.now.partitions == ()


async def test_a_loop_that_stood_is_seen_by_every_scrape_of_the_next_half_minute() -> None:
    """Nothing of ours turns while a call blocks: the delay is there at once, and stays though two scrapers have looked."""
    pod = Pod()
    assert pod.now.loop_lag_s == 0.0
    beating = asyncio.create_task(pod.status.beat())
    await asyncio.sleep(0)
    time.sleep(BEAT_S + 0.1)
    at_once = pod.now.loop_lag_s
    assert at_once >= 0.09
    await asyncio.sleep(0)
    await asyncio.sleep(BEAT_S)
    assert pod.now.loop_lag_s >= at_once
    assert pod.now.loop_lag_s >= at_once
    beating.cancel()


def test_brokers_are_counted_once_and_only_while_they_are_connected() -> None:
    """As the client tells of them: its bootstrap address and the group's coordinator are brokers that it knows already."""

    def broker(node: int, address: str, source: str, state: str) -> dict[str, object]:
        return {"nodeid": node, "nodename": address, "source": source, "state": state}

    boot = broker(-1, "kafka:9092", "configured", "UP")
    one, two = broker(1, "b1:9092", "learned", "UP"), broker(2, "b2:9092", "learned", "UPDATE")
    coordinator = broker(-1, "b2:9092", "logical", "UP")
    down = broker(3, "b3:9092", "learned", "TRY_CONNECT")
    assert connected_brokers([boot, one, two, coordinator, down]) == 2
    assert connected_brokers([boot, coordinator, {**two, "state": "INIT"}]) == 1
    assert connected_brokers([boot, {**one, "state": "INIT"}]) == 1
    assert connected_brokers([{**boot, "state": "DOWN"}, down]) == 0
