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
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import fastavro
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
    try:
        parsed = fastavro.parse_schema(definition, named_schemas=dict(references or {}), _force=True)
    except (SchemaParseException, KeyError, TypeError, ValueError) as error:
        return Undecodable(f"the schema of {ref} is not valid Avro: {type(error).__name__}")
    full_name = parsed.get("name", "") if isinstance(parsed, dict) else ""
    namespace, _, name = full_name.rpartition(".")
    return ParsedSchema(ref=ref, name=name, namespace=namespace, avro=parsed)


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


def read_avro(body: bytes | memoryview, schema: ParsedSchema) -> Decoded | Undecodable:
    """Decode a bare Avro body as it was written. Trailing bytes mean a wrong schema and are refused."""
    stream = io.BytesIO(body)
    try:
        value = fastavro.schemaless_reader(stream, schema.avro, None)
    except (
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
    return Decoded(plain(value), schema)


Part: TypeAlias = Literal["key", "value"]
SCHEMA_HEADERS: Mapping[Part, str] = {"key": "__key_schema_id", "value": "__value_schema_id"}

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def plain(value: object) -> object:
    """A decoded value as expressions see it.

    Nulls in maps are left out (absent), in lists dropped; date-times become epoch milliseconds (an int when whole, else a
    float that keeps the fraction); dates ISO text; times of day milliseconds since midnight; UUID and Decimal text.
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
            whole, rest = divmod(moment - _EPOCH, _MILLISECOND)
            return whole if not rest else whole + rest / _MILLISECOND
        case dt.date():
            return value.isoformat()
        case dt.time():
            micros = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
            return micros // 1000 if micros % 1000 == 0 else micros / 1000
        case dt.timedelta():
            return value / _MILLISECOND
        case Decimal():
            return format(value, "f")
        case uuid.UUID():
            return str(value)
        case tuple():
            return [plain(item) for item in value if item is not None]
        case _:
            return str(value)
