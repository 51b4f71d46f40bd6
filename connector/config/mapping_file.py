"""The shape of a mapping file: keys and kinds of values. What expressions say is checked in `compile.py`."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from connector.config.kafka import TopicName
from connector.config.problems import did_you_mean
from connector.config.section import Section, require
from connector.core.operations import OPERATIONS

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_LIKE_FLAGS = {"yes", "no", "on", "off", "true", "false"}


def _sentence(text: str) -> PydanticCustomError:
    return PydanticCustomError("sentence", "{text}", {"text": text})


def _operation(name: str) -> str:
    if name not in OPERATIONS:
        raise _sentence(f"{name!r} is not an operation of Front's: {did_you_mean(name, OPERATIONS)}")
    return name


def _start(text: str) -> str:
    if text in ("earliest", "latest"):
        return text
    advice = "must be earliest, latest, or a time with its zone, such as 2026-01-31T00:00:00Z"
    if not _RFC_3339.fullmatch(text):
        raise _sentence(advice)
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        raise _sentence(advice) from None
    return text


def _skip(value: object) -> object:
    if isinstance(value, str) and value.lower() in _LIKE_FLAGS:
        raise _sentence(f"{value!r} is a text in YAML 1.2: write true, or the reason in words")
    if value is False or not isinstance(value, str | bool) or value == "":
        raise _sentence("must be true, or the reason in words; leave it out for a rule that sends")
    return value


def _text_or_map(value: object) -> object:
    if not isinstance(value, str | dict):
        raise _sentence(
            "must be a text such as '${channels[value.line_id]}', or a map with channel, company and app"
        )
    return value


def _map_or_text(value: object) -> object:
    if not isinstance(value, str | dict):
        raise _sentence("must be a map of Front's fields, or one expression that gives it")
    return value


def _order_part(value: object) -> object:
    if not isinstance(value, str):
        raise _sentence("must be text or an expression: '${value.call_id}'")
    return value


Filled: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
OperationName: TypeAlias = Annotated[
    str, AfterValidator(_operation), Field(json_schema_extra={"enum": list(OPERATIONS)})
]
ChannelShape: TypeAlias = Annotated[
    Any, BeforeValidator(_text_or_map), Field(json_schema_extra={"type": ["string", "object"]})
]
BodyShape: TypeAlias = Annotated[
    Any, BeforeValidator(_map_or_text), Field(json_schema_extra={"type": ["string", "object"]})
]
Text: TypeAlias = Annotated[str, BeforeValidator(_order_part)]


class ValueShape(Section):
    """How values are read."""

    format: Literal["avro", "avro_raw"] = Field(
        default="avro",
        description="avro: the registry's framing; avro_raw: no framing, the schema from a file.",
    )
    schema_: Filled | None = Field(default=None, alias="schema", description="For avro_raw: the .avsc file.")

    @model_validator(mode="after")
    def _agree(self) -> "ValueShape":
        require(
            (self.format == "avro_raw") == (self.schema_ is not None),
            "format: avro_raw and schema: file.avsc go together (avro takes its schema from the registry)",
        )
        return self


class KeyShape(Section):
    """How keys are read."""

    format: Literal["string", "avro", "bytes"] = "string"


class RequestShape(Section):
    """One request to Front."""

    operation: OperationName
    channel: ChannelShape = Field(description="A row of the channels table, or a channel id.")
    path: dict[str, Text] = Field(default_factory=dict, description="The ids in the request's path, by name.")
    body: BodyShape = Field(default_factory=dict, description="Front's fields; texts may hold ${...}.")


class RuleShape(Section):
    """What happens to the records for which `when` holds: one request, several, or none."""

    name: Filled = Field(description="What logs and dead letters call this rule; unique in its topic.")
    when: Filled | None = Field(
        default=None, description="An expression that gives true or false; absent: always."
    )
    operation: OperationName | None = None
    channel: ChannelShape | None = Field(
        default=None, description="A row of the channels table, or a channel id."
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
        default=None, description="The order key, part by part, instead of the first request's own."
    )

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
        require(
            self.operation is None or self.channel is not None,
            "channel is missing: a row of the channels table, or a channel id",
        )
        require(self.skip is None or self.order_by is None, "a rule that skips has no order_by")
        return self


class RecordShape(Section):
    """The record of a test: a file, or a value written here."""

    file: Filled | None = None
    value: JsonValue = None
    key: JsonValue = None
    headers: dict[str, str] = Field(default_factory=dict)
    schema_: Filled | None = Field(default=None, alias="schema", description="Name of the value's schema.")
    timestamp: int | None = Field(default=None, description="Milliseconds since 1970.")

    @model_validator(mode="after")
    def _agree(self) -> "RecordShape":
        require((self.file is None) != (self.value is None), "a test's record has either file or value")
        return self


class TestShape(Section):
    """A record and what must become of it: a request, or several in a list, each compared where it says something."""

    __test__ = False  # it is no test of pytest's

    name: Filled | None = None
    record: RecordShape
    expect: Annotated[dict[str, JsonValue] | list[dict[str, JsonValue]], Field(union_mode="left_to_right")]


class TopicShape(Section):
    """A topic: how it is read, where it starts, and its rules, or a Python mapper in their place."""

    start: Annotated[str, AfterValidator(_start)] = Field(
        description="Where a new group begins: earliest, latest or a time. No default: it says whether history goes to Front."
    )
    value: ValueShape = ValueShape()
    key: KeyShape = KeyShape()
    max_age_s: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Older records are skipped and counted."
    )
    on_missing_offset: Literal["hold", "earliest", "latest"] = "hold"
    otherwise: Literal["dead_letter", "skip"] = Field(
        default="dead_letter", description="When no rule holds."
    )
    rules: Annotated[list[RuleShape], Field(min_length=1)] | None = Field(
        default=None, description="The first that holds counts."
    )
    mapper: Filled | None = Field(
        default=None,
        description="package.module:function, or a name in the entry-point group front_connector.mappers.",
    )
    tests: list[TestShape] = Field(default_factory=list)

    @model_validator(mode="after")
    def _agree(self) -> "TopicShape":
        require((self.rules is None) != (self.mapper is None), "a topic has either rules or a mapper")
        require(
            self.mapper is None or self.otherwise == "dead_letter",
            "otherwise belongs to rules: a mapper returns [] to skip",
        )
        return self


class MappingFile(Section):
    """A mapping file."""

    model_config = ConfigDict(title="front-connector mapping file")

    version: Literal[1] = Field(description="Always 1.")
    topics: Annotated[dict[TopicName, TopicShape], Field(min_length=1)]
