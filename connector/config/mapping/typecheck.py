"""The expressions of a topic held against the schemas of its values, before the first record.

Which schemas count in a rule, what its lets are, and which fields of Front's surely refuse what an expression gives. The types
are the core's (`core/expression/typed.py`). Never here: reading files (`avro_files.py`), compiling (`compile.py`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from connector.config.mapping.kinds import refuses_kind, sample
from connector.config.mapping.nodes import Open
from connector.config.problems import Problem
from connector.config.yaml_source import Loc, Source, value_at
from connector.core.decode import ParsedSchema
from connector.core.expression import Language
from connector.core.expression.avro import type_of
from connector.core.expression.examine import Examined, examine
from connector.core.expression.guards import narrowed, present_if
from connector.core.expression.overloads import CONDITION, listed, may_be
from connector.core.expression.shapes import results
from connector.core.expression.text import Source as Written
from connector.core.expression.text import problem_at, split
from connector.core.expression.tree import Const
from connector.core.expression.tree import Node as Tree
from connector.core.expression.typed import Known
from connector.core.expression.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    STRING,
    FieldType,
    Record,
    Type,
    in_words,
    one_of,
)
from connector.core.expression.values import Problem as InText
from connector.core.mapping import (
    Constant,
    Expression,
    Fields,
    Items,
    Lets,
    Node,
    RawAvroFormat,
    RequestTemplate,
    Rule,
    Rules,
    ValueFormat,
)
from connector.core.operations import build
from connector.core.records import Channel

_SCHEMA: Final = Record("", {"name": FieldType(STRING), "namespace": FieldType(STRING), "id": FieldType(INT)})


@dataclass(frozen=True, slots=True)
class TopicTypes:
    """What the expressions of a topic may meet.

    `writers`: each schema's name, as expressions see it, and the type of its values. `reader`: the type that all values get,
    whoever wrote them, with the schema's name.
    """

    writers: tuple[tuple[str, Type], ...]
    reader: tuple[str, Type] | None = None

    def known(self) -> Known:
        """What is known of a record of which no rule has asked anything."""
        return self._of(frozenset(name for name, _ in self.writers))

    def known_if(self, tree: Tree | None) -> Known:
        """What is known inside a rule: its `when`, if it has one, holds."""
        known = self.known()
        if tree is None:
            return known
        if known.all_schemas is not None:
            known = self._of(narrowed(tree, known.all_schemas))
        return replace(known, present=present_if(tree, True))

    def _of(self, names: frozenset[str]) -> Known:
        all_names = frozenset(name for name, _ in self.writers)
        chosen = [(name, kind) for name, kind in self.writers if name in names]
        shown = [self.reader] if self.reader is not None else chosen
        return Known(
            variables={"value": one_of(kind for _, kind in shown), "schema": _SCHEMA},
            schemas=tuple(dict.fromkeys(name for name, _ in shown if name)),
            # A nameless schema, such as a union, may be any: then no name is wrong.
            all_schemas=all_names if all(all_names) and all_names else None,
        )


def topic_types(value: ValueFormat, schemas: Sequence[ParsedSchema]) -> TopicTypes:
    """`schemas`: those that the values are written by, as far as they are known; without any, values may be anything."""
    writers = (value.schema,) if isinstance(value, RawAvroFormat) else schemas
    reader = value.reader
    return TopicTypes(
        tuple((schema.name, type_of(schema.avro)) for schema in writers),
        None if reader is None else (reader.name, type_of(reader.avro)),
    )


@dataclass(slots=True)
class Found:
    """What is wrong, and what is hardly meant; each once. `refused`: texts of an expression's own that a field refuses."""

    refused: dict[Problem, None] = field(default_factory=dict)
    errors: dict[Problem, None] = field(default_factory=dict)
    warnings: dict[Problem, None] = field(default_factory=dict)


def check_types(rules: Rules, source: Source, at: Loc, language: Language, types: TopicTypes) -> Found:
    """Hold every expression of a topic against its schemas. `at`: of the topic; `language` has compiled it."""
    texts = _Texts(source, at, language, Found())
    for index, rule in enumerate(rules.rules):
        checker = _Checker(texts, ("rules", index), {**rules.lets, **rule.lets})
        if types.writers or types.reader is not None:
            checker.rule(rule, types)
        for request in rule.requests:
            checker.refused_texts(request)
    return texts.found


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of one topic as they stand in their file, and what is found in them."""

    source: Source
    at: Loc
    language: Language
    found: Found

    def tree(self, loc: Loc) -> Tree | None:
        """Of a text that is one expression."""
        match split(self._text(loc).strip()):
            case (Written(expression),):
                return self.language.tree(expression)
            case _:
                return None

    def examine(self, loc: Loc, known: Known) -> Examined:
        """Hold the text at `loc` against what is known."""
        return examine(self.language, self._text(loc), known)

    def tell(self, loc: Loc, place: str, examined: Examined) -> None:
        """Keep errors and warnings of `loc`; `place` is how messages call it."""
        for kept, problems in (
            (self.found.errors, examined.errors),
            (self.found.warnings, examined.warnings),
        ):
            kept.update(dict.fromkeys(self._in_file(loc, place, problems)))

    def doubt(self, loc: Loc, place: str, examined: Examined) -> None:
        """Keep the doubts about `loc`."""
        self.found.warnings |= dict.fromkeys(self._in_file(loc, place, examined.doubts))

    def _in_file(self, loc: Loc, place: str, problems: Iterable[InText]) -> Iterator[Problem]:
        for each in problems:
            yield self.source.inside(loc, f"{place}: {each.message}", each.line, each.column)

    def say(self, loc: Loc, message: str) -> None:
        """Add an error about the whole text at `loc`."""
        self.found.errors[self.source.problem(loc, message)] = None

    def refuse(self, loc: Loc, line: int, column: int, message: str) -> None:
        """Add an error about a text that the expression at `loc` holds itself, at a place in it."""
        self.found.refused[self.source.inside(loc, message, line, column)] = None

    def own_texts(self, loc: Loc) -> Iterator[InText]:
        """The constants, in place of messages, that the expression at `loc` can give."""
        written = self._text(loc)
        pieces = split(written)
        if not isinstance(pieces, tuple) or len(pieces) != 1 or not isinstance(pieces[0], Written):
            return
        tree = self.language.tree(pieces[0].expression)
        for each in () if tree is None else results(tree):
            # An empty one is written as the way out for records that have no value, also where Front refuses it.
            if isinstance(each, Const) and isinstance(each.value, str) and each.value:
                yield problem_at(written, pieces[0].start + each.position, each.value)

    def place_of(self, rule: Loc, place: str) -> Loc:
        """Where a part of a rule is written: in the topic's defaults, if only they have it."""
        part = steps(place)
        common = part[2:] if part[0] == "requests" else part
        written, default = (*self.at, *rule, *part), (*self.at, "defaults", *common)
        return default if written not in self.source.marks and default in self.source.marks else written

    def let(self, rule: Loc, name: str) -> Loc:
        """Where a let is written: in the rule, the topic or the file."""
        around: tuple[Loc, ...] = ((*self.at, *rule), self.at, ())
        return next(
            loc for outer in around if (loc := (*outer, "let", name)) in self.source.marks or not outer
        )

    def _text(self, loc: Loc) -> str:
        here = value_at(self.source.data, loc)
        return here if isinstance(here, str) else ""


@dataclass(frozen=True, slots=True)
class _Checker:
    """Checks one rule."""

    texts: _Texts
    loc: Loc
    lets: Lets

    def rule(self, rule: Rule, types: TopicTypes) -> None:
        """Lets and defaults mean in each rule what its `when` allows, so they are checked in each that reads them."""
        when = self.texts.place_of(self.loc, "when")
        inside = types.known_if(self.texts.tree(when) if isinstance(rule.when, Expression) else None)
        if isinstance(rule.when, Expression):
            # Before `when` holds, only the schemas are narrowed.
            asked = self._hold([rule.when], replace(inside, present=frozenset()))[rule.when.place]
            if not may_be(asked.type, CONDITION):
                self.texts.say(when, f"when: must be {listed(CONDITION)}, and this is {in_words(asked.type)}")
        parts = [node for request in rule.requests for node in (request.channel, request.body)]
        parts += [node for request in rule.requests for _, node in request.params]
        found = self._hold([*parts, *(rule.order_by or ())], inside)
        for request in rule.requests:
            self._refused(request, {place: each.type for place, each in found.items()})
        for part in rule.order_by or ():
            kind = found[part.place].type if isinstance(part, Expression) else DYN
            if isinstance(part, Expression) and not may_be(kind, frozenset({"string", "int"})):
                message = f"{part.place}: this is {in_words(kind)}, and must be a text or a whole number"
                self.texts.say(self.texts.place_of(self.loc, part.place), message)
        # What rules share may ask for a symbol that only the schemas of another rule have.
        self._hold(
            [*parts, *(rule.order_by or ()), *([rule.when] if rule.when else [])], types.known(), shared=True
        )

    def _hold(self, nodes: Iterable[Node], known: Known, *, shared: bool = False) -> dict[str, Examined]:
        """Check the expressions in these nodes, and the lets that they read; by place.

        `shared`: keep nothing but the doubts about what stands outside of the rule.
        """
        lets: dict[str, Examined] = {}
        for name, let in self.lets.items():
            if isinstance(let, bool | int | float):
                lets[name] = Examined(
                    BOOL if isinstance(let, bool) else INT if isinstance(let, int) else DOUBLE
                )
            else:
                lets[name] = self.texts.examine(self.texts.let(self.loc, name), known)
            known = replace(known, variables={**known.variables, name: lets[name].type})
        found: dict[str, Examined] = {}
        for node in nodes:
            for expression in _expressions(node):
                where = self.texts.place_of(self.loc, expression.place)
                found[expression.place] = self.texts.examine(where, known)
                self._tell(where, expression.place, found[expression.place], shared)
        rest = [name for each in found.values() for name in each.roots]
        told: set[str] = set()
        while rest:
            name = rest.pop()
            if name in lets and name not in told:
                told.add(name)
                self._tell(self.texts.let(self.loc, name), f"let {name}", lets[name], shared)
                rest.extend(lets[name].roots)
        return found

    def _tell(self, loc: Loc, place: str, examined: Examined, shared: bool) -> None:
        if not shared:
            self.texts.tell(loc, place, examined)
        around = (*self.texts.at, *self.loc)
        if shared != (loc[: len(around)] == around):
            self.texts.doubt(loc, place, examined)

    def _refused(self, request: RequestTemplate, types: dict[str, Type]) -> None:
        """Say which fields refuse every value that their expression can give."""
        channel = request.at("channel")
        if channel in types and not may_be(types[channel], frozenset({"string", "map"})):
            message = f"{channel}: this is {in_words(types[channel])}, and must be a row of the channels table or a text"
            self.texts.say(self.texts.place_of(self.loc, channel), message)

        def sampled(expression: Expression) -> object:
            return sample(types.get(expression.place, DYN))

        body = _filled(request.body, sampled)
        params = {name: _written_out(_filled(node, sampled)) for name, node in request.params}
        given: dict[str, object] = {"path": params, "body": body}
        built = build(
            request.operation, _ANY_CHANNEL, params, body if isinstance(body, dict) else {}, "boundary"
        )
        for invalid in built if isinstance(built, tuple) else ():
            place = request.at(invalid.path)
            around = _around(place, types)
            if around is None or not refuses_kind(invalid.message, _at(given, steps(invalid.path))):
                continue
            inner = place.removeprefix(around).lstrip(".")
            part = f", whose {inner} {invalid.message}" if inner else f", and it {invalid.message}"
            self.texts.say(
                self.texts.place_of(self.loc, around), f"{around}: this is {in_words(types[around])}{part}"
            )

    def refused_texts(self, request: RequestTemplate) -> None:
        """Say which texts that an expression gives, of those it holds itself, its field refuses as it would a constant."""
        for node in (request.body, *(node for _, node in request.params)):
            for expression in _expressions(node):
                loc = self.texts.place_of(self.loc, expression.place)
                for text in self.texts.own_texts(loc):
                    self._refused_text(request, expression, loc, text)

    def _refused_text(self, request: RequestTemplate, tried: Expression, loc: Loc, text: InText) -> None:
        def filled(expression: Expression) -> object:
            return text.message if expression.place == tried.place else Open()

        body = _filled(request.body, filled)
        params = {name: _filled(node, filled) for name, node in request.params}
        built = build(
            request.operation, _ANY_CHANNEL, params, body if isinstance(body, dict) else {}, "boundary"
        )
        for invalid in built if isinstance(built, tuple) else ():
            of_value = invalid.reason == "request_invalid" and not invalid.message.startswith("is not known")
            if of_value and request.at(invalid.path) == tried.place:
                message = f"{tried.place} {invalid.message}, and this expression can give {text.message!r}"
                self.texts.refuse(loc, text.line, text.column, message)


_ANY_CHANNEL = Channel(id="cha_1", real_id="cha_1", company="", app="")
_STEP = re.compile(r"[^.\[\]]+|(?<=\[)\d+(?=\])")


def steps(path: str) -> Loc:
    """The path of a field as the operations name it -> as files are addressed: body.to[0].handle."""
    return tuple(int(step) if step.isdigit() else step for step in _STEP.findall(path))


def _expressions(node: Node) -> Iterator[Expression]:
    match node:
        case Expression():
            yield node
        case Fields(fields):
            for _, child in fields:
                yield from _expressions(child)
        case Items(items):
            for item in items:
                yield from _expressions(item)
        case Constant():
            return


def _filled(node: Node, give: Callable[[Expression], object]) -> object:
    """A node's value, with what `give` says for each expression."""
    match node:
        case Constant(value):
            return value
        case Expression():
            return give(node)
        case Fields(fields):
            return {name: _filled(child, give) for name, child in fields}
        case Items(items):
            return [_filled(item, give) for item in items]


def _written_out(value: object) -> object:
    """What stands in a path or an order key for a value: whole numbers are written out (`evaluate_text`)."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _around(place: str, types: dict[str, Type]) -> str | None:
    """The expression that gives what lies at `place`."""
    return next(
        (known for known in types if place == known or place.startswith((f"{known}.", f"{known}["))), None
    )


def _at(value: object, where: Loc) -> object:
    for step in where:
        match value:
            case dict() if step in value:
                value = value[step]
            case list() if isinstance(step, int) and step < len(value):
                value = value[step]
            case _:
                return None
    return value
