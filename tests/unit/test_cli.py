"""The command line: what is printed where, and the exit code of each outcome."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner, Result

from connector import __version__, cli
from connector.config import Loaded
from connector.config.schemas import as_text, config_schema, mapping_schema
from tests.unit.config_files import CONFIG, MAPPING, folder

VERBS = ["run", "validate", "render", "schema", "simulate", "demo", "healthcheck"]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_every_verb_has_help_with_an_example() -> None:
    """A person finds the form without the guide."""
    for verb in VERBS:
        shown = call(verb, "--help")
        assert shown.exit_code == 0
        assert f"Example: front-connector {verb}" in " ".join(shown.stdout.split())


def test_help_lists_verbs_and_exit_codes() -> None:
    """All of them, on one page."""
    shown = call("--help").stdout
    for word in (*VERBS, "0", "1", "2", "69", "70", "75", "77", "78", "143"):
        assert word in shown


def test_the_version_is_printed() -> None:
    """Alone on a line, for scripts; also as a module."""
    assert call("--version").stdout == f"{__version__}\n"
    as_module = subprocess.run(
        [sys.executable, "-m", "connector", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert as_module.stdout == f"{__version__}\n"


def test_a_valid_configuration_exits_0(tmp_path: Path) -> None:
    """With what was found."""
    result = call("validate", "--config", folder(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "valid: 1 topics (calls.v1), 2 channels\n")


def test_every_problem_is_printed_and_exits_78(tmp_path: Path) -> None:
    """On stderr, one a line."""
    file = folder(tmp_path, config=CONFIG.replace("group_id", "group_idd"), channels="key\n")
    result = call("validate", "--config", file)
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr == (
        f"{file}:2:3: kafka.group_id is missing (Consumer group)\n"
        f"{file}:3:3: kafka.group_idd is not known here: did you mean 'group_id'?\n"
        "invalid: 2 problems\n"
    )


def test_validate_speaks_json(tmp_path: Path) -> None:
    """For programs: places as numbers."""
    file = folder(tmp_path, calls=MAPPING.replace("version: 1", "version: 2"))
    result = call("validate", "--config", file, "--output", "json")
    assert result.exit_code == 78
    assert json.loads(result.stdout) == {
        "valid": False,
        "problems": [
            {
                "file": str(tmp_path / "mappings" / "calls.yaml"),
                "line": 1,
                "column": 10,
                "message": "version must be 1",
            }
        ],
    }
    valid = json.loads(call("validate", "--config", folder(tmp_path), "-o", "json").stdout)
    assert valid == {"valid": True, "topics": ["calls.v1"], "channels": 2, "problems": []}


def render(path: Path, value: object, *more: object, topic: str = "calls.v1") -> Result:
    record = path / "record.json"
    record.write_text(value if isinstance(value, str) else json.dumps(value))
    return call("render", "--config", folder(path), "--topic", topic, "--record", record, *more)


def test_render_prints_the_requests(tmp_path: Path) -> None:
    """Method, path, content type, body, rule and order key."""
    result = render(tmp_path, {"line_id": "line-1", "call_id": "c/1", "text": "hello"})
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "result": "requests",
        "rule": "summary",
        "order_key": ["call", "cha_1", "c/1"],
        "requests": [
            {
                "operation": "add-call-summary",
                "method": "POST",
                "path": "/channels/cha_1/calls/c%2F1/summary",
                "content_type": "application/json",
                "body": {"content": "hello"},
            }
        ],
    }


def test_render_exits_1_for_a_dead_letter(tmp_path: Path) -> None:
    """With reason and place."""
    result = render(tmp_path, {"line_id": "line-9", "call_id": "c", "text": "hello"})
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert (shown["result"], shown["reason"], shown["rule"]) == ("dead_letter", "mapping_failed", "summary")
    assert shown["message"].startswith("rule 'summary', channel: ")


def test_render_shows_a_skip(tmp_path: Path) -> None:
    """A null value."""
    result = render(tmp_path, {"value": None})
    assert (result.exit_code, json.loads(result.stdout)["reason"]) == (0, "null_value")


def test_render_says_what_is_wrong_with_its_arguments(tmp_path: Path) -> None:
    """Topic and file: usage errors."""
    topic = render(tmp_path, {}, topic="cals.v1")
    assert (topic.exit_code, topic.stderr) == (
        2,
        "--topic: no mapping file has the topic 'cals.v1': did you mean 'calls.v1'?\n",
    )
    record = render(tmp_path, "{")
    assert record.exit_code == 2
    assert record.stderr.startswith(f"--record: {tmp_path / 'record.json'}: not JSON: ")
    gone = call("render", "-c", folder(tmp_path), "--topic", "calls.v1", "--record", tmp_path / "gone.json")
    assert gone.exit_code == 2
    assert gone.stderr.startswith(f"--record: cannot read {tmp_path / 'gone.json'}: ")


def test_schemas_are_printed_as_they_lie_in_files() -> None:
    """So that a redirect mends a stale file."""
    assert call("schema", "config").stdout == as_text(config_schema())
    assert call("schema", "mapping").stdout == as_text(mapping_schema())
    assert call("schema", "other").exit_code == 2


def test_run_hands_the_configuration_to_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And exits as the service says."""
    given: list[Loaded] = []

    def run(loaded: Loaded) -> int:
        given.append(loaded)
        return 75

    service = ModuleType("connector.app")
    service.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "connector.app", service)
    assert call("run", "--config", folder(tmp_path)).exit_code == 75
    assert given[0].settings.kafka.group_id == "front"


def test_run_with_a_wrong_configuration_tells_kubernetes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first problem goes where `kubectl describe` shows it."""
    log = tmp_path / "termination-log"
    log.touch()
    monkeypatch.setattr(cli, "TERMINATION_LOG", log)
    assert call("run", "--config", tmp_path / "gone.yaml").exit_code == 78
    assert log.read_text() == (
        f"invalid configuration: {tmp_path / 'gone.yaml'}: cannot be read: No such file or directory\n"
    )


def test_simulate_tells_a_wrong_world(tmp_path: Path) -> None:
    """A usage error, with the file's name."""
    result = call("simulate", "--port", 0, "--world", tmp_path / "gone.yaml")
    assert result.exit_code == 2
    assert "gone.yaml" in result.stderr


@pytest.fixture
def readiness() -> Iterator[tuple[str, list[int]]]:
    """A server on loopback that answers with the last number of the list."""
    answers = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers[-1])
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/readyz", answers
        server.shutdown()
        thread.join()


def test_healthcheck_exits_by_the_answer(readiness: tuple[str, list[int]]) -> None:
    """Ready, not ready, nobody there."""
    url, answers = readiness
    ready = call("healthcheck", "--url", url)
    assert (ready.exit_code, ready.stdout) == (0, "ready: HTTP 200\n")
    answers.append(503)
    not_ready = call("healthcheck", "--url", url, "--output", "json")
    assert not_ready.exit_code == 1
    assert json.loads(not_ready.stdout) == {"ready": False, "answer": "HTTP 503"}
    nobody = call("healthcheck", "--url", "http://127.0.0.1:1/readyz")
    assert (nobody.exit_code, nobody.stdout) == (1, "not ready: no answer (ConnectError)\n")


@pytest.mark.parametrize("arguments", [["runn"], ["run"], ["validate", "--confg", "x"]])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    """As programs do."""
    assert call(*arguments).exit_code == 2
