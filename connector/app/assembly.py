"""The whole service, put together and not yet started."""

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass

import confluent_kafka

from connector import __version__
from connector.adapters.admin import Heartbeat, Listener, ProbeSources, probes
from connector.adapters.kafka import DeadLetterProducer, KafkaSource
from connector.adapters.telemetry import Metrics
from connector.adapters.workers import Workers
from connector.app import wiring
from connector.app.certificates import certificates
from connector.app.clock import SystemClock
from connector.app.control import NoControl, TopicControl
from connector.app.directory import Rows
from connector.app.kafka_files import KafkaFiles
from connector.app.reload import READ_WITHIN_S, WHEN_STUCK, MappingReload
from connector.app.secrets import Secrets
from connector.app.status import Status
from connector.app.unread import PausedWatch
from connector.config import Loaded
from connector.core.status import BuildInfo, Snapshot
from connector.pipeline import Pipeline, World
from connector.ports import Clock, DeadLetterSink, EventLog, FileSource, SchemaSource, Sender, Tracing


@dataclass(frozen=True, slots=True)
class Parts:
    """`probes` is started first and closed last, so that they are answered all the time; `adapters` in their order."""

    probes: Listener
    adapters: tuple[Tracing | Sender | SchemaSource | FileSource | DeadLetterSink, ...]
    pipeline: Pipeline
    source: KafkaSource
    status: Status
    rows: Rows
    """Of the channel directory: read before the first record, and followed all the time."""
    reload: MappingReload | None
    """None: mapping files are read at start only."""
    build: BuildInfo
    tracing: Tracing
    kafka_files: KafkaFiles
    control: TopicControl | NoControl
    """Known before the first record, and obeyed all the time."""
    secrets: Secrets
    paused: PausedWatch

    @property
    def known(self) -> bool:
        """Whether all is read that the first record needs."""
        return self.rows.waiting_for is None and self.control.waiting_for is None


def assemble(loaded: Loaded, log: EventLog) -> Parts:
    """Build everything. Raises ValueError for Kafka properties, a certificate or a secret file that are no use."""
    settings = loaded.settings
    problem = wiring.kafka_problem(loaded)
    if problem is not None:
        raise ValueError(problem)
    clock = SystemClock()
    build = _build()
    status: Status | None = None

    def snapshot() -> Snapshot:
        assert status is not None, "scraped before it was assembled"
        return status.snapshot()

    metrics = Metrics(snapshot, build)
    metrics.initialise(loaded.mappings.topics)
    secrets = Secrets(clock, log)
    outside = _outside(loaded, clock, metrics, log, secrets)
    world, source, letters = outside.world, outside.source, outside.letters
    pipeline = Pipeline(world, wiring.policy(settings))
    reload = _reload(loaded, pipeline, log)
    rows = wiring.channel_rows(loaded, metrics, log)
    control = wiring.control(settings, clock, log)
    paused = wiring.paused_logs(settings)
    kafka_files = wiring.kafka_files(settings, (source, letters, rows, control, paused), log)
    status = Status(
        pipeline,
        source,
        world.schemas,
        tuple(settings.front.apps),
        rows,
        control,
        config_hash=loaded.config_hash,
        reload=reload,
        secrets=secrets,
        certificates=certificates(settings, clock.monotonic).ends,
        kafka_files=kafka_files,
    )
    sources = ProbeSources(
        snapshot=snapshot,
        metrics=metrics.exposition,
        build=build,
        heartbeats=_heartbeats(status, source, settings.kafka.session_timeout_s),
    )
    listener = Listener(probes(sources), settings.telemetry.port, settings.telemetry.host)
    return Parts(
        listener,
        outside.adapters,
        pipeline,
        source,
        status,
        rows,
        reload,
        build,
        world.tracing,
        kafka_files,
        control,
        secrets,
        PausedWatch(pipeline, paused, clock),
    )


@dataclass(frozen=True, slots=True)
class _Outside:
    """What the pipeline acts through. `adapters`: those that are started before it, in their order."""

    world: World
    source: KafkaSource
    letters: DeadLetterProducer
    adapters: tuple[Tracing | Sender | SchemaSource | FileSource | DeadLetterSink, ...]


def _outside(loaded: Loaded, clock: Clock, metrics: Metrics, log: EventLog, secrets: Secrets) -> _Outside:
    settings = loaded.settings
    tracing = wiring.tracing(settings, log, secrets)
    sender = wiring.sender(settings, clock, metrics, log, secrets, tracing)
    schemas = wiring.registry(settings.registry, clock, metrics, secrets)
    files = wiring.attachments(settings, clock, secrets)
    letters = wiring.dead_letters(settings, log)
    source = KafkaSource(wiring.source_options(loaded), log, metrics.client_error)
    world = World(
        mappings=loaded.mappings,
        schemas=schemas,
        sender=sender,
        dead_letters=letters,
        offsets=source,
        clock=clock,
        telemetry=metrics,
        log=log,
        files=files,
        tracing=tracing,
        mapper_calls=Workers("a mapper", settings.mappings.mapper_timeout_s, log),
    )
    return _Outside(world, source, letters, (tracing, sender, schemas, files, letters))


def _build() -> BuildInfo:
    return BuildInfo(
        version=__version__,
        revision=os.environ.get("SOURCE_REVISION", "unknown"),
        python=platform.python_version(),
        librdkafka=confluent_kafka.libversion()[0],
    )


def _reload(loaded: Loaded, pipeline: Pipeline, log: EventLog) -> MappingReload | None:
    if loaded.settings.mappings.reload == "restart":
        return None
    calls = Workers("reading the mapping files", READ_WITHIN_S, log, WHEN_STUCK)
    return MappingReload(loaded, pipeline.swap, calls, log)


def _heartbeats(status: Status, source: KafkaSource, session_s: float) -> Mapping[str, Heartbeat]:
    return {
        "event loop": Heartbeat(
            lambda: time.monotonic() - status.turned_at if status.turned_at else 0.0, 15.0
        ),
        # A commit blocks polling while no coordinator answers, for the session time-out (docs/decisions/commits.md).
        "poll": Heartbeat(
            lambda: time.monotonic() - source.last_poll if source.joined else 0.0, max(60.0, session_s + 15.0)
        ),
    }
