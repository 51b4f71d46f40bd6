"""Values of JSON by an Avro schema: numbers of time in milliseconds, unions, and the first misfit in words."""

import io
from typing import Any

import fastavro
import pytest

from connector.workbench.avro_json import Misfit, read_json


def schema(kind: Any) -> Any:
    field = {"name": "x", "type": kind}
    return fastavro.parse_schema({"type": "record", "name": "Sms", "namespace": "tel", "fields": [field]})


def read(value: object, kind: Any) -> object:
    found = read_json({"x": value}, schema(kind), root="")
    assert isinstance(found, dict)
    fastavro.schemaless_writer(io.BytesIO(), schema(kind), found)
    return found["x"]


def misfit(value: object, kind: Any) -> str:
    with pytest.raises(Misfit) as caught:
        read_json({"x": value}, schema(kind), root="")
    return str(caught.value)


MS = 1_769_860_800_250


@pytest.mark.parametrize("prefix", ["timestamp", "local-timestamp"])
@pytest.mark.parametrize(("unit", "factor"), [("millis", 1), ("micros", 1_000), ("nanos", 1_000_000)])
def test_numbers_are_milliseconds_whatever_the_precision(prefix: str, unit: str, factor: int) -> None:
    """As expressions see them; a text means the same moment, and a fraction is kept as far as the field can."""
    kind = {"type": "long", "logicalType": f"{prefix}-{unit}"}
    assert read(MS, kind) == read("2026-01-31T12:00:00.250Z", kind) == MS * factor
    assert read(float(MS), kind) == MS * factor
    assert read(MS + 0.125, kind) == MS * factor + factor // 8
    assert read(-0.5, kind) == -(factor // 2) - factor % 2


@pytest.mark.parametrize(("unit", "base", "factor"), [("millis", "int", 1), ("micros", "long", 1_000)])
def test_times_of_day_are_milliseconds_too(unit: str, base: str, factor: int) -> None:
    """Since midnight."""
    kind = {"type": base, "logicalType": f"time-{unit}"}
    assert read_json(1_500, kind) == 1_500 * factor
    assert misfit(86_400_000, kind) == (
        f"x: time-{unit} takes milliseconds since midnight; this is out of their range"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**30, -(10**15)])
def test_a_time_that_could_not_be_read_back_is_a_misfit(value: float) -> None:
    """JSON's parser takes NaN; a number of microseconds is a thousand times too large."""
    kind = {"type": "long", "logicalType": "timestamp-micros"}
    assert misfit(value, kind) == (
        "x: timestamp-micros takes milliseconds since 1970 UTC; this is out of their range"
    )


PARTY = {"type": "record", "name": "Party", "fields": [{"name": "n", "type": "string"}]}
STATE = {"type": "enum", "name": "State", "symbols": ["RINGING", "ENDED"]}
MISFITS: list[tuple[object, Any, str]] = [
    (None, "string", "x is null (schema Sms wants string)"),
    ("a", "null", "x is text (schema Sms wants null)"),
    (1, "boolean", "x is a whole number (schema Sms wants boolean)"),
    (2**31, "int", "x is beyond 32 bits (schema Sms wants int)"),
    (-(2**63) - 1, "long", "x is beyond 64 bits (schema Sms wants long)"),
    (1.5, ["null", "long"], "x is a number with a fraction (schema Sms wants long)"),
    ("1", "double", "x is text (schema Sms wants double)"),
    (5, "bytes", "x is a whole number (schema Sms wants bytes)"),
    ("AAE=", {"type": "fixed", "name": "F", "size": 4}, "x is 2 bytes (schema Sms wants F: 4)"),
    ("RINGIN", STATE, "x is no symbol of State: did you mean 'RINGING'?"),
    (5, STATE, "x is a whole number (schema Sms wants State)"),
    ({}, ["null", PARTY], "x.n is missing (schema Sms wants string)"),
    ({}, {"type": "array", "items": PARTY}, "x is an object (schema Sms wants list of Party)"),
    ([], ["null", "string", PARTY], "x is a list (schema Sms wants null or string or Party)"),
    ("a", {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
     "x: a decimal is written as text, such as '12.50'"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "said"), MISFITS, ids=[row[2] for row in MISFITS])
def test_the_first_misfit_is_told_by_path_wanted_and_found(value: object, kind: Any, said: str) -> None:
    """The kind of what is found, never the value."""
    assert misfit(value, kind) == said


def test_a_union_takes_the_branch_that_fits() -> None:
    """A text is text where the union has one, though it could be base64 or a time; else what can be read as it."""
    time = {"type": "long", "logicalType": "timestamp-millis"}
    assert read("AAE=", ["null", "bytes", "string"]) == "AAE="
    assert read("AAE=", ["long", "bytes"]) == b"\x00\x01"
    assert read("1970-01-01T00:00:01Z", ["null", "boolean", time]) == 1000
    assert read({"n": "a"}, ["string", PARTY]) == {"n": "a"}
    assert read({"long": 5}, ["string", "long"]) == 5


def test_a_decimal_is_read_from_its_text() -> None:
    """As expressions see it."""
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
    assert str(read("12.50", kind)) == "12.50"
