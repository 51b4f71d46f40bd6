"""The shape of tests: what may stand in `tests:` and in the file beside a mapping file, and each mistake's text."""

from pathlib import Path

import pytest

from tests.unit.config_files import MAPPING, folder, loaded, problems

TESTS = """\
tests:
  calls.v1:
    - name: a note
      record: {value: {line_id: line-1, call_id: c, text: hello}}
      expect: {operation: add-call-summary}
"""


def with_test(text: str) -> str:
    return f"{MAPPING}    tests:\n      - {text}\n"


def test_tests_in_the_file_and_beside_it_are_read(tmp_path: Path) -> None:
    """Those of the topic first, each with its place."""
    file = folder(tmp_path, calls=with_test("{record: {value: null}, expect: {skip: true}}"))
    (tmp_path / "mappings" / "calls.tests.yaml").write_text(TESTS)
    found = loaded(file)
    assert list(found.mappings.topics) == ["calls.v1"]
    assert [(test.name, test.path.name, test.line) for test in found.tests] == [
        ("test 1", "calls.yaml", 12),
        ("a note", "calls.tests.yaml", 3),
    ]
    assert {test.of.name for test in found.tests} == {"calls.yaml"}


def test_a_test_has_its_own_rows_else_those_of_its_file_else_none(tmp_path: Path) -> None:
    """None: the configured table counts."""
    row = "{channel: cha_9, company: other, app: not-configured}"
    file = folder(tmp_path, calls=with_test("{record: {value: null}, expect: {skip: true}}"))
    own = TESTS + f"    - {{record: {{value: 1}}, channels: {{mine: {row}}}, expect: {{skip: true}}}}\n"
    (tmp_path / "mappings" / "calls.tests.yaml").write_text(f"channels: {{line-9: {row}}}\n{own}")
    keys = [test.channels and [one.key for one in test.channels] for test in loaded(file).tests]
    assert keys == [None, ["line-9"], ["mine"]]


def test_tests_do_not_change_the_hash_of_the_mappings_beside_them(tmp_path: Path) -> None:
    """A new test is no new version of what is sent."""
    before = loaded(folder(tmp_path)).mappings.hash
    (tmp_path / "mappings" / "calls.tests.yaml").write_text(TESTS)
    assert loaded(tmp_path / "connector.yaml").mappings.hash == before


def test_a_topic_that_the_mapping_file_does_not_have_is_a_problem(tmp_path: Path) -> None:
    """With the nearest name, at its key."""
    file = folder(tmp_path)
    (tmp_path / "mappings" / "calls.tests.yaml").write_text(TESTS.replace("calls.v1", "call.v1"))
    assert problems(file) == [
        "mappings/calls.tests.yaml:2:3: calls.yaml has no topic 'call.v1': did you mean 'calls.v1'?"
    ]


def test_tests_without_a_mapping_file_are_a_problem(tmp_path: Path) -> None:
    """Nobody would ever run them."""
    file = folder(tmp_path)
    (tmp_path / "mappings" / "cals.tests.yaml").write_text(TESTS)
    assert problems(file) == [
        "mappings/cals.tests.yaml: there is no cals.yaml beside it, which it would test: did you mean 'calls'?"
    ]


def test_a_wrong_key_beside_is_a_problem(tmp_path: Path) -> None:
    """As in any file."""
    file = folder(tmp_path)
    (tmp_path / "mappings" / "calls.tests.yaml").write_text(TESTS.replace("record:", "recrd:"))
    assert problems(file) == [
        "mappings/calls.tests.yaml:3:7: tests.calls.v1[0].record is missing (The record: a value, a file, or bytes)",
        "mappings/calls.tests.yaml:4:7: tests.calls.v1[0].recrd is not known here: did you mean 'record'?",
    ]


MISTAKES = {
    "{record: {}, expect: {skip: true}}": (
        "record: a test's record has exactly one of value, file and bytes; this has none"
    ),
    "{record: {value: 1, file: x}, expect: {skip: true}}": (
        "record: a test's record has exactly one of value, file and bytes; this has value and file"
    ),
    "{record: {value: 1, version: 2}, expect: {skip: true}}": "record: version needs schema beside it",
    "{record: {bytes: 1}, expect: {skip: true}}": "record.bytes must be text: put it in quotes",
    "{record: {file: x, index: -1}, expect: {skip: true}}": "record.index must be 0 or more",
    "{record: {value: 1}, expect: {operatin: create-call}}": (
        "expect.operatin is not known here: did you mean 'operation'?"
    ),
    "{record: {value: 1}, expect: {operation: create-cal}}": (
        "expect.operation: 'create-cal' is not an operation of Front's: did you mean 'create-call'?"
    ),
    "{record: {value: 1}, expect: [{operation: create-call, bdy: {}}]}": (
        "expect[0].bdy is not known here: did you mean 'body'?"
    ),
    "{record: {value: 1}, expect: {path: [1]}}": (
        "expect.path: must be a map of ids, each a text, or the whole path as text"
    ),
    "{record: {value: 1}, expect: {}}": (
        "expect: expects nothing: say what the record becomes, or leave expect out"
    ),
    "{record: {value: 1}, expect: all}": (
        "expect: must be a request, a list of requests, or a map with skip, dead_letter or error"
    ),
    "{record: {value: 1}, expect: {skip: false}}": (
        "expect.skip: must be true, the reason, or {rule: the rule's name}"
    ),
    "{record: {value: 1}, expect: {skip: {ruel: x}}}": (
        "expect.skip.ruel is not known here: did you mean 'rule'?"
    ),
    "{record: {value: 1}, expect: {dead_letter: mapping_faild}}": (
        "expect.dead_letter: 'mapping_faild' is no reason of dead letters: did you mean 'mapping_failed'?"
    ),
    "{record: {value: 1}, expect: {dead_letter: false}}": (
        "expect.dead_letter: must be true, or the reason, such as mapping_failed"
    ),
    "{record: {value: 1}, expect: {skip: true, body: {a: 1}}}": (
        "expect: a record becomes one thing: this expects a request and skip"
    ),
    "{record: {value: 1}, expect: {skip: true, order_key: [a]}}": "expect: only requests have an order_key",
    "{record: {value: 1}, channels: {a: {channel: cha_1, company: c, app: m, alas: n}}}": (
        "channels.a.alas is not known here: did you mean 'alias'?"
    ),
    "{record: {value: 1}, channels: {a: {channel: ch_1, company: c, app: m}}}": (
        "channels: a: channel must be a channel id (cha_...)"
    ),
    "{record: {value: 1}, channels: {a: &a {channel: cha_1, company: c, app: m}, b: {channel: cha_1, company: c, app: n}}}": (
        "channels: a and b have the same channel and another company, app or alias"
    ),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_each_mistake_has_its_sentence(tmp_path: Path, text: str) -> None:
    """One, with line and column."""
    [problem] = problems(folder(tmp_path, calls=with_test(text)))
    place, _, said = problem.partition(": ")
    assert place.startswith("mappings/calls.yaml:12:")
    assert said == f"topics.calls.v1.tests[0].{MISTAKES[text]}"
