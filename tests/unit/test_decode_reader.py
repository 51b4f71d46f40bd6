"""Schemas that evolve: values of several writers, read as they were written and read as one reader's schema."""

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from connector.core.dead_letter import Failure
from connector.core.decode import Decoded, ParsedSchema, SchemaId, Undecodable, parse_schema, read_avro
from connector.core.mapping import AvroFormat, Plan, RawAvroFormat
from connector.core.prepare import Prepared, prepare
from connector.core.records import Epoch, Record, TopicPartition
from tests.support.framing import framed
from tests.unit.config_files import folder, loaded, problems


def schema(*fields: dict[str, Any], name: str = "tel.Call", number: int = 1, **more: Any) -> ParsedSchema:
    parsed = parse_schema({"type": "record", "name": name, "fields": list(fields), **more}, SchemaId(number))
    assert isinstance(parsed, ParsedSchema)
    return parsed


def field(name: str, kind: object = "string", **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, **more}


def read(
    value: dict[str, object], writer: ParsedSchema, reader: ParsedSchema | None
) -> Decoded | Undecodable:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, writer.avro, value)
    return read_avro(stream.getvalue(), writer, reader)


LINES = {"type": "enum", "name": "Line", "symbols": ["MAIN", "SECRET"]}
MAYBE = ["null", "string"]
TEXTS, NUMBERS = ({"type": "array", "items": kind} for kind in ("string", "long"))
FEWER = {"type": "enum", "name": "Line", "symbols": ["MAIN"]}
EVOLUTIONS = [
    (
        "a renamed field has an alias",
        [field("caller")],
        {"caller": "a"},
        [field("from", aliases=["caller"])],
        {"from": "a"},
    ),
    ("a removed field is dropped", [field("id"), field("old")], {"id": "a", "old": "b"}, [field("id")], {"id": "a"}),
    ("an int becomes a long", [field("ms", "int")], {"ms": 7}, [field("ms", "long")], {"ms": 7}),
    ("an int becomes a double", [field("ms", "int")], {"ms": 7}, [field("ms", "double")], {"ms": 7.0}),
    ("a text becomes bytes", [field("raw")], {"raw": "é"}, [field("raw", "bytes")], {"raw": b"\xc3\xa9"}),
    ("a value becomes optional", [field("id")], {"id": "a"}, [field("id", MAYBE)], {"id": "a"}),
    ("a new field has a default", [field("id")], {"id": "a"}, [field("id"), field("q", default="x")], {"id": "a", "q": "x"}),
    ("a new field is absent", [field("id")], {"id": "a"}, [field("id"), field("q", MAYBE, default=None)], {"id": "a"}),
    ("fields change places", [field("a"), field("b")], {"a": "1", "b": "2"}, [field("b"), field("a")], {"a": "1", "b": "2"}),
    ("an enum has a default", [field("l", LINES)], {"l": "SECRET"}, [field("l", {**FEWER, "default": "MAIN"})], {"l": "MAIN"}),
    (
        "a time becomes finer",
        [field("at", {"type": "long", "logicalType": "timestamp-millis"})],
        {"at": 5},
        [field("at", {"type": "long", "logicalType": "timestamp-millis"}), field("n", "int", default=1)],
        {"at": 5, "n": 1},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wrote", "value", "reads", "seen"), [row[1:] for row in EVOLUTIONS], ids=[row[0] for row in EVOLUTIONS]
)
def test_a_value_looks_as_the_reader_s_schema_says(
    wrote: list[dict[str, Any]],
    value: dict[str, object],
    reads: list[dict[str, Any]],
    seen: dict[str, object],
) -> None:
    """And without one as it was written. The schema that is told is the writer's."""
    writer, reader = schema(*wrote), schema(*reads, number=2)
    assert read(value, writer, reader) == Decoded(seen, writer)
    assert read(value, writer, None) == Decoded(value, writer)
    assert read(value, writer, writer) == Decoded(value, writer)


def test_a_record_of_another_name_is_known_by_its_alias() -> None:
    """A namespace alone makes no difference (Avro compares the unqualified name)."""
    writer = schema(field("id"), name="tel.CallStarted")
    renamed = schema(field("id"), name="v2.Call", aliases=["tel.CallStarted"])
    assert read({"id": "a"}, writer, renamed) == Decoded({"id": "a"}, writer)
    assert read({"id": "a"}, writer, schema(field("id"), name="v2.CallStarted")) == Decoded(
        {"id": "a"}, writer
    )


TYPES = (
    "a type was changed to one that it does not fit, or an enum's symbol is gone and the enum has no default"
)
NOT_WRITTEN = "tel.Call has the field more, which was not written and has no default"
CLASHES = [
    ([field("id")], {"id": "s3cret"}, [field("id", "int")], TYPES),
    ([field("id")], {"id": "s3cret"}, [field("id"), field("more")], NOT_WRITTEN),
    ([field("id")], {"id": "s3cret"}, [field("more")], NOT_WRITTEN),
    ([field("ms", "long")], {"ms": 1}, [field("ms", "int")], TYPES),
    ([field("l", LINES)], {"l": "SECRET"}, [field("l", FEWER)], TYPES),
    ([field("o", ["null", "string"])], {"o": None}, [field("o")], TYPES),
    ([field("o", TEXTS)], {"o": ["s3cret"]}, [field("o", NUMBERS)], TYPES),
]  # fmt: skip


@pytest.mark.parametrize(("wrote", "value", "reads", "said"), CLASHES)
@pytest.mark.parametrize("recursive", [False, True], ids=["C reader", "Python reader"])
def test_a_writer_s_schema_that_does_not_fit_is_said_without_the_value(
    wrote: list[dict[str, Any]],
    value: dict[str, object],
    reads: list[dict[str, Any]],
    said: str,
    recursive: bool,
) -> None:
    """Both schemas are named; an enum's symbol is of the record and is not."""
    itself = [field("next", ["null", "tel.Call"])] if recursive else []
    writer = schema(*wrote, *itself)
    found = read({**value, "next": None} if recursive else value, writer, schema(*reads, number=2))
    assert found == Undecodable(f"Call (id 1) cannot be read as Call: {said}")
    assert "s3cret" not in found.why.lower()


def test_another_record_altogether_does_not_fit() -> None:
    """Such as a topic of several events with one reader's schema."""
    found = read({"id": "a"}, schema(field("id"), name="Sms"), schema(field("id")))
    assert found == Undecodable(f"Sms (id 1) cannot be read as Call: {TYPES}")


def test_a_reader_may_be_a_union_of_records() -> None:
    """For a topic of several events: each is read as the one with its name, and one that is not there does not fit."""
    call = {"type": "record", "name": "Call", "fields": [field("caller", aliases=["from"])]}
    sms = {"type": "record", "name": "Sms", "fields": [field("text")]}
    union = parse_schema([call, sms], None)
    assert isinstance(union, ParsedSchema)
    writer = schema(field("from"), name="Call")
    assert read({"from": "a"}, writer, union) == Decoded({"caller": "a"}, writer)
    other = read({"from": "a"}, schema(field("from"), name="Fax"), union)
    assert other == Undecodable(f"Fax (id 1) cannot be read as a type of the reader's union: {TYPES}")


MAPPING = """\
version: 1
topics:
  calls:
    start: earliest
    key: {format: bytes}
    value: %s
    rules:
      - name: summary
        operation: add-call-summary
        channel: cha_1
        path: {external_call_id: '${value.call_id}'}
        body: {content: '${schema.name + " " + string(value.ms)}'}
"""
OLD = schema(field("id"), field("ms", "int"), field("gone"))
WRITER = {"type": "record", "name": "tel.Call", "fields": OLD.avro["fields"]}
READER = {
    "type": "record",
    "name": "Call",
    "namespace": "tel",
    "fields": [field("call_id", aliases=["id"]), field("ms", "long")],
}


def prepared(path: Path, value: str, writer: ParsedSchema = OLD) -> Prepared:
    (path / "mappings").mkdir(exist_ok=True)
    (path / "mappings" / "reader.avsc").write_text(json.dumps(READER))
    (path / "mappings" / "writer.avsc").write_text(json.dumps(WRITER))
    topic = loaded(folder(path, calls=MAPPING % value)).mappings.topics["calls"]
    assert isinstance(topic.value, AvroFormat | RawAvroFormat)
    sent = framed(
        TopicPartition("calls", 0), 7, writer, {"id": "c-1", "ms": 7, "gone": "x", "more": "x"}, schema_id=1
    )
    payload = sent.value if isinstance(topic.value, AvroFormat) else (sent.value or b"")[5:]
    given = Record(
        topic="calls",
        partition=0,
        offset=7,
        epoch=Epoch(1),
        key=None,
        value=payload,
        headers=(),
        timestamp_ms=None,
    )
    return prepare(given, topic, lambda _ref: writer, 0.0)


@pytest.mark.parametrize(
    "value",
    ["{format: avro, reader: reader.avsc}", "{format: avro_raw, schema: writer.avsc, reader: reader.avsc}"],
)
def test_a_topic_s_reader_is_what_its_expressions_see(tmp_path: Path, value: str) -> None:
    """With the registry's framing and without; `schema` is still the writer's."""
    made = prepared(tmp_path, value)
    assert isinstance(made, Plan)
    assert made.requests[0].http.path == "/channels/cha_1/calls/c-1/summary"
    assert made.requests[0].http.content == b'{"content":"Call 7"}'


def test_a_writer_that_does_not_fit_is_a_dead_letter(tmp_path: Path) -> None:
    """`decode_failed`, with both schemas' names."""
    other = schema(field("more"), name="tel.Call", number=3)
    made = prepared(tmp_path, "{format: avro, reader: reader.avsc}", other)
    assert isinstance(made, Failure)
    assert (made.reason, made.stage) == ("decode_failed", "decode")
    assert made.message == (
        "value: Call (id 3) cannot be read as Call: tel.Call has the field call_id, which was not written and has no default"
    )


def test_a_reader_that_cannot_be_read_is_told_at_load(tmp_path: Path) -> None:
    """With the place of its name."""
    said = problems(folder(tmp_path, calls=MAPPING % "{format: avro, reader: gone.avsc}"))
    assert said == ["mappings/calls.yaml:6:35: cannot read mappings/gone.avsc: No such file or directory"]
    (tmp_path / "mappings" / "wrong.avsc").write_text('{"type": "recrod"}')
    (found,) = problems(folder(tmp_path, calls=MAPPING % "{format: avro, reader: wrong.avsc}"))
    assert found.endswith("mappings/wrong.avsc is not a valid Avro schema")
