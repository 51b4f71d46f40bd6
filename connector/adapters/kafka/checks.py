"""What must be right before the group is joined: rights, the group's own time-outs, and who else is in it.

Asked of the brokers by an admin client, without writing anything. A broker that does not answer is waited for by the caller;
one that answers that something cannot work ends the start with a sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._group import MemberDescription
from confluent_kafka.admin._resource import ResourceType

from connector.adapters.kafka.fatal import Member
from connector.adapters.kafka.refusals import EXIT_CONFIG, EXIT_DENIED, denied
from connector.ports import EventLog, StartupRefused

REQUEST_S = 10.0
HEARTBEAT_S = 5.0
"""A broker's default of group.consumer.heartbeat.interval.ms; taken where it does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """`client_prefix` begins the client.id of every connector."""

    member: Member
    topics: Sequence[str]
    dead_letter_topic: str
    session_timeout_s: float
    request_deadline_s: float
    client_prefix: str


class StartChecks:
    """Call it to check. Raises `StartupRefused`, or KafkaException when the brokers do not answer."""

    def __init__(self, options: CheckOptions) -> None:
        self._options = options
        self._told: set[str] = set()
        self._made: tuple[Mapping[str, Any], AdminClient] | None = None

    def __call__(self, log: EventLog, connection: Mapping[str, Any]) -> None:
        """Ask everything, as a client with these properties. What was warned of once is not warned of again."""
        if self._made is None or self._made[0] != connection:
            # Nobody polls it, so its own log would pile up; it says nothing that the consumer does not say too.
            self._made = connection, AdminClient({**connection, "log_level": 0})
        admin = self._made[1]
        missing = [*self._topics_denied(admin), *self._group_denied(admin, log)]
        if missing:
            raise StartupRefused(EXIT_DENIED, denied(*missing))
        if self._options.member.protocol == "consumer":
            self._check_session(admin, log)

    # --- rights -----------------------------------------------------------------------------------------------

    def _topics_denied(self, admin: AdminClient) -> list[str]:
        needed = dict.fromkeys(self._options.topics, AclOperation.READ)
        needed[self._options.dead_letter_topic] = AclOperation.WRITE
        described = admin.describe_topics(
            TopicCollection(list(needed)), include_authorized_operations=True, request_timeout=REQUEST_S
        )
        missing = []
        for topic, future in described.items():
            operation = needed[topic]
            try:
                allowed = future.result().authorized_operations
            except KafkaException as error:
                code = error.args[0].code()
                if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue  # told by the caller, with the sentence for it
                if code != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    raise
                allowed = []
            if allowed is not None and operation not in allowed:
                missing.append(f"{operation.name.capitalize()} on topic {topic}")
        return missing

    def _group_denied(self, admin: AdminClient, log: EventLog) -> list[str]:
        group = self._options.member.group_id
        described = admin.describe_consumer_groups(
            [group], include_authorized_operations=True, request_timeout=REQUEST_S
        )
        try:
            found = described[group].result()
        except KafkaException as error:
            code = error.args[0].code()
            if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
                return [f"Read on group {group}"]
            if code == KafkaError.GROUP_ID_NOT_FOUND:
                return []
            raise
        strangers = [member.client_id for member in found.members if self._is_stranger(member)]
        if strangers and "shared" not in self._told:
            self._told.add("shared")
            log.warning("group.shared", members=len(strangers), clients=sorted(set(strangers))[:5])
        allowed = found.authorized_operations
        return [f"Read on group {group}"] if allowed is not None and AclOperation.READ not in allowed else []

    def _is_stranger(self, member: MemberDescription) -> bool:
        """Another application's: not our kind of client.id, and reading nothing of ours."""
        topics = {tp.topic for tp in member.assignment.topic_partitions}
        ours = member.client_id.startswith(self._options.client_prefix)
        return not ours and bool(topics) and topics.isdisjoint(self._options.topics)

    # --- the group's time-outs under KIP-848 ------------------------------------------------------------------

    def _check_session(self, admin: AdminClient, log: EventLog) -> None:
        """The brokers set them: ours must not be longer, or requests start when the partition is somebody else's already.

        A commit does not count as a sign of life here, only a heartbeat does: the coordinator may let us go one heartbeat
        interval earlier than the lease, which is counted from commits, says. The next owner waits a request deadline after
        its claim before it sends; while that is no shorter than the interval, nothing can overlap.
        """
        told = self._ask_times(admin, log)
        session_s = told.get("consumer.session.timeout.ms")
        if session_s is not None and session_s < self._options.session_timeout_s:
            raise StartupRefused(
                EXIT_CONFIG,
                f"kafka.session_timeout_s is {self._options.session_timeout_s:g}, but the brokers let a silent member of "
                f"group {self._options.member.group_id} go after {session_s:g} s (group.consumer.session.timeout.ms, or the "
                f"group's own consumer.session.timeout.ms): set it to {session_s:g} or less, or raise theirs.",
            )
        heartbeat_s = told.get("consumer.heartbeat.interval.ms", HEARTBEAT_S)
        if self._options.request_deadline_s < heartbeat_s:
            raise StartupRefused(
                EXIT_CONFIG,
                f"front.request_deadline_s is {self._options.request_deadline_s:g}, below the group's heartbeat interval of "
                f"{heartbeat_s:g} s (group.consumer.heartbeat.interval.ms): with kafka.group_protocol consumer the next "
                "owner of a partition could begin before our last request has ended. Raise the one or lower the other.",
            )

    def _ask_times(self, admin: AdminClient, log: EventLog) -> Mapping[str, float]:
        """Seconds by the name of the setting; empty if the brokers do not tell, which is logged once."""
        resource = ConfigResource(ResourceType.GROUP, self._options.member.group_id)
        (future,) = admin.describe_configs([resource], request_timeout=REQUEST_S).values()
        try:
            entries = future.result()
        except KafkaException as error:
            code = error.args[0]
            if code.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):  # noqa: SLF001
                raise
            if "times" not in self._told:
                self._told.add("times")
                log.warning("group.times_unknown", error_type=code.name(), detail=code.str())
            return {}
        return {name: int(entry.value) / 1000 for name, entry in entries.items() if name.endswith(".ms")}
