"""Mapping files against their schemas: which schemas count, what is told at which place, and what is left alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connector.config import Loaded, Problems, load
from connector.resources import mappings_dir
from tests.unit.config_files import folder, loaded, problems
from tests.unit.test_expression_typed import parsed

PARTY = {
    "type": "record",
    "name": "Party",
    "fields": [{"name": "number", "type": "string"}, {"name": "name", "type": ["null", "string"]}],
}
STARTED: dict[str, Any] = {
    "type": "record",
    "name": "Started",
    "namespace": "tel",
    "fields": [
        {"name": "line_id", "type": "string"},
        {"name": "call_id", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "outgoing", "type": "boolean"},
        {"name": "legs", "type": "int"},
        {"name": "caller", "type": PARTY},
        {"name": "queue", "type": ["null", "string"]},
    ],
}
NOTED: dict[str, Any] = {
    "type": "record",
    "name": "Noted",
    "namespace": "tel",
    "fields": [
        {"name": "line_id", "type": "string"},
        {"name": "call_id", "type": "string"},
        {"name": "text", "type": ["null", "string"]},
        {"name": "lines", "type": {"type": "array", "items": PARTY}},
    ],
}

HEAD = """\
version: 1
topics:
  calls.v1:
    start: earliest
    value: {format: avro, schemas: [started.avsc, noted.avsc]}
    rules:
"""
STARTED_RULE = """\
      - name: started
        when: '${schema.name == "Started"}'
        operation: create-call
        channel: '${channels[value.line_id]}'
        body:
          external_call_id: '${value.call_id}'
          parent_external_call_id: '${value.call_id}'
          initial_status: ringing
          direction: inbound
          from: {handle: '${value.caller.number}', name: '${value.caller.name}'}
          started_at: '${value.at}'
"""
NOTED_RULE = """\
      - name: noted
        when: '${schema.name == "Noted"}'
        operation: add-call-summary
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body: {content: '${value.?text.orValue("")}'}
"""
MAPPING = HEAD + STARTED_RULE + NOTED_RULE


def written(path: Path, text: str = MAPPING) -> Path:
    """The configuration's path; both schemas lie beside the mapping file."""
    file = folder(path, calls=text)
    for schema in (STARTED, NOTED):
        (path / "mappings" / f"{str(schema['name']).lower()}.avsc").write_text(json.dumps(schema))
    return file


def changed(text: str, replaced: tuple[tuple[str, str], ...]) -> str:
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    return text


def told(path: Path, *replaced: tuple[str, str], text: str = MAPPING) -> list[str]:
    """The problems of the mapping with parts replaced."""
    return problems(written(path, changed(text, replaced)))


def warned(path: Path, *replaced: tuple[str, str], text: str = MAPPING) -> list[str]:
    """The warnings of the mapping with parts replaced, which is valid."""
    found = loaded(written(path, changed(text, replaced))).warnings
    return [each.replace(f"{path}/", "") for each in found]


def test_a_right_mapping_passes_in_silence(tmp_path: Path) -> None:
    """No problem, no warning."""
    assert warned(tmp_path) == []


# part replaced, what stands there instead, what is told
MISTAKES = [
    (
        "name: '${value.caller.name}'",
        "name: '${value.caller.nmae}'",
        "16:74: body.from.name: the schema Started has no field 'nmae' in value.caller: did you mean 'name'?",
    ),
    (
        "'${value.at}'",
        "'${value.occurred_at}'",
        "17:32: body.started_at: the schema Started has no field 'occurred_at'; "
        "there are at, call_id, caller, legs, line_id, outgoing, queue",
    ),
    (
        "external_call_id: '${value.call_id}'\n          parent",
        "external_call_id: '${value.legs + \"-\" + value.call_id}'\n          parent",
        "12:43: body.external_call_id: + cannot be applied to an int (value.legs) and a string ('-'): write string(value.legs)",
    ),
    (
        "initial_status: ringing",
        "initial_status: '${value.outgoing == \"yes\" ? \"queued\" : \"ringing\"}'",
        "14:45: body.initial_status: value.outgoing is a bool, 'yes' is a string: they are never equal",
    ),
    (
        "'${value.?text.orValue(\"\")}'",
        "'${value.lines.map(l, l.numbr).join(\",\")}'",
        "23:49: body.content: the schema Noted has no field 'numbr' in l (a record Party): did you mean 'number'?",
    ),
    (
        'schema.name == "Noted"',
        'schema.name == "Notd"',
        "19:33: when: the topic has no schema 'Notd': did you mean 'Noted'?",
    ),
    (
        'schema.name == "Noted"',
        'schema.name == "Noted" && value.outgoing',
        "19:50: when: the schema Noted has no field 'outgoing'; there are call_id, line_id, lines, text",
    ),
    ("'${schema.name == \"Noted\"}'", "'${schema.name}'", "19:15: when: must be true or false, and this is a string"),
    (
        "{content: '${value.?text.orValue(\"\")}'}",
        "{content: '${value.lines}'}",
        "23:25: body.content: this is a list, and it must be a string",
    ),
    (
        "path: {external_call_id: '${value.call_id}'}",
        "path: {external_call_id: '${value.lines}'}",
        "22:34: path.external_call_id: this is a list, and it must be a string",
    ),
    ("started_at: '${value.at}'", "started_at: '${string(value.at)}'",
     "17:23: body.started_at: this is a string, and it must be a finite number"),
    ("initial_status: ringing", "initial_status: '${value.legs}'",
     "14:27: body.initial_status: this is an int, and it must be 'queued' or 'ringing'"),
    ("from: {handle: '${value.caller.number}', name: '${value.caller.name}'}",
     "from: '${{\"handle\": value.legs, \"name\": value.caller.number}}'",
     "16:17: body.from: this is a map, whose handle must be a string"),
    ("when: '${schema.name == \"Started\"}'\n        operation: create-call\n        channel: '${channels[value.line_id]}'",
     "when: '${schema.name == \"Started\"}'\n        operation: create-call\n        channel: '${value.legs}'",
     "10:18: channel: this is an int, and must be a row of the channels table or a text"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES)
def test_a_mistake_is_told_before_any_record(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Where it stands, what is wrong, and what was probably meant."""
    assert told(tmp_path, (old, new)) == [f"mappings/calls.yaml:{expected}"]


def test_a_null_in_a_larger_expression_is_a_warning(tmp_path: Path) -> None:
    """The mapping is valid; `when` may be what guards it."""
    risky = ("initial_status: ringing", 'initial_status: \'${value.queue == "vip" ? "queued" : "ringing"}\'')
    assert warned(tmp_path, risky) == [
        "mappings/calls.yaml:14:30: body.initial_status: value.queue can be null (Started), and such a record becomes a "
        "dead letter here: read value.?queue with a default, or test has(value.queue)"
    ]
    guard = ('schema.name == "Started"', 'schema.name == "Started" && has(value.queue)')
    assert warned(tmp_path, risky, guard) == []
    [asked] = warned(tmp_path, risky, (guard[0], 'schema.name == "Started" && value.queue != ""'))
    assert asked.startswith(
        "mappings/calls.yaml:8:46: when: value.queue can be null (Started), and such a record"
    )


def test_a_rule_for_any_schema_may_use_what_some_have(tmp_path: Path) -> None:
    """Without a name in `when`, only a field that none of them has is wrong."""
    any_schema = ("        when: '${schema.name == \"Noted\"}'\n", "        when: '${has(value.text)}'\n")
    assert warned(tmp_path, any_schema) == []
    assert told(tmp_path, any_schema, ("value.?text.orValue", "value.?txt.orValue")) == [
        "mappings/calls.yaml:23:35: body.content: none of the schemas Started, Noted has a field 'txt': did you mean 'text'?"
    ]


def test_a_let_means_in_each_rule_what_its_when_allows(tmp_path: Path) -> None:
    """Checked where it is read, told where it is written, once; its type counts for who reads it."""
    lets = "    let:\n      caller: '${value.caller}'\n      text: '${value.text}'\n    rules:\n"
    used = (("value.caller.number", "caller.number"), ('value.?text.orValue("")', "text"))
    with_lets = ("    rules:\n", lets)
    assert warned(tmp_path, with_lets, *used) == []
    assert told(
        tmp_path, with_lets, ("value.caller.number", "caller.numbr"), ('value.?text.orValue("")', "text")
    ) == [
        "mappings/calls.yaml:19:36: body.from.handle: the schema Started has no field 'numbr' in caller: did you mean 'number'?"
    ]
    assert told(tmp_path, with_lets, *used, ("'${value.text}'", "'${value.txt}'")) == [
        "mappings/calls.yaml:8:22: let text: the schema Noted has no field 'txt': did you mean 'text'?"
    ]
    assert told(
        tmp_path, with_lets, ("value.caller.number", "caller.number"), ('value.?text.orValue("")', "caller")
    ) == [
        "mappings/calls.yaml:7:24: let caller: the schema Noted has no field 'caller'; "
        "there are call_id, line_id, lines, text"
    ]


def test_lets_of_numbers_have_types_too(tmp_path: Path) -> None:
    """Of the file, of a rule, and one that reads another."""
    text = MAPPING.replace("version: 1\n", "version: 1\nlet: {most: 3}\n").replace(
        "      - name: noted\n", "      - name: noted\n        let: {more: '${most + 1}'}\n"
    )
    assert told(tmp_path, ('value.?text.orValue("")', "more"), text=text) == [
        "mappings/calls.yaml:25:25: body.content: this is an int, and it must be a string"
    ]


def test_a_let_that_only_another_let_reads_is_told(tmp_path: Path) -> None:
    """What an expression needs through others counts as read."""
    lets = "    let:\n      caller: '${value.calr}'\n      number: '${caller.number}'\n    rules:\n"
    [problem] = told(tmp_path, ("    rules:\n", lets), ("value.caller.number", "number"))
    assert problem.startswith("mappings/calls.yaml:7:24: let caller: the schema Started has no field 'calr'")


def test_what_is_not_known_inside_a_value_is_not_judged(tmp_path: Path) -> None:
    """One file may be given without a list around it; of its content, from the key, nothing is known."""
    rule = """\
      - name: recording
        when: '${schema.name == "Started"}'
        operation: add-call-recording
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body:
          recording_type: call
          attachments: '${{"name": value.call_id, "content_type": "audio/wav", "content": key.audio}}'
"""
    assert warned(tmp_path, text=HEAD + rule) == []


def test_defaults_are_checked_in_each_rule_that_takes_them(tmp_path: Path) -> None:
    """They are told where they are written."""
    defaults = "    defaults: {channel: '${channels[value.lineid]}'}\n    rules:\n"
    own = "        channel: '${channels[value.line_id]}'\n"
    assert told(tmp_path, ("    rules:\n", defaults), (own, "")) == [
        "mappings/calls.yaml:6:43: channel: the schema Noted has no field 'lineid': did you mean 'line_id'?",
        "mappings/calls.yaml:6:43: channel: the schema Started has no field 'lineid': did you mean 'line_id'?",
    ]


def test_several_requests_and_order_by_are_checked(tmp_path: Path) -> None:
    """With their places in the rule."""
    rule = """\
      - name: both
        when: '${schema.name == "Noted"}'
        requests:
          - operation: add-call-summary
            channel: '${channels[value.line_id]}'
            path: {external_call_id: '${value.callid}'}
            body: {content: x}
        order_by: [call, '${value.cal_id}']
"""
    assert told(tmp_path, text=HEAD + rule) == [
        "mappings/calls.yaml:12:47: requests[0].path.external_call_id: the schema Noted has no field 'callid': "
        "did you mean 'call_id'?",
        "mappings/calls.yaml:14:35: order_by[1]: the schema Noted has no field 'cal_id': did you mean 'call_id'?",
    ]


def test_with_a_reader_schema_only_that_one_counts(tmp_path: Path) -> None:
    """Whatever wrote a value, expressions see it as the reader's schema has it."""
    reader = (
        "schemas: [started.avsc, noted.avsc]",
        "schemas: [started.avsc, noted.avsc], reader: started.avsc",
    )
    [problem] = told(tmp_path, reader)
    assert "body.content: the schema Started has no field 'text'" in problem


def test_unframed_values_are_checked_against_their_one_schema(tmp_path: Path) -> None:
    """`avro_raw` names it anyway; more schemas beside it make no sense."""
    raw = ("{format: avro, schemas: [started.avsc, noted.avsc]}", "{format: avro_raw, schema: started.avsc}")
    assert told(tmp_path, raw) == [
        "mappings/calls.yaml:19:33: when: the topic has no schema 'Noted'; there are Started",
    ]
    both = raw[1].replace("}", ", schemas: [noted.avsc]}")
    assert told(tmp_path, (raw[0], both)) == [
        "mappings/calls.yaml:5:12: topics.calls.v1.value: schemas is for format: avro; "
        "with avro_raw, expressions are checked against its own schema"
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("gone.avsc", "cannot read mappings/gone.avsc: No such file or directory"),
        ("broken.avsc", "mappings/broken.avsc is not JSON"),
        ("wrong.avsc", "mappings/wrong.avsc is not a valid Avro schema"),
        ("'*x.avsc'", "no .avsc file is like *x.avsc"),
        ("empty", "the folder empty has no .avsc file"),
        ("../gone/", "there is no folder ../gone/, and a file ends in .avsc"),
        ("CallCraeted", "'CallCraeted' is no .avsc file, no folder, and no schema that ships with the product: "
         "did you mean 'CallCreated'?"),
    ],
)  # fmt: skip
def test_a_schema_that_is_not_there_is_told(tmp_path: Path, entry: str, message: str) -> None:
    """At the entry of the list."""
    file = written(tmp_path, MAPPING.replace("started.avsc, noted.avsc", f"started.avsc, {entry}"))
    (tmp_path / "mappings" / "empty").mkdir()
    (tmp_path / "mappings" / "broken.avsc").write_text("{")
    (tmp_path / "mappings" / "wrong.avsc").write_text('{"type": "recrd"}')
    assert problems(file) == [f"mappings/calls.yaml:5:51: {message}"]


@pytest.mark.parametrize("entry", ["'*.avsc'", "../mappings", "./", "'../mappings/*ed.avsc'"])
def test_a_pattern_or_a_folder_stands_for_its_schemas(tmp_path: Path, entry: str) -> None:
    """Relative to the mapping file."""
    text = MAPPING.replace("started.avsc, noted.avsc", entry)
    assert loaded(written(tmp_path, text)).warnings == ()
    [problem] = told(tmp_path, ("value.line_id", "value.lineid"), text=text)[:1]
    assert "has no field 'lineid'" in problem


def test_the_name_of_a_shipped_schema_will_do_anywhere(tmp_path: Path) -> None:
    """So that a copy of a shipped mapping file is checked wherever it lies."""
    text = MAPPING.replace("[started.avsc, noted.avsc]", "[CallSummarized]").replace(
        "Noted", "CallSummarized"
    )
    text = text.replace(STARTED_RULE, "").replace('value.?text.orValue("")', "value.summry")
    assert told(tmp_path, text=text) == [
        "mappings/calls.yaml:12:34: body.content: the schema CallSummarized has no field 'summry': did you mean 'summary'?"
    ]


SHIPPED = {path.stem: path.read_text(encoding="utf-8") for path in mappings_dir().glob("*.yaml")}


def test_the_shipped_mapping_files_are_checked_and_right(tmp_path: Path) -> None:
    """Each topic names schemas, no problem, no warning; and each field, once misspelt, is told."""
    (warning,) = loaded(folder(tmp_path, **SHIPPED)).warnings
    assert "attachments.hosts is empty" in warning, "of all that one may do, only hosts are missing"
    wrong = {stem: re.sub(r"(value\.\??\w+)", r"\1_", text) for stem, text in SHIPPED.items()}
    said = problems(folder(tmp_path, **wrong))
    for stem, text in SHIPPED.items():
        fields = set(re.findall(r"value\.\??(\w+)", re.sub(r"#.*", "", text)))
        told_here = " ".join(each for each in said if each.startswith(f"mappings/{stem}.yaml:"))
        assert {field for field in fields if f"has no field '{field}_'" not in told_here} == set(), stem


def test_without_schemas_nothing_is_said(tmp_path: Path) -> None:
    """What is not known is not guessed."""
    text = MAPPING.replace(", schemas: [started.avsc, noted.avsc]", "").replace(
        "value.at", "value.anything + 1"
    )
    assert loaded(written(tmp_path, text)).warnings == ()


def test_newer_schemas_from_elsewhere_count_too(tmp_path: Path) -> None:
    """As from a registry, by topic: what only the file's version has is a mistake; other records are as in the file."""
    file = written(tmp_path)
    assert isinstance(
        load(file, more_schemas={"calls.v1": (parsed(NOTED),), "other": (parsed(PARTY),)}), Loaded
    )
    newer = {
        **NOTED,
        "fields": [{**each, "name": each["name"].replace("text", "body")} for each in NOTED["fields"]],
    }
    found = load(file, more_schemas={"calls.v1": (parsed(newer),)})
    assert isinstance(found, Problems)
    [problem] = found.problems
    assert (
        problem.message
        == "body.content: the schema Noted has no field 'text'; there are body, call_id, line_id, lines"
    )


def test_newer_schemas_are_enough(tmp_path: Path) -> None:
    """The file need not name any."""
    file = written(tmp_path, MAPPING.replace(", schemas: [started.avsc, noted.avsc]", ""))
    found = load(file, more_schemas={"calls.v1": (parsed(NOTED),)})
    assert isinstance(found, Problems)
    assert "when: the topic has no schema 'Started'; there are Noted" in [
        each.message for each in found.problems
    ]
