"""Kinds of values that mapping files and their tests share, each refused with a sentence of its own."""

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from connector.config.front import Override, StatusCode, check_statuses
from connector.config.problems import did_you_mean
from connector.core.operations import OPERATIONS


def sentence(text: str) -> PydanticCustomError:
    """An error that stands in the problem as it is."""
    return PydanticCustomError("sentence", "{text}", {"text": text})


def _operation(name: str) -> str:
    if name not in OPERATIONS:
        raise sentence(f"{name!r} is not an operation of Front's: {did_you_mean(name, OPERATIONS)}")
    return name


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise sentence("must be text or an expression: '${value.call_id}'")
    return value


def _text_or_map(value: object) -> object:
    if not isinstance(value, str | dict):
        raise sentence(
            "must be a text such as '${channels[value.line_id]}', or a map with channel, company and app"
        )
    return value


def _map_or_text(value: object) -> object:
    if not isinstance(value, str | dict):
        raise sentence("must be a map of Front's fields, or one expression that gives it")
    return value


def _let(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise sentence("must be text, which may hold ${...}, or a number, true or false")
    return value


def _outcomes(outcomes: dict[int, Override]) -> dict[int, Override]:
    check_statuses("outcomes", outcomes)
    return outcomes


_LET = {"type": ["string", "number", "boolean"]}

Filled: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
OperationName: TypeAlias = Annotated[
    str, AfterValidator(_operation), Field(json_schema_extra={"enum": list(OPERATIONS)})
]
Text: TypeAlias = Annotated[str, BeforeValidator(_text)]
ChannelShape: TypeAlias = Annotated[
    Any, BeforeValidator(_text_or_map), Field(json_schema_extra={"type": ["string", "object"]})
]
BodyShape: TypeAlias = Annotated[
    Any, BeforeValidator(_map_or_text), Field(json_schema_extra={"type": ["string", "object"]})
]
LetsShape: TypeAlias = dict[Filled, Annotated[Any, BeforeValidator(_let), Field(json_schema_extra=_LET)]]
Outcomes: TypeAlias = Annotated[dict[StatusCode, Override], AfterValidator(_outcomes)]
