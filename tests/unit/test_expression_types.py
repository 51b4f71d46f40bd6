"""The types that schemas give, and what is told with them, held against the decoder and the evaluator by random examples."""

import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from connector.core.decode import Decoded, ParsedSchema, parse_schema, read_avro
from connector.core.expression import ABSENT, EvaluationError, Language, Template
from connector.core.expression.avro import type_of
from connector.core.expression.examine import examine
from connector.core.expression.typed import Known
from connector.core.expression.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    STRING,
    Dyn,
    FieldType,
    ListOf,
    MapOf,
    OneOf,
    Record,
    Scalar,
    Texts,
    Type,
    enum,
    in_words,
    one_of,
)
from connector.core.expression.types import written as text_of
from tests.unit.test_expression_oracle import LANGUAGE, RECORDS, SCOPE, expressions
from tests.unit.test_expression_typed import held, parsed

# --- Avro ---------------------------------------------------------------------------------------------------------------

AVRO: list[tuple[object, Type]] = [
    ("boolean", BOOL),
    ("int", INT),
    ("long", INT),
    ("float", DOUBLE),
    ({"type": "string", "logicalType": "uuid"}, STRING),
    ({"type": "int", "logicalType": "date"}, STRING),
    ({"type": "int", "logicalType": "time-millis"}, INT),
    ({"type": "long", "logicalType": "local-timestamp-micros"}, INT),
    ({"type": "bytes", "logicalType": "decimal", "precision": 4}, STRING),
    ({"type": "bytes", "logicalType": "unheard-of"}, Scalar("bytes")),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, enum("E", ["A"])),
    ({"type": "fixed", "name": "F", "size": 2}, Scalar("bytes")),
    ({"type": "array", "items": ["null", "int"]}, ListOf(INT)),
    ({"type": "map", "values": {"type": "map", "values": "int"}}, MapOf(MapOf(INT))),
    (["null", "string"], STRING),
    (["int", "string"], OneOf((INT, STRING))),
    ("null", DYN),
]


@pytest.mark.parametrize(("avro", "expected"), AVRO)
def test_a_type_is_what_expressions_see(avro: object, expected: Type) -> None:
    """Nulls are absent and times are numbers, as in the decoded value."""
    assert type_of(parsed(avro).avro) == expected


def test_named_types_are_found_wherever_they_are_defined() -> None:
    """Used again by name, in another namespace, inside themselves, or defined in another subject of the registry."""
    named: dict[str, Any] = {}
    fastavro.parse_schema(
        {"type": "record", "name": "far.Party", "fields": [{"name": "far", "type": "int"}]}, named
    )
    schema = {
        "type": "record",
        "name": "near.Party",
        "fields": [
            {"name": "far", "type": "far.Party"},
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A"]}},
            {"name": "again", "type": "Kind"},
            {"name": "me", "type": ["null", "Party"]},
        ],
    }
    found = parse_schema(schema, None, named)
    assert isinstance(found, ParsedSchema)
    near = type_of(found.avro)
    assert isinstance(near, Record)
    far = near.fields["far"].type
    assert isinstance(far, Record)
    assert (near.name, far.name, near.fields["again"].type) == (
        "near.Party",
        "far.Party",
        enum("near.Kind", "A"),
    )
    assert near.fields["me"] == FieldType(near, nullable=True)
    assert far.fields == {"far": FieldType(INT)}


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ((enum("E", ["A"]), enum("E", ["B"])), Texts(("E",), frozenset({"A", "B"}))),
        ((enum("E", ["A"]), text_of("x")), Texts(("E",), frozenset({"A"}), frozenset({"x"}))),
        ((enum("E", ["A"]), STRING), None),
    ],
)
def test_strings_become_one_string_of_all_that_is_known(
    types: tuple[Type, ...], expected: Texts | None
) -> None:
    """If nothing is known of one of them, nothing is known of any."""
    assert one_of(types) == Scalar("string", expected)


_NAMES = st.sampled_from(["a", "b", "in", "type", "name", "_x", "namespace"])
_LEAVES = st.sampled_from([
    "boolean", "int", "long", "float", "double", "string", "bytes",
    {"type": "long", "logicalType": "timestamp-millis"}, {"type": "int", "logicalType": "date"},
    {"type": "string", "logicalType": "uuid"}, {"type": "long", "logicalType": "time-micros"},
    {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2},
])  # fmt: skip


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """A record of records, lists, maps and unions, some of them of itself."""
    count = 0

    def record(depth: int) -> dict[str, Any]:
        nonlocal count
        count += 1
        name = f"R{count}"
        names = draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))
        return {
            "type": "record",
            "name": name,
            "fields": [{"name": each, "type": kind(depth, name)} for each in names],
        }

    def kind(depth: int, outer: str) -> Any:
        choices = ["leaf", "null"] + (["record", "array", "map", "union", "self"] if depth else [])
        match draw(st.sampled_from(choices)):
            case "record":
                return record(depth - 1)
            case "array":
                return {"type": "array", "items": kind(depth - 1, outer)}
            case "map":
                return {"type": "map", "values": kind(depth - 1, outer)}
            case "union":
                return ["null", "string", record(depth - 1)]
            case "self":
                return ["null", outer]
            case "null":
                return ["null", draw(_LEAVES)]
            case _:
                return draw(_LEAVES)

    return record(3)


def _written(path: list[str]) -> str:
    return "value" + "".join(f'["{step}"]' if step == "in" else f".{step}" for step in path)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas(), st.data())
def test_every_path_of_a_schema_passes_and_none_with_a_wrong_step(
    schema: dict[str, Any], data: st.DataObject
) -> None:
    """A walk down the schema is never complained of; with one step that is in no record, always."""
    whole = kind = type_of(parsed(schema).avro)
    path: list[str] = []
    while isinstance(kind, Record | OneOf) and len(path) < 8:
        records = (
            [kind]
            if isinstance(kind, Record)
            else [each for each in kind.alternatives if isinstance(each, Record)]
        )
        if not records or (path and data.draw(st.booleans())):
            break
        step = data.draw(st.sampled_from(sorted(records[0].fields)))
        kind = records[0].fields[step].type
        path.append(step)
    assert held(_written(path), whole, "R1").errors == ()
    wrong = data.draw(st.integers(0, len(path) - 1))
    bad = [*path[:wrong], f"{path[wrong]}_not_there", *path[wrong + 1 :]]
    [error] = held(_written(bad), whole, "R1").errors
    assert "has no field" in error.message


def _fits(value: object, kind: Type) -> bool:
    match kind:
        case Dyn():
            return True
        case OneOf(alternatives):
            return any(_fits(value, each) for each in alternatives)
        case ListOf(item):
            return isinstance(value, list) and all(_fits(each, item) for each in value)
        case MapOf(inner):
            return isinstance(value, dict) and all(_fits(each, inner) for each in value.values())
        case Record(_, fields):
            return isinstance(value, dict) and all(
                name in fields and _fits(each, fields[name].type) for name, each in value.items()
            ) and all(name in value for name, each in fields.items() if not each.nullable)  # fmt: skip
        case Scalar(name):
            kinds: dict[type, str] = {
                bool: "bool",
                int: "int",
                float: "double",
                str: "string",
                bytes: "bytes",
            }
            return kinds.get(type(value)) == name


def _value_of(
    kind: Any, draw: Callable[[st.SearchStrategy[Any]], Any], named: dict[str, Any], depth: int = 0
) -> Any:
    """A value that fastavro writes by the schema."""
    match kind:
        case list():
            branches = kind if depth < 6 else [kind[0]]
            return _value_of(draw(st.sampled_from(branches)), draw, named, depth + 1)
        case {"type": "record", "fields": fields}:
            return {each["name"]: _value_of(each["type"], draw, named, depth + 1) for each in fields}
        case {"type": "array", "items": items}:
            return [_value_of(items, draw, named, depth + 1) for _ in range(draw(st.integers(0, 2)))]
        case {"type": "map", "values": values}:
            return {
                key: _value_of(values, draw, named, depth + 1) for key in draw(st.sets(_NAMES, max_size=2))
            }
        case {"logicalType": "decimal"}:
            return draw(st.decimals(min_value=-99, max_value=99, places=2))
        case {"logicalType": "uuid"}:
            return draw(st.uuids()).__str__()
        case {"type": str(inner)}:
            return _value_of(inner, draw, named, depth)
        case str() if kind in named:
            return _value_of(named[kind], draw, named, depth)
        case _:
            return {"null": None, "boolean": True, "int": 7, "long": 8, "float": 1.5, "double": 2.5, "string": "s",
                    "bytes": b"b"}[kind]  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas(), st.data())
def test_what_the_decoder_gives_is_of_the_schema_s_type(schema: dict[str, Any], data: st.DataObject) -> None:
    """The types follow the decoder: written by fastavro, read as the service reads, every value fits."""
    prepared = parsed(schema)
    named = prepared.avro["__named_schemas"]
    body = io.BytesIO()
    fastavro.schemaless_writer(body, prepared.avro, _value_of(prepared.avro, data.draw, named))
    decoded = read_avro(body.getvalue(), prepared)
    assert isinstance(decoded, Decoded), decoded
    assert _fits(decoded.value, type_of(prepared.avro)), decoded.value


# --- the evaluator --------------------------------------------------------------------------------------------------------

RECORD = Record("R", {
    "s": FieldType(STRING), "i": FieldType(INT), "f": FieldType(DOUBLE), "y": FieldType(BOOL),
    "l": FieldType(ListOf(DYN)), "m": FieldType(MapOf(DYN), nullable=True), "n": FieldType(ListOf(INT), nullable=True),
    "t": FieldType(ListOf(STRING), nullable=True), "x": FieldType(DYN, nullable=True),
    "missing": FieldType(DYN, nullable=True),
})  # fmt: skip
SCOPE_TYPES: Mapping[str, Type] = {
    "value": RECORD,
    "headers": MapOf(STRING),
    "channels": MapOf(DYN),
    "topic": STRING,
    "offset": INT,
}
_MAY_PASS_OVER = re.compile(
    r"\?|&&|\|\||\bor\(|orValue|\.(map|filter|all|exists|exists_one|join)\(|has\(|==|!=| in "
)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(), RECORDS)
def test_a_value_is_of_the_type_that_was_told_and_a_mistake_has_none(
    expression: str, record: dict[str, Any]
) -> None:
    """Random expressions on random records: no complaint of one that works, and no value of another type than was inferred."""
    text = "${" + expression + "}"
    template = LANGUAGE.compile(text)
    assume(isinstance(template, Template))
    assert isinstance(template, Template)
    found = examine(LANGUAGE, text, Known(variables=SCOPE_TYPES, schemas=("R",)))
    event("mistake" if found.errors else "fine")
    try:
        value = template.evaluate({**SCOPE, "value": record})
    except EvaluationError:
        return
    if value is ABSENT:
        return
    # What is never evaluated may be wrong all the same, the elements of an empty list too; so may a comparison that is false.
    assert not found.errors or _MAY_PASS_OVER.search(expression), (expression, found.errors)
    if not found.errors:
        assert _fits(value, found.type), (expression, value, in_words(found.type))


def test_the_shipped_schemas_are_read_whole() -> None:
    """No field of theirs is left without a type."""
    for path in (Path(__file__).parents[2] / "schemas/avro").rglob("*.avsc"):
        whole = type_of(parsed(json.loads(path.read_text(encoding="utf-8"))).avro)
        assert isinstance(whole, Record)
        assert all(each.type != DYN for each in whole.fields.values()), path


def test_a_language_knows_only_the_trees_that_it_compiled() -> None:
    """So nothing is parsed for a type check alone. What a wider one compiles, with the names of lets, counts too."""
    language = Language()
    assert language.tree("value.a") is None
    language.compile("${value.a}")
    assert language.tree("value.a") is not None
    language.with_lets(["caller"]).compile("${caller.number + topic}")
    assert language.tree("caller.number + topic") is not None
