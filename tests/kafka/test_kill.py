"""The promise on a real broker: kill -9 at random moments loses nothing, keeps order, and repeats only what it must.

Judged from outside: what was produced (by confluent-kafka's own serializer), what the simulator's raw log and the
dead-letter topic hold, and what the group coordinator had been told at each kill.
"""

import os
import random
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from connector.config import Loaded, load
from connector.core.mapping import Plan
from connector.core.offset_map import Believed, LogIdentity, read
from connector.core.prepare import prepare
from connector.core.records import Record
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS, BadRecord, Event, generate
from connector.demo.verdict import Fingerprint, fingerprint
from connector.simulator.server import Simulator, running
from connector.simulator.switches import Switches
from tests.support.estates import Publisher, create_topics, raw_log, verdict, world
from tests.support.plugin import NewCluster
from tests.support.service import Service, eventually

# A broker of its own: the shipped mapping files name the topics.
pytestmark = [pytest.mark.kafka(java=True), pytest.mark.registry, pytest.mark.timeout(300)]

RECORDS = 5_500
PARTITIONS = {TOPICS[0]: 6, TOPICS[1]: 6, TOPICS[2]: 3, TOPICS[3]: 3, DEAD_LETTER_TOPIC: 1}
KILLS = 3


def test_shd_05_kill_9_at_random_moments_loses_nothing_and_repeats_only_what_no_commit_recorded(
    new_cluster: NewCluster, registry: str, tmp_path: Path
) -> None:
    """5,500 records of all eleven operations, three kills: accepted or dead-lettered each, in order, repeats bounded."""
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed}")
    dice = random.Random(seed)
    switches = Switches(dedupe="off", seed=seed)  # a Front that hides repeats proves nothing about them
    with (
        new_cluster() as kafka,
        running(world(), switches) as front,
        Publisher(kafka.bootstrap, registry) as publisher,
    ):
        create_topics(kafka.bootstrap, PARTITIONS)
        config = Estate(
            bootstrap=kafka.bootstrap,
            registry_url=registry,
            front_url=front.base_url,
            settings={
                "front": {"request_deadline_s": 1.5, "connect_timeout_s": 1.0},
                "limits": {"commit_interval_s": 0.3},
            },
        ).write(tmp_path)
        # Not from long ago: the broker's retention goes by the records' timestamps.
        records = list(generate(seed=seed, records=RECORDS, start_ms=int(time.time() * 1000) - 3_600_000))
        publisher.publish(records)
        operations = {name for record in records if isinstance(record, Event) for name in _operations(record)}
        assert len(operations) == 11
        slow = [
            {"effect": "delay", "delay_ms": 250, "share": 0.02},
            {"effect": "delay", "delay_ms": 30, "share": 0.5},
        ]
        httpx.put(f"{front.base_url}/_sim/faults", json=slow).raise_for_status()
        service = Service(config)
        allowed, figures = 0, []
        try:
            for _ in range(KILLS):
                service.start()
                so_far = front.state.log.arrived
                moment = so_far + dice.randrange(200, 1200)
                eventually(lambda: front.state.log.arrived >= moment, 90, f"request {moment}")  # noqa: B023
                time.sleep(dice.random() * 0.3)
                service.kill()
                time.sleep(0.5)  # what was in flight arrives and is answered
                unrecorded = _accepted_without_a_commit(config, publisher, front, kafka.bootstrap)
                allowed += unrecorded
                figures.append((front.state.log.arrived, unrecorded))
            service.start()
            eventually(lambda: not _lag(kafka.bootstrap), 120, lambda: f"no lag, {_lag(kafka.bootstrap)},")
            assert service.terminate() == 0
        finally:
            service.stop()
        found = verdict(config, publisher, front, kafka.bootstrap)
    print(f"{found}\nkills (requests seen, accepted without a commit): {figures}; allowed={allowed}")
    assert found.ok, found.examples
    assert found.produced == RECORDS
    assert sum(found.accepted.values()) + sum(found.dead_lettered.values()) + found.skipped == RECORDS
    assert sum(found.dead_lettered.values()) == sum(isinstance(record, BadRecord) for record in records)
    assert found.duplicates <= allowed


def _operations(event: Event) -> tuple[str, ...]:
    return getattr(event.expected, "operations", ())


def _accepted_without_a_commit(config: Path, publisher: Publisher, front: Simulator, bootstrap: str) -> int:
    """Requests that Front has accepted of records that no acknowledged commit calls settled: the bound on repeats."""
    accepted = _accepted(front)
    settled = _settled(bootstrap)
    loaded = load(config)
    assert isinstance(loaded, Loaded)
    count = 0
    for record in publisher.produced:
        frontier, runs = settled.get((record.topic, record.partition), (0, ()))
        if record.offset < frontier or any(first <= record.offset < end for first, end in runs):
            continue
        plan = _plan(record, loaded, publisher)
        if plan is not None:
            count += sum(fingerprint(request) in accepted for request in plan.requests)
    return count


def _plan(record: Record, loaded: Loaded, publisher: Publisher) -> Plan | None:
    made = prepare(record, loaded.mappings.topics[record.topic], publisher.schemas.get, 0.0)
    return made if isinstance(made, Plan) else None


def _accepted(front: Simulator) -> set[Fingerprint]:
    return {
        Fingerprint(row["operation"], tuple(row["path_ids"]), row["body_sha256"])
        for row in raw_log(front)
        if row["accepted"]
    }


def _settled(bootstrap: str) -> Mapping[tuple[str, int], tuple[int, tuple[tuple[int, int], ...]]]:
    """What the coordinator had been told: committed offset and the runs that its map names."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    future = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("front-connector")])[
        "front-connector"
    ]
    found = {}
    for tp in future.result(10).topic_partitions:
        parts = (tp.metadata or ";;;").split(";")
        believed = read(tp.metadata, LogIdentity(parts[1], parts[2]), tp.offset)
        found[tp.topic, tp.partition] = (
            max(0, tp.offset),
            believed.settled if isinstance(believed, Believed) else (),
        )
    return found


def _lag(bootstrap: str) -> Mapping[str, str]:
    """Of each partition that has one, how many records wait, and behind which committed offset and runs."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    settled = _settled(bootstrap)
    wanted = {TopicPartition(*tp): OffsetSpec.latest() for tp in settled}
    ends = {
        (tp.topic, tp.partition): future.result(10).offset
        for tp, future in admin.list_offsets(wanted).items()
    }
    return {
        f"{topic}-{number}": f"{ends[topic, number] - frontier} from {frontier}, settled {runs}"
        for (topic, number), (frontier, runs) in settled.items()
        if ends[topic, number] != frontier
    }
