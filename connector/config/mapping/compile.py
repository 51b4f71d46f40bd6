"""A mapping file's shape -> the core's topic mappings. Expressions are compiled, and what needs no record is checked now.

A body is checked against its operation with every expression's result left open: unknown and missing fields and wrong
constants are found before the first record. Never here: files (`loader.py`), evaluation (`core/mapping`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connector.config.mapping.defaults import Defaults, check_used, compile_defaults
from connector.config.mapping.file import RequestShape, RuleShape, TopicShape
from connector.config.mapping.forgotten import meant
from connector.config.mapping.lets import Names, add_lets, doubtful
from connector.config.mapping.mappers import find_mapper
from connector.config.mapping.nodes import Nodes, Open, is_open, outline, reaches_open
from connector.config.mapping.reachable import unreachable
from connector.config.mapping.typecheck import check_types, steps, topic_types
from connector.config.problems import Problem
from connector.config.yaml_source import Loc, Source, value_at
from connector.core.decode import ParsedSchema
from connector.core.files import FilePart, OnUnavailable
from connector.core.mapping import (
    AvroFormat,
    BytesFormat,
    ChannelDirectory,
    Constant,
    Expression,
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
from connector.core.mapping.templates import describe
from connector.core.operations import OPERATIONS, Operation, build, with_message_id
from connector.core.records import Channel

ReadSchema = Callable[[str], ParsedSchema | str]
"""Reads an .avsc file named in a mapping file; a sentence says why it cannot."""

FindSchemas = Callable[[str], Sequence[ParsedSchema] | str]
"""Reads all that an entry of `schemas` means; a sentence says why it cannot."""


@dataclass(slots=True)
class Notes:
    """What is learnt of a file while its topics are compiled. `read`: the variables that their expressions need."""

    warnings: list[Problem] = field(default_factory=list)
    read: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every topic is compiled with. `names`: what the expressions of any topic may use; `notes` is filled."""

    names: Names
    channels: ChannelDirectory
    channels_come_later: bool = False
    """They lie in a topic, of which nothing is read when files are checked."""
    file_part: FilePart = "attachments[]"
    env: Mapping[str, str]
    read_schema: ReadSchema
    find_schemas: FindSchemas
    more_schemas: Mapping[str, Sequence[ParsedSchema]] = field(default_factory=dict)
    """By topic: newer schemas to hold expressions against too; of the others those that the files name count."""
    notes: Notes = field(default_factory=Notes)


def compile_topic(
    topic: str, shape: TopicShape, source: Source, context: Context
) -> TopicMapping | list[Problem]:
    """One topic of a file, or every problem in it."""
    compiler = _Compiler(source, context, ("topics", topic))
    maps = compiler.maps(shape)
    value = compiler.value(shape)
    schemas = compiler.schemas(shape)
    if isinstance(maps, Rules) and value is not None and schemas is not None:
        compiler.check_types(topic, maps, value, schemas)
    if compiler.problems or maps is None or value is None or schemas is None:
        return compiler.problems
    constants = {"channels": context.channels.table(), "env": dict(context.env)}
    return TopicMapping(
        topic=topic,
        start=_start(shape.start),
        max_age_s=shape.max_age_s,
        on_missing_offset=shape.on_missing_offset,
        on_illegal_transition=shape.on_illegal_transition,
        value=value,
        key=_KEYS[shape.key.format],
        maps=maps,
        constants=constants,
        schemas=schemas,
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
        self._nodes = Nodes(source, at, context.names)
        self.problems = self._nodes.problems
        self._say = self._nodes.say

    def value(self, shape: TopicShape) -> ValueFormat | None:
        schema = self._schema("schema", shape.value.schema_)
        reader = self._schema("reader", shape.value.reader)
        if isinstance(schema, str) or isinstance(reader, str):
            return None
        return AvroFormat(reader) if schema is None else RawAvroFormat(schema, reader)

    def schemas(self, shape: TopicShape) -> tuple[ParsedSchema, ...] | None:
        """What the topic's values may be written by."""
        schemas: list[ParsedSchema] = []
        for index, name in enumerate(shape.value.schemas):
            found = self._context.find_schemas(name)
            if isinstance(found, str):
                self._say(("value", "schemas", index), found)
                return None
            schemas.extend(found)
        return tuple(schemas)

    def check_types(
        self, topic: str, rules: Rules, value: ValueFormat, schemas: Sequence[ParsedSchema]
    ) -> None:
        """Hold the expressions against the schemas that are known of the topic's values; without any, they are any."""
        more = self._context.more_schemas.get(topic, ())
        newer = {schema.name for schema in more}
        # Each group on its own: what only the older version of a schema has is a mistake.
        for group in (schemas, [*more, *(schema for schema in schemas if schema.name not in newer)]):
            types = topic_types(value, group)
            told = check_types(rules, self._source, self._at, self._context.names.language, types)
            self.problems.extend([*told.errors, *told.refused])
            self._context.notes.warnings.extend(told.warnings)

    def _schema(self, key: str, name: str | None) -> ParsedSchema | str | None:
        schema = None if name is None else self._context.read_schema(name)
        if isinstance(schema, str):
            self._say(("value", key), schema)
        return schema

    def maps(self, shape: TopicShape) -> Rules | PythonMapper | None:
        if shape.mapper is not None:
            function = find_mapper(shape.mapper)
            if isinstance(function, str):
                self._say(("mapper",), function)
                return None
            channels = self._context.channels
            return PythonMapper(
                name=shape.mapper,
                function=function,
                channels=channels,
                table=channels.table(),
                file_part=self._context.file_part,
            )
        return self._rules(shape, shape.rules or ())

    def _rules(self, shape: TopicShape, shapes: Sequence[RuleShape]) -> Rules:
        names, found = add_lets(self._context.names, shape.let, self._source, self._at)
        self._nodes.names = names
        self.problems.extend(found)
        defaults = compile_defaults(shape.defaults, self._nodes)
        rules = tuple(self._rule(rule, index, defaults) for index, rule in enumerate(shapes))
        operations = [request.operation for rule in rules for request in rule.requests]
        check_used(defaults, operations, self._nodes)
        self._check_names(rules)
        notes = self._context.notes
        notes.warnings.extend(unreachable(shapes, rules, self._source, self._at))
        notes.warnings.extend(doubtful(shape.let, names, self._nodes.read, self._source, self._at))
        notes.warnings.extend(self._nodes.warnings)
        notes.read |= names.behind(self._nodes.read)
        written = [tuple(rule.order_by or defaults.written_order_by) for rule in shapes]
        common, early = _common_order_by(written, rules, names)
        return Rules(
            rules=rules,
            otherwise=shape.otherwise,
            channels=self._context.channels,
            on_unknown_channel=shape.on_unknown_channel,
            lets=names.lets,
            common_order_by=common,
            early_order_by=early,
            file_part=self._context.file_part,
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

    def _rule(self, shape: RuleShape, index: int, defaults: Defaults) -> Rule:
        loc: Loc = ("rules", index)
        around = self._nodes.names
        names, found = add_lets(around, shape.let, self._source, (*self._at, *loc))
        nodes = Nodes(self._source, self._at, names)
        nodes.problems.extend(found)
        when = None if shape.when is None else nodes.node(shape.when, (*loc, "when"), "when")
        if shape.when is not None and not _WHOLE.fullmatch(shape.when):
            nodes.say((*loc, "when"), "`when` must be one expression, '${...}', with nothing around it")
        elif isinstance(when, Constant) and not isinstance(when.value, bool | Open):
            nodes.say((*loc, "when"), f"when: must be true or false, but is {describe(when.value)}")
        requests = self._requests(shape, loc, nodes, defaults)
        order_by = defaults.order_by if requests else None
        if shape.order_by is not None:
            order_by = tuple(
                nodes.node(part, (*loc, "order_by", at), f"order_by[{at}]")
                for at, part in enumerate(shape.order_by)
            )
        at = (*self._at, *loc)
        self._context.notes.warnings.extend(doubtful(shape.let, names, nodes.read, self._source, at))
        self.problems.extend(nodes.problems)
        self._context.notes.warnings.extend(nodes.warnings)
        self._nodes.read |= names.behind(nodes.read)
        own = {name: let for name, let in names.lets.items() if name not in around.lets}
        return Rule(name=shape.name, when=when, requests=requests, order_by=order_by, lets=own)

    def _requests(
        self, shape: RuleShape, loc: Loc, nodes: Nodes, defaults: Defaults
    ) -> tuple[RequestTemplate, ...]:
        if shape.skip is not None:
            return ()
        rule = replace(
            defaults,
            outcomes={**defaults.outcomes, **(shape.outcomes or {})},
            on_attachment_unavailable=shape.on_attachment_unavailable or defaults.on_attachment_unavailable,
        )
        if shape.requests is not None:
            return tuple(
                self._request(one, _Place((*loc, "requests", at), f"requests[{at}]"), nodes, rule)
                for at, one in enumerate(shape.requests)
            )
        assert shape.operation is not None, "the shape has one of skip, requests and operation"
        single = RequestShape.model_construct(
            operation=shape.operation,
            channel=shape.channel,
            path=shape.path or {},
            body=shape.body or {},
            outcomes={},
            on_attachment_unavailable=shape.on_attachment_unavailable,
        )
        return (self._request(single, _Place(loc, ""), nodes, rule),)

    def _request(
        self, shape: RequestShape, place: "_Place", nodes: Nodes, defaults: Defaults
    ) -> RequestTemplate:
        loc, operation = place.loc, OPERATIONS[shape.operation]
        channel = defaults.channel
        if shape.channel is not None:
            channel = nodes.node(shape.channel, (*loc, "channel"), place.of("channel"))
        elif channel is None:
            nodes.say(loc, f"{place.of('channel')} is missing: a row of the channels table, or a channel id")
        params = tuple(
            (name, nodes.node(text, (*loc, "path", name), place.of(f"path.{name}")))
            for name, text in shape.path.items()
        )
        request = RequestTemplate(
            operation=operation,
            channel=Constant(Open()) if channel is None else channel,
            params=defaults.params_of(operation, params),
            body=defaults.body_of(operation, nodes.node(shape.body, (*loc, "body"), place.of("body"))),
            place=place.name,
            outcomes={**defaults.outcomes, **shape.outcomes},
            on_attachment_unavailable=shape.on_attachment_unavailable
            or defaults.on_attachment_unavailable
            or "dead_letter",
        )
        if (why := _no_use(shape.on_attachment_unavailable, operation)) is not None:
            nodes.say((*loc, _UNAVAILABLE), f"{place.of(_UNAVAILABLE)} {why}", at_key=True)
        self._check_channel(request, loc, nodes)
        self._check_request(request, loc, nodes)
        return request

    # --- what needs no record -----------------------------------------------------------------------------------------

    def _check_channel(self, request: RequestTemplate, loc: Loc, nodes: Nodes) -> None:
        value = outline(request.channel)
        if is_open(value) or (self._context.channels_come_later and str(value).startswith("cha_")):
            return
        found = self._context.channels.resolve(value, alias_allowed=request.operation.takes_alias)
        if isinstance(found, str):
            nodes.say(self._where(loc, ("channel",)), f"{request.at('channel')} {found}{_instead(value)}")

    def _check_request(self, request: RequestTemplate, loc: Loc, nodes: Nodes) -> None:
        outlined: dict[str, object] = {
            "path": {name: outline(node) for name, node in request.params},
            "body": outline(request.body),
        }
        params, body = outlined["path"], outlined["body"]
        assert isinstance(params, dict)
        given = with_message_id(request.operation, body if isinstance(body, dict) else {}, lambda: "derived")
        checked = build(request.operation, _ANY_CHANNEL, params, given, "boundary")
        for invalid in checked if isinstance(checked, tuple) else ():
            where = steps(invalid.path)
            # A file's fields depend on one another, so with an open one nothing can be said about the rest.
            # A name that Front does not know is wrong whatever its expression gives.
            unknown = invalid.message.startswith("is not known here")
            if invalid.reason == "request_invalid" and (unknown or not reaches_open(outlined, where)):
                instead = _instead(value_at(outlined, where))
                message = f"{request.at(invalid.path)} {invalid.message}{instead}"
                nodes.say(self._where(loc, where), message, at_key=True)

    def _where(self, loc: Loc, part: Loc) -> Loc:
        """Where a part of a request is written: in the defaults, if only they have it."""
        default: Loc = ("defaults", *part)
        written = (*self._at, *loc, *part) in self._source.marks
        return (*loc, *part) if written or (*self._at, *default) not in self._source.marks else default


@dataclass(frozen=True, slots=True)
class _Place:
    """A request in its file, and its name in messages: "" or, in a list, "requests[1]"."""

    loc: Loc
    name: str

    def of(self, part: str) -> str:
        return f"{self.name}.{part}" if self.name else part


def _no_use(written: OnUnavailable | None, operation: Operation) -> str | None:
    """The end of a sentence about an `on_attachment_unavailable` that can have no effect."""
    if written is not None and operation.files == "none":
        return f"is of no use: {operation.name} has no files"
    if written == "send_without" and operation.files == "one_audio":
        return "cannot be send_without: a recording is nothing without its file"
    return None


def _instead(constant: object) -> str:
    """The end of a sentence about a refused constant that looks like an expression."""
    expression = meant(constant) if isinstance(constant, str) else None
    return "" if expression is None else f"; for the expression's value write {expression}"


def _common_order_by(
    written: Sequence[tuple[str, ...]], rules: Sequence[Rule], names: Names
) -> tuple[tuple[Node, ...] | None, tuple[Node, ...] | None]:
    """`Rules.common_order_by` and `Rules.early_order_by`.

    It is one if it is written alike: whether two texts mean the same is not asked.
    `names` are those of the topic: what only a rule names may mean something else in the next.
    """
    order_by = next((rule.order_by for rule in rules if rule.requests), None)
    texts = {text for text, rule in zip(written, rules, strict=True) if rule.requests}
    if len(texts) != 1 or order_by is None:
        return None, None
    reads = names.behind(
        root for node in order_by if isinstance(node, Expression) for root in node.template.roots
    )
    of_rules = {name for rule in rules for name in rule.lets}
    common = None if reads & of_rules else order_by
    return common, None if reads & {"value", "schema"} else common


_UNAVAILABLE = "on_attachment_unavailable"
_ANY_CHANNEL = Channel(id="cha_1", real_id="cha_1", company="", app="")
_WHOLE = re.compile(r"\s*\$\{.*\}\s*", re.DOTALL)
