"""A topic's mapping: how its records are read, where it starts, and what each becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from connector.core.call_states import OnIllegalTransition
from connector.core.decode import ParsedSchema
from connector.core.expression import WORK, Work
from connector.core.mapping.channels import ChannelDirectory
from connector.core.mapping.formats import KeyFormat, ValueFormat
from connector.core.mapping.mapper import PythonMapper
from connector.core.mapping.requests import scope_of
from connector.core.mapping.results import Input, Result, Skip
from connector.core.mapping.rules import Rules, Tried
from connector.core.mapping.templates import Scope
from connector.core.records import OrderKey, Record


@dataclass(frozen=True, slots=True)
class StartAt:
    """The first record of this time or later; Kafka's clock, milliseconds since 1970."""

    timestamp_ms: int


Start: TypeAlias = Literal["earliest", "latest"] | StartAt
"""Where a group without any committed offset in the topic begins."""

OnMissingOffset: TypeAlias = Literal["hold", "earliest", "latest"]
"""What happens when a committed offset no longer exists in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMapping:
    """Everything the mapping files say about one topic. `max_age_s` None: no record is too old."""

    topic: str
    start: Start
    max_age_s: float | None
    on_missing_offset: OnMissingOffset
    value: ValueFormat
    key: KeyFormat
    maps: Rules | PythonMapper
    on_illegal_transition: OnIllegalTransition = "warn"
    """What becomes of a request that changes a call's state in a way that Front drops."""
    constants: Mapping[str, object] = field(repr=False)
    """Tables and `env`, by the name under which expressions see them."""
    order_signature: str = ""
    """Differs from another version's if a record may have another order key there (`config/order_signature.py`)."""
    schemas: tuple[ParsedSchema, ...] = field(default=(), repr=False)
    """What the mapping file says that values may be written by. Records bring their own: these are for tools."""

    @property
    def entities(self) -> frozenset[str]:
        """The kinds of thing that its rules' operations are about; empty if a Python mapper says what they are."""
        rules = self.maps.rules if isinstance(self.maps, Rules) else ()
        return frozenset(request.operation.entity for rule in rules for request in rule.requests)

    @property
    def waits_for_channels(self) -> bool:
        """Whether records of a line without a row wait for it."""
        return isinstance(self.maps, Rules) and self.maps.on_unknown_channel == "wait"

    def with_channels(self, directory: ChannelDirectory) -> "TopicMapping":
        """The same mapping with another channel directory."""
        table = directory.table()
        match self.maps:
            case Rules():
                maps: Rules | PythonMapper = replace(self.maps, channels=directory)
            case PythonMapper():
                maps = replace(self.maps, channels=directory, table=table)
        return replace(self, maps=maps, constants={**self.constants, "channels": table})

    def skips(self, record: Record, now_wall: float | None) -> Skip | None:
        """Whether the record is passed over whatever it says: asked before it is decoded.

        `now_wall`: Unix seconds; None: its age was judged when it was first looked at, and it waited since.
        """
        if record.value is None:
            return Skip("null_value")
        if self.max_age_s is None or record.timestamp_ms is None or now_wall is None:
            return None
        return Skip("max_age") if now_wall - record.timestamp_ms / 1000 > self.max_age_s else None

    def map(self, taken: Input) -> Result:
        """What a decoded record becomes; `skips` was asked before. Raises nothing for any record."""
        match self.maps:
            case Rules() as rules:
                return rules.map(taken, self._scope(taken))
            case PythonMapper() as mapper:
                return mapper.map(taken)

    def tried(self, taken: Input) -> tuple[Tried, ...]:
        """Whose `when` is asked for this record, for people who ask why; none where a Python mapper takes it."""
        return self.maps.tried(self._scope(taken)) if isinstance(self.maps, Rules) else ()

    def early_key(self, record: Record, key: object) -> OrderKey | None:
        """The order key of whatever requests the record becomes, if it can be told before its value is read; else None.

        `key`: the record's own, decoded. What a Python mapper makes of a record is not known before it is called.
        """
        if not isinstance(self.maps, Rules):
            return None
        return self.maps.early_key(self._scope(Input(record=record, value=None, key=key, schema=None)))

    def _scope(self, taken: Input) -> Scope:
        return {**self.constants, **scope_of(taken), WORK: Work()}


@dataclass(frozen=True, slots=True)
class MappingSet:
    """All topics, by name. `hash` is of the content of every file that made them (hex)."""

    topics: Mapping[str, TopicMapping]
    hash: str
