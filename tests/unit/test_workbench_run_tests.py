"""Tests of mapping files, run: what is compared, what each way of ending says, what counts as covered."""

import base64
import io
import json
from pathlib import Path

import fastavro
import pytest
import yaml

from connector.resources import mappings_dir
from connector.workbench.testing.run import Outcome, TestResult, run_tests
from tests.unit.config_files import CHANNELS, CONFIG, MAPPING, folder, loaded

RULES = """\
version: 1
topics:
  calls.v1:
    start: earliest
    max_age_s: 60
    rules:
      - name: echo
        when: '${value.?origin.orValue("") == "FRONT"}'
        skip: it is there already
      - name: recording
        when: '${has(value.audio)}'
        operation: add-call-recording
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body:
          recording_type: call
          attachments: [{name: a.wav, content_type: audio/wav, content: '${bytes(value.audio)}'}]
      - name: refused
        when: '${has(value.refusal)}'
        requests:
          - operation: sync-inbound-message
            channel: '${channels[value.line_id]}'
            body: &message
              sender: {handle: '${value.from}'}
              body: '${value.text}'
              metadata: {external_id: m, external_conversation_id: '${value.call_id}'}
          - operation: add-call-summary
            channel: '${channels[value.line_id]}'
            path: {external_call_id: '${value.call_id}'}
            body: {content: '${value.text}'}
      - name: summary
        when: '${has(value.call_id)}'
        operation: add-call-summary
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body: {content: '${value.text}'}
"""
NOTE = {"line_id": "line-1", "call_id": "c/1", "text": "hello"}


def outcome(path: Path, *tests: object, rules: str = RULES) -> Outcome:
    document = yaml.safe_load(rules)
    document["topics"]["calls.v1"]["tests"] = list(tests)
    return run_tests(loaded(folder(path, calls=yaml.safe_dump(document, sort_keys=False))))


def result(path: Path, record: object, expect: object, **more: object) -> TestResult:
    [one] = outcome(path, {"record": record, "expect": expect, **more}).results
    return one


def lines(one: TestResult) -> list[str]:
    return [line for each in one.differences for line in each.lines]


RIGHT = [
    {"operation": "add-call-summary"},
    {"operation": "add-call-summary", "channel": "cha_1", "company": "shop", "app": "main"},
    {"path": {"external_call_id": "c/1"}, "body": {"content": "hello"}},
    {"path": "/channels/cha_1/calls/c%2F1/summary"},
    {"body": {"attachments": None}},
    [{"operation": "add-call-summary"}],
    {"requests": [{"body": {"content": "hello"}}], "rule": "summary", "order_key": ["call", "cha_1", "c/1"]},
    {"rule": "summary"},
]


@pytest.mark.parametrize("expect", RIGHT, ids=json.dumps)
def test_what_an_expectation_names_is_compared(tmp_path: Path, expect: object) -> None:
    """And nothing else; one request, a list and `requests` say the same."""
    one = result(tmp_path, {"value": NOTE}, expect)
    assert (one.status, lines(one)) == ("ok", [])


WRONG = [
    ({"operation": "update-call"}, ['- operation: "update-call"', '+ operation: "add-call-summary"']),
    ({"body": {"content": "bye"}}, ['- body.content: "bye"', '+ body.content: "hello"']),
    ({"body": {"content": None}}, ['+ body.content: "hello"']),
    ({"body": {"lines": [1]}}, ["- body.lines[0]: 1"]),
    ({"channel": "cha_2"}, ['- channel: "cha_2"', '+ channel: "cha_1"']),
    ({"path": "/x"}, ['- path: "/x"', '+ path: "/channels/cha_1/calls/c%2F1/summary"']),
    (
        [{"operation": "add-call-summary"}, {"operation": "update-call"}],
        ['- requests[1].operation: "update-call"'],
    ),
    ({"rule": "echo"}, ['- rule: "echo"', '+ rule: "summary"']),
    (
        {"order_key": ["call", "cha_1", "c"]},
        ['- order_key[2]: "c"', '+ order_key[2]: "c/1"'],
    ),
]


@pytest.mark.parametrize(("expect", "said"), WRONG, ids=[json.dumps(row[0]) for row in WRONG])
def test_a_difference_is_told_by_its_field(tmp_path: Path, expect: object, said: list[str]) -> None:
    """Expected behind a minus, what is behind a plus."""
    one = result(tmp_path, {"value": NOTE}, expect)
    assert (one.status, lines(one)) == ("failed", said)


def test_exact_takes_nothing_beyond_what_is_written(tmp_path: Path) -> None:
    """In path and body; what else is not named is not compared."""
    written = {"operation": "add-call-summary", "path": {"external_call_id": "c/1"}}
    assert result(tmp_path, {"value": NOTE}, written).status == "ok"
    one = result(tmp_path, {"value": NOTE}, written, exact=True)
    assert lines(one) == ['+ body.content: "hello"']
    whole = {**written, "body": {"content": "hello"}}
    assert result(tmp_path, {"value": NOTE}, whole, exact=True).status == "ok"


SKIPS = [
    ({"value": {**NOTE, "origin": "FRONT"}}, True),
    ({"value": {**NOTE, "origin": "FRONT"}}, "rule"),
    ({"value": {**NOTE, "origin": "FRONT"}}, "it is there already"),
    ({"value": {**NOTE, "origin": "FRONT"}}, {"rule": "echo"}),
    ({"value": {**NOTE, "origin": "FRONT"}}, {"rule": "echo", "reason": "it is there already"}),
    ({"value": None}, "null_value"),
]


@pytest.mark.parametrize(("record", "skip"), SKIPS, ids=[json.dumps(row[1]) for row in SKIPS])
def test_a_skip_is_expected_as_precisely_as_wanted(tmp_path: Path, record: object, skip: object) -> None:
    """By reason, by the rule's own words, or by its name."""
    assert result(tmp_path, record, {"skip": skip}).status == "ok"


def test_another_skip_is_a_difference(tmp_path: Path) -> None:
    """A rule's words stand for its reason."""
    record = {"value": {**NOTE, "origin": "FRONT"}}
    assert lines(result(tmp_path, record, {"skip": "null_value"})) == [
        '- skip.reason: "null_value"',
        '+ skip.reason: "it is there already"',
    ]
    assert lines(result(tmp_path, record, {"skip": {"rule": "other"}})) == [
        '- skip.rule: "other"',
        '+ skip.rule: "echo"',
    ]


def test_dead_letters_are_expected_by_reason_or_a_part_of_their_text(tmp_path: Path) -> None:
    """`dead_letter: true` takes any."""
    record = {"value": {**NOTE, "line_id": "line-9"}}
    for expect in (
        {"dead_letter": True},
        {"dead_letter": "mapping_failed", "rule": "summary"},
        {"error": "channel: "},
        {"dead_letter": "mapping_failed", "error": "rule 'summary', channel"},
    ):
        assert result(tmp_path, record, expect).status == "ok"
    one = result(tmp_path, record, {"dead_letter": "no_rule", "error": "nothing"})
    assert lines(one)[:3] == [
        '- dead_letter: "no_rule"',
        '+ dead_letter: "mapping_failed"',
        '- error: "nothing"',
    ]


def test_something_of_another_kind_is_shown_whole(tmp_path: Path) -> None:
    """A skip where requests were expected, and the other way about."""
    assert lines(result(tmp_path, {"value": NOTE}, {"skip": True})) == [
        "- skip: true",
        '+ operation: "add-call-summary"',
        '+ channel: "cha_1"',
        '+ company: "shop"',
        '+ app: "main"',
        '+ path.external_call_id: "c/1"',
        '+ body.content: "hello"',
        '+ rule: "summary"',
        '+ order_key[0]: "call"',
        '+ order_key[1]: "cha_1"',
        '+ order_key[2]: "c/1"',
    ]
    record = {"value": {**NOTE, "origin": "FRONT"}}
    assert lines(result(tmp_path, record, {"operation": "add-call-summary"})) == [
        '- operation: "add-call-summary"',
        '+ skip.reason: "rule"',
        '+ skip.rule: "echo"',
        '+ skip.words: "it is there already"',
    ]


def test_a_form_is_compared_field_by_field(tmp_path: Path) -> None:
    """With files by name, type, size and digest, and every value as text."""
    record = {"value": {**NOTE, "audio": "abc"}}
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    file = {"name": "a.wav", "content_type": "audio/wav", "size": 3, "sha256": digest}
    body = {"recording_type": "call", "attachments": [file]}
    path = {"external_call_id": "c/1"}
    assert result(tmp_path, record, {"body": body, "path": path}, exact=True).status == "ok"
    one = result(tmp_path, record, {"body": {"attachments": [{"size": 4}]}})
    assert lines(one) == ["- body.attachments[0].size: 4", "+ body.attachments[0].size: 3"]


def test_several_requests_are_told_apart(tmp_path: Path) -> None:
    """By their number; there must be as many."""
    record = {"value": {**NOTE, "refusal": "x", "from": "+1"}}
    assert lines(result(tmp_path, record, [{"body": {"body": "hello"}}, {"body": {"content": "x"}}])) == [
        '- requests[1].body.content: "x"',
        '+ requests[1].body.content: "hello"',
    ]
    one = result(tmp_path, record, {"operation": "sync-inbound-message"})
    assert lines(one)[0] == '+ requests[1].operation: "add-call-summary"'


def test_a_test_without_expectation_fails_and_says_what_to_do(tmp_path: Path) -> None:
    """It is no test yet."""
    [one] = outcome(tmp_path, {"record": {"value": NOTE}}).results
    assert (one.status, one.why) == (
        "failed",
        "nothing is expected yet: --update writes what the record becomes",
    )


def test_old_records_are_not_too_old_for_a_test(tmp_path: Path) -> None:
    """`max_age_s` would change what a test says from one day to the next."""
    assert result(tmp_path, {"value": NOTE, "timestamp": 1000}, {"rule": "summary"}).status == "ok"


# --- records ------------------------------------------------------------------------------------------------------

SCHEMA = {
    "type": "record",
    "name": "Note",
    "namespace": "tel",
    "fields": [
        {"name": "line_id", "type": "string"},
        {"name": "call_id", "type": ["null", "string"]},
        {"name": "text", "type": "string"},
    ],
}


def body(value: object = NOTE) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, SCHEMA, value)
    return stream.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A schema, an Avro container file with two records, and a framed record, beside the mapping file."""
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "note.avsc").write_text(json.dumps(SCHEMA))
    with (mappings / "notes.avro").open("wb") as stream:
        fastavro.writer(stream, SCHEMA, [NOTE, {**NOTE, "text": "second"}])
    (mappings / "note.bin").write_bytes(b"\0\0\0\0\7" + body())
    (mappings / "note.json").write_text(json.dumps({"schema": "note.avsc", "value": NOTE}))
    return tmp_path


HELLO: dict[str, object] = {"body": {"content": "hello"}, "rule": "summary"}
RECORDS: list[tuple[dict[str, object], dict[str, object]]] = [
    ({"value": {**NOTE, "call_id": {"string": "c/1"}}, "schema": "note.avsc"}, HELLO),
    ({"file": "note.json"}, HELLO),
    ({"file": "notes.avro"}, HELLO),
    ({"file": "notes.avro", "index": 1}, {"body": {"content": "second"}}),
    ({"file": "note.bin", "schema": "note.avsc"}, HELLO),
    ({"bytes": base64.b64encode(b"\0\0\0\0\7" + body()).decode(), "schema": "note.avsc"}, HELLO),
    ({"bytes": "AQID"}, {"dead_letter": "decode_failed", "error": "3 bytes are too few"}),
]


@pytest.mark.parametrize(("record", "expect"), RECORDS, ids=range(len(RECORDS)))
def test_a_record_may_be_a_value_a_file_or_bytes(files: Path, record: object, expect: object) -> None:
    """Read as the service reads it; bytes that it could not read are a dead letter here too."""
    one = result(files, record, expect)
    assert (one.status, one.why, lines(one)) == ("ok", None, [])


def test_key_headers_and_timestamp_are_those_of_the_test(files: Path) -> None:
    """Whatever kind of record they stand beside."""
    rules = MAPPING.replace("${value.text}", "${key + headers.h + string(timestamp)}")
    more = {"key": "k", "headers": {"h": "v"}, "timestamp": 5}
    records: list[dict[str, object]] = [
        {"value": NOTE},
        {"file": "note.json"},
        {"file": "notes.avro"},
        {"file": "note.bin", "schema": "note.avsc"},
    ]
    ended = outcome(
        files,
        *({"record": {**record, **more}, "expect": {"body": {"content": "kv5"}}} for record in records),
        rules=rules,
    )
    assert [lines(one) for one in ended.results] == [[], [], [], []]


UNREADABLE = [
    ({"file": "gone.json"}, "record: cannot read gone.json: No such file or directory"),
    (
        {"file": "notes.avro", "index": 2},
        "record: notes.avro: has 2 records, the first of which is number 0",
    ),
    (
        {"file": "note.bin"},
        "record: note.bin: the bytes name the schema id 7, and no registry is asked here: "
        "give schema, the .avsc file that they were written by",
    ),
    (
        {"value": {**NOTE, "line_id": 1}, "schema": "note.avsc"},
        "record: value.line_id is a whole number (schema Note wants string)",
    ),
    (
        {"value": {}, "schema": "gone.avsc"},
        "record: cannot read the schema {folder}/mappings/gone.avsc: No such file or directory",
    ),
    ({"bytes": "%"}, "record: bytes are written as base64: Only base64 data is allowed"),
]


@pytest.mark.parametrize(("record", "why"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_record_that_is_none_is_an_error_and_no_failure(files: Path, record: object, why: str) -> None:
    """The test cannot say anything about the mapping."""
    one = result(files, record, {"skip": True})
    assert (one.status, one.why) == ("error", why.replace("{folder}", str(files)))


def test_a_schema_inside_a_file_lies_beside_that_file(files: Path) -> None:
    """Not beside the test, which may be in another folder."""
    (files / "mappings" / "records").mkdir()
    inside = files / "mappings" / "records" / "note.json"
    inside.write_text(json.dumps({"schema": "../note.avsc", "value": NOTE}))
    one = result(files, {"file": "records/note.json"}, HELLO)
    assert (one.status, one.why, lines(one)) == ("ok", None, [])
    inside.write_text(json.dumps({"schema": "note.avsc", "value": NOTE}))
    tried = f"{files}/mappings/records/note.avsc"
    why = result(files, {"file": "records/note.json"}, HELLO).why
    assert why == f"record: records/note.json: cannot read the schema {tried}: No such file or directory"
    inside.write_text(json.dumps(NOTE))
    one = result(files, {"file": "records/note.json", "schema": "note.avsc"}, HELLO)
    assert (one.status, one.why) == ("ok", None)


# --- coverage -----------------------------------------------------------------------------------------------------


def test_coverage_counts_rules_and_both_ends_of_each_when(tmp_path: Path) -> None:
    """Four rules with two branches each, and the record that no rule takes."""
    one = outcome(tmp_path, {"record": {"value": NOTE}, "expect": {"rule": "summary"}}).coverage
    assert (one.rules, one.branches) == ((1, 4), (4, 9))
    assert one.never_hit == (("calls.v1", "echo"), ("calls.v1", "recording"), ("calls.v1", "refused"))
    two = outcome(
        tmp_path,
        {"record": {"value": {**NOTE, "origin": "FRONT"}}, "expect": {"skip": True}},
        {"record": {"value": {}}, "expect": {"dead_letter": "no_rule"}},
    ).coverage
    assert (two.rules, two.branches) == ((1, 4), (6, 9))


def test_a_rule_that_is_never_reached_is_not_covered_by_a_failing_when(tmp_path: Path) -> None:
    """A condition that cannot be told neither held nor did not."""
    rules = RULES.replace('${value.?origin.orValue("") == "FRONT"}', '${value.origin.x == "FRONT"}')
    one = outcome(
        tmp_path, {"record": {"value": {"origin": 1}}, "expect": {"dead_letter": True}}, rules=rules
    )
    assert one.passed
    assert (one.coverage.rules, one.coverage.branches) == ((0, 4), (0, 9))


def test_a_topic_without_tests_counts(tmp_path: Path) -> None:
    """Else a folder without any test were covered wholly."""
    found = run_tests(loaded(folder(tmp_path)))
    assert (found.passed, found.coverage.rules, found.coverage.percent) == (True, (0, 1), 0.0)


def test_the_shipped_tests_pass_and_hit_every_rule(tmp_path: Path) -> None:
    """All of the mapping files that ship with the connector, whatever lines the channels table has."""
    config = CONFIG.replace("{folder: mappings}", f"{{folder: {mappings_dir()}}}")
    found = run_tests(loaded(folder(tmp_path, config=config, channels=CHANNELS)))
    assert [one.test.name for one in found.results if one.status != "ok"] == []
    assert found.coverage.never_hit == ()
    assert {one.test.of.name for one in found.results} == {
        path.name for path in mappings_dir().glob("*.yaml") if not path.name.endswith(".tests.yaml")
    }
