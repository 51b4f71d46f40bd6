"""`test --update` and YAML anchors: an expectation is written anew only if nothing else in its file changes with it."""

from pathlib import Path

import pytest

from connector.workbench.testing.yaml_edit import first_difference, replace_values
from tests.unit.config_files import MAPPING, folder
from tests.unit.test_cli_mapping import call, shown

RULE_OF_B = """\
      - name: shared
        when: '${value.text == "q"}'
        operation: add-call-summary
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body: *b
"""


@pytest.mark.parametrize(
    ("expected", "rest", "place"),
    [
        ("body: &b {content: old}", RULE_OF_B, "topics.calls.v1.rules[1].body.content"),
        (
            "body: {content: &b old}",
            RULE_OF_B.replace("*b", "{content: *b}"),
            "topics.calls.v1.rules[1].body.content",
        ),
    ],
)
def test_update_never_changes_what_a_rule_sends(tmp_path: Path, expected: str, rest: str, place: str) -> None:
    """A rule may share an expectation's text; another expectation of the same file is written all the same."""
    rules, head = "    rules:\n", "version: 1\ntopics:\n  calls.v1:\n    start: earliest\n"
    tests = (
        "    tests:\n"
        "      - name: shares\n"
        "        record: {value: {line_id: line-1, call_id: c, text: new}}\n"
        f"        expect: {{{expected}}}\n"
        "      - record: {value: {line_id: line-1, call_id: c, text: bye}}\n"
        "        expect: {body: {content: hello}}\n"
    )
    assert MAPPING.startswith(head + rules)
    text = head + tests + MAPPING.removeprefix(head) + rest
    config = folder(tmp_path, calls=text)
    result = call("test", "-c", config, "--update")
    assert (result.exit_code, shown(config, result.stderr).splitlines()) == (
        1,
        [
            f"mappings/calls.yaml:6: the expectation shares an anchor with {place}, which would change too: "
            "change 'shares' by hand",
            "1 expectation written into mappings/calls.yaml",
        ],
    )
    assert (tmp_path / "mappings" / "calls.yaml").read_text() == text.replace(
        "content: hello", "content: bye"
    )


def test_update_never_changes_the_record_of_another_test(tmp_path: Path) -> None:
    """Nor anything else in the file but the expectation."""
    text = MAPPING + (
        "    tests:\n"
        "      - record: {value: {line_id: line-1, call_id: c, text: bye}}\n"
        "        expect: {body: {content: &text hello}}\n"
        "      - record: {value: {line_id: line-1, call_id: c, text: *text }}\n"
        "        expect: {operation: add-call-summary}\n"
    )
    config = folder(tmp_path, calls=text)
    result = call("test", "-c", config, "--update")
    assert (result.exit_code, shown(config, result.stderr)) == (
        1,
        "mappings/calls.yaml:12: the expectation shares an anchor with topics.calls.v1.tests[1].record.value.text, "
        "which would change too: change 'test 1' by hand\n",
    )
    assert (tmp_path / "mappings" / "calls.yaml").read_text() == text


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "x"}]}, None),
        ({"a": [1, {"b": True}]}, {"a": [1, {"b": 1}]}, ("a", 1, "b")),
        ({"a": 1, "b": 2}, {"a": 1}, ("b",)),
        ({"a": [1]}, {"a": [1, 2]}, ("a",)),
        ({"a": None}, {}, ("a",)),
        ({"a": 1.0}, {"a": 1}, ("a",)),
    ],
)
def test_files_differ_where_yaml_tells_values_apart(
    one: object, other: object, place: tuple[str | int, ...] | None
) -> None:
    """What is compared before an expectation is written: true is not 1, and null is not nothing."""
    assert first_difference(one, other) == place


def test_a_one_that_becomes_true_is_written() -> None:
    """Python has the maps around them equal."""
    text = "tests:\n  - expect: {body: {a: 1, b: [0, 2]}}   # kept\n"
    now, wanted = {"body": {"a": 1, "b": [0, 2]}}, {"body": {"a": True, "b": [False, 2]}}
    new = replace_values(text, {("tests", 0, "expect"): (now, wanted)})
    assert new == "tests:\n  - expect: {body: {a: true, b: [false, 2]}}   # kept\n"
