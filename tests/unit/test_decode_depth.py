"""A body may nest as deeply as its writer likes where a type contains itself: too deep is a bad record, not a dead process."""

import json
import subprocess
import sys
from typing import Any

import pytest

from connector.core.decode import Decoded, ParsedSchema, Undecodable, parse_schema, read_avro


def of(name: str, *types: Any) -> Any:
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": f"f{number}", "type": each} for number, each in enumerate(types)],
    }


CHAIN = of("Link", ["null", "Link"])


def schema(definition: Any, **references: Any) -> ParsedSchema:
    parsed = parse_schema(definition, None, references)
    assert isinstance(parsed, ParsedSchema)
    return parsed


@pytest.mark.parametrize(
    ("definition", "recursive"),
    [
        (CHAIN, True),
        (of("Tree", {"type": "map", "values": ["null", {"type": "array", "items": "Tree"}]}), True),
        (of("A", of("B", ["null", "A"])), True),
        (["null", CHAIN], True),
        ({**CHAIN, "type": "error"}, True),
        (of("A", of("B", "string"), "B"), False),
        (of("A", {"type": "enum", "name": "E", "symbols": ["A"]}, {"type": "string"}), False),
        ({"type": "array", "items": "string"}, False),
        ("string", False),
    ],
)
def test_a_schema_knows_whether_it_contains_itself(definition: Any, recursive: bool) -> None:
    """Through records, unions, arrays and maps; a type that is only used twice does not."""
    assert schema(definition).recursive is recursive


def test_a_referenced_schema_may_be_the_recursive_one() -> None:
    """The subject's own text does not show it."""
    referenced = schema(CHAIN).avro
    assert schema(of("Outer", "Link"), Link=referenced).recursive


def test_a_nested_body_is_read() -> None:
    """Depths that data has are no matter."""
    read = read_avro(b"\x02" * 50 + b"\x00", schema(CHAIN))
    assert isinstance(read, Decoded)


@pytest.mark.parametrize("depth", [2_000, 1_000_000])
def test_bad_03_a_body_nested_too_deeply_is_undecodable(depth: int) -> None:
    """In a process of its own, as the reader that overran its stack would take this one with it."""
    play = (
        "import json, sys\n"
        "from connector.core.decode import parse_schema, read_avro\n"
        "schema = parse_schema(json.loads(sys.argv[1]), None)\n"
        "print(type(read_avro(b'\\x02' * int(sys.argv[2]) + b'\\x00', schema)).__name__)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", play, json.dumps(CHAIN), str(depth)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, Undecodable.__name__)
