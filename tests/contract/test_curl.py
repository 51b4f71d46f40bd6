"""The curl commands of `render`: a shell runs them as they stand, and what arrives is what the service would send."""

import http.server
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from connector.adapters.files import FixedSecret
from connector.adapters.front.tokens import JwtTokens
from connector.core.mapping import Plan
from connector.core.operations import OPERATIONS, build
from connector.core.records import Channel
from connector.resources import mappings_dir, schemas_dir
from connector.simulator.server import running
from connector.simulator.world import DEMO_APP, DEMO_SECRET
from connector.workbench.render.command import Asked, run
from connector.workbench.render.curl import as_curl, placeholder
from tests.support.estates import raw_log
from tests.support.multipart import read_form
from tests.unit.config_files import CONFIG, folder, loaded

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

CHANNEL = Channel(id="cha_1", real_id="cha_1", company="shop", app="main")
NASTY = 'it\'s $HOME `id` "quoted" \\n !! %41 {a,b} [1-3] & ; | > /dev/null\n<b>ü</b> 日本'
TOKEN = "not-a-token"


class Received(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    authorization: str | None
    content_type: str
    content: bytes


@pytest.fixture
def peer() -> Iterator[tuple[str, list[Received]]]:
    """A server on loopback that keeps what it gets."""
    received: list[Received] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _take(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"] or 0))
            kind = self.headers["Content-Type"] or ""
            received.append(Received(self.command, self.path, self.headers["Authorization"], kind, content))
            self.send_response(204)
            self.end_headers()

        do_POST = do_PUT = do_PATCH = _take

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def shell(command: str, folder: Path, token: str) -> None:
    """As a person would: in a shell, with the token in the environment."""
    script = f"set -eu\n{command} --silent --show-error --fail --noproxy '*'"
    subprocess.run(
        ["/bin/sh", "-c", script], cwd=folder, env={"FRONT_TOKEN": token, "PATH": "/usr/bin:/bin"},
        check=True, timeout=60, capture_output=True,
    )  # fmt: skip


def request_of(operation: str, params: dict[str, object], body: dict[str, object]) -> Plan:
    built = build(OPERATIONS[operation], CHANNEL, params, body, "boundary")
    assert not isinstance(built, tuple), built
    return Plan(requests=(built,), key=("k",), rule="r")


def test_json_arrives_byte_for_byte(peer: tuple[str, list[Received]], tmp_path: Path) -> None:
    """Whatever stands in the record: nothing of it reaches the shell, nor curl's own patterns."""
    url, received = peer
    plan = request_of("add-call-summary", {"external_call_id": f"../{NASTY}"}, {"content": f"@{NASTY}"})
    http_request = plan.requests[0].http
    shell(as_curl(plan.requests[0], url), tmp_path, TOKEN)
    [got] = received
    assert got == Received(
        http_request.method, http_request.path, f"Bearer {TOKEN}", "application/json", http_request.content
    )


@pytest.mark.parametrize("call_id", [".", "..", "...", "a..b"])
def test_an_id_of_dots_is_no_step(peer: tuple[str, list[Received]], tmp_path: Path, call_id: str) -> None:
    """curl would take it for the folder above, and another request would be sent."""
    url, received = peer
    path = f"/channels/cha_1/calls/{call_id}/summary"
    (request,) = request_of("add-call-summary", {"external_call_id": "c"}, {"content": "text"}).requests
    shell(as_curl(replace(request, http=replace(request.http, path=path)), url), tmp_path, TOKEN)
    assert [got.path for got in received] == [path]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("call.wav", "attachment-0.wav"),
        ('a;b, "c" d.wav', "attachment-0.wav"),
        ("ü $HOME.wav", "attachment-0.wav"),
        (".env", "attachment-0"),
        ("back\\slash", "attachment-0"),
        ("a.b c", "attachment-0"),
        ('quote.a"b', "attachment-0"),
    ],
)
def test_a_form_arrives_with_the_same_parts(
    peer: tuple[str, list[Received]], tmp_path: Path, name: str, place: str
) -> None:
    """Fields and files. The files lie in the working directory under names that no record chose."""
    url, received = peer
    body: dict[str, object] = {
        "sender": {"handle": "@/etc/passwd"},
        "body": f"<{NASTY};type=x",
        "metadata": {"external_id": "m", "external_conversation_id": "c"},
        "attachments": [{"name": name, "content_type": "audio/wav; codecs=1", "content": b"\x00RIFF\xff"}],
    }
    (request,) = request_of("sync-inbound-message", {}, body).requests
    http_request = request.http
    wanted = read_form(http_request.content, http_request.content_type or "")
    (tmp_path / wanted.files[0].name).write_bytes(b"the operator's own")
    (tmp_path / place).write_bytes(b"\x00RIFF\xff")
    shell(as_curl(request, f"{url}/"), tmp_path, TOKEN)
    [got] = received
    assert (got.method, got.path) == (http_request.method, http_request.path)
    assert read_form(got.content, got.content_type) == wanted


def test_the_simulator_accepts_what_is_printed(tmp_path: Path) -> None:
    """A call, its recording, and a message, as the shipped files make them, with the tokens that the service would mint."""
    told = (
        ("telephony.calls.v1", "CallCreated/minimal"),
        ("telephony.calls.v1", "CallRecordingReady/minimal"),
        ("messaging.messages.v1", "MessageReceived/minimal"),
    )
    with running() as simulator:
        config = CONFIG.replace("main: {", f"demo: {{base_url: '{simulator.base_url}', ")
        config = config.replace("{folder: mappings}", f"{{folder: {mappings_dir()}}}")
        config = config.replace(
            "channels: channels.csv", f"channels: {mappings_dir() / 'channels.example.csv'}"
        )
        known = loaded(folder(tmp_path, config=config))
        tokens = JwtTokens(app_uid=DEMO_APP, secret=FixedSecret(DEMO_SECRET))
        rendered: list[str] = []
        for topic, example in told:
            path = schemas_dir() / "examples" / f"{example}.json"
            found = run(known, Asked(topic=topic, record=path, curl=True))
            assert found.commands is not None
            assert found.commands.count("$FRONT_TOKEN") == found.commands.count("curl ") == 1
            audio = json.loads(path.read_text())["value"].get("audio")
            if audio is not None:
                (tmp_path / placeholder(0, audio["name"])).write_bytes(b"RIFF....WAVE")
            channel = "cha_chat1" if "Message" in example else "cha_voice1"
            shell(found.commands, tmp_path, tokens.mint(channel, time.time()))
            requests = found.shown["requests"]
            assert isinstance(requests, list)
            rendered += [request["operation"] for request in requests]
        log = raw_log(simulator)
        assert [(entry["operation"], entry["accepted"]) for entry in log] == [
            (name, True) for name in rendered
        ]
