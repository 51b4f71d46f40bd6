"""A real process whose collector or whose log is no use: records do not notice."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS, DemoRecord, generate
from connector.demo.registry import running_registry
from connector.simulator.server import Simulator, running
from connector.simulator.switches import Switches
from tests.support.estates import Publisher, world
from tests.support.kafka import free_ports
from tests.support.otlp import collecting
from tests.support.service import Service, eventually

AT_ONCE = 20


@dataclass(slots=True)
class Stage:
    """Broker, registry and Front; records come in portions."""

    broker: EmbeddedBroker
    registry_url: str
    front: Simulator
    publisher: Publisher
    coming: Iterator[DemoRecord]
    published: int = 0

    def publish(self) -> None:
        """The next portion."""
        self.publisher.publish(islice(self.coming, AT_ONCE))
        self.published += AT_ONCE

    def written(self, folder: Path, **settings: Any) -> Path:
        """A configuration of a group of its own, which begins with the first record."""
        estate = Estate(
            bootstrap=self.broker.bootstrap,
            registry_url=self.registry_url,
            front_url=self.front.base_url,
            group=folder.name,
            settings=settings,
        )
        return estate.write(folder)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One for all tests here."""
    with (
        EmbeddedBroker() as broker,
        running_registry() as registry,
        running(world(), Switches(dedupe="off")) as front,
    ):
        for topic in TOPICS:
            broker.create_topic(topic, 1)
        broker.create_topic(DEAD_LETTER_TOPIC, 1)
        with Publisher(broker.bootstrap, registry.url) as publisher:
            yield Stage(broker, registry.url, front, publisher, generate(seed=3, records=1000, calm=True))


def test_a_collector_that_is_gone_fails_or_hangs_delays_no_record_and_no_stop(
    stage: Stage, tmp_path: Path
) -> None:
    """Nobody listens, then 500, then it works, then it never answers: each time all records are settled, and the exit is 0."""
    [port] = free_ports(1)
    tracing = {"enabled": True, "endpoint": f"http://127.0.0.1:{port}"}
    quick = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    service = Service(stage.written(tmp_path, tracing=tracing), quick)
    service.start()
    try:
        eventually(lambda: service.log.exists() and bool(service.events("connector.started")), 60, "start")
        _settles_more(stage, service)
        eventually(lambda: bool(service.events("tracing.failed")), 60, "a line about the collector")
        with collecting(port, status=500) as collector:
            _settles_more(stage, service)
            eventually(lambda: collector.requests > 0, 60, "an export")
            collector.status = 200
            _settles_more(stage, service)
            eventually(lambda: bool(service.events("tracing.works")), 60, "that it works again")
            eventually(lambda: len(collector.spans) >= AT_ONCE, 60, "spans")
            collector.status, before = 0, collector.requests
            _settles_more(stage, service)
            eventually(lambda: collector.requests > before, 60, "an export that hangs")
            assert service.terminate() == 0
    finally:
        service.stop()
    assert [line for line in service.lines() if line["level"] == "error"] == []


def test_a_log_that_nobody_reads_delays_no_record_and_loses_no_line_in_part(
    stage: Stage, tmp_path: Path
) -> None:
    """Stdout is a pipe that is full: all is settled meanwhile. Who reads it later finds whole lines, and all of them."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(write, "wb") as stdout, os.fdopen(read, "rb") as reader, _running(stage, tmp_path, stdout):
        stdout.close()
        lines = [json.loads(line) for line in reader.read().splitlines()]
    events = [line["event"] for line in lines]
    assert events.index("connector.started") < events.index("connector.stopped")
    assert "log.lost" not in events, "there is room for so few"
    assert events.count("record.accepted") + events.count("record.skipped") == stage.published


def test_a_full_disk_under_the_log_ends_nothing(stage: Stage, tmp_path: Path) -> None:
    """Every write is refused: records are settled, and the exit is clean."""
    with Path("/dev/full").open("wb") as full, _running(stage, tmp_path, full):
        pass


@contextmanager
def _running(stage: Stage, folder: Path, stdout: IO[bytes]) -> Iterator[None]:
    """A process that has settled everything when the block begins, and is told to end; when the block is over, it has."""
    [port] = free_ports(1)
    telemetry = {"port": port, "log_level": "debug"}
    config = stage.written(folder, telemetry=telemetry, admin={"port": 0})
    stage.publish()
    command = [sys.executable, "-m", "connector", "run", "--config", str(config)]
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    try:
        eventually(lambda: _settled(process, port, folder) >= stage.published, 90, "all settled")
        process.terminate()
        yield
        assert process.wait(60) == 0, (folder / "stderr").read_text()
    finally:
        process.kill()
        process.wait()


def _settled(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> float:
    assert process.poll() is None, (folder / "stderr").read_text()
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=10).text
    except httpx.HTTPError:
        return 0
    lines = [
        line for line in text.splitlines() if line.startswith("front_connector_records_processed_total{")
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _settles_more(stage: Stage, service: Service) -> None:
    stage.publish()
    eventually(
        lambda: service.metric("front_connector_records_processed_total") >= stage.published,
        60,
        "more settled",
    )
