"""A record as it came -> what is to be done with it. Decoding and mapping in one pure step.

The pipeline calls `prepare`, fetches the schema it asks for, and calls again; `render` calls the very same code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from connector.core.dead_letter import Failure
from connector.core.decode import (
    SCHEMA_HEADERS,
    Decoded,
    ParsedSchema,
    Part,
    SchemaAbsent,
    SchemaNeeded,
    SchemaRef,
    Undecodable,
    frame,
    read_avro,
)
from connector.core.mapping import (
    AvroFormat,
    BytesFormat,
    ChannelNeeded,
    Input,
    Plan,
    PythonMapper,
    RawAvroFormat,
    Refusal,
    Skip,
    StringFormat,
    TopicMapping,
)
from connector.core.records import OrderKey, Record

KnownSchemas: TypeAlias = Callable[[SchemaRef], ParsedSchema | SchemaAbsent | None]
"""What is known of a schema already; None: ask the registry."""

Prepared: TypeAlias = Plan | Skip | Failure | SchemaNeeded | ChannelNeeded


@dataclass(frozen=True, slots=True)
class MapperNeeded:
    """The record is decoded, and foreign code says what it becomes: it is called where a hang stops nothing else."""

    mapper: PythonMapper
    taken: Input

    def call(self) -> Plan | Skip | Failure:
        """Run the mapper. May not return."""
        return self._done(self.mapper.map(self.taken))

    def gave_up(self, why: str) -> Failure:
        """What becomes of the record when the call was given up; `why` as "did not return within 5 s"."""
        return _failure(self.mapper.gave_up(why), self.taken.schema)

    def _done(self, result: Plan | Skip | Refusal) -> Plan | Skip | Failure:
        return _failure(result, self.taken.schema) if isinstance(result, Refusal) else result


def prepare(record: Record, topic: TopicMapping, schemas: KnownSchemas, now_wall: float | None) -> Prepared:
    """What this record becomes. Raises nothing for any record; a Python mapper is called here, however long it takes.

    `now_wall`: Unix seconds, for `max_age_s`; None: its age was judged before.
    """
    begun = begin(record, topic, schemas, now_wall)
    return begun.call() if isinstance(begun, MapperNeeded) else begun


def begin(
    record: Record, topic: TopicMapping, schemas: KnownSchemas, now_wall: float | None
) -> Prepared | MapperNeeded:
    """The same as far as it goes without foreign code: what the service's event loop may call."""
    skip = topic.skips(record, now_wall)
    if skip is not None:
        return skip
    taken = decoded(record, topic, schemas)
    if isinstance(taken, SchemaNeeded | Failure):
        return taken
    if isinstance(topic.maps, PythonMapper):
        return MapperNeeded(topic.maps, taken)
    result = topic.map(taken)
    return _failure(result, taken.schema) if isinstance(result, Refusal) else result


def decoded(record: Record, topic: TopicMapping, schemas: KnownSchemas) -> Input | SchemaNeeded | Failure:
    """What the mapping gets of a record's bytes. Raises nothing for any record."""
    key = _read("key", record, topic.key, schemas)
    if isinstance(key, SchemaNeeded | Failure):
        return key
    value = _read("value", record, topic.value, schemas)
    if isinstance(value, SchemaNeeded | Failure):
        return value
    return Input(record=record, value=value.value, key=key.value, schema=value.schema)


def early_key(record: Record, topic: TopicMapping, schemas: KnownSchemas) -> OrderKey | None:
    """The order key of a record that `prepare` cannot read yet; None: it can only be told once its schemas are known."""
    key = _read("key", record, topic.key, schemas)
    return topic.early_key(record, key.value) if isinstance(key, Decoded) else None


def _read(
    part: Part,
    record: Record,
    how: AvroFormat | RawAvroFormat | StringFormat | BytesFormat,
    schemas: KnownSchemas,
) -> Decoded | SchemaNeeded | Failure:
    payload = record.key if part == "key" else record.value
    if payload is None:
        return Decoded(None, None)
    match how:
        case BytesFormat():
            return Decoded(payload, None)
        case StringFormat():
            try:
                return Decoded(payload.decode("utf-8"), None)
            except UnicodeDecodeError:
                advice = (
                    f"the {part} is not UTF-8 text; if it is not meant to be, say `{part}: {{format: bytes}}`"
                )
                return _undecodable(part, advice)
        case RawAvroFormat(schema=schema, reader=reader):
            read = read_avro(payload, schema, reader)
        case AvroFormat(reader=reader):
            read_or_needed = _read_framed(part, record, payload, schemas, reader)
            if isinstance(read_or_needed, SchemaNeeded | Failure):
                return read_or_needed
            read = read_or_needed
    return _undecodable(part, f"{part}: {read.why}") if isinstance(read, Undecodable) else read


def _read_framed(
    part: Part, record: Record, payload: bytes, schemas: KnownSchemas, reader: ParsedSchema | None
) -> Decoded | Undecodable | SchemaNeeded | Failure:
    wanted = SCHEMA_HEADERS[part]
    header = next((value for name, value in reversed(record.headers) if name == wanted), None)
    framed = frame(payload, header)
    if isinstance(framed, Undecodable):
        return framed
    match schemas(framed.ref):
        case None:
            return SchemaNeeded(framed.ref)
        case SchemaAbsent(detail=detail):
            return Failure(
                reason="schema_missing",
                stage="decode",
                message=f"{part}: the registry has no schema {framed.ref}: {detail}",
                step=f"{__name__}.decode_{part}",
                schema_id=str(framed.ref),
                of_key=part == "key",
            )
        case ParsedSchema() as schema:
            return read_avro(framed.body, schema, reader)


def _undecodable(part: Part, why: str) -> Failure:
    step = f"{__name__}.decode_{part}"
    return Failure(reason="decode_failed", stage="decode", message=why, step=step, of_key=part == "key")


def _failure(refusal: Refusal, schema: ParsedSchema | None) -> Failure:
    return Failure(
        reason=refusal.reason,
        stage=refusal.stage,
        message=refusal.message,
        step=f"{__name__}.{refusal.stage}",
        operation=refusal.operation,
        rule=refusal.rule,
        error_class=refusal.error_class,
        schema_id=str(schema.ref) if schema and schema.ref else None,
    )
