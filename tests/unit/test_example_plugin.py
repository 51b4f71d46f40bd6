"""The example package of a mapper: installed as anybody would, found by its entry point, and run through the real pipeline."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from connector.adapters.workers import Workers
from connector.core.decode import ParsedSchema, SchemaId, parse_schema
from connector.core.records import Record, TopicPartition
from connector.resources import schemas_dir
from tests.support.framing import framed
from tests.support.world import Stage
from tests.unit.config_files import folder, loaded

EXAMPLE = schemas_dir().parent / "examples" / "mapper-plugin"
TP = TopicPartition("acme.notes.v1", 0)
MAPPING = "version: 1\ntopics:\n  acme.notes.v1:\n    start: earliest\n    mapper: {name}\n"
NOTE = {
    "type": "record",
    "name": "Note",
    "fields": [{"name": n, "type": "string"} for n in ("author", "text")],
}
CALL = {
    "type": "record",
    "name": "Call",
    "fields": [
        {"name": "line_id", "type": "string"},
        {"name": "call_id", "type": "string"},
        {"name": "notes", "type": {"type": "array", "items": NOTE}},
    ],
}
VALUE = {"line_id": "line-1", "call_id": "c-1", "notes": [{"author": "Ann", "text": "Hi"}]}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip installed it, without an index."""
    target = tmp_path_factory.mktemp("installed")
    how = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    _run("-m", "pip", "install", *how, "--target", str(target), str(EXAMPLE))
    return target


def _run(*arguments: str, path: Path | None = None) -> str:
    env = {**os.environ} if path is None else {**os.environ, "PYTHONPATH": str(path)}
    ended = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False, env=env
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_its_own_tests_pass_where_it_is_installed(installed: Path) -> None:
    """Run as its README says, against the installed module."""
    own = [
        "-p",
        "no:cacheprovider",
        "-q",
        "--rootdir",
        str(EXAMPLE),
        "-c",
        os.devnull,
        str(EXAMPLE / "tests"),
    ]
    assert "2 passed" in _run("-m", "pytest", *own, path=installed)


def test_its_types_are_those_of_the_public_module(installed: Path) -> None:
    """`py.typed` lies in the package, so a type checker reads what the plugin imports."""
    said = _run("-m", "mypy", "--strict", "--cache-dir", os.devnull, str(installed / "acme_front_mappers.py"))
    assert "no issues found" in said


def test_validate_and_render_know_it_by_its_name(installed: Path, tmp_path: Path) -> None:
    """Both verbs as a user calls them."""
    file = folder(tmp_path, notes=MAPPING.format(name="acme-notes"))
    verb = ["-m", "connector", "validate", "--config", str(file)]
    assert _run(*verb, path=installed).startswith("valid: 1 topic (acme.notes.v1)")
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"schema": "Call", "value": VALUE}), encoding="utf-8")
    render = ["render", "--config", str(file), "--topic", TP.topic, "--record", str(record)]
    assert "Ann: Hi" in _run("-m", "connector", *render, path=installed)


def _call(offset: int, call_id: str, line: str = "line-1") -> Record:
    notes = [{"author": "Ann", "text": str(offset)}]
    schema = parse_schema(CALL, SchemaId(7))
    assert isinstance(schema, ParsedSchema)
    return framed(TP, offset, schema, {"line_id": line, "call_id": call_id, "notes": notes}, schema_id=7)


@asynccontextmanager
async def _stage(path: Path, name: str, timeout_s: float) -> AsyncIterator[Stage]:
    """The real pipeline with the configuration's mappings and mappers on real threads, in real time."""
    stage = Stage(maps=loaded(folder(path, notes=MAPPING.format(name=name))).mappings)
    schema = parse_schema(CALL, SchemaId(7))
    assert isinstance(schema, ParsedSchema)
    stage.schemas.known[SchemaId(7)] = schema
    taking = stage.pipeline.taking
    taking._world = replace(taking._world, mapper_calls=Workers("a mapper", timeout_s, stage.facts))
    async with stage:
        stage.assign(tp=TP)
        yield stage


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20.0):
        while not holds():
            await asyncio.sleep(0.005)


async def test_records_pass_through_it_in_order(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by its entry point, called on a thread; an exception of its own is one dead letter with its class."""
    monkeypatch.syspath_prepend(str(installed))
    async with _stage(tmp_path, "acme-notes", 5.0) as stage:
        lines = ["line-1", "nobody", "line-1", "line-1"]
        stage.pipeline.received([_call(n, "c-1", line) for n, line in enumerate(lines)])
        await _until(lambda: not stage.pipeline.partitions[TP].ledger.unsettled)
    sent = [json.loads(sent.content)["content"] for sent in stage.front.sent]
    assert sent == ["Ann: 0", "Ann: 2", "Ann: 3"]
    assert {sent.key for sent in stage.front.sent} == {"/channels/cha_1/calls/c-1/summary"}
    [letter] = stage.letters.letters
    headers = dict(letter.headers)
    assert headers["__connect.errors.exception.class.name"] == b"builtins.KeyError"
    assert headers["__connect.errors.exception.message"] == (
        b"rule 'acme-notes', mapper: raised KeyError: the line is not in the channels table"
    )


HANGING = """\
import threading
from connector.plugin import MapperInput, MapperRequest

ended = threading.Event()

def forever(record: MapperInput):
    if record.value["call_id"] == "endless":
        while not ended.is_set():
            yield from ()
    if record.value["call_id"] == "hangs":
        ended.wait()
    yield MapperRequest(operation="add-call-summary", channel=record.channels["line-1"],
                        path={"external_call_id": record.value["call_id"]}, body={"content": "c"})
"""


async def test_a_mapper_that_hangs_or_never_ends_stops_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sleeps, one computes without end: the loop turns on, both are dead letters, and the record behind them is sent."""
    (tmp_path / "hanging_mapper.py").write_text(HANGING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    async with _stage(tmp_path, "hanging_mapper:forever", 0.2) as stage:
        try:
            calls = ["hangs", "endless", "c-1"]
            stage.pipeline.received([_call(n, call) for n, call in enumerate(calls)])
            await _until(lambda: not stage.pipeline.partitions[TP].ledger.unsettled)
        finally:
            sys.modules["hanging_mapper"].ended.set()
    assert [sent.key for sent in stage.front.sent] == ["/channels/cha_1/calls/c-1/summary"]
    assert stage.letters.reasons() == ["mapping_failed", "mapping_failed"]
    said = {dict(letter.headers)["__connect.errors.exception.message"] for letter in stage.letters.letters}
    assert said == {b"rule 'hanging_mapper:forever', mapper: did not return within 0.2 s"}
