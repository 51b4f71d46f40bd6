"""Expressions held against types: what is told, in which words, and where."""

from collections.abc import Mapping

import pytest

from connector.core.decode import ParsedSchema, parse_schema
from connector.core.expression import Template
from connector.core.expression.avro import type_of
from connector.core.expression.examine import Examined, examine
from connector.core.expression.guards import narrowed, present_if
from connector.core.expression.tree import Node
from connector.core.expression.typed import Known
from connector.core.expression.types import (
    INT,
    STRING,
    FieldType,
    Record,
    Type,
    in_words,
    one_of,
)
from tests.unit.test_expression_oracle import LANGUAGE

PARTY = {
    "type": "record",
    "name": "Party",
    "fields": [
        {"name": "number", "type": "string"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "in", "type": "string"},
    ],
}
CALL = {
    "type": "record",
    "name": "Call",
    "namespace": "tel",
    "fields": [
        {"name": "call_id", "type": "string"},
        {"name": "count", "type": "int"},
        {"name": "share", "type": "double"},
        {"name": "outbound", "type": "boolean"},
        {"name": "audio", "type": "bytes"},
        {"name": "started_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["UP", "DOWN"]}},
        {"name": "caller", "type": PARTY},
        {"name": "agent", "type": ["null", "Party"]},
        {"name": "queue", "type": ["null", "string"]},
        {"name": "parties", "type": {"type": "array", "items": "Party"}},
        {"name": "by_role", "type": {"type": "map", "values": "Party"}},
        {"name": "grid", "type": {"type": "array", "items": {"type": "array", "items": ["int", "string"]}}},
        {"name": "numbers", "type": {"type": "array", "items": "int"}},
        {"name": "payload", "type": ["Party", {"type": "record", "name": "Note", "fields": [
            {"name": "text", "type": "string"}]}]},
        {"name": "parent", "type": ["null", "Call"]},
        {"name": "either", "type": ["string", "int"]},
    ],
}  # fmt: skip
VARIABLES: Mapping[str, Type] = {
    "schema": Record("", {"name": FieldType(STRING), "namespace": FieldType(STRING), "id": FieldType(INT)}),
    "topic": STRING,
}


def parsed(definition: object) -> ParsedSchema:
    found = parse_schema(definition, None)
    assert isinstance(found, ParsedSchema)
    return found


def held(expression: str, value: Type, *names: str) -> Examined:
    """An expression held against a type of `value`; it must compile."""
    text = "${" + expression + "}"
    compiled = LANGUAGE.compile(text)
    assert isinstance(compiled, Template), compiled
    known = Known(
        variables={**VARIABLES, "value": value}, schemas=names, all_schemas=frozenset(names) or None
    )
    return examine(LANGUAGE, text, known)


OF_CALL = type_of(parsed(CALL).avro)

_OF_STATE = "value.state is an enum State (Call), which has no symbol "
# expression -> column in it (1-based), message
DOUBTS = {
    'value.state == "UPP"': (16, f"{_OF_STATE}'UPP': did you mean 'UP'?"),
    '"up" != value.state': (1, f"{_OF_STATE}'up': did you mean 'UP'?"),
    'value.state in ["DOWN", "LOST"]': (25, f"{_OF_STATE}'LOST'; there are DOWN, UP"),
    '{"UP": 1, "D_OWN": 2}[value.state]': (11, f"{_OF_STATE}'D_OWN': did you mean 'DOWN'?"),
    '{"UP": 1, "D_OWN": 2}[?value.state].orValue(0)': (11, f"{_OF_STATE}'D_OWN': did you mean 'DOWN'?"),
    'value.?state.orValue("none") == "nun"': (
        33, "value.?state.orValue(...) is an enum State (Call), which has no symbol 'nun'; there are DOWN, UP"
    ),
    '[value.state].exists(s, s == "UPP")': (
        30, "s is an enum State (Call), which has no symbol 'UPP': did you mean 'UP'?"
    ),
    '"UPP" in [value.state]': (1, "[...] is an enum State (Call), which has no symbol 'UPP': did you mean 'UP'?"),
}  # fmt: skip
# What may be something else than a symbol of the enum.
NO_DOUBTS = [
    'value.state == "UP"',
    'value.?state.orValue("none") == "none"',
    '(value.outbound ? value.state : value.call_id) == "x"',
    'value.state.lowerAscii() == "up"',
    'value.state + "x" == "UPx"',
    "value.state == value.call_id",
    'dyn(value.state) == "x"',
    'value.call_id == "x"',
    'value.state.startsWith("U")',
    '{"UP": 1, "x": 2}[value.call_id]',
    'value.parent.payload == "x"',
]

# The same of mistakes.
MISTAKES = {
    "value.call_idd": (7, "the schema Call has no field 'call_idd': did you mean 'call_id'?"),
    "value.callId": (7, "the schema Call has no field 'callId': did you mean 'call_id'?"),
    "value.CALLID": (7, "the schema Call has no field 'CALLID': did you mean 'call_id'?"),
    "value.caller.nmae": (14, "the schema Call has no field 'nmae' in value.caller: did you mean 'name'?"),
    'value.caller["nmae"]': (14, "the schema Call has no field 'nmae' in value.caller: did you mean 'name'?"),
    "value.?caller.?nmae": (16, "the schema Call has no field 'nmae' in value.?caller: did you mean 'name'?"),
    "has(value.caller.nmae)": (18, "the schema Call has no field 'nmae' in value.caller: did you mean 'name'?"),
    "value.caller.zebra": (14, "the schema Call has no field 'zebra' in value.caller; there are in, name, number"),
    "value.parent.parent.parent.cuont": (
        28, "the schema Call has no field 'cuont' in value.parent.parent.parent: did you mean 'count'?"
    ),
    "value.parties.map(p, p.nam)": (
        24, "the schema Call has no field 'nam' in p (a record Party): did you mean 'name'?"
    ),
    "value.parties.filter(p, p.nam == \"\")": (
        27, "the schema Call has no field 'nam' in p (a record Party): did you mean 'name'?"
    ),
    "value.?agent.optMap(a, a.nam)": (
        26, "the schema Call has no field 'nam' in a (a record Party): did you mean 'name'?"
    ),
    "value.by_role.boss.nam": (20, "the schema Call has no field 'nam' in value.by_role.boss: did you mean 'name'?"),
    "value.parties[0].nam": (18, "the schema Call has no field 'nam' in value.parties[0]: did you mean 'name'?"),
    "value.payload.txt": (15, "the schema Call has no field 'txt' in value.payload: did you mean 'text'?"),
    "value.parties.name": (
        15, "value.parties is a list: take an element, as in value.parties[0], or all, as in value.parties.map(item, ...)"
    ),
    "value.count.x": (13, "value.count is an int, which has no fields"),
    "schema.nmae": (8, "schema has no field 'nmae': did you mean 'name'?"),
    '{"UP": 1}.DOWN': (11, "{...} has no field 'DOWN'; there are UP"),
    'value.count + "x"': (
        13, "+ cannot be applied to an int (value.count) and a string ('x'): write string(value.count)"
    ),
    "value.count + 1.5": (
        13, "+ cannot be applied to an int (value.count) and a double (1.5): write double(value.count)"
    ),
    "value.call_id - value.state": (15, "- cannot be applied to a string (value.call_id) and a string (value.state)"),
    "value.count < value.call_id": (13, "< cannot be applied to an int (value.count) and a string (value.call_id)"),
    "-value.call_id": (1, "- cannot be applied to a string (value.call_id)"),
    "strip_html(value.started_at)": (
        12, "value.started_at is an int, and strip_html takes a string: write strip_html(text)"
    ),
    "truncate(value.call_id, value.call_id)": (
        25, "value.call_id is a string, and truncate takes an int: write truncate(text, length)"
    ),
    "value.count.startsWith(topic)": (
        1, "value.count is an int, and startsWith takes a string: write text.startsWith(prefix)"
    ),
    "size(value.count)": (6, "value.count is an int, and size takes a string, bytes, a list or a map: write size(x)"),
    "to_seconds(value.call_id)": (
        12, "value.call_id is a string, and to_seconds takes an int or a double: write to_seconds(milliseconds)"
    ),
    'value.numbers.join(",")': (
        1,
        "each element of value.numbers is an int, and join takes strings: "
        "write value.numbers.map(item, string(item)).join(...)",
    ),
    'value.outbound == "yes"': (16, "value.outbound is a bool, 'yes' is a string: they are never equal"),
    'value.count in ["a"]': (
        13, "value.count is an int, and each element of the list a string: it is never in it"
    ),
    "value.count in value.by_role": (
        13, "value.count is an int, and the keys of a map are strings: it is never in it"
    ),
    'topic in value.call_id': (7, "value.call_id is a string, and `in` looks into a list or the keys of a map"),
    'value.call_id ? 1 : 2': (1, "a condition must be true or false: value.call_id is a string"),
    '!value.count': (2, "a condition must be true or false: value.count is an int"),
    'value.outbound && value.queue': (19, "a condition must be true or false: value.queue is a string"),
    "value.count.map(x, x)": (1, "value.count is an int, which has no elements to loop over"),
    "value.parties[value.call_id]": (
        14, "value.parties is a list: an element is chosen by an int, and value.call_id is a string"
    ),
    "value.caller[value.count]": (
        13, "value.caller is a record Party: a field is chosen by a string, and value.count is an int"
    ),
    "value.count[0]": (12, "value.count is an int, which has no fields or elements"),
    'schema.name == "Cal"': (16, "the topic has no schema 'Cal': did you mean 'Call'?"),
    'schema.name in ["Call", "Chat"]': (25, "the topic has no schema 'Chat'; there are Call"),
    "{value.count: 1}": (2, "a map's key must be a string: value.count is an int"),
}  # fmt: skip


@pytest.mark.parametrize("expression", MISTAKES)
def test_a_mistake_is_told_with_its_place(expression: str) -> None:
    """What can work with no record of the schema is an error, in one sentence."""
    column, message = MISTAKES[expression]
    told = [(error.line, error.column, error.message) for error in held(expression, OF_CALL, "Call").errors]
    assert told == [(1, 2 + column, message)]


FINE = [
    "value",
    'value["call_id"]',
    'value.caller["in"]',
    '"queue" in value',
    "size(value)",
    "value.map(name, name)",
    'value.caller == {"number": "1"}',
    "value.count == 1.0 && value.count < 1.5 && 1.5 in value.numbers",
    "value.payload.text",
    "value.payload.number",
    "value.grid[0][0] + 1",
    "value.either + 1",
    'value.either + "x"',
    'value.grid.map(row, row.map(cell, string(cell)).join(",")).join(";")',
    "value.by_role.anyone.number",
    "value.by_role.map(role, value.by_role[role].number)",
    "value.caller[topic]",
    "value.parent.parent.parent.parent.count",
    'value.state == "SIDEWAYS"',
    'value.outbound ? value.count : "none"',
    'schema.name == "Call" && schema.id > 0',
    "headers.anything + key.anything",
    "value.?parent.?agent.?name.orValue(topic)",
    "value.parties.filter(p, has(p.name)).map(p, p.name + topic)",
    'value.parties.map(p, {"a": p.number, ?"b": p.?name})[0].b',
    "dyn(value).anything",
]


@pytest.mark.parametrize("expression", FINE)
def test_what_some_record_allows_is_no_mistake(expression: str) -> None:
    """A record is a map, numbers compare by value, and of a union any branch may come."""
    assert held(expression, OF_CALL, "Call").errors == ()


# expression -> the columns and paths of its warnings
MISSING = {
    "value.queue": [],
    "value.agent.name": [],
    'value.queue + "x"': [(1, "value.queue")],
    "value.agent.name + value.agent.number": [(1, "value.agent"), (20, "value.agent")],
    "value.agent.?name": [(1, "value.agent")],
    "strip_html(value.queue)": [(12, "value.queue")],
    "has(value.agent.name)": [(5, "value.agent")],
    'value.queue == "a"': [(1, "value.queue")],
    "[value.queue]": [(2, "value.queue")],
    '{"a": value.queue}': [(7, "value.queue")],
    "value.parties.map(p, p.name)": [(22, "p.name")],
    'has(value.queue) ? value.queue : "x"': [],
    '!has(value.queue) ? "x" : value.queue': [],
    'has(value.queue) && value.queue != ""': [],
    'value.queue != "" && has(value.queue)': [],
    '!has(value.queue) || value.queue == ""': [],
    'has(value.queue) || value.queue == ""': [(21, "value.queue")],
    'has(value.agent) && has(value.agent.name) && value.agent.name != ""': [],
    'has(value.agent) ? value.agent.number + "x" : ""': [],
    'has(value.agent) ? value.agent.name + "x" : ""': [(20, "value.agent.name")],
    'value.?queue.hasValue() ? value.queue : ""': [],
    'value.?queue.orValue("") != "" ? value.queue : ""': [],
    'value.?queue.orValue("a") != "" ? value.queue : ""': [(35, "value.queue")],
    'value.queue == "a" ? value.queue + "b" : ""': [(1, "value.queue")],
    "value.?agent.optMap(a, a.number)": [],
    "value.?agent.optMap(a, a.name)": [(24, "a.name")],
    "value.parties.filter(p, has(p.name)).map(q, q.name)": [],
    "value.parties.map(p, has(p.name), p.name)": [],
    "value.parties.exists(p, has(p.name) && p.name == topic)": [],
    "has(value.queue) ? value.?parent.optMap(value, value.queue) : optional.none()": [(48, "value.queue")],
    "value.parties.filter(value, has(value.name)).size() > 0 ? value.queue : topic": [(59, "value.queue")],
}


@pytest.mark.parametrize("expression", MISSING)
def test_a_null_in_a_larger_expression_is_warned_of_unless_guarded(expression: str) -> None:
    """Such a record would be a dead letter; a path alone just leaves its field out."""
    found = held(expression, OF_CALL, "Call")
    assert found.errors == ()
    told = [(each.column - 2, each.message.partition(" can be null (Call)")[0]) for each in found.warnings]
    assert told == MISSING[expression]


def test_a_warning_says_what_to_write() -> None:
    """Both ways out, for the very part that may be missing."""
    [warning] = held('value.agent.name + "x"', OF_CALL, "Call").warnings
    assert warning.message == (
        "value.agent can be null (Call), and such a record becomes a dead letter here: "
        "read value.?agent with a default, or test has(value.agent)"
    )


def test_a_larger_text_needs_a_value_too() -> None:
    """`Hi ${value.queue}` is a larger expression in other clothes; its places are those of the text."""
    text = "Hi ${value.call_id},\n${value.queue} ${value.quue}"
    assert isinstance(LANGUAGE.compile(text), Template)
    found = examine(LANGUAGE, text, Known(variables={"value": OF_CALL}, schemas=("Call",)))
    assert [(each.line, each.column) for each in found.warnings] == [(2, 3)]
    assert [(each.line, each.column, each.message) for each in found.errors] == [
        (2, 24, "the schema Call has no field 'quue': did you mean 'queue'?")
    ]


def test_a_field_of_one_of_several_schemas_is_fine() -> None:
    """A field that none has is an error that names them; those of them with a nullable one make it nullable."""
    a = Record("x.A", {"id": FieldType(INT), "a": FieldType(STRING)})
    b = Record("y.A", {"id": FieldType(STRING, nullable=True), "b": FieldType(STRING)})
    both = one_of((a, b))
    assert held("value.a + value.b", both, "A", "B").errors == ()
    [error] = held("value.c.d", both, "A", "B").errors
    assert error.message == "none of the schemas A, B has a field 'c'; there are a, b, id"
    assert held("value.id + 1", both, "A", "B").warnings != ()
    many = [Record(name, {"id": FieldType(INT)}) for name in "ABCDEF"]
    [error] = held("value.ib", one_of(many), *"ABCDEF").errors
    assert error.message.startswith("none of the schemas A, B, C, D and 2 more has a field 'ib'")


def tree(expression: str) -> Node:
    assert isinstance(LANGUAGE.compile("${" + expression + "}"), Template)
    found = LANGUAGE.tree(expression)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ('schema.name == "A"', "A"),
        ('"A" == schema.name && value.x == 1', "A"),
        ('value.x == 1 && (schema["name"] == "A" || schema.name == "B")', "AB"),
        ('schema.name in ["A", "C"]', "AC"),
        ('schema.name != "A"', "BC"),
        ('schema.name == "A" || value.x == 1', "ABC"),
        ('!(schema.name == "A")', "ABC"),
        ('schema.name == topic', "ABC"),
        ('schema.namespace == "A"', "ABC"),
        ('schema.name == "X"', ""),
    ],
)  # fmt: skip
def test_a_condition_narrows_the_schemas(condition: str, names: str) -> None:
    """By the names that it compares with, in whatever order they are written; what it does not say, it leaves."""
    assert narrowed(tree(condition), frozenset("ABC")) == frozenset(names)


def test_facts_hold_for_what_a_condition_says() -> None:
    """has() of a path says that all of it is there; a variable of a macro is not the record's."""
    assert present_if(tree("has(value.a.b)"), True) == {("value", "a"), ("value", "a", "b")}
    assert present_if(tree("has(value.a.b)"), False) == {("value", "a")}
    assert present_if(tree("!has(value.a) || !has(value.b)"), False) == {("value", "a"), ("value", "b")}
    assert present_if(tree("has(value.a) || has(value.b)"), True) == frozenset()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("value.count + 1", "an int"),
        ("value.count + key.x", "an int"),
        ("key.x - key.y", "a double or an int"),
        ("[1] + key.x", "a list"),
        ("([1] + key.x)[0]", "any value"),
        ("(value.numbers + value.grid[0])[0]", "an int or a string"),
        ("value.outbound ? value.count : key.x", "any value"),
        ("value.either", "a string or an int"),
        ("value.parties.map(p, p.number)[0]", "a string"),
        ('value.call_id.split(",")[0]', "a string"),
        ('{"a": value.count}.a', "an int"),
        ('{"a": 1, "b": topic}[topic]', "an int or a string"),
        ("value.?agent.or(optional.of(value.caller))", "a record Party"),
        ("to_seconds(value.started_at)", "an int"),
    ],
)
def test_the_type_of_a_value_is_told(expression: str, expected: str) -> None:
    """As far as it is known; a sum with an unknown is of the kind that the other one leaves."""
    assert in_words(held(expression, OF_CALL, "Call").type) == expected


@pytest.mark.parametrize("expression", DOUBTS)
def test_a_constant_that_no_enum_has_is_doubted_where_it_stands(expression: str) -> None:
    """A doubt and no error: a newer version of the schema may have the symbol."""
    examined = held(expression, OF_CALL, "Call")
    assert examined.errors == ()
    assert [(each.column - 2, each.message) for each in examined.doubts] == [DOUBTS[expression]]


@pytest.mark.parametrize("expression", NO_DOUBTS)
def test_what_may_be_no_symbol_of_the_enum_is_not_doubted(expression: str) -> None:
    """Enums are strings everywhere else."""
    assert held(expression, OF_CALL, "Call").doubts == ()
