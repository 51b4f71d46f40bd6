"""The fields of an Avro schema as a first mapping sees them: path, kind, whether absent at times, and how ${...} names them.

Records are walked into; what lies in lists and maps is not a field of the record. Reads no file, guesses nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from connector.workbench.avro_kinds import named_types

Kind: TypeAlias = Literal["text", "enum", "int", "double", "bool", "bytes", "time", "list", "other"]
"""What an expression gets. `time`: milliseconds since 1970 by the schema's word; `int` may be one without saying so."""

DEPTH_MAX: Final = 6
FIELDS_MAX: Final = 2_000

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SAME: Final = {
    "uuid": "id", "uid": "id", "guid": "id", "sid": "id", "identifier": "id", "ids": "id", "msg": "message", "num": "number",
    "no": "number", "nr": "number", "addr": "address", "tel": "phone", "telephone": "phone", "mobile": "phone",
    "msisdn": "phone",
    "ts": "timestamp", "datetime": "time", "mail": "email", "desc": "description", "conv": "conversation", "txt": "text",
}  # fmt: skip
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# CEL's words, which cannot stand behind a dot (its language definition, section Syntax).
_RESERVED: Final = frozenset({
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "namespace",
    "null", "package", "return", "true", "var", "void", "while",
})  # fmt: skip
_PLAIN: Final[Mapping[str, Kind]] = {
    "string": "text", "int": "int", "long": "int", "float": "double", "double": "double", "boolean": "bool",
    "bytes": "bytes", "fixed": "bytes", "enum": "enum", "array": "list",
}  # fmt: skip
_TEXTS: Final = ("uuid", "decimal", "date", "duration")
_TIMES: Final = ("timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record. `root`: the variable that holds the record. `schema`: its type without null."""

    root: str
    path: tuple[str, ...]
    kind: Kind
    optional: bool
    schema: Any
    doc: str = ""

    @property
    def code(self) -> str:
        """A path, which gives nothing where the field is absent."""
        return self.root + "".join(_step(name) for name in self.path)

    @property
    def maybe(self) -> str:
        """An optional value."""
        return self.root + "".join(_step(name, "?") for name in self.path)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Of an enum."""
        return tuple(self.schema["symbols"]) if self.kind == "enum" else ()

    def with_it(self, expression: str) -> str:
        """`expression` with the value for each `@`; where the field is absent it gives nothing."""
        if self.optional:
            return f"{self.maybe}.optMap(it, {expression.replace('@', 'it')})"
        return expression.replace("@", self.code)


def words(name: str) -> tuple[str, ...]:
    """callId, call_id, CallUUID: all are call, id."""
    return tuple(_SAME.get(word.lower(), word.lower()) for word in _WORD.findall(name))


def fields_of(schema: Any, root: str = "value") -> tuple[Field, ...]:
    """The fields of a record's schema (as fastavro parses it), the outer ones first; none if it is no record."""
    named = named_types(schema)
    found: list[Field] = []
    for field in _walk(schema, _Around(root, (), False, ()), named):
        found.append(field)
        if len(found) == FIELDS_MAX:
            break
    return tuple(sorted(found, key=lambda field: len(field.path)))


def items_of(field: Field, schema: Any, root: str) -> tuple[Any, tuple[Field, ...]]:
    """The type of a list's elements without null, and their fields if they are records. `schema`: the whole."""
    named = named_types(schema)
    inner, _ = _without_null(field.schema["items"], named)
    return inner, tuple(_walk(inner, _Around(root, (), False, ()), named))


@dataclass(frozen=True, slots=True)
class _Around:
    root: str
    path: tuple[str, ...]
    optional: bool
    names: tuple[str, ...]
    """Of the records around."""


def _walk(schema: Any, around: _Around, named: Mapping[str, Any]) -> Iterator[Field]:
    inner, _ = _without_null(schema, named)
    if not _is_record(inner) or len(around.path) >= DEPTH_MAX or inner["name"] in around.names:
        return
    for each in inner["fields"]:
        kind_schema, null = _without_null(each["type"], named)
        path, optional = (*around.path, each["name"]), around.optional or null
        if _is_record(kind_schema):
            below = _Around(around.root, path, optional, (*around.names, inner["name"]))
            yield from _walk(kind_schema, below, named)
        else:
            kind = _kind(kind_schema)
            yield Field(around.root, path, kind, optional, kind_schema, str(each.get("doc", "")))


def _kind(schema: Any) -> Kind:
    match schema:
        case {"type": "string" | "bytes" | "fixed" | "int", "logicalType": logical} if logical in _TEXTS:
            # A UUID or a duration of 16 or 12 bytes is read as bytes.
            return "bytes" if schema["type"] == "fixed" and logical != "decimal" else "text"
        case {"type": "long", "logicalType": logical} if logical in _TIMES:
            return "time"
        case {"type": str(kind)}:
            return _PLAIN.get(kind, "other")
        case str():
            return _PLAIN.get(schema, "other")
        case _:
            return "other"


def _without_null(schema: Any, named: Mapping[str, Any]) -> tuple[Any, bool]:
    """The type itself, references and unions of one type undone, and whether it may be null."""
    match schema:
        case list():
            rest = [branch for branch in schema if branch != "null"]
            inner = _without_null(rest[0], named)[0] if len(rest) == 1 else rest
            return inner, len(rest) < len(schema)
        case str() if schema in named:
            return named[schema], False
        case {"type": dict() | list() as inner}:
            return _without_null(inner, named)
        case _:
            return schema, False


def _is_record(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") in ("record", "error")


def _step(name: str, mark: str = "") -> str:
    if _IDENTIFIER.fullmatch(name) and name not in _RESERVED:
        return f".{mark}{name}"
    return f"[{mark}{json.dumps(name, ensure_ascii=False)}]"
