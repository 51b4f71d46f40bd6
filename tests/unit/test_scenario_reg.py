"""The registry is asked once, waited for, and believed only when it is firm: with a scripted one, and with the real adapter."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from connector.adapters.kafka import KafkaSource
from connector.adapters.registry import Registry, RegistryOptions
from connector.app.clock import SystemClock
from connector.app.status import Status
from connector.app.wiring import source_options
from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaId, parse_schema
from connector.core.records import Record, TopicPartition
from connector.core.status import Snapshot
from connector.ports import RegistryUnavailable
from tests.support.framing import framed
from tests.support.http_peer import Line, Peer, Seen, answer, listening
from tests.support.real_time import until
from tests.support.virtual_time import in_virtual_time, run
from tests.support.world import OTHER, SCHEMA, TP, Facts, Stage, record, unavailable_until
from tests.unit.config_files import folder, loaded

ANSWER = answer(json.dumps({"schema": json.dumps(SCHEMA.avro)}).encode(), "200 OK")


@pytest.fixture
def member(tmp_path: Path) -> KafkaSource:
    """A consumer that has joined its group, as far as probes ask."""
    source = KafkaSource(source_options(loaded(folder(tmp_path))), Facts(), lambda _name: None)
    source.joined = True
    return source


def snapshot(stage: Stage, member: KafkaSource) -> Snapshot:
    """What probes would say."""
    return Status(stage.pipeline, member, stage.schemas, ("main",)).snapshot()


def committed(stage: Stage, tp: TopicPartition = TP) -> int:
    entry = stage.coordinator.committed(tp)
    assert entry is not None
    return entry.offset


@asynccontextmanager
async def asking(peer: Peer) -> AsyncIterator[tuple[Stage, Facts]]:
    """A pipeline in real time, whose registry is the adapter and this peer; and what the adapter told."""
    told = Facts()
    registry = Registry(RegistryOptions(url=f"http://127.0.0.1:{peer.port}"), SystemClock(), cast(Any, told))
    await registry.start()
    try:
        async with Stage(schemas=registry, registry_retry_cap_s=0.02, commit_interval_s=0.02) as stage:
            stage.front.delay = lambda _sent: 0.0
            yield stage, told
    finally:
        await registry.close()


def test_reg_01_a_schema_is_asked_for_once_however_many_wait_for_it() -> None:
    """A thousand records of one number in four partitions, all there before the answer: one request."""

    async def script(_seen: Seen, line: Line) -> None:
        await asyncio.sleep(0.1)
        line.writer.write(ANSWER)

    async def play() -> None:
        async with listening(script) as peer, asking(peer) as (stage, _):
            for number in range(4):
                tp = TopicPartition("messages", number)
                stage.assign(tp=tp)
                stage.pipeline.received([record(offset, str(offset), tp=tp) for offset in range(250)])
            await until(lambda: stage.facts.count("settled", "messages", "accepted") == 1000)
            assert [seen.line for seen in peer.seen] == ["GET /schemas/ids/1 HTTP/1.1"]

    asyncio.run(play())


@in_virtual_time
async def test_reg_02_a_silent_registry_delays_what_needs_it_and_nothing_else(member: KafkaSource) -> None:
    """An unknown number, and no answer for a while: its partition waits there, others flow, probes stay 200 and say why."""
    async with Stage() as stage:
        stage.schemas.script = unavailable_until(8, SCHEMA)
        for tp in (TP, OTHER):
            stage.assign(tp=tp)
        stage.pipeline.received([record(0, "a"), record(1, "b", schema=9), record(2, "c"), record(3, "b")])
        stage.pipeline.received([record(offset, str(offset), tp=OTHER) for offset in range(50)])
        await stage.quiet(20.0)
        assert committed(stage) == 1
        assert committed(stage, OTHER) == 50
        shown = snapshot(stage, member)
        assert (shown.ready, shown.state) == (True, "running")
        assert "schema registry" in " ".join(shown.reasons)
        await stage.quiet(40.0)
        assert committed(stage) == 4
        assert stage.letters.letters == []
        assert snapshot(stage, member).reasons == ()


@in_virtual_time
async def test_reg_03_only_a_firm_answer_gives_a_record_up_and_until_then_it_is_a_wall() -> None:
    """Silence, then the registry's own word that it has no such schema: its records go, those of other schemas are sent."""
    async with Stage() as stage:
        stage.schemas.script = lambda ref, n: (
            RegistryUnavailable("down") if n < 4 else SchemaAbsent(f"no {ref}")
        )
        stage.assign()
        stage.pipeline.received([record(0, "a", schema=9), record(1, "b"), record(2, "a", schema=9)])
        await stage.quiet(1.0)
        assert (stage.front.sent, stage.letters.letters) == ([], [])
        await stage.quiet(10.0)
        assert [letter.source.offset for letter in stage.letters.letters] == [0, 2]
        assert stage.letters.reasons() == ["schema_missing", "schema_missing"]
        assert stage.front.ids == ["1"]
        assert committed(stage) == 3


VERSIONS = """\
version: 1
topics:
  messages:
    start: earliest
    rules:
      - name: message
        operation: sync-inbound-message
        channel: cha_1
        body:
          sender: {handle: '${value.?handle.orValue(value.?address.orValue("unknown"))}'}
          body: '${value.?text.orValue("(no text)")}'
          metadata: {external_id: '${value.id}', external_conversation_id: '${value.room}'}
"""
HEAD = [{"name": name, "type": "string"} for name in ("id", "room")]
FIELDS = {
    1: [*HEAD, {"name": "address", "type": "string"}],
    2: [
        *HEAD,
        {"name": "handle", "type": "string", "aliases": ["address"]},
        {"name": "text", "type": "string", "default": "none"},
    ],
}


def version(number: int) -> ParsedSchema:
    parsed = parse_schema({"type": "record", "name": "Told", "fields": FIELDS[number]}, SchemaId(number))
    assert isinstance(parsed, ParsedSchema)
    return parsed


def test_reg_04_two_versions_of_a_schema_in_one_topic_map_right_and_in_order(tmp_path: Path) -> None:
    """A field was added with a default and another renamed: interleaved writers, one key, one mapping."""
    maps = loaded(folder(tmp_path, messages=VERSIONS)).mappings
    schemas = {number: version(number) for number in FIELDS}

    def written(offset: int) -> Record:
        number = 1 + offset % 2
        mine = {"address": "old"} if number == 1 else {"handle": "new", "text": "hello"}
        value = {"id": str(offset), "room": "r", **mine}
        return framed(TP, offset, schemas[number], value, schema_id=number)

    async def play() -> list[dict[str, Any]]:
        async with Stage(maps=maps) as stage:
            stage.schemas.known.update({SchemaId(number): schema for number, schema in schemas.items()})
            stage.assign()
            stage.pipeline.received([written(offset) for offset in range(6)])
            await stage.quiet()
            assert stage.letters.letters == []
            return [json.loads(sent.content) for sent in stage.front.sent]

    bodies = run(play())
    assert [body["metadata"]["external_id"] for body in bodies] == [str(offset) for offset in range(6)]
    assert [(body["sender"]["handle"], body["body"]) for body in bodies] == [
        ("old", "(no text)"),
        ("new", "hello"),
    ] * 3


def refusing(stage_of: dict[str, bool]) -> Any:
    """401 and 403 by turns, until `stage_of["let_in"]`."""
    statuses = iter(["401 Unauthorized", "403 Forbidden"] * 1000)

    async def script(_seen: Seen, line: Line) -> None:
        line.writer.write(ANSWER if stage_of["let_in"] else answer(b"{}", next(statuses)))

    return script


def test_reg_05_a_registry_that_refuses_us_is_waited_for_without_a_restart(member: KafkaSource) -> None:
    """401, 403, and so on: no dead letter, the state is told; as soon as it lets us in, everything is sent."""

    async def play() -> None:
        door = {"let_in": False}
        async with listening(refusing(door)) as peer, asking(peer) as (stage, told):
            stage.assign()
            stage.pipeline.received([record(offset) for offset in range(5)])
            await until(lambda: len(peer.seen) >= 4)
            assert (stage.front.sent, stage.letters.letters) == ([], [])
            assert "schema registry" in " ".join(snapshot(stage, member).reasons)
            assert {args[1] for name, args, _ in told.seen if name == "registry_request"} == {"401", "403"}
            door["let_in"] = True
            await until(lambda: stage.facts.count("settled", "messages", "accepted") == 5)
            assert stage.letters.letters == []
            assert stage.front.ids == [str(offset) for offset in range(5)]

    asyncio.run(play())


def test_reg_05_whoever_looks_is_told_that_the_credentials_are_refused(member: KafkaSource) -> None:
    """A wrong password must not look like a network fault."""

    async def play() -> None:
        async with listening(refusing({"let_in": False})) as peer, asking(peer) as (stage, _):
            stage.assign()
            stage.pipeline.received([record(0)])
            await until(lambda: len(peer.seen) >= 2)
            logged = [
                str(fields) for name, args, fields in stage.facts.seen if args == ("registry.unavailable",)
            ]
            assert any("credentials" in each for each in (*logged, *snapshot(stage, member).reasons))

    asyncio.run(play())
