"""A mapping file's shape -> the core's topic mappings. Expressions are compiled, and what needs no record is checked now.

A body is checked against its operation with every expression's result left open: unknown and missing fields and wrong
constants are found before the first record. Never here: files (`loader.py`), evaluation (`core/mapping`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.config.mappers import find_mapper
from connector.config.mapping_file import RequestShape, RuleShape, TopicShape
from connector.config.problems import Problem
from connector.config.yaml_source import Loc, Source
from connector.core.decode import ParsedSchema
from connector.core.expression import EvaluationError, Language, Template
from connector.core.mapping import (
    AvroFormat,
    BytesFormat,
    ChannelDirectory,
    Constant,
    Expression,
    Fields,
    Items,
    KeyFormat,
    Node,
    PythonMapper,
    RawAvroFormat,
    RequestTemplate,
    Rule,
    Rules,
    Start,
    StartAt,
    StringFormat,
    TopicMapping,
    ValueFormat,
)
from connector.core.operations import OPERATIONS, build
from connector.core.records import Channel

ReadSchema = Callable[[str], ParsedSchema | str]
"""Reads an .avsc file named in a mapping file; a sentence says why it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every topic is compiled with."""

    language: Language
    channels: ChannelDirectory
    env: Mapping[str, str]
    read_schema: ReadSchema


def compile_topic(
    topic: str, shape: TopicShape, source: Source, context: Context
) -> TopicMapping | list[Problem]:
    """One topic of a file, or every problem in it."""
    compiler = _Compiler(source, context, ("topics", topic))
    maps = compiler.maps(shape)
    value = compiler.value(shape)
    if compiler.problems or maps is None or value is None:
        return compiler.problems
    constants = {"channels": context.channels.table(), "env": dict(context.env)}
    return TopicMapping(
        topic=topic,
        start=_start(shape.start),
        max_age_s=shape.max_age_s,
        on_missing_offset=shape.on_missing_offset,
        value=value,
        key=_KEYS[shape.key.format],
        maps=maps,
        constants=constants,
    )


_KEYS: Mapping[str, KeyFormat] = {"string": StringFormat(), "avro": AvroFormat(), "bytes": BytesFormat()}


def _start(text: str) -> Start:
    match text:
        case "earliest" | "latest":
            return text
        case _:
            return StartAt(round(datetime.fromisoformat(text.upper()).timestamp() * 1000))


class _Compiler:
    """Compiles one topic and collects its problems."""

    def __init__(self, source: Source, context: Context, at: Loc) -> None:
        self._source = source
        self._context = context
        self._at = at
        self.problems: list[Problem] = []

    def _say(self, loc: Loc, message: str, *, at_key: bool = False) -> None:
        self.problems.append(self._source.problem((*self._at, *loc), message, at_key=at_key))

    def value(self, shape: TopicShape) -> ValueFormat | None:
        if shape.value.schema_ is None:
            return AvroFormat()
        schema = self._context.read_schema(shape.value.schema_)
        if isinstance(schema, str):
            self._say(("value", "schema"), schema)
            return None
        return RawAvroFormat(schema)

    def maps(self, shape: TopicShape) -> Rules | PythonMapper | None:
        if shape.mapper is not None:
            function = find_mapper(shape.mapper)
            if isinstance(function, str):
                self._say(("mapper",), function)
                return None
            channels = self._context.channels
            return PythonMapper(
                name=shape.mapper, function=function, channels=channels, table=channels.table()
            )
        rules = tuple(self._rule(rule, index) for index, rule in enumerate(shape.rules or ()))
        self._check_names(rules)
        return Rules(
            rules=rules,
            otherwise=shape.otherwise,
            channels=self._context.channels,
            early_order_by=_early_order_by(shape.rules or (), rules),
        )

    def _check_names(self, rules: tuple[Rule, ...]) -> None:
        seen: set[str] = set()
        for index, rule in enumerate(rules):
            if rule.name in seen:
                self._say(
                    ("rules", index, "name"),
                    f"the rule {rule.name!r} is here twice: logs could not tell them apart",
                )
            seen.add(rule.name)

    def _rule(self, shape: RuleShape, index: int) -> Rule:
        loc: Loc = ("rules", index)
        when = None if shape.when is None else self._node(shape.when, (*loc, "when"), "when")
        if shape.when is not None and not _WHOLE.fullmatch(shape.when):
            self._say((*loc, "when"), "`when` must be one expression, '${...}', with nothing around it")
        order_by = None
        if shape.order_by is not None:
            order_by = tuple(
                self._node(part, (*loc, "order_by", at), f"order_by[{at}]")
                for at, part in enumerate(shape.order_by)
            )
        return Rule(name=shape.name, when=when, requests=self._requests(shape, loc), order_by=order_by)

    def _requests(self, shape: RuleShape, loc: Loc) -> tuple[RequestTemplate, ...]:
        if shape.skip is not None:
            return ()
        if shape.requests is not None:
            return tuple(
                self._request(one, (*loc, "requests", at), f"requests[{at}]")
                for at, one in enumerate(shape.requests)
            )
        assert shape.operation is not None, "the shape has one of skip, requests and operation"
        single = RequestShape.model_construct(
            operation=shape.operation, channel=shape.channel, path=shape.path or {}, body=shape.body or {}
        )
        return (self._request(single, loc, ""),)

    def _request(self, shape: RequestShape, loc: Loc, place: str) -> RequestTemplate:
        dot = f"{place}." if place else ""
        request = RequestTemplate(
            operation=OPERATIONS[shape.operation],
            channel=self._node(shape.channel, (*loc, "channel"), f"{dot}channel"),
            params=tuple(
                (name, self._node(text, (*loc, "path", name), f"{dot}path.{name}"))
                for name, text in shape.path.items()
            ),
            body=self._node(shape.body, (*loc, "body"), f"{dot}body"),
            place=place,
        )
        self._check_channel(request, loc)
        self._check_request(request, loc)
        return request

    def _node(self, value: object, loc: Loc, place: str) -> Node:
        match value:
            case str() if "${" in value:
                return self._expression(value, loc, place)
            case dict():
                return Fields(tuple(self._field(name, child, loc, place) for name, child in value.items()))
            case list():
                items = enumerate(value)
                return Items(tuple(self._node(item, (*loc, at), f"{place}[{at}]") for at, item in items))
            case _:
                return Constant(value)

    def _field(self, name: str, child: object, loc: Loc, place: str) -> tuple[str, Node]:
        if "${" in name:
            self._say((*loc, name), "a field's name cannot hold an expression", at_key=True)
        return name, self._node(child, (*loc, name), f"{place}.{name}")

    def _expression(self, text: str, loc: Loc, place: str) -> Node:
        compiled = self._context.language.compile(text)
        if not isinstance(compiled, tuple):
            return (
                self._constant(compiled, loc, place) if compiled.is_constant else Expression(compiled, place)
            )
        for problem in compiled:
            at = (*self._at, *loc)
            self.problems.append(
                self._source.inside(at, f"{place}: {problem.message}", problem.line, problem.column)
            )
        return Constant(_Open())

    def _constant(self, template: Template, loc: Loc, place: str) -> Node:
        try:
            return Constant(template.evaluate({}))
        except EvaluationError as error:
            self._say(loc, f"{place}: {error}")
            return Constant(_Open())

    # --- what needs no record -----------------------------------------------------------------------------------------

    def _check_channel(self, request: RequestTemplate, loc: Loc) -> None:
        value = _outline(request.channel)
        if _is_open(value):
            return
        found = self._context.channels.resolve(value, alias_allowed=request.operation.takes_alias)
        if isinstance(found, str):
            self._say((*loc, "channel"), f"{request.at('channel')} {found}")

    def _check_request(self, request: RequestTemplate, loc: Loc) -> None:
        outline: dict[str, object] = {
            "path": {name: _outline(node) for name, node in request.params},
            "body": _outline(request.body),
        }
        params, body = outline["path"], outline["body"]
        assert isinstance(params, dict)
        checked = build(
            request.operation, _ANY_CHANNEL, params, body if isinstance(body, dict) else {}, "boundary"
        )
        for invalid in checked if isinstance(checked, tuple) else ():
            where = _steps(invalid.path)
            # A file's fields depend on one another, so with an open one nothing can be said about the rest.
            if invalid.reason == "request_invalid" and not _reaches_open(outline, where):
                message = f"{request.at(invalid.path)} {invalid.message}"
                self._say((*loc, *where), message, at_key=True)


def _early_order_by(shapes: Sequence[RuleShape], rules: Sequence[Rule]) -> tuple[Node, ...] | None:
    """See `Rules.early_order_by`. One, if it is written alike: whether two texts mean the same is not asked."""
    written = {
        tuple(shape.order_by or ()) for shape, rule in zip(shapes, rules, strict=True) if rule.requests
    }
    order_by = next((rule.order_by for rule in rules if rule.requests), None)
    if len(written) != 1 or order_by is None:
        return None
    reads = {root for node in order_by if isinstance(node, Expression) for root in node.template.roots}
    return None if reads & {"value", "schema"} else order_by


_ANY_CHANNEL = Channel(id="cha_1", real_id="cha_1", company="", app="")
_WHOLE = re.compile(r"\s*\$\{.*\}\s*", re.DOTALL)
_STEP = re.compile(r"[^.\[\]]+|(?<=\[)\d+(?=\])")


class _Open:
    """Stands for what an expression will give."""


def _outline(node: Node) -> object:
    """The node's value with `_Open` for each expression."""
    match node:
        case Constant(value):
            return value
        case Expression():
            return _Open()
        case Fields(fields):
            return {name: _outline(child) for name, child in fields}
        case Items(items):
            return [_outline(item) for item in items]


def _is_open(value: object) -> bool:
    match value:
        case dict():
            return any(_is_open(item) for item in value.values())
        case list():
            return any(_is_open(item) for item in value)
        case _:
            return isinstance(value, _Open)


def _reaches_open(outline: object, where: Loc) -> bool:
    """Whether what is wrong at `where` may be put right by an expression there or above."""
    here = outline
    for step in where:
        match here:
            case dict() if step in here:
                here = here[step]
            case list() if isinstance(step, int) and step < len(here):
                here = here[step]
            case _:
                break
    return isinstance(here, _Open)


def _steps(path: str) -> Loc:
    """The path of a field as the operations name it -> as files are addressed: body.to[0].handle."""
    return tuple(int(step) if step.isdigit() else step for step in _STEP.findall(path))
