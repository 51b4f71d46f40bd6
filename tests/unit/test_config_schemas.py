"""The JSON Schemas for editors: current, valid, and of one mind with the loader."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from connector.config.schemas import as_text, config_schema, mapping_schema
from connector.resources import mappings_dir, schemas_dir
from tests.unit.config_files import CONFIG, MAPPING

SHIPPED = sorted(mappings_dir().glob("*.yaml"))


@pytest.mark.parametrize(("name", "made"), [("config", config_schema), ("mapping", mapping_schema)])
def test_the_files_are_not_stale(name: str, made: object) -> None:
    """If this fails: `front-connector schema config > schemas/config.schema.json`, and so for mapping."""
    assert callable(made)
    lies = (schemas_dir() / f"{name}.schema.json").read_text(encoding="utf-8")
    assert lies == as_text(made())


@pytest.mark.parametrize("schema", [config_schema(), mapping_schema()])
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


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("content:", "contnt:"),
        ("external_call_id:", "call_id:"),
        ("add-call-summary", "add-call-sumary"),
        ("start: earliest", "strt: earliest"),
        ("content: '${value.text}'", "content: 5"),
    ],
)
def test_the_editor_finds_what_the_loader_finds(part: str, other: str) -> None:
    """A field of the body, an id of the path, an operation, a key, a constant."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(MAPPING.replace(part, other)), mapping_schema())
