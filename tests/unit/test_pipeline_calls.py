"""Changes of a call's state that Front would drop, through the whole pipeline. Virtual time, real mapping files."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from connector.core.answers import Answer, Answered, Unknown
from connector.core.mapping import MappingSet
from connector.core.records import Epoch, Record, TopicPartition, key_hash
from tests.support.virtual_time import in_virtual_time
from tests.support.world import TP, Sent, Stage, record
from tests.unit.config_files import folder, loaded

CALLS = """\
version: 1
topics:
  messages:
    start: earliest
    key: {format: bytes}
    on_illegal_transition: POLICY
    rules:
      - name: begins
        when: '${headers.state in ["ringing", "queued"] && !has(headers.late)}'
        operation: create-call
        channel: cha_1
        body: &call
          external_call_id: '${value.conversation}'
          parent_external_call_id: '${value.conversation}'
          initial_status: '${headers.state}'
          direction: inbound
          from: {handle: h}
      - name: two at once
        when: '${headers.state == "answered"}'
        requests:
          - operation: update-call
            channel: cha_1
            path: &id {external_call_id: '${value.conversation}'}
            body: {call_status: connected}
          - {operation: update-call, channel: cha_1, path: *id, body: {call_status: missed}}
      - name: note
        when: '${headers.state == "note"}'
        operation: add-call-summary
        channel: cha_1
        path: *id
        body: {content: n}
      - name: changes
        operation: update-call
        channel: cha_1
        path: *id
        body: {call_status: '${headers.state}'}
        outcomes: {404: accept}
"""
NEXT_TO = TopicPartition("messages", 1)
HASH = key_hash(("call", "cha_1", "leg-secret"))


@cache
def mapping(policy: str = "warn") -> MappingSet:
    with TemporaryDirectory() as path:
        return loaded(folder(Path(path), messages=CALLS.replace("POLICY", policy))).mappings


def call(*states: str, begin: int = 0, epoch: int = 1, of: str = "leg-secret") -> list[Record]:
    """A call's records in order."""
    return [
        replace(record(begin + at, of), headers=(("state", state.encode()),), epoch=Epoch(epoch))
        for at, state in enumerate(states)
    ]


def lines_of(stage: Stage) -> list[dict[str, object]]:
    return [fields for _, given, fields in stage.facts.seen if given == ("call.illegal_transition",)]


def accused(stage: Stage) -> list[tuple[object, object, object]]:
    """Offset, state before and state after of each line of the log."""
    lines = lines_of(stage)
    counted = [given for name, given, _ in stage.facts.seen if name == "illegal_transition"]
    assert counted == [(line["before"], line["after"]) for line in lines]
    return [(line["offset"], line["before"], line["after"]) for line in lines]


def sent(stage: Stage) -> list[str]:
    """What Front was told, in order of arrival."""
    bodies = [json.loads(one.content) for one in stage.front.sent]
    return [body.get("call_status") or body.get("initial_status") or "note" for body in bodies]


def said(status: str, *answers: Answer, then: int = 202) -> "Script":
    return Script(status, list(answers), then)


class Script:
    """Answers to a change to this status in turn, then `then`; all others are accepted."""

    def __init__(self, status: str, answers: list[Answer], then: int) -> None:
        self._status, self._answers, self._then = status, answers, then

    def __call__(self, request: Sent, _n: int) -> Answer:
        if json.loads(request.content).get("call_status") != self._status:
            return Answered(202)
        return self._answers.pop(0) if self._answers else Answered(self._then)


@in_virtual_time
@pytest.mark.parametrize("policy", ["warn", "dead_letter", "off"])
async def test_a_legal_call_is_not_spoken_of(policy: str) -> None:
    """With what follows its end, and two calls in one another."""
    async with Stage(maps=mapping(policy)) as stage:
        stage.assign()
        stage.pipeline.received(
            call("queued", "connected", "hold", "connected", "hangup", "note")
            + call("ringing", "missed", begin=6, of="other")
        )
        await stage.quiet()
        assert len(stage.front.sent) == 8
        assert accused(stage) == []
        assert stage.letters.letters == []


def test_a_topic_that_says_nothing_is_warned() -> None:
    """And one that says something has its word, whatever maps it."""
    text = CALLS.replace("    on_illegal_transition: POLICY\n", "")
    with TemporaryDirectory() as path:
        said_nothing = loaded(folder(Path(path), messages=text)).mappings
    assert said_nothing.topics["messages"].on_illegal_transition == "warn"
    assert mapping("off").topics["messages"].on_illegal_transition == "off"


@in_virtual_time
async def test_by_default_an_illegal_change_is_told_and_sent() -> None:
    """With the record's place, the rule and a hash; the call's id is in no fact. Front's answer then counts."""
    async with Stage(maps=mapping()) as stage:
        stage.assign()
        stage.pipeline.received(call("ringing", "hangup", "missed"))
        await stage.quiet()
        assert sent(stage) == ["ringing", "hangup", "missed"]
        assert accused(stage) == [(1, "ringing", "hangup")]
        assert lines_of(stage) == [
            {
                "topic": "messages",
                "partition": 0,
                "offset": 1,
                "mapping": "changes",
                "key_hash": HASH,
                "before": "ringing",
                "after": "hangup",
            }
        ]
        assert "leg-secret" not in str(stage.facts.seen)
        assert stage.letters.letters == []
        assert stage.coordinator.committed() is not None


@in_virtual_time
async def test_a_topic_may_want_a_dead_letter_instead() -> None:
    """Nothing of it is sent, its reason says why, and what is behind it in the call goes on from the state before."""
    async with Stage(maps=mapping("dead_letter")) as stage:
        stage.assign()
        stage.pipeline.received(call("ringing", "hangup", "missed", "note"))
        await stage.quiet()
        assert sent(stage) == ["ringing", "missed", "note"]
        assert accused(stage) == [(1, "ringing", "hangup")]
        assert stage.letters.reasons() == ["illegal_transition"]
        [letter] = stage.letters.letters
        headers = dict(letter.headers)
        assert headers["__connect.errors.exception.message"] == (
            b"rule 'changes': the call is ringing, and Front ignores a change from there to hangup"
        )
        assert headers["__connect.errors.stage"] == b"TRANSFORMATION"
        assert headers["front.attempts"] == b"0"
        assert headers["front.mapping.hash"] == mapping("dead_letter").hash.encode()
        assert stage.facts.count("error", "messages", "validate", "illegal_transition") == 1
        assert stage.facts.count("settled", "messages", "dead_lettered") == 1


@in_virtual_time
async def test_a_topic_may_want_to_hear_nothing() -> None:
    """It is sent as it is."""
    async with Stage(maps=mapping("off")) as stage:
        stage.assign()
        stage.pipeline.received(call("ringing", "hangup"))
        await stage.quiet()
        assert sent(stage) == ["ringing", "hangup"]
        assert accused(stage) == []


@in_virtual_time
async def test_the_letter_of_a_second_request_says_that_the_first_was_accepted() -> None:
    """One record, two changes: the second of them is illegal after the first."""
    async with Stage(maps=mapping("dead_letter")) as stage:
        stage.assign()
        stage.pipeline.received(call("ringing", "answered", "hold"))
        await stage.quiet()
        assert sent(stage) == ["ringing", "connected", "hold"]
        assert accused(stage) == [(1, "connected", "missed")]
        assert dict(stage.letters.letters[0].headers)["front.requests.accepted"] == b"1"


@in_virtual_time
async def test_a_call_is_moved_by_what_front_accepted_and_not_by_what_was_sent() -> None:
    """Front refuses `connected` with 400: then `hold` comes from ringing."""
    async with Stage(maps=mapping()) as stage:
        stage.front.script = said("connected", then=400)
        stage.assign()
        stage.pipeline.received(call("ringing", "connected", "hold"))
        await stage.quiet()
        assert stage.letters.reasons() == ["front_rejected"]
        assert accused(stage) == [(2, "ringing", "hold")]


@in_virtual_time
async def test_a_request_that_is_sent_again_is_judged_once() -> None:
    """Two lost answers and a throttle, then it is accepted: one line, one count."""
    async with Stage(maps=mapping()) as stage:
        stage.front.script = said("hangup", Unknown("timeout"), Answered(503), Answered(429), Answered(202))
        stage.assign()
        stage.pipeline.received(call("ringing", "hangup"))
        await stage.quiet(30.0)
        assert sent(stage) == ["ringing", *["hangup"] * 4]
        assert accused(stage) == [(1, "ringing", "hangup")]


@in_virtual_time
async def test_a_lost_answer_that_is_accepted_in_the_end_moves_the_call() -> None:
    """What came of the first attempt does not matter then."""
    async with Stage(maps=mapping()) as stage:
        stage.front.script = said("connected", Unknown("timeout"))
        stage.assign()
        stage.pipeline.received(call("ringing", "connected", "missed"))
        await stage.quiet(30.0)
        assert accused(stage) == [(2, "connected", "missed")]


@in_virtual_time
async def test_a_call_whose_change_is_given_up_after_a_lost_answer_is_not_known_any_more() -> None:
    """It may have been carried out: neither state can be held against what follows."""
    async with Stage(maps=mapping()) as stage:
        stage.front.script = said("connected", Unknown("timeout"), then=400)
        stage.assign()
        stage.pipeline.received(call("ringing", "connected", "hold", "missed"))
        await stage.quiet(30.0)
        assert stage.letters.reasons() == ["front_rejected"]
        assert accused(stage) == [(3, "hold", "missed")]


@in_virtual_time
async def test_an_answer_that_only_a_rule_takes_for_acceptance_moves_nothing_for_sure() -> None:
    """`outcomes: {404: accept}`: Front does not know the call, or not yet."""
    async with Stage(maps=mapping()) as stage:
        stage.front.script = said("connected", then=404)
        stage.assign()
        stage.pipeline.received(call("ringing", "connected", "missed"))
        await stage.quiet()
        assert sent(stage) == ["ringing", "connected", "missed"]
        assert accused(stage) == []


@in_virtual_time
async def test_a_redelivery_in_a_new_process_is_not_accused() -> None:
    """It begins in the middle of the call, at any record of it, and sends again what Front has had already."""
    states = ("ringing", "connected", "hold", "connected", "hangup")
    for begin in range(len(states)):
        async with Stage(maps=mapping()) as stage:
            stage.assign(begin)
            stage.pipeline.received(call(*states)[begin:])
            await stage.quiet()
            assert sent(stage) == list(states[begin:])
            assert accused(stage) == []


@in_virtual_time
@pytest.mark.parametrize("how", ["revoked", "lost"])
async def test_what_another_member_sent_meanwhile_is_not_held_against_the_call(how: str) -> None:
    """We saw it ring; another one answered it and put it on hold; we have it back, and it is repeated or resumed."""
    for states, begin in ((("connected", "hangup"), 3), (("ringing", "connected", "hold"), 0)):
        async with Stage(maps=mapping()) as stage:
            stage.assign()
            stage.pipeline.received(call("ringing"))
            await stage.quiet()
            if how == "lost":
                stage.pipeline.lost([TP])
            else:
                await stage.pipeline.revoke([TP], 1.0)
            stage.assign(begin, epoch=2)
            stage.pipeline.received(call(*states, begin=begin, epoch=2))
            await stage.quiet(30.0)
            assert sent(stage) == ["ringing", *states]
            assert accused(stage) == []


@in_virtual_time
async def test_the_policy_is_that_of_the_mappings_in_force() -> None:
    """Also for what the former ones mapped."""
    async with Stage(maps=mapping("warn")) as stage:
        stage.front.delay = lambda _sent: 5.0
        stage.assign()
        stage.pipeline.received(call("ringing", "hangup", "missed"))
        await stage.quiet(1.0)
        stage.pipeline.swap(mapping("dead_letter"))
        await stage.quiet(30.0)
        assert sent(stage) == ["ringing", "missed"]
        assert stage.letters.reasons() == ["illegal_transition"]


@in_virtual_time
async def test_no_more_calls_are_remembered_than_allowed() -> None:
    """With room for one, the second call makes the first unknown."""
    async with Stage(maps=mapping(), calls_remembered=1) as stage:
        stage.assign()
        for records in (call("ringing"), call("ringing", begin=1, of="b"), call("hangup", begin=2)):
            stage.pipeline.received(records)
            await stage.quiet(1.0)
        assert len(stage.front.sent) == 3
        assert accused(stage) == []


@in_virtual_time
async def test_a_probe_that_becomes_a_dead_letter_lets_another_request_be_the_probe() -> None:
    """The channel is held for 10 s; the probe's turn comes to a change that is not sent, and the next request is it at once."""
    async with Stage(maps=mapping("dead_letter"), probe_interval_s=10.0) as stage:
        stage.assign()
        stage.assign(tp=NEXT_TO)
        stage.pipeline.received(call("ringing"))
        await stage.quiet(1.0)
        stage.front.script = lambda _sent, _n: Answered(403)
        stage.pipeline.received([replace(note, partition=NEXT_TO.partition) for note in call("note", of="b")])
        await stage.quiet(1.0)
        assert [hold.scope for hold in stage.pipeline.holds.active] == ["channel"]
        stage.front.script = lambda _sent, _n: Answered(202)
        stage.pipeline.lost([NEXT_TO])
        stage.pipeline.received(call("hangup", "missed", begin=1))
        await stage.quiet(12.0)
        assert stage.letters.reasons() == ["illegal_transition"]
        assert sent(stage) == ["ringing", "note", "missed"]
