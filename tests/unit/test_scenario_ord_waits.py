"""What a key waits for without holding up the rest: its schema, or the creation of what it refers to. In virtual time."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from connector.core.answers import Answered
from connector.core.decode import SchemaId
from connector.core.mapping import MappingSet
from connector.core.outcome import RetryPolicy
from connector.core.records import Record, TopicPartition
from tests.support.operation_world import SCHEMA, wanted, wanting
from tests.support.virtual_time import in_virtual_time, run
from tests.support.world import OTHER, Sent, Stage, record, unavailable_until
from tests.support.world import SCHEMA as MESSAGE
from tests.unit.config_files import folder, loaded

CALLS, RECORDINGS = TopicPartition("calls", 0), TopicPartition("recordings", 0)
MINUTE = 60.0
GRACE = RetryPolicy(base_s=0.5, cap_s=60.0, attempts=3, not_found_grace_s=15 * MINUTE)


@in_virtual_time
async def test_ord_15_an_unknown_key_is_a_wall_in_its_partition_only() -> None:
    """X's schema is not known for 30 s: nothing behind X starts, another partition never notices; then X goes before A2."""
    async with Stage() as stage:
        stage.schemas.script = unavailable_until(8, MESSAGE)
        stage.assign()
        stage.assign(tp=OTHER)
        stage.pipeline.received([record(0, "a"), record(1, "a", schema=9), record(2, "a"), record(3, "b")])
        for offset in range(30):
            stage.pipeline.received([record(offset, "z", tp=OTHER)])
            await stage.quiet(1.0)
        assert [sent.id for sent in stage.front.sent if sent.key != "z"] == ["messages-0-0"]
        delays = [sent.at - index for index, sent in enumerate(s for s in stage.front.sent if s.key == "z")]
        assert max(delays) < 0.1
        await stage.quiet(60.0)
        of_a = [sent for sent in stage.front.sent if sent.key == "a"]
        assert [sent.id[-1] for sent in of_a] == ["0", "1", "2"]
        assert of_a[1].at > 30.0
        (of_b,) = [sent for sent in stage.front.sent if sent.key == "b"]
        assert of_b.at <= of_a[2].at
        assert stage.letters.letters == []


BY_HEADER = """\
version: 1
topics:
  messages:
    start: earliest
    rules:
      - name: message
        operation: sync-inbound-message
        channel: cha_1
        order_by: ['${headers.room}']
        body:
          sender: {handle: h}
          body: b
          metadata: {external_id: '${value.id}', external_conversation_id: '${value.conversation}'}
"""


def in_room(offset: int, room: str, schema: int = 1) -> Record:
    return replace(record(offset, room, schema=schema), headers=(("room", room.encode()),))


def test_ord_15_a_key_that_only_headers_make_is_known_without_the_schema(tmp_path: Path) -> None:
    """A rule orders by a header: a record whose schema is not known holds up its own room and no other."""
    maps = loaded(folder(tmp_path, messages=BY_HEADER)).mappings

    async def play(maps: MappingSet) -> None:
        async with Stage(maps=maps) as stage:
            stage.schemas.script = unavailable_until(7, MESSAGE)
            stage.assign()
            batch = [in_room(0, "a"), in_room(1, "a", schema=9), in_room(2, "a"), in_room(3, "b")]
            stage.pipeline.received(batch)
            await stage.quiet(10.0)
            assert sorted(stage.front.ids) == ["0", "3"]
            await stage.quiet(60.0)
            assert [sent.id[-1] for sent in stage.front.sent if sent.key == "a"] == ["0", "1", "2"]

    run(play(maps))


def calls_known_to(stage: Stage) -> None:
    """Front answers 404 about a call that it has not been told of."""
    created: set[str] = set()

    def script(sent: Sent, _n: int) -> Answered:
        if sent.id == "create-call":
            created.add(json.loads(sent.content)["external_call_id"])
        elif sent.id == "add-call-recording":
            return Answered(202 if sent.key.split("/")[4] in created else 404)
        return Answered(202)

    stage.front.script = script


async def recordings_ahead_of(stage: Stage, calls_after_s: float) -> None:
    """Twenty recordings, a summary behind each, and their calls so much later; a message in between, one slot in all."""
    stage.schemas.known[SchemaId(50)] = SCHEMA
    calls_known_to(stage)
    for tp in (CALLS, RECORDINGS):
        stage.assign(tp=tp)
    names = ("add-call-recording", "add-call-summary")
    stage.pipeline.received(
        [
            wanting(2 * number + index, name, f"call-{number}", tp=RECORDINGS)
            for number in range(20)
            for index, name in enumerate(names)
        ]
    )
    await stage.quiet(MINUTE)
    began = asyncio.get_running_loop().time()
    stage.pipeline.received([wanting(40, "sync-inbound-message", tp=RECORDINGS)])
    await stage.quiet(5.0)
    (message,) = [sent for sent in stage.front.sent if sent.id == "m-40"]
    assert message.at - began < 1.0, "what waits for its call holds no slot"
    await stage.quiet(calls_after_s - MINUTE - 5.0)
    stage.pipeline.received(
        [wanting(number, "create-call", f"call-{number}", tp=CALLS) for number in range(20)]
    )
    await stage.quiet(5 * MINUTE)


@in_virtual_time
async def test_ord_16_a_recording_waits_for_its_call_within_the_grace() -> None:
    """The calls' topic is ten minutes behind and the grace is fifteen: nothing is given up, each follows its call."""
    async with Stage(maps=wanted("calls", "recordings"), retry=GRACE, in_flight=1) as stage:
        await recordings_ahead_of(stage, 10 * MINUTE)
        assert stage.letters.letters == []
        for number in range(20):
            of_call = [
                sent.id
                for sent in stage.front.sent
                if sent.key.split("/")[4:5] == [f"call-{number}"] and sent.at > 10 * MINUTE
            ]
            assert of_call[-2:] == ["add-call-recording", "add-call-summary"]
        assert stage.coordinator.committed(RECORDINGS).offset == 41  # type: ignore[union-attr]


@in_virtual_time
async def test_ord_16_after_the_grace_it_is_not_found_and_what_follows_goes_on() -> None:
    """The calls come after twenty minutes: the recordings are dead letters by then, and their followers were sent."""
    async with Stage(maps=wanted("calls", "recordings"), retry=GRACE, in_flight=1) as stage:
        await recordings_ahead_of(stage, 20 * MINUTE)
        assert stage.letters.reasons() == ["not_found"] * 20
        assert sum(sent.id == "add-call-summary" for sent in stage.front.sent) == 20
        firsts = {sent.key: sent.at for sent in reversed(stage.front.sent) if sent.id == "add-call-recording"}
        lasts = {sent.key: sent.at for sent in stage.front.sent if sent.id == "add-call-recording"}
        assert all(14 * MINUTE <= lasts[key] - firsts[key] <= 16 * MINUTE + 1.0 for key in firsts)


TWO_TOPICS = """\
version: 1
topics:
  calls:
    start: earliest
    rules:
      - name: call
        operation: create-call
        channel: cha_1
        body:
          external_call_id: '${value.call_id}'
          parent_external_call_id: '${value.call_id}'
          initial_status: ringing
          direction: inbound
          from: {handle: '${value.number}'}
  summaries:
    start: earliest
    rules:
      - name: summary
        operation: add-call-summary
        channel: cha_1
        path: {external_call_id: '${value.call_id}'}
        body: {content: '${value.text}'}
"""


def test_ord_16_operations_of_one_entity_from_two_topics_are_warned_about(tmp_path: Path) -> None:
    """Between topics there is no order: whoever maps a call from two of them is told before it hurts."""
    (warning,) = loaded(folder(tmp_path, calls=TWO_TOPICS)).warnings
    assert warning == (
        "the topics calls and summaries have operations on a call: if it can be the same call, they have no order "
        "between them and Front may get a later one first; put all events of a call into one topic, keyed by it"
    )


def test_ord_16_each_kind_of_entity_is_warned_about_on_its_own(tmp_path: Path) -> None:
    """Three topics of messages are one sentence. What is about a channel only may come from several topics."""
    maps = {name: BY_HEADER.replace("messages:", f"{name}:", 1) for name in ("chat", "mail", "sms")}
    channel = "operation: update-channel\n        channel: cha_1\n        body: {status: ok}"
    summary = "operation: add-call-summary"
    of_channel = TWO_TOPICS[TWO_TOPICS.index("  summaries") :]
    of_channel = of_channel[: of_channel.index(summary)] + channel + "\n"
    maps["online"] = "version: 1\ntopics:\n" + of_channel
    maps["offline"] = maps["online"].replace("summaries", "endings")
    (warning,) = loaded(folder(tmp_path, **maps)).warnings
    assert warning.startswith("the topics chat, mail and sms have operations on a conversation: ")


def test_ord_16_a_topic_for_itself_is_not_warned_about(tmp_path: Path) -> None:
    """A conversation's messages in one topic, a call's events in another: as it should be."""
    calls = TWO_TOPICS[: TWO_TOPICS.index("  summaries")]
    assert loaded(folder(tmp_path, calls=calls, messages=BY_HEADER)).warnings == ()
