"""Nothing that a mapping file or a record holds makes an evaluation endless, huge, or a leak."""

import gc
import sys
import threading
import tracemalloc

import pytest

from connector.core.expression import WORK, BudgetExceeded, EvaluationError, Language, Template, Work
from connector.core.expression.values import STEPS_MAX
from tests.benchmark.expression_soak import soak as odd_values

LANGUAGE = Language(["channels"])
MIB = 2**20


def compiled(expression: str) -> Template:
    template = LANGUAGE.compile(expression)
    assert isinstance(template, Template), template
    return template


DEEP = "the expression is nested too deeply; split it, or list texts with [...].join()"


def refusals(text: str) -> list[str]:
    problems = LANGUAGE.compile(text)
    assert isinstance(problems, tuple)
    return [problem.message for problem in problems]


def refused(expression: str, value: object) -> str:
    with pytest.raises(EvaluationError) as error:
        compiled(expression).evaluate({"value": value})
    return str(error.value)


def test_an_evaluation_loops_over_ten_thousand_elements_and_no_more() -> None:
    """All loops of one evaluation count together; the next evaluation starts anew."""
    once = compiled("${value.map(x, x).size()}")
    assert once.evaluate({"value": [1] * 10_000}) == 10_000
    assert once.evaluate({"value": [1] * 10_000}) == 10_000
    message = "one evaluation may loop over 10000 elements, and this is more"
    assert refused("${value.map(x, x).size()}", [1] * 10_001) == f"value: {message}"
    assert refused("${value.map(x, value.map(y, 1)).size()}", [1] * 100) == f"value: {message}"
    assert refused("${value.all(x, true) && value.exists(x, false)}", [1] * 6_000) == f"value: {message}"


def test_a_spent_budget_is_not_absorbed() -> None:
    """`|| true` hides other errors, but not the end of the budget."""
    assert "10000 elements" in refused("${value.all(x, true) || true}", [1] * 10_001)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${value + value}", "a" * (MIB // 2 + 1)),
        ("${value + value}", b"a" * (MIB // 2 + 1)),
        ("${value + value}", [1] * (MIB // 2 + 1)),
        ("${value.replace('a', value)}", "a" * 2_000),
        ("${[value, value].join(value)}", "a" * (MIB // 2)),
        ("${html_escape(value)}", "&" * (MIB // 4)),
        ("${value.split('')}", "a" * (MIB + 1)),
        ("${value.lowerAscii()}", "a" * (MIB + 1)),
        (
            "${[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17].map(i, value.lowerAscii())}",
            "a" * MIB,
        ),
    ],
)
def test_a_result_is_at_most_a_mebibyte_long(expression: str, value: object) -> None:
    """And all results of one evaluation at most sixteen; what would multiply is refused before it is built."""
    assert (
        refused(expression, value)
        == "the expression builds a result of more than 1048576 characters, or 16777216 in all"
    )


TOO_MUCH = "the expressions of this record take too much work: long lists or texts are looked through again and again"
LONG = "a" * 500_000


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("value.a.filter(x, !(x in value.b))", {"a": list(range(2_000)), "b": [-1] * 200_000}),
        ("value.a.filter(x, value.b == value.c)", {"a": [1] * 2_000, "b": [1] * 200_000, "c": [1] * 200_000}),
        (
            "value.a.filter(x, value.b != value.c)",
            {"a": [1] * 9_000, "b": dict.fromkeys(map(str, range(2_000)), 1)}
            | {"c": dict.fromkeys(map(str, range(2_000)), 1)},
        ),
        ("value.a.exists(x, value.t == value.u)", {"a": [1] * 9_000, "t": LONG, "u": LONG + "b"}),
        ("value.a.exists(x, value.t > value.u)", {"a": [1] * 9_000, "t": LONG, "u": LONG + "b"}),
        ("value.a.exists(x, value.t.startsWith(value.u))", {"a": [1] * 9_000, "t": LONG, "u": LONG + "b"}),
        ("value.a.exists(x, value.t.endsWith(value.u))", {"a": [1] * 9_000, "t": LONG, "u": LONG + "b"}),
        ("value.a.exists(x, value.t.contains(x))", {"a": ["b"] * 1_000, "t": LONG}),
        ("value.a.exists(x, value.t.contains(x))", {"a": ["a" * 99 + "b"] * 1_000, "t": "a" * 29_000}),
        ('value.a.exists(x, value.t.indexOf("b") > 0)', {"a": [1] * 1_000, "t": LONG}),
        ('value.a.exists(x, value.t.lastIndexOf("b") > 0)', {"a": [1] * 1_000, "t": LONG}),
        ("value.a.exists(x, value.t.matches(x))", {"a": ["b"] * 51, "t": "a"}),
        ('value.a.exists(x, value.t.matches("b"))', {"a": [1] * 1_000, "t": LONG}),
        ('value.a.exists(x, strip_html(value.t) == "")', {"a": [1] * 100, "t": LONG}),
        ('value.a.exists(x, sha256(value.t) == "")', {"a": [1] * 1_000, "t": LONG}),
        ('value.a.exists(x, value.t.trim() == "a")', {"a": [1] * 1_000, "t": " " * 500_000}),
        ('value.a.exists(x, value.t.lowerAscii() == "")', {"a": [1] * 50, "t": "é" * 500_000}),
        ('value.a.exists(x, value.t.upperAscii() == "")', {"a": [1] * 50, "t": "é" * 500_000}),
        ('value.a.exists(x, value.t.replace("a", "") == "b")', {"a": [1] * 1_000, "t": LONG}),
        ('value.a.exists(x, value.t.split("a", 1) == [])', {"a": [1] * 1_000, "t": LONG}),
        ('value.a.exists(x, value.b.join() == "b")', {"a": [1] * 9_000, "b": [""] * 200_000}),
        ("value.a.exists(x, int(value.t) == 1)", {"a": [1] * 1_000, "t": " " * 500_000}),
        ("value.a.exists(x, double(value.t) == 1.0)", {"a": [1] * 1_000, "t": LONG}),
        ('value.a.exists(x, string(value.t) == "b")', {"a": [1] * 1_000, "t": b"\xff" * 500_000}),
        ('value.a.exists(x, bytes(value.t) == b"b")', {"a": [1] * 1_000, "t": LONG}),
    ],
)
def test_looking_through_long_things_again_and_again_ends(expression: str, value: object) -> None:
    """Also where nothing is built, and also inside `||`, which keeps other errors to itself."""
    template = compiled(
        "${" + expression + ".size() == 0 || true}"
        if ".filter" in expression
        else "${" + expression + " || true}"
    )
    with pytest.raises(BudgetExceeded) as error:
        template.evaluate({"value": value})
    assert str(error.value) == TOO_MUCH


def test_the_expressions_of_a_record_share_its_work() -> None:
    """A hundred rules that each look through everything are bounded together; another record starts anew."""
    template = compiled("${strip_html(value)}")
    scope: dict[str, object] = {"value": LONG, WORK: Work()}
    for _ in range(6):
        template.evaluate(scope)
    with pytest.raises(BudgetExceeded, match="the expressions of this record take too much work"):
        template.evaluate(scope)
    assert template.evaluate({"value": LONG, WORK: Work()}) == LONG


@pytest.mark.parametrize(
    ("expression", "value", "steps"),
    [
        ("value.a", {"a": LONG}, 0),
        ("value.a.size()", {"a": LONG}, 0),
        ('value.a == "b" && value.b > 3', {"a": LONG, "b": 4}, 0),
        ('value.a.contains("b")', {"a": "a" * 64}, 0),
        ('value.a.contains("bcd")', {"a": "a" * 640}, 30),
        ('value.a.contains("bcd")', {"a": LONG}, 500_000 // 16),
        ("1 in value.a", {"a": [2] * 10}, 20),
        ("value.a == value.b", {"a": [2] * 10, "b": [2] * 10}, 20),
        ("value.a == value.b", {"a": [2] * 10, "b": [2] * 11}, 0),
        ("value.a.exists(x, x == 1)", {"a": [2] * 10}, 50),
        ("strip_html(value.a)", {"a": "a" * 100}, 300),
        ("html_escape(value.a)", {"a": "a" * 100}, 50),
        ("value.a.matches(value.a)", {"a": "a"}, 200_001),
        ("is_phone(value.a)", {"a": "a"}, 2_000),
    ],
)
def test_what_an_expression_costs(expression: str, value: object, steps: int) -> None:
    """In steps of some 0.1 µs; a plain path, a comparison with a constant and short texts are free."""
    work = Work()
    compiled("${" + expression + "}").evaluate({"value": value, WORK: work})
    assert STEPS_MAX - work.left == steps


@pytest.mark.parametrize("function", ["lastIndexOf", "indexOf", "contains"])
def test_a_hostile_part_is_searched_in_linear_time(function: str) -> None:
    """Python's own search from the end compares the whole part at every position: these would take a minute."""
    template = compiled(f"${{value.t.{function}(value.p)}}")
    assert template.evaluate({"value": {"t": "a" * 500_000, "p": "b" + "a" * 250_000}}) in (-1, False)
    assert template.evaluate({"value": {"t": "a" * 500_000, "p": "a" * 250_000 + "b"}}) in (-1, False)


@pytest.mark.parametrize("text", ["banana", "a", "", "nanananan", "bananas and bananas"])
@pytest.mark.parametrize(
    "part", ["", "a", "na", "nanananan", "ananas and b", "banana", "bananas and bananas!"]
)
def test_the_last_position_is_pythons(text: str, part: str) -> None:
    """However it is found."""
    last = compiled("${value.t.lastIndexOf(value.p)}")
    assert last.evaluate({"value": {"t": text, "p": part}}) == text.rfind(part)
    before = compiled("${value.t.lastIndexOf(value.p, value.n)}")
    for start in range(len(text) + 1):
        found = before.evaluate({"value": {"t": text, "p": part, "n": start}})
        assert found == text.rfind(part, 0, start + len(part))


def test_digits_that_are_no_number_take_linear_work() -> None:
    """An expression of Python's `re` that may split the digits anywhere takes a minute for 50,000 of them."""
    assert refused("${double(value)}", "1" * 200_000 + "x") == "double: the string is not a number"
    assert compiled("${[double('1.'), double('.5'), double('1.5e3')]}").evaluate({}) == [1.0, 0.5, 1500.0]


def test_a_large_text_is_bounded_too() -> None:
    """The parts may be small enough and the whole not."""
    assert (
        refused("${value}${value}", "a" * (MIB // 2 + 1)) == "the text becomes longer than 1048576 characters"
    )
    assert compiled("${value}${value}").evaluate({"value": "a" * (MIB // 2)}) == "a" * MIB


def test_a_body_of_a_mebibyte_can_still_be_worked_on() -> None:
    """The bound is no bound for real messages."""
    template = compiled("${truncate(strip_html(value).trim(), 100)}")
    assert template.evaluate({"value": "<p>" + "a " * (MIB // 2 - 2)}) == "a " * 50


@pytest.mark.parametrize(
    "unit",
    [
        "<a ",
        "<a x",
        '<a b="',
        "<a '\"",
        "<!--",
        "<script>",
        "<![",
        "</",
        "<?",
        "&",
        "&#",
        "<a/",
        "\n ",
        "<p>",
    ],
)
def test_hostile_html_takes_no_more_than_linear_work(unit: str) -> None:
    """Half a megabyte of each; a quadratic scan of one of them would run into the time-out of the suite."""
    compiled("${strip_html(value)}").evaluate({"value": unit * (500_000 // len(unit))})


def test_a_hostile_pattern_takes_no_more_than_linear_work() -> None:
    """RE2 does not backtrack; Python's `re` would not end before the sun does."""
    assert compiled('${value.matches("^(a+)+$")}').evaluate({"value": "a" * 50_000 + "b"}) is False


def test_the_deepest_trees_that_cel_accepts_compile_and_run() -> None:
    """CEL stops at about 32 levels, so neither Python's parser nor its stack is ever near its own end."""
    deepest = [
        "value" + ".a" * 29 + " == 1 || true",
        " + ".join(["value.n"] * 30),
        "!(" * 15 + "true" + ")" * 15,
        "[" * 31 + "]" * 31,
        '{"a":' * 24 + "1" + "}" * 24,
        "value.n == 1 ? 1 : " * 29 + "2",
        "value.l.map(x, " * 15 + "1" + ")" * 15,
        " && ".join(["value.n == 1"] * 900),
        "'a'" + ".trim()" * 31,
        "value" + ".?a" * 30,
    ]
    for expression in deepest:
        compiled("${" + expression + "}").evaluate({"value": {"n": 1, "l": [1]}})


def test_what_doubles_at_each_step_ends_at_eight() -> None:
    """CEL writes the value before an optMap twice: twenty of them would be parsed for a minute."""
    deepest = "value.?a" + ".optMap(x, x + x)" * 8
    assert compiled("${" + deepest + "}").evaluate({"value": {"a": 1}}) == 256
    (problem,) = refusals("${" + deepest + ".optFlatMap(x, value.?b)}")
    assert problem == "an expression has at most 8 optMap and optFlatMap; put a part of it into a let"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "${" + "value.a + " * 100_000 + "1}",
            "an expression has at most 16384 characters, this one has 1000001",
        ),
        ("${'" + "x" * 1_000_000 + "'}", "an expression has at most 16384 characters, this one has 1000002"),
        ("${1+1}" * 100_000, "a text has at most 200 expressions, this one has 100000"),
        ("${" * 500_000, "this ${ is never closed: a } is missing; write $${ for a literal ${"),
        ("${" + "(" * 8_000 + "1" + ")" * 8_000 + "}", DEEP),
        ("${" + "1 + " * 4_000 + "1}", DEEP),
        ("${" + "value.l.map(x, " * 40 + "1" + ")" * 40 + "}", DEEP),
        ("${value" + ".a" * 8_000 + "}", DEEP),
    ],
    ids=[
        "long",
        "a long string",
        "many",
        "never closed",
        "parentheses",
        "a long sum",
        "loops in loops",
        "a long path",
    ],
)
def test_a_text_of_a_million_characters_is_refused_in_a_sentence(text: str, said: str) -> None:
    """Too long, too many, too deep: each says which."""
    assert refusals(text) == [said]


def test_a_record_too_deep_to_compare_is_an_error() -> None:
    """A recursive schema allows any depth."""
    deep: object = 1
    for _ in range(sys.getrecursionlimit()):
        deep = [deep]
    assert refused("${value == [value] || true}", deep) == "the record is nested too deeply to be compared"


def test_the_record_is_never_changed() -> None:
    """Generated code builds anew; concatenation and loops leave their sources alone."""
    record = {"l": [1, 2], "m": {"a": 1}}
    scope = {"value": record}
    for expression in (
        "value.l + [3]",
        "value.l.map(x, x + 1)",
        "value.l.filter(x, x > 1)",
        '{"a": value.m, ?"b": value.?l}',
    ):
        compiled("${" + expression + "}").evaluate(scope)
    assert record == {"l": [1, 2], "m": {"a": 1}}


SOAK = (
    "${value.caller.number}",
    "${value.caller.nothing}",
    "x${value.caller.nothing}",
    "call ${value.id} of ${value.caller.?name.orValue(value.caller.number)}",
    "${value.legs.filter(l, l.ms > 5).map(l, {'id': l.id, ?'to': l.?to})}",
    "${value.a == 1 && value.b == 2}",
    "${truncate(strip_html(value.body), 60)}",
    "${value.caller.number.matches('^[+][0-9]+$') ? 'phone' : 'other'}",
    "${value.caller.number.matches(value.id)}",
    "${9223372036854775807 + value.id}",
)
RECORD = {
    "id": 7,
    "caller": {"number": "+4930123"},
    "body": "<p>Grüße</p>",
    "legs": [{"id": 1, "ms": 3}, {"id": 2, "ms": 9, "to": "é"}],
}


def soak(templates: list[Template], rounds: int) -> None:
    """Evaluate every template again and again, errors included."""
    scope = {"value": RECORD}
    for _ in range(rounds):
        for template in templates:
            try:
                template.evaluate(scope)
            except EvaluationError:
                continue


def test_twenty_thousand_evaluations_leave_no_memory_behind() -> None:
    """After a first round has filled the caches (RE2's is bounded), Python's memory grows by less than a byte for each."""
    templates = [compiled(text) for text in SOAK]
    tracemalloc.start()
    try:
        soak(templates, 100)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        soak(templates, 2_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000, f"{grown} bytes more after 20,000 evaluations"


def test_one_template_serves_many_threads() -> None:
    """Budgets are per evaluation: threads that together loop over more than the bound do not disturb one another."""
    template = compiled("${value.map(x, x * 2).filter(x, x > 2)}")
    wrong: list[object] = []

    def work(number: int) -> None:
        record = list(range(number, number + 3_000))
        expected = [x * 2 for x in record if x * 2 > 2]
        wrong.extend(found for _ in range(20) if (found := template.evaluate({"value": record})) != expected)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_twenty_thousand_odd_evaluations_give_values_and_evaluation_errors_only() -> None:
    """Every shipped expression and every function on what nobody would send; the million is run by the benchmark."""
    report = odd_values(20_000, seed=2)
    assert report.defects == []
    assert report.evaluations == 20_000
    assert min(report.values, report.errors.total(), report.absent) > 1_000
