"""The connector as a user runs it: a process of its own, started from a folder, killed and started again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx


class Service:
    """`front-connector run` on a configuration. Its log is kept in `log`, one JSON object a line."""

    def __init__(self, config: Path, environment: dict[str, str] | None = None) -> None:
        self.config = config
        self.log = config.parent / "connector.log"
        self.environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        assert self._process is None or self._process.poll() is not None, "it runs already"
        command = [sys.executable, "-m", "connector", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **self.environment}
            )

    def kill(self) -> None:
        """kill -9: no time to say anything."""
        self._signal(signal.SIGKILL)
        self.wait()

    def terminate(self, timeout: float = 60.0) -> int:
        """SIGTERM, as Kubernetes does; the exit code."""
        self._signal(signal.SIGTERM)
        return self.wait(timeout)

    def ask_to_end(self) -> None:
        """SIGTERM, without waiting; `wait` gives the exit code."""
        self._signal(signal.SIGTERM)

    def hang_up(self) -> None:
        """SIGHUP: files are to be looked at now."""
        self._signal(signal.SIGHUP)

    def freeze(self) -> None:
        """Stop its clock (SIGSTOP): its connections stay open and it answers nothing, like a machine in a long pause."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def wait(self, timeout: float = 60.0) -> int:
        """The exit code, once it has ended."""
        assert self._process is not None
        return self._process.wait(timeout)

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def lines(self) -> list[dict[str, Any]]:
        """All lines of its log that are JSON, of every start; not one that is being written."""
        whole = [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [json.loads(line) for line in whole if line.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        return [line for line in self.lines() if line.get("event") == name]

    def get(self, path: str) -> httpx.Response:
        """Ask its probes and metrics listener."""
        port = self.events("connector.started")[-1]["port"]
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5.0)

    @property
    def admin_url(self) -> str:
        """Of its listener on loopback."""
        return f"http://127.0.0.1:{self.events('connector.started')[-1]['admin_port']}"

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that have these labels."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            found = re.fullmatch(rf"{name}(\{{(.*)\}})? (\S+)", line)
            if found and all(f'{key}="{value}"' in (found[2] or "") for key, value in labels.items()):
                total += float(found[3])
        return total

    def stop(self) -> None:
        """Make sure that it is gone."""
        if self.running:
            self.kill()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


def eventually(
    condition: Callable[[], bool], timeout: float = 60.0, what: str | Callable[[], str] = "the condition"
) -> None:
    """Wait until it holds. Polls: nobody tells us what another process has done. `what` may look once more for what is not."""
    ends = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= ends:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"{said} did not come true within {timeout} s")
        time.sleep(0.05)
