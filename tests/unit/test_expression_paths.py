"""Plain paths are compiled without CEL's parser: the shortcut must be invisible."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.core.expression import ABSENT, EvaluationError, Language, Template
from connector.core.expression.library import variables
from connector.core.expression.paths import Path, recognise

VARIABLES = variables(["channels"])
LANGUAGE = Language(["channels"])

_NAMES = st.sampled_from(["a", "b", "map", "package", "x_1", "in", "null", "true"])
_STEPS = st.one_of(
    _NAMES.map(lambda name: f".{name}"),
    st.sampled_from(
        [
            '["a"]',
            "['b']",
            '["a b"]',
            '["é"]',
            '["\'"]',
            '["in"]',
            '["\\u0061"]',
            "[0]",
            "[1]",
            "[007]",
            "[-1]",
            '[""]',
        ]
    ),
)
_ROOTS = st.sampled_from([*VARIABLES, "vlaue", "true"])
_WRITTEN = st.builds(
    lambda before, root, steps, after: before + root + "".join(steps) + after,
    st.sampled_from(["", " ", "\n"]), _ROOTS, st.lists(_STEPS, max_size=4), st.sampled_from(["", " ", " // x\n"]),
)  # fmt: skip
_VALUES = st.recursive(
    st.sampled_from([1, 1.5, True, "text", b"bytes"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "map", "a b", "é", "in", ""]), inner, max_size=3)
    ),
    max_leaves=8,
)
_SCOPES = st.dictionaries(st.sampled_from([*VARIABLES]), _VALUES, max_size=8)


def outcome(text: str, scope: dict[str, object]) -> tuple[str, object]:
    """What a text becomes: problems, an error's words, or a value with its kind."""
    template = LANGUAGE.compile(text)
    if not isinstance(template, Template):
        return ("problems", [problem.message for problem in template])
    try:
        value = template.evaluate(scope)
    except EvaluationError as error:
        return ("error", str(error))
    return (type(value).__name__, (value, template.roots))


@given(_WRITTEN, _SCOPES)
@example("value.in", {"value": {"in": 1}})
@example("headers.a.b", {})
@example("topic.a", {"topic": "x"})
@example("schema[0]", {"schema": {}})
@example("value[0][1].a", {"value": [["x", {"a": 1}]]})
def test_a_plain_path_and_the_generated_code_agree(path: str, scope: dict[str, object]) -> None:
    """In parentheses the same path goes through CEL: same value, same absence, same error, same problems."""
    assert outcome("${" + path + "}", scope) == outcome("${(" + path + ")}", scope)
    kind, result = outcome("x${(" + path + ")}", scope)
    if isinstance(result, str):  # an error about the whole quotes it as it is written
        result = result.replace(f"({path})", path.strip())
    assert outcome("x${" + path + "}", scope) == (kind, result)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("value", Path("value", ())),
        (" value.caller.number ", Path("value", ("caller", "number"))),
        ('value["a b"][0].c', Path("value", ("a b", 0, "c"))),
        ("channels['main'].id", Path("channels", ("main", "id"))),
        ("headers.trace", Path("headers", ("trace",))),
        ("topic", Path("topic", ())),
        ("headers.a.b", None),
        ("topic.a", None),
        ("schema[0]", None),
        ("value.in", None),
        ('value["\\n"]', None),
        ("value . a", None),
        ("value.?a", None),
        ("unknown.a", None),
        ("value" + ".a" * 25, None),
    ],
)
def test_only_what_surely_passes_the_type_check_is_recognised(written: str, path: Path | None) -> None:
    """All else is left to CEL, which also finds the words for what is wrong."""
    assert recognise(written, VARIABLES) == path


def test_absence_is_not_an_empty_value() -> None:
    """Only what is not there is absent; false, zero and nothing in a string are values."""
    for value in (0, 0.0, False, "", b"", [], {}):
        template = LANGUAGE.compile("${value.a}")
        assert isinstance(template, Template)
        found = template.evaluate({"value": {"a": value}})
        assert (found, found is ABSENT) == (value, False)
