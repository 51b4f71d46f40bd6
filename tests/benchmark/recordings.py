"""Memory of the connector while it fetches recordings and sends them on.

    python -m tests.benchmark.recordings                     200 recordings of 20 MB, 16 in flight
    python -m tests.benchmark.recordings --records 20 --size 2000000

Needs a real Kafka, as the tests do (docs/testing.md). Each record is a call and its recording, which lies at a host of files in
a process of its own; Front is the simulator, in this one. *Above idle* is the resident memory of the connector's process at its
peak, less what it was before the first record.
"""

import argparse
import io
import json
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import httpx
from confluent_kafka import Producer

from connector.demo.estate import Estate
from connector.demo.front import world
from connector.simulator.server import Simulator, running
from connector.simulator.switches import Switches
from tests.support import file_host
from tests.support.java import Missing
from tests.support.kafka import NEEDED, Kafka, find_kafka, running_kafka
from tests.support.service import Service, eventually

IN_FLIGHT = 16
LIMIT_MIB = 256
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Recorded",
    "fields": [{"name": "call", "type": "string"}, {"name": "url", "type": "string"}],
}
_MAPPING = """\
version: 1
topics:
  {topic}:
    start: earliest
    value: {{format: avro_raw, schema: recorded.avsc}}
    rules:
      - name: recorded
        requests:
          - operation: create-call
            channel: {channel}
            body:
              external_call_id: '${{value.call}}'
              parent_external_call_id: '${{value.call}}'
              initial_status: ringing
              direction: inbound
              from: {{handle: '+4930555010'}}
          - operation: add-call-recording
            channel: {channel}
            path: {{external_call_id: '${{value.call}}'}}
            body:
              recording_type: call
              attachments: {{url: '${{value.url}}'}}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """MiB, and seconds for all records. `whole`: recordings that arrived with the digest of their source."""

    records: int
    size: int
    idle: float
    peak: float
    seconds: float
    whole: int

    def line(self) -> str:
        """For people."""
        return (
            f"{self.records} recordings of {self.size / 1e6:g} MB, {IN_FLIGHT} in flight: {self.peak - self.idle:.0f} MiB above"
            f" idle ({self.idle:.0f}), {self.whole} whole, {self.seconds:.0f} s"
            f" ({self.records * self.size / 1e6 / self.seconds:.0f} MB/s)"
        )


def run(kafka: Kafka, records: int, size: int) -> Measured:
    """All of them, on a fresh topic."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(world(1), Switches()) as front,
        file_host.running(size) as port,
    ):
        topic = kafka.create_topic()
        service = Service(_estate(kafka, front, topic, Path(folder), port))
        try:
            service.start()
            eventually(lambda: service.events("consumer.assigned"), 60, "an assignment")
            time.sleep(2.0)
            memory = _Memory(service.pid)
            began = time.monotonic()
            _produce(kafka, topic, records, port)
            eventually(
                lambda: len(_recordings(front)) == records, 60 + records * size / 5e6, "the recordings"
            )
            seconds = time.monotonic() - began
            peak = memory.stop()
            assert service.terminate() == 0
        except AssertionError:
            print(service.log.read_text()[-3000:])
            raise
        finally:
            service.stop()
        found = _recordings(front)
    whole = sum(found[number] == file_host.sha256(number, size) for number in range(records))
    return Measured(records, size, memory.idle, peak, seconds, whole)


class _Memory:
    """The resident memory of a process, looked at 50 times a second. MiB."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self.idle = self.peak = self._now()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> float:
        """The peak."""
        self._ended.set()
        self._thread.join()
        return self.peak

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            try:
                self.peak = max(self.peak, self._now())
            except FileNotFoundError:  # it has ended before its time: the rest of the measurement says so
                return

    def _now(self) -> float:
        line = next(line for line in self._status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


def _estate(kafka: Kafka, front: Simulator, topic: str, folder: Path, port: int) -> Path:
    files = folder / "shipped"
    files.mkdir()
    (files / "recorded.yaml").write_text(_MAPPING.format(topic=topic, channel=_channel(front)), "utf-8")
    estate = Estate(
        bootstrap=kafka.bootstrap,
        registry_url="http://127.0.0.1:9",
        front_url=front.base_url,
        group=f"group-of-{topic}",
        companies=1,
        mapping_files=files,
        settings={
            "kafka": {"session_timeout_s": 45.0},
            "front": {"request_deadline_s": 25.0, "token_life_s": 29.0},
            "limits": {"in_flight": IN_FLIGHT},
            "dead_letter": {"topic": kafka.create_topic()},
            "attachments": {
                "hosts": {f"127.0.0.1:{port}": {"plain_text": True}},
                "allow_private": ["127.0.0.0/8"],
                "concurrent": IN_FLIGHT,
                "concurrent_per_host": IN_FLIGHT,
                "spool": {"disk_total_bytes": 4_000_000_000},
            },
        },
    )
    config = estate.write(folder)
    (folder / "mappings" / "recorded.avsc").write_text(json.dumps(SCHEMA))
    return config


def _channel(front: Simulator) -> str:
    found: dict[str, Any] = httpx.get(f"{front.base_url}/_sim/world", trust_env=False).json()
    return str(next(iter(found["channels"])))


def _produce(kafka: Kafka, topic: str, records: int, port: int) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for number in range(records):
        value = io.BytesIO()
        url = f"http://127.0.0.1:{port}/{number}.wav"
        fastavro.schemaless_writer(value, SCHEMA, {"call": str(number), "url": url})
        producer.produce(topic, value.getvalue(), str(number))
    assert producer.flush(30) == 0


def _recordings(front: Simulator) -> dict[int, str]:
    """The digest of each recording, by number of its call."""
    told = httpx.get(f"{front.base_url}/_sim/accepted", trust_env=False, timeout=30).json()
    return {
        int(call_id): call["recordings"][0]["files"][0]["sha256"]
        for company in told["companies"].values()
        for channel in company["channels"].values()
        for call_id, call in channel["calls"].items()
        if call["recordings"]
    }


def main() -> None:
    """Measure and print; ends with 1 above the limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--size", type=int, default=20_000_000, help="bytes")
    asked = parser.parse_args()
    found = find_kafka()
    if isinstance(found, Missing):
        raise SystemExit(f"{found.reason}: {NEEDED}")
    with tempfile.TemporaryDirectory() as folder, running_kafka(found, Path(folder)) as kafka:
        measured = run(kafka, asked.records, asked.size)
    print(measured.line())
    raise SystemExit(measured.whole != asked.records or measured.peak - measured.idle > LIMIT_MIB)


if __name__ == "__main__":
    main()
