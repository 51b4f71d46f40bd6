"""What is known of a value before there is a record: the types that schemas give and that expressions keep.

A closed union of immutable values. Nothing here knows Avro (`avro.py`) or syntax (`typed.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from connector.core.expression.values import Kind


@dataclass(frozen=True, slots=True)
class Dyn:
    """Nothing is known: whatever is done with it may be right."""


@dataclass(frozen=True, slots=True)
class Texts:
    """All that a string can be: `symbols` of the enums named `enums`, or one of the texts `written` in the expression."""

    enums: tuple[str, ...] = ()
    symbols: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scalar:
    """A bool, int, double, string or bytes. `texts` of a string: what it can be, None: any text."""

    kind: Kind
    texts: Texts | None = None


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list."""

    item: "Type"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map whose keys depend on the record."""

    value: "Type"


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a record; `nullable`: a record may come without it."""

    type: "Type"
    nullable: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A map whose keys are known. `name` as its schema has it, "" of a map written in an expression.

    `fields` is filled after construction, since a record may contain itself; two records are equal if they are one.
    """

    name: str
    fields: Mapping[str, FieldType] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of at least two types, none of which is Dyn or OneOf."""

    alternatives: "tuple[Type, ...]"


Type: TypeAlias = Dyn | Scalar | ListOf | MapOf | Record | OneOf

DYN: Final = Dyn()
BOOL: Final = Scalar("bool")
INT: Final = Scalar("int")
DOUBLE: Final = Scalar("double")
STRING: Final = Scalar("string")
BYTES: Final = Scalar("bytes")


def one_of(types: Iterable[Type]) -> Type:
    """What is any of these; Dyn if there are none, or if nothing is known of one. Strings become one string."""
    found: dict[Type, None] = {}
    strings: list[Scalar] = []
    for each in types:
        for alternative in alternatives(each):
            if alternative == DYN:
                return DYN
            text = isinstance(alternative, Scalar) and alternative.kind == "string"
            if isinstance(alternative, Scalar) and text:
                strings.append(alternative)
            found[STRING if text else alternative] = None
    together = Scalar("string", _together(string.texts for string in strings))
    kept = tuple(together if each == STRING else each for each in found)
    return OneOf(kept) if len(kept) > 1 else next(iter(kept), DYN)


def _together(all_texts: Iterable[Texts | None]) -> Texts | None:
    """What any of these strings can be."""
    enums: dict[str, None] = {}
    symbols: set[str] = set()
    written: set[str] = set()
    for texts in all_texts:
        if texts is None:
            return None
        enums |= dict.fromkeys(texts.enums)
        symbols |= texts.symbols
        written |= texts.written
    return Texts(tuple(enums), frozenset(symbols), frozenset(written))


def enum(name: str, symbols: Iterable[str]) -> Scalar:
    """A string that is one of an Avro enum's symbols."""
    return Scalar("string", Texts(enums=(name,), symbols=frozenset(symbols)))


def written(text: str) -> Scalar:
    """A string that an expression holds itself."""
    return Scalar("string", Texts(written=frozenset({text})))


def texts_of(each: Type) -> Texts | None:
    """All that a value can be, if it can only be a string of which that is known."""
    return each.texts if isinstance(each, Scalar) else None


def alternatives(each: Type) -> tuple[Type, ...]:
    """The types that a value may have; just itself of what is no OneOf."""
    return each.alternatives if isinstance(each, OneOf) else (each,)


def look_up(holder: Type, step: str | int) -> FieldType | None:
    """The field of what has one, of any alternative; None: none can have it."""
    found: list[FieldType] = []
    for each in alternatives(holder):
        match each:
            case Record() if isinstance(step, str) and step in each.fields:
                found.append(each.fields[step])
            case MapOf(inner) if isinstance(step, str):
                found.append(FieldType(inner))
            case ListOf(item) if isinstance(step, int):
                found.append(FieldType(item))
            case Record() | MapOf() | ListOf() | Scalar():
                continue
            case _:
                found.append(FieldType(DYN))
    if not found:
        return None
    return FieldType(one_of(each.type for each in found), any(each.nullable for each in found))


def kinds(each: Type) -> frozenset[Kind]:
    """The kinds of value that this may be; "dyn" among them: any."""
    return frozenset(_kind(alternative) for alternative in alternatives(each))


def _kind(each: Type) -> Kind:
    match each:
        case Scalar(kind):
            return kind
        case ListOf():
            return "list"
        case MapOf() | Record():
            return "map"
        case Dyn() | OneOf():
            return "dyn"
        case never:
            assert_never(never)


_WORDS: Final[Mapping[Kind, str]] = {
    "dyn": "any value",
    "bool": "a bool",
    "int": "an int",
    "double": "a double",
    "string": "a string",
    "bytes": "bytes",
    "list": "a list",
    "map": "a map",
}


def in_words(each: Type) -> str:
    """For messages: "an int", "a list", "a record Party", "a string or an int"."""
    words: dict[str, None] = {}
    for alternative in alternatives(each):
        if isinstance(alternative, Record) and alternative.name:
            words[f"a record {short(alternative.name)}"] = None
        else:
            words[_WORDS[_kind(alternative)]] = None
    return " or ".join(words)


def short(name: str) -> str:
    """A schema's name without its namespace."""
    return name.rpartition(".")[2]
