"""How many requests a take-over sends twice, with the map of settled offsets and without it.

    python -m tests.benchmark.takeover                   5,000 records above a blocked one: a minute
    python -m tests.benchmark.takeover --records 500     fewer

Needs a real Kafka, as the tests do (docs/testing.md): the embedded broker is slow to let a dead member go.

The first record is refused (503) for ever, so nothing can be committed past it: whatever is accepted above it is known to
the map alone. When enough is accepted, the connector is killed (kill -9) in mid-flow and started again. *Without* means
that between the two the same offset is committed again without its text, as any other consumer would have committed it.

The bound: what was in flight at the kill, and what had been accepted since the last acknowledged commit. Both are counted
from outside: from Front's raw log and from what the group's coordinator held after the kill.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Consumer, Producer, TopicPartition

from connector.core.offset_map import Believed, LogIdentity, read
from connector.demo.estate import Estate
from connector.demo.front import world
from connector.demo.registry import running_registry
from connector.resources import mappings_dir
from connector.simulator.server import Simulator, running
from connector.simulator.switches import Switches
from tests.benchmark.throughput import COMPANIES, TOPIC, encoded
from tests.support.estates import raw_log
from tests.support.java import Missing
from tests.support.kafka import NEEDED, Kafka, find_kafka, running_kafka
from tests.support.service import Service, eventually

RECORDS = 5000
BEHIND = 0.2
"""So many more records, as a share, that there is something in flight when enough is accepted."""
BLOCKED = f"message-{0:032d}"
COMMIT_INTERVAL_S = 1.0
SESSION_S = 6.0
ANSWER_MS = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One take-over. `repeated`: requests that Front accepted a second time."""

    map: bool
    accepted: int
    in_flight: int
    since_commit: int
    repeated: int

    @property
    def bound(self) -> int:
        """What a take-over with the map may repeat."""
        return self.in_flight + self.since_commit


@dataclass(frozen=True, slots=True)
class Place:
    """Where it happens."""

    kafka: Kafka
    topic: str
    letters_topic: str
    registry_url: str
    folder: Path

    @property
    def group(self) -> str:
        """Named after the topic."""
        return f"group-of-{self.topic}"


def measure(place: Place, records: int, *, with_map: bool, commit_interval_s: float) -> Measured:
    """One take-over on a fresh broker."""
    with running(world(COMPANIES), Switches(dedupe="off")) as front:
        _faults(front, {"effect": "status", "status": 503, "external_id": BLOCKED})
        service = Service(_estate(place, front, commit_interval_s))
        offsets = _produce(place, records)
        try:
            service.start()
            enough = lambda: front.state.log.arrived > records and len(_accepted(front)) >= records  # noqa: E731
            eventually(enough, 120, f"{records} acceptances")
            killed_at = time.time()
            service.kill()
            time.sleep(0.5)  # what was in flight is answered
            rows = [row for row in raw_log(front) if row["accepted"]]
            answered = [row["wall"] + (row["answered_at"] or row["at"]) - row["at"] for row in rows]
            told = _told(place)
            unrecorded = [row for row in rows if not _covers(told, offsets[row["external_id"]])]
            in_flight = sum(at >= killed_at for at in answered)
            if not with_map:
                _strip(place, told)
            service.start()
            _faults(front)
            eventually(lambda: len(_accepted(front)) == len(offsets), 120, "the rest")
            eventually(lambda: _told(place).offset == len(offsets), 30, "a commit at the end")
            assert service.terminate() == 0
        finally:
            service.stop()
        seen = Counter(row["external_id"] for row in raw_log(front) if row["accepted"])
    return Measured(
        with_map,
        accepted=len(rows),
        in_flight=in_flight,
        since_commit=max(0, len(unrecorded) - in_flight),
        repeated=sum(count - 1 for count in seen.values()),
    )


def run(kafka: Kafka, records: int, commit_interval_s: float = COMMIT_INTERVAL_S) -> list[Measured]:
    """Both take-overs, each with a topic and a group of its own."""
    found = []
    for with_map in (True, False):
        with tempfile.TemporaryDirectory() as folder, running_registry() as registry:
            place = Place(kafka, kafka.create_topic(), kafka.create_topic(), registry.url, Path(folder))
            found.append(measure(place, records, with_map=with_map, commit_interval_s=commit_interval_s))
    return found


def shipped_mapping(home: Path, topic: str = TOPIC) -> Path:
    """The shipped mapping file of the benchmark's topic, alone, for a topic of this name."""
    only = home / "shipped"
    only.mkdir(parents=True)
    text = (mappings_dir() / "messaging-messages.yaml").read_text("utf-8")
    (only / "messages.yaml").write_text(text.replace(f"\n  {TOPIC}:\n", f"\n  {topic}:\n"), "utf-8")
    return only


def table(rows: Sequence[Measured], commit_interval_s: float) -> str:
    """For people."""
    lines = [
        f"kill -9 with a record blocked at the frontier; commits every {commit_interval_s:g} s",
        f"{'':14}{'accepted above':>16}{'in flight':>11}{'since commit':>14}{'bound':>8}{'sent twice':>12}",
    ]
    for row in rows:
        name = "with the map" if row.map else "without it"
        lines.append(
            f"{name:14}{row.accepted:>16,}{row.in_flight:>11,}{row.since_commit:>14,}{row.bound:>8,}{row.repeated:>12,}"
        )
    return "\n".join(lines)


def _estate(place: Place, front: Simulator, commit_interval_s: float) -> Path:
    settings: Mapping[str, Any] = {
        "kafka": {"session_timeout_s": SESSION_S},
        # The blocked record must stay blocked: others are accepted, so it would become a dead letter.
        "front": {"retry": {"base_s": 0.2, "cap_s": 1.0, "attempts": 1000}},
        "limits": {"in_flight": 64, "commit_interval_s": commit_interval_s},
        "dead_letter": {"topic": place.letters_topic},
    }
    estate = Estate(
        bootstrap=place.kafka.bootstrap,
        registry_url=place.registry_url,
        front_url=front.base_url,
        group=place.group,
        companies=COMPANIES,
        mapping_files=shipped_mapping(place.folder, place.topic),
        settings=settings,
    )
    return estate.write(place.folder)


def _produce(place: Place, records: int) -> dict[str, int]:
    """Offsets by message id: one record blocked, `records` above it, and some more."""
    pool = encoded(place.registry_url, round(records * (1 + BEHIND)) + 1)
    producer = Producer({"bootstrap.servers": place.kafka.bootstrap, "linger.ms": 5, "log_level": 0})
    for key, value in pool:
        producer.produce(place.topic, value, key)
    assert producer.flush(30) == 0
    return {f"message-{number:032d}": number for number in range(len(pool))}


def _faults(front: Simulator, *faults: Mapping[str, Any]) -> None:
    rules = [*faults, {"effect": "delay", "delay_ms": ANSWER_MS}]
    httpx.put(f"{front.base_url}/_sim/faults", json=rules, trust_env=False).raise_for_status()


def _accepted(front: Simulator) -> set[str]:
    return {row["external_id"] for row in raw_log(front) if row["accepted"]}


@dataclass(frozen=True, slots=True)
class _Told:
    offset: int
    settled: tuple[tuple[int, int], ...]


def _client(place: Place) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": place.kafka.bootstrap,
            "group.id": place.group,
            "enable.auto.commit": False,
            "partition.assignment.strategy": "cooperative-sticky",
            "log_level": 0,
        }
    )


def _told(place: Place) -> _Told:
    """What the coordinator holds."""
    client = _client(place)
    try:
        (tp,) = client.committed([TopicPartition(place.topic, 0)], timeout=10)
    finally:
        client.close()
    parts = (tp.metadata or ";;").split(";")
    believed = read(tp.metadata, LogIdentity(*parts[1:3]), tp.offset)
    return _Told(max(0, tp.offset), believed.settled if isinstance(believed, Believed) else ())


def _covers(told: _Told, offset: int) -> bool:
    return offset < told.offset or any(first <= offset < end for first, end in told.settled)


def _strip(place: Place, told: _Told) -> None:
    """Commit the offset without its text, as a member of the group: the broker takes it from nobody else."""
    client = _client(place)
    try:
        client.subscribe([place.topic])

        def assigned() -> bool:
            client.poll(0.1)
            return bool(client.assignment())

        eventually(assigned, 30, "an assignment")  # once the killed member's session has ended
        client.commit(offsets=[TopicPartition(place.topic, 0, told.offset)], asynchronous=False)
    finally:
        client.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=RECORDS, help="accepted above the blocked record")
    parser.add_argument("--commit-interval", type=float, default=COMMIT_INTERVAL_S, help="seconds")
    arguments = parser.parse_args()
    source = find_kafka()
    if isinstance(source, Missing):
        raise SystemExit(f"{source.reason}: {NEEDED}")
    with tempfile.TemporaryDirectory() as folder, running_kafka(source, Path(folder)) as kafka:
        rows = run(kafka, arguments.records, arguments.commit_interval)
    print(table(rows, arguments.commit_interval))


if __name__ == "__main__":
    main()
