"""Drafts of first mapping files for tests: schemas in short, and what of a draft is looked at."""

import json
from pathlib import Path
from typing import Any

from connector.config import Loaded
from connector.config.yaml_source import read_yaml
from connector.core.decode import ParsedSchema, parse_schema
from connector.workbench.new.draft import Draft, GivenSchema, Wanted, draft
from tests.unit.config_files import folder, loaded


def parsed(definition: object) -> Any:
    """As fastavro has it."""
    schema = parse_schema(definition, None)
    assert isinstance(schema, ParsedSchema)
    return schema.avro


def made_for(
    definitions: list[Any], *operations: str, file: Path | None = None, topic: str = "calls.v1", **more: Any
) -> Draft:
    """A draft; the schemas are written beside `file`, if one is given."""
    schemas = []
    for index, definition in enumerate(definitions):
        name = None
        if file is not None:
            path = file / f"schema-{index}.avsc"
            path.write_text(json.dumps(definition), encoding="utf-8")
            name = str(path)
        schemas.append(GivenSchema(parsed(definition), name))
    return draft(Wanted(topic=topic, schemas=tuple(schemas), operations=operations, **more))


def record(**fields: object) -> dict[str, Any]:
    """A schema with these fields, by name -> type."""
    return {
        "type": "record",
        "name": "Event",
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
    }


def valid(made: Draft, path: Path) -> Loaded:
    """The file's configuration, which is valid."""
    return loaded(folder(path, calls=made.text))


def body(made: Draft) -> dict[str, Any]:
    """Of the first rule."""
    data: Any = read_yaml(made.text, "new").data
    return dict(data["topics"]["calls.v1"]["rules"][0]["body"])


def enum(name: str, *symbols: str) -> dict[str, Any]:
    """The type."""
    return {"type": "enum", "name": name, "symbols": list(symbols)}


def rules_of(made: Draft) -> list[dict[str, Any]]:
    """Of its one topic."""
    data: Any = read_yaml(made.text, "new").data
    return list(data["topics"]["calls.v1"]["rules"])
