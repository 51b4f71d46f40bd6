"""The generated back end against Google's own evaluator: same expression, same record, same result or both an error.

Google's evaluator (cel-expr-python 0.1.3) is read with care: `type()` before `value()`, no null and no NUL in the records, no
Python function inside an expression (docs/decisions/expressions.md).
"""

import json
import math
import re
from dataclasses import dataclass

import pytest
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from connector.core.expression import ABSENT, EvaluationError, Language, Template

LANGUAGE = Language(["channels"])
_TEXT_MAP = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
_ENVIRONMENT = cel.NewEnv(
    variables={
        "value": cel.Type.DYN,
        "key": cel.Type.DYN,
        "headers": _TEXT_MAP,
        "channels": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
        "topic": cel.Type.STRING,
        "offset": cel.Type.INT,
    },
    extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()],
)
SCOPE = {"headers": {"h": "x"}, "channels": {"a": {"id": "cha_1"}}, "topic": "calls", "offset": 7}


@dataclass(frozen=True)
class Failed:
    """An evaluation that ended in an error. `raised`: it left the evaluator at once, so that nothing could absorb it."""

    raised: bool = False


def google(expression, scope):
    """What Google's evaluator makes of a checked expression."""
    try:
        result = _ENVIRONMENT.compile(expression).eval(data=scope)
        return _plain(result)
    except RuntimeError:
        return Failed(raised=True)


def _plain(result):
    kind = result.type().name()
    if kind == "ERROR":
        return Failed()
    assert kind != "NULL"
    if kind.startswith("LIST"):
        return [_plain(item) for item in result.value()]
    if kind.startswith("MAP"):
        return {key: _plain(item) for key, item in result.value().items()}
    value = result.value()
    return bytes(value) if isinstance(value, bytearray) else value


def ours(expression, scope):
    """What the generated code makes of it; a pure path to something missing counts as the error that it is for Google."""
    template = LANGUAGE.compile("${" + expression + "}")
    assert isinstance(template, Template), template
    try:
        value = template.evaluate(scope)
    except EvaluationError:
        return Failed()
    return Failed() if value is ABSENT else value


def same(left, right):
    """Equal in value and in kind, all the way down; NaN is the same as NaN here."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return left == right


# Records

_CHARACTERS = st.sampled_from([*"abcAZ01 ,-.é€", "\U0001f600", "\n", "\xa0", "\x1f"])
_TEXTS = st.text(_CHARACTERS, max_size=6) | st.sampled_from(
    ["a", "1", "-1.5", "true", "1e3", " 7 ", "99999999999999999999"]
)
_LIMITS = [-(2**63), -(2**63) + 1, -1, 0, 1, 2, 2**53 + 1, 2**62, 2**63 - 1]
_INTS = st.sampled_from(_LIMITS) | st.integers(-20, 20)
_DOUBLES = (
    st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.5, 1e6, 123456789.5, 1e-5, 2.0**53, 2.0**63, 1e300])
    | st.floats(allow_nan=False)
    | st.just(math.nan)
)
_SCALARS = (
    _TEXTS | _INTS | _DOUBLES | st.booleans() | st.binary(max_size=4).filter(lambda data: 0 not in data)
)
_NAMES = ("a", "b", "c", "d")
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.fixed_dictionaries(
    {"s": _TEXTS, "i": _INTS, "f": _DOUBLES, "y": st.booleans(), "l": st.lists(_VALUES, max_size=3)},
    optional={
        "m": st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=3),
        "n": st.lists(_INTS, max_size=4),
        "t": st.lists(_TEXTS, max_size=4),
        "x": _VALUES,
    },
)

# Expressions, as a grammar: a name in braces is drawn from its own list. Kinds are only a guide, since a "dyn" may stand
# anywhere: errors are about as common as values.

# fmt: off
_LEAVES = {
    "dyn": [
        "value.s", "value.i", "value.f", "value.y", "value.l", "value.m", "value.n", "value.t", "value.x", "value.m.a",
        "value.m.b.c", "value.x.a", "value.l[0]", "value.n[1]", 'value["s"]', 'value.m["b"]', "value.missing", "headers.h",
        "headers.none", "topic", "offset", "channels.a.id", "channels.z", "key",
    ],
    "text": [*(json.dumps(text, ensure_ascii=False) for text in ("", "a", "b,c", "é€ \U0001f600", "-7", " x\n")), "value.s"],
    "int": ["0", "1", "2", "-1", "-3", "9223372036854775807", "-9223372036854775808", "value.i", "offset"],
    "double": ["0.0", "-0.0", "1.0", "1.5", "-2.5", "1e300", "(1.0/0.0)", "(0.0/0.0)", "value.f"],
    "bool": ["true", "false", "value.y", "has(value.m)", "has(value.x.a)", "has(value.?m.a)", "value.?x.hasValue()"],
    "list": ["[]", "value.l", "value.n", "value.t", '[1, "a", true, 1.0]'],
    "map": ["{}", "value.m", '{"a": 1, "b": {"c": 2}}', "channels"],
    "optional": [
        "value.?s", "value.?m", "value.?missing", "value.?x.?a", "value.?m.?b.?c", "headers.?h", "channels.?z", "value.?m.a",
        "value.?m.b.c", "optional.none()",
    ],
    "test": [
        "p == 1", "p > 0", 'p == "a"', "p", "p.a == value.i", "p == value.s || p == 2", "p < 1 && p > -5", "size(p) > 1",
    ],
    "pattern": ['"a"', '"^[a-c]+$"', '"(?i)A"', '"\\\\d"', '"."', "value.s", '("(" + value.s)'],
    "compare": ["==", "!=", "<", "<=", ">", ">="],
}
_RULES = {
    "any": ["{dyn}", "{text}", "{int}", "{double}", "{bool}", "{list}", "{map}", "({bool} ? {any} : {any})"],
    "dyn": [
        "dyn({any})", "{optional}.orValue({any})", "{optional}.value()", "{list}[{int}]", "{map}[{text}]", "channels[{text}]",
        "{map}.a", "({bool} ? {dyn} : {any})", "({bool} ? {any} : {dyn})",
    ],
    "text": [
        "{dyn}", "({text} + {text})", "string({text})", "string({int})", "string(value.f)", "string(value.x)",
        "{text}.substring({int})", "{text}.charAt({int})", "{text}.replace({text}, {text})",
        "{text}.replace({text}, {text}, {int})", "{text}.lowerAscii()", "{text}.upperAscii()", "{text}.trim()",
        "{list}.join({text})", "{list}.join()", "{text}.split({text}).join({text})",
    ],
    "int": [
        "{dyn}", "({int} + {int})", "({int} - {int})", "({int} * {int})", "({int} / {int})", "({int} % {int})", "-({int})",
        "size({text})", "size({list})", "{map}.size()", "size({dyn})", "{text}.indexOf({text})",
        "{text}.indexOf({text}, {int})",
        "{text}.lastIndexOf({text})", "{text}.lastIndexOf({text}, {int})", "int({text})", "int({double})", "int({dyn})",
    ],
    "double": [
        "{dyn}", "({double} + {double})", "({double} - {double})", "({double} * {double})", "({double} / {double})",
        "double({text})", "double({int})", "-({double})",
    ],
    "bool": [
        "{dyn}", "({dyn} {compare} {any})", "({any} {compare} {dyn})", "({text} {compare} {text})",
        "({double} {compare} {double})", "({bool} && {bool})", "({bool} || {bool})", "({bool} && {bool} && {dyn})",
        "({dyn} || {bool} || {bool})", "!({bool})", "({dyn} in {list})", "({dyn} in {map})", "({any} in {dyn})",
        "{text}.startsWith({text})", "{text}.endsWith({text})", "{text}.contains({text})", "{text}.matches({pattern})",
        "{list}.all(p, {test})", "{list}.exists(p, {test})", "{list}.exists_one(p, {test})", "{map}.exists(p, {test})",
        "{optional}.hasValue()", "bool({text})", "has({dyn}.b)",
    ],
    "list": [
        "{dyn}", "[{any}, {any}]", "[{any}, ?{optional}]", "({list} + {list})", "{text}.split({text})",
        "{text}.split({text}, {int})", "{list}.filter(p, {test})", "[size({map}.map(p, p))]", "{list}.map(p, {test})",
        "{list}.map(p, [p, {dyn}])", "{list}.map(p, p + p)", "{list}.map(p, {test}, {any})",
        "{list}.map(p, {list}.filter(q, q != p))", "{list}.map(p, p.?a.orValue({any}))",
    ],
    "map": ["{dyn}", '{{"a": {any}, "b": {any}}}', '{{"a": {any}, ?"b": {optional}}}', "{{string({text}): {any}}}"],
    "optional": [
        "{dyn}.?a", "{map}[?{text}]", "{list}[?{int}]", "{dyn}[?{dyn}]", "{optional}.or({optional})", "optional.of({any})",
        "({bool} ? {optional} : {optional})", "{optional}.optMap(o, [o, {dyn}])", "{optional}.optMap(o, o + o)",
        "{optional}.optFlatMap(o, {optional})", "{optional}.optFlatMap(o, o.?a)",
    ],
}
# fmt: on


def _draw(draw, kind, depth):
    rules = _RULES.get(kind, ())
    if rules and (depth > 0 or kind not in _LEAVES):
        rule = draw(st.sampled_from(rules))
        parts = re.split(r"(?<!\{)\{(\w+)\}(?!\})", rule)
        drawn = [_draw(draw, part, depth - 1) if number % 2 else part for number, part in enumerate(parts)]
        return "".join(drawn).replace("{{", "{").replace("}}", "}") if "{{" in rule else "".join(drawn)
    return draw(st.sampled_from(_LEAVES[kind]))


@st.composite
def expressions(draw, kind="any"):
    """An expression of at most six levels, small ones being more likely."""
    return _draw(draw, kind, draw(st.sampled_from([1, 2, 2, 3, 3, 4, 5])))


def _accepted(expression):
    try:
        _ENVIRONMENT.compile(expression)
    except RuntimeError:
        return False
    return True


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(), st.lists(RECORDS, min_size=1, max_size=3))
def test_any_expression_on_any_record_agrees_with_google(expression, records):
    """Same value of the same kind, or an error on both sides."""
    assume(_accepted(expression))
    for record in records:
        scope = {**SCOPE, "value": record}
        expected = google(expression, scope)
        if isinstance(expected, Failed) and expected.raised:
            continue  # cut short by an error that Google's evaluator lets nothing absorb
        found = ours(expression, scope)
        event("error" if isinstance(expected, Failed) else "value")
        assert same(found, expected), (expression, scope, found, expected)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions("optional"), RECORDS)
def test_an_optional_as_the_whole_expression_is_unwrapped(expression, record):
    """Google reads it as the one element, or none, of a list."""
    in_list = f"[?{expression}]"
    assume(_accepted(in_list) and _accepted(expression))
    scope = {**SCOPE, "value": record}
    expected = google(in_list, scope)
    assume(not (isinstance(expected, Failed) and expected.raised))
    template = LANGUAGE.compile("${" + expression + "}")
    assert isinstance(template, Template), template
    try:
        value = template.evaluate(scope)
        found = [] if value is ABSENT else [value]
    except EvaluationError:
        found = Failed()
    assert same(found, expected), (expression, scope, found, expected)


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False) | st.just(math.nan), _INTS, _TEXTS)
def test_conversions_agree_with_google(double, whole, text):
    """string(), int(), double() and bool() of every number and of many strings."""
    scope = {"value": {"f": double, "i": whole, "s": text}}
    for name in "fis":
        for function in ("string", "int", "double", "bool", "bytes"):
            expression = f"{function}(value.{name})"
            assert same(ours(expression, scope), google(expression, scope)), (expression, scope)


@pytest.mark.parametrize("text", ["", "a", "héllo", "\U0001f600b"])
def test_substring_agrees_with_google_but_for_its_last_position(text):
    """cel-expr-python 0.1.3 refuses an end at the string's end unless it is also the start; CEL's definition allows it."""
    for start in range(-1, len(text) + 2):
        for end in range(-1, len(text) + 2):
            expression = f"value.substring({start}, {end})"
            expected = google(expression, {"value": text})
            if end == len(text) and 0 <= start < end:
                assert (expected, ours(expression, {"value": text})) == (Failed(), text[start:])
            else:
                assert ours(expression, {"value": text}) == expected, expression


@pytest.mark.parametrize("first", range(1, 0x3100, 0x400))
def test_trim_knows_the_same_white_space_as_google(first):
    """Every code point of the blocks that hold white space."""
    for code in range(first, first + 0x400):
        scope = {"value": f"a{chr(code)}"}
        assert ours("value.trim()", scope) == google("value.trim()", scope), hex(code)
