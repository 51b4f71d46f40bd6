"""The verb `test`: what is printed where, what is written, and the exit code of each outcome."""

import json
import os
import stat
import subprocess
import sys
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from connector import cli
from connector.config.yaml_source import read_yaml
from connector.workbench.testing.run import run_tests
from connector.workbench.testing.text import lines
from tests.unit.config_files import MAPPING, folder, loaded

TESTS = """\
    tests:   # what it must do
      - name: a note
        record: {value: {line_id: line-1, call_id: c, text: hello}}
        expect: {operation: add-call-summary, body: {content: hello}}   # as written
      - name: another
        record: {value: {line_id: line-1, call_id: c, text: bye}}
        expect:
          # the text
          body:
            content: "hello"   # of the note
"""
FIXED = TESTS.replace('content: "hello"   # of', "content: bye   # of")


def call(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A mapping file with two tests, one of which fails."""
    return folder(tmp_path, calls=MAPPING + TESTS)


def shown(config: Path, text: str) -> str:
    return text.replace(f"{config.parent}/", "")


# --- test ---------------------------------------------------------------------------------------------------------


def test_a_failed_test_shows_its_difference_and_exits_1(config: Path) -> None:
    """Field by field, with the place of the test and who decided; then the sums."""
    result = call("test", "--config", config)
    assert result.exit_code == 1
    assert shown(config, result.stdout) == (
        "calls.v1\n"
        "  ok      a note\n"
        "  failed  another  mappings/calls.yaml:15\n"
        "    rule 'summary' decides\n"
        '    - body.content: "hello"\n'
        '    + body.content: "bye"\n'
        "\n"
        "2 tests: 1 ok, 1 failed\n"
        "rules hit: 1 of 1 (100 %), branches: 1 of 1\n"
    )


def test_tests_that_hold_exit_0(tmp_path: Path) -> None:
    """And say so."""
    result = call("test", "-c", folder(tmp_path, calls=MAPPING + FIXED), "--no-coverage")
    assert (result.exit_code, result.stdout) == (
        0,
        "calls.v1\n  ok      a note\n  ok      another\n\n2 tests: 2 ok\n",
    )


def test_a_folder_without_tests_says_what_is_not_covered(tmp_path: Path) -> None:
    """Which is no failure, unless a coverage is wanted."""
    file = folder(tmp_path)
    result = call("test", "-c", file)
    assert (result.exit_code, result.stdout) == (
        0,
        "no tests\nrules hit: 0 of 1 (0 %), branches: 0 of 1\n  never hit: calls.v1: summary\n",
    )
    wanted = call("test", "-c", file, "--min-coverage", 80)
    assert (wanted.exit_code, wanted.stderr) == (
        1,
        "0 % of the rules are hit by tests: less than --min-coverage 80\n",
    )


def test_a_test_without_a_record_is_no_failure_of_the_mapping(tmp_path: Path) -> None:
    """It says why there is none."""
    text = MAPPING + "    tests:\n      - {record: {file: gone.json}, expect: {skip: true}}\n"
    file = folder(tmp_path, calls=text)
    result = call("test", "-c", file, "--no-coverage")
    assert (result.exit_code, shown(file, result.stdout)) == (
        1,
        "calls.v1\n"
        "  error   test 1  mappings/calls.yaml:12\n"
        "    record: cannot read gone.json: No such file or directory\n"
        "\n"
        "1 test: 0 ok, 1 without a result\n",
    )


def test_an_invalid_mapping_file_exits_78(tmp_path: Path) -> None:
    """Before any test."""
    result = call("test", "-c", folder(tmp_path, calls=MAPPING.replace("version: 1", "version: 2")))
    assert (result.exit_code, result.stdout) == (78, "")


def test_files_and_topics_choose(config: Path) -> None:
    """A file that is none, and a topic that is none, are wrong usage."""
    file = config.parent / "mappings" / "calls.yaml"
    assert call("test", "-c", config, file).exit_code == 1
    assert call("test", "-c", config, "--topic", "calls.v1").exit_code == 1
    other = call("test", "-c", config, file.with_name("cals.yaml"))
    assert (other.exit_code, shown(config, other.stderr)) == (
        2,
        "mappings/cals.yaml is no mapping file of mappings: did you mean 'calls.yaml'?\n",
    )
    topic = call("test", "-c", config, "--topic", "cals.v1")
    assert (topic.exit_code, topic.stderr) == (
        2,
        "--topic: no mapping file has the topic 'cals.v1': did you mean 'calls.v1'?\n",
    )


def test_the_outcome_as_json(config: Path) -> None:
    """For programs: sides as JSON texts, what the record becomes, and the coverage."""
    result = call("test", "-c", config, "--output", "json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["passed"] is False
    assert [(one["name"], one["status"]) for one in found["tests"]] == [
        ("a note", "ok"),
        ("another", "failed"),
    ]
    assert found["tests"][1]["differences"] == [
        {"path": "body.content", "expected": '"hello"', "actual": '"bye"'}
    ]
    assert found["tests"][1]["becomes"]["rule"] == "summary"
    assert found["coverage"]["rules"] == {"hit": 1, "of": 1}


def test_a_report_as_junit(config: Path) -> None:
    """Suites, cases, failures with the difference as text; control characters are replaced, as XML cannot hold them."""
    file = config.parent / "mappings" / "calls.yaml"
    text = file.read_text().replace("text: bye", r'text: "b\x07ye"').replace("text: bye", "")
    file.write_text(text.replace("name: another", r'name: "an\x07other"'))
    report = config.parent / "report.xml"
    assert call("test", "-c", config, "--junit", report).exit_code == 1
    root = ET.parse(report).getroot()
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == (
        "testsuites",
        "2",
        "1",
        "0",
    )
    [suite] = root
    assert (suite.tag, suite.get("name"), suite.get("tests"), suite.get("failures")) == (
        "testsuite",
        "calls.v1",
        "2",
        "1",
    )
    fine, failed = suite
    assert (fine.get("name"), fine.get("classname"), list(fine)) == ("a note", "calls.v1", [])
    assert (failed.get("name"), failed.get("line")) == ("an\ufffdother", "15")
    [failure] = failed
    assert (failure.tag, failure.get("type")) == ("failure", "failed")
    assert failure.text == '- body.content: "hello"\n+ body.content: "b\\u0007ye"'


def test_a_report_that_cannot_be_written_is_wrong_usage(config: Path) -> None:
    """With the reason."""
    result = call("test", "-c", config, "--junit", config.parent / "gone" / "x.xml")
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"--junit: cannot write {config.parent / 'gone' / 'x.xml'}: No such file or directory\n"
    )


def test_colours_are_shown_to_a_terminal_only(config: Path) -> None:
    """Red for what was expected, green for what is."""
    outcome = run_tests(loaded(config))

    def printed(*, terminal: bool) -> str:
        stream = StringIO()
        console = Console(
            file=stream, force_terminal=terminal, color_system="standard" if terminal else None, _environ={}
        )
        for line in lines(outcome, with_coverage=False):
            console.print(line, soft_wrap=True)
        return stream.getvalue()

    assert '\x1b[31m    - body.content: "hello"\x1b[0m\n' in printed(terminal=True)
    assert '\x1b[32m    + body.content: "bye"\x1b[0m\n' in printed(terminal=True)
    assert "\x1b" not in printed(terminal=False)


def test_update_writes_the_changed_expectation_and_nothing_else(config: Path) -> None:
    """The file's mode stays, comments and layout too; it says what it did; the next run holds."""
    file = config.parent / "mappings" / "calls.yaml"
    file.chmod(0o640)
    result = call("test", "-c", config, "--update")
    assert result.exit_code == 0
    assert '    + body.content: "bye"\n' in result.stdout
    assert shown(config, result.stderr) == "1 expectation written into mappings/calls.yaml\n"
    assert file.read_text() == MAPPING + FIXED
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["calls.yaml"]
    assert call("test", "-c", config).exit_code == 0


def test_update_fills_in_what_is_not_there_yet(tmp_path: Path) -> None:
    """A record is enough to begin with; here in a file beside the mapping file, with its own line ends."""
    file = folder(tmp_path)
    beside = tmp_path / "mappings" / "calls.tests.yaml"
    beside.write_bytes(b"tests:\r\n  calls.v1:\r\n  - record: {value: null}\r\n    name: n\r\n")
    assert call("test", "-c", file, "--update").exit_code == 0
    assert beside.read_bytes() == (
        b"tests:\r\n  calls.v1:\r\n  - record: {value: null}\r\n    name: n\r\n    expect: {skip: null_value}\r\n"
    )


def test_update_leaves_a_file_whose_anchor_means_several_things(config: Path) -> None:
    """Two expectations that share their text and no longer agree are for a person."""
    file = config.parent / "mappings" / "calls.yaml"
    text = MAPPING + (
        "    tests:\n"
        "      - record: {value: {line_id: line-1, call_id: c, text: bye}}\n"
        "        expect: &same {body: {content: hello}}\n"
        "      - record: {value: {line_id: line-1, call_id: c, text: hello}}\n"
        "        expect: *same\n"
    )
    file.write_text(text)
    result = call("test", "-c", config, "--update")
    assert (result.exit_code, shown(config, result.stderr)) == (
        1,
        "mappings/calls.yaml:12: the expectation shares an anchor with that of 'test 2', which would change too: "
        "change 'test 1' by hand\n",
    )
    assert file.read_text() == text


def test_update_writes_what_it_can_and_tells_the_rest(config: Path) -> None:
    """A test that stands elsewhere, and one that shares its text, keep no other test from being written."""
    file = config.parent / "mappings" / "calls.yaml"
    text = MAPPING + (
        "    tests:\n"
        "      - &t\n"
        "        record: {value: {line_id: line-1, call_id: c, text: bye}}\n"
        "        expect: &same {body: {content: hello}}\n"
        "      - *t\n"
        "      - record: {value: {line_id: line-1, call_id: c, text: hello}}\n"
        "        expect: *same\n"
        "      - record: {value: {line_id: line-1, call_id: c, text: new}}\n"
        "        expect: {body: {content: old}}\n"
    )
    file.write_text(text)
    result = call("test", "-c", config, "--update")
    assert (result.exit_code, shown(config, result.stderr).splitlines()) == (
        1,
        [
            "mappings/calls.yaml:12: the expectation shares an anchor with that of 'test 2', which would change too: "
            "change 'test 1' by hand",
            "mappings/calls.yaml:12: the expectation cannot be replaced where it stands: change 'test 2' by hand",
            "1 expectation written into mappings/calls.yaml",
        ],
    )
    assert file.read_text() == text.replace("content: old", "content: new")


def test_a_test_may_expect_that_the_record_waits(tmp_path: Path) -> None:
    """true is met by any reason, a text by a part of it; --update writes true where something else was expected."""
    waiting = MAPPING.replace("calls.v1:\n", "calls.v1:\n    on_unknown_channel: wait\n")
    record = "{value: {line_id: nobody, call_id: c, text: hello}}"

    def tests(*expected: str) -> str:
        return (
            waiting
            + "    tests:\n"
            + "".join(f"      - {{record: {record}, expect: {e}}}\n" for e in expected)
        )

    met = ("{waits: true}", "{waits: rule 'summary', channel}", "{waits: true, rule: summary}")
    file = folder(tmp_path, calls=tests(*met))
    assert call("test", "-c", file).exit_code == 0
    mapping = tmp_path / "mappings" / "calls.yaml"
    mapping.write_text(tests("{waits: something else}", "{waits: true, rule: x}", "{skip: true}"))
    assert call("test", "-c", file, "--update").exit_code == 0
    assert mapping.read_text().count("waits: true, rule: summary}") == 2
    assert call("test", "-c", file).exit_code == 0
    mapping.write_text(tests("{waits: false}"))
    result = call("test", "-c", file)
    assert (result.exit_code, "must be true, or a part of why the record waits" in result.stderr) == (
        78,
        True,
    )


def test_update_with_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    """The file is not even touched."""
    file = folder(tmp_path, calls=MAPPING + FIXED)
    before = (tmp_path / "mappings" / "calls.yaml").stat()
    assert call("test", "-c", file, "--update").exit_code == 0
    assert (tmp_path / "mappings" / "calls.yaml").stat() == before


def test_a_terminal_is_asked_before_writing(config: Path) -> None:
    """On a pseudo-terminal, answered with no: nothing is written, and the tests still fail."""
    ours, theirs = os.openpty()
    os.write(ours, b"n\n")
    done = subprocess.run(
        [sys.executable, "-m", "connector", "test", "-c", str(config), "--update"],
        stdin=theirs, capture_output=True, text=True, check=False, timeout=60, cwd=config.parent,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 1
    assert done.stderr.startswith("Write 1 expectation into mappings/calls.yaml? [y/N]")
    assert (config.parent / "mappings" / "calls.yaml").read_text() == MAPPING + TESTS


def test_what_update_writes_is_yaml_for_us(config: Path) -> None:
    """Read back by our own reader, without a problem."""
    call("test", "-c", config, "--update")
    assert read_yaml((config.parent / "mappings" / "calls.yaml").read_text(), "calls.yaml").problems == []
