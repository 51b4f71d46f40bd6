"""An Avro schema -> the type of its values as expressions see them, after `core/decode.plain`.

Nulls are absent, enums, decimals, UUIDs and dates are text (of enums, their symbols), times are whole milliseconds. Reads
schemas that fastavro parsed; no record is ever seen.
"""

from collections.abc import Mapping
from typing import Any, Final

from connector.core.expression.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    STRING,
    FieldType,
    ListOf,
    MapOf,
    Record,
    Type,
    enum,
    one_of,
)

_PRIMITIVES: Final[Mapping[str, Type]] = {
    "boolean": BOOL,
    "int": INT,
    "long": INT,
    "float": DOUBLE,
    "double": DOUBLE,
    "string": STRING,
    "bytes": BYTES,
    "fixed": BYTES,
    "enum": STRING,
}
# What fastavro reads as something else than the underlying type; it ignores every other logical type, as Avro asks.
_AS_TEXT: Final = frozenset({
    ("bytes", "decimal"), ("fixed", "decimal"), ("int", "date"),
})  # fmt: skip


def type_of(avro: Any) -> Type:
    """The type of a schema that `parse_schema` prepared."""
    return _Reader().read(avro)


class _Reader:
    """Reads one schema; each named record becomes one `Record`, however often it is used."""

    def __init__(self) -> None:
        self._named: dict[str, Any] = {}
        self._records: dict[str, Record] = {}

    def read(self, avro: Any) -> Type:
        match avro:
            case str() if avro in _PRIMITIVES:
                return _PRIMITIVES[avro]
            case str() if avro in self._records:
                return self._records[avro]
            case str() if avro in self._named:
                return self.read(self._named[avro])
            case list():
                return one_of(self.read(branch) for branch in avro if not _is_null(branch))
            case {"type": "record" | "error", "name": str(name), "fields": fields}:
                return self._record(name, fields, avro)
            case {"type": "enum", "name": str(name), "symbols": list(symbols)}:
                self._remember(avro)
                return enum(name, symbols)
            case {"type": "array", "items": items}:
                return ListOf(self.read(items))
            case {"type": "map", "values": values}:
                return MapOf(self.read(values))
            case {"type": str(kind)}:
                self._remember(avro)
                return STRING if (kind, avro.get("logicalType")) in _AS_TEXT else self.read(kind)
            case {"type": inner}:
                return self.read(inner)
            case _:
                return DYN

    def _record(self, name: str, fields: Any, avro: Any) -> Record:
        if name in self._records:
            return self._records[name]
        # fastavro keeps here what the schema's own text does not hold, such as the schemas of references.
        self._named |= {n: s for n, s in avro.get("__named_schemas", {}).items() if n not in self._named}
        read: dict[str, FieldType] = {}
        record = self._records[name] = Record(name, read)
        for each in fields:
            read[each["name"]] = FieldType(self.read(each["type"]), _may_be_null(each["type"]))
        return record

    def _remember(self, avro: Any) -> None:
        if isinstance(avro.get("name"), str):
            self._named.setdefault(avro["name"], avro)


def _is_null(avro: Any) -> bool:
    return avro == "null" or (isinstance(avro, dict) and avro.get("type") == "null")


def _may_be_null(avro: Any) -> bool:
    return _is_null(avro) or (isinstance(avro, list) and any(_is_null(branch) for branch in avro))
