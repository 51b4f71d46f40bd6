"""Bytes -> values: framings, what cannot be read, and how values look to expressions."""

import datetime as dt
import fractions
import io
import uuid
from decimal import Decimal

import fastavro
import pytest

from connector.core.decode import (
    Decoded,
    Framed,
    ParsedSchema,
    SchemaGuid,
    SchemaId,
    Undecodable,
    frame,
    parse_schema,
    plain,
    read_avro,
)

FIELDS = [{"name": "id", "type": "string"}, {"name": "kind", "type": ["null", "long"]}]
GUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")


@pytest.fixture(scope="module")
def schema() -> ParsedSchema:
    """A small record's schema."""
    parsed = parse_schema(
        {"type": "record", "name": "Sms", "namespace": "chat", "fields": FIELDS}, SchemaId(7)
    )
    assert isinstance(parsed, ParsedSchema)
    return parsed


def body(schema: ParsedSchema, value: dict[str, object]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, schema.avro, value)
    return stream.getvalue()


def test_a_prefix_names_the_schema_by_id() -> None:
    """Magic byte 0, four bytes big-endian, then the body."""
    assert frame(b"\x00\x00\x00\x01\x02rest", None) == Framed(SchemaId(258), memoryview(b"rest"))
    assert frame(b"\x00\x01\x02\x03\x04", None) == Framed(SchemaId(0x01020304), memoryview(b""))


@pytest.mark.parametrize(
    ("header", "ref"),
    [
        (b"\x01" + GUID.bytes, SchemaGuid(str(GUID))),
        (b"\x00\x00\x00\x00\x09", SchemaId(9)),
        (b"\x00\x01\x02\x03\x04", SchemaId(0x01020304)),
    ],
)
def test_a_header_wins_over_a_prefix_and_the_payload_is_bare(
    header: bytes, ref: SchemaId | SchemaGuid
) -> None:
    """GUID or id in `__value_schema_id`; the payload, even one that looks framed, is the body."""
    assert frame(b"\x00\x00\x00\x00\x01", header) == Framed(ref, memoryview(b"\x00\x00\x00\x00\x01"))


@pytest.mark.parametrize(
    ("payload", "header", "why"),
    [
        (b"", None, "0 bytes are too few"),
        (b"\x00\x00\x01", None, "3 bytes are too few"),
        (b"{json}", None, "the first byte is not 0"),
        (b"\x01\x00\x00\x00\x07", None, "the first byte is not 0"),
        (b"x", b"\x05", "the schema-id header is neither"),
        (b"x", b"\x01" + GUID.bytes[:15], "the schema-id header is neither"),
        (b"x", b"\x00" + GUID.bytes, "the schema-id header is neither"),
        (b"x", b"\x01\x00\x00\x00\x09", "the schema-id header is neither"),
        (b"x", b"\x00\x00\x00\x09", "the schema-id header is neither"),
    ],
)
def test_bad_02_what_is_not_our_framing_is_said(payload: bytes, header: bytes | None, why: str) -> None:
    """Without asking a registry."""
    found = frame(payload, header)
    assert isinstance(found, Undecodable)
    assert found.why.startswith(why)


def test_bad_03_a_damaged_body_is_undecodable_and_shows_nothing_of_it(schema: ParsedSchema) -> None:
    """Cut short at any byte, with bytes left over, or with a wrong union branch."""
    whole = body(schema, {"id": "canary", "kind": 3})
    assert read_avro(whole, schema) == Decoded({"id": "canary", "kind": 3}, schema)
    damaged = [whole[:end] for end in range(len(whole))] + [whole + b"x", whole[:-2] + b"\x08\x06"]
    for payload in damaged:
        found = read_avro(payload, schema)
        assert isinstance(found, Undecodable), payload
        assert "canary" not in found.why


def test_what_does_not_fit_says_which_schema_and_how_and_nothing_of_the_body(schema: ParsedSchema) -> None:
    """Its name, its id, and the kind of the error."""
    found = read_avro(b"\x0ccana", schema)
    assert found == Undecodable("the body does not fit its schema Sms (id 7): EOFError")


@pytest.mark.parametrize(
    ("definition", "error"),
    [
        ({"type": "nonsense"}, "UnknownType"),
        ({"type": "record", "fields": []}, "SchemaParseException"),
        ({"type": "record", "name": "A", "fields": [{"name": "b", "type": "B"}]}, "UnknownType"),
        (
            {"type": "nonsense", "name": "A", "__fastavro_parsed": True, "__named_schemas": {}},
            "UnknownType",
        ),
        (5, "TypeError"),
    ],
)
def test_a_schema_that_is_no_schema_is_said(definition: object, error: str) -> None:
    """A registry may hold anything, what our own library writes into schemas it has parsed among it."""
    said = Undecodable(f"the schema of id 1 is not valid Avro: {error}")
    assert parse_schema(definition, SchemaId(1)) == said


@pytest.mark.parametrize(
    ("definition", "name", "namespace"),
    [
        ({"type": "record", "name": "Sms", "namespace": "chat.v1", "fields": []}, "Sms", "chat.v1"),
        ({"type": "record", "name": "chat.v1.Sms", "fields": []}, "Sms", "chat.v1"),
        ({"type": "record", "name": "Sms", "fields": []}, "Sms", ""),
        ({"type": "array", "items": "string"}, "", ""),
        ("string", "", ""),
        (["null", "string"], "", ""),
    ],
)
def test_a_schema_has_the_name_of_its_outermost_type(definition: object, name: str, namespace: str) -> None:
    """And whatever has none is called nothing; the reference stays with it."""
    parsed = parse_schema(definition, SchemaId(3))
    assert isinstance(parsed, ParsedSchema)
    assert parsed.as_value() == {"name": name, "namespace": namespace, "id": 3}


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (dt.datetime(2026, 11, 23, tzinfo=dt.UTC), 1795392000000),
        (dt.datetime(2026, 11, 23, 0, 0, 0, 123456, tzinfo=dt.UTC), 1795392000123),
        (dt.datetime(1969, 12, 31, 23, 59, 59, 999500, tzinfo=dt.UTC), -1),
        (dt.datetime(2026, 11, 23), 1795392000000),  # noqa: DTZ001 - local-timestamp-millis reads so
        (dt.datetime(2026, 11, 23, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))), 1795392000000),
        (dt.time(1, 2, 3, 4567), 3723004),
        (dt.time(0, 0, 0, 999_000), 999),
        (dt.timedelta(seconds=1, microseconds=1999), 1001),
        (dt.date(2026, 11, 23), "2026-11-23"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        ((1, None, dt.date(2026, 11, 23)), [1, "2026-11-23"]),
        (fractions.Fraction(1, 3), "1/3"),
        (GUID, str(GUID)),
        ({"a": None, "b": [1, None, {"c": None}]}, {"b": [1, {}]}),
    ],
)
def test_bad_08_values_look_the_same_whatever_their_precision(value: object, seen: object) -> None:
    """Times are whole milliseconds, ints always; nulls are absent."""
    found = plain(value)
    assert found == seen
    assert type(found) is type(seen)
