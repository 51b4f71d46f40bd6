"""What the consumer is told when it is made. Never here: what it does with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.core.mapping import OnMissingOffset, Start
from connector.ports import EventLog


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """`properties` are librdkafka's, complete (connection, group, ours); `revoke_bound_s` bounds the drain of a revoke."""

    properties: Mapping[str, Any] = field(repr=False)
    connection: Mapping[str, Any] = field(repr=False)
    """Those that any client of the cluster needs."""
    topics: Mapping[str, Start]
    on_missing_offset: Mapping[str, OnMissingOffset]
    dead_letter_topic: str
    group_is_new: bool = True
    """Whether a topic without any committed offset has a first start; otherwise its offsets have expired."""
    checks: Callable[[EventLog, Mapping[str, Any]], None] = lambda _log, _connection: None
    """What must be right before the group is joined, asked with these properties of a connection.

    Waits; raises `StartupRefused`, or KafkaException without an answer.
    """
    revoke_bound_s: float = 10.0
    rebuild_bound_s: float = 30.0
    """How long a client may drain that is to be replaced: nobody waits for its partitions meanwhile."""
