"""Bytes of a record -> a value, or the schema that is still needed, or why it cannot be read.

Two framings name the writer's schema (Confluent wire format):
  prefix: magic byte 0, then a 4-byte big-endian schema id, then the Avro body;
  header: `__value_schema_id` / `__key_schema_id` holds 0x01 + 16 bytes (a GUID) or 0x00 + 4 bytes (an id),
          and the payload is the bare Avro body. A header wins over a prefix.
Fetching a schema is not done here: `decode` answers `SchemaNeeded` and is called again with it.
Values leave here as expressions see them (`plain`): nulls pruned, times as epoch milliseconds.
"""

import datetime as dt
import io
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import fastavro
from fastavro._read_py import schemaless_reader as read_in_python
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException


@dataclass(frozen=True, slots=True)
class SchemaId:
    """A registry's 4-byte id."""

    id: int

    def __str__(self) -> str:
        return f"id {self.id}"


@dataclass(frozen=True, slots=True)
class SchemaGuid:
    """A registry's globally unique id, as in `GET /schemas/guids/{guid}`."""

    guid: str

    def __str__(self) -> str:
        return f"guid {self.guid}"


SchemaRef: TypeAlias = SchemaId | SchemaGuid


@dataclass(frozen=True, slots=True)
class ParsedSchema:
    """A writer's schema, ready for fastavro. `name` and `namespace` are of the outermost named type."""

    ref: SchemaRef | None
    name: str
    namespace: str
    avro: Any = field(repr=False, hash=False, compare=False)
    recursive: bool = False
    """A type contains itself: how deep a body nests is up to its writer."""

    def as_value(self) -> Mapping[str, object]:
        """What an expression sees as `schema`."""
        number = self.ref.id if isinstance(self.ref, SchemaId) else 0
        return {"name": self.name, "namespace": self.namespace, "id": number}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A value as expressions see it, with the schema it was written by (None: not Avro)."""

    value: object
    schema: ParsedSchema | None


@dataclass(frozen=True, slots=True)
class Undecodable:
    """These bytes will never be readable: a bad record. `why` holds no byte of the record."""

    why: str


@dataclass(frozen=True, slots=True)
class SchemaNeeded:
    """Call again with the schema of `ref`."""

    ref: SchemaRef


@dataclass(frozen=True, slots=True)
class SchemaAbsent:
    """The registry says that this schema does not exist: a bad record."""

    detail: str


@dataclass(frozen=True, slots=True)
class Framed:
    """A schema reference and the Avro body that it describes."""

    ref: SchemaRef
    body: memoryview


def parse_schema(
    definition: Any, ref: SchemaRef | None, references: Mapping[str, Any] | None = None
) -> ParsedSchema | Undecodable:
    """Prepare a schema (already JSON-decoded) for reading.

    `references` are the named schemas it builds on, by full name, each parsed before.
    """
    named = dict(references or {})
    try:
        parsed = fastavro.parse_schema(definition, named_schemas=named, _force=True)
    except (SchemaParseException, KeyError, TypeError, ValueError, RecursionError) as error:
        return Undecodable(f"the schema of {ref} is not valid Avro: {type(error).__name__}")
    full_name = parsed.get("name", "") if isinstance(parsed, dict) else ""
    namespace, _, name = full_name.rpartition(".")
    recursive = _contains_itself(parsed, named, {})
    return ParsedSchema(ref=ref, name=name, namespace=namespace, avro=parsed, recursive=recursive)


def _contains_itself(schema: Any, named: Mapping[str, Any], around: dict[str, bool]) -> bool:
    """Whether a record lies below itself. `around`: records met so far, True while inside them."""
    match schema:
        case str():
            return schema in named and _contains_itself(named[schema], named, around)
        case list():
            return any(_contains_itself(branch, named, around) for branch in schema)
        case {"type": "record" | "error", "name": name, "fields": fields}:
            if name in around:
                return around[name]
            around[name] = True
            found = any(_contains_itself(each["type"], named, around) for each in fields)
            around[name] = False
            return found
        case {"items": inner} | {"values": inner}:
            return _contains_itself(inner, named, around)
        case _:
            return False


def frame(payload: bytes, header: bytes | None) -> Framed | Undecodable:
    """Find the schema reference of a payload. `header` is the schema-id header's value, None without one."""
    if header is not None:
        if len(header) == 17 and header[0] == 1:
            return Framed(SchemaGuid(str(uuid.UUID(bytes=bytes(header[1:])))), memoryview(payload))
        if len(header) == 5 and header[0] == 0:
            return Framed(SchemaId(int.from_bytes(header[1:], "big")), memoryview(payload))
        return Undecodable("the schema-id header is neither 0x01 + 16 bytes nor 0x00 + 4 bytes")
    if len(payload) < 5:
        return Undecodable(
            f"{len(payload)} bytes are too few for the schema prefix (magic byte 0 and a 4-byte id)"
        )
    if payload[0] != 0:
        return Undecodable(
            "the first byte is not 0: the record was not written by a schema-registry serializer"
        )
    return Framed(SchemaId(int.from_bytes(payload[1:5], "big")), memoryview(payload)[5:])


def read_avro(
    body: bytes | memoryview, schema: ParsedSchema, reader: ParsedSchema | None = None
) -> Decoded | Undecodable:
    """Decode a bare Avro body that `schema` wrote. Trailing bytes mean a wrong schema and are refused.

    `reader`: the value is resolved to that schema: aliases, defaults, promoted types, unknown fields dropped. Source: Avro
    specification, "Schema Resolution". None: the value is as it was written.
    """
    stream = io.BytesIO(body)
    # The C reader has no limit of depth: a body of some 10,000 nested records overruns the stack and ends the process.
    read = read_in_python if schema.recursive else fastavro.schemaless_reader
    try:
        value = plain(read(stream, schema.avro, None if reader is None else reader.avro))
    except SchemaResolutionError as error:
        assert reader is not None, "nothing else is resolved"
        wanted = reader.name or "a type of the reader's union"
        return Undecodable(f"{schema.name} ({schema.ref}) cannot be read as {wanted}: {_mismatch(error)}")
    except (
        RecursionError,
        EOFError,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
        UnicodeDecodeError,
        MemoryError,
    ) as error:
        return Undecodable(
            f"the body does not fit its schema {schema.name} ({schema.ref}): {type(error).__name__}"
        )
    rest = len(body) - stream.tell()
    if rest:
        return Undecodable(f"{rest} bytes are left over after reading {schema.name} ({schema.ref})")
    return Decoded(value, schema)


_NO_DEFAULT = re.compile(r"No default value for field (\S+) in (\S+)")


def _mismatch(error: SchemaResolutionError) -> str:
    """Why two schemas do not fit. fastavro's own words may hold an enum's symbol, which is of the record."""
    missing = _NO_DEFAULT.fullmatch(str(error))
    if missing is not None:
        return f"{missing[2]} has the field {missing[1]}, which was not written and has no default"
    return "a type was changed to one that it does not fit, or an enum's symbol is gone and the enum has no default"


Part: TypeAlias = Literal["key", "value"]
SCHEMA_HEADERS: Mapping[Part, str] = {"key": "__key_schema_id", "value": "__value_schema_id"}

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def plain(value: object) -> object:
    """A decoded value as expressions see it.

    Nulls in maps are left out (absent), in lists dropped; date-times become epoch milliseconds, times of day milliseconds
    since midnight, always ints, finer parts cut: an expression must not meet a number's kind that depends on the record.
    Dates become ISO text; UUID and Decimal text.
    """
    match value:
        case str() | bool() | int() | float() | bytes() | None:
            return value
        case dict():
            return {key: plain(item) for key, item in value.items() if item is not None}
        case list():
            return [plain(item) for item in value if item is not None]
        case dt.datetime():
            moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
            return (moment - _EPOCH) // _MILLISECOND
        case dt.date():
            return value.isoformat()
        case dt.time():
            return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000
        case dt.timedelta():
            return value // _MILLISECOND
        case Decimal():
            return format(value, "f")
        case uuid.UUID():
            return str(value)
        case tuple():
            return [plain(item) for item in value if item is not None]
        case _:
            return str(value)
