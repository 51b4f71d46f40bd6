"""A record as a JSON file -> what a mapping gets, for trying mappings without Kafka. Format: `schemas/README.md`.

Either {"schema": "CallCreated", "version"?, "key"?, "headers"?, "timestamp"?, "value": ...}, or a bare value. The value
is plain JSON or Avro's JSON encoding: times are epoch numbers or ISO 8601 texts, bytes are base64. With its schema at
hand it is encoded and decoded again, so that a mapping sees exactly what it would see of a record.
"""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import fastavro
from fastavro.validation import ValidationError

from connector.config.problems import did_you_mean
from connector.core.decode import Decoded, ParsedSchema, parse_schema, plain, read_avro
from connector.core.mapping import Input, RawAvroFormat, TopicMapping
from connector.core.records import Epoch, Record

_FIELDS = ("schema", "version", "key", "headers", "timestamp", "value")
_UNITS = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}


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
    whole = isinstance(document, dict) and "value" in document and not set(document) - set(_FIELDS)
    parts: Mapping[str, Any] = document if whole else {"schema": schema_name, "value": document}
    wrong = _wrong_kind(parts)
    if wrong is not None:
        return BadSample(wrong)
    schema = _schema_of(topic, schemas, parts.get("schema"), parts.get("version"))
    if isinstance(schema, BadSample):
        return schema
    decoded = _decoded(parts["value"], schema)
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


def _wrong_kind(parts: Mapping[str, Any]) -> str | None:
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


def _decoded(value: object, schema: ParsedSchema | None) -> Decoded | BadSample:
    if value is None:
        return Decoded(None, schema)
    if schema is None or schema.avro is None:
        return Decoded(plain(value), schema)
    try:
        native = _Reader(schema.avro).read(value, schema.avro, "value")
        fastavro.validate(native, schema.avro, strict=True)
        encoded = io.BytesIO()
        fastavro.schemaless_writer(encoded, schema.avro, native)
    except _Misfit as misfit:
        return BadSample(str(misfit))
    except (ValidationError, ValueError, TypeError, KeyError, OverflowError) as error:
        return BadSample(f"the value does not fit the schema {schema.name}: {error}")
    read = read_avro(encoded.getvalue(), schema)
    return read if isinstance(read, Decoded) else BadSample(read.why)


class _Misfit(Exception):
    """A text that is no time or no base64."""


class _Reader:
    """Walks a JSON value along its schema; what does not fit passes unchanged, for fastavro says so better."""

    def __init__(self, schema: Any) -> None:
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
                raise _Misfit(f"{place}.{name} is not in the schema: {did_you_mean(name, fields)}")
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
        raise _Misfit(
            f"{place}: {logical} takes an epoch number or ISO 8601, such as 2026-01-31T12:00:00Z"
        ) from None
    whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * unit + delta.microseconds * unit // 1_000_000


def _bytes(text: str, place: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _Misfit(f"{place}: bytes are written as base64: {error}") from None
