"""The connector as a user runs it: a process of its own, started on a configuration; its log is a file beside that.

Nothing of it is called from here: it is watched as an operator would, by its log and its metrics.
"""

import json
import sys
from pathlib import Path

from connector.demo.process import Guarded

LOG_NAME = "connector.log"
_STOP_WITHIN_S = 30.0


class Connector:
    """`front-connector run --config ...`, started at once. A context manager, at whose end it is gone."""

    def __init__(self, config: Path) -> None:
        self.log = config.parent / LOG_NAME
        self._port: int | None = None
        # From the folder of the configuration: a working directory could hold other things called `connector`.
        self._process = Guarded(
            [sys.executable, "-m", "connector", "run", "--config", str(config)],
            log=self.log,
            directory=config.parent,
        )

    def __enter__(self) -> "Connector":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop(_STOP_WITHIN_S)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive

    @property
    def admin_url(self) -> str | None:
        """Where its probes and metrics are; None until it listens."""
        if self._port is None:
            self._port = self._announced_port()
        return None if self._port is None else f"http://127.0.0.1:{self._port}"

    def stop(self) -> int:
        """SIGTERM, and kill if that is not enough; its exit status."""
        self._process.stop(_STOP_WITHIN_S)
        return self._process.wait(0)

    def _announced_port(self) -> int | None:
        for line in self.log.read_text(encoding="utf-8").splitlines():
            if '"connector.started"' in line and line.endswith("}"):
                port: int = json.loads(line)["port"]
                return port
        return None
