"""From what Front wants and what a schema has to expressions: the field that is most likely meant, and how it is converted.

Every answer is a guess with a confidence, kept for the report. Never here: Front's operations (`rules.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from connector.workbench.new.fields import Field, Kind, words
from connector.workbench.new.words import Phrases

Confidence: TypeAlias = Literal["likely", "maybe", "poor", "gap"]
Unit: TypeAlias = Literal["ms", "s", "us", "ns", "iso"]

SCORE_MIN: Final = 40
_LIKELY: Final = 84
_MAYBE: Final = 62
NOON_MS: Final = 1_793_692_800_000
"""The time in made-up records: 2026-11-03T08:00:00Z."""
_TEXTS: Final[tuple[Kind, ...]] = ("text", "enum", "int")
_UNIT_WORDS: Final[Mapping[str, Unit]] = {
    "ms": "ms", "millis": "ms", "milliseconds": "ms", "millisecond": "ms", "s": "s", "sec": "s", "secs": "s", "seconds": "s",
    "second": "s", "epoch": "s", "unix": "s", "us": "us", "micros": "us", "microseconds": "us", "ns": "ns", "nanos": "ns",
    "nanoseconds": "ns",
}  # fmt: skip
_TO_MS: Final[Mapping[Unit, str]] = {
    "ms": "@", "s": "to_millis(@)", "us": "@ / 1000", "ns": "@ / 1000000", "iso": "parse_time(@)",
}  # fmt: skip
_TO_S: Final[Mapping[Unit, str]] = {
    "ms": "to_seconds(@)", "s": "@", "us": "@ / 1000000", "ns": "@ / 1000000000", "iso": "to_seconds(parse_time(@))",
}  # fmt: skip
_SAMPLES: Final[Mapping[Unit, object]] = {
    "ms": NOON_MS,
    "s": NOON_MS // 1000,
    "us": NOON_MS * 1000,
    "ns": NOON_MS * 1_000_000,
    "iso": "2026-11-03T08:00:00Z",
}


@dataclass(frozen=True, slots=True)
class Guess:
    """What stands at `target`, and where it is from; `note` is what a person must look at, "" for nothing."""

    target: str
    written: str
    confidence: Confidence
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A field for a target, and how well it fits."""

    field: Field
    score: int

    @property
    def confidence(self) -> Confidence:
        """By the score."""
        return "likely" if self.score >= _LIKELY else "maybe" if self.score >= _MAYBE else "poor"


@dataclass(slots=True)
class Guesser:
    """Guesses for one rule. `samples`: what a made-up record must have, by path, so that the guesses give something.

    `line`: the row of the channels table that the rule always asks for; `line_at`: where else records name one.
    """

    fields: Sequence[Field]
    guesses: list[Guess] = field(default_factory=list)
    samples: dict[tuple[str, ...], object] = field(default_factory=dict)
    taken: set[tuple[str, ...]] = field(default_factory=set)
    line: str | None = None
    line_at: tuple[str, ...] | None = None

    def find(
        self, phrases: Phrases, kinds: tuple[Kind, ...] = _TEXTS, near: tuple[str, ...] | None = None
    ) -> Found | None:
        """The best field of these kinds that is not used yet; `near`: rather one of the same record as this path."""
        found = [
            Found(each, score(each, phrases, kinds) + (8 if near and each.path[:-1] == near[:-1] else 0))
            for each in self.fields
            if each.kind in kinds and each.path not in self.taken
        ]
        best = max(found, key=lambda one: one.score, default=None)
        return best if best is not None and best.score >= SCORE_MIN else None

    def take(self, found: Found, target: str, expression: str, note: str = "") -> str:
        """Use a field; gives the expression."""
        self.taken.add(found.field.path)
        self.guesses.append(Guess(target, expression, found.confidence, note))
        return expression

    def gap(self, target: str, placeholder: str, note: str) -> str:
        """Nothing fits."""
        self.guesses.append(Guess(target, placeholder, "gap", note))
        return placeholder

    def sample(self, field: Field, value: object) -> None:
        """What a made-up record has there, unless that was said already, or only one kind of text fits (a UUID)."""
        if (field.kind == "text" and field.schema != "string") or (
            field.kind == "enum" and value not in field.symbols
        ):
            return
        self.samples.setdefault(field.path, value)


def score(field: Field, phrases: Phrases, kinds: tuple[Kind, ...]) -> int:
    """How well a field's name fits, about 100 at best; 0: not at all."""
    depth = len(field.path)
    whole = tuple(word for name in field.path for word in words(name))
    leaf = words(field.path[-1])
    if len(leaf) > 1 and leaf[-1] in _UNIT_WORDS:  # start_ms is a start
        leaf, whole = leaf[:-1], whole[:-1]
    best = 0
    for rank, phrase in enumerate(phrases):
        wanted = words(phrase)
        if phrase.startswith("^") and depth > 1:
            continue
        if leaf == wanted:
            points = 100 - 4 * (depth - 1)
        elif whole[-len(wanted) :] == wanted:
            points = 96 - 3 * (depth - 1)
        elif len(wanted) > 1 and set(wanted) <= set(whole):
            points = 76 - 5 * (len(whole) - len(wanted))
        else:
            continue
        best = max(best, points - rank)
    return best - (3 * kinds.index(field.kind) if best else 0)


def text_of(field: Field) -> str:
    """An expression that gives text, or nothing where the field is absent."""
    return field.code if field.kind in ("text", "enum") else field.with_it("string(@)")


def unit_of(field: Field) -> tuple[Unit, bool]:
    """The unit of a field that holds a time, and whether the schema says so."""
    if field.kind == "time":
        return "ms", True
    if field.kind == "text":
        return "iso", False
    logical = field.schema.get("logicalType", "") if isinstance(field.schema, dict) else ""
    if logical.endswith("nanos"):
        return "ns", True
    for word in (*reversed(words(field.path[-1])), *field.doc.lower().replace(",", " ").split()):
        if word.strip(".()") in _UNIT_WORDS:
            return _UNIT_WORDS[word.strip(".()")], True
    return "ms", False


def time_of(guesser: Guesser, found: Found, target: str, wanted: Literal["ms", "s"]) -> tuple[str, str]:
    """The expression for a time, and what is to be looked at ("" for nothing)."""
    unit, sure = unit_of(found.field)
    logical = isinstance(found.field.schema, dict) and "logicalType" in found.field.schema
    note = (
        ""
        if sure
        else "the text must be ISO 8601"
        if unit == "iso"
        else "the schema does not say the unit; milliseconds are assumed"
    )
    template = (_TO_MS if wanted == "ms" else _TO_S)[unit]
    if found.field.kind == "double" and "(" not in template:  # Front takes whole numbers
        template = f"int({template}.0)" if "/" in template else f"int({template})"
    value: object = NOON_MS if logical else _SAMPLES[unit]  # made-up records have milliseconds: `avro_json`
    guesser.sample(
        found.field, float(value) if found.field.kind == "double" and isinstance(value, int) else value
    )
    return guesser.take(found, target, found.field.with_it(template), note), note


def sorted_symbols(
    symbols: Sequence[str], table: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, str], list[str]]:
    """Each symbol with the word of Front's that it most likely is, in the schema's order; and those that fit none."""
    known = {symbol: _word_for(symbol, table) for symbol in symbols}
    found = {symbol: word for symbol, word in known.items() if word is not None}
    return found, [symbol for symbol in symbols if symbol not in found]


def _word_for(symbol: str, table: Mapping[str, tuple[str, ...]]) -> str | None:
    own = words(symbol)
    for word, phrases in table.items():
        if any(own == words(phrase) for phrase in phrases):
            return word
    for word, phrases in table.items():
        if any(_within(words(phrase), own) for phrase in phrases):
            return word
    return None


def _within(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def translated(field: Field, table: Mapping[str, str]) -> str:
    """A look-up of the field's value in a table that stands in the expression."""
    rows = ", ".join(f"{quoted(symbol)}: {quoted(word)}" for symbol, word in table.items())
    return field.with_it(f"{{{rows}}}[@]")


def quoted(text: str) -> str:
    """A text inside an expression."""
    return json.dumps(text, ensure_ascii=False)


def schema_kind(schema: Any) -> str:
    """The type's own name, without logical types."""
    return (
        schema if isinstance(schema, str) else str(schema.get("type", "")) if isinstance(schema, dict) else ""
    )
