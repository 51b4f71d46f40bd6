"""A made-up record of a schema, as JSON as `render` and tests take it. The same schema gives the same record."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from connector.workbench.avro_kinds import named_types
from connector.workbench.new.fields import words
from connector.workbench.new.times import NOON_MS

DEPTH_MAX: Final = 24
_LOGICAL: Final[Mapping[str, object]] = {
    "date": "2026-11-03",
    "time-millis": 28_800_000,
    "time-micros": 28_800_000,
    "timestamp-millis": NOON_MS,
    "timestamp-micros": NOON_MS,
    "local-timestamp-millis": NOON_MS,
    "local-timestamp-micros": NOON_MS,
    "timestamp-nanos": NOON_MS,
    "local-timestamp-nanos": NOON_MS,
}
"""Milliseconds, whatever the precision: see `avro_json`."""
_UUID: Final = "6f1c2a9e-3d0b-4a57-9c1e-0a5b7d2f4e68"


def sample_of(schema: Any, chosen: Mapping[tuple[str, ...], object]) -> object:
    """A record of the schema (as fastavro parses it). `chosen`: what stands at a path of records instead."""
    named = named_types(schema)
    return _Maker(named, chosen).make(schema, (), 0, in_record=True)


class _Maker:
    def __init__(self, named: Mapping[str, Any], chosen: Mapping[tuple[str, ...], object]) -> None:
        self._named = named
        self._chosen = chosen

    def make(  # noqa: PLR0912 - a table of Avro's types
        self, schema: Any, path: tuple[str, ...], depth: int, *, in_record: bool
    ) -> object:
        """`in_record`: whether `path` leads here through records only, so that `chosen` may name it."""
        if in_record and path and path in self._chosen:
            return self._chosen[path]
        match schema:
            case str() if schema in self._named:
                return self.make(self._named[schema], path, depth, in_record=in_record)
            case list():
                return self._union(schema, path, depth, in_record=in_record)
            case {"type": dict() | list() as inner}:
                return self.make(inner, path, depth, in_record=in_record)
            case {"type": "record" | "error", "fields": fields}:
                return {
                    each["name"]: self.make(
                        each["type"], (*path, each["name"]), depth + 1, in_record=in_record
                    )
                    for each in fields
                }
            case {"type": "array", "items": items}:
                return [] if depth > DEPTH_MAX // 2 else [self.make(items, path, depth + 1, in_record=False)]
            case {"type": "map"}:
                return {}
            case {"type": "enum", "symbols": symbols}:
                return symbols[0]
            case {"logicalType": str(logical)} if logical in _LOGICAL and schema["type"] in ("int", "long"):
                return _LOGICAL[logical]
            case {"logicalType": "uuid", "type": "string"}:
                return _UUID
            case {"logicalType": "decimal"}:
                return "0"
            case {"type": "fixed", "size": size}:
                return base64.b64encode(bytes(size)).decode()
            case _:
                return self._plain(schema if isinstance(schema, str) else schema["type"], path)

    def _union(self, branches: list[Any], path: tuple[str, ...], depth: int, *, in_record: bool) -> object:
        rest = [branch for branch in branches if branch != "null"]
        if not rest or (len(rest) < len(branches) and (len(rest) > 1 or depth > DEPTH_MAX // 4)):
            return None
        made = self.make(rest[0], path, depth, in_record=in_record)
        if len(rest) == 1:
            return made
        branch = rest[0]
        # Avro's JSON encoding: the name of the branch says which it is.
        name = branch if isinstance(branch, str) else branch.get("name", branch["type"])
        return {str(name): made}

    def _plain(self, kind: str, path: tuple[str, ...]) -> object:
        match kind:
            case "string":
                return _text(words(path[-1]) if path else ())
            case "int" | "long":
                return 1
            case "float" | "double":
                return 1.5
            case "boolean":
                return False
            case "bytes":
                return base64.b64encode(b"made up").decode()
            case _:
                return None


def _text(named: tuple[str, ...]) -> str:
    if "email" in named:
        return "someone@shop.example"
    if named[-1:] == ("number",) or "phone" in named:
        return "+15550100001"
    return "-".join(named) + "-1" if named[-1:] == ("id",) else " ".join(named) or "text"
