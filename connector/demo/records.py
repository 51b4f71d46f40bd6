"""What the demo puts into Kafka, and what must become of it. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

BadKind: TypeAlias = Literal[
    "truncated", "not_framed", "missing_schema", "unknown_record", "unknown_line",
    "unknown_state", "breaks_contract", "wrong_file",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Accepted:
    """Front accepts these operations, in this order."""

    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule of the shipped mapping files skips it on purpose."""

    rule: str


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """It ends in the dead-letter topic, for this reason of the closed list."""

    reason: str


Expected: TypeAlias = Accepted | Skipped | DeadLettered


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A good record. `schema_name` is the full name of its schema, `value` what fastavro encodes by it.

    at_ms: when it happened, milliseconds since 1970; also good as Kafka's timestamp. `channel`: the id at Front.
    """

    topic: str
    key: str
    schema_name: str
    value: Mapping[str, object] = field(repr=False)
    at_ms: int
    company: str
    channel: str
    expected: Accepted | Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A record that must be dead-lettered while all others flow. Its key belongs to no other record.

    `payload` in events.py makes its bytes, where the fault may lie. `definition`: its schema, if `schemas/` has none.
    """

    kind: BadKind
    topic: str
    key: str
    schema_name: str
    value: Mapping[str, object] = field(repr=False)
    at_ms: int
    expected: DeadLettered
    definition: Mapping[str, object] | None = field(default=None, repr=False)


DemoRecord: TypeAlias = Event | BadRecord
