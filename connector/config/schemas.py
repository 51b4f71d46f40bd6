"""JSON Schemas (draft 2020-12) of the configuration and of mapping files, for completion and checks in editors.

`front-connector schema` prints them; they lie in `schemas/` too, and a test says when those are stale. The shapes of
`Settings` and `MappingFile` say what may stand where; here Front's bodies are joined to their operations, with an expression
at the place of any value. What only a record, a table or another line can tell (`validate` does) is not asked here.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from connector.config.channels import RowShape
from connector.config.front_words import FIELDS, FILLED_IN, OPERATION_WORDS, PATH_IDS
from connector.config.mapping.file import MappingFile
from connector.config.mapping.tests import TestsFile
from connector.config.settings import Settings
from connector.core.operations import OPERATIONS, Operation

JsonSchema: TypeAlias = dict[str, Any]

MODELINE: Final = "# yaml-language-server: $schema={}"
"""The first line of a mapping file, by which editors find its schema."""

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_EXPRESSION: Final = {
    "type": "string",
    "pattern": r"\$\{",
    # Read by editors that build on VS Code's JSON service; others show the pattern.
    "patternErrorMessage": "neither a value that Front takes here, nor an expression '${...}'",
}
_ONE_EXPRESSION: Final = r"^\s*\$\{[\s\S]*\}\s*$"
_WHOLE: Final = "whole"
"""Definitions in which what Front requires must be there."""
_PART: Final = "part"
"""The same, for topics with `defaults`."""
_ARMS: Final = {"CreateCallInbound": "incoming call", "CreateCallOutbound": "outgoing call"}


def config_schema() -> JsonSchema:
    """Of the configuration file."""
    return {"$schema": _DRAFT, **Settings.model_json_schema(by_alias=True)}


def mapping_schema() -> JsonSchema:
    """Of a mapping file; the fields of a request's body and path follow from its operation."""
    schema = _tidied(MappingFile.model_json_schema(by_alias=True), _plain)
    definitions = schema["$defs"]
    for name in ("RuleShape", "RequestShape"):
        properties = definitions[name]["properties"]
        properties["operation"]["enumDescriptions"] = [OPERATION_WORDS[name] for name in OPERATIONS]
        properties["channel"] = _channel(properties["channel"])
    definitions["RuleShape"]["properties"]["when"]["pattern"] = _ONE_EXPRESSION
    definitions[_WHOLE] = _requests(definitions, _WHOLE)
    definitions[_PART] = _requests(definitions, _PART)
    # What a rule leaves out may stand in the topic's defaults.
    definitions["TopicShape"] |= {
        "if": {"required": ["defaults"]},
        "then": {"properties": {"rules": {"items": {"$ref": f"#/$defs/{_PART}"}}}},
        "else": {"properties": {"rules": {"items": {"$ref": f"#/$defs/{_WHOLE}"}}}},
    }
    return {"$schema": _DRAFT, **schema}


def schema_of_tests() -> JsonSchema:
    """Of a file of tests beside a mapping file."""
    return {"$schema": _DRAFT, **_tidied(TestsFile.model_json_schema(by_alias=True), _plain)}


def as_text(schema: JsonSchema) -> str:
    """As it lies in a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _requests(definitions: JsonSchema, kind: str) -> JsonSchema:
    """What the operations say about a rule, or about one of its requests. `kind`: whether nothing may be missing."""
    rows = [_row(operation, definitions, kind) for operation in OPERATIONS.values()]
    for name, said in _ARMS.items():  # editors name the arms of a union by their titles
        definitions[f"{kind}.{name}"]["title"] = said
    return {"properties": {"requests": {"items": {"$ref": f"#/$defs/{kind}"}}}, "allOf": rows}


def _row(operation: Operation, definitions: JsonSchema, kind: str) -> JsonSchema:
    """What an operation says about path and body; the parts of its body are added to the definitions."""
    body = operation.body.model_json_schema(by_alias=True)
    for name, definition in body.pop("$defs", {}).items():
        definitions[f"{kind}.{name}"] = _of_front(name, definition, kind)
    definitions[f"{kind}.{operation.name}"] = _of_front(operation.body.__name__, body, kind)
    path: JsonSchema = {
        "type": "object",
        "properties": {name: {"type": "string", "description": PATH_IDS[name]} for name in operation.params},
        "additionalProperties": False,
    }
    request = {
        "body": {"anyOf": [{"$ref": f"#/$defs/{kind}.{operation.name}"}, _EXPRESSION]},
        "path": path,
    }
    then: JsonSchema = {"properties": request}
    if kind == _WHOLE:
        path["required"] = list(operation.params)
        then["required"] = ["channel", "path"] if operation.params else ["channel"]
    chosen = {"properties": {"operation": {"const": operation.name}}, "required": ["operation"]}
    return {"if": chosen, "then": then}


def _channel(found: JsonSchema) -> JsonSchema:
    row = {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": field.description}
            for name, field in RowShape.model_fields.items()
        },
        "required": ["channel", "company", "app"],
    }
    kept = {key: value for key, value in found.items() if key != "type"}
    return {**kept, "anyOf": [{"type": "string"}, row]}


def _of_front(name: str, schema: JsonSchema, kind: str) -> JsonSchema:
    """A body or a part of one, with what its fields mean, and in which every value may be an expression instead."""
    for field, said in FIELDS.get(name, {}).items():
        schema["properties"][field]["description"] = said
    if name in FILLED_IN:
        schema["required"] = [field for field in schema["required"] if field not in FILLED_IN[name]]
    return _tidied(schema, partial(_open, kind=kind))


def _tidied(schema: JsonSchema, each: Callable[[JsonSchema], JsonSchema]) -> JsonSchema:
    """The schema without pydantic's titles, `each` done to it and to every schema in it, the inner ones first."""
    made: JsonSchema = {}
    for key, value in schema.items():
        match value:
            case dict() if key in ("properties", "patternProperties", "$defs"):
                made[key] = {name: _tidied(item, each) for name, item in value.items()}
            case dict() if key in ("items", "additionalProperties"):
                made[key] = _tidied(value, each)
            case list() if key in ("anyOf", "oneOf", "allOf", "prefixItems"):
                made[key] = [_tidied(item, each) for item in value]
            case _ if key != "title":
                made[key] = value
    return each(made)


def _plain(schema: JsonSchema) -> JsonSchema:
    """A key of ours: who leaves it out does not write null."""
    if schema.get("default", ...) is None or isinstance(schema.get("default"), dict):
        del schema["default"]
    if "patternProperties" in schema:
        schema["additionalProperties"] = False
    branches = schema.get("anyOf", [])
    kept = [branch for branch in branches if branch != {"type": "null"}]
    if len(kept) == 1 < len(branches):
        del schema["anyOf"]
        return {**kept[0], **schema}
    if kept:
        schema["anyOf"] = kept
    return schema


def _open(schema: JsonSchema, kind: str) -> JsonSchema:
    """A schema of Front's: its references among our definitions, and an expression instead of any value in it."""
    schema.pop("discriminator", None)  # OpenAPI's; `const` says the same
    if schema.get("default", ...) is None:
        del schema["default"]
    if "$ref" in schema:
        schema["$ref"] = schema["$ref"].replace("#/$defs/", f"#/$defs/{kind}.")
    if kind == _PART:
        schema.pop("required", None)
        if "oneOf" in schema:  # without what is required, several may fit
            schema["anyOf"] = schema.pop("oneOf")
    if "properties" in schema:
        schema["properties"] = {name: _or_expression(item) for name, item in schema["properties"].items()}
    if "items" in schema:
        schema["items"] = _or_expression(schema["items"])
    return schema


def _or_expression(schema: JsonSchema) -> JsonSchema:
    said: JsonSchema = {
        key: schema.pop(key) for key in ("description", "default", "examples") if key in schema
    }
    branches = schema["anyOf"] if list(schema) == ["anyOf"] else [schema]
    return {**said, "anyOf": [*branches, _EXPRESSION]}
