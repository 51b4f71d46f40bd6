"""The demo as a person runs it: the command, what it prints, how it ends, and what it leaves behind."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connector.core.operations import OPERATIONS
from tests.support.kafka import free_ports
from tests.support.service import eventually

RECORDS = 300
VERDICT = re.compile(r"verdict: lost=(\d+) out_of_order=(\d+) duplicates=(\d+)")
# Settings of a user's own connector, which would make the demo's invalid; and rich's wish for colours in a pipe.
ENVIRONMENT = {
    "FRONT_CONNECTOR_KAFKA__GROUP_ID": "theirs",
    "FRONT_CONNECTOR_NONSENSE": "1",
    "FORCE_COLOR": "1",
    "HTTP_PROXY": "http://127.0.0.1:1",
}


@contextmanager
def demo(folder: Path, *options: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """A demo that has started; its temporary files are made in `folder`."""
    command = [sys.executable, "-m", "connector", "demo", "--records", str(RECORDS), *options]
    process = subprocess.Popen(
        command,
        env={**os.environ, **ENVIRONMENT, "TMPDIR": str(folder)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with process:
            yield process
    finally:
        process.kill()


def connectors(folder: Path) -> list[int]:
    """Processes that run on a configuration in this folder."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=", "-o", "args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, args in rows if "connector run" in args and str(folder) in args]


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the demo ended before it said {text!r}")


def test_with_faults_nothing_is_lost_and_all_is_told(tmp_path: Path) -> None:
    """429s, 500s, lost answers and bad records: all of one record's fates stand in the table, and the verdict is good."""
    with demo(tmp_path) as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, ""), out
    assert "\x1b" not in out
    lines = out.splitlines()
    assert lines[0] == (
        "300 records of 24 companies through an embedded Kafka to a simulated Front, with faults (seed 1)"
    )
    assert re.fullmatch(r"what Front receives, while this runs: http://127\.0\.0\.1:\d+/", lines[1])
    progress = [line for line in lines if " s  produced 300 of 300, settled 300, " in line]
    assert re.search(r"429s [1-9]\d*, failures [1-9]\d*, dead letters 8$", progress[-1])
    found = VERDICT.fullmatch(lines[-1])
    assert found is not None
    assert found.group(1, 2) == ("0", "0")
    assert int(found[3]) > 0, "answers were lost, so some requests were sent again"
    for word in (*OPERATIONS, "decode_failed", "schema_missing", "attachment_rejected", "skipped"):
        assert word in out
    assert list(tmp_path.iterdir()) == []


def test_calm_on_a_terminal_shows_bars_and_no_duplicates(tmp_path: Path) -> None:
    """Without faults there is nothing to send twice and nothing to dead-letter."""
    ours, theirs = pty.openpty()
    with demo(tmp_path, "--calm", stdout=theirs) as process:
        os.close(theirs)
        out = _drained(ours)
        assert process.stderr is not None
        err = process.stderr.read()
    assert (process.returncode, err) == (0, ""), out
    assert "━━━" in out
    assert "\x1b[" in out
    assert "dead-lettered" not in out
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out).splitlines()[-1]
    assert last == "verdict: lost=0 out_of_order=0 duplicates=0"
    assert list(tmp_path.iterdir()) == []


def test_a_connector_that_dies_is_a_failed_demo(tmp_path: Path) -> None:
    """What it had not done is lost; the exit code says so, and where to look."""
    with demo(tmp_path) as process:
        eventually(lambda: len(connectors(tmp_path)) == 1, 60, "a running connector")
        os.kill(connectors(tmp_path)[0], signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (1, ""), out
    lines = out.splitlines()
    found = VERDICT.fullmatch(lines[-1])
    assert found is not None
    assert int(found[1]) > 0
    [kept] = tmp_path.iterdir()
    assert lines[-2] == f"kept for you to look at: {kept} (the connector's log: {kept / 'connector.log'})"
    assert (kept / "connector.log").exists()
    assert "the connector ended with exit code -9 instead of 0" in lines
    assert "the fates of the records are not as planned: see the table" in lines


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_everything(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Ctrl-C in the middle leaves neither a process nor a file."""
    with demo(tmp_path) as process:
        read_until(process, "produced")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, "")
    assert out.splitlines()[-1] == "interrupted; everything is stopped"
    assert connectors(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_killed_demo_leaves_no_connector(tmp_path: Path) -> None:
    """Not even kill -9 makes an orphan."""
    with demo(tmp_path) as process:
        eventually(lambda: len(connectors(tmp_path)) == 1, 60, "a running connector")
        process.kill()
        process.communicate(timeout=60)
    eventually(lambda: connectors(tmp_path) == [], 30, "the connector's end")


def _drained(terminal: int) -> str:
    """All that is written to a terminal until its other side is closed, for which Linux says EIO."""
    chunks = []
    with os.fdopen(terminal, "rb", buffering=0) as file:
        while True:
            try:
                chunk = file.read(65536)
            except OSError:
                break
            if not chunk:
                break
            chunks.append(chunk)
    return b"".join(chunks).decode()


def test_live_it_takes_its_time_and_shows_its_metrics(tmp_path: Path) -> None:
    """Records come as they happen, so that a dashboard has something to show; the verdict is given all the same."""
    [port] = free_ports(1)
    with demo(tmp_path, "--live", "--records", "8", "--metrics-port", str(port)) as process:
        read_until(process, f"the connector's metrics: http://127.0.0.1:{port}/metrics")
        assert process.stdout is not None
        waiting = next(line for line in process.stdout if "settled" in line)
        assert "produced 8 of 8" not in waiting, "they come one after another"
        eventually(
            lambda: _metrics(port).count("front_connector_records_received_total{") > 0, 120, "a record"
        )
        out, err = process.communicate(timeout=180)
    assert (process.returncode, err) == (0, ""), out
    found = VERDICT.fullmatch(out.splitlines()[-1])
    assert found is not None
    assert found.group(1, 2) == ("0", "0")


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    """Before anything is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with demo(tmp_path, "--metrics-port", str(port)) as process:
            out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (69, "")
    assert (
        out == f"the demo cannot go on: port {port} of --metrics-port: Address already in use; name another\n"
    )
    assert list(tmp_path.iterdir()) == []


def _metrics(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    except httpx.TransportError:
        return ""
