"""Python mappers that hang in `test`, `render` and `shadow`: they go on after `mappings.mapper_timeout_s`, and say so."""

import io
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import fastavro
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from connector import cli
from connector.adapters.workers import LEFT_BEHIND_MAX
from connector.core.mapping import MapperInput
from connector.demo.broker import EmbeddedBroker
from tests.unit.config_files import CONFIG, folder

SCHEMA = {"type": "record", "name": "Note", "fields": [{"name": "call_id", "type": "string"}]}
MAPPING = """\
version: 1
topics:
  calls.v1:
    start: earliest
    value: {format: avro_raw, schema: note.avsc}
    mapper: our_mappers:to_front
"""
TESTS = """\
tests:
  calls.v1:
    - {name: hangs, record: {value: {call_id: hang}}, expect: {dead_letter: mapping_failed}}
    - {name: skips, record: {value: {call_id: c}}, expect: {skip: true}}
"""
SAID = "the mapper our_mappers:to_front did not return within 0.05 s (the bound is mappings.mapper_timeout_s)"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A configuration whose mapper hangs for calls of that name."""
    ended = threading.Event()

    def to_front(given: MapperInput) -> list[object]:
        if given.value["call_id"] == "hang":
            ended.wait(30.0)
        return []

    module = ModuleType("our_mappers")
    module.to_front = to_front  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "our_mappers", module)
    config = CONFIG.replace("{folder: mappings}", "{folder: mappings, mapper_timeout_s: 0.05}")
    file = folder(tmp_path, config=config, calls=MAPPING)
    (tmp_path / "mappings" / "note.avsc").write_text(json.dumps(SCHEMA))
    yield file
    ended.set()


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_a_test_whose_mapper_hangs_has_no_result_and_the_next_one_runs(site: Path) -> None:
    """Not the dead letter that it would be: nobody should expect that, and `--update` does not write it."""
    beside = site.parent / "mappings" / "calls.tests.yaml"
    beside.write_text(TESTS)
    result = call("test", "-c", site, "--update")
    assert result.exit_code == 1
    assert f"    {SAID}\n  ok      skips\n\n2 tests: 1 ok, 1 without a result\n" in result.stdout
    assert beside.read_text() == TESTS


def test_tests_that_hang_one_after_the_other_end(site: Path) -> None:
    """Threads cannot be ended: after nine the mapper is not called any more."""
    hanging = TESTS.splitlines(keepends=True)[2]
    (site.parent / "mappings" / "calls.tests.yaml").write_text(
        "tests:\n  calls.v1:\n" + hanging * (LEFT_BEHIND_MAX + 2)
    )
    result = call("test", "-c", site)
    assert result.exit_code == 1
    assert result.stdout.count(SAID) == LEFT_BEHIND_MAX
    assert result.stdout.count("the mapper our_mappers:to_front was not called: 9 threads hang in calls") == 2


def test_render_shows_the_dead_letter_that_the_service_would_write(site: Path) -> None:
    """Exit 1."""
    record = site.parent / "record.json"
    record.write_text('{"call_id": "hang"}')
    result = call("render", "-c", site, "--topic", "calls.v1", "--record", record)
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert (shown["result"], shown["message"]) == (
        "dead_letter",
        "rule 'our_mappers:to_front', mapper: did not return within 0.05 s",
    )


def shadowed(site: Path, *calls: str) -> Result:
    """`shadow` against the same mapping without the mapper, over records of these calls."""
    old = site.parent / "old"
    old.mkdir()
    skips = "rules: [{name: all, skip: true}]"
    (old / "calls.yaml").write_text(MAPPING.replace("mapper: our_mappers:to_front", skips))
    (old / "note.avsc").write_text(json.dumps(SCHEMA))
    with EmbeddedBroker() as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        for name in calls:
            body = io.BytesIO()
            fastavro.schemaless_writer(body, SCHEMA, {"call_id": name})
            producer.produce("calls.v1", body.getvalue(), partition=0)
        assert producer.flush(30) == 0
        site.write_text(site.read_text().replace("localhost:9092", broker.bootstrap))
        return call("shadow", "-c", site, "--against", old, "--output", "json")


def test_shadow_counts_a_mapper_that_hangs_as_the_dead_letter_that_it_is(site: Path) -> None:
    """And goes on with the next record."""
    result = shadowed(site, "hang", "c")
    assert result.exit_code == 1, result.stderr
    assert "did not return within 0.05 s" in result.stdout


def test_shadow_ends_when_too_many_calls_hang(site: Path) -> None:
    """Exit 70 with what to do."""
    result = shadowed(site, *(["hang"] * (LEFT_BEHIND_MAX + 1)))
    assert result.exit_code == 70
    assert result.stderr.startswith("9 threads hang in calls that did not return within 0.05 s (a mapper)")
