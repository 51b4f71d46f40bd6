"""Mapping files: what is found before the first record, in which words, and at which place."""

import hashlib
import json
from pathlib import Path

import pytest

from connector.core.mapping import AvroFormat, BytesFormat, RawAvroFormat, StartAt, StringFormat, TopicMapping
from tests.unit.config_files import CHANNELS, CONFIG, MAPPING, folder, loaded, problems

SCHEMA = {
    "type": "record",
    "name": "Call",
    "namespace": "tel",
    "fields": [{"name": name, "type": "string"} for name in ("line_id", "call_id", "text")],
}


def topic(path: Path, text: str, name: str = "calls.v1") -> TopicMapping:
    return loaded(folder(path, calls=text)).mappings.topics[name]


def rule(text: str) -> str:
    """A mapping file with one rule; its first line stands in line 6 behind `- name: one`."""
    lines = text.strip("\n").splitlines()
    return "\n".join(
        [
            "version: 1",
            "topics:",
            "  calls.v1:",
            "    start: latest",
            "    rules:",
            "      - name: one",
            *(f"        {line}" for line in lines),
            "",
        ]
    )


def test_a_topic_has_defaults_for_all_but_its_start(tmp_path: Path) -> None:
    """Registry Avro, text keys, hold when an offset is missing, no age limit."""
    found = topic(tmp_path, MAPPING)
    assert (found.start, found.value, found.key) == ("earliest", AvroFormat(), StringFormat())
    assert (found.on_missing_offset, found.max_age_s) == ("hold", None)


def test_everything_about_a_topic_can_be_said(tmp_path: Path) -> None:
    """A start by time, an age limit, formats with a schema from a file."""
    (tmp_path / "call.avsc").write_text(json.dumps(SCHEMA))
    text = MAPPING.replace(
        "start: earliest",
        "start: 2026-01-31T12:00:00.5+01:00\n    max_age_s: 3600\n    on_missing_offset: latest\n"
        "    value: {format: avro_raw, schema: ../call.avsc}\n    key: {format: bytes}",
    )
    found = topic(tmp_path, text)
    assert found.start == StartAt(1_769_857_200_500)
    assert (found.max_age_s, found.on_missing_offset, found.key) == (3600, "latest", BytesFormat())
    assert isinstance(found.value, RawAvroFormat)
    assert (found.value.schema.name, found.value.schema.namespace) == ("Call", "tel")


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    """Another rule or file name gives another hash; the same files the same, and so do other channels: they change alone."""
    first = loaded(folder(tmp_path)).mappings.hash
    assert first == loaded(folder(tmp_path)).mappings.hash
    assert len(first) == len(hashlib.sha256().hexdigest())
    assert (
        first != loaded(folder(tmp_path, calls=MAPPING.replace("name: summary", "name: other"))).mappings.hash
    )
    assert first == loaded(folder(tmp_path, channels=CHANNELS.replace("line-1", "line-2"))).mappings.hash
    (tmp_path / "mappings" / "calls.yaml").rename(tmp_path / "mappings" / "other.yaml")
    assert first != loaded(tmp_path / "connector.yaml").mappings.hash


def test_rules_behind_a_catch_all_are_fine(tmp_path: Path) -> None:
    """They never hold, which may be meant while a mapping is written."""
    text = MAPPING + "      - name: never\n        skip: true\n"
    assert topic(tmp_path, text).maps


SHAPES = [
    ("start: earliest", "strt: earliest", "topics.calls.v1.start is missing (Where a new group begins"),
    (
        "start: earliest",
        "start: begin",
        "topics.calls.v1.start: must be earliest, latest, or a time with its zone",
    ),
    (
        "start: earliest",
        "start: 2026-01-31",
        "topics.calls.v1.start: must be earliest, latest, or a time with its zone",
    ),
    (
        "start: earliest",
        "start: 2026-13-31T00:00:00Z",
        "topics.calls.v1.start: must be earliest, latest, or a time",
    ),
    ("start: earliest", "start: earliest\n    max_age_s: 0", "topics.calls.v1.max_age_s must be above 0"),
    (
        "start: earliest",
        "start: earliest\n    value: {format: json}",
        "topics.calls.v1.value.format has a value that is not known: choose from avro, avro_raw",
    ),
    (
        "start: earliest",
        "start: earliest\n    value: {format: avro_raw}",
        "topics.calls.v1.value: format: avro_raw and schema: file.avsc go together",
    ),
    (
        "start: earliest",
        "start: earliest\n    value: {format: avro_raw, schema: gone.avsc}",
        "cannot read mappings/gone.avsc: No such file or directory",
    ),
    (
        "start: earliest",
        "start: earliest\n    otherwise: ignore",
        "topics.calls.v1.otherwise has a value that is not known: choose from dead_letter, skip",
    ),
    (
        "start: earliest",
        "start: earliest\n    mapper: a.b:c",
        "topics.calls.v1: a topic has either rules or a mapper",
    ),
    ("version: 1", "version: 2", "version must be 1"),
    (
        "name: summary",
        "nam: summary",
        "topics.calls.v1.rules[0].name is missing (What logs and dead letters call",
    ),
    ("operation:", "operatoin:", "topics.calls.v1.rules[0]"),
    (
        "operation: add-call-summary",
        "operation: add-call-sumary",
        "topics.calls.v1.rules[0].operation: 'add-call-sumary' is not an operation of Front's: "
        "did you mean 'add-call-summary'?",
    ),
    (
        "operation: add-call-summary",
        "operation: add-call-summary\n        skip: true",
        "topics.calls.v1.rules[0]: a rule has exactly one of operation, requests and skip; "
        "this has operation and skip",
    ),
    (
        "channel: '${channels[value.line_id]}'",
        "when: '${true}'",
        "channel is missing: a row of the channels table, or a channel id",
    ),
    (
        "body: {content: '${value.text}'}",
        "body: 5",
        "topics.calls.v1.rules[0].body: must be a map of Front's fields",
    ),
    (
        "channel: '${channels[value.line_id]}'",
        "channel: 5",
        "topics.calls.v1.rules[0].channel: must be a text such",
    ),
    ("  calls.v1:", "  'calls v1':", "topics.calls v1 is no name of a topic"),
]


@pytest.mark.parametrize(("part", "other", "said"), SHAPES, ids=[row[1] for row in SHAPES])
def test_each_mistake_of_shape_is_told(tmp_path: Path, part: str, other: str, said: str) -> None:
    """Wrong keys, kinds and combinations, with the nearest name where one is chosen from a list."""
    found = problems(folder(tmp_path, calls=MAPPING.replace(part, other)))
    assert any(problem.partition(": ")[2].startswith(said) for problem in found), found
    assert all(problem.startswith("mappings/calls.yaml:") for problem in found)


@pytest.mark.parametrize("word", ["yes", "no", "on", "False", "''", "false"])
def test_skip_is_true_or_a_reason(tmp_path: Path, word: str) -> None:
    """YAML 1.2 makes a text of `no`, and a text would skip."""
    [problem] = problems(folder(tmp_path, calls=rule(f"skip: {word}")))
    assert problem.startswith("mappings/calls.yaml:7:15: topics.calls.v1.rules[0].skip: ")


BODIES = [
    (
        "when: '${value.a ==}'\nskip: true",
        ["7:27: when: the expression ends too early"],
    ),
    ("when: yes\nskip: true", ["7:15: `when` must be one expression, '${...}', with nothing around it"]),
    ("when: '${value.a} == 1'\nskip: true", ["7:15: `when` must be one expression"]),
    (
        "operation: add-call-summary\nchannel: '${chanels[value.x]}'\npath: {external_call_id: x}\nbody: {content: x}",
        ["8:21: channel: unknown variable 'chanels'; did you mean 'channels'?"],
    ),
    (
        "operation: add-call-summary\nchannel: cha_1\npath: {call_id: x}\nbody: {contnt: x}",
        [
            "9:9: path.external_call_id is required",
            "9:16: path.call_id is not",
            "10:9: body.content is required",
            "10:16: body.contnt is not",
        ],
    ),
    (
        "operation: create-call\nchannel: cha_1\nbody:\n  direction: inbound\n  external_call_id: ''\n"
        "  parent_external_call_id: '${value.id}'\n  initial_status: ring\n  from: {handle: '${value.n}', nme: x}\n"
        "  started_at: 1700000000",
        [
            "11:11: body.external_call_id must not be empty",
            "13:11: body.initial_status must be 'queued' or 'ringing'",
            "14:40: body.from.nme is not known here: did you mean name?",
            "15:11: body.started_at must be in milliseconds",
        ],
    ),
    (
        "operation: add-call-summary\nchannel: line-1\npath: {external_call_id: x}\nbody: {content: x}",
        [
            "8:18: channel gives a text that is no channel id (cha_...) (it is a key of the table: "
            "write `${channels[...]}`)"
        ],
    ),
    (
        "operation: add-call-summary\nchannel: {channel: cha_1, company: shop, app: mian}\n"
        "path: {external_call_id: x}\nbody: {content: x}",
        ["8:18: channel gives a map whose app is not configured; front.apps has main"],
    ),
    (
        "requests:\n  - operation: update-channel\n    channel: cha_1\n    body: {status: onlin}",
        ["10:20: requests[0].body.status must be 'offline' or 'ok'"],
    ),
    (
        "operation: update-channel\nchannel: cha_1\nbody: {'${value.x}': ok}",
        ["9:16: a field's name cannot hold an expression", "9:9: body.* is not"],
    ),
    (
        "operation: add-call-summary\nchannel: cha_1\npath: {external_call_id: x}\nbody: {content: '${1 / 0}'}",
        ["10:25: body.content: "],
    ),
    (
        "operation: update-channel\nchannel: '${5}'",
        [
            "8:18: channel is a number, but must be a row of the channels table (`${channels[...]}`) or a channel id"
        ],
    ),
    (
        "operation: sync-inbound-message\nchannel: cha_1\nbody:\n  sender: '${value.s}'\n  metadata: '${value.m}'\n"
        "  body: |\n    hello\n      ${nope(value.x)}",
        ["14:17: body.body: unknown function 'nope'"],
    ),
]


@pytest.mark.parametrize(("text", "said"), BODIES)
def test_what_needs_no_record_is_found_now(tmp_path: Path, text: str, said: list[str]) -> None:
    """Expressions, ids, fields, constants and channels; each at its own line and column."""
    found = problems(folder(tmp_path, calls=rule(text)))
    assert len(found) == len(said), found
    for problem, start in zip(
        found, sorted(said, key=lambda row: [int(n) for n in row.split(":")[:2]]), strict=True
    ):
        assert problem.startswith(f"mappings/calls.yaml:{start}")


def test_what_an_expression_may_give_is_left_open(tmp_path: Path) -> None:
    """Nothing is refused that a record could put right."""
    text = rule(
        "operation: create-call\nchannel: '${value.channel}'\nbody: '${value.body}'\n"
        "order_by: [call, '${value.id}']"
    )
    assert topic(tmp_path, text)
    attachments = rule(
        "operation: add-call-recording\nchannel: cha_1\npath: {external_call_id: '${key}'}\n"
        "body: {recording_type: call, attachments: [{name: a, content: '${value.c}', url: '${value.u}'}]}"
    )
    assert topic(tmp_path, attachments)


def test_a_rule_s_name_is_its_own(tmp_path: Path) -> None:
    """Metrics, logs and dead letters tell rules apart by it."""
    text = MAPPING + "      - name: summary\n        skip: true\n"
    assert problems(folder(tmp_path, calls=text)) == [
        "mappings/calls.yaml:11:15: the rule 'summary' is here twice: logs could not tell them apart"
    ]


def test_a_topic_in_two_files_is_an_error(tmp_path: Path) -> None:
    """Which file counts must not depend on its name."""
    found = problems(folder(tmp_path, a=MAPPING, b=MAPPING))
    assert found == [
        "mappings/b.yaml:3:3: the topic calls.v1 is in mappings/a.yaml already: a topic belongs in one file"
    ]


def test_an_empty_folder_and_a_missing_one_are_told(tmp_path: Path) -> None:
    """A service without a topic would look healthy for ever."""
    file = folder(tmp_path)
    (tmp_path / "mappings" / "calls.yaml").unlink()
    assert problems(file) == ["connector.yaml:9:20: no *.yaml in mappings"]
    file.write_text(CONFIG.replace("folder: mappings", "folder: maps"))
    assert problems(file) == ["connector.yaml:9:20: there is no folder maps"]


def test_all_files_are_told_at_once_sorted(tmp_path: Path) -> None:
    """Settings, table and mapping files in one run, by file, line and column."""
    file = folder(
        tmp_path,
        config=CONFIG.replace("secret: hush", "secret_file: gone"),
        channels="key\n",
        a=MAPPING.replace("content: '${value.text}'", "content: 5"),
        b=rule("skip: yes"),
    )
    found = problems(file)
    assert [problem.partition(": ")[0] for problem in found] == [
        "channels.csv:1",
        "connector.yaml:7:37",
        "mappings/a.yaml:10:16",
        "mappings/b.yaml:7:15",
    ]


def test_traps_of_yaml_are_told_with_the_file(tmp_path: Path) -> None:
    """The commonest mistake of all gets its remedy."""
    text = MAPPING.replace("'${value.text}'", "x").replace(
        "name: summary", 'name: summary\n        when: ${a ? "b" : "c"}'
    )
    assert problems(folder(tmp_path, calls=text)) == [
        "mappings/calls.yaml:7:25: YAML takes `: ` inside an unquoted expression for a key: "
        "put the expression in single quotes: '${...}'"
    ]


def test_a_file_above_1_mib_is_refused(tmp_path: Path) -> None:
    """A mapping file of that size is a mistake; a table of channels is not."""
    file = folder(tmp_path, calls="# " + "x" * 1024 * 1024)
    assert problems(file) == ["mappings/calls.yaml: is larger than 1 MiB"]
    rows = "".join(f"line-{n},cha_{n},a company with rather a long name,main,\n" for n in range(3, 25_003))
    assert len(rows) > 1024 * 1024
    assert len(loaded(folder(tmp_path, channels=CHANNELS + rows, calls=MAPPING)).channels.rows) == 25_002


def test_a_channels_table_may_lie_among_the_mapping_files(tmp_path: Path) -> None:
    """A ConfigMap is one flat folder."""
    file = folder(tmp_path, config=CONFIG.replace("channels.csv", "mappings/channels.yaml"))
    (tmp_path / "mappings" / "channels.yaml").write_text(
        "line-1: {channel: cha_1, company: shop, app: main}\n"
    )
    assert list(loaded(file).channels.rows) == ["line-1"]
