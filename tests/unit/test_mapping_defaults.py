"""A topic's `defaults`: what its requests have in common, under what each says itself."""

import json
from pathlib import Path

import pytest

from connector.core.mapping import Plan
from connector.core.operations import Request
from tests.unit.config_files import folder, loaded, problems
from tests.unit.test_mapping import record

TOPIC = """\
version: 1
topics:
  calls.v1:
    start: earliest
    defaults:
      channel: '${channels[value.line_id]}'
      path: {external_call_id: '${value.call_id}'}
      body:
        direction: inbound
        from: {handle: '${value.number}', name: Somebody}
        occurred_at: 1700000000000
    rules:
      - name: started
        when: '${value.kind == "started"}'
        operation: create-call
        body:
          external_call_id: '${value.call_id}'
          parent_external_call_id: '${value.call_id}'
          initial_status: ringing
          from: {name: '${value.name}'}
      - name: ended
        when: '${value.kind == "ended"}'
        operation: update-call
        body: {call_status: hangup}
      - name: noted
        when: '${value.kind == "noted"}'
        channel: cha_2
        operation: add-call-summary
        path: {external_call_id: other}
        body: '${value.all}'
      - name: ignored
        skip: true
"""
VALUE = {"line_id": "line-1", "call_id": "c-1", "number": "+49301", "name": "Ada"}


def plan(path: Path, text: str, kind: str, **more: object) -> Plan:
    topic = loaded(folder(path, calls=text)).mappings.topics["calls.v1"]
    result = topic.map(record({**VALUE, "kind": kind, **more}))
    assert isinstance(result, Plan), result
    return result


def body(request: Request) -> object:
    return json.loads(request.http.content)


def test_a_rule_is_put_over_the_defaults_field_by_field(tmp_path: Path) -> None:
    """Also inside of a map; an id or a field that the operation does not have stays out."""
    (request,) = plan(tmp_path, TOPIC, "started").requests
    assert request.http.path == "/channels/cha_1/calls"
    assert body(request) == {
        "direction": "inbound",
        "external_call_id": "c-1",
        "parent_external_call_id": "c-1",
        "initial_status": "ringing",
        "from": {"handle": "+49301", "name": "Ada"},
    }
    (request,) = plan(tmp_path, TOPIC, "ended").requests
    assert request.http.path == "/channels/cha_1/calls/c-1"
    assert body(request) == {"call_status": "hangup", "occurred_at": 1700000000000}


def test_what_a_rule_says_itself_counts(tmp_path: Path) -> None:
    """Its channel, its ids; a body that is one expression stands alone."""
    (request,) = plan(tmp_path, TOPIC, "noted", all={"content": "x"}).requests
    assert request.http.path == "/channels/cha_2/calls/other/summary"
    assert body(request) == {"content": "x"}


def test_order_by_is_every_rule_s_that_has_none(tmp_path: Path) -> None:
    """And of those that send; so the key may be known early."""
    text = TOPIC.replace(
        "      body:\n        dir", "      order_by: ['${headers.a}']\n      body:\n        dir", 1
    )
    topic = loaded(folder(tmp_path, calls=text)).mappings.topics["calls.v1"]
    given = record({**VALUE, "kind": "ended"}, headers=(("a", b"k"),))
    assert topic.early_key(given.record, None) == ("k",)
    own = text.replace("        body: {call_status", "        order_by: ['own']\n        body: {call_status")
    changed = loaded(folder(tmp_path, calls=own)).mappings.topics["calls.v1"]
    assert changed.early_key(given.record, None) is None
    found = changed.map(given)
    assert isinstance(found, Plan)
    assert found.key == ("own",)


def test_each_of_several_requests_has_the_defaults(tmp_path: Path) -> None:
    """Where one says less, they fill it up."""
    text = TOPIC.replace(
        "        operation: update-call\n        body: {call_status: hangup}\n",
        "        requests:\n          - {operation: update-call, body: {call_status: hangup}}\n"
        "          - {operation: add-call-summary, channel: cha_2, body: {content: x}}\n",
    )
    assert [request.http.path for request in plan(tmp_path, text, "ended").requests] == [
        "/channels/cha_1/calls/c-1",
        "/channels/cha_2/calls/c-1/summary",
    ]


MISTAKES = [
    (
        "occurred_at: 1700000000000",
        "ocurred_at: 5",
        [
            "11:9: defaults.body.ocurred_at: no request of this topic takes it: did you mean 'occurred_at'?",
        ],
    ),
    (
        "path: {external_call_id:",
        "path: {call_id:",
        [
            "7:14: defaults.path.call_id: no request of this topic takes it: did you mean 'external_call_id'?",
            "21:9: path.external_call_id is required",
        ],
    ),
    ("name: Somebody", "nmae: Somebody", ["10:43: body.from.nmae is not known here: did you mean name?"]),
    ("occurred_at: 1700000000000", "occurred_at: soon", ["11:9: body.occurred_at must be"]),
    (
        "occurred_at: 1700000000000",
        "occurred_at: '${valeu}'",
        ["11:25: body.occurred_at: unknown variable 'valeu'"],
    ),
    (
        "      channel: '${channels[value.line_id]}'\n",
        "",
        [
            "12:9: channel is missing: a row of the channels table, or a channel id",
            "20:9: channel is missing: a row of the channels table, or a channel id",
        ],
    ),
    (
        "channel: '${channels[value.line_id]}'",
        "channel: line-1",
        ["6:16: channel gives a text that is no channel id (cha_...) (it is a key of the table"],
    ),
    ("      channel: '${", "      chanel: '${", ["topics.calls.v1.defaults"]),
    ("      body:\n        direction", "      body: x\n      bdy:\n        direction", ["defaults.body"]),
]


@pytest.mark.parametrize(("part", "other", "said"), MISTAKES, ids=[row[1] for row in MISTAKES])
def test_each_mistake_in_the_defaults_is_told_where_it_stands(
    tmp_path: Path, part: str, other: str, said: list[str]
) -> None:
    """Not at the rules that it would have served."""
    found = problems(folder(tmp_path, calls=TOPIC.replace(part, other, 1)))
    assert all(any(words in problem for problem in found) for words in said), found
