"""The consumer group: who else is in it, and whether its members go with ours."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._group import ConsumerGroupDescription, MemberDescription

from connector.adapters.kafka.starts import is_mock
from connector.config.problems import counted
from connector.workbench.doctor.kafka import REQUEST_S, Kafka
from connector.workbench.doctor.results import Fine, NotChecked, Result, Warn, Wrong

_OURS: Final = "cooperative-sticky"
_NAMES_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """The group as the brokers tell it. `assignor`: empty without members. `same_id`: members with our static id."""

    group: str
    state: str
    clients: tuple[str, ...]
    assignor: str
    same_id: int = 0


async def look(kafka: Kafka) -> Sequence[Result]:
    """Its members."""
    assert kafka.metadata is not None, "brokers ended well"
    if is_mock(kafka.metadata):
        return (NotChecked("librdkafka's mock cluster cannot be asked this"),)
    return await kafka.ask(lambda: _asked(kafka))


def _asked(kafka: Kafka) -> Sequence[Result]:
    described = kafka.admin.describe_consumer_groups([kafka.group], request_timeout=REQUEST_S)
    try:
        found = described[kafka.group].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise
        return (Fine(f"{kafka.group} is new"),)
    properties = kafka.options.properties
    seen = _seen(found, properties.get("group.instance.id"))
    strangers = kafka.log.warnings.get("group.shared", {}).get("clients", [])
    assert isinstance(strangers, list), "so the start checks tell them"
    return judged(seen, strangers, classic=properties["group.protocol"] == "classic")


def _seen(found: ConsumerGroupDescription, static_id: str | None) -> Seen:
    members: Iterable[MemberDescription] = found.members
    return Seen(
        group=found.group_id,
        state=found.state.name.lower(),
        clients=tuple(member.client_id for member in members),
        assignor=found.partition_assignor if found.members else "",
        same_id=sum(static_id is not None and member.group_instance_id == static_id for member in members),
    )


def judged(seen: Seen, strangers: Sequence[str], *, classic: bool) -> Sequence[Result]:
    """What the members mean for us. `strangers`: client ids of those who read none of our topics."""
    if not seen.clients:
        return (Fine(f"{seen.group} has no members"),)
    who = ", ".join(sorted(Counter(seen.clients))[:_NAMES_MAX])
    found: list[Result] = []
    if classic and seen.assignor and seen.assignor != _OURS:
        found.append(
            Wrong(
                f"{seen.group} has members that assign partitions by {seen.assignor}, ours is {_OURS}: {who}",
                "give kafka.group_id a name that nobody else uses, or stop them first: the brokers refuse us beside them",
            )
        )
    if strangers:
        found.append(
            Warn(
                f"{seen.group} has members that read other topics: {', '.join(strangers)}",
                "give kafka.group_id a name of its own",
            )
        )
    if seen.same_id:
        found.append(
            Warn(
                f"a member of {seen.group} has our kafka.group_instance_id already",
                "if that is not the process which this configuration is for, give each process an id of its own",
            )
        )
    return found or (Fine(f"{seen.group} has {counted(len(seen.clients), 'member')}: {who}"),)
