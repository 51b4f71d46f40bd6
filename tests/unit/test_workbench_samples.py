"""Records as JSON files, for `render`: read as the service would read them from Kafka."""

import json
from pathlib import Path

import pytest

from connector.core.mapping import Input, TopicMapping
from connector.resources import schemas_dir
from connector.workbench.render.shown import rendered
from connector.workbench.samples import BadSample, read_sample
from tests.unit.config_files import folder, loaded

FIELDS = [
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "micros", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}], "default": None},
    {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
    {"name": "file", "type": ["null", "bytes"], "default": None},
    {"name": "party", "type": ["null", {"type": "record", "name": "Party", "fields": [{"name": "n", "type": "string"}]}],
     "default": None},
    {"name": "parties", "type": {"type": "array", "items": "Party"}, "default": []},
    {"name": "tags", "type": {"type": "map", "values": "string"}, "default": {}},
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}, "default": "7f1c8a52-3a44-4b8e-9b45-6a1f0f5f8a11"},
]  # fmt: skip


@pytest.fixture
def raw(tmp_path: Path) -> TopicMapping:
    """A topic of unframed Avro."""
    schema = {"type": "record", "name": "Event", "fields": FIELDS}
    (tmp_path / "event.avsc").write_text(json.dumps(schema))
    text = (
        "version: 1\ntopics:\n  calls.v1:\n    start: earliest\n"
        "    value: {format: avro_raw, schema: ../event.avsc}\n    rules: [{name: all, skip: true}]\n"
    )
    return loaded(folder(tmp_path, calls=text)).mappings.topics["calls.v1"]


@pytest.fixture
def framed(tmp_path: Path) -> TopicMapping:
    """A topic of framed Avro."""
    return loaded(folder(tmp_path)).mappings.topics["calls.v1"]


def value_of(topic: TopicMapping, value: object) -> object:
    sample = read_sample(json.dumps(value), topic, schemas_dir())
    assert isinstance(sample, Input), sample
    return sample.value


@pytest.mark.parametrize(
    "at",
    [
        1_769_860_800_250,
        1_769_860_800_250.75,
        "2026-01-31T12:00:00.25Z",
        "2026-01-31T13:00:00.250+01:00",
        "2026-01-31T12:00:00.25",
    ],
)
def test_times_are_numbers_or_iso_texts(raw: TopicMapping, at: object) -> None:
    """A text without a zone is UTC."""
    found = value_of(raw, {"at": at})
    assert isinstance(found, dict)
    assert found["at"] == 1_769_860_800_250


def test_a_value_looks_as_it_would_from_kafka(raw: TopicMapping) -> None:
    """Defaults filled in, nulls gone, bytes decoded, times as milliseconds; unions with or without a name."""
    plain = {
        "at": 0,
        "micros": "1970-01-01T00:00:00.0005Z",
        "day": "2026-01-31",
        "file": "AAH/",
        "party": {"n": "x"},
        "parties": [{"n": "y"}],
    }
    expected = {
        "at": 0,
        "micros": 0,
        "day": "2026-01-31",
        "file": b"\x00\x01\xff",
        "party": {"n": "x"},
        "parties": [{"n": "y"}],
        "tags": {},
        "id": "7f1c8a52-3a44-4b8e-9b45-6a1f0f5f8a11",
    }
    assert value_of(raw, plain) == expected
    named = {**plain, "file": {"bytes": "AAH/"}, "party": {"Party": {"n": "x"}}}
    assert value_of(raw, named) == expected


def test_the_shipped_format_names_schema_key_headers_and_time(framed: TopicMapping) -> None:
    """Everything a rule may look at."""
    text = json.dumps(
        {"schema": "acme.Thing", "key": "k", "headers": {"h": "1"}, "timestamp": 7, "value": {"a": None}}
    )
    sample = read_sample(text, framed, schemas_dir())
    assert isinstance(sample, Input)
    assert (sample.key, sample.value, sample.record.headers, sample.record.timestamp_ms) == (
        "k",
        {},
        (("h", b"1"),),
        7,
    )
    assert sample.schema is not None
    assert (sample.schema.name, sample.schema.namespace) == ("Thing", "acme")


@pytest.mark.parametrize(
    "path", sorted((schemas_dir() / "examples").rglob("full.json")), ids=lambda path: path.parent.name
)
def test_every_shipped_example_is_a_record(framed: TopicMapping, path: Path) -> None:
    """Each fits its schema."""
    sample = read_sample(path.read_text(encoding="utf-8"), framed, schemas_dir())
    assert isinstance(sample, Input)
    assert sample.schema is not None
    assert sample.schema.name == path.parent.name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON: "),
        ('{"schema": 5, "value": {}}', "schema must be the name of a record type, as text"),
        ('{"headers": {"a": 1}, "value": {}}', "headers must be a map of texts"),
        ('{"timestamp": "x", "value": {}}', "timestamp must be whole milliseconds since 1970"),
        (
            '{"schema": "Event", "keys": "k", "value": {"at": 1}}',
            "keys is not known here: did you mean 'key'?",
        ),
        (
            '{"at": "soon"}',
            "at: timestamp-millis takes milliseconds since 1970 UTC, or ISO 8601 such as 2026-01-31T12:00:00Z",
        ),
        (
            '{"at": 1769860800250000}',
            "at: timestamp-millis takes milliseconds since 1970 UTC; this is out of their range",
        ),
        ('{"at": 5, "day": "today"}', "day: a date is written as 2026-01-31"),
        ('{"att": 5}', "att is not in the schema: did you mean 'at'?"),
        ('{"at": 5, "file": "§"}', "file: bytes are written as base64: "),
        ('{"at": true}', "at is true or false (schema Event wants timestamp-millis)"),
        ('{"at": 5, "tags": 5}', "tags is a whole number (schema Event wants map of string)"),
        ('{"at": 5, "tags": {"a": null}}', "tags.a is null (schema Event wants string)"),
        ('{"at": 5, "parties": {}}', "parties is an object (schema Event wants list of Party)"),
        ('{"at": 5, "parties": [{"n": "x"}, {}]}', "parties[1].n is missing (schema Event wants string)"),
        ('{"at": 5, "party": "secret"}', "party is text (schema Event wants Party)"),
        ('{"at": 5, "day": 2.5}', "day is a number with a fraction (schema Event wants date)"),
        ('{"at": 5, "day": 3000000000}', "day is beyond 32 bits (schema Event wants date)"),
        ("{}", "at is missing (schema Event wants timestamp-millis)"),
        ('{"schema": "Event", "value": {}}', "value.at is missing (schema Event wants timestamp-millis)"),
        ("[]", "the value is a list (schema Event wants Event)"),
    ],
)
def test_what_is_no_record_is_told(raw: TopicMapping, text: str, said: str) -> None:
    """With the place in the value."""
    sample = read_sample(text, raw, schemas_dir())
    assert isinstance(sample, BadSample)
    assert sample.why.startswith(said)


def test_an_unknown_version_is_told(framed: TopicMapping) -> None:
    """Only released versions can be read."""
    sample = read_sample('{"schema": "CallCreated", "version": 99, "value": {}}', framed, schemas_dir())
    assert sample == BadSample("there is no version 99 of CallCreated: there are none")


def test_files_are_rendered_by_name_type_and_size(tmp_path: Path) -> None:
    """Binary content is counted byte for byte and not printed."""
    text = (
        "version: 1\ntopics:\n  calls.v1:\n    start: earliest\n    rules:\n      - name: rec\n"
        "        operation: sync-inbound-message\n        channel: cha_1\n        body:\n"
        "          sender: {handle: h}\n          body: b\n          metadata: {external_id: i, external_conversation_id: c}\n"
        "          attachments: [{name: 'ä.bin', content: '${value.c}', content_type: application/x-thing}]\n"
    )
    topic = loaded(folder(tmp_path, calls=text)).mappings.topics["calls.v1"]
    sample = read_sample("{}", topic, schemas_dir())
    assert isinstance(sample, Input)
    content = bytes(range(256)) + b"\r\n--x\r\n\r\n"
    shown = rendered(topic.map(Input(record=sample.record, value={"c": content}, key=None, schema=None)))
    requests = shown["requests"]
    assert isinstance(requests, list)
    parts = requests[0]["parts"]
    assert parts[0] == {"name": "sender[handle]", "value": "h", "size": 1}
    assert parts[-1] == {
        "name": "attachments[]",
        "filename": "ä.bin",
        "content_type": "application/x-thing",
        "size": len(content),
    }
