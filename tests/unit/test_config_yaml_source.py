"""YAML with positions: what YAML does to a file is explained where it happens."""

from itertools import pairwise

import pytest

from connector.config.yaml_source import read_yaml


def problems_of(text: str) -> list[str]:
    return [str(problem) for problem in read_yaml(text, "f.yaml").problems]


def test_values_remember_line_and_column() -> None:
    """A problem at a path stands at its value, or at its key when that is asked for."""
    source = read_yaml("a:\n  - b: 1\n    c: x\n", "f.yaml")
    assert source.data == {"a": [{"b": 1, "c": "x"}]}
    assert str(source.problem(("a", 0, "c"), "m")) == "f.yaml:3:8: m"
    assert str(source.problem(("a", 0, "c"), "m", at_key=True)) == "f.yaml:3:5: m"


def test_a_problem_at_something_missing_stands_at_what_is_around_it() -> None:
    """A field that is not there has no place of its own."""
    source = read_yaml("a:\n  b: 1\n", "f.yaml")
    assert str(source.problem(("a", "z", "y"), "m")) == "f.yaml:2:3: m"


def test_yaml_1_2_words_and_dates_stay_text() -> None:
    """`no`, `on`, `yes` and dates are texts; only true and false are flags."""
    source = read_yaml("a: no\nb: on\nc: 2026-01-01T00:00:00Z\nd: true\ne: ~\n", "f.yaml")
    assert source.data == {"a": "no", "b": "on", "c": "2026-01-01T00:00:00Z", "d": True, "e": None}
    assert not source.problems


def test_every_duplicate_key_is_told_with_the_first_line() -> None:
    """Two duplicates give two problems, each with its own place."""
    assert problems_of("a: 1\nb: 2\na: 3\nb: 4\n") == [
        "f.yaml:3:1: the key 'a' is here twice; first in line 1",
        "f.yaml:4:1: the key 'b' is here twice; first in line 2",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'when: ${value.a ? "x" : "y"}\n',
            "f.yaml:1:23: YAML takes `: ` inside an unquoted expression for a key: "
            "put the expression in single quotes: '${...}'",
        ),
        (
            'when: ${value.a == "b #c"}\n',
            "f.yaml:1:7: YAML takes everything after ` #` for a comment, so the expression has no end: "
            "put the expression in single quotes: '${...}'",
        ),
        (
            "from: {handle: ${value.x}}\n",
            "f.yaml:1:17: YAML reads the braces, brackets or commas of an unquoted expression as its own here: "
            "put the expression in single quotes: '${...}'",
        ),
        (
            "a: '${headers['x']}'\n",
            "f.yaml:1:16: the expression's single quote ends the quoted text: "
            "use double quotes inside it, or write '' for '",
        ),
        (
            'a: "${headers["x"]}"\n',
            "f.yaml:1:16: the expression's double quote ends the quoted text: "
            "put single quotes around it: '${...}'",
        ),
        ("a:\n\tb: 1\n", "f.yaml:2:1: a tab cannot indent YAML: use spaces"),
        ("a: 'x\n", "f.yaml:2:1: a quoted text has no closing quote"),
        ("a: 1\n---\nb: 1\n", "f.yaml:2:1: only one document a file: remove the `---`"),
        ("a: *b\n", "f.yaml:1:4: this alias has no anchor (`&name`) before it"),
        ("a: @b\n", "f.yaml:1:4: this character cannot begin an unquoted value: put it in quotes"),
        (
            "a: b\n c: d\n",
            "f.yaml:2:3: this key is indented by 1, its neighbours (line 1) by 0: "
            "what belongs to one map begins in the same column",
        ),
        (
            "a: b: c\n",
            "f.yaml:1:5: a `: ` stands where no value can begin: put the value in quotes, or mend the indentation",
        ),
        (
            "a:\n  - b: 1\n    c: 2\n   d: 3\n",
            "f.yaml:4:4: this key is indented by 3, its neighbours (line 3) by 4: "
            "what belongs to one map begins in the same column",
        ),
        (
            "a:\n  - b: 1\n    c: 2\n  d: 3\n",
            "f.yaml:4:3: this key is indented by 2, its neighbours (line 3) by 4: "
            "what belongs to one map begins in the same column",
        ),
        (
            "a:\n  b: 1\n c: 2\n",
            "f.yaml:3:2: this key is indented by 1, its neighbours (line 2) by 2: "
            "what belongs to one map begins in the same column",
        ),
        (
            "a:\n  - b: 1\n # no key\n   - b: 2\n",
            "f.yaml:4:4: this entry (`- `) is indented by 3, its neighbours (line 2) by 2: "
            "what belongs to one list begins in the same column",
        ),
        (
            "handle: +15551234\n",
            "f.yaml:1:9: +15551234 is read as a number and loses its first sign: write '+15551234' in quotes",
        ),
        ("id: 007\n", "f.yaml:1:5: 007 is read as a number and loses its first sign: write '007' in quotes"),
        (
            "a: !!binary aGk=\n",
            "f.yaml:1:4: the tag !!binary is not taken: only texts, numbers, true, false and null are",
        ),
        ("[a]: 1\n", "f.yaml:1:1: a key must be a text"),
        ("a: \x01\n", "f.yaml: is not YAML text (ReaderError)"),
    ],
)
def test_each_trap_of_yaml_is_explained(text: str, said: str) -> None:
    """The message says what YAML did and what to write instead."""
    assert problems_of(text) == [said]


@pytest.mark.parametrize(
    "text", ['when: ${value.a == "b"}\n', "a: '${f(x) ? {\"k\": 1} : 2}  # no comment'\n", "id: 10\n"]
)
def test_what_is_fine_is_not_suspected(text: str) -> None:
    """The traps are recognised by what YAML did, not by the look of an expression."""
    assert problems_of(text) == []


def test_anchors_and_merge_keys_are_expanded_with_positions() -> None:
    """What comes by `<<` is overridden by what is written, and its place is the anchor's."""
    source = read_yaml("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: *x\n", "f.yaml")
    assert source.data == {"x": {"a": 1, "b": 2}, "y": {"b": 3, "a": 1}, "z": {"a": 1, "b": 2}}
    assert str(source.problem(("y", "a"), "m")) == "f.yaml:1:11: m"


TOO_MUCH = "the file is too deeply nested, has too many values, or its aliases expand to too many: write it out, or split it"


def _nest(first: str, pattern: str, levels: int) -> str:
    names = [f"n{level}" for level in range(levels)]
    lines = [f"{name}: &{name} {pattern.format(before)}" for before, name in pairwise(names)]
    return "\n".join([f"n0: &n0 {first}", *lines])


@pytest.mark.parametrize(
    "text",
    [
        _nest("[1,1,1,1,1,1,1,1,1,1]", "[*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0}]", 8),
        _nest("{k: 1}", "{{<<: [*{0}, *{0}]}}", 30),
        "a: &a [*a]\n",
        "a: &a {<<: *a}\n",
    ],
    ids=["lists of lists", "merges of merges", "itself", "merged with itself"],
)
def test_a_nest_of_aliases_is_refused(text: str) -> None:
    """Millions of values, or endlessly many, are one problem."""
    [problem] = problems_of(text)
    assert problem.endswith(TOO_MUCH)


def test_too_many_values_without_aliases_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser stops there: to read a MiB of commas to its end takes half a minute."""
    monkeypatch.setattr("connector.config.yaml_source.VALUES_MAX", 1_000)
    assert problems_of("[" + "1," * 300_000 + "]") == [f"f.yaml:1:2000: {TOO_MUCH}"]


def test_an_anchor_may_be_given_twice() -> None:
    """YAML allows it, and no warning of the library's is shown: the nearest one above counts."""
    assert read_yaml("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "f.yaml").data == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_deep_nesting_is_a_problem_not_a_crash() -> None:
    """Brackets are counted before the parser meets them; its own recursion ends in a sentence too."""
    assert problems_of("a:\n  " + "[" * 1_000_000) == [f"f.yaml:2:503: {TOO_MUCH}"]
    assert problems_of("- " * 5000) == ["f.yaml: is not YAML text (RecursionError)"]
    assert problems_of("'" + "[" * 500 + "'") == []


@pytest.mark.parametrize(
    ("text", "line", "column", "place"),
    [
        ("a: ${value.x}\n", 1, 3, "f.yaml:1:6"),
        ("a: '${value.x}'\n", 1, 3, "f.yaml:1:7"),
        ("a: |\n  one\n    two\n", 2, 3, "f.yaml:3:5"),
        ("a: >-\n  one\n  two\n", 1, 5, "f.yaml:3:3"),
        ("a: 'one\n  two'\n", 1, 5, "f.yaml:2:3"),
        ("a: one\n   two\n", 1, 6, "f.yaml:2:5"),
    ],
)
def test_a_place_inside_a_text_is_found_in_the_file(text: str, line: int, column: int, place: str) -> None:
    """Whatever YAML's quoting and folding did, the place is where the author wrote it."""
    assert str(read_yaml(text, "f.yaml").inside(("a",), "m", line, column)) == f"{place}: m"
