"""Mapping a record: which rule holds, what it makes, and how a failure is told without showing the record."""

import json
from pathlib import Path

import pytest

from connector.core.decode import ParsedSchema
from connector.core.mapping import Input, Plan, Refusal, Skip, TopicMapping
from connector.core.records import Channel, Epoch, Record
from tests.unit.config_files import CHANNELS, CONFIG, folder, loaded

SECRET = "+4915112345678"
"""A value of the record that no message may show."""


def topic(path: Path, rules: str, before: str = "", **files: str) -> TopicMapping:
    """The topic of a mapping file with these rules, read as the service reads it."""
    text = f"version: 1\ntopics:\n  calls.v1:\n    start: earliest\n{before}    rules:\n"
    text += "".join(f"      {line}\n" for line in rules.strip("\n").splitlines())
    return loaded(folder(path, calls=text, **files)).mappings.topics["calls.v1"]


def record(value: object = None, **parts: object) -> Input:
    """A decoded record; `schema` names its schema."""
    name = parts.pop("schema", None)
    raw = Record(
        topic="calls.v1",
        partition=3,
        offset=42,
        epoch=Epoch(1),
        value=b"x",
        headers=parts.pop("headers", ()),  # type: ignore[arg-type]
        timestamp_ms=parts.pop("timestamp", None),  # type: ignore[arg-type]
    )
    schema = None if name is None else ParsedSchema(ref=None, name=str(name), namespace="tel", avro=None)
    return Input(record=raw, value={} if value is None else value, key=parts.pop("key", None), schema=schema)


def body_of(result: object, index: int = 0) -> object:
    assert isinstance(result, Plan), result
    return json.loads(result.requests[index].http.content)


CALL = """
- name: call
  operation: create-call
  channel: '${channels[value.line]}'
  body:
    external_call_id: '${value.id}'
    parent_external_call_id: '${value.id}'
    initial_status: ringing
    direction: inbound
    from: {handle: '${value.number}', name: '${value.name}'}
"""


def test_an_absent_field_is_left_out_and_a_present_one_keeps_its_type(tmp_path: Path) -> None:
    """Nothing has to be written for optional fields."""
    mapping = topic(
        tmp_path, CALL + "    started_at: '${value.at}'\n    agent_email_address: '${value.agent.email}'"
    )
    made = body_of(
        mapping.map(record({"line": "line-1", "id": "c", "number": SECRET, "at": 1_700_000_000_000}))
    )
    assert made == {
        "external_call_id": "c",
        "parent_external_call_id": "c",
        "initial_status": "ringing",
        "direction": "inbound",
        "from": {"handle": SECRET},
        "started_at": 1_700_000_000_000,
    }


def test_a_plan_names_channel_rule_and_order_key(tmp_path: Path) -> None:
    """The default key is the operation's; the channel brings company and app."""
    plan = topic(tmp_path, CALL).map(record({"line": "line-1", "id": "c", "number": "1"}))
    assert isinstance(plan, Plan)
    assert (plan.rule, plan.key) == ("call", ("call", "cha_1", "c"))
    assert plan.requests[0].channel == Channel(id="cha_1", real_id="cha_1", company="shop", app="main")


STATUS = """
- name: first
  when: '${value.n == 1}'
  skip: not interesting
- name: second
  when: '${value.n < 3}'
  operation: update-channel
  channel: cha_1
  body: {status: ok}
- name: third
  when: '${value.n == 2}'
  operation: update-channel
  channel: cha_1
  body: {status: offline}
"""


def test_the_first_rule_that_holds_counts(tmp_path: Path) -> None:
    """Later rules are not asked; a skipping rule is named."""
    mapping = topic(tmp_path, STATUS)
    assert mapping.map(record({"n": 1})) == Skip("rule", "first")
    plan = mapping.map(record({"n": 2}))
    assert isinstance(plan, Plan)
    assert plan.rule == "second"
    assert body_of(plan) == {"status": "ok"}


def test_no_rule_is_a_dead_letter_that_says_what_to_do(tmp_path: Path) -> None:
    """The schema's name, if it has one, helps to write the missing rule."""
    for schema, named in (("CallMerged", " (its schema is CallMerged)"), (None, "")):
        refusal = topic(tmp_path, STATUS).map(record({"n": 9}, schema=schema))
        assert refusal == Refusal(
            reason="no_rule",
            stage="map",
            message=f"no rule of topic calls.v1 holds for this record{named}: "
            "add a rule, or `otherwise: skip` to the topic",
        )


def test_no_rule_is_a_skip_if_the_topic_says_so(tmp_path: Path) -> None:
    """`otherwise: skip`."""
    mapping = topic(tmp_path, STATUS, "    otherwise: skip\n")
    assert mapping.map(record({"n": 9})) == Skip("no_rule")


def test_a_condition_on_something_absent_does_not_hold(tmp_path: Path) -> None:
    """A plain path that the record lacks."""
    rules = "- name: a\n  when: '${value.flag}'\n  skip: true\n- name: b\n  skip: true"
    assert topic(tmp_path, rules).map(record({})) == Skip("rule", "b")


def test_bad_04_a_null_value_is_skipped_before_it_is_decoded(tmp_path: Path) -> None:
    """A tombstone tells Front nothing."""
    mapping = topic(tmp_path, STATUS)
    tombstone = Record(topic="calls.v1", partition=0, offset=0, epoch=Epoch(1), value=None)
    assert mapping.skips(tombstone, 0.0) == Skip("null_value")


@pytest.mark.parametrize(
    ("timestamp", "skip"), [(1_000_000, None), (999_999, Skip("max_age")), (5_000_000, None), (None, None)]
)
def test_an_old_record_is_skipped(tmp_path: Path, timestamp: int | None, skip: Skip | None) -> None:
    """Older than max_age_s by Kafka's timestamp; one without a timestamp is never too old."""
    mapping = topic(tmp_path, STATUS, "    max_age_s: 60\n")
    taken = record({"n": 1}, timestamp=timestamp)
    assert mapping.skips(taken.record, 1060.0) == skip


FAILS = [
    (
        CALL.replace("${value.number}", "${value.number + 1}"),
        {"line": "line-1", "id": "c", "number": SECRET},
        "create-call",
        "rule 'call', body.from.handle: ",
    ),
    (
        CALL.replace("${channels[value.line]}", "${channels[value.line]}"),
        {"line": SECRET, "id": "c", "number": "1"},
        "create-call",
        "rule 'call', channel: ",
    ),
    (
        CALL.replace("${channels[value.line]}", "${value.line}"),
        {"line": SECRET, "id": "c", "number": "1"},
        "create-call",
        "rule 'call', channel: gives a text that is no channel id (cha_...)",
    ),
    (
        CALL.replace("${channels[value.line]}", "${value.line}"),
        {"id": "c", "number": "1"},
        "create-call",
        "rule 'call', channel: is absent, but must be a row of the channels table",
    ),
    (
        "- name: a\n  when: '${value.n}'\n  skip: true",
        {"n": SECRET},
        None,
        "rule 'a', when: must be true or false, but is text",
    ),
    (
        "- name: a\n  operation: update-channel\n  channel: cha_1\n  body: '${value.b}'",
        {"b": [SECRET]},
        "update-channel",
        "rule 'a', body: must be a map, but is a list",
    ),
    (
        "- name: a\n  operation: add-call-summary\n  channel: cha_1\n  path: {external_call_id: '${value.id}'}\n"
        "  body: {content: x}",
        {},
        "add-call-summary",
        "rule 'a', path.external_call_id: is absent in this record, but needed",
    ),
    (
        "- name: a\n  operation: add-call-summary\n  channel: cha_1\n  path: {external_call_id: '${value.id}'}\n"
        "  body: {content: x}",
        {"id": 1.5},
        "add-call-summary",
        "rule 'a', path.external_call_id: must be text, but is a number",
    ),
    (
        "- name: a\n  operation: update-channel\n  channel: cha_1\n  order_by: ['${value.id}']",
        {"id": [SECRET]},
        None,
        "rule 'a', order_by[0]: must be text, but is a list",
    ),
    (
        "- name: a\n  requests:\n    - {operation: update-channel, channel: cha_1}\n"
        "    - {operation: update-channel, channel: '${value.c}'}",
        {"c": 5},
        "update-channel",
        "rule 'a', requests[1].channel: is a number, but must be a row of the channels table",
    ),
]


@pytest.mark.parametrize(("rules", "value", "operation", "said"), FAILS, ids=[row[3] for row in FAILS])
def test_a_failing_expression_is_told_by_its_place(
    tmp_path: Path, rules: str, value: dict[str, object], operation: str | None, said: str
) -> None:
    """Rule and field are named; nothing of the record is shown."""
    refusal = topic(tmp_path, rules).map(record(value))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.stage, refusal.operation) == ("mapping_failed", "map", operation)
    assert refusal.message.startswith(said)
    assert len(refusal.message) > len("rule 'a', x: ")
    assert SECRET not in refusal.message


def test_an_unknown_line_names_the_lookup_and_not_the_line(tmp_path: Path) -> None:
    """The commonest failure of all: a line that nobody put into the table."""
    refusal = topic(tmp_path, CALL).map(record({"line": SECRET, "id": "c", "number": "1"}))
    assert isinstance(refusal, Refusal)
    assert "channels" in refusal.message
    assert SECRET not in refusal.message


def test_what_front_would_refuse_is_told_with_every_field(tmp_path: Path) -> None:
    """All that is wrong with a request at once, by path."""
    refusal = topic(tmp_path, CALL).map(record({"line": "line-1", "id": "", "number": 5}))
    assert refusal == Refusal(
        reason="request_invalid",
        stage="validate",
        message="rule 'call': body.external_call_id must not be empty; "
        "body.parent_external_call_id must not be empty; body.from.handle must be a string",
        rule="call",
        operation="create-call",
    )


def test_a_wrong_attachment_is_its_own_reason(tmp_path: Path) -> None:
    """So that dashboards tell it from a wrong field."""
    rules = (
        "- name: rec\n  operation: add-call-recording\n  channel: cha_1\n  path: {external_call_id: c}\n"
        "  body: {recording_type: call, attachments: [{name: a, content: '${value.c}', content_type: '${value.t}'}]}"
    )
    refusal = topic(tmp_path, rules).map(record({"c": b"x", "t": "text/plain"}))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.stage) == ("attachment_rejected", "attach")


def test_bytes_reach_an_attachment_as_they_are(tmp_path: Path) -> None:
    """And the same record gives the same bytes again."""
    rules = (
        "- name: rec\n  operation: add-call-recording\n  channel: cha_1\n  path: {external_call_id: c}\n"
        "  body: {recording_type: call, attachments: [{name: a, content: '${value.c}', content_type: audio/wav}]}"
    )
    mapping = topic(tmp_path, rules)
    content = bytes(range(256))
    first, again = mapping.map(record({"c": content})), mapping.map(record({"c": content}))
    assert isinstance(first, Plan)
    assert content in first.requests[0].http.content
    assert first == again


SEVERAL = """
- name: both
  requests:
    - operation: update-channel
      channel: cha_1
      body: {status: offline}
    - operation: update-channel
      channel: '${channels["chat-1"]}'
      body: {status: ok}
  order_by: [line, '${value.n}', 'a-${value.n}']
"""


def test_several_requests_keep_their_order_and_share_one_key(tmp_path: Path) -> None:
    """Numbers in a key are written out."""
    plan = topic(tmp_path, SEVERAL).map(record({"n": 7}))
    assert isinstance(plan, Plan)
    assert [body_of(plan, index) for index in (0, 1)] == [{"status": "offline"}, {"status": "ok"}]
    assert plan.key == ("line", "7", "a-7")


def test_of_several_requests_a_wrong_one_refuses_all(tmp_path: Path) -> None:
    """Nothing is sent of a record that cannot be sent whole."""
    rules = SEVERAL.replace("{status: ok}", "{status: '${value.s}'}")
    refusal = topic(tmp_path, rules).map(record({"n": 7, "s": SECRET}))
    assert isinstance(refusal, Refusal)
    assert refusal.message == "rule 'both': requests[1].body.status must be 'offline' or 'ok'"


def test_an_alias_goes_into_the_path_where_front_takes_one(tmp_path: Path) -> None:
    """Call routes know real ids only."""
    plan = topic(tmp_path, SEVERAL).map(record({"n": 7}))
    assert isinstance(plan, Plan)
    assert plan.requests[1].http.path == "/channels/alt:address:chat%40shop.example"
    assert plan.requests[1].channel.real_id == "cha_2"
    call = topic(tmp_path, CALL).map(record({"line": "chat-1", "id": "c", "number": "1"}))
    assert isinstance(call, Plan)
    assert call.requests[0].http.path == "/channels/cha_2/calls"


def test_a_channel_that_is_not_in_the_table_needs_a_single_app(tmp_path: Path) -> None:
    """With one app there is no doubt who signs; with two there is."""
    rules = "- name: a\n  operation: update-channel\n  channel: '${value.c}'"
    plan = topic(tmp_path, rules).map(record({"c": "cha_77"}))
    assert isinstance(plan, Plan)
    assert plan.requests[0].channel == Channel(id="cha_77", real_id="cha_77", company="default", app="main")
    known = topic(tmp_path, rules).map(record({"c": "cha_1"}))
    assert isinstance(known, Plan)
    assert known.requests[0].channel.company == "shop"
    two = CONFIG.replace("secret: hush}\n", "secret: hush}\n    second: {uid: app-2, secret: hush}\n")
    refusal = topic(tmp_path, rules, config=two).map(record({"c": "cha_77"}))
    assert isinstance(refusal, Refusal)
    assert refusal.message == (
        "rule 'a', channel: gives a channel id that is not in the channels table, and 2 apps are configured, "
        "so its app is unknown: add the channel to the table"
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            '{"channel": value.c}',
            "gives a map without the text company and app: a row has channel, company and app",
        ),
        (
            '{"channel": value.c, "company": "x", "app": "main"}',
            "gives a map whose channel is no channel id (cha_...)",
        ),
        (
            '{"channel": "cha_5", "company": "x", "app": value.c}',
            "gives a map whose app is not configured; front.apps has main",
        ),
        (
            '{"channel": "cha_5", "company": value.c, "app": "main", "alias": 5}',
            "gives a map whose alias is a number, not a text",
        ),
    ],
)
def test_a_row_made_by_an_expression_is_checked(tmp_path: Path, row: str, said: str) -> None:
    """A platform may carry the channel in its events; the app must still be one of ours."""
    rules = f"- name: a\n  operation: update-channel\n  channel: '${{{row}}}'"
    refusal = topic(tmp_path, rules).map(record({"c": SECRET}))
    assert isinstance(refusal, Refusal)
    assert refusal.message == f"rule 'a', channel: {said}"


def test_expressions_see_all_of_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, headers (last wins; no text, no header), schema, coordinates, time, tables, variables."""
    monkeypatch.setenv("REGION", "eu")
    parts = (
        'key, headers.h, string("bad" in headers), string("none" in headers), schema.name, schema.namespace, topic, '
        'string(partition), string(offset), string(timestamp), channels["line-1"].company, env.REGION'
    )
    rules = (
        "- name: a\n  operation: add-call-summary\n  channel: cha_1\n  path: {external_call_id: c}\n"
        f"  body: {{content: '${{[{parts}].join(\"|\")}}'}}"
    )
    config = CONFIG.replace("{folder: mappings}", "{folder: mappings, env: [REGION]}")
    mapping = topic(tmp_path, rules, config=config)
    headers = (("h", b"1"), ("h", b"2"), ("bad", b"\xff"), ("none", None))
    result = mapping.map(record({}, key="k", headers=headers, schema="Call", timestamp=5))
    assert body_of(result) == {"content": "k|2|false|false|Call|tel|calls.v1|3|42|5|shop|eu"}


def test_a_record_without_key_schema_and_time_lacks_them(tmp_path: Path) -> None:
    """They are absent, not null."""
    names = ("key", "schema.name", "timestamp")
    rules = "".join(f"- name: {name}\n  when: '${{{name}}}'\n  skip: true\n" for name in names)
    rules += "- name: none\n  skip: true"
    assert topic(tmp_path, rules).map(record({})) == Skip("rule", "none")


def test_two_keys_may_name_one_channel(tmp_path: Path) -> None:
    """Two lines of a platform that end in the same inbox."""
    mapping = topic(tmp_path, CALL, channels=CHANNELS + "line-2,cha_1,shop,main,\n")
    plan = mapping.map(record({"line": "line-2", "id": "c", "number": "1"}))
    assert isinstance(plan, Plan)
    assert plan.key == ("call", "cha_1", "c")
