"""A first mapping file, from a topic's schemas and the operations that its records are to become.

Fields are guessed from names and types, what nobody could guess is marked with `# TODO` and filled with a valid placeholder, so
that the file is valid at once and its tests, on made-up records, pass. Makes text and a report; reads and writes no file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from connector.config.problems import counted
from connector.config.schemas import MODELINE
from connector.workbench.new import words as names
from connector.workbench.new.fields import fields_of, words
from connector.workbench.new.guess import Guess, Guesser, quoted
from connector.workbench.new.parts import DraftRule, Source
from connector.workbench.new.rules import MESSAGE_DIRECTIONS, rules_for
from connector.workbench.new.sample import sample_of
from connector.workbench.new.text import Written, file_text
from connector.workbench.new.times import says_time, time_sample, written_in

LINE: Final = "line-1"
"""The line in made-up records where no channels table names one."""
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@dataclass(frozen=True, slots=True)
class GivenSchema:
    """A schema of the topic, as fastavro parses it. `file`: how the mapping file names it; None: it came from the registry."""

    avro: Any
    file: str | None = None

    @property
    def name(self) -> str:
        """The record's name without its namespace, "" for a schema that is no record."""
        return self.full_name.rpartition(".")[2]

    @property
    def full_name(self) -> str:
        """With its namespace, if it has one."""
        return str(self.avro.get("name", "")) if isinstance(self.avro, dict) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `new` is asked for. `line`: a key of the channels table for made-up records, None if there is no table.

    `modeline`: where the JSON Schema lies, from the mapping file.
    """

    topic: str
    schemas: tuple[GivenSchema, ...]
    operations: tuple[str, ...]
    line: str | None = None
    modeline: str = "mapping.schema.json"


@dataclass(frozen=True, slots=True)
class Draft:
    """A mapping file's text; the guesses by rule; the records of its tests, by the name of the rule that takes them."""

    text: str
    guesses: Mapping[str, tuple[Guess, ...]]
    samples: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def gaps(self) -> int:
        """How many places nobody could guess."""
        return sum(guess.confidence == "gap" for found in self.guesses.values() for guess in found)


def draft(wanted: Wanted) -> Draft:
    """The file. There is at least one schema and one operation, and every operation is one of Front's."""
    rules = _without_twins(_rules(wanted))
    guesses = {rule.name: tuple(rule.guesser.guesses) for rule, _, _ in rules}
    written = []
    samples: dict[str, Mapping[str, object]] = {}
    for rule, schema, reached in rules:
        sample, line = None, rule.guesser.line
        if reached:
            value = sample_of(schema.avro, {**_times(schema), **rule.guesser.samples})
            sample = {"schema": schema.file or schema.name, "value": value}
            samples[rule.name] = sample
            line = line or _named(value, rule.guesser.line_at)
        written.append(Written(rule, sample, line))
    text = file_text(
        MODELINE.format(wanted.modeline), wanted.topic, [s.file for s in wanted.schemas], written
    )
    return Draft(text, guesses, samples)


Planned = tuple[DraftRule, GivenSchema, bool]
"""A rule, the schema of its records, and whether a made-up record reaches it."""


def _rules(wanted: Wanted) -> list[Planned]:
    chosen: dict[int, list[str]] = {}
    for operation in dict.fromkeys(wanted.operations):
        at = max(range(len(wanted.schemas)), key=lambda index: _fit(operation, wanted.schemas[index], wanted))
        chosen.setdefault(at, []).append(operation)
    rules: list[Planned] = []
    for at, operations in sorted(chosen.items()):
        schema = wanted.schemas[at]

        drafted = [rules_for(operation, _source(schema, wanted)) for operation in operations]
        for index, found in enumerate(drafted):
            later = [rule for rest in drafted[index + 1 :] for rule in rest]
            for rule in found:
                alone = all(_apart(rule, other) for other in later)
                rules.append(
                    (_narrowed(rule, schema, _conditions(schema, wanted), alone=alone), schema, alone)
                )
    return rules


def _apart(rule: DraftRule, other: DraftRule) -> bool:
    """Messages in and messages out: the schema's direction tells them apart, so both rules may hold."""
    return (
        {rule.operation, other.operation} == set(MESSAGE_DIRECTIONS)
        and None not in (rule.direction, other.direction)
        and rule.direction != other.direction
    )


def _named(value: Any, path: tuple[str, ...] | None) -> str | None:
    """The line that a record names there."""
    for step in path or ():
        value = value.get(step) if isinstance(value, dict) else None
    return str(value) if path is not None and isinstance(value, str | int) else None


def _times(schema: GivenSchema) -> dict[tuple[str, ...], object]:
    """A moment in its own unit for every field that the schema calls a time, whether a rule reads it or not."""
    found = (each for each in fields_of(schema.avro) if says_time(each))
    return {each.path: time_sample(each, written_in(each).unit) for each in found}


def _source(schema: GivenSchema, wanted: Wanted) -> Source:
    line = wanted.line or LINE
    return Source(
        name=schema.name, schema=schema.avro, fields=fields_of(schema.avro), line=line, channel=wanted.line
    )


def _fit(operation: str, schema: GivenSchema, wanted: Wanted) -> int:
    """How well a schema fits an operation: by its name, then by what was found in it."""
    by_name = len(names.HINTS[operation] & set(words(schema.name)))
    points = {"likely": 3, "maybe": 1, "poor": 0, "gap": -2}
    found = rules_for(operation, _source(schema, wanted))[0].guesser.guesses
    return 100 * by_name + sum(points[guess.confidence] for guess in found)


def _conditions(schema: GivenSchema, wanted: Wanted) -> tuple[str, ...]:
    """What holds for records of this schema alone."""
    twins = [each for each in wanted.schemas if each.name == schema.name]
    namespace = schema.full_name.rpartition(".")[0]
    by_name = (f"schema.name == {quoted(schema.name)}",) if schema.name else ()
    return (*by_name, f"schema.namespace == {quoted(namespace)}") if len(twins) > 1 else by_name


def _narrowed(rule: DraftRule, schema: GivenSchema, conditions: tuple[str, ...], *, alone: bool) -> DraftRule:
    """The rule for records of its schema, and, if the schema has several operations, for some of them only."""
    if alone:
        return replace(rule, when=(*conditions, *rule.when))
    kind = Guesser(fields_of(schema.avro)).find(names.WHAT_KIND, ("enum", "text"))
    note = "this rule never holds: say which records it is for"
    if kind is None:
        return replace(rule, when=(*conditions, '"TODO" == "which records"'), todo=note)
    if kind.field.symbols:
        note += f" ({kind.field.code} is one of {', '.join(kind.field.symbols)})"
    value = f'{kind.field.maybe}.orValue("")' if kind.field.optional else kind.field.code
    return replace(rule, when=(*conditions, f'{value} == "TODO"', *rule.when), todo=note)


def _without_twins(rules: Sequence[Planned]) -> list[Planned]:
    """Names are unique in a topic."""
    seen: dict[str, int] = {}
    made = []
    for rule, schema, reached in rules:
        seen[rule.name] = seen.get(rule.name, 0) + 1
        name = rule.name if seen[rule.name] == 1 else f"{rule.name} {seen[rule.name]}"
        made.append((replace(rule, name=name), schema, reached))
    return made


def report(made: Draft) -> str:
    """For people: what was guessed, how surely, and what is left to do."""
    lines = []
    for rule, guesses in made.guesses.items():
        lines.append(f"{rule}:")
        width = max((len(guess.target) for guess in guesses), default=0)
        for guess in guesses:
            note = f"  ({guess.note})" if guess.note else ""
            written = f"{guess.written[:70]}…" if len(guess.written) > 71 else guess.written
            lines.append(f"  {guess.confidence:6}  {guess.target:{width}}  {written}{note}".rstrip())
    places = counted(made.text.count("# TODO: "), "place")
    lines.append(f"{counted(made.gaps, 'gap')}; {places} to look at, each marked with TODO")
    return "\n".join(lines)


def plain_topic(name: str) -> bool:
    """Whether a schema's name can serve as the topic's."""
    return _PLAIN_NAME.fullmatch(name) is not None
