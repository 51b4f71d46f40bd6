"""The loopback listener in the service: it listens from the start, nowhere else, and a port that is taken ends the start."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from connector.adapters.telemetry import configure_logging
from connector.app.assembly import assemble
from connector.app.desk import make_desk
from tests.support.world import Facts
from tests.unit.config_files import CONFIG, folder, loaded


async def test_it_listens_on_loopback_and_shows_what_was_assembled(tmp_path: Path) -> None:
    """127.0.0.1 whatever `telemetry.host` says, and before anything else has started."""
    config = f"{CONFIG}name: shop\ntelemetry: {{host: 0.0.0.0, port: 0}}\n"
    start = loaded(folder(tmp_path, config=config))
    parts = assemble(start, Facts())
    desk = make_desk(start, parts, configure_logging("info", "json", "pod-1"))
    await desk.start()
    assert desk._socket is not None
    assert desk._socket.getsockname()[0] == "127.0.0.1"
    await desk.close()


@pytest.mark.parametrize("setting", ["telemetry", "admin"])
def test_a_taken_port_ends_the_start_with_the_setting(tmp_path: Path, setting: str) -> None:
    """78, and the sentence names which of the two it is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"telemetry": 0, "admin": 0, setting: port}
        config = f"{CONFIG}telemetry: {{host: 127.0.0.1, port: {ports['telemetry']}}}\nadmin: {{port: {ports['admin']}}}\n"
        started = subprocess.run(
            [
                sys.executable,
                "-m",
                "connector",
                "run",
                "--config",
                str(folder(tmp_path, config=config)),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    last = json.loads(started.stdout.splitlines()[-1])
    assert (started.returncode, last["event"]) == (78, "startup.refused")
    assert last["why"].startswith(f"cannot listen on {setting}.port {port}: Address already in use")
