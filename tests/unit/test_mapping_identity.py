"""A message whose event has no id: it is sent under one that is made of where the record lies."""

import json
from pathlib import Path

import pytest

from connector.core.answers import Answered, Unknown
from connector.core.mapping import (
    ChannelDirectory,
    MapperInput,
    MapperRequest,
    Plan,
    PythonMapper,
    Refusal,
    TopicMapping,
)
from connector.core.mapping.requests import scope_of
from tests.support.virtual_time import in_virtual_time
from tests.support.world import Stage, mappings
from tests.support.world import record as message
from tests.unit.config_files import folder, problems
from tests.unit.test_mapping import body_of, record, topic

OWN = "calls.v1-3-42-17"
INBOUND = """
- name: message
  operation: sync-inbound-message
  channel: cha_1
  body:
    sender: {handle: h}
    body: b
    metadata: {%sexternal_conversation_id: room}
"""


def ids(mapping: TopicMapping, value: object) -> list[str]:
    """The id of each message that the record becomes."""
    result = mapping.map(record(value, timestamp=17))
    assert isinstance(result, Plan), result
    return [json.loads(request.http.content)["metadata"]["external_id"] for request in result.requests]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", {}),
        ("external_id: '${value.id}', ", {}),
        ("external_id: '${value.id}', ", {"id": ""}),
        ("external_id: null, ", {}),
        ('external_id: "", ', {}),
        ("external_id: '${record_id}', ", {"id": "ignored"}),
    ],
)
def test_a_message_without_an_id_gets_one(tmp_path: Path, written: str, value: object) -> None:
    """Left out of the file, absent or empty in the record: it is the one that expressions know as record_id."""
    assert ids(topic(tmp_path, INBOUND % written), value) == [OWN]


def test_a_message_with_an_id_keeps_it(tmp_path: Path) -> None:
    """Whatever it is."""
    assert ids(topic(tmp_path, INBOUND % "external_id: '${value.id}', "), {"id": "m-1"}) == ["m-1"]


def test_an_id_of_another_kind_is_an_error_and_not_made_up(tmp_path: Path) -> None:
    """A number is there, and is not text: nobody may guess what it is."""
    result = topic(tmp_path, INBOUND % "external_id: '${value.id}', ").map(record({"id": 0}))
    assert isinstance(result, Refusal)
    assert result.message == "rule 'message': body.metadata.external_id must be a string"


def test_messages_of_one_record_have_different_ids(tmp_path: Path) -> None:
    """Counted among all requests of the record; a request that is no message has none, and can name the first's."""
    rules = """
- name: three
  requests:
    - operation: sync-outbound-message
      channel: cha_1
      body: &body {to: [{handle: h}], body: b, metadata: {external_conversation_id: room}}
    - operation: update-external-message-status
      channel: cha_1
      path: {conv_ext_id: room, message_ext_id: '${record_id}'}
      body: {status: failed}
    - {operation: sync-outbound-message, channel: cha_1, body: *body}
"""
    result = topic(tmp_path, rules).map(record(timestamp=17))
    assert isinstance(result, Plan)
    first, status, third = result.requests
    assert json.loads(first.http.content)["metadata"]["external_id"] == OWN
    assert status.http.path == f"/channels/cha_1/conversations/room/messages/{OWN}/status"
    assert json.loads(third.http.content)["metadata"]["external_id"] == f"{OWN}~3"


def test_a_body_that_is_one_expression_gets_an_id_too(tmp_path: Path) -> None:
    """It is looked at once it is evaluated."""
    rules = """
- name: whole
  operation: sync-inbound-message
  channel: cha_1
  body: '${{"sender": {"handle": "h"}, "body": "b", "metadata": {"external_conversation_id": "room"}}}'
"""
    assert ids(topic(tmp_path, rules), {}) == [OWN]


def test_a_message_without_metadata_is_refused(tmp_path: Path) -> None:
    """A conversation cannot be made up."""
    result = topic(
        tmp_path, INBOUND.replace("metadata: {%sexternal_conversation_id: room}", "metadata: '${value.m}'")
    ).map(record({"m": {"external_id": "m-1"}}))
    assert isinstance(result, Refusal)
    assert result.message == "rule 'message': body.metadata.external_conversation_id is required"
    text = "version: 1\ntopics:\n  t:\n    start: earliest\n    rules:\n"
    text += "      - {name: m, operation: sync-inbound-message, channel: cha_1, body: {sender: {handle: h}, body: b}}\n"
    assert problems(folder(tmp_path, t=text)) == ["mappings/t.yaml:6:68: body.metadata is required"]


def test_a_python_mapper_may_leave_the_id_out() -> None:
    """As a rule may."""
    body = {"sender": {"handle": "h"}, "body": "b", "metadata": {"external_conversation_id": "room"}}

    def mapper(_: MapperInput) -> list[MapperRequest]:
        return [MapperRequest(operation="sync-inbound-message", channel="cha_1", body=body)] * 2

    maps = PythonMapper(name="m", function=mapper, channels=ChannelDirectory.of((), apps=("main",)), table={})
    assert ids(mappings("calls.v1", maps=maps).topics["calls.v1"], {}) == [OWN, f"{OWN}~2"]
    assert "external_id" not in body["metadata"]


@pytest.mark.parametrize("value", [{}, {"id": None}])
def test_no_id_is_made_up_for_a_call(tmp_path: Path, value: object) -> None:
    """Its other events name it: the error says so, when the file is read and when a record lacks it."""
    rules = """
- name: call
  operation: create-call
  channel: cha_1
  body: '${{"initial_status": "ringing", "direction": "inbound", "from": {"handle": "h"},
    ?"external_call_id": value.?id, "parent_external_call_id": "p"}}'
"""
    result = topic(tmp_path, rules).map(record(value))
    assert isinstance(result, Refusal)
    assert result.message == (
        "rule 'call': body.external_call_id is required: none is made up for a call, as its other events must name it too"
    )
    text = "version: 1\ntopics:\n  t:\n    start: earliest\n    rules:\n"
    text += "      - {name: c, operation: create-call, channel: cha_1, body: {direction: inbound, initial_status: queued,\n"
    text += "          from: {handle: h}, parent_external_call_id: p}}\n"
    [told] = problems(folder(tmp_path, t=text))
    assert told.endswith(
        "body.external_call_id is required: none is made up for a call, as its other events must name it too"
    )


def test_record_id_is_a_text_for_expressions(tmp_path: Path) -> None:
    """In any place, a let too; and a let cannot take its name."""
    mapping = topic(
        tmp_path,
        INBOUND % "external_id: '${mine}', ",
        before="    let: {mine: '${\"m:\" + record_id}'}\n",
    )
    assert ids(mapping, {}) == [f"m:{OWN}"]
    assert scope_of(record(timestamp=17))["record_id"] == OWN


def test_ids_that_may_be_too_long_are_made_short_in_the_mapping(tmp_path: Path) -> None:
    """`short_id` leaves alone what Front takes."""
    mapping = topic(tmp_path, INBOUND % "external_id: '${short_id(value.id)}', ")
    assert ids(mapping, {"id": "m-1"}) == ["m-1"]
    [made] = ids(mapping, {"id": "x" * 201})
    assert made.startswith("sha256-")
    assert body_of(mapping.map(record({"id": "x" * 200}))) != body_of(mapping.map(record({"id": "x" * 201})))


def bare(taken: MapperInput) -> list[MapperRequest]:
    """Two messages of a record, both without an id."""
    metadata = {"external_conversation_id": taken.value["conversation"]}
    body = {"sender": {"handle": "h"}, "body": "b", "metadata": metadata}
    return [MapperRequest(operation="sync-inbound-message", channel=taken.value["channel"], body=body)] * 2


@in_virtual_time
async def test_a_repeat_carries_the_same_id_and_the_same_bytes() -> None:
    """After a lost answer, and in another process after a crash; the next record has others."""
    directory = ChannelDirectory.of((), apps=("main",))
    maps = mappings(
        "messages", "other", maps=PythonMapper(name="bare", function=bare, channels=directory, table={})
    )
    seen: list[list[tuple[str, object]]] = []
    for answers in ([Answered(202), Unknown("timeout"), Answered(202)], [Answered(202)] * 2):
        async with Stage(maps=maps) as stage:
            left = list(answers)
            stage.front.script = lambda _sent, _n, left=left: left.pop(0) if left else Answered(202)  # type: ignore[misc]
            stage.assign()
            stage.pipeline.received([message(0), message(1)])
            await stage.quiet(10.0)
            seen.append([(sent.id, sent.content) for sent in stage.front.sent])
    (first, lost, again, *rest), second = seen
    assert lost == again
    assert [first, lost, *rest] == second
    assert [name for name, _ in second] == [
        "messages-0-0-0",
        "messages-0-0-0~2",
        "messages-0-1-0",
        "messages-0-1-0~2",
    ]
