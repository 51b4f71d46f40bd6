"""`render --from-kafka`: one record by partition and offset, its schema from the registry, from an embedded broker."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import fastavro
import httpx
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from connector import cli
from connector.demo.broker import EmbeddedBroker
from connector.demo.registry import running_registry
from tests.unit.config_files import CONFIG, folder

FIELDS = ("line_id", "call_id", "text")
SCHEMA = {"type": "record", "name": "Note", "fields": [{"name": name, "type": "string"} for name in FIELDS]}
BEGIN_MS = 1_769_860_800_000
"""2026-01-31T12:00:00Z; a record follows each minute."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A configuration for a broker with three records in the mapped topic, and the registry of their schema."""
    with EmbeddedBroker() as broker, running_registry() as registry:
        answer = httpx.post(
            f"{registry.url}/subjects/notes/versions", json={"schema": json.dumps(SCHEMA)}, trust_env=False
        )
        number = answer.json()["id"]
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        for index in range(3):
            body = io.BytesIO()
            fastavro.schemaless_writer(
                body, SCHEMA, {"line_id": "line-1", "call_id": "c", "text": f"note {index}"}
            )
            framed = b"\0" + number.to_bytes(4, "big") + body.getvalue()
            producer.produce("calls.v1", framed, b"c", partition=0, timestamp=BEGIN_MS + index * 60_000)
        row = {"channel": "cha_7", "company": "shop", "app": "main"}
        producer.produce("lines", json.dumps(row).encode(), b"line-1", partition=0)
        assert producer.flush(30) == 0
        config = CONFIG.replace("localhost:9092", broker.bootstrap)
        config = config.replace("http://localhost:8081", registry.url)
        yield folder(tmp_path_factory.mktemp("site"), config=config)


def render(site: Path, place: str) -> Result:
    arguments = ["render", "-c", str(site), "--topic", "calls.v1", "--from-kafka", place]
    return CliRunner().invoke(cli.app, arguments)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("0:0", "note 0"),
        ("0:2", "note 2"),
    ],
)
def test_a_record_is_rendered_by_its_place(site: Path, place: str, text: str) -> None:
    """Partition and offset. What a time means needs a real broker: the embedded one does not look it up."""
    result = render(site, place)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["requests"][0]["body"] == {"content": text}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("0:3", "--from-kafka: offset 3 is out of range: partition 0 of calls.v1 holds offsets 0 to 2\n"),
        ("99:0", "--from-kafka: the topic calls.v1 has no partition 99: it has "),
        (
            "0@2026-02-01T00:00:00Z",
            "--from-kafka: there is no record at 0@2026-02-01T00:00:00Z in calls.v1\n",
        ),
    ],
)
def test_a_place_without_a_record_is_wrong_usage(site: Path, place: str, said: str) -> None:
    """With what there is."""
    result = render(site, place)
    assert result.exit_code == 2
    assert result.stderr.startswith(said)


@pytest.mark.parametrize("place", ["--from-kafka", "--record"])
def test_a_channels_table_in_kafka_is_read_first(site: Path, tmp_path: Path, place: str) -> None:
    """From wherever the record comes."""
    config = site.read_text().replace("channels: channels.csv", "channels_topic: lines")
    file = folder(tmp_path, config=config)
    record = tmp_path / "note.json"
    record.write_text('{"line_id": "line-1", "call_id": "c", "text": "note"}')
    given = "0:0" if place == "--from-kafka" else str(record)
    result = CliRunner().invoke(cli.app, ["render", "-c", str(file), "--topic", "calls.v1", place, given])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["requests"][0]["path"] == "/channels/cha_7/calls/c/summary"


def test_a_channels_topic_that_is_not_there_is_told(site: Path, tmp_path: Path) -> None:
    """By the setting's name."""
    config = site.read_text().replace("channels: channels.csv", "channels_topic: nowhere.lines")
    file = folder(tmp_path, config=config)
    result = CliRunner().invoke(
        cli.app, ["render", "-c", str(file), "--topic", "calls.v1", "--record", "-"], input="{}"
    )
    assert (result.exit_code, result.stderr.partition(": ")[0]) == (2, "front.channels_topic")
