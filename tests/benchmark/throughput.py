"""Records a second and CPU a record, beside a serial loop in the same run. `docs/performance.md` explains the columns.

    python -m tests.benchmark.throughput             two scenarios, both carriers: some four minutes
    python -m tests.benchmark.throughput --quick     the first scenario, fewer records: under a minute
    python -m tests.benchmark.throughput --output json

The connector runs as users run it: a process of its own, shipped mapping files, all telemetry on; but with Front's limits
switched off, which would hold it to a few requests a second and channel. Broker and registry are the embedded ones, in this
process; the sink is another process. One partition, a thousand keys. Machines differ: compare ratios of one run. Linux only,
as CPU is read from /proc.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import fastavro
import httpx
from confluent_kafka import Producer

from connector.demo.broker import EmbeddedBroker
from connector.demo.companies import companies_of
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.registry import running_registry
from connector.resources import mappings_dir, schemas_dir
from tests.benchmark.sink import Listener, probe, running_sink

TOPIC = "messaging.messages.v1"
KEYS = 1000
COMPANIES = 24
TEXT_LETTERS = 400
WARM_UP = 300
BATCH_BYTES_MAX = 4_000_000
"""The embedded broker forgets the oldest records of a partition beyond 5 MiB."""

Carrier = Literal["aiohttp", "httpx"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """How long the far side takes, and how many requests may be under way. `records`: in a round, by contestant."""

    answer_s: float
    in_flight: int
    records: dict[str, int]
    rounds: int

    @property
    def limit(self) -> float:
        """Requests a second if nothing but the far side took time (Little's law)."""
        return self.in_flight / self.answer_s


FULL = (
    Scenario(0.020, 64, {"aiohttp": 6000, "httpx": 600, "serial": 100}, rounds=5),
    Scenario(0.100, 256, {"aiohttp": 6000, "httpx": 600, "serial": 30}, rounds=5),
)
QUICK = (Scenario(0.020, 64, {"aiohttp": 4000, "httpx": 200, "serial": 60}, rounds=3),)


@dataclass(frozen=True, slots=True)
class Measured:
    """The median of a contestant's rounds in one scenario. Shares and multiples are ratios."""

    scenario: str
    name: str
    records_per_s: float
    share_of_limit: float
    share_of_bare_sockets: float
    cpu_us_a_record: float
    times_serial: float
    rounds: int


def values(count: int) -> list[tuple[bytes, dict[str, Any]]]:
    """Events of MessageReceived with their keys, each key as often as the others, shuffled; always the same ones."""
    rng = random.Random(7)
    lines = [line.id for company in companies_of(COMPANIES) for line in company.chat]
    keys = [number % KEYS for number in range(count)]
    rng.shuffle(keys)
    events = []
    for number, key in enumerate(keys):
        text = "".join(rng.choices("abcdefghij klmnop qrstuv wxyz < & é", k=TEXT_LETTERS))
        event = {
            "event_id": f"event-{number:032d}",
            "occurred_at": 1_793_692_800_000 + number,
            "line_id": lines[key % len(lines)],
            "conversation_id": f"conversation-{key:08d}",
            "message_id": f"message-{number:032d}",
            "sender": {"address": f"+4930{key:07d}", "display_name": "Nadia Ferrand", "email": None},
            "subject": None,
            "text": text,
            "text_format": "PLAIN",
            "attachments": [],
            "in_reply_to": None,
        }
        events.append((f"conversation-{key:08d}".encode(), event))
    return events


def encoded(registry_url: str, count: int) -> list[tuple[bytes, bytes]]:
    """Keys and framed Avro values."""
    text = (schemas_dir() / "avro" / "messaging" / "MessageReceived.avsc").read_text()
    answer = httpx.post(f"{registry_url}/subjects/{TOPIC}-value/versions", json={"schema": text})
    number: int = answer.raise_for_status().json()["id"]
    schema = fastavro.parse_schema(json.loads(text))
    made = []
    for key, event in values(count):
        stream = io.BytesIO()
        stream.write(b"\x00" + number.to_bytes(4, "big"))
        fastavro.schemaless_writer(stream, schema, event)
        made.append((key, stream.getvalue()))
    assert sum(len(value) for _, value in made) < BATCH_BYTES_MAX, "the embedded broker would forget some"
    return made


class Contestant:
    """A process under test with a broker of its own and a listener of the sink. Warm when it has been entered."""

    def __init__(self, name: str, module: Sequence[str], listener: Listener, records: int) -> None:
        self.name = name
        self.records = records
        self._module = tuple(module)
        self._listener = listener
        self.rates: list[float] = []
        self.cpu_us: list[float] = []

    @contextlib.contextmanager
    def running(self, estate: Estate, folder: Path, pool: Sequence[tuple[bytes, bytes]]) -> Iterator[None]:
        """Start it on a configuration, and warm it up."""
        self._pool = pool
        config = estate.write(folder)
        self._log = folder / "log"
        self._producer = Producer({"bootstrap.servers": estate.bootstrap, "linger.ms": 5, "log_level": 0})
        command = [sys.executable, "-m", *self._module, "--config", str(config)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            self._settle(min(WARM_UP, self.records))
            yield
        finally:
            self._process.terminate()
            self._process.wait(30)

    def round(self) -> None:
        """Produce a round's records, wait for them, note rate and CPU."""
        time.sleep(1.2)  # the last round's commit is not this round's work
        cpu = _cpu_s(self._process.pid)
        self._settle(self.records)
        self.rates.append(self.records / self._listener.took_s)
        self.cpu_us.append((_cpu_s(self._process.pid) - cpu) / self.records * 1e6)

    def _settle(self, count: int) -> None:
        self._listener.reset()
        for key, value in self._pool[:count]:
            self._producer.produce(TOPIC, value, key)
        assert self._producer.flush(30) == 0
        ends = time.monotonic() + 60 + count / 20
        while self._listener.answered < count:
            assert self._process.poll() is None, f"{self.name} ended: {self._tail()}"
            assert time.monotonic() < ends, f"{self.name} came to {self._listener.answered}: {self._tail()}"
            time.sleep(0.005)
        assert self._listener.answered == count, f"{self.name} sent more than was asked"

    def _tail(self) -> str:
        return self._log.read_text()[-2000:]


def _cpu_s(pid: int) -> float:
    """User and system time of a process so far, all its threads. Source: proc(5), fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(scenario: Scenario, folder: Path) -> list[Measured]:
    """Measure all contestants of a scenario in turn, round by round, so that a busy machine is busy for all."""
    names = list(scenario.records)
    with contextlib.ExitStack() as stack:
        registry = stack.enter_context(running_registry())
        *listeners, bare = stack.enter_context(running_sink([scenario.answer_s] * (len(names) + 1)))
        pool = encoded(registry.url, max(scenario.records.values()))
        contestants = []
        for name, listener in zip(names, listeners, strict=True):
            module = ["tests.benchmark.serial"] if name == "serial" else ["connector", "run"]
            contestant = Contestant(name, module, listener, scenario.records[name])
            broker = stack.enter_context(EmbeddedBroker())
            for topic in (TOPIC, DEAD_LETTER_TOPIC):
                broker.create_topic(topic)
            home = folder / f"{scenario.in_flight}-{name}"
            estate = _estate(broker.bootstrap, registry.url, listener.url, name, scenario.in_flight)
            estate = dataclasses.replace(estate, mapping_files=_mapping_files(home))
            stack.enter_context(contestant.running(estate, home, pool))
            contestants.append(contestant)
        bare_rates = []
        for _ in range(scenario.rounds):
            bare_rates.append(probe(bare, int(scenario.limit), scenario.in_flight))
            for contestant in contestants:
                contestant.round()
    return _results(scenario, contestants, statistics.median(bare_rates))


def _mapping_files(home: Path) -> Path:
    """The shipped mapping file of the topic, alone: the others' topics do not exist here."""
    only = home / "shipped"
    only.mkdir(parents=True)
    shutil.copy(mappings_dir() / "messaging-messages.yaml", only)
    return only


def _estate(bootstrap: str, registry_url: str, front_url: str, name: str, in_flight: int) -> Estate:
    """The defaults of a user, but for the addresses and the limits."""
    return Estate(
        bootstrap=bootstrap,
        registry_url=registry_url,
        front_url=front_url,
        companies=COMPANIES,
        settings={
            "kafka": {"session_timeout_s": 45.0},
            "front": {
                "carrier": "httpx" if name == "httpx" else "aiohttp",
                "request_deadline_s": 15.0,
            },
            "limits": {"in_flight": in_flight, "commit_interval_s": 1.0},
        },
    )


def _results(scenario: Scenario, contestants: Sequence[Contestant], bare: float) -> list[Measured]:
    rates = {each.name: statistics.median(each.rates) for each in contestants}
    label = f"{scenario.in_flight} in flight, {scenario.answer_s * 1000:.0f} ms"

    def row(name: str, rate: float, cpu: float) -> Measured:
        return Measured(
            label,
            name,
            rate,
            rate / scenario.limit,
            rate / bare,
            cpu,
            rate / rates["serial"],
            scenario.rounds,
        )

    rows = [row(each.name, rates[each.name], statistics.median(each.cpu_us)) for each in contestants]
    return [row("bare sockets", bare, 0.0), *rows]


def table(rows: Sequence[Measured], at_once: float) -> str:
    """For people."""
    lines = [
        f"The sink alone, answering at once: {at_once:,.0f} requests/s.",
        f"{'':24}{'':14}{'records/s':>10}{'of limit':>10}{'of bare':>9}{'CPU us':>8}{'x serial':>10}",
    ]
    for row in rows:
        cpu = f"{row.cpu_us_a_record:,.0f}" if row.cpu_us_a_record else "-"
        lines.append(
            f"{row.scenario:24}{row.name:14}{row.records_per_s:>10,.0f}{row.share_of_limit:>10.0%}"
            f"{row.share_of_bare_sockets:>9.0%}{cpu:>8}{row.times_serial:>10.1f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one scenario, fewer records: under a minute")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    arguments = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("this benchmark reads CPU time from /proc: run it on Linux, or in a container")
    with running_sink([0.0]) as [immediate]:
        at_once = probe(immediate, 20_000, 64)
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        for scenario in QUICK if arguments.quick else FULL:
            rows += run(scenario, Path(folder))
    if arguments.output == "json":
        print(
            json.dumps(
                {"sink_requests_per_s": at_once, "rows": [dataclasses.asdict(row) for row in rows]}, indent=2
            )
        )
    else:
        print(table(rows, at_once))


if __name__ == "__main__":
    main()
