"""From what Front wants and what a schema has to expressions: the field that is most likely meant, and how it is converted.

Every answer is a guess with a confidence, kept for the report. Never here: Front's operations (`rules.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from connector.workbench.new.fields import Field, Kind, words
from connector.workbench.new.times import time_code, time_sample, without_unit, written_in
from connector.workbench.new.words import NEUTRAL, Phrases

Confidence: TypeAlias = Literal["likely", "maybe", "poor", "gap"]

SCORE_MIN: Final = 40
_LIKELY: Final = 84
MAYBE: Final = 62
_TEXTS: Final[tuple[Kind, ...]] = ("text", "enum", "int")
_FORMS: Final = frozenset({"normalized", "normalised", "formatted", "canonical", "e", "164", "raw"})
"""Words at the end of a name that say in which form it is, and not what."""


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
        return "likely" if self.score >= _LIKELY else "maybe" if self.score >= MAYBE else "poor"

    def at_most(self, score: int) -> "Found":
        """The same field, no surer than that."""
        return replace(self, score=min(self.score, score))


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
        self,
        phrases: Phrases,
        kinds: tuple[Kind, ...] = _TEXTS,
        near: tuple[str, ...] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> Found | None:
        """The best field of these kinds that is not used yet; `near`: rather one of the same record as this path.

        `without`: words that no name on its path may have.
        """
        found = [
            Found(each, score(each, phrases, kinds))
            for each in self.fields
            if each.kind in kinds
            and each.path not in self.taken
            and not (without and without.intersection(word for name in each.path for word in words(name)))
        ]
        # Nearness decides between fields, and makes none surer.
        best = max(
            found,
            key=lambda one: one.score + (8 if near and one.field.path[:-1] == near[:-1] else 0),
            default=None,
        )
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
        logical = isinstance(field.schema, dict) and "logicalType" in field.schema
        if (field.kind == "text" and logical) or (field.kind == "enum" and value not in field.symbols):
            return
        self.samples.setdefault(field.path, value)


def score(field: Field, phrases: Phrases, kinds: tuple[Kind, ...]) -> int:
    """How well a field's name fits, about 100 at best; 0: not at all."""
    depth = len(field.path)
    leaf, form = _plain(words(field.path[-1]))
    whole = (*(word for name in field.path[:-1] for word in words(name)), *leaf)
    best = 0
    for rank, phrase in enumerate(phrases):
        wanted = words(phrase)
        if phrase.startswith("^") and depth > 1:
            continue
        if leaf == wanted:
            points = 100 - 4 * (depth - 1)
        elif whole[-len(wanted) :] == wanted:
            # What stands before it in the name itself may make it something else: a topicName is no name of a person.
            others = [word for word in leaf[: -len(wanted)] if word not in NEUTRAL]
            points = 96 - 3 * (depth - 1) - 14 * len(others)
        elif len(wanted) > 1 and set(wanted) <= set(whole):
            points = 76 - 5 * (len(whole) - len(wanted))
        else:
            continue
        best = max(best, points - rank)
    return best - (3 * kinds.index(field.kind) + form if best else 0)


def _plain(name: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """A name's words without units and forms (startMs, addressNormalized), and what the form takes off."""
    name = without_unit(name)
    off = 4 if name[-1:] == ("raw",) else 0
    while len(name) > 1 and name[-1] in _FORMS:
        name = name[:-1]
    return name, off


def text_of(field: Field) -> str:
    """An expression that gives text, or nothing where the field is absent."""
    return field.code if field.kind in ("text", "enum") else field.with_it("string(@)")


def time_of(guesser: Guesser, found: Found, target: str, wanted: Literal["ms", "s"]) -> tuple[str, str]:
    """The expression for a time, and what is to be looked at ("" for nothing)."""
    written = written_in(found.field)
    guesser.sample(found.field, time_sample(found.field, written.unit))
    rated = found if not written.assumed else found.at_most(MAYBE)
    expression = time_code(found.field, written.unit, wanted)
    return guesser.take(rated, target, expression, written.assumed), written.assumed


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
