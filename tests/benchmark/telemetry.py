"""What telemetry costs: each fact of a record, the pipeline with it and without, a scrape, and librdkafka's statistics.

    python -m tests.benchmark.telemetry

Half a minute. The pipeline is that of `steps.py`. With the product's metrics and without it takes turns, so that what disturbs
one disturbs both: **use the ratio**. Without means that the calls are made and do nothing.
"""

import asyncio
import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from connector.adapters.telemetry import Metrics, configure_logging
from connector.core.decode import ParsedSchema, SchemaId, parse_schema
from connector.core.status import BuildInfo, CircuitStatus, PartitionStatus, Snapshot
from connector.resources import schemas_dir
from tests.benchmark import steps
from tests.benchmark.throughput import TOPIC

CALLS = 20_000
ROUNDS = 5
TURNS = 6
SCRAPE_EVERY_S = 15.0


class Deaf:
    """Takes every fact, and does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        made: Callable[..., None] = lambda *_args, **_fields: None  # noqa: E731
        setattr(self, name, made)
        return made


def facts(metrics: Metrics) -> Mapping[str, Callable[[], None]]:
    """What is told of a record that Front accepts at once."""
    return {
        "received": lambda: metrics.received(TOPIC, 3, 1),
        "request": lambda: metrics.request("sync-inbound-message", "202", 0.2),
        "rate_limit": lambda: metrics.rate_limit("company", 100, 99),
        "clock_skew": lambda: metrics.clock_skew(0.1),
        "settled": lambda: metrics.settled(TOPIC, "accepted", 0.25),
        "accepted_latency": lambda: metrics.accepted_latency(TOPIC, 1.5),
    }


def nanoseconds(fact: Callable[[], None]) -> float:
    """CPU of one call, in the best of the rounds; less what an empty call costs."""

    def best(call: Callable[[], None]) -> float:
        times = []
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(CALLS):
                call()
            times.append(time.process_time() - began)
        return min(times) / CALLS * 1e9

    return best(fact) - best(lambda: None)


def compared() -> tuple[float, float]:
    """Microseconds of a record with the metrics and without: medians of turns."""
    loaded = steps.configured()
    definition = json.loads((schemas_dir() / "avro" / "messaging" / "MessageReceived.avsc").read_text())
    schema = parse_schema(definition, SchemaId(1))
    assert isinstance(schema, ParsedSchema)
    taken = steps.records(schema)
    gc.collect()
    gc.freeze()
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * TURNS):
        telling = turn % 2 == 0
        metrics = steps.counting(loaded) if telling else cast("Metrics", Deaf())
        times[telling].append(asyncio.run(steps.pipeline(loaded, schema, taken, None, metrics)))
    return statistics.median(times[True]), statistics.median(times[False])


def scrape() -> tuple[float, int]:
    """Milliseconds of CPU and bytes of one exposition of three topics of twelve partitions."""
    topics = ("a", "b", "c")
    snapshot = Snapshot(
        state="running",
        ready=True,
        partitions=tuple(
            PartitionStatus(topic, number, committed=5, position=8, end=9, unsettled=3, lag_s=2.5)
            for topic in topics
            for number in range(12)
        ),
        circuits=(CircuitStatus("main", "closed"),),
    )
    metrics = Metrics(lambda: snapshot, BuildInfo(version="", revision="", python="", librdkafka=""))
    metrics.initialise(topics)
    times = []
    for _ in range(50):
        began = time.process_time()
        body = metrics.exposition(None)[0]
        times.append(time.process_time() - began)
    return min(times) * 1e3, len(body)


def told(topics: int, partitions: int) -> tuple[float, int]:
    """Milliseconds of CPU and bytes of librdkafka's statistics, as the polling thread reads them; shaped as its own are."""
    numbers = dict.fromkeys(
        ("partition", "broker", "leader", "fetchq_cnt", "fetchq_size", "query_offset", "next_offset", "app_offset"), 123456
    ) | dict.fromkeys(
        ("stored_offset", "committed_offset", "eof_offset", "lo_offset", "hi_offset", "ls_offset", "consumer_lag"), 123456789
    ) | dict.fromkeys(
        ("txmsgs", "txbytes", "rxmsgs", "rxbytes", "msgs", "rx_ver_drops", "msgs_inflight", "next_ack_seq"), 123456789
    )  # fmt: skip
    partition: dict[str, Any] = {
        **numbers,
        "desired": True,
        "unknown": False,
        "fetch_state": "active",
        "acked_msgid": 0,
    }
    text = json.dumps(
        {
            "brokers": {},
            "topics": {
                str(t): {"partitions": {str(p): partition for p in range(partitions)}} for t in range(topics)
            },
        }
    )
    times = []
    for _ in range(50):
        began = time.process_time()
        json.loads(text)
        times.append(time.process_time() - began)
    return min(times) * 1e3, len(text)


def main() -> None:
    """Measure and print."""
    configure_logging("error", "json", "benchmark")
    metrics = steps.counting(steps.configured())
    found = {name: nanoseconds(fact) for name, fact in facts(metrics).items()}
    for name, took in found.items():
        print(f"{name:40}{took:8.0f} ns")
    print(f"{'all of a record':40}{sum(found.values()):8.0f} ns")
    telling, silent = compared()
    print(f"{'the pipeline with metrics':40}{telling:8.1f} us")
    print(f"{'the pipeline without':40}{silent:8.1f} us")
    print(f"{'of a record, Kafka and HTTP left out':40}{(telling - silent) / telling:8.1%}")
    took, size = scrape()
    print(f"{'a scrape':40}{took:8.1f} ms, {size} bytes, {took / 1e3 / SCRAPE_EVERY_S:.2%} of a core")
    for topics, partitions in ((3, 12), (2, 500)):
        took, size = told(topics, partitions)
        print(
            f"{f'statistics of {topics * partitions} partitions':40}{took:8.2f} ms, {size} bytes, each second"
        )


if __name__ == "__main__":
    main()
