"""Mapping files in an editor: a real YAML language server finds mistakes, completes and explains by our schema.

It needs Node and npm (docs/testing.md). Without them the tests are skipped, and fail where CI is set.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.config.schemas import MODELINE, as_text, mapping_schema
from connector.core.operations import OPERATIONS
from connector.resources import mappings_dir
from tests.support.java import Missing
from tests.support.language_server import Editor, language_server

FILE = """\
# yaml-language-server: $schema=mapping.schema.json
version: 1
topics:
  calls.v1:
    start: earliest
    rules:
      - name: call started
        operation: create-call
        channel: '${channels[value.line_id]}'
        body:
          external_call_id: '${value.call_id}'
          parent_external_call_id: '${value.call_id}'
          initial_status: ringing
          direction: inbound
          from: {handle: '${value.number}'}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the schema, as one who writes mapping files has it."""
    made = tmp_path_factory.mktemp("mappings")
    (made / "mapping.schema.json").write_text(as_text(mapping_schema()), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def editor(folder: Path) -> Iterator[Editor]:
    """The language server, started once."""
    program = language_server()
    if isinstance(program, Missing):
        if os.environ.get("CI"):
            pytest.fail(f"CI must run the tests of the editor: {program.reason}")
        pytest.skip(program.reason)
    with Editor(program, folder) as running:
        yield running


def written(folder: Path, text: str) -> Path:
    file = folder / "calls.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def underlined(editor: Editor, file: Path) -> dict[str, str]:
    """What is underlined -> what is said of it."""
    lines = file.read_text(encoding="utf-8").splitlines()
    found = {}
    for item in editor.opened(file):
        start, end = item["range"]["start"], item["range"]["end"]
        assert start["line"] == end["line"], item
        found[lines[start["line"]][start["character"] : end["character"]]] = str(item["message"])
    return found


def test_a_file_that_is_right_is_not_underlined(editor: Editor, folder: Path) -> None:
    """Else every other finding would be noise."""
    assert underlined(editor, written(folder, FILE)) == {}


SHIPPED = sorted(set(mappings_dir().glob("*.yaml")) - set(mappings_dir().glob("*.tests.yaml")))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_files_that_ship_are_not_underlined(editor: Editor, path: Path) -> None:
    """Their own modeline leads to the schema in the checkout."""
    assert path.read_text(encoding="utf-8").startswith(
        MODELINE.format("../../schemas/mapping.schema.json") + "\n"
    )
    assert editor.opened(path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "at", "said"),
    [
        ("channel:", "chanel:", "chanel", "not allowed"),
        ("start: earliest", "strat: earliest", "strat", "not allowed"),
        ("external_call_id: '", "external_cal_id: '", "external_cal_id", "not allowed"),
        ("operation: create-call", "operation: create-cal", "create-cal", '"create-call"'),
        ("initial_status: ringing", "initial_status: rining", "rining", '"ringing"'),
        ("    start: earliest", "    start: earliest\n    otherwise: drop", "drop", '"skip"'),
        ("version: 1", "version: 2", "2", "1"),
        ("name: call started", "name: [call]", "[call]", "string"),
    ],
)
def test_a_mistake_is_underlined_where_it_is(
    editor: Editor, folder: Path, right: str, wrong: str, at: str, said: str
) -> None:
    """Wrong keys of ours and of Front's, wrong choices, a wrong type."""
    assert right in FILE
    found = underlined(editor, written(folder, FILE.replace(right, wrong, 1)))
    assert at in found, found
    assert said in found[at]


def test_completion_lists_the_eleven_operations(editor: Editor, folder: Path) -> None:
    """All of Front's, and nothing else."""
    file = written(folder, FILE.replace("operation: create-call", "operation: "))
    editor.opened(file)
    assert sorted(editor.completions(file, 8, 20)) == sorted(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "offered", "not_offered"),
    [
        ("create-call", {"external_call_id", "direction", "from", "to", "started_at"}, {"content", "lines"}),
        ("update-call", {"call_status", "occurred_at", "agent_email_address"}, {"direction", "body"}),
        ("add-call-summary", {"content"}, {"lines", "call_status"}),
        ("sync-inbound-message", {"sender", "body", "metadata", "delivered_at"}, {"to", "author_id"}),
    ],
)
def test_completion_offers_the_fields_of_the_operation(
    editor: Editor, folder: Path, operation: str, offered: set[str], not_offered: set[str]
) -> None:
    """What stands under `body:` follows from `operation:`."""
    head = FILE.split("          external_call_id", maxsplit=1)[0].replace("create-call", operation)
    file = written(folder, f"{head}          \n")
    editor.opened(file)
    found = set(editor.completions(file, 11, 11))
    assert offered <= found
    assert not not_offered & found


def test_completion_offers_the_ids_of_the_path(editor: Editor, folder: Path) -> None:
    """`path:` follows from the operation too."""
    head = FILE.split("        body", maxsplit=1)[0].replace("create-call", "update-external-message-status")
    file = written(folder, f"{head}        path:\n          \n")
    editor.opened(file)
    found = set(editor.completions(file, 11, 11))
    assert {"conv_ext_id", "message_ext_id"} <= found
    assert "external_call_id" not in found


def test_completion_offers_the_choices_of_a_field(editor: Editor, folder: Path) -> None:
    """Front's own words."""
    file = written(folder, FILE.replace("initial_status: ringing", "initial_status: "))
    editor.opened(file)
    assert set(editor.completions(file, 13, 27)) == {"queued", "ringing"}


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        (5, 6, "history goes to Front"),
        (8, 10, "path and body follow from it"),
        (13, 12, "it waits in a queue"),
        (15, 18, "country code"),
    ],
)
def test_hovering_says_what_a_key_means(
    editor: Editor, folder: Path, line: int, column: int, said: str
) -> None:
    """Keys of ours, Front's fields, and their parts."""
    file = written(folder, FILE)
    editor.opened(file)
    assert said in editor.hover(file, line, column)
