"""A value as JSON has it -> the value that fastavro encodes: bytes from base64, times from milliseconds or ISO 8601, defaults.

The value is plain JSON or Avro's JSON encoding, which wraps a union's value in the name of its branch. A number stands for
what expressions see: milliseconds, whatever the precision of the field. The first misfit is told by its path. Reads no file.
"""

import base64
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from connector.config.problems import did_you_mean
from connector.workbench.avro_kinds import BITS, fits, kind_of, name_of, named_types

_A_MILLISECOND: Final = {"millis": 1, "micros": 1_000, "nanos": 1_000_000}
"""In the unit of a logical type, by the end of its name: timestamp-, local-timestamp-, time-."""

_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999
"""The years 1 to 9999: others cannot be read back."""

_DAY_MS: Final = 86_400_000


class Misfit(Exception):
    """What the schema cannot take. The text says where, what is wanted and what kind of value is there."""


def read_json(value: object, schema: Any, *, root: str = "value", plain_only: bool = False) -> object:
    """The value by its schema, as `fastavro.parse_schema` returns it. Raises Misfit.

    `root` is what paths begin with, "" for a value that is the whole file. `plain_only` takes no names of branches, and
    refuses unions of several types, which need them.
    """
    return _Reader(schema, plain_only=plain_only).read(value, schema, root)


class _Reader:
    """Walks a value along its schema."""

    def __init__(self, schema: Any, *, plain_only: bool) -> None:
        self._plain_only = plain_only
        self._whole = name_of(schema)
        self._named = named_types(schema)

    def read(self, value: object, schema: Any, place: str) -> object:
        match schema:
            case list():
                return self._union(value, schema, place)
            case str() if schema in self._named:
                return self.read(value, self._named[schema], place)
            case {"type": dict() | list() as inner}:
                return self.read(value, inner, place)
            case {"logicalType": "date"} if isinstance(value, str):
                return _day(value, place)
            case {"logicalType": "decimal"} if isinstance(value, str):
                return _decimal(value, place)
            case {"logicalType": str(logical)} if _is_time(logical) and not isinstance(value, bool):
                value = _time(value, logical, place)
        if not fits(value, schema):
            raise self._misfit(value, schema, place)
        match schema:
            case "bytes" | {"type": "bytes" | "fixed"}:
                return self._bytes(str(value), schema, place)
            case {"type": "record" | "error", "fields": fields} if isinstance(value, dict):
                return self._record(value, {each["name"]: each for each in fields}, place)
            case {"type": "array", "items": items} if isinstance(value, list):
                return [self.read(item, items, f"{place}[{index}]") for index, item in enumerate(value)]
            case {"type": "map", "values": values} if isinstance(value, dict):
                return {name: self.read(item, values, _below(place, name)) for name, item in value.items()}
            case _:
                return value

    def _misfit(self, value: object, schema: Any, place: str) -> Misfit:
        kind = schema if isinstance(schema, str) else schema["type"]
        wanted = f"(schema {self._whole} wants {name_of(schema)})"
        found = kind_of(value)
        if kind == "enum" and isinstance(value, str):
            return Misfit(
                f"{_shown(place)} is no symbol of {name_of(schema)}: {did_you_mean(value, schema['symbols'])}"
            )
        if kind in BITS and isinstance(value, int) and not isinstance(value, bool):
            found = f"beyond {BITS[kind]} bits"
        return Misfit(f"{_shown(place)} is {found} {wanted}")

    def _record(self, value: dict[str, object], fields: Mapping[str, Any], place: str) -> dict[str, object]:
        for name in value:
            if name not in fields:
                raise Misfit(f"{_below(place, name)} is not in the schema: {did_you_mean(name, fields)}")
        for name, each in fields.items():
            if name not in value and "default" not in each:
                wanted = f"(schema {self._whole} wants {name_of(each['type'])})"
                raise Misfit(f"{_below(place, name)} is missing {wanted}")
        return {
            name: self.read(value[name], each["type"], _below(place, name))
            if name in value
            else each["default"]
            for name, each in fields.items()
        }

    def _union(self, value: object, branches: list[Any], place: str) -> object:
        if value is None and "null" in branches:
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
        if len(wanted) == 1:
            return self.read(value, wanted[0], place)
        if isinstance(value, str) and "string" in wanted:  # and not a time, nor base64, by accident
            return value
        for branch in wanted:
            try:
                return self.read(value, branch, place)
            except Misfit:
                continue
        raise Misfit(f"{_shown(place)} is {kind_of(value)} (schema {self._whole} wants {name_of(branches)})")

    def _bytes(self, text: str, schema: Any, place: str) -> bytes:
        try:
            content = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise Misfit(f"{_shown(place)}: bytes are written as base64: {error}") from None
        if isinstance(schema, dict) and schema["type"] == "fixed" and len(content) != schema["size"]:
            size = schema["size"]
            raise Misfit(
                f"{_shown(place)} is {len(content)} bytes (schema {self._whole} wants {name_of(schema)}: {size})"
            )
        return content


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shown(place: str) -> str:
    return place or "the value"


def _branch_name(branch: Any) -> str:
    if isinstance(branch, str):
        return branch
    return str(branch.get("name", branch.get("type")))


def _is_time(logical: str) -> bool:
    kind, _, unit = logical.rpartition("-")
    return unit in _A_MILLISECOND and kind in ("timestamp", "local-timestamp", "time")


def _time(value: object, logical: str, place: str) -> object:
    """Milliseconds or ISO 8601 -> the number that the logical type stands for; what is neither stays as it is."""
    unit = _A_MILLISECOND[logical.rpartition("-")[2]]
    of_day = logical.startswith("time-")
    if isinstance(value, str) and not of_day:
        return _moment(value, logical, place) * unit // 1000
    if not isinstance(value, int | float):
        return value
    first, last = (0, _DAY_MS - 1) if of_day else (_FIRST_MS, _LAST_MS)
    if not math.isfinite(value) or not first <= value < last + 1:
        since = "midnight" if of_day else "1970 UTC"
        raise Misfit(
            f"{_shown(place)}: {logical} takes milliseconds since {since}; this is out of their range"
        )
    # By the text: a float times a million would add digits of its own.
    return math.floor(Decimal(str(value)) * unit)


def _moment(text: str, logical: str, place: str) -> int:
    """ISO 8601 -> microseconds since 1970."""
    try:
        moment = datetime.fromisoformat(text.replace("z", "Z"))
    except ValueError:
        raise Misfit(
            f"{_shown(place)}: {logical} takes milliseconds since 1970 UTC, or ISO 8601 such as 2026-01-31T12:00:00Z"
        ) from None
    whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _day(text: str, place: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Misfit(f"{_shown(place)}: a date is written as 2026-01-31") from None


def _decimal(text: str, place: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Misfit(f"{_shown(place)}: a decimal is written as text, such as '12.50'") from None
