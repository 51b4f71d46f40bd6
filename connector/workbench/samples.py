"""A record from a file -> what a mapping gets, for trying mappings without Kafka. Format of JSON: `schemas/README.md`.

Four kinds of files: {"schema": "CallCreated", "version"?, "key"?, "headers"?, "timestamp"?, "value": ...}; a bare value as
JSON; an Avro container file, which brings its schema; and the bytes of a record as they lie in Kafka. JSON is plain or Avro's
JSON encoding: times are milliseconds since 1970 or ISO 8601 texts, bytes are base64. Whatever has a schema is encoded and
decoded again by the service's own code, so that a mapping sees exactly what it would see of a record.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import fastavro
from fastavro.validation import ValidationError

from connector.config.problems import counted, did_you_mean
from connector.core.dead_letter import Failure
from connector.core.decode import ParsedSchema, parse_schema, plain
from connector.core.mapping import Input, RawAvroFormat, TopicMapping
from connector.core.prepare import decoded
from connector.core.records import Epoch, Record
from connector.workbench.avro_json import Misfit, read_json

_FIELDS = ("schema", "version", "key", "headers", "timestamp", "value")
_NO_ID: Final = b"\x00\x00\x00\x00\x00"
"""The registry's framing with a schema id that no registry gives: the schema lies at hand."""
CONTAINER: Final = b"Obj\x01"
"""How an Avro container file begins (Avro specification, "Object Container Files")."""


@dataclass(frozen=True, slots=True)
class BadSample:
    """Why a file is no record; one sentence with the place."""

    why: str


Sample: TypeAlias = Input | Failure | BadSample
"""Failure: bytes that the service could not read either, a dead letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside a value: the record's key as JSON, headers, and Kafka's timestamp in milliseconds."""

    key: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timestamp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where schemas are looked for: `shipped` has avro/ and versions/.

    Paths of .avsc files begin in `base`; those inside a JSON file in `file_base`, the folder of that file.
    `own`: the topic's, which come before shipped ones; of several of a name the last counts.
    """

    shipped: Path
    base: Path = Path()
    file_base: Path = Path()
    own: tuple[ParsedSchema, ...] = ()

    def find(self, name: str, version: object = None) -> ParsedSchema | BadSample:
        """A schema by its file or its name; one that is nowhere has only its name."""
        if name.endswith(".avsc"):
            return _from_file(self.base / name)
        if version is None:
            own = next((schema for schema in reversed(self.own) if _is_called(schema, name)), None)
            if own is not None:
                return own
            files = {path.stem: path for path in sorted((self.shipped / "avro").rglob("*.avsc"))}
        else:
            released = (self.shipped / "versions").glob(f"*.v{version}.avsc")
            files = {path.name.split(".")[0]: path for path in sorted(released)}
        path = files.get(name.rpartition(".")[2])
        if path is not None:
            return _from_file(path)
        if version is not None:
            return BadSample(f"there is no version {version} of {name}: {did_you_mean(name, files)}")
        namespace, _, short = name.rpartition(".")
        return ParsedSchema(ref=None, name=short, namespace=namespace, avro=None)


def _is_called(schema: ParsedSchema, name: str) -> bool:
    namespace, _, short = name.rpartition(".")
    return schema.name == short and namespace in ("", schema.namespace)


def read_sample(text: str, topic: TopicMapping, schemas: Path) -> Input | BadSample:
    """The record in the text of a JSON file. `schemas`: those that ship."""
    return _from_json(text, topic, Shelf(shipped=schemas, own=topic.schemas), None)


def _from_json(text: str, topic: TopicMapping, shelf: Shelf, schema_name: str | None) -> Input | BadSample:
    """`schema_name`: of a bare value."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BadSample(f"not JSON: {error}")
    whole = _is_envelope(document)
    parts: Mapping[str, Any] = document if whole else {"schema": schema_name, "value": document}
    if whole:
        return from_parts(parts, topic, replace(shelf, base=shelf.file_base))
    return from_parts(parts, topic, shelf, "")


def from_parts(
    parts: Mapping[str, Any], topic: TopicMapping, shelf: Shelf, root: str = "value"
) -> Input | BadSample:
    """The record whose parts these are, by the names of the envelope. `root`: what paths in the value begin with."""
    wrong = _wrong_part(parts)
    if wrong is not None:
        return BadSample(wrong)
    schema: ParsedSchema | BadSample | None = None
    if isinstance(topic.value, RawAvroFormat):
        schema = topic.value.schema
    elif parts.get("schema") is not None:
        schema = shelf.find(parts["schema"], parts.get("version"))
    if isinstance(schema, BadSample):
        return schema
    value = parts["value"]
    beside = Beside(
        key=parts.get("key"), headers=parts.get("headers") or {}, timestamp=parts.get("timestamp")
    )
    if value is None or schema is None or schema.avro is None:
        content = None if value is None else json.dumps(value).encode()
        return Input(
            record=_record(topic, content, beside), value=plain(value), key=plain(beside.key), schema=schema
        )
    try:
        native = read_json(value, schema.avro, root=root)
    except Misfit as misfit:
        return BadSample(str(misfit))
    return _whole(_through_avro(native, schema, topic, beside))


def from_container(content: bytes, index: int, topic: TopicMapping, beside: Beside) -> Sample:
    """A record of an Avro container file; `index` counts from 0."""
    try:
        reader = fastavro.reader(io.BytesIO(content))
        # The cast is fastavro's loose type: a reader gives values of any kind.
        found: list[Any] = list(islice(reader, index, index + 1))
        if not found:
            there = sum(1 for _ in fastavro.reader(io.BytesIO(content)))
            return BadSample(f"has {counted(there, 'record')}, the first of which is number 0")
        schema = parse_schema(reader.writer_schema, None)
    except Exception as error:  # noqa: BLE001 - the library raises what it likes for a damaged file
        return BadSample(f"is no Avro container file that can be read ({type(error).__name__})")
    if not isinstance(schema, ParsedSchema):
        return BadSample(schema.why)
    return _through_avro(found[0], schema, topic, beside)


def from_bytes(content: bytes, schema: ParsedSchema | None, topic: TopicMapping, beside: Beside) -> Sample:
    """A record as it lies in Kafka, framing and all. `schema`: what the registry would answer for any id."""
    record = _record(topic, content, beside)
    taken = decoded(replace(record, key=None), topic, lambda _: schema)
    match taken:
        case Input():
            return replace(taken, record=record, key=plain(beside.key))
        case Failure():
            return taken
        case _:
            return BadSample(
                f"the bytes name the schema {taken.ref}, and no registry is asked here: "
                "give schema, the .avsc file that they were written by"
            )


def from_file(
    content: bytes, name: str, topic: TopicMapping, shelf: Shelf, given: tuple[str | None, int, Beside]
) -> Sample:
    """The record in a file of any kind. `given`: name of the schema, number in a container, and what stands beside it."""
    schema_name, index, beside = given
    if content.startswith(CONTAINER):
        return from_container(content, index, topic, beside)
    if not name.endswith(".json"):
        schema = None if schema_name is None else shelf.find(schema_name)
        return schema if isinstance(schema, BadSample) else from_bytes(content, schema, topic, beside)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return BadSample("not JSON: it is not UTF-8 text")
    sample = _from_json(text, topic, shelf, schema_name)
    return sample if isinstance(sample, BadSample) else _over(sample, beside)


def _over(sample: Input, beside: Beside) -> Input:
    """The sample with what is said beside its file."""
    key = sample.key if beside.key is None else plain(beside.key)
    record = sample.record
    if beside.key is not None:
        record = replace(record, key=_key_bytes(beside.key))
    if beside.headers:
        record = replace(record, headers=_headers(beside.headers))
    if beside.timestamp is not None:
        record = replace(record, timestamp_ms=beside.timestamp)
    return replace(sample, record=record, key=key)


def _is_envelope(document: object) -> bool:
    """Whether the file says more than the value. One that names schema and value does, whatever else is in it."""
    if not isinstance(document, dict) or "value" not in document:
        return False
    return "schema" in document or not set(document) - set(_FIELDS)


def _wrong_part(parts: Mapping[str, Any]) -> str | None:
    for name in parts:
        if name not in _FIELDS:
            return f"{name} is not known here: {did_you_mean(name, _FIELDS)}"
    headers, timestamp = parts.get("headers"), parts.get("timestamp")
    if parts.get("schema") is not None and not isinstance(parts["schema"], str):
        return "schema must be the name of a record type, as text"
    if headers is not None and not (
        isinstance(headers, dict) and all(isinstance(v, str) for v in headers.values())
    ):
        return "headers must be a map of texts"
    if timestamp is not None and (isinstance(timestamp, bool) or not isinstance(timestamp, int)):
        return "timestamp must be whole milliseconds since 1970"
    return None


def _from_file(path: Path) -> ParsedSchema | BadSample:
    name = path.resolve()  # whole, as it may not be the folder that was meant
    try:
        definition = json.loads(path.read_bytes())
    except OSError as error:
        return BadSample(f"cannot read the schema {name}: {error.strerror or type(error).__name__}")
    except (ValueError, RecursionError):
        return BadSample(f"the schema {name} is not JSON")
    parsed = parse_schema(definition, None)
    return parsed if isinstance(parsed, ParsedSchema) else BadSample(f"{name} is not a valid Avro schema")


def _record(topic: TopicMapping, value: bytes | None, beside: Beside) -> Record:
    return Record(
        topic=topic.topic,
        partition=0,
        offset=0,
        epoch=Epoch(0),
        value=value,
        key=None if beside.key is None else _key_bytes(beside.key),
        headers=_headers(beside.headers),
        timestamp_ms=beside.timestamp,
    )


def _key_bytes(key: object) -> bytes:
    return (key if isinstance(key, str) else json.dumps(key)).encode()


def _headers(headers: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, item.encode()) for name, item in headers.items())


def _through_avro(native: object, schema: ParsedSchema, topic: TopicMapping, beside: Beside) -> Sample:
    """As a producer would write it and the service read it."""
    encoded = io.BytesIO()
    try:
        fastavro.validate(native, schema.avro, strict=True)
        fastavro.schemaless_writer(encoded, schema.avro, native)
    except (ValidationError, ValueError, TypeError, KeyError, OverflowError) as error:
        # Rare, such as a decimal with too many digits. The library's text would show the whole value.
        return BadSample(f"the value does not fit the schema {schema.name} ({type(error).__name__})")
    body = encoded.getvalue()
    framed = body if isinstance(topic.value, RawAvroFormat) else _NO_ID + body
    # A schema-id header would be believed before the framing: it is the mapping's to see, not the reader's.
    bare = replace(beside, headers={})
    sample = from_bytes(framed, schema, topic, bare)
    return _over(sample, beside) if isinstance(sample, Input) else sample


def _whole(sample: Sample) -> Input | BadSample:
    return BadSample(sample.message) if isinstance(sample, Failure) else sample
