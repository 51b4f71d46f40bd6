"""A value as JSON has it -> the value that fastavro encodes: bytes from base64, times from ISO 8601, defaults put in.

The value is plain JSON or Avro's JSON encoding, which wraps a union's value in the name of its branch. What does not
fit the schema passes unchanged: fastavro's validation says so better. Reads no file.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from connector.config.problems import did_you_mean

_UNITS = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}


class Misfit(Exception):
    """What no schema could take: an unknown field, or a text that is no time or no base64. The text says where."""


def read_json(value: object, schema: Any, *, plain_only: bool = False) -> object:
    """The value by its schema, as `fastavro.parse_schema` returns it. Raises Misfit.

    `plain_only` takes no names of branches, and refuses unions of several types, which need them.
    """
    return _Reader(schema, plain_only=plain_only).read(value, schema, "value")


class _Reader:
    """Walks a value along its schema."""

    def __init__(self, schema: Any, *, plain_only: bool) -> None:
        self._plain_only = plain_only
        self._named: dict[str, Any] = {}
        self._collect(schema)

    def _collect(self, schema: Any) -> None:
        match schema:
            case list():
                for branch in schema:
                    self._collect(branch)
            case dict():
                if "name" in schema and schema.get("type") in ("record", "enum", "fixed", "error"):
                    self._named[schema["name"]] = schema
                for child in ("items", "values"):
                    self._collect(schema.get(child))
                for each in schema.get("fields", ()):
                    self._collect(each["type"])
                if isinstance(schema.get("type"), list | dict):
                    self._collect(schema["type"])

    def read(self, value: object, schema: Any, place: str) -> object:
        match schema:
            case list():
                return self._union(value, schema, place)
            case str() if schema in self._named:
                return self.read(value, self._named[schema], place)
            case {"logicalType": str(logical)} if isinstance(value, str):
                return _time(value, logical, place)
            case "bytes" | {"type": "bytes" | "fixed"} if isinstance(value, str):
                return _bytes(value, place)
            case {"type": "record", "fields": fields} if isinstance(value, dict):
                return self._record(value, {each["name"]: each for each in fields}, place)
            case {"type": "array", "items": items} if isinstance(value, list):
                return [self.read(item, items, f"{place}[{index}]") for index, item in enumerate(value)]
            case {"type": "map", "values": values} if isinstance(value, dict):
                return {name: self.read(item, values, f"{place}.{name}") for name, item in value.items()}
            case _:
                return value

    def _record(self, value: dict[str, object], fields: Mapping[str, Any], place: str) -> dict[str, object]:
        for name in value:
            if name not in fields:
                raise Misfit(f"{place}.{name} is not in the schema: {did_you_mean(name, fields)}")
        return {
            name: self.read(value[name], each["type"], f"{place}.{name}")
            if name in value
            else each["default"]
            for name, each in fields.items()
            if name in value or "default" in each
        }

    def _union(self, value: object, branches: list[Any], place: str) -> object:
        if value is None:
            return None
        wanted = [branch for branch in branches if branch != "null"]
        if self._plain_only:
            if len(wanted) != 1:
                raise Misfit(f"{place}: of unions, only null and one type can be written as plain JSON")
            return self.read(value, wanted[0], place)
        if isinstance(value, dict) and len(value) == 1:  # Avro's JSON encoding names the branch
            name, inner = next(iter(value.items()))
            for branch in wanted:
                if name == _branch_name(branch):
                    return self.read(inner, branch, place)
        return self.read(value, wanted[0], place) if len(wanted) == 1 else value


def _branch_name(branch: Any) -> str:
    if isinstance(branch, str):
        return branch
    return str(branch.get("name", branch.get("type")))


def _time(text: str, logical: str, place: str) -> object:
    """ISO 8601 -> the number that the logical type stands for; other logical types keep their text."""
    try:
        if logical == "date":
            return date.fromisoformat(text)
        unit = _UNITS.get(logical.rpartition("-")[2])
        if unit is None or "timestamp" not in logical:
            return text
        moment = datetime.fromisoformat(text.replace("z", "Z"))
    except ValueError:
        raise Misfit(
            f"{place}: {logical} takes an epoch number or ISO 8601, such as 2026-01-31T12:00:00Z"
        ) from None
    whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * unit + delta.microseconds * unit // 1_000_000


def _bytes(text: str, place: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Misfit(f"{place}: bytes are written as base64: {error}") from None
