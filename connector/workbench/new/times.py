"""Times in a first mapping file: which unit a schema's field has, and the expression for the unit that Front wants.

The unit is what the type, the name or the `doc` says. Two that contradict one another, or none, are an assumption, and said.
Never here: which field is the time that is wanted (`guess.py`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from connector.workbench.new.fields import Field, words

Unit: TypeAlias = Literal["ms", "s", "us", "ns", "iso"]

NOON_MS: Final = 1_793_692_800_000
"""The time in made-up records: 2026-11-03T08:00:00Z."""

_WORDS: Final[Mapping[str, Unit]] = {
    "ms": "ms", "msec": "ms", "msecs": "ms", "millis": "ms", "milli": "ms", "milliseconds": "ms", "millisecond": "ms",
    "sec": "s", "secs": "s", "seconds": "s", "us": "us", "micros": "us", "microseconds": "us", "microsecond": "us",
    "ns": "ns", "nanos": "ns", "nanoseconds": "ns", "nanosecond": "ns",
}  # fmt: skip
_IN_NAMES: Final[Mapping[str, Unit]] = {**_WORDS, "s": "s", "second": "s"}
_AROUND: Final = frozenset({"epoch", "unix", "utc", "gmt", "in", "since"})
"""Words at the end of a name that say how a time is written, and not which."""
_LETTERS: Final = re.compile(r"[a-z]+")
_S_ALONE: Final = re.compile(r"\bin s\b|[(\[]s[)\]]")
_ISO: Final = re.compile(r"iso[ -]?8601|rfc[ -]?3339", re.IGNORECASE)
_EPOCH: Final = re.compile(r"epoch|unix|1970", re.IGNORECASE)
_NAMES: Final[Mapping[Unit, str]] = {
    "ms": "milliseconds",
    "s": "seconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}

_TO_MS: Final[Mapping[Unit, str]] = {
    "ms": "@", "s": "to_millis(@)", "us": "@ / 1000", "ns": "@ / 1000000", "iso": "parse_time(@)",
}  # fmt: skip
_TO_S: Final[Mapping[Unit, str]] = {
    "ms": "to_seconds(@)", "s": "@", "us": "@ / 1000000", "ns": "@ / 1000000000", "iso": "to_seconds(parse_time(@))",
}  # fmt: skip
_SAMPLES: Final[Mapping[Unit, int]] = {
    "ms": NOON_MS, "s": NOON_MS // 1000, "us": NOON_MS * 1000, "ns": NOON_MS * 1_000_000,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """How a field writes a time. `assumed`: what is to be looked at, "" where the schema says the unit."""

    unit: Unit
    assumed: str = ""


def written_in(field: Field) -> Written:
    """The unit of a field that holds a time."""
    if field.kind == "time":
        return Written("ms")
    if _logical(field).endswith("nanos"):
        return Written("ns")
    said = tuple(dict.fromkeys(_said(field)))
    if field.kind == "text" and not said:
        sure = _ISO.search(field.doc) is not None
        return Written(
            "iso", "" if sure else "the schema does not say how the time is written; ISO 8601 is assumed"
        )
    if len(said) == 1:
        return Written(said[0])
    if said:
        names = " and ".join(_NAMES[unit] for unit in said)
        return Written(said[0], f"the schema speaks of {names}; {_NAMES[said[0]]} are assumed")
    # The classic epoch counts seconds, and 32 bits hold no milliseconds since 1970.
    small = _is_int32(field) or "epoch" in words(field.path[-1]) or "unix" in words(field.path[-1])
    unit: Unit = "s" if small else "ms"
    return Written(unit, f"the schema does not say the unit; {_NAMES[unit]} are assumed")


def time_code(field: Field, unit: Unit, wanted: Literal["ms", "s"]) -> str:
    """The expression that gives the time as Front wants it, nothing where the field is absent."""
    template = (_TO_MS if wanted == "ms" else _TO_S)[unit]
    if field.kind == "double" and "(" not in template:  # Front takes whole numbers
        template = f"int({template}.0)" if "/" in template else f"int({template})"
    if field.kind == "text" and unit != "iso":
        template = template.replace("@", "int(@)")
    return field.with_it(template)


def time_sample(field: Field, unit: Unit) -> object:
    """What a made-up record has there: the same moment in every unit."""
    if _logical(field):  # made-up records have milliseconds: `avro_json`
        return NOON_MS
    if unit == "iso":
        return "2026-11-03T08:00:00Z"
    number = _SAMPLES[unit]
    return float(number) if field.kind == "double" else str(number) if field.kind == "text" else number


def may_be_time(field: Field) -> bool:
    """Whether its type has room for one: not a time of day, and 32 bits hold seconds and nothing finer."""
    if _logical(field).startswith(("time-", "date", "duration", "uuid", "decimal")):
        return False
    return not _is_int32(field) or written_in(field).unit == "s"


def says_time(field: Field) -> bool:
    """Whether the schema says that it is a time since 1970, and in which unit."""
    return (
        field.kind in ("int", "double")
        and _EPOCH.search(" ".join((*words(field.path[-1]), field.doc))) is not None
        and not written_in(field).assumed
        and may_be_time(field)
    )


def without_unit(name: tuple[str, ...]) -> tuple[str, ...]:
    """A name's words without those that say how a time is written: startedEpochMs is started. At least one stays."""
    while len(name) > 1 and (name[-1] in _IN_NAMES or name[-1] in _AROUND):
        name = name[:-1]
    return name


def _said(field: Field) -> Iterator[Unit]:
    for word in reversed(words(field.path[-1])):
        if word in _IN_NAMES:
            yield _IN_NAMES[word]
    doc = field.doc
    # "epochMillis" in a doc is two words.
    for word in _LETTERS.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", doc).lower()):
        if word in _WORDS and word != "us":  # "tells us"
            yield _WORDS[word]
    if _S_ALONE.search(doc):
        yield "s"


def _logical(field: Field) -> str:
    return str(field.schema.get("logicalType", "")) if isinstance(field.schema, dict) else ""


def _is_int32(field: Field) -> bool:
    return field.schema == "int" or (isinstance(field.schema, dict) and field.schema.get("type") == "int")
