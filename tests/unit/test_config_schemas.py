"""The JSON Schemas for editors: current, valid, and of one mind with the loader."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from connector.config.mapping.file import MappingFile
from connector.config.schemas import as_text, config_schema, mapping_schema, schema_of_tests
from connector.config.yaml_source import read_yaml
from connector.resources import mappings_dir, schemas_dir
from tests.unit.config_files import CONFIG, MAPPING, folder, problems

TESTS = sorted(mappings_dir().glob("*.tests.yaml"))
SHIPPED = sorted(set(mappings_dir().glob("*.yaml")) - set(TESTS))
EXAMPLES = re.findall(
    r"^```yaml\n((?:#[^\n]*\n)?version: 1\n.*?)^```",
    "".join(
        path.read_text(encoding="utf-8") for path in sorted((schemas_dir().parent / "docs").glob("*.md"))
    ),
    re.DOTALL | re.MULTILINE,
)


@pytest.mark.parametrize(
    ("name", "made"), [("config", config_schema), ("mapping", mapping_schema), ("tests", schema_of_tests)]
)
def test_the_files_are_not_stale(name: str, made: object) -> None:
    """If this fails: `front-connector schema config > schemas/config.schema.json`, and so for mapping."""
    assert callable(made)
    lies = (schemas_dir() / f"{name}.schema.json").read_text(encoding="utf-8")
    assert lies == as_text(made())


@pytest.mark.parametrize("schema", [config_schema(), mapping_schema(), schema_of_tests()])
def test_they_are_schemas(schema: dict[str, object]) -> None:
    """Valid draft 2020-12, every reference resolvable."""
    jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(schema)
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    for part in text.split('"$ref": "')[1:]:
        assert part.split('"')[0].removeprefix("#/$defs/") in definitions


def test_a_valid_configuration_is_valid_for_the_editor() -> None:
    """The smallest one."""
    jsonschema.validate(yaml.safe_load(CONFIG), config_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_mapping_files_are_valid_for_the_editor(path: Path) -> None:
    """Expressions may stand at the place of any value."""
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), mapping_schema())


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_shipped_tests_are_valid_for_the_editor(path: Path) -> None:
    """By the schema that their first line names."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../../schemas/tests.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), schema_of_tests())


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_pages_are_valid_for_the_editor(text: str) -> None:
    """Whole mapping files in the pages."""
    jsonschema.validate(read_yaml(text, "example").data, mapping_schema())


def test_every_key_has_a_description() -> None:
    """An editor shows it; a new key of ours or of Front's needs one too."""
    schema = mapping_schema()
    nameless = [at for at, item in _properties(schema, "") if not _description(item, schema["$defs"])]
    assert nameless == []


def _properties(schema: object, at: str, *, named: bool = True) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property. `named` False: `schema` narrows properties that are described elsewhere."""
    match schema:
        case dict():
            for key, value in schema.items():
                if key == "properties":
                    yield from ((f"{at}.{name}", item) for name, item in value.items() if named)
                    for name, item in value.items():
                        yield from _properties(item, f"{at}.{name}")
                elif key != "if":
                    narrows = key in ("then", "else", "whole", "part")
                    yield from _properties(value, f"{at}.{key}", named=not narrows)
        case list():
            for item in schema:
                yield from _properties(item, at)


def _description(item: dict[str, Any], definitions: dict[str, Any]) -> object:
    named = definitions.get(item.get("$ref", "").removeprefix("#/$defs/"), {})
    return item.get("description") or named.get("description")


AGREED = [
    ("content:", "contnt:"),
    ("external_call_id:", "call_id:"),
    ("add-call-summary", "add-call-sumary"),
    ("start: earliest", "strt: earliest"),
    ("content: '${value.text}'", "content: 5"),
    ("{content: '${value.text}'}", "{content: '${value.text}', contnt: '${value.text}'}"),
    ("path: {external_call_id:", "path: {call_id: '${value.id}', external_call_id:"),
]
"""Found by the schema here; which of them the loader finds with pydantic, and which when it compiles, is its own affair."""

SHAPES = [
    ("version: 1", "version: 2"),
    ("version: 1", "version: one"),
    ("version: 1\n", ""),
    ("topics:", "topic:"),
    ("  calls.v1:", "  calls v1!:"),
    ("    start: earliest\n", ""),
    ("start: earliest", "start: 5"),
    ("start: earliest", "start: earliest\n    max_age_s: -1"),
    ("start: earliest", "start: earliest\n    max_age_s: soon"),
    ("start: earliest", "start: earliest\n    otherwise: drop"),
    ("start: earliest", "start: earliest\n    on_missing_offset: newest"),
    ("start: earliest", "start: earliest\n    value: {format: json}"),
    ("start: earliest", "start: earliest\n    value: avro"),
    ("start: earliest", "start: earliest\n    key: {formt: avro}"),
    ("start: earliest", "start: earliest\n    tests: {record: {}}"),
    ("start: earliest", "start: earliest\n    tests: [{record: {value: 1}, expects: {}}]"),
    ("start: earliest", "start: earliest\n    tests: [{record: {value: 1, timestamp: now}, expect: {}}]"),
    ("name: summary", "name: 5"),
    ("name: summary", "name: ''"),
    ("name: summary", "nam: summary"),
    ("name: summary", "name: summary\n        when: true"),
    ("name: summary", "name: summary\n        order_by: []"),
    ("name: summary", "name: summary\n        order_by: conversation"),
    ("name: summary", "name: summary\n        requests: []"),
    ("channel: '${channels[value.line_id]}'", "channel: 5"),
    ("channel: '${channels[value.line_id]}'", "channel: [a]"),
    ("path: {external_call_id: '${value.call_id}'}", "path: here"),
    ("path: {external_call_id: '${value.call_id}'}", "path: {external_call_id: 5}"),
    ("body: {content: '${value.text}'}", "body: [a]"),
]
"""Found by the shapes."""


@pytest.mark.parametrize(("part", "other"), AGREED + SHAPES)
def test_the_editor_finds_what_the_loader_finds(part: str, other: str, tmp_path: Path) -> None:
    """Wrong keys, names, choices and types, of ours and of Front's: refused by both, the shapes' by pydantic."""
    assert part in MAPPING
    text = MAPPING.replace(part, other, 1)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(read_yaml(text, "example").data, mapping_schema())
    assert problems(folder(tmp_path, calls=text))
    if (part, other) in SHAPES:
        with pytest.raises(ValidationError):
            MappingFile.model_validate(yaml.safe_load(text))
