"""The lines of a drafted rule, and those that several operations share: texts, times, choices, people, the channel.

What is guessed from which names stands in `words.py`; how, in `guess.py`. A gap gets a placeholder that Front takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from connector.workbench.new import words as names
from connector.workbench.new.fields import Field, Kind
from connector.workbench.new.guess import (
    MAYBE,
    SCORE_MIN,
    Found,
    Guesser,
    quoted,
    score,
    sorted_symbols,
    text_of,
    time_of,
    translated,
)
from connector.workbench.new.times import may_be_time

TEXT_ONLY: Final[tuple[Kind, ...]] = ("text",)
_CHOICE: Final[tuple[Kind, ...]] = ("enum", "text", "bool")
_TIME: Final[tuple[Kind, ...]] = ("time", "int", "double", "text")
NUMBER: Final = "+15550100001"
LEFT_OUT: Final = ""
"""The value of an entry that is a remark only."""

Value: TypeAlias = "str | tuple[Entry, ...] | list[tuple[Entry, ...]]"
"""A scalar as YAML has it, a map, or a list of maps."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a map. `todo`: what is to be looked at, "" for nothing."""

    name: str
    value: Value
    todo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRule:
    """A rule. `when`: conditions that must all hold. `sample`: what a made-up record must have to reach it, by path."""

    name: str
    operation: str
    when: tuple[str, ...]
    entries: tuple[Entry, ...]
    todo: str = ""
    direction: Literal["inbound", "outbound"] | None = None
    """The schema tells the directions apart, and the rule is for this one."""
    guesser: Guesser = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What rules are drafted from. `line`, `channel`: a line of the channels table, and what stands where none is found."""

    name: str
    schema: Any
    fields: Sequence[Field]
    line: str
    channel: str | None = None


def code(expression: str) -> str:
    """An expression as YAML has it."""
    return "'${" + expression.replace("'", "''") + "}'"


def rule_of(
    name: str, operation: str, guesser: Guesser, entries: tuple[Entry, ...], when: tuple[str, ...] = ()
) -> DraftRule:
    """A rule without anything to look at."""
    return DraftRule(name=name, operation=operation, when=when, entries=entries, guesser=guesser)


def channel_entry(guesser: Guesser, source: Source) -> Entry:
    """Which of the fields names the line; else a placeholder."""
    found = guesser.find(names.LINE)
    if found is None and (perhaps := guesser.find(names.LINE_PERHAPS)) is not None:
        found = Found(perhaps.field, perhaps.score // 2)
    if found is None:
        placeholder = "cha_TODO" if source.channel is None else code(f"channels[{quoted(source.channel)}]")
        note = "no field looks like a line or an inbox: '${channels[value....]}', or the id of one channel"
        guesser.line = source.channel
        guesser.gap("channel", placeholder, note)
        return Entry("channel", placeholder, note)
    is_number = found.field.kind == "int"
    guesser.sample(found.field, 1 if is_number else source.line)
    guesser.line_at = found.field.path
    key = f"string({found.field.code})" if is_number else found.field.code
    notes = [
        poor_note(found),
        "the made-up records have line 1: put one of your own there" if is_number else "",
    ]
    note = "; ".join(one for one in notes if one)
    return Entry("channel", code(guesser.take(found, "channel", f"channels[{key}]", note)), note)


def text_entries(
    guesser: Guesser,
    target: str,
    phrases: names.Phrases,
    *,
    otherwise: str | None = "TODO",
    kinds: tuple[Kind, ...] = ("text", "enum", "int"),
    near: tuple[str, ...] | None = None,
) -> tuple[Entry, ...]:
    """A text; `otherwise` None: it is left out where no field fits."""
    found = guesser.find(phrases, kinds, near)
    name = target.rpartition(".")[2]
    if found is not None:
        expression = guesser.take(found, target, text_of(found.field))
        return (
            Entry(
                name, code(expression), required_note(found) if otherwise is not None else poor_note(found)
            ),
        )
    if otherwise is None:
        return ()
    note = f"no field looks like it; Front needs {name}"
    guesser.gap(target, otherwise, note)
    return (Entry(name, otherwise, note),)


def required_note(found: Found) -> str:
    """What is to be looked at, of a field that Front needs."""
    said = poor_note(found)
    if found.field.optional:
        absent = "may be absent, and Front needs it"
        return f"{said}; {absent}" if said else absent
    return said


def poor_note(found: Found) -> str:
    """What is to be looked at, of any field."""
    return "" if found.confidence == "likely" else "a guess"


def time_entries(
    guesser: Guesser, target: str, phrases: names.Phrases, wanted: Literal["ms", "s"]
) -> tuple[Entry, ...]:
    """A time in the unit that Front wants; left out where no field fits."""
    name = target.rpartition(".")[2]
    room = Guesser([each for each in guesser.fields if may_be_time(each)], taken=guesser.taken)
    found = room.find(phrases, _TIME, without=names.NO_MOMENT)
    if found is None or (found.field.kind not in ("time", "int") and found.score < 74):
        note = "no field looks like a time; left out"
        guesser.gap(target, "", note)
        return (Entry(name, LEFT_OUT, f"{name}: {note}"),)
    expression, note = time_of(guesser, found, target, wanted)
    notes = [part for part in (poor_note(found), note) if part]
    return (Entry(name, code(expression), "; ".join(notes)),)


def choice_entry(
    guesser: Guesser,
    target: str,
    phrases: names.Phrases,
    table: Mapping[str, tuple[str, ...]],
    otherwise: str,
) -> Entry:
    """One of Front's words: by a table of the field's symbols, else a constant."""
    name = target.rpartition(".")[2]
    best = best_enum(guesser, phrases, table)
    if best is not None:
        known, rest = sorted_symbols(best.field.symbols, table)
        note = "check each word"
        if rest:
            note += f"; not in the table, and so dead letters: {', '.join(rest)}"
        guesser.sample(best.field, next(iter(known)))
        return Entry(name, code(guesser.take(best, target, translated(best.field, known), note)), note)
    found = guesser.find(phrases, TEXT_ONLY)
    if found is not None:
        words_of = {phrases[0].upper().replace(" ", "_"): word for word, phrases in table.items()}
        note = "the schema does not say which values there are: these are made up"
        guesser.sample(found.field, next(iter(words_of)))
        expression = translated(found.field, words_of)
        return Entry(name, code(guesser.take(found.at_most(MAYBE), target, expression, note)), note)
    note = f"no field says it; one of {', '.join(table)}"
    guesser.gap(target, otherwise, note)
    return Entry(name, otherwise, note)


def best_enum(guesser: Guesser, phrases: names.Phrases, table: Mapping[str, tuple[str, ...]]) -> Found | None:
    """The enum whose name and symbols fit best: one of whose five symbols one fits is hardly the one that is meant."""
    rated = []
    for each in guesser.fields:
        if each.kind == "enum" and each.path not in guesser.taken:
            share = len(sorted_symbols(each.symbols, table)[0]) / len(each.symbols)
            by_name = max(score(each, phrases, ("enum",)), 50)
            rated.append(Found(each, round(by_name * (1 + 3 * share) / 4) if share else 0))
    best = max(rated, key=lambda one: one.score, default=None)
    return best if best is not None and best.score >= SCORE_MIN else None


Parts: TypeAlias = tuple[tuple[Entry, ...], tuple[Entry, ...]]
"""The ids of the path, and the body."""


def or_value(field: Field, otherwise: str) -> str:
    """The value, or what stands for an absent one."""
    return f"{field.maybe}.orValue({otherwise})" if field.optional else field.code
