"""A message that was written in Front is not sent back to it: the shipped rule, through the whole pipeline."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from connector.core.decode import SchemaId
from connector.core.records import TopicPartition
from connector.demo.examples import avro_value, read_example
from tests.support.framing import framed
from tests.support.virtual_time import run
from tests.support.world import Stage
from tests.unit.test_shipped_mappings import MAPPINGS, SCHEMAS, current_schema, loaded, schema

TOPIC = TopicPartition("messaging.messages.v1", 0)
ECHO = read_example(SCHEMAS / "examples/MessageSent/echo.json")


@pytest.mark.parametrize("version", [1, 2, None])
def test_a_message_that_front_wrote_is_a_counted_skip(tmp_path: Path, version: int | None) -> None:
    """Whichever version of the schema wrote it; a desk's message behind it is sent, and both are committed."""
    mappings = loaded(tmp_path, MAPPINGS / "channels.example.csv").mappings
    if version is None:
        written_by = current_schema("messaging.MessageSent")
    else:
        released = SCHEMAS / f"versions/MessageSent.v{version}.avsc"
        written_by = schema(json.loads(released.read_text(encoding="utf-8")))

    async def play() -> None:
        async with Stage(maps=mappings) as stage:
            stage.schemas.known[SchemaId(7)] = written_by
            value = avro_value(ECHO, written_by.avro)
            records = [
                framed(TOPIC, offset, written_by, value | {"origin": origin}, schema_id=7)
                for offset, origin in enumerate(["FRONT", "DESK", "FRONT"])
            ]
            stage.assign(tp=TOPIC)
            stage.pipeline.received([replace(record, key=b"room-9") for record in records])
            await stage.quiet()
            assert [sent.id for sent in stage.front.sent] == ["m-5"]
            assert stage.facts.count("skipped", TOPIC.topic, "rule", "written in Front") == 2
            assert stage.facts.count("settled", TOPIC.topic, "skipped") == 2
            committed = stage.coordinator.committed(TOPIC)
            assert committed is not None
            assert committed.offset == 3
            assert stage.letters.letters == []

    run(play())
