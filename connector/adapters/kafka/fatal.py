"""What follows an error after which the client or the group does not go on: end with a sentence, or make a new client.

A fatal error reaches us as `_FATAL`; which one it was stands in its text only. docs/operations.md has the same list for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError

from connector.adapters.kafka.refusals import EXIT_CONFIG
from connector.ports import StartupRefused


@dataclass(frozen=True, slots=True)
class Member:
    """Who we are to the group; for sentences."""

    group_id: str
    protocol: str
    instance_id: str | None = None

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> "Member":
        """As a consumer with these properties is known."""
        return cls(
            group_id=properties.get("group.id", ""),
            protocol=properties.get("group.protocol", "classic"),
            instance_id=properties.get("group.instance.id"),
        )


@dataclass(frozen=True, slots=True)
class Rebuild:
    """The client is of no more use, and another one may be. `waiting_for`: a clause for readiness' body."""

    code: str
    waiting_for: str
    detail: str


def is_end(error: KafkaError) -> bool:
    """Whether nothing comes of waiting: `verdict` says what follows."""
    return error.code() == KafkaError._FATAL or error.fatal() or error.code() in _GROUP_REFUSES  # noqa: SLF001 - librdkafka's own codes begin with an underscore


def verdict(error: KafkaError, member: Member) -> StartupRefused | Rebuild:
    """What follows. A refusal is one that the same settings would meet again, whatever the client."""
    code = _cause(error)
    sentences = {
        KafkaError.FENCED_INSTANCE_ID: f"another process has joined the group {member.group_id} with "
        f"kafka.group_instance_id {member.instance_id}: give each process an id of its own.",
        KafkaError.INCONSISTENT_GROUP_PROTOCOL: f"the group {member.group_id} has members that do not go with ours: "
        "another application, or another way of assigning partitions. Give kafka.group_id a name that nobody else uses, "
        "or stop the others first.",
        KafkaError.INVALID_SESSION_TIMEOUT: "the brokers refuse kafka.session_timeout_s: it must lie between their "
        "group.min.session.timeout.ms and group.max.session.timeout.ms.",
        KafkaError.UNSUPPORTED_ASSIGNOR: "the brokers do not know the assignor that group.remote.assignor names: "
        "they list theirs in group.consumer.assignors.",
        KafkaError.UNSUPPORTED_VERSION: _NO_848,
        KafkaError._UNSUPPORTED_FEATURE: _NO_848,  # noqa: SLF001
    }
    if code in sentences:
        return StartupRefused(EXIT_CONFIG, sentences[code])
    if code == KafkaError.UNRELEASED_INSTANCE_ID:
        waiting_for = (
            f"the group has not let go of the process that had kafka.group_instance_id {member.instance_id}: "
            "it does when that one's session time-out is over, or when it leaves"
        )
    else:
        waiting_for = f"the Kafka client failed ({KafkaError(code).name()}) and is made anew"
    return Rebuild(KafkaError(code).name(), waiting_for, error.str())


_NO_848 = "the brokers do not know kafka.group_protocol consumer (they do from Kafka 4.0): set classic."
_GROUP_REFUSES = (KafkaError.INCONSISTENT_GROUP_PROTOCOL, KafkaError.INVALID_SESSION_TIMEOUT)
_CAUSES = (
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.UNRELEASED_INSTANCE_ID,
    KafkaError.UNSUPPORTED_ASSIGNOR,
    KafkaError.UNSUPPORTED_VERSION,
    KafkaError._UNSUPPORTED_FEATURE,  # noqa: SLF001
    KafkaError.GROUP_MAX_SIZE_REACHED,
    KafkaError.INVALID_REQUEST,
)


def _cause(error: KafkaError) -> int:
    if error.code() != KafkaError._FATAL:  # noqa: SLF001
        return int(error.code())
    found = (code for code in _CAUSES if KafkaError(code).str() in error.str())
    return next(found, int(error.code()))
