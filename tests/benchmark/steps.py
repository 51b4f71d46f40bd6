"""Where the CPU of a record goes, without Kafka and HTTP: every step by itself, and the pipeline with all of them.

    python -m tests.benchmark.steps

Some ten seconds. The pipeline is the real one with the real deciders, metrics, tokens and sender; only the carrier (which
answers 202 at once), the coordinator and the registry are stand-ins. Best of many rounds in microseconds, so that a busy
machine does less harm than in `throughput.py`. What aiohttp costs on top, `tests.benchmark.carriers` tells.
"""

import asyncio
import dataclasses
import gc
import io
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import fastavro
import structlog

from connector.adapters.files import FixedSecret
from connector.adapters.front.sender import App, FrontSender
from connector.adapters.front.tokens import JwtTokens
from connector.adapters.telemetry import Metrics, configure_logging
from connector.app import wiring
from connector.app.clock import SystemClock
from connector.app.front_events import FrontEvents
from connector.config import Loaded, load
from connector.core.answers import Answer, Answered
from connector.core.decode import Decoded, ParsedSchema, SchemaId, SchemaRef, parse_schema, plain, read_avro
from connector.core.http_encoding import Content
from connector.core.mapping import Input
from connector.core.offset_map import CommitEntry, LogIdentity
from connector.core.prepare import prepare
from connector.core.records import Epoch, Record, TopicPartition
from connector.core.status import BuildInfo, Snapshot
from connector.demo.estate import SECRET, UID, Estate
from connector.pipeline import Pipeline, World
from connector.ports import Assignment, Committed, EventLog, NoTracing, Tracing
from connector.resources import schemas_dir
from tests.benchmark.throughput import COMPANIES, TOPIC, values

RECORDS = 500
ROUNDS = 30
HEADERS = {
    "content-type": "application/json",
    "date": "Tue, 03 Nov 2026 08:00:00 GMT",
    "x-ratelimit-limit": "100",
    "x-ratelimit-remaining": "99",
}


class Accepting:
    """A carrier that answers after one turn of the loop."""

    async def start(self) -> None: ...

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: Content) -> Answer:
        await asyncio.sleep(0)
        return Answered(202, HEADERS, b'{"status":"accepted"}')

    async def close(self) -> None: ...


class Acknowledging:
    """A coordinator that agrees."""

    async def commit(self, entries: Sequence[CommitEntry]) -> Committed:
        return Committed()

    def pause(self, partitions: Sequence[TopicPartition]) -> None: ...

    def resume(self, partitions: Sequence[TopicPartition]) -> None: ...


class Knowing:
    """A registry that has been asked before."""

    def __init__(self, schema: ParsedSchema) -> None:
        self.schema = schema

    def cached(self, ref: SchemaRef) -> ParsedSchema:
        return self.schema


def configured() -> Loaded:
    """The demo's configuration with the shipped mapping files."""
    nowhere = "http://127.0.0.1:1"
    estate = Estate(bootstrap="127.0.0.1:1", registry_url=nowhere, front_url=nowhere, companies=COMPANIES)
    with tempfile.TemporaryDirectory() as folder:
        loaded = load(estate.write(Path(folder)))
    assert isinstance(loaded, Loaded), loaded
    return loaded


def records(schema: ParsedSchema) -> list[Record]:
    """Records of the benchmark's events."""
    made = []
    for offset, (key, event) in enumerate(values(RECORDS)):
        stream = io.BytesIO()
        stream.write(b"\x00\x00\x00\x00\x01")
        fastavro.schemaless_writer(stream, schema.avro, event)
        made.append(
            Record(
                topic=TOPIC,
                partition=0,
                offset=offset,
                epoch=Epoch(1),
                value=stream.getvalue(),
                key=key,
                timestamp_ms=event["occurred_at"],
                leader_epoch=0,
            )
        )
    return made


def best(step: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Microseconds of one call, in the best of the rounds."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for item in items:
            step(item)
        times.append(time.process_time() - began)
    return min(times) / len(items) * 1e6


def steps(loaded: Loaded, schema: ParsedSchema, taken: Sequence[Record]) -> dict[str, float]:
    """Each pure step by itself."""
    topic = loaded.mappings.topics[TOPIC]
    bodies = [memoryview(record.value or b"")[5:] for record in taken]
    raw = [fastavro.schemaless_reader(io.BytesIO(body), schema.avro, None) for body in bodies]
    decoded = [read_avro(body, schema) for body in bodies]
    inputs = [
        Input(record=record, value=value.value, key=(record.key or b"").decode(), schema=schema)
        for record, value in zip(taken, decoded, strict=True)
        if isinstance(value, Decoded)
    ]
    assert len(inputs) == len(taken)
    tokens = JwtTokens(app_uid=UID, secret=FixedSecret(SECRET))
    return {
        "fastavro": best(
            lambda body: fastavro.schemaless_reader(io.BytesIO(body), schema.avro, None), bodies
        ),
        "nulls pruned, times as numbers": best(plain, raw),
        "rules, expressions, checks, JSON": best(topic.map, inputs),
        "decode and map, as the pipeline does": best(
            lambda r: prepare(r, topic, lambda _: schema, 0.0), taken
        ),
        "a token": best(lambda _: tokens.mint("cha_1", 1_793_692_800.0), taken),
    }


def counting(loaded: Loaded) -> Metrics:
    """The product's metrics."""
    build = BuildInfo(version="", revision="", python="", librdkafka="")
    metrics = Metrics(lambda: Snapshot(state="running", ready=True), build)
    metrics.initialise(loaded.mappings.topics)
    return metrics


async def pipeline(
    loaded: Loaded,
    schema: ParsedSchema,
    taken: Sequence[Record],
    tracing: Tracing | None = None,
    metrics: Metrics | None = None,
) -> float:
    """Microseconds from `received` to the settle, all included. `metrics`: instead of the product's own."""
    clock = SystemClock()
    metrics = metrics or counting(loaded)
    tokens = JwtTokens(app_uid=UID, secret=FixedSecret(SECRET))
    apps = {name: App("http://front", tokens) for name in loaded.settings.front.apps}
    log: EventLog = structlog.get_logger("benchmark").bind()
    world: Any = {
        "mappings": loaded.mappings,
        "schemas": Knowing(schema),
        "sender": FrontSender(apps, Accepting(), clock, FrontEvents(metrics, log), version="0"),
        "dead_letters": None,
        "offsets": Acknowledging(),
        "clock": clock,
        "telemetry": metrics,
        "log": log,
        "tracing": tracing or NoTracing(),
    }
    pipe = Pipeline(World(**world), wiring.policy(loaded.settings))
    tp = TopicPartition(TOPIC, 0)
    times = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pipe.run())
        await asyncio.sleep(0)
        pipe.assigned([Assignment(tp, Epoch(1), 0, None, LogIdentity("cluster", "topic"))])
        for number in range(ROUNDS):
            batch = [dataclasses.replace(one, offset=one.offset + number * RECORDS) for one in taken]
            began = time.process_time()
            pipe.received(batch)
            while pipe.partitions[tp].ledger.unsettled:
                await asyncio.sleep(0)
            times.append(time.process_time() - began)
        await pipe.stop(1.0)
    return min(times) / RECORDS * 1e6


def main() -> None:
    """Measure and print."""
    configure_logging("error", "json", "benchmark")
    loaded = configured()
    definition = json.loads((schemas_dir() / "avro" / "messaging" / "MessageReceived.avsc").read_text())
    schema = parse_schema(definition, SchemaId(1))
    assert isinstance(schema, ParsedSchema)
    taken = records(schema)
    gc.collect()
    gc.freeze()
    for name, micros in steps(loaded, schema, taken).items():
        print(f"{name:40}{micros:8.1f}")
    print(f"{'everything but Kafka and HTTP':40}{asyncio.run(pipeline(loaded, schema, taken)):8.1f}")


if __name__ == "__main__":
    main()
