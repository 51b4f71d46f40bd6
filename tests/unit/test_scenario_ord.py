"""Order per key while everything else runs beside it: in virtual time, against a scripted world."""

import random
from dataclasses import replace
from itertools import pairwise

from connector.core.answers import Answered
from connector.core.decode import SchemaId
from connector.core.outcome import RetryPolicy
from connector.core.records import Record, TopicPartition
from tests.support.operation_world import SCHEMA, wanted, wanting
from tests.support.virtual_time import in_virtual_time
from tests.support.world import OTHER, TP, Sent, Stage, record

SECOND = TopicPartition("messages", 1)
PATIENT = RetryPolicy(base_s=0.1, cap_s=1.0, attempts=10**6)


def overlap(requests: list[Sent]) -> bool:
    """Whether two of these were at Front at the same time; in order of arrival."""
    return any(later.at < (earlier.ended or 1e18) for earlier, later in pairwise(requests))


def committed(stage: Stage, tp: TopicPartition = TP) -> int:
    entry = stage.coordinator.committed(tp)
    assert entry is not None
    return entry.offset


@in_virtual_time
async def test_ord_01_other_keys_run_while_the_head_of_one_is_held() -> None:
    """A1 A2 B1 A3 B2 C1 with A1 held: B1, then B2, and C1 are accepted; A2 and A3 arrive in order after A1."""
    async with Stage() as stage:
        stage.front.delay = lambda sent: 10.0 if sent.id.endswith("-0") else 0.5
        stage.assign()
        stage.pipeline.received([record(offset, key) for offset, key in enumerate("aababc")])
        await stage.quiet(9.0)
        assert stage.front.ids == ["0", "2", "5", "4"]
        ended = {sent.id[-1]: sent.ended for sent in stage.front.sent}
        assert ended["0"] is None
        assert None not in (ended["2"], ended["4"], ended["5"])
        await stage.quiet(5.0)
        assert stage.front.ids == ["0", "2", "5", "4", "1", "3"]
        assert not overlap([sent for sent in stage.front.sent if sent.key == "a"])
        assert committed(stage) == 6


@in_virtual_time
async def test_ord_02_a_hundred_records_of_one_key_arrive_one_at_a_time_in_order() -> None:
    """Whatever time each answer takes, and with slots to spare."""
    draw = random.Random(7)
    async with Stage(in_flight=64) as stage:
        stage.front.delay = lambda _sent: draw.uniform(0.001, 2.0)
        stage.assign()
        stage.pipeline.received([record(offset) for offset in range(100)])
        await stage.quiet(300.0)
        assert stage.front.ids == [str(offset) for offset in range(100)]
        assert not overlap(stage.front.sent)


@in_virtual_time
async def test_ord_04_the_key_comes_from_the_payload_and_not_from_kafkas_key() -> None:
    """One Kafka key and two conversations may overlap at Front; two Kafka keys and one conversation never do."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        pairs = [("a", b"same"), ("b", b"same"), ("c", b"one"), ("c", b"two")]
        stage.pipeline.received(
            [_keyed(offset, conversation, key) for offset, (conversation, key) in enumerate(pairs)]
        )
        await stage.quiet(5.0)
        of = {sent.id[-1]: sent for sent in stage.front.sent}
        assert overlap([of["0"], of["1"]])
        assert not overlap([of["2"], of["3"]])


def _keyed(offset: int, conversation: str, key: bytes) -> Record:
    return replace(record(offset, conversation), key=key)


CONVERSATION = ("sync-inbound-message", "sync-outbound-message", "update-external-message-status")
CALL = ("create-call", "update-call", "add-call-recording", "add-call-transcript", "add-call-summary")


@in_virtual_time
async def test_ord_05_what_concerns_one_conversation_or_one_call_keeps_its_order() -> None:
    """Three operations of a conversation and five of a call: in order and apart inside each, beside one another across."""
    async with Stage(maps=wanted("messages")) as stage:
        stage.schemas.known[SchemaId(50)] = SCHEMA
        stage.front.delay = lambda _sent: 1.0
        stage.assign()
        stage.pipeline.received([wanting(offset, name) for offset, name in enumerate(CONVERSATION + CALL)])
        await stage.quiet(20.0)
        call = [sent for sent in stage.front.sent if "call" in sent.id]
        conversation = [sent for sent in stage.front.sent if sent not in call]
        assert [sent.id for sent in call] == list(CALL)
        assert [sent.id for sent in conversation] == ["m-0", "m-1", "update-external-message-status"]
        assert not overlap(call)
        assert not overlap(conversation)
        assert overlap([conversation[0], call[0]])


@in_virtual_time
async def test_ord_09_a_key_in_two_partitions_and_two_topics_blocks_nobody() -> None:
    """The first request of one of the three streams hangs for a minute: the others finish, and so does it."""
    async with Stage() as stage:
        stage.front.delay = lambda sent: 60.0 if sent.id == "messages-0-0" else 0.1
        streams = (TP, SECOND, OTHER)
        for tp in streams:
            stage.assign(tp=tp)
            stage.pipeline.received([record(offset, "same", tp=tp) for offset in range(10)])
        await stage.quiet(30.0)
        assert [committed(stage, tp) for tp in streams] == [0, 10, 10]
        await stage.quiet(60.0)
        assert [committed(stage, tp) for tp in streams] == [10, 10, 10]
        for tp in streams:
            prefix = f"{tp.topic}-{tp.partition}-"
            arrived = [sent.id for sent in stage.front.sent if sent.id.startswith(prefix)]
            assert arrived == [f"{prefix}{offset}" for offset in range(10)]


@in_virtual_time
async def test_ord_09_led_22_keys_that_come_from_two_partitions_are_counted() -> None:
    """Once each, of those that are watched: 200 keys go to another partition, and later ones stay where they are."""
    async with Stage() as stage:
        for tp in (TP, SECOND):
            stage.assign(tp=tp)
        for tp in (TP, SECOND, SECOND):
            stage.pipeline.received([record(offset, f"room-{offset}", tp=tp) for offset in range(200)])
            assert (stage.facts.count("key_in_two_partitions") > 0) is (tp == SECOND)
        assert 5 < stage.facts.count("key_in_two_partitions") < 25


@in_virtual_time
async def test_ord_10_what_has_no_conversation_is_in_its_channels_order_and_holds_up_no_conversation() -> (
    None
):
    """Channel updates and templates of one channel queue behind each other; its messages and other channels go on."""
    async with Stage(maps=wanted("messages")) as stage:
        stage.schemas.known[SchemaId(50)] = SCHEMA
        stage.front.delay = lambda sent: 0.5 if sent.id.startswith("m-") else 10.0
        stage.assign()
        names = ("update-channel", "sync-application-message-template", "update-channel")
        stage.pipeline.received(
            [
                *(wanting(offset, name) for offset, name in enumerate(names)),
                wanting(3, "sync-inbound-message"),
                wanting(4, "update-channel", channel="cha_2"),
            ]
        )
        await stage.quiet(9.0)
        assert sorted(sent.id for sent in stage.front.sent) == ["m-3", "update-channel", "update-channel"]
        assert {sent.channel.id for sent in stage.front.sent if sent.id == "update-channel"} == {
            "cha_1",
            "cha_2",
        }
        await stage.quiet(30.0)
        of_channel = [
            sent for sent in stage.front.sent if sent.channel.id == "cha_1" and not sent.id.startswith("m-")
        ]
        assert [sent.id for sent in of_channel] == list(names)
        assert not overlap(of_channel)


@in_virtual_time
async def test_ord_12_a_key_that_fails_for_ever_leaves_the_buffer_to_the_others() -> None:
    """10,000 records of five keys, one always 503: the 8,000 others take no longer than they would without it."""
    async with Stage(partition_records=20_000, retry=PATIENT, in_flight=5) as stage:
        stage.front.script = lambda sent, _n: Answered(503 if sent.key == "0" else 202)
        stage.assign()
        stage.pipeline.received([record(offset, str(offset % 5)) for offset in range(10_000)])
        await stage.quiet(2000 * 0.01 + 1.0)
        assert stage.facts.count("settled", "messages", "accepted") == 8000
        assert stage.coordinator.pauses == 0
        assert committed(stage) == 0
