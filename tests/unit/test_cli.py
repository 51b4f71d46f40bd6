"""The command line: what is printed where, and the exit code of each outcome."""

import asyncio
import http.server
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from typer.testing import CliRunner, Result

from connector import __version__, cli
from connector.adapters.admin import ProbeSources, probes
from connector.config import Loaded
from connector.config.schemas import as_text, config_schema, mapping_schema
from connector.core.status import BuildInfo, HoldStatus, Snapshot
from tests.unit.config_files import CONFIG, MAPPING, folder

VERBS = ["run", "validate", "test", "render", "shadow", "schema", "simulate", "demo", "doctor", "healthcheck"]


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


def test_help_and_manual_say_the_same_of_each_exit_code() -> None:
    """What `--help` says of a code is how its row in docs/configuration.md begins; the operator's page has the same codes."""
    told = {
        code: " ".join(text.split())
        for code, text in re.findall(r"^  (\d+) +((?:.|\n {7})+)", cli.EXIT_CODES, re.MULTILINE)
    }

    def rows(page: str) -> dict[str, str]:
        text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
        section = text.split("## Exit codes", 1)[1].split("\n## ", 1)[0]
        return dict(re.findall(r"^\| (\d+) \| ([^|]*)", section, re.MULTILINE))

    manual = {code: text.replace("`", "").strip() for code, text in rows("configuration.md").items()}
    assert manual.keys() == told.keys() == rows("operations.md").keys()
    assert {code: manual[code][: len(text)] for code, text in told.items()} == told


def test_a_valid_configuration_exits_0(tmp_path: Path) -> None:
    """With what was found."""
    result = call("validate", "--config", folder(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "valid: 1 topic (calls.v1), 2 channels\n")


def test_every_problem_is_printed_and_exits_78(tmp_path: Path) -> None:
    """On stderr, one a line."""
    file = folder(tmp_path, config=CONFIG.replace("group_id", "group_idd"), channels="key\n")
    result = call("validate", "--config", file)
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr == (
        f"{tmp_path / 'channels.csv'}:1: the column channel and company and app is missing in the header\n"
        f"{file}:2:3: kafka.group_id is missing (Consumer group)\n"
        f"{file}:3:3: kafka.group_idd is not known here: did you mean 'group_id'?\n"
        "invalid: 3 problems\n"
    )


def test_one_problem_is_one(tmp_path: Path) -> None:
    """Not `1 problems`."""
    result = call("validate", "--config", folder(tmp_path, channels="key,channel,company\n"))
    assert result.stderr.endswith("invalid: 1 problem\n")


def test_what_is_valid_and_hardly_meant_is_a_warning(tmp_path: Path) -> None:
    """On stderr, with exit code 0; a table without rows, and a mapping file with the wrong ending."""
    file = folder(tmp_path, channels="key,channel,company,app\n")
    (tmp_path / "mappings" / "chat.yml").write_text(MAPPING)
    result = call("validate", "--config", file)
    said = [
        f"{tmp_path / 'mappings' / 'chat.yml'} is not read: name it .yaml",
        f"{tmp_path / 'channels.csv'} has no rows: every record whose rule asks it becomes a dead letter",
    ]
    assert (result.exit_code, result.stdout) == (0, "valid: 1 topic (calls.v1), 0 channels\n")
    assert result.stderr == "".join(f"warning: {line}\n" for line in said)
    assert json.loads(call("validate", "--config", file, "--output", "json").stdout)["warnings"] == said


def test_a_start_logs_the_same_warnings(tmp_path: Path) -> None:
    """Whoever never calls `validate` reads them in the log. Here the start then ends, as its port is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"telemetry: {{host: 127.0.0.1, port: {taken.getsockname()[1]}}}\n"
        file = folder(tmp_path, config=CONFIG + port)
        (tmp_path / "mappings" / "chat.yml").write_text(MAPPING)
        started = subprocess.run(
            [sys.executable, "-m", "connector", "run", "--config", str(file)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    lines = [json.loads(line) for line in started.stdout.splitlines()]
    assert started.returncode == 78
    assert [line["event"] for line in lines] == ["config.warning", "startup.refused"]
    assert lines[0]["why"].endswith("chat.yml is not read: name it .yaml")


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
    assert valid == {"valid": True, "topics": ["calls.v1"], "channels": 2, "warnings": [], "problems": []}


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
    assert record.stderr.startswith(f"{tmp_path / 'record.json'}: not JSON: ")
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


def page(snapshot: Snapshot) -> tuple[int, bytes]:
    """What the connector's own page answers for a state."""

    async def ask() -> tuple[int, bytes]:
        sources = ProbeSources(
            metrics=lambda _accept: (b"", ""),
            heartbeats={},
            snapshot=lambda: snapshot,
            build=BuildInfo(version="1", revision="r", python="3", librdkafka="2"),
        )
        transport = httpx.ASGITransport(probes(sources))
        async with httpx.AsyncClient(transport=transport, base_url="http://pod") as client:
            answer = await client.get("/readyz")
            return answer.status_code, answer.content

    return asyncio.run(ask())


@pytest.fixture
def readiness() -> Iterator[tuple[str, list[tuple[int, bytes]]]]:
    """A server on loopback that answers with the last code and body of the list."""
    answers = [(200, b"")]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers[-1][0])
            self.end_headers()
            self.wfile.write(answers[-1][1])

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/readyz", answers
        server.shutdown()
        thread.join()


HELD = HoldStatus("channel", "forbidden", "cha_1", 900.0)
STATES = [
    (Snapshot(state="running", ready=True), 0, "ready: running", "ready", "running"),
    (
        Snapshot(state="starting", ready=False, reasons=("waiting for the brokers",)),
        1,
        "not ready: starting: waiting for the brokers",
        "not_ready",
        "starting: waiting for the brokers",
    ),
    (
        Snapshot(state="running", ready=True, holds=(HELD,)),
        0,
        "ready, degraded: 1 hold",
        "degraded",
        "1 hold",
    ),
    (
        Snapshot(state="circuit_open", ready=True),
        0,
        "ready, degraded: circuit_open",
        "degraded",
        "circuit_open",
    ),
]


@pytest.mark.parametrize(
    ("snapshot", "code", "said", "status", "why"), STATES, ids=[row[2] for row in STATES]
)
def test_healthcheck_says_why(
    readiness: tuple[str, list[tuple[int, bytes]]],
    snapshot: Snapshot,
    code: int,
    said: str,
    status: str,
    why: str,
) -> None:
    """From the page itself, so that nobody needs a second command."""
    url, answers = readiness
    answers.append(page(snapshot))
    shown = call("healthcheck", "--url", url)
    assert (shown.exit_code, shown.stdout) == (code, f"{said}\n")
    as_json = call("healthcheck", "--url", url, "--output", "json")
    assert as_json.exit_code == code
    body = json.loads(answers[-1][1])
    assert json.loads(as_json.stdout) == {"ready": code == 0, "status": status, "why": why, "body": body}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"checks": []}'])
def test_healthcheck_takes_any_page(readiness: tuple[str, list[tuple[int, bytes]]], body: bytes) -> None:
    """Some proxy's, for example: then there is only its code."""
    url, answers = readiness
    answers.append((503, body))
    shown = call("healthcheck", "--url", url)
    assert (shown.exit_code, shown.stdout) == (1, "not ready: HTTP 503\n")
    as_json = json.loads(call("healthcheck", "--url", url, "--output", "json").stdout)
    assert as_json["body"] == (json.loads(body) if body.startswith((b"[", b"{")) else None)


def test_healthcheck_finds_nobody() -> None:
    """Which is not ready."""
    nobody = call("healthcheck", "--url", "http://127.0.0.1:1/readyz")
    assert (nobody.exit_code, nobody.stdout) == (1, "not ready: no answer (ConnectError)\n")


@pytest.mark.parametrize("arguments", [["runn"], ["run"], ["validate", "--confg", "x"]])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    """As programs do."""
    assert call(*arguments).exit_code == 2
