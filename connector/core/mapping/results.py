"""What mapping one record takes and gives. Values only."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from connector.core.dead_letter import Reason
from connector.core.decode import ParsedSchema
from connector.core.operations import Request
from connector.core.records import OrderKey, Record

SkipReason: TypeAlias = Literal["rule", "no_rule", "null_value", "max_age"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A decoded record. `value` and `key` are plain (see `decode.plain`); a null key is None."""

    record: Record
    value: object
    key: object
    schema: ParsedSchema | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """At least one request, to be sent in this order; the record settles when the last is accepted."""

    requests: tuple[Request, ...]
    key: OrderKey
    rule: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing is to be sent, on purpose: settle and count. `rule` names the rule that said so."""

    reason: SkipReason
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A bad record for this mapping: dead-letter it. `message` names places, never values of the record.

    `error_class`: module and name of the exception that a Python mapper raised.
    """

    reason: Reason
    stage: Literal["map", "validate", "attach"]
    message: str
    rule: str | None = None
    operation: str | None = None
    error_class: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelNeeded:
    """The topic waits for a row of the channel directory. `message` is for people; it names no line.

    `line`: the row's key. `key`: the order key that the record will have if it can be told already, else one of its line.
    """

    line: str = field(repr=False)
    key: OrderKey = field(repr=False)
    rule: str
    message: str


def line_key(line: str) -> OrderKey:
    """Under which records of a line without a row wait, when nothing else is known of their order."""
    return ("line", line)


Result: TypeAlias = Plan | Skip | Refusal | ChannelNeeded
