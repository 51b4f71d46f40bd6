"""The words of every problem and every evaluation error, and the places that problems point at."""

import pytest

from connector.core.expression import EvaluationError, Language, Problem, Template

LANGUAGE = Language(["channels"])
VARIABLES = "channels, env, headers, key, offset, partition, record_id, schema, timestamp, topic, value"
DEFAULT = "cannot take a value that may be absent: give it a default with .orValue(...)"
NO_NULL = (
    "there is no null here: test a field with has(), give it a default with .orValue(...), "
    "or leave a field out with optional.none()"
)
UNCLOSED_STRING = "the string that opens here is not closed, or has an unknown \\ escape"
TOO_DEEP = "the expression is nested too deeply; split it, or list texts with [...].join()"

# expression -> column in it (1-based), message
PROBLEMS = {
    # names
    "vlaue.x": (1, "unknown variable 'vlaue'; did you mean 'value'?"),
    "value.a + vlaue.b.c": (11, "unknown variable 'vlaue'; did you mean 'value'?"),
    "Value.s": (1, "unknown variable 'Value'; did you mean 'value'?"),
    "zebra.y.z": (1, f"unknown variable 'zebra'; there are {VARIABLES}"),
    "value == True": (10, "unknown variable 'True'; did you mean 'true'?"),
    "None": (1, NO_NULL),
    "value.line-id": (12, "unknown variable 'id'; a field with - in its name is written [\"...\"]"),
    "{a: 1}": (2, 'a map\'s key is a string: write "a"'),
    "size": (1, "size is a function: write size(x)"),
    "foo(value.a)": (1, "unknown function 'foo'"),
    "strip_hmtl(value.a)": (1, "unknown function 'strip_hmtl'; did you mean 'strip_html'?"),
    "value.s.upper()": (9, "unknown function 'upper'; did you mean 'upperAscii'?"),
    "value.s.strip()": (9, "unknown function 'strip'; did you mean 'trim'?"),
    "value.s.lstrip()": (9, "unknown function 'lstrip'; did you mean 'trim'?"),
    "value.s.rstrip()": (9, "unknown function 'rstrip'; did you mean 'trim'?"),
    "value.s.lower()": (9, "unknown function 'lower'; did you mean 'lowerAscii'?"),
    "len(value.s)": (1, "unknown function 'len'; did you mean 'size'?"),
    'strip_html("a", "b")': (1, "strip_html is not used like this: write strip_html(text)"),
    "value.s.strip_html()": (9, "strip_html is not used like this: write strip_html(text)"),
    'value.s.replace("a")': (
        9,
        "replace is not used like this: write text.replace(old, new) or text.replace(old, new, limit)",
    ),
    "value.all(x)": (7, "all is not used like this: write list.all(item, condition)"),
    # kinds
    "strip_html(1)": (11, "strip_html cannot be applied to (int): write strip_html(text)"),
    '1 + "x"': (3, "+ cannot be applied to (int, string)"),
    "1 + 1.0": (3, "+ cannot be applied to (int, double)"),
    "!topic": (1, "! cannot be applied to (string)"),
    'topic in "b"': (7, "in cannot be applied to (string, string)"),
    "headers[1]": (8, "[ ] cannot be applied to (map(string, string), int)"),
    "1 == topic": (3, "== compares int with string: they are never equal"),
    'true ? 1 : "x"': (6, "? : takes a condition and two values of one type, not (bool, int, string)"),
    "topic.x": (6, "a value of type string has no fields"),
    "offset.map(x, x)": (1, "a value of type int has no elements to loop over"),
    "9223372036854775808": (1, "this whole number does not fit into 64 bits"),
    "has(value)": (5, "has() asks for a field: write has(value.field)"),
    "value.map(1, 2)": (11, "not a valid expression: map() variable name must be a simple identifier"),
    # values that may be absent
    'value.?s + "a"': (10, f"+ {DEFAULT}"),
    "value.?s == 1": (10, f"== {DEFAULT}"),
    "string(value.?s)": (7, f"string {DEFAULT}"),
    "value.?l.map(x, x)": (
        6,
        "cannot loop over a value that may be absent: give it a default, as in .orValue([])",
    ),
    "[value.?s]": (7, "value.?s may be absent here: give it a default with .orValue(...)"),
    "value.?i == value.?j": (6, "value.?i may be absent here: give it a default with .orValue(...)"),
    "optional.of(value.?a.b)": (21, "value.?a.b may be absent here: give it a default with .orValue(...)"),
    "value.a.orValue(1)": (
        9,
        "orValue() is for a value that may be absent: write .?field or [?key] before it",
    ),
    "value.?a.or(value.b)": (10, "or() is for a value that may be absent: write .?field or [?key] before it"),
    "true ? value.?a : value.b": (
        6,
        "one side of ? : may be absent and the other not: write optional.of(...) around the other",
    ),
    "[?value.a]": (
        8,
        "after a ? stands a value that may be absent: leave the ? away, or write optional.of(...)",
    ),
    '{?"a": 1}': (
        8,
        "after a ? stands a value that may be absent: leave the ? away, or write optional.of(...)",
    ),
    # CEL that mapping files do not have
    "value.a == null": (12, NO_NULL),
    "1u": (1, "mapping files do not have an unsigned number"),
    'timestamp("2026-01-01T00:00:00Z")': (1, "mapping files do not have the function timestamp"),
    '"a".reverse()': (5, "mapping files do not have the function reverse"),
    "int": (1, "mapping files do not have int"),
    "google.protobuf.Int64Value{value: 1}": (
        1,
        "mapping files do not have the message type google.protobuf.Int64Value",
    ),
    "{1: 2}": (2, "a map's key is a string here: put it in quotes"),
    '{"a": 1, "a": 2}': (10, "the key 'a' is given twice"),
    'topic.matches("(")': (15, "not a valid regular expression (RE2 syntax): missing ): ("),
    # habits from other languages
    "value.a = 1": (9, "a single = does not compare: write =="),
    "value.a.exists(x, x = 1)": (21, "a single = does not compare: write =="),
    "value.a === 1": (9, "=== is no operator: write =="),
    "value.a !== 1": (9, "!== is no operator: write !="),
    "value.a <> 1": (9, "<> is no operator: write !="),
    "value.a & true": (9, "a single & is no operator: write &&"),
    "value.a | strip_html": (
        9,
        "a single | is no operator: write || for 'or'; a function is written strip_html(value.body)",
    ),
    "value.a ?? 1": (9, "?? is no operator: write value.?field.orValue(default)"),
    "value?.a": (6, "?. is no operator: the question mark follows the dot, as in value.?field"),
    "value.a and value.b": (9, "'and' is no operator: write &&"),
    "value.a or value.b": (9, "'or' is no operator: write ||"),
    "not value.a": (1, "'not' is no operator: write ! before the condition"),
    "value.a is 1": (9, "'is' is no operator: write =="),
    "if value.a then 1 else 2": (1, "there is no 'if': write condition ? this : that"),
    "while": (1, "'while' is a word of the language and cannot be a name"),
    "“a”": (1, "typographic quotes do not make a string: write plain ones"),
    "value.in": (7, 'a field with this name is written ["in"], without the dot'),
    "value.é": (7, 'a field with this name is written ["é"], without the dot'),
    # unfinished
    '"abc': (1, UNCLOSED_STRING),
    'value.a == "\\q"': (12, UNCLOSED_STRING),
    "(value.a": (8, "the expression ends too early: a ) is missing"),
    "value.items[0": (13, "the expression ends too early: a ] is missing"),
    "value.a ? 1": (11, "the expression ends too early: a : is missing"),
    "value.a.": (8, "the expression ends too early"),
    "value.a)": (8, "the expression cannot be read from ')' on"),
    "[1, , 2]": (5, "the expression cannot be read from ',' on"),
    "value.a # b": (9, "the expression cannot be read from '#' on"),
    # bounds
    "(" * 40 + "1" + ")" * 40: (1, TOO_DEEP),
    " + ".join(["value.a"] * 40): (1, TOO_DEEP),
    "value.?a" + ".optMap(x, x)" * 12: (
        1,
        "an expression has at most 8 optMap and optFlatMap; put a part of it into a let",
    ),
    "value.map(x, " * 20 + "1" + ")" * 20: (1, TOO_DEEP),
    '"' + "a" * 16_383 + '"': (1, "an expression has at most 16384 characters, this one has 16385"),
    '"\0"': (2, "this character cannot stand in an expression: write it as an escape"),
    '"\ud800"': (2, "this character cannot stand in an expression: write it as an escape"),
}


@pytest.mark.parametrize("expression", PROBLEMS, ids=lambda expression: ascii(expression[:40]))
def test_a_problem_says_what_to_write_instead(expression: str) -> None:
    """One finding for each, at its place in the text around it."""
    column, message = PROBLEMS[expression]
    assert LANGUAGE.compile("id ${" + expression + "}") == (Problem(message, 1, 5 + column),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a\nb ${value.x",
            Problem("this ${ is never closed: a } is missing; write $${ for a literal ${", 2, 3),
        ),
        ('${"}', Problem(UNCLOSED_STRING, 1, 3)),
        ('${"a', Problem("this ${ is never closed: a } is missing; write $${ for a literal ${", 1, 1)),
        ("x ${  } y", Problem("there is no expression between ${ and }", 1, 3)),
        (
            "é\n\U0001f600é ${\n  'é\U0001f600' +\n vlaue}",
            Problem("unknown variable 'vlaue'; did you mean 'value'?", 4, 2),
        ),
    ],
)
def test_a_problem_points_into_the_whole_text(text: str, problem: Problem) -> None:
    """Lines and columns count characters, also behind line breaks and outside the Latin alphabet."""
    assert LANGUAGE.compile(text) == (problem,)


def test_all_problems_of_a_text_come_at_once() -> None:
    """Those of every expression, and of one expression if CEL can tell them apart."""
    problems = LANGUAGE.compile('${vlaue} ${topic.x}\n${1 + "a" + topix}')
    assert isinstance(problems, tuple)
    assert [(p.line, p.column) for p in problems] == [(1, 3), (1, 17), (2, 5), (2, 13)]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a-b", "table 'a-b': a name has only letters, digits and _, and no digit first"),
        ("", "table '': a name has only letters, digits and _, and no digit first"),
        ("value", "table 'value': this name is taken by the expression language; choose another one"),
        ("in", "table 'in': this name is taken by the expression language; choose another one"),
    ],
)
def test_a_table_that_no_expression_could_name_is_refused(table: str, message: str) -> None:
    """With the reason."""
    with pytest.raises(ValueError) as error:
        Language([table])
    assert str(error.value) == message


SECRET = "+49301234567"
SCOPE = {
    "value": {
        "line": SECRET,
        "text": SECRET,
        "n": 7,
        "f": 1.5,
        "list": [SECRET],
        "map": {SECRET: SECRET},
        "bytes": b"\xff",
        "yes": True,
    },
    "channels": {"main": {"id": "cha_1"}},
    "topic": "calls",
}

# template -> error
ERRORS = {
    # paths
    "x${value.caller.number}": "value.caller: no such field 'caller'",
    "x${value.map.number.x}": "value.map.number: no such field 'number'",
    '${value["a b"] == 1}': "value[\"a b\"]: no such field 'a b'",
    "${value.text.number}": "value.text.number: value.text is a string, which has no fields or elements",
    "${value.text[0]}": "value.text[0]: value.text is a string, which has no fields or elements",
    "${value.list.number}": "value.list.number: value.list is a list; take an element by its number, as in value.list[0]",
    "x${value.list[3]}": "value.list[3]: the list's length is 1",
    "x${value.map[0]}": "value.map[0]: no such field 0",
    "x${key}": "key: this record has none",
    "${key.id == 1}": "key: this record has none",
    "${value.list.map(item, item.id)}": "item.id: item is a string, which has no fields or elements",
    "${value.list.filter(i, true)[9] == 1}": "...[9]: the list's length is 1",
    # computed keys
    "${channels[value.line]}": "channels[value.line]: the key is not in channels",
    "${channels[value.line].id}": "channels[value.line]: the key is not in channels",
    '${value.map[value.text + "x"]}': "value.map[...]: the key is not in value.map",
    '${{"a": 1}[value.text]}': "{...}[value.text]: the key is not in {...}",
    "${[1][value.n]}": "[...][value.n]: the list's length is 1",
    "${value.list[value.n]}": "value.list[value.n]: the list's length is 1",
    "${value.list[value.text]}": "value.list[value.text]: an element of a list is chosen by an int, not by a string",
    "${value.n[value.n]}": "value.n[value.n]: value.n is an int, which has no fields or elements",
    "${has(value.text.a)}": "has(value.text.a): value.text is a string, which has no fields",
    "${value.text.?a}": "value.text.?a: value.text is a string, which has no fields",
    "${value.?x.value()}": "value.?x: there is no value; test it with hasValue() or give a default with orValue()",
    # kinds
    "${value.text + value.n}": "+ cannot be applied to a string and an int",
    "${value.yes + value.yes}": "+ cannot be applied to a bool and a bool",
    "${value.text < value.n}": "< cannot be applied to a string and an int",
    "${value.n in value.n}": "in cannot be applied to an int and an int",
    "${-value.text}": "- cannot be applied to a string",
    "${value.n ? 1 : 2}": "a condition is an int, not a bool",
    "${value.n && true}": "a condition is an int, not a bool",
    "${value.n.map(x, x)}": "value.n: cannot loop over an int; only lists and maps have elements",
    "${value.n.trim()}": "trim: expected a string, found an int",
    "${topic.substring(value.text)}": "substring: expected an int, found a string",
    "${value.map.join()}": "join: expected a list, found a map",
    "${[value.n].join()}": "join: expected a string, found an int",
    "${size(value.n)}": "size: an int has no size",
    "${{value.n: 1}}": "a map's key is an int; keys are strings here",
    "${{value.line: 1, value.text: 2}}": "a map is given the same key twice",
    # arithmetic and positions
    "${9223372036854775807 + value.n}": "integer overflow: the result does not fit into 64 bits",
    "${value.n / 0}": "division by zero",
    "${topic.charAt(value.n)}": "charAt: a position lies outside the string",
    "${topic.substring(3, 2)}": "substring: the end lies before the start",
    "${truncate(topic, -1)}": "truncate: the length is negative",
    # conversions
    "${int(value.text + 'x')}": "int: the string is not a whole number of 64 bits",
    "${int(1e300)}": "int: the double does not fit into 64 bits",
    "${int(value.list)}": "int: a list cannot become an int",
    "${double('x')}": "double: the string is not a number",
    "${double(value.list)}": "double: a list cannot become a double",
    "${bool(value.text)}": "bool: the string is neither true nor false",
    "${bool(value.n)}": "bool: an int cannot become a bool",
    "${string(value.bytes)}": "string: these bytes are not UTF-8",
    "${string(value.map)}": "string: a map has no form as a string",
    "${bytes(value.n)}": "bytes: expected a string, found an int",
    "${to_seconds(value.yes == true ? 1e300 : 1.0)}": "to_seconds: the double does not fit into 64 bits",
    "${to_seconds(value.text)}": "to_seconds: expected an int or a double, found a string",
    '${topic.matches("(" + value.text)}': "matches: the pattern is not a valid regular expression (RE2 syntax)",
    # larger texts
    "x${value.?caller.name}": 'value.?caller.name: it is absent, and a larger text needs a value; add .orValue("")',
    "x${ value.map }": "value.map: string: a map has no form as a string",
}


@pytest.mark.parametrize("text", ERRORS)
def test_an_evaluation_error_says_the_path_and_no_value(text: str) -> None:
    """The record's values are all the same secret, so that none can hide in a message."""
    template = LANGUAGE.compile(text)
    assert isinstance(template, Template), template
    with pytest.raises(EvaluationError) as error:
        template.evaluate(SCOPE)
    assert str(error.value) == ERRORS[text]
    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None


def test_the_first_error_of_a_condition_is_reported() -> None:
    """When neither side of && decides."""
    template = LANGUAGE.compile("${value.a == 1 && value.b == 2}")
    assert isinstance(template, Template)
    with pytest.raises(EvaluationError, match=r"^value\.a: no such field 'a'$"):
        template.evaluate(SCOPE)


def test_text_that_is_not_unicode_is_an_error_and_not_a_crash() -> None:
    """JSON may hold half of a surrogate pair, and numbers beyond any type."""
    expected = {
        '${value.s.matches("a")}': "matches: the text is not valid Unicode",
        "${topic.matches(value.s)}": "matches: the pattern is not a valid regular expression (RE2 syntax)",
        "${bytes(value.s)}": "bytes: the string is not valid Unicode",
        "${string(value.i)}": "string: the int does not fit into 64 bits",
        "${double(value.i)}": "double: the int does not fit into 64 bits",
        "x${value.i}": "value.i: string: the int does not fit into 64 bits",
    }
    for text, message in expected.items():
        template = LANGUAGE.compile(text)
        assert isinstance(template, Template)
        with pytest.raises(EvaluationError) as error:
            template.evaluate({"topic": "a", "value": {"s": "a\ud800", "i": 10**5000}})
        assert str(error.value) == message
    template = LANGUAGE.compile("${sha256(value)}")
    assert isinstance(template, Template)
    assert len(str(template.evaluate({"value": "\ud800"}))) == 64
