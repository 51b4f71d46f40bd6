"""The shape of a mapping file: keys and kinds of values. What expressions say is checked in `compile.py`."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from connector.config.kafka import TopicName
from connector.config.mapping.tests import TestShape
from connector.config.mapping.words import (
    BodyShape,
    ChannelShape,
    Filled,
    LetsShape,
    OperationName,
    Outcomes,
    Text,
    sentence,
)
from connector.config.section import Section, require
from connector.core.call_states import OnIllegalTransition
from connector.core.files import OnUnavailable

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_LIKE_FLAGS = {"yes", "no", "on", "off", "true", "false"}


def _start(text: str) -> str:
    if text in ("earliest", "latest"):
        return text
    advice = "must be earliest, latest, or a time with its zone, such as 2026-01-31T00:00:00Z"
    if not _RFC_3339.fullmatch(text):
        raise sentence(advice)
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        raise sentence(advice) from None
    return text


def _when(value: object) -> object:
    if isinstance(value, bool):
        raise sentence("must be an expression, '${...}'; leave it out for a rule that always holds")
    return value


def _skip(value: object) -> object:
    if isinstance(value, str) and value.lower() in _LIKE_FLAGS:
        raise sentence(f"{value!r} is a text in YAML 1.2: write true, or the reason in words")
    if value is False or not isinstance(value, str | bool) or value == "":
        raise sentence("must be true, or the reason in words; leave it out for a rule that sends")
    return value


_CHANNELS = ["${channels[value.line_id]}", "cha_1abc"]
_WHAT = "What Front is asked to do; path and body follow from it."
_LET = "Values with a name, for the expressions below: name -> text with ${...}. A later one may use earlier ones."
_OUTCOMES = (
    "What HTTP statuses mean, where front.statuses should not decide: status -> accept, retry, dead_letter, …"
)
_UNAVAILABLE = (
    "When a file that is named by its url is gone: a dead letter (so, too, if nothing is said), "
    "the message without it, or wait for it."
)
_ORDER_BY = "The order key, part by part, instead of the first request's own."


class ValueShape(Section):
    """How values are read."""

    format: Literal["avro", "avro_raw"] = Field(
        default="avro",
        description="avro: the registry's framing; avro_raw: no framing, the schema from a file.",
    )
    schema_: Filled | None = Field(default=None, alias="schema", description="For avro_raw: the .avsc file.")
    schemas: list[Filled] = Field(
        default_factory=list,
        description="The values' schemas, to check expressions against: .avsc files, folders, or names of shipped ones.",
        examples=[["schemas/CallCreated.avsc"], ["CallCreated", "CallUpdated"]],
    )
    reader: Filled | None = Field(
        default=None,
        description="A schema (.avsc) as which all values are read, whatever version wrote them: renames by alias, defaults.",
    )

    @model_validator(mode="after")
    def _agree(self) -> "ValueShape":
        require(
            (self.format == "avro_raw") == (self.schema_ is not None),
            "format: avro_raw and schema: file.avsc go together (avro takes its schema from the registry)",
        )
        require(
            not self.schemas or self.schema_ is None,
            "schemas is for format: avro; with avro_raw, expressions are checked against its own schema",
        )
        return self


class KeyShape(Section):
    """How keys are read."""

    format: Literal["string", "avro", "bytes"] = Field(
        default="string", description="string: UTF-8 text; avro: the registry's framing; bytes: as they are."
    )


class RequestShape(Section):
    """One request to Front."""

    operation: OperationName = Field(description=_WHAT)
    channel: ChannelShape | None = Field(
        default=None, description="A row of the channels table, or a channel id.", examples=_CHANNELS
    )
    path: dict[str, Text] = Field(default_factory=dict, description="The ids in the request's path, by name.")
    body: BodyShape = Field(default_factory=dict, description="Front's fields; texts may hold ${...}.")
    outcomes: Outcomes = Field(default_factory=dict, description=_OUTCOMES, examples=[{422: "retry"}])
    on_attachment_unavailable: OnUnavailable | None = Field(default=None, description=_UNAVAILABLE)


class DefaultsShape(Section):
    """What the requests of a topic have in common; what a rule says itself counts, field by field of the body."""

    channel: ChannelShape | None = Field(
        default=None, description="Of every request that names none.", examples=_CHANNELS
    )
    path: dict[str, Text] = Field(
        default_factory=dict, description="Ids for the requests whose path has them."
    )
    body: dict[str, Any] = Field(
        default_factory=dict, description="Fields for the requests whose body has them."
    )
    order_by: Annotated[list[Text], Field(min_length=1)] | None = Field(default=None, description=_ORDER_BY)
    outcomes: Outcomes = Field(default_factory=dict, description=_OUTCOMES, examples=[{422: "retry"}])
    on_attachment_unavailable: OnUnavailable | None = Field(default=None, description=_UNAVAILABLE)


class RuleShape(Section):
    """What happens to the records for which `when` holds: one request, several, or none."""

    name: Filled = Field(description="What logs and dead letters call this rule; unique in its topic.")
    when: Annotated[Filled | None, BeforeValidator(_when)] = Field(
        default=None,
        description="An expression that gives true or false; absent: always.",
        examples=['${schema.name == "CallCreated"}', "${has(value.refusal)}"],
    )
    operation: OperationName | None = Field(default=None, description=_WHAT)
    channel: ChannelShape | None = Field(
        default=None, description="A row of the channels table, or a channel id.", examples=_CHANNELS
    )
    path: dict[str, Text] | None = Field(default=None, description="The ids in the request's path, by name.")
    body: BodyShape | None = Field(default=None, description="Front's fields; texts may hold ${...}.")
    requests: Annotated[list[RequestShape], Field(min_length=1)] | None = Field(
        default=None, description="Several requests, sent in this order."
    )
    skip: Annotated[Literal[True] | str, BeforeValidator(_skip)] | None = Field(
        default=None, description="true, or why records of this rule are passed over."
    )
    order_by: Annotated[list[Text], Field(min_length=1)] | None = Field(
        default=None, description=_ORDER_BY, examples=[["conversation", "${value.conversation_id}"]]
    )
    outcomes: Outcomes | None = Field(default=None, description=_OUTCOMES, examples=[{422: "retry"}])
    on_attachment_unavailable: OnUnavailable | None = Field(default=None, description=_UNAVAILABLE)
    let: LetsShape = Field(default_factory=dict, description=_LET)

    @model_validator(mode="after")
    def _agree(self) -> "RuleShape":
        ways = [name for name in ("operation", "requests", "skip") if getattr(self, name) is not None]
        require(
            len(ways) == 1,
            f"a rule has exactly one of operation, requests and skip; this has {' and '.join(ways) or 'none'}",
        )
        single = [name for name in ("channel", "path", "body") if getattr(self, name) is not None]
        require(
            not single or self.operation is not None, f"{' and '.join(single)} need operation beside them"
        )
        for name in ("order_by", "outcomes", "on_attachment_unavailable"):
            require(
                self.skip is None or getattr(self, name) is None,
                f"a rule that skips has no {name}",
            )
        return self


class TopicShape(Section):
    """A topic: how it is read, where it starts, and its rules, or a Python mapper in their place."""

    start: Annotated[str, AfterValidator(_start)] = Field(
        description="Where a new group begins: earliest, latest or a time. No default: it says whether history goes to Front.",
        examples=["earliest", "latest", "2026-01-31T00:00:00Z"],
    )
    value: ValueShape = Field(default=ValueShape(), description="How values are read.")
    key: KeyShape = Field(default=KeyShape(), description="How keys are read.")
    max_age_s: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Older records are skipped and counted."
    )
    on_missing_offset: Literal["hold", "earliest", "latest"] = Field(
        default="hold", description="When a committed offset is not in the log any more."
    )
    otherwise: Literal["dead_letter", "skip"] = Field(
        default="dead_letter", description="When no rule holds."
    )
    on_unknown_channel: Literal["dead_letter", "wait"] = Field(
        default="dead_letter",
        description="When a line has no row in the channel directory: a dead letter, or its records wait for the row.",
    )
    on_illegal_transition: OnIllegalTransition = Field(
        default="warn",
        description="When Front would drop a call's change of state: warn and send it all the same, a dead letter, or nothing.",
    )
    let: LetsShape = Field(
        default_factory=dict, description=_LET, examples=[{"conversation": "${value.conversation.id}"}]
    )
    defaults: DefaultsShape | None = Field(
        default=None, description="What the requests of this topic have in common."
    )
    rules: Annotated[list[RuleShape], Field(min_length=1)] | None = Field(
        default=None, description="The first that holds counts."
    )
    mapper: Filled | None = Field(
        default=None,
        description="package.module:function, or a name in the entry-point group front_connector.mappers.",
    )
    tests: list[TestShape] = Field(
        default_factory=list, description="Records with what they become; `front-connector test` runs them."
    )

    @model_validator(mode="after")
    def _agree(self) -> "TopicShape":
        require((self.rules is None) != (self.mapper is None), "a topic has either rules or a mapper")
        require(
            self.mapper is None or self.otherwise == "dead_letter",
            "otherwise belongs to rules: a mapper returns [] to skip",
        )
        require(
            self.mapper is None or self.on_unknown_channel == "dead_letter",
            "on_unknown_channel: wait belongs to rules: which line a mapper looks for is not known",
        )
        given = " and ".join(name for name in ("let", "defaults") if getattr(self, name))
        require(self.mapper is None or not given, f"{given} belong to rules: a mapper does not see them")
        return self


class MappingFile(Section):
    """A mapping file."""

    model_config = ConfigDict(title="front-connector mapping file")

    version: Literal[1] = Field(description="Always 1.")
    let: LetsShape = Field(default_factory=dict, description=_LET)
    topics: Annotated[dict[TopicName, TopicShape], Field(min_length=1)] = Field(
        description="What the records of each topic become; a topic stands in one file."
    )
