"""Runs the service: start order, signals, stop order, exit codes.

Start: admin (so that probes answer) -> Front, registry, dead-letter producer -> pipeline -> consumer. A broker that does
not answer is waited for. Stop, on SIGTERM or SIGINT: stop fetching -> drain within the deadline -> commit as released ->
leave the group -> close the rest. A second signal leaves at once: what was not committed is delivered again.
"""

import asyncio
import os
import platform
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import confluent_kafka
import structlog
from confluent_kafka import KafkaException

from connector import __version__
from connector.adapters.admin import AdminServer, AdminSources, Heartbeat
from connector.adapters.kafka import KafkaSource, StartupRefused
from connector.adapters.telemetry import Metrics, configure_logging
from connector.app import wiring
from connector.app.clock import SystemClock
from connector.app.status import Status
from connector.config import Loaded
from connector.core.operations import OPERATIONS
from connector.core.status import BuildInfo, Snapshot
from connector.pipeline import Pipeline, World
from connector.ports import EventLog

EXIT_INTERNAL = 70
EXIT_UNFINISHED = 75
EXIT_SECOND_SIGNAL = 143


def run(loaded: Loaded) -> int:
    """Run until told to stop; the exit code (see the command line's list)."""
    telemetry = loaded.settings.telemetry
    configure_logging(telemetry.log_level, telemetry.log_format, loaded.settings.instance)
    log: EventLog = structlog.get_logger("front-connector")
    try:
        return asyncio.run(_Service(loaded, log).live())
    except StartupRefused as refused:
        log.error("startup.refused", why=str(refused), code=refused.exit_code)
        return refused.exit_code
    except OSError as error:
        log.error("startup.refused", why=f"cannot listen on port {telemetry.port}: {error.strerror}", code=78)
        return 78
    except BaseExceptionGroup as group:
        return _defect(log, group)
    except KafkaException as error:
        log.error("kafka.fatal", error_type=error.args[0].name(), detail=error.args[0].str())
        return EXIT_INTERNAL


def _defect(log: EventLog, group: BaseExceptionGroup[BaseException]) -> int:
    """A failure inside a task group: the first that says why, else an internal failure with its frames."""
    refused = group.subgroup(StartupRefused)
    if refused is not None:
        first = _first(refused)
        assert isinstance(first, StartupRefused)
        log.error("startup.refused", why=str(first), code=first.exit_code)
        return first.exit_code
    log.error("connector.failed", exc_info=_first(group), code=EXIT_INTERNAL)
    return EXIT_INTERNAL


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


@dataclass(slots=True)
class _Service:
    loaded: Loaded
    log: EventLog

    async def live(self) -> int:
        settings = self.loaded.settings
        clock = SystemClock()
        build = BuildInfo(
            version=__version__,
            revision=os.environ.get("SOURCE_REVISION", "unknown"),
            python=platform.python_version(),
            librdkafka=confluent_kafka.libversion()[0],
        )
        status: Status | None = None

        def snapshot() -> Snapshot:
            return status.snapshot() if status else Snapshot(state="starting", ready=False, reasons=("starting",))

        metrics = Metrics(snapshot, build)
        metrics.initialise(self.loaded.mappings.topics, OPERATIONS)
        sender = wiring.sender(settings, clock, metrics, self.log)
        schemas = wiring.registry(settings.registry, clock, metrics, self.log)
        letters = wiring.dead_letters(settings, self.log)
        source = KafkaSource(wiring.source_options(self.loaded), self.log, metrics.client_error)
        pipeline = Pipeline(
            World(
                mappings=self.loaded.mappings,
                schemas=schemas,
                sender=sender,
                dead_letters=letters,
                offsets=source,
                clock=clock,
                telemetry=metrics,
                log=self.log,
            ),
            wiring.policy(settings),
        )
        status = Status(pipeline, source, tuple(settings.front.apps))
        admin = AdminServer(
            AdminSources(snapshot=snapshot, metrics=metrics.exposition, build=build, heartbeats=_heartbeats(status, source)),
            settings.telemetry.port,
            settings.telemetry.host,
        )
        async with AsyncExitStack() as opened:
            for adapter in (admin, sender, schemas, letters):
                await adapter.start()
                opened.push_async_callback(adapter.close)
            self.log.info("connector.started", state="starting", port=admin.port)
            code = await self._run(pipeline, source, status)
        self.log.info("connector.stopped", code=code)
        return code

    async def _run(self, pipeline: Pipeline, source: KafkaSource, status: Status) -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, stop)
        async with asyncio.TaskGroup() as tasks:
            living = tasks.create_task(pipeline.run())
            beating = tasks.create_task(status.beat())
            consuming = tasks.create_task(source.run(pipeline))
            stopping = tasks.create_task(stop.wait())
            await asyncio.wait((living, consuming, stopping), return_when=asyncio.FIRST_COMPLETED)
            clean = True
            if not consuming.done():
                status.draining = True
                self.log.info("state.changed", state="draining")
                source.pause_all()
                clean = await pipeline.stop(self.loaded.settings.limits.drain_s)
                source.close()
            else:
                await pipeline.stop(0.0)
            await asyncio.wait((consuming,), timeout=15.0)
            if not consuming.done():
                self.log.error("connector.stopped", code=EXIT_UNFINISHED, reason="the Kafka client does not close")
                os._exit(EXIT_UNFINISHED)
            stopping.cancel()
            beating.cancel()
        return 0 if clean else EXIT_UNFINISHED

    def _signalled(self, stop: asyncio.Event) -> None:
        if stop.is_set():
            self.log.warning("connector.stopped", code=EXIT_SECOND_SIGNAL, reason="second signal")
            os._exit(EXIT_SECOND_SIGNAL)
        stop.set()


def _heartbeats(status: Status, source: KafkaSource) -> Mapping[str, Heartbeat]:
    return {
        "event loop": Heartbeat(lambda: time.monotonic() - status.turned_at if status.turned_at else 0.0, 15.0),
        "poll": Heartbeat(lambda: time.monotonic() - source.last_poll if source.joined else 0.0, 60.0),
    }
