"""Settings -> adapters and policies. Builds and connects objects; starts none of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from connector import __version__
from connector.adapters.attachments import AttachmentSource, fetch_options
from connector.adapters.front import settings as front_settings
from connector.adapters.front.sender import App, FrontSender
from connector.adapters.kafka import (
    CheckOptions,
    DeadLetterProducer,
    SourceOptions,
    StartChecks,
    refused,
    tried,
)
from connector.adapters.kafka.fatal import Member
from connector.adapters.kafka.login import login_problem, login_properties
from connector.adapters.kafka.unread import PausedLogs
from connector.adapters.registry import Registry, registry_options
from connector.adapters.telemetry import Metrics
from connector.adapters.tracing import tracing_options, tracing_problem
from connector.app.control import ControlOptions, NoControl, TopicControl
from connector.app.directory import FileRows, FixedRows, Rows, TopicRows
from connector.app.front_events import FrontEvents
from connector.app.kafka_files import KafkaFiles, Means, Renewable
from connector.app.secrets import Secrets
from connector.config import Loaded
from connector.config.kafka import KafkaSettings
from connector.config.registry import RegistrySettings
from connector.config.settings import Settings
from connector.core.dead_letter import Origin
from connector.core.decode import ParsedSchema, SchemaRef
from connector.core.outcome import RetryPolicy
from connector.core.pacing import RateLimits
from connector.pipeline import Policy
from connector.pipeline.dead_letters import DeadLetterPolicy
from connector.ports import (
    Clock,
    EventLog,
    NoTracing,
    RegistryUnavailable,
    SchemaAnswer,
    SchemaSource,
    Tracing,
)


def policy(settings: Settings) -> Policy:
    """What the pipeline is told."""
    front, limits = settings.front, settings.limits
    companies = {
        name: company.per_minute
        for name, company in front.companies.items()
        if company.per_minute is not None
    }
    return Policy(
        dead_letters=DeadLetterPolicy(
            Origin(connector=settings.name, instance=settings.instance, version=__version__)
        ),
        in_flight=limits.in_flight,
        partition_records=limits.partition_records,
        partition_bytes=limits.partition_bytes,
        request_deadline_s=front.request_deadline_s,
        takeover_s=_takeover_s(settings),
        session_timeout_s=settings.kafka.session_timeout_s,
        calls_remembered=limits.calls_remembered,
        commit_interval_s=limits.commit_interval_s,
        probe_interval_s=front.hold_probe_s,
        retry=RetryPolicy(
            base_s=front.retry.base_s,
            cap_s=front.retry.cap_s,
            attempts=front.retry.attempts,
            not_found_grace_s=front.retry.not_found_grace_s,
            statuses=front.statuses,
        ),
        rate_limits=RateLimits(
            company_per_minute=front.rate_limit.company_per_minute,
            channel_per_second=front.rate_limit.channel_per_second,
            companies=companies,
        ),
        base_urls={name: app.base_url for name, app in front.apps.items()},
    )


def _takeover_s(settings: Settings) -> float | None:
    """A former owner was silent for a session before we own its partition, and its last request lasts a deadline.

    But the classic protocol lets a new process with the same static id in at once (KIP-345): the elder, if it still lives and
    hears nothing from the brokers, sends until its lease has ended, and then a deadline: a session in all.
    """
    kafka = settings.kafka
    static = kafka.group_instance_id is not None and kafka.group_protocol == "classic"
    return kafka.session_timeout_s if static else None


def sender(
    settings: Settings, clock: Clock, metrics: Metrics, log: EventLog, secrets: Secrets, tracing: Tracing
) -> FrontSender:
    """Front, by the configured carrier. Raises ValueError for certificates, secrets or proxies that are no use."""
    front = settings.front
    apps = {
        name: App(
            app.base_url, front_settings.tokens(app, front.token_life_s, secrets), front.secret_overlap_s
        )
        for name, app in front.apps.items()
    }
    carrier = front_settings.carrier(front, settings.limits.in_flight, secrets, secrets.tls)
    return FrontSender(apps, carrier, clock, FrontEvents(metrics, log, tracing), version=__version__)


def attachments(settings: Settings, clock: Clock, secrets: Secrets) -> AttachmentSource:
    """Files that records name by URL. Raises ValueError for a secret that is no use."""
    options = fetch_options(settings.attachments, secrets)
    return AttachmentSource(options, clock, version=__version__)


def registry(
    settings: RegistrySettings | None, clock: Clock, metrics: Metrics, secrets: Secrets
) -> SchemaSource:
    """The registry, or a place-holder where every topic has its schema in a file."""
    if settings is None:
        return NoRegistry()
    options = registry_options(settings, secrets)
    return Registry(options, clock, metrics, secrets.tls)


class NoRegistry:
    """Implements `ports.SchemaSource` where none is configured: no topic may ask it (`validate` sees to that)."""

    async def start(self) -> None:
        """Nothing to open."""

    @property
    def entries(self) -> int:
        """None."""
        return 0

    def cached(self, ref: SchemaRef) -> ParsedSchema | None:  # noqa: ARG002
        """Nothing."""
        return None

    async def fetch(self, ref: SchemaRef) -> SchemaAnswer:  # noqa: ARG002
        """An outage rather than a bad record: it ends when somebody configures a registry."""
        return RegistryUnavailable("no registry is configured")

    async def close(self) -> None:
        """Nothing to close."""


CLIENT_PREFIX = "front-connector-"
"""Begins the client.id of every connector, unless its configuration gives another one."""


def connection(
    kafka: KafkaSettings, instance: str, secrets: Mapping[str, SecretStr] | None = None
) -> dict[str, Any]:
    """What consumer, producer and admin client share. `secrets`: see `login_properties`."""
    return {"client.id": f"{CLIENT_PREFIX}{instance}", **login_properties(kafka, secrets)}


def kafka_files(settings: Settings, clients: Sequence[Renewable], log: EventLog) -> KafkaFiles:
    """Watches what these clients log in with."""
    kafka = settings.kafka
    means = Means(
        connection=lambda secrets: _without_roles(connection(kafka, settings.instance, secrets)),
        refused=lambda properties: refused({**properties, "group.id": kafka.group_id}),
        tried=tried,
    )
    return KafkaFiles(kafka, means, clients, log)


_CONSUMER_DEFAULTS: Mapping[str, Any] = {
    # librdkafka's own queue: its defaults (100,000 messages, 64 MiB) are thrown away by every pause.
    "queued.min.messages": 2000,
    "queued.max.messages.kbytes": 16384,
    "fetch.wait.max.ms": 100,
    # A commit blocks the polling thread until it is answered, and is tried three times: 48 s, below the 60 s of /livez.
    "socket.timeout.ms": 15_000,
    # Among them the last stable offsets, for the lag.
    "statistics.interval.ms": 1000,
}


def kafka_problem(loaded: Loaded) -> str | None:
    """What librdkafka does not take of `kafka.properties`, as a sentence; None if it takes all."""
    return login_problem(loaded.settings.kafka, source_options(loaded).properties)


def source_options(loaded: Loaded) -> SourceOptions:
    """What the consumer is told."""
    settings = loaded.settings
    kafka = settings.kafka
    ours: dict[str, Any] = {
        "group.id": kafka.group_id,
        "group.protocol": kafka.group_protocol,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "allow.auto.create.topics": False,
        "max.poll.interval.ms": int(kafka.max_poll_interval_s * 1000),
    }
    if kafka.group_protocol == "classic":
        ours["partition.assignment.strategy"] = "cooperative-sticky"
        ours["session.timeout.ms"] = int(kafka.session_timeout_s * 1000)
    if kafka.group_instance_id is not None:
        ours["group.instance.id"] = kafka.group_instance_id
    topics = loaded.mappings.topics
    client = _without_roles(connection(kafka, settings.instance))
    checks = CheckOptions(
        member=Member.of(ours),
        topics=tuple(topics),
        dead_letter_topic=settings.dead_letter.topic,
        session_timeout_s=kafka.session_timeout_s,
        request_deadline_s=settings.front.request_deadline_s,
        client_prefix=CLIENT_PREFIX,
    )
    return SourceOptions(
        properties={**_CONSUMER_DEFAULTS, **connection(kafka, settings.instance), **ours},
        connection=client,
        topics={name: topic.start for name, topic in topics.items()},
        on_missing_offset={name: topic.on_missing_offset for name, topic in topics.items()},
        dead_letter_topic=settings.dead_letter.topic,
        group_is_new=kafka.group_is_new is not False,
        checks=StartChecks(checks),
        revoke_bound_s=settings.limits.revoke_drain_s,
        rebuild_bound_s=min(settings.limits.drain_s, kafka.max_poll_interval_s / 2),
    )


def channel_rows(loaded: Loaded, metrics: Metrics, log: EventLog) -> Rows:
    """Where the channel directory's rows come from. Raises ValueError for properties that librdkafka does not take."""
    front, kafka = loaded.settings.front, loaded.settings.kafka
    if front.channels_topic is not None:
        # The group is never joined by it; it is one that this user has a right to.
        client = {**_without_roles(connection(kafka, loaded.settings.instance)), "group.id": kafka.group_id}
        return TopicRows(loaded.channels, front.channels_topic, client, log, metrics.channel_row_refused)
    if front.channels is not None:
        return FileRows(loaded.channels, front.channels, loaded.channels_digest, log)
    return FixedRows()


def tracing(settings: Settings, log: EventLog, secrets: Secrets) -> Tracing:
    """Who follows records. Raises ValueError for what is no use, a missing extra included."""
    if not settings.tracing.enabled:
        return NoTracing()
    problem = tracing_problem(settings.tracing)
    if problem is not None:
        raise ValueError(problem)
    from connector.adapters.tracing.exporting import provider
    from connector.adapters.tracing.spans import Spans

    options = tracing_options(settings, secrets, __version__)
    try:
        return Spans(options, provider(options, log))
    except ValueError as error:  # of a variable, such as OTEL_BSP_MAX_QUEUE_SIZE
        raise ValueError(f"tracing: OpenTelemetry refuses an OTEL_* variable: {error}") from error


_CONSUMER_PREFIXES = (
    "fetch.", "queued.", "max.poll", "heartbeat.", "check.crcs", "group.", "consume.", "max.partition.fetch",
)  # fmt: skip
_PRODUCER_PREFIXES = (
    "queue.buffering",
    "linger.",
    "batch.",
    "compression.",
    "message.send",
    "sticky.",
    "partitioner",
)


def dead_letters(settings: Settings, log: EventLog) -> DeadLetterProducer:
    """The producer of dead letters."""
    return DeadLetterProducer(settings.dead_letter.topic, _producer_properties(settings), log)


def _producer_properties(settings: Settings) -> dict[str, Any]:
    """The connection's properties that are not the consumer's alone."""
    return {
        name: value
        for name, value in connection(settings.kafka, settings.instance).items()
        if not name.startswith(_CONSUMER_PREFIXES)
    }


def control(settings: Settings, clock: Clock, log: EventLog) -> TopicControl | NoControl:
    """Where operators pause. Raises ValueError for properties that librdkafka does not take."""
    if settings.control.topic is None:
        return NoControl()
    kafka = settings.kafka
    options = ControlOptions(
        topic=settings.control.topic,
        group=kafka.group_id,
        instance=settings.instance,
        # The group is never joined by it; it is one that this user has a right to.
        reader={**_without_roles(connection(kafka, settings.instance)), "group.id": kafka.group_id},
        producer=_producer_properties(settings),
    )
    return TopicControl(options, clock, log)


def paused_logs(settings: Settings) -> PausedLogs:
    """What looks at partitions that are not fetched."""
    kafka = settings.kafka
    # The group is never joined by it; it is one that this user has a right to.
    return PausedLogs({**_without_roles(connection(kafka, settings.instance)), "group.id": kafka.group_id})


def _without_roles(properties: Mapping[str, Any]) -> dict[str, Any]:
    """For the admin client: neither consumer's nor producer's properties."""
    return {
        name: value
        for name, value in properties.items()
        if not name.startswith(_CONSUMER_PREFIXES + _PRODUCER_PREFIXES)
    }
