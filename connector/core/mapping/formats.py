"""How the bytes of a topic's keys and values are read. Values only: the reading is in `core/decode.py`."""

from dataclasses import dataclass
from typing import TypeAlias

from connector.core.decode import ParsedSchema


@dataclass(frozen=True, slots=True)
class AvroFormat:
    """Avro whose writer's schema is named by a registry id or GUID, in a prefix or a header.

    `reader`: the schema as which all values are read, whatever wrote them; None: as they were written.
    """

    reader: ParsedSchema | None = None


@dataclass(frozen=True, slots=True)
class RawAvroFormat:
    """Avro without any framing, always written by this one schema, and read as `reader` if there is one."""

    schema: ParsedSchema
    reader: ParsedSchema | None = None


@dataclass(frozen=True, slots=True)
class StringFormat:
    """UTF-8 text."""


@dataclass(frozen=True, slots=True)
class BytesFormat:
    """Bytes as they are."""


ValueFormat: TypeAlias = AvroFormat | RawAvroFormat
KeyFormat: TypeAlias = StringFormat | AvroFormat | BytesFormat
