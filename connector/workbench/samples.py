"""A record as a JSON file -> what a mapping gets, for trying mappings without Kafka. Format: `schemas/README.md`.

Either {"schema": "CallCreated", "version"?, "key"?, "headers"?, "timestamp"?, "value": ...}, or a bare value. The value
is plain JSON or Avro's JSON encoding: times are milliseconds since 1970 or ISO 8601 texts, bytes are base64. With its schema at
hand it is encoded and decoded again, so that a mapping sees exactly what it would see of a record.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import fastavro
from fastavro.validation import ValidationError

from connector.workbench.avro_json import Misfit, read_json
from connector.config.problems import did_you_mean
from connector.core.decode import Decoded, ParsedSchema, parse_schema, plain, read_avro
from connector.core.mapping import Input, RawAvroFormat, TopicMapping
from connector.core.records import Epoch, Record

_FIELDS = ("schema", "version", "key", "headers", "timestamp", "value")


@dataclass(frozen=True, slots=True)
class BadSample:
    """Why a file is no record; one sentence with the place."""

    why: str


Sample: TypeAlias = Input | BadSample


def read_sample(text: str, topic: TopicMapping, schemas: Path, schema_name: str | None = None) -> Sample:
    """The record in a file's text. `schemas`: folder with avro/ and versions/. `schema_name`: of a bare value."""
    try:
        document = json.loads(text)
    except ValueError as error:
        return BadSample(f"not JSON: {error}")
    whole = _is_envelope(document)
    parts: Mapping[str, Any] = document if whole else {"schema": schema_name, "value": document}
    wrong = _wrong_part(parts)
    if wrong is not None:
        return BadSample(wrong)
    schema = _schema_of(topic, schemas, parts.get("schema"), parts.get("version"))
    if isinstance(schema, BadSample):
        return schema
    decoded = _decoded(parts["value"], schema, "value" if whole else "")
    if isinstance(decoded, BadSample):
        return decoded
    key = parts.get("key")
    record = Record(
        topic=topic.topic,
        partition=0,
        offset=0,
        epoch=Epoch(0),
        value=None if parts["value"] is None else json.dumps(parts["value"]).encode(),
        key=None if key is None else (key if isinstance(key, str) else json.dumps(key)).encode(),
        headers=tuple((name, item.encode()) for name, item in (parts.get("headers") or {}).items()),
        timestamp_ms=parts.get("timestamp"),
    )
    return Input(record=record, value=decoded.value, key=plain(key), schema=decoded.schema)


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


def _schema_of(
    topic: TopicMapping, folder: Path, name: str | None, version: object
) -> ParsedSchema | BadSample | None:
    """The schema to read the value with; without a file of it, one that has only its name."""
    match topic.value:
        case RawAvroFormat(schema=schema):
            return schema
    if name is None:
        return None
    if version is None:
        files = {path.stem: path for path in sorted((folder / "avro").rglob("*.avsc"))}
    else:
        files = {
            path.name.split(".")[0]: path for path in sorted((folder / "versions").glob(f"*.v{version}.avsc"))
        }
    path = files.get(name.rpartition(".")[2])
    if path is None:
        if version is not None:
            return BadSample(f"there is no version {version} of {name}: {did_you_mean(name, files)}")
        namespace, _, short = name.rpartition(".")
        return ParsedSchema(ref=None, name=short, namespace=namespace, avro=None)
    parsed = parse_schema(json.loads(path.read_bytes()), None)
    assert isinstance(parsed, ParsedSchema), "shipped schemas are valid"
    return parsed


def _decoded(value: object, schema: ParsedSchema | None, root: str) -> Decoded | BadSample:
    if value is None:
        return Decoded(None, schema)
    if schema is None or schema.avro is None:
        return Decoded(plain(value), schema)
    try:
        native = read_json(value, schema.avro, root=root)
        fastavro.validate(native, schema.avro, strict=True)
        encoded = io.BytesIO()
        fastavro.schemaless_writer(encoded, schema.avro, native)
    except Misfit as misfit:
        return BadSample(str(misfit))
    except (ValidationError, ValueError, TypeError, KeyError, OverflowError) as error:
        # Rare, such as a decimal with too many digits. The library's text would show the whole value.
        return BadSample(f"the value does not fit the schema {schema.name} ({type(error).__name__})")
    read = read_avro(encoded.getvalue(), schema)
    return read if isinstance(read, Decoded) else BadSample(read.why)
