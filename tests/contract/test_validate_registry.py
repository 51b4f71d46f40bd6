"""`validate --registry`: the mapping files against the schemas that a running registry has."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.demo.registry import running_registry
from tests.unit.config_files import CONFIG, folder

FIELDS = [{"name": name, "type": "string"} for name in ("line_id", "call_id", "text")]


def configured(path: Path, url: str) -> str:
    """The configuration's path; its one topic calls.v1 reads line_id, call_id and text."""
    return str(folder(path, config=CONFIG.replace("http://localhost:8081", url)))


def register(url: str, subject: str, fields: list[dict[str, str]]) -> None:
    """A new version of a subject."""
    schema = {"type": "record", "name": "Note", "namespace": "tel", "fields": fields}
    httpx.post(f"{url}/subjects/{subject}/versions", json={"schema": json.dumps(schema)}).raise_for_status()


@pytest.fixture
def url() -> Iterator[str]:
    """A registry's."""
    with running_registry() as registry:
        yield registry.url


@pytest.mark.parametrize("subject", ["calls.v1-value", "calls.v1-tel.Note"])
def test_a_field_that_the_latest_version_lost_is_told(tmp_path: Path, url: str, subject: str) -> None:
    """Under either naming strategy; without --registry nothing is known of it."""
    config = configured(tmp_path, url)
    register(url, subject, FIELDS)
    assert CliRunner().invoke(app, ["validate", "--config", config, "--registry"]).exit_code == 0
    register(url, subject, [*FIELDS[:2], {"name": "texts", "type": "string"}])
    assert CliRunner().invoke(app, ["validate", "--config", config]).exit_code == 0
    result = CliRunner().invoke(app, ["validate", "--config", config, "--registry"])
    assert result.exit_code == 78
    assert (
        "calls.yaml:10:34: body.content: the schema Note has no field 'text': did you mean 'texts'?"
        in result.stderr
    )


def test_a_topic_without_subjects_is_a_warning(tmp_path: Path, url: str) -> None:
    """Perhaps its producers name subjects by record alone, perhaps nobody has written yet."""
    result = CliRunner().invoke(app, ["validate", "--config", configured(tmp_path, url), "--registry"])
    assert result.exit_code == 0
    assert (
        "warning: the registry has no subject calls.v1-value and none calls.v1-<record>: calls.v1 is not checked against it"
        in result.stderr
    )


def test_no_answer_and_no_registry_have_their_own_codes(tmp_path: Path) -> None:
    """69: not reachable; 2: there is none to ask."""
    dead = CliRunner().invoke(
        app, ["validate", "-c", configured(tmp_path, "http://127.0.0.1:9"), "--registry"]
    )
    assert dead.exit_code == 69
    assert dead.stderr == (
        "no schemas of calls.v1 from the registry at http://127.0.0.1:9: no connection to the registry\n"
    )
    raw = "start: earliest\n    value: {format: avro_raw, schema: note.avsc}"
    config = folder(tmp_path, config=CONFIG.replace('registry: {url: "http://localhost:8081"}\n', ""))
    mapping = tmp_path / "mappings" / "calls.yaml"
    mapping.write_text(mapping.read_text().replace("start: earliest", raw))
    (tmp_path / "mappings" / "note.avsc").write_text(
        json.dumps({"type": "record", "name": "N", "fields": FIELDS})
    )
    result = CliRunner().invoke(app, ["validate", "--config", str(config), "--registry"])
    assert (result.exit_code, result.stderr) == (2, "--registry: the configuration has no registry\n")
