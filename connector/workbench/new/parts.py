"""The lines of a drafted rule, and those that several operations share: texts, times, choices, people, the channel.

What is guessed from which names stands in `words.py`; how, in `guess.py`. A gap gets a placeholder that Front takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from connector.workbench.new import words as names
from connector.workbench.new.fields import Field, Kind, words
from connector.workbench.new.guess import (
    Found,
    Guesser,
    quoted,
    sorted_symbols,
    text_of,
    time_of,
    translated,
)

TEXT_ONLY: Final[tuple[Kind, ...]] = ("text",)
_CHOICE: Final[tuple[Kind, ...]] = ("enum", "text", "bool")
_TIME: Final[tuple[Kind, ...]] = ("time", "int", "double", "text")
NUMBER: Final = "+15550100001"

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
    found = guesser.find(phrases, _TIME)
    if found is None or (found.field.kind not in ("time", "int") and found.score < 74):
        guesser.gap(target, "", "no field looks like a time; left out")
        return ()
    expression, note = time_of(guesser, found, target, wanted)
    notes = [part for part in (poor_note(found), note) if part]
    return (Entry(target.rpartition(".")[2], code(expression), "; ".join(notes)),)


def choice_entry(
    guesser: Guesser,
    target: str,
    phrases: names.Phrases,
    table: Mapping[str, tuple[str, ...]],
    otherwise: str,
) -> Entry:
    """One of Front's words: by a table of the field's symbols, else a constant."""
    name = target.rpartition(".")[2]
    found = guesser.find(phrases, ("enum", "text"))
    if found is not None and found.field.kind == "enum":
        known, rest = sorted_symbols(found.field.symbols, table)
        if known:
            note = (
                f"check each word; not in the table, and so dead letters: {', '.join(rest)}"
                if rest
                else "check each word"
            )
            guesser.sample(found.field, next(iter(known)))
            return Entry(name, code(guesser.take(found, target, translated(found.field, known), note)), note)
    if found is not None and found.field.kind == "text":
        words_of = {phrases[0].upper().replace(" ", "_"): word for word, phrases in table.items()}
        note = "the schema does not say which values there are: these are made up"
        guesser.sample(found.field, next(iter(words_of)))
        return Entry(name, code(guesser.take(found, target, translated(found.field, words_of), note)), note)
    note = f"no field says it; one of {', '.join(table)}"
    guesser.gap(target, otherwise, note)
    return Entry(name, otherwise, note)


def person_entries(
    guesser: Guesser, target: str, phrases: names.Phrases, *, email: bool, handle: str
) -> tuple[Entry, ...]:
    """A person's handle and name, and e-mail address where Front takes one."""
    found = guesser.find(phrases)
    if found is None:
        note = "no field looks like the person's number or address"
        guesser.gap(f"{target}.handle", handle, note)
        return (Entry("handle", handle, note),)
    if found.field.kind == "text" and "email" not in words(found.field.path[-1]):
        guesser.sample(found.field, NUMBER)
    first = Entry(
        "handle", code(guesser.take(found, f"{target}.handle", text_of(found.field))), required_note(found)
    )
    name = text_entries(guesser, f"{target}.name", names.NAME, otherwise=None, near=found.field.path)
    extra = (
        text_entries(guesser, f"{target}.email", names.EMAIL, otherwise=None, near=found.field.path)
        if email
        else ()
    )
    return (first, *name, *extra)


Parts: TypeAlias = tuple[tuple[Entry, ...], tuple[Entry, ...]]
"""The ids of the path, and the body."""


def or_value(field: Field, otherwise: str) -> str:
    """The value, or what stands for an absent one."""
    return f"{field.maybe}.orValue({otherwise})" if field.optional else field.code
