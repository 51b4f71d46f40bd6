"""JSON Schemas (draft 2020-12) of the configuration and of mapping files, for completion and checks in editors.

`front-connector schema` prints them; they lie in `schemas/` too, and a test says when those are stale.
"""

import json
from typing import Any

from connector.config.mapping_file import MappingFile
from connector.config.settings import Settings
from connector.core.operations import OPERATIONS

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_EXPRESSION = {"type": "string", "pattern": r"\$\{"}


def config_schema() -> dict[str, Any]:
    """Of the configuration file."""
    return {"$schema": _DRAFT, **Settings.model_json_schema(by_alias=True)}


def mapping_schema() -> dict[str, Any]:
    """Of a mapping file; the fields of a request's body and path follow from its operation."""
    schema = MappingFile.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    rows = []
    for operation in OPERATIONS.values():
        body = operation.body.model_json_schema(by_alias=True)
        for name, definition in body.pop("$defs", {}).items():
            definitions[f"front.{name}"] = _open(definition)
        definitions[f"front.{operation.name}"] = _open(body)
        path: dict[str, Any] = {
            "properties": {name: {"type": "string"} for name in operation.params},
            "required": list(operation.params),
            "additionalProperties": False,
        }
        request = {
            "body": {"anyOf": [_EXPRESSION, {"$ref": f"#/$defs/front.{operation.name}"}]},
            "path": path,
        }
        then: dict[str, Any] = {"properties": request}
        if operation.params:
            then["required"] = ["path"]
        rows.append({"if": _is(operation.name), "then": then})
    # An event's optional address may stand here: it is refused only where a record has one (`core/operations`).
    definitions["front.Attachment"]["properties"]["url"] = {
        "type": "string",
        "description": "Not fetched: give content.",
    }
    for name in ("RuleShape", "RequestShape"):
        definitions[name]["allOf"] = rows
    return {"$schema": _DRAFT, **schema}


def as_text(schema: dict[str, Any]) -> str:
    """As it lies in a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _is(operation: str) -> dict[str, Any]:
    return {"properties": {"operation": {"const": operation}}, "required": ["operation"]}


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body in which every value may be an expression instead."""
    moved = {key: _moved(key, value) for key, value in schema.items()}
    if "properties" in moved:
        moved["properties"] = {
            name: {"anyOf": [_EXPRESSION, value]} for name, value in moved["properties"].items()
        }
    if "items" in moved:
        moved["items"] = {"anyOf": [_EXPRESSION, moved["items"]]}
    return moved


def _moved(key: str, value: Any) -> Any:
    """References point to where the definitions of a body lie among ours."""
    match value:
        case str() if key == "$ref":
            return value.replace("#/$defs/", "#/$defs/front.")
        case str() if value.startswith("#/$defs/"):  # a discriminator's mapping
            return value.replace("#/$defs/", "#/$defs/front.")
        case dict() if key == "properties":
            return {name: _open(item) for name, item in value.items()}
        case dict():
            return _open(value)
        case list():
            return [_open(item) if isinstance(item, dict) else item for item in value]
        case _:
            return value
