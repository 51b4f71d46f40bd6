"""Example events: files of plain JSON -> values that fastavro encodes. The format: `schemas/README.md`.

Reads files and checks them against a schema; knows nothing of Kafka, the registry or Front.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastavro import parse_schema
from fastavro.validation import ValidationError, validate

from connector.config.problems import did_you_mean
from connector.workbench.avro_json import Misfit, read_json

_FIELDS = ("schema", "version", "key", "value")


class ExampleError(ValueError):
    """An example cannot be used. The text says which file, where in it, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example file. `value` is JSON as written; `version` None: the current schema of that type."""

    path: Path
    schema: str
    version: int | None
    key: str
    value: Mapping[str, object] = field(repr=False)


def read_example(path: Path) -> Example:
    """The file as it stands, its value not yet held against a schema. Raises ExampleError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ExampleError(f"{path}: not JSON in UTF-8: {error}") from error
    if not isinstance(document, dict):
        raise ExampleError(f"{path}: must be an object with the fields {', '.join(_FIELDS)}")
    for name in document:
        if name not in _FIELDS:
            raise ExampleError(f"{path}: unknown field {name!r}: {did_you_mean(name, _FIELDS)}")
    schema, version, key, value = (document.get(name) for name in _FIELDS)
    if not isinstance(schema, str) or not isinstance(key, str) or not isinstance(value, dict):
        raise ExampleError(f"{path}: schema and key must be texts, and value an object")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise ExampleError(f"{path}: version must be a whole number, such as 1 for <schema>.v1.avsc")
    return Example(path=path, schema=schema, version=version, key=key, value=value)


def load_example(path: Path, schema: object) -> dict[str, Any]:
    """The value of an example as fastavro encodes it: bytes decoded, defaults put in for absent fields.

    `schema` is the record's schema as JSON, or as `fastavro.parse_schema` returns it. Raises ExampleError for
    a file that does not fit it.
    """
    return avro_value(read_example(path), schema)


def avro_value(example: Example, schema: object) -> dict[str, Any]:
    """As `load_example`, for a file that has been read."""
    parsed: Any = parse_schema(schema)  # type: ignore[arg-type]
    try:
        value = read_json(example.value, parsed, plain_only=True)
        validate(value, parsed, raise_errors=True, strict=True)
    except Misfit as misfit:
        raise ExampleError(f"{example.path}: {misfit}") from None
    except ValidationError as error:
        kind = type(error).__name__  # its text would show the whole value
        raise ExampleError(f"{example.path}: does not fit the schema {parsed['name']} ({kind})") from None
    assert isinstance(value, dict), "the schema of an event is a record, and the value has been validated"
    return value
