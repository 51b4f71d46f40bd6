"""Values replaced in a YAML text: the new value is there, and nothing else is touched."""

import difflib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connector.config.yaml_source import read_yaml
from connector.workbench.testing.yaml_edit import replace_values

TEXT = """\
# head
tests:
  - name: a   # keep
    expect: {operation: create-call, body: {x: "1", y: [1, 2]}}   # tail
  - expect:
      operation: create-call   # op
      body: &b
        x: 'one'
        # inner
        y: two
        z: 3   # of z
      # after
  - expect:
      body: *b
  - record: {value: 1}   # no expectation
  - {record: 2}
  # end
other: 1
"""
BODY = {"x": "one", "y": "two", "z": 3}


def changed(index: int, now: object, wanted: object) -> list[str]:
    """The lines that go and come."""
    new = replace_values(TEXT, {("tests", index, "expect"): (now, wanted)})
    assert new is not None
    data: Any = read_yaml(new, "f").data
    assert data["tests"][index]["expect"] == wanted
    lines = difflib.ndiff(TEXT.splitlines(), new.splitlines())
    return [line for line in lines if line[0] in "+-"]


FLOW = {"operation": "create-call", "body": {"x": "1", "y": [1, 2]}}
BLOCK = {"operation": "create-call", "body": BODY}
CASES = [
    (
        0,
        FLOW,
        {"operation": "create-call", "body": {"x": "no", "y": [1, 3]}},
        [
            '-     expect: {operation: create-call, body: {x: "1", y: [1, 2]}}   # tail',
            "+     expect: {operation: create-call, body: {x: no, y: [1, 3]}}   # tail",
        ],
    ),
    (
        0,
        FLOW,
        {"skip": True},
        [
            '-     expect: {operation: create-call, body: {x: "1", y: [1, 2]}}   # tail',
            "+     expect: {skip: true}   # tail",
        ],
    ),
    (
        1,
        BLOCK,
        {"operation": "update-call", "body": {**BODY, "y": "a: b"}},
        [
            "-       operation: create-call   # op",
            "+       operation: update-call   # op",
            "-         y: two",
            "+         y: 'a: b'",
        ],
    ),
    (1, BLOCK, {"operation": "create-call", "body": {"x": "one", "y": "two"}}, ["-         z: 3   # of z"]),
    (2, {"body": BODY}, {"body": {**BODY, "z": 4}}, ["-       body: *b", "+       body: {x: one, y: two, z: 4}"]),
    (3, None, {"skip": True}, ["+     expect: {skip: true}"]),
    (4, None, {"skip": True}, ["-   - {record: 2}", "+   - {record: 2, expect: {skip: true}}"]),
]  # fmt: skip


@pytest.mark.parametrize(("index", "now", "wanted", "lines"), CASES, ids=range(len(CASES)))
def test_only_what_changes_is_written(index: int, now: object, wanted: object, lines: list[str]) -> None:
    """Comments, quotes, anchors and layout of all else stay."""
    assert changed(index, now, wanted) == lines


def test_a_long_value_is_written_in_lines() -> None:
    """As a person would."""
    wanted = {"body": {"x": "y" * 90, "z": [{"a": 1}]}}
    assert changed(3, None, wanted) == [
        "+     expect:",
        "+       body:",
        f"+         x: {'y' * 90}",
        "+         z:",
        "+           - a: 1",
    ]


def test_a_value_with_an_anchor_keeps_it() -> None:
    """Others refer to it."""
    new = replace_values(TEXT, {("tests", 1, "expect", "body"): (BODY, "other")})
    assert new is not None
    assert "      body: &b other   # of z\n" in new


@pytest.mark.parametrize("wanted", ["bye, all", "a]", "b}", "[", "x: y"])
def test_what_would_end_a_text_between_braces_is_quoted(wanted: str) -> None:
    """On a line of its own it need not be."""
    new = replace_values("a: {b: c}\n", {("a", "b"): ("c", wanted)})
    assert new == f"a: {{b: '{wanted}'}}\n"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9999) | st.text("ab :#'\"\n-{}[]&*,é\\", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
MAPS = st.dictionaries(st.text("abc", min_size=1, max_size=2), VALUES, min_size=1, max_size=3)


def dumped(value: object, *, flow: bool) -> str:
    from io import StringIO

    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    yaml.width = 1_000_000  # broken behind an escaped backslash, a line reads as another text
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


@settings(max_examples=150, deadline=None)
@given(now=MAPS, wanted=MAPS, around=MAPS, flow=st.booleans())
def test_any_value_becomes_any_other(now: object, wanted: object, around: object, flow: bool) -> None:
    """Whatever is written, and in whichever style; the values around it are what they were."""
    document = {"first": around, "list": [around, {"expect": now, "after": around}], "last": around}
    text = dumped(document, flow=flow)
    new = replace_values(text, {("list", 1, "expect"): (now, wanted)})
    assert new is not None
    source = read_yaml(new, "f")
    assert source.problems == []
    assert source.data == {
        "first": around,
        "list": [around, {"expect": wanted, "after": around}],
        "last": around,
    }
