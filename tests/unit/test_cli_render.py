"""The verb `render`: what it reads, what is printed where, and the exit code of each outcome."""

import json
from pathlib import Path

import fastavro
import pytest
from typer.testing import CliRunner, Result

from connector import cli
from tests.unit.config_files import MAPPING, folder

VALUE = {"line_id": "line-1", "call_id": "c", "text": "hello"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A mapping file with one rule."""
    return folder(tmp_path)


def render(config: Path, *more: object, stdin: str | None = None) -> Result:
    arguments = ["render", "-c", config, "--topic", "calls.v1", *more]
    return CliRunner().invoke(cli.app, [str(each) for each in arguments], input=stdin)


def test_render_reads_standard_input(config: Path) -> None:
    """For pipes."""
    result = render(config, "--record", "-", stdin=json.dumps(VALUE))
    assert (result.exit_code, json.loads(result.stdout)["rule"]) == (0, "summary")


def test_render_takes_a_schema_by_the_name_it_has_in_the_mapping_file(tmp_path: Path) -> None:
    """The topic's own `value.schemas`, for a bare value."""
    mapping = MAPPING.replace("start: earliest", "start: earliest\n    value: {schemas: [note.avsc]}")
    file = folder(tmp_path, calls=mapping)
    fields = [{"name": name, "type": "string"} for name in VALUE]
    schema = {"type": "record", "name": "Note", "fields": fields}
    (tmp_path / "mappings" / "note.avsc").write_text(json.dumps(schema))
    result = render(file, "--record", "-", "--schema", "Note", stdin=json.dumps({**VALUE, "text": 5}))
    assert (result.exit_code, result.stderr) == (
        2,
        "standard input: text is a whole number (schema Note wants string)\n",
    )


def test_a_schema_s_path_begins_where_it_is_written(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file: beside it; in an option and on standard input: in the working directory."""
    fields = [{"name": name, "type": "string"} for name in VALUE]
    schema = json.dumps({"type": "record", "name": "Note", "fields": fields})
    away = config.parent / "away"
    away.mkdir()
    (away / "note.avsc").write_text(schema)
    (away / "note.json").write_text(json.dumps({"schema": "note.avsc", "value": VALUE}))
    (away / "bare.json").write_text(json.dumps(VALUE))
    assert render(config, "--record", away / "note.json").exit_code == 0
    piped = (away / "note.json").read_text()
    tried = "cannot read the schema {}: No such file or directory\n"
    monkeypatch.chdir(config.parent)
    for arguments, stdin in (
        (("--record", "-"), piped),
        (("--record", "away/bare.json", "--schema", "note.avsc"), None),
    ):
        result = render(config, *arguments, stdin=stdin)
        assert result.exit_code == 2
        assert result.stderr.endswith(tried.format(config.parent / "note.avsc"))
        monkeypatch.chdir(away)
        bare = [each.removeprefix("away/") for each in arguments]
        assert render(config, *bare, stdin=stdin).exit_code == 0
        monkeypatch.chdir(config.parent)


def test_render_reads_a_record_of_an_avro_file(config: Path) -> None:
    """By its number; one that is not there is told."""
    file = config.parent / "notes.avro"
    fields = [{"name": name, "type": "string"} for name in VALUE]
    with file.open("wb") as stream:
        schema = {"type": "record", "name": "Note", "fields": fields}
        fastavro.writer(stream, schema, [VALUE, {**VALUE, "text": "second"}])
    second = render(config, "--record", file, "--index", 1)
    assert json.loads(second.stdout)["requests"][0]["body"] == {"content": "second"}
    third = render(config, "--record", file, "--index", 2)
    assert (third.exit_code, third.stderr) == (2, f"{file}: has 2 records, the first of which is number 0\n")


def test_render_prints_curl_commands(config: Path) -> None:
    """Only commands go to standard output: a shell may read it."""
    result = render(config, "--record", "-", "--curl", stdin=json.dumps({**VALUE, "text": "it's"}))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "curl --globoff --path-as-is \\\n"
        "  --request POST https://api2.frontapp.com/channels/cha_1/calls/c/summary \\\n"
        '  --header "Authorization: Bearer $FRONT_TOKEN" \\\n'
        "  --header 'Content-Type: application/json' \\\n"
        """  --data-raw '{"content":"it'"'"'s"}'\n"""
    )
    skipped = render(config, "--record", "-", "--curl", stdin='{"value": null}')
    assert (skipped.exit_code, skipped.stdout) == (0, "")
    assert json.loads(skipped.stderr)["result"] == "skip"


def test_render_explains_which_rules_were_asked(tmp_path: Path) -> None:
    """In order, up to the one that holds or cannot be told."""
    first = "    rules:\n      - {name: echo, when: '${value.origin == \"FRONT\"}', skip: true}\n"
    file = folder(tmp_path, calls=MAPPING.replace("    rules:\n", first))
    result = render(file, "--record", "-", "--explain", stdin=json.dumps({**VALUE, "origin": "DESK"}))
    assert json.loads(result.stdout)["tried"] == [
        {"rule": "echo", "holds": False},
        {"rule": "summary", "holds": True},
    ]
    failed = render(file, "--record", "-", "--explain", stdin=json.dumps(VALUE))
    assert failed.exit_code == 1
    [tried] = json.loads(failed.stdout)["tried"]
    assert (tried["rule"], tried["holds"]) == ("echo", None)
    assert tried["why"].startswith("value.origin")


def test_render_takes_one_record(config: Path) -> None:
    """From a file or from Kafka, at a place that is one."""
    assert render(config).stderr == "give one of --record and --from-kafka\n"
    assert render(config, "--record", "-", "--from-kafka", "0:1").exit_code == 2
    how = "--from-kafka takes partition:offset or partition@time, such as 0:1234 or 0@2026-01-31T00:00:00Z\n"
    assert (render(config, "--from-kafka", "0").exit_code, render(config, "--from-kafka", "0").stderr) == (
        2,
        how,
    )
    assert render(config, "--from-kafka", "0@yesterday").stderr == how
    assert render(config, "--from-kafka", "0@2026-01-31T00:00:00").stderr == (
        "--from-kafka: 2026-01-31T00:00:00 has no zone: a time is written as 2026-01-31T00:00:00Z\n"
    )
