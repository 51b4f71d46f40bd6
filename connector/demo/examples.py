"""Example events: files of plain JSON -> values that fastavro encodes. The format: `schemas/README.md`.

Reads files and checks them against a schema; knows nothing of Kafka, the registry or Front.
"""

import base64
import binascii
import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastavro import parse_schema
from fastavro.validation import ValidationError, validate

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
            raise ExampleError(f"{path}: unknown field {name!r}{_hint(name, _FIELDS)}")
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
    named: dict[str, Any] = {}
    parsed: Any = parse_schema(schema, named_schemas=named)  # type: ignore[arg-type]
    value = _Converter(example.path, named).convert(example.value, parsed, "value")
    try:
        validate(value, parsed, raise_errors=True, strict=True)
    except ValidationError as error:
        raise ExampleError(f"{example.path}: does not fit the schema {parsed['name']}: {error}") from error
    assert isinstance(value, dict), "the schema of an event is a record, and the value has been validated"
    return value


@dataclass(frozen=True, slots=True)
class _Converter:
    """Walks a JSON value along its schema. What does not fit passes unchanged: fastavro says so better."""

    path: Path
    named: Mapping[str, Any]

    def convert(self, value: object, schema: Any, place: str) -> object:
        match schema:
            case list():
                return value if value is None else self.convert(value, self._only_type(schema, place), place)
            case str() if schema in self.named:
                return self.convert(value, self.named[schema], place)
            case "bytes" | {"type": "bytes"} if isinstance(value, str):
                return self._bytes(value, place)
            case {"type": "record", "fields": fields} if isinstance(value, dict):
                return self._record(value, {each["name"]: each for each in fields}, place)
            case {"type": "array", "items": items} if isinstance(value, list):
                return [self.convert(item, items, f"{place}[{index}]") for index, item in enumerate(value)]
            case _:
                return value

    def _only_type(self, branches: list[Any], place: str) -> Any:
        wanted = [branch for branch in branches if branch != "null"]
        if len(wanted) != 1:
            raise ExampleError(
                f"{self.path}: {place}: of unions, only null and one type can be written as plain JSON"
            )
        return wanted[0]

    def _record(self, value: dict[str, object], fields: Mapping[str, Any], place: str) -> object:
        for name in value:
            if name not in fields:
                raise ExampleError(f"{self.path}: {place}.{name}: no such field{_hint(name, fields)}")
        return {
            name: self.convert(value[name], each["type"], f"{place}.{name}")
            if name in value
            else each["default"]
            for name, each in fields.items()
            if name in value or "default" in each
        }

    def _bytes(self, value: str, place: str) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ExampleError(
                f"{self.path}: {place}: bytes are written as base64, and this is not: {error}"
            ) from error


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f": did you mean {close[0]!r}?" if close else f"; there are {', '.join(names)}"
