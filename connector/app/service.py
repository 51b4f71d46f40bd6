"""Runs the service: start order, signals, stop order, exit codes.

Start: both listeners (so that probes answer) -> Front, registry, dead-letter producer -> the channel directory's rows, the
control setting ->
pipeline -> consumer. A broker that does not answer is waited for.
Stop, on SIGTERM or SIGINT: stop fetching -> drain within the deadline -> commit as released ->
leave the group -> close the rest. A second signal leaves at once: what was not committed is delivered again.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Container
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException

from connector.adapters.admin import Listener
from connector.adapters.kafka import KafkaSource
from connector.adapters.telemetry import Logs, configure_logging, tell_instead_of_print
from connector.app.assembly import Parts, assemble
from connector.app.desk import make_desk
from connector.app.directory import RowsCame
from connector.app.status import Status
from connector.app.watching import Watch
from connector.config import Loaded
from connector.pipeline import Pipeline
from connector.ports import EventLog, RestartNeeded, StartupRefused

CLOSE_S = 10.0
"""How long the Kafka client may take to leave the group; without a coordinator it would wait for the session time-out."""
ROWS_S = 0.1
"""How often it is looked whether the channel directory and the control setting were read."""
EXIT_CONFIG = 78
EXIT_INTERNAL = 70
EXIT_UNFINISHED = 75
EXIT_SECOND_SIGNAL = 143
TERMINATION_LOG = Path("/dev/termination-log")
"""Where the kubelet reads a container's last words."""


def run(loaded: Loaded) -> int:
    """Run until told to stop; the exit code (see the command line's list)."""
    telemetry = loaded.settings.telemetry
    logs = configure_logging(telemetry.log_level, telemetry.log_format, loaded.settings.instance)
    log: EventLog = logs.levels.log
    tell_instead_of_print(log)
    for warning in loaded.warnings:
        log.warning("config.warning", why=warning)
    try:
        return asyncio.run(_Service(loaded, log, logs).live())
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - the process ends here, with a code that says why
        return _ended(log, _first(error))
    finally:
        logs.end()


def _ended(log: EventLog, error: BaseException) -> int:
    """The exit code of a service that could not start or live on; says so in one line, and to the kubelet."""
    match error:
        case StartupRefused(exit_code=code):
            log.error("startup.refused", why=str(error), code=code)
            with suppress(OSError):
                TERMINATION_LOG.write_text(f"{error}\n", encoding="utf-8")
            return code
        case RestartNeeded(exit_code=code):
            log.error("connector.stopped", code=code, reason=str(error))
            return code
        case KafkaException():
            log.error("kafka.fatal", error_type=error.args[0].name(), detail=error.args[0].str())
        case _:
            log.error("connector.failed", exc_info=error, code=EXIT_INTERNAL)
    return EXIT_INTERNAL


def _first(error: BaseException) -> BaseException:
    """What broke first, out of the task groups that it broke through."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _whom_rows_concern(parts: Parts) -> RowsCame:
    """The records that wait for them; and mapping files that were refused for a test that needs them."""
    reload, rows_came = parts.reload, parts.pipeline.rows_came
    if reload is None:
        return rows_came

    def came(lines: Container[str]) -> None:
        rows_came(lines)
        reload.rows_changed()

    return came


def _watch(parts: Parts, log: EventLog) -> Watch:
    return Watch(lambda: parts.status.snapshot().state, parts.pipeline.blocked, parts.status.clock, log)


async def _listen(listener: Listener, setting: str) -> None:
    try:
        await listener.start()
    except OSError as error:
        raise StartupRefused(EXIT_CONFIG, f"cannot listen on {setting}: {error.strerror}") from error


@dataclass(slots=True)
class _Service:
    loaded: Loaded
    log: EventLog
    logs: Logs

    async def live(self) -> int:
        """Open what must be open, run, close it in the opposite order."""
        try:
            parts = assemble(self.loaded, self.log)
        except ValueError as error:  # a certificate or secret file that is no use
            raise StartupRefused(EXIT_CONFIG, str(error)) from error
        self.logs.spans.tracing = parts.tracing
        async with AsyncExitStack() as opened:
            desk = make_desk(self.loaded, parts, self.logs)
            settings = self.loaded.settings
            await _listen(parts.probes, f"telemetry.port {settings.telemetry.port}")
            opened.push_async_callback(parts.probes.close)
            await _listen(desk, f"admin.port {settings.admin_port}")
            opened.push_async_callback(desk.close)
            for adapter in parts.adapters:
                await adapter.start()
                opened.push_async_callback(adapter.close)
            used = self.loaded.mappings.hash
            ports = {"port": parts.probes.port, "admin_port": desk.port}
            self.log.info("connector.started", state="starting", **ports, mappings_hash=used)
            code = await self._follow(parts)
        self.log.info("connector.stopped", code=code)
        return code

    async def _follow(self, parts: Parts) -> int:
        """Run once the channel directory's rows and the control setting were read, and follow them meanwhile."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, stop)
        loop.add_signal_handler(signal.SIGHUP, self._look_now, parts)
        async with asyncio.TaskGroup() as tasks:
            following = [
                tasks.create_task(parts.rows.run(_whom_rows_concern(parts))),
                tasks.create_task(parts.control.run(parts.pipeline)),
                tasks.create_task(parts.status.beat()),
                tasks.create_task(parts.kafka_files.run()),
                tasks.create_task(parts.paused.run()),
                tasks.create_task(self.logs.tend()),
                tasks.create_task(_watch(parts, self.log).run()),
            ]
            if parts.reload is not None:
                following.append(tasks.create_task(parts.reload.run()))
            while not parts.known and not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), ROWS_S)
            # What is loaded by now stays: to look through it for garbage would stop the loop for a tenth of a second. A record
            # ends by its reference count, hardly anything by a search for cycles: searching rarely saves a tenth of the CPU.
            gc.collect()
            gc.freeze()
            gc.set_threshold(10_000)
            code = 0 if stop.is_set() else await self._run(stop, parts.pipeline, parts.source, parts.status)
            for task in following:
                task.cancel()
        return code

    async def _run(self, stop: asyncio.Event, pipeline: Pipeline, source: KafkaSource, status: Status) -> int:
        async with asyncio.TaskGroup() as outer:
            consuming = outer.create_task(source.run(pipeline))
            try:
                # A group of its own: what breaks in it must not cut off the polling thread, which has to leave Kafka's group.
                async with asyncio.TaskGroup() as tasks:
                    living = tasks.create_task(pipeline.run())
                    stopping = tasks.create_task(stop.wait())
                    await asyncio.wait((living, consuming, stopping), return_when=asyncio.FIRST_COMPLETED)
                    clean = await self._stop(pipeline, source, status, ended=consuming.done())
                    stopping.cancel()
            except BaseException:
                source.abandon()
                await self._left(consuming, EXIT_INTERNAL)
                raise
            source.close()
            await self._left(consuming, EXIT_UNFINISHED)
        return 0 if clean else EXIT_UNFINISHED

    async def _stop(self, pipeline: Pipeline, source: KafkaSource, status: Status, *, ended: bool) -> bool:
        """Drain, unless the source has ended already. True when everything that was taken in hand is recorded."""
        if ended:
            await pipeline.stop(0.0)
            return True
        status.draining = True
        self.log.info("state.changed", state="draining")
        source.pause_all()
        owned = list(pipeline.partitions.values())
        clean = await pipeline.stop(self.loaded.settings.limits.drain_s)
        for part in () if clean else owned:
            unfinished, recorded = part.ledger.unsettled, part.committed is not None
            if unfinished or not recorded:
                why = "records are unfinished" if recorded else "the last commit was not acknowledged"
                where = {
                    "topic": part.tp.topic,
                    "partition": part.tp.partition,
                    "offset": part.ledger.frontier,
                }
                self.log.warning("stop.uncommitted", **where, records=unfinished, reason=why)
        return clean

    async def _left(self, consuming: "asyncio.Task[None]", code: int) -> None:
        """Wait until the group is left; without an answer the process ends here, for the thread cannot be stopped."""
        await asyncio.wait((consuming,), timeout=CLOSE_S)
        if not consuming.done():
            self.log.error("connector.stopped", code=code, reason="the Kafka client does not close")
            self.logs.end()
            os._exit(code)

    def _look_now(self, parts: Parts) -> None:
        parts.rows.look_now()
        parts.kafka_files.look_now()
        parts.secrets.look_now()
        if parts.reload is not None:
            parts.reload.look_now()

    def _signalled(self, stop: asyncio.Event) -> None:
        if stop.is_set():
            self.log.warning("connector.stopped", code=EXIT_SECOND_SIGNAL, reason="second signal")
            self.logs.end()
            os._exit(EXIT_SECOND_SIGNAL)
        stop.set()
