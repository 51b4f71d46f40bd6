"""The verb `new`: files and arguments in, a mapping file and advice out, every refusal a sentence."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from connector import cli
from connector.demo.broker import EmbeddedBroker
from connector.demo.registry import running_registry
from connector.resources import schemas_dir
from tests.unit.config_files import CONFIG, folder

CREATED = str(schemas_dir() / "avro" / "telephony" / "CallCreated.avsc")


def said(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    result = CliRunner().invoke(cli.app, ["new", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_file_is_printed_and_the_guesses_go_to_stderr() -> None:
    """So that `> calls.yaml` writes the file alone."""
    code, out, err = said("--schema", CREATED, "--operation", "create-call")
    assert code == 0
    assert out.startswith("# yaml-language-server: $schema=")
    assert "  CallCreated:" in out
    assert "  likely  channel " in err
    assert "front-connector validate" in err
    assert f"save the file in {Path.cwd()}, from where it names its schemas; or say where it shall lie" in err


def test_what_it_writes_passes_validate_test_and_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands that it names, one after the other; the line in the made-up record is the table's first."""
    monkeypatch.chdir(tmp_path)
    Path("records").mkdir()
    config = folder(
        tmp_path, other="version: 1\ntopics: {o: {start: latest, rules: [{name: n, skip: true}]}}\n"
    )
    code, out, _ = said(
        "--schema", CREATED, "--operation", "create-call", "--topic", "calls.v1", "--config", str(config),
        "--out", "mappings/calls.yaml", "--sample", "records/record.json",
    )  # fmt: skip
    assert (code, out) == (0, "")
    sample = Path("records/record.json")
    record = json.loads(sample.read_text())
    assert record["value"]["line_id"] == "line-1"
    assert sample.parent.joinpath(record["schema"]).resolve() == Path(CREATED).resolve()
    for command in (
        ["validate", "--config", str(config)],
        ["test", "--config", str(config), "--topic", "calls.v1"],
        ["render", "--config", str(config), "--topic", "calls.v1", "--record", "records/record.json"],
    ):
        result = CliRunner().invoke(cli.app, command)
        assert result.exit_code == 0, result.output


def test_a_configuration_without_any_mapping_file_will_do(tmp_path: Path) -> None:
    """Who needs the first one has none."""
    config = folder(tmp_path)
    (tmp_path / "mappings" / "calls.yaml").unlink()
    code, _, err = said("--schema", CREATED, "--operation", "create-call", "--config", str(config))
    assert code == 0, err


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (
            ["--schema", CREATED, "--operation", "create-cal"],
            "--operation: 'create-cal' is not an operation of Front's: did you mean 'create-call'?",
            2,
        ),
        (["--operation", "create-call"], "give --schema FILE, or --config FILE and --topic NAME", 2),
        (["--schema", "none.avsc", "--operation", "create-call"], "--schema: cannot read none.avsc: No such file", 2),
        (["--schema", "bad.avsc", "--operation", "create-call"], "--schema: bad.avsc is not JSON: ", 2),
        (["--schema", "odd.avsc", "--operation", "create-call"], "--schema: odd.avsc is not a valid Avro schema: ", 2),
        (["--schema", CREATED, "--operation", "create-call", "--out", "bad.avsc"], "bad.avsc is there already", 2),
        (["--schema", CREATED, "--operation", "create-call", "--out", "no/x.yaml"], "there is no folder no", 2),
        (
            ["--schema", CREATED, "--operation", "create-call", "--out", "x.yaml", "--sample", "./mappings/../x.yaml"],
            "mappings/../x.yaml would be written twice: name two files",
            2,
        ),
        (
            ["--config", "connector.yaml", "--topic", "t", "--operation", "create-call"],
            "connector.yaml:1:1: registry is missing",
            78,
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str, code: int
) -> None:
    """And nothing is written."""
    monkeypatch.chdir(tmp_path)
    folder(tmp_path, config=CONFIG.replace('registry: {url: "http://localhost:8081"}\n', ""))
    Path("bad.avsc").write_text("{")
    Path("odd.avsc").write_text('{"type": "recrd"}')
    got, out, err = said(*arguments)
    assert (got, out) == (code, "")
    assert sentence in err
    assert not Path("x.yaml").exists()


@pytest.fixture(scope="module")
def estate() -> Iterator[tuple[str, str]]:
    """A broker with a topic of two types of records, and the registry of their schemas: both addresses."""
    with EmbeddedBroker() as broker, running_registry() as registry:
        broker.create_topic("calls.v1")
        broker.create_topic("empty.v1")
        broker.create_topic("notes.v1")
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        for name in ("CallCreated", "CallUpdated"):
            text = (schemas_dir() / "avro" / "telephony" / f"{name}.avsc").read_text(encoding="utf-8")
            answer = httpx.post(f"{registry.url}/subjects/{name}/versions", json={"schema": text})
            schema_id = answer.json()["id"]
            producer.produce("calls.v1", b"\x00" + schema_id.to_bytes(4, "big") + b"not looked at")
        for namespace, own in (("sales", "status"), ("tel", "summary")):
            fields = [{"name": name, "type": "string"} for name in ("line_id", "call_id", own)]
            note = {"type": "record", "name": "Note", "namespace": namespace, "fields": fields}
            answer = httpx.post(
                f"{registry.url}/subjects/{namespace}/versions", json={"schema": json.dumps(note)}
            )
            schema_id = answer.json()["id"]
            producer.produce("notes.v1", b"\x00" + schema_id.to_bytes(4, "big") + b"not looked at")
        producer.produce("calls.v1", b"something else")
        assert producer.flush(30) == 0
        yield broker.bootstrap, registry.url


def pointed_at(estate: tuple[str, str], path: Path) -> str:
    """A configuration for these addresses."""
    config = CONFIG.replace("localhost:9092", estate[0]).replace("http://localhost:8081", estate[1])
    return str(folder(path, config=config))


def test_the_schemas_of_a_topic_are_those_that_its_records_name(
    estate: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every type in it, written beside the mapping file, which is valid with them and whose tests pass."""
    monkeypatch.chdir(tmp_path)
    config = pointed_at(estate, tmp_path)
    Path("mappings/calls.yaml").unlink()
    code, _, err = said(
        "--config", config, "--topic", "calls.v1", "--operation", "update-call", "--operation", "create-call",
        "--out", "mappings/calls.yaml",
    )  # fmt: skip
    assert code == 0, err
    assert sorted(path.name for path in Path("mappings").glob("*.avsc")) == [
        "CallCreated.avsc",
        "CallUpdated.avsc",
    ]
    result = CliRunner().invoke(cli.app, ["test", "--config", config])
    assert result.exit_code == 0, result.output
    assert "3 ok" in result.output


def test_two_schemas_of_one_name_are_two(
    estate: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told apart by their namespaces: in the files' names, and in the rules."""
    monkeypatch.chdir(tmp_path)
    config = pointed_at(estate, tmp_path)
    Path("mappings/calls.yaml").unlink()
    code, _, err = said(
        "--config", config, "--topic", "notes.v1", "--operation", "add-call-summary", "--operation", "update-call",
        "--out", "mappings/notes.yaml",
    )  # fmt: skip
    assert code == 0, err
    assert sorted(path.name for path in Path("mappings").glob("*.avsc")) == [
        "sales.Note.avsc",
        "tel.Note.avsc",
    ]
    text = Path("mappings/notes.yaml").read_text()
    assert text.count('schema.name == "Note" && schema.namespace == "sales"') == 1
    assert text.count('schema.name == "Note" && schema.namespace == "tel"') == 1
    result = CliRunner().invoke(cli.app, ["test", "--config", config])
    assert result.exit_code == 0, result.output


def test_a_schema_is_never_written_over_the_mapping_file(
    estate: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor over the sample: all new files are compared, whoever named them."""
    monkeypatch.chdir(tmp_path)
    config = pointed_at(estate, tmp_path)
    code, _, err = said(
        "--config", config, "--topic", "calls.v1", "--operation", "create-call",
        "--out", "mappings/new.yaml", "--sample", "mappings/CallCreated.avsc",
    )  # fmt: skip
    assert (code, "mappings/CallCreated.avsc would be written twice: name two files" in err) == (2, True)
    assert [path.name for path in Path("mappings").iterdir()] == ["calls.yaml"]


def test_a_topic_without_schemas_is_told(estate: tuple[str, str], tmp_path: Path) -> None:
    """Empty, or not there."""
    config = pointed_at(estate, tmp_path)
    code, _, err = said("--config", config, "--topic", "empty.v1", "--operation", "update-call")
    assert code == 2
    assert (
        "none of the last 500 records of empty.v1 names a schema of the registry: give it with --schema"
        in err
    )
    code, _, err = said("--config", config, "--topic", "cals.v1", "--operation", "update-call")
    assert code == 2
    assert "calls.v1" in err
