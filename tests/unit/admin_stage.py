"""The loopback listener on a real socket, over a process whose state a test chooses; its logs are the real ones."""

import asyncio
import json
from dataclasses import replace
from io import StringIO
from typing import Any

import httpx

from connector.adapters.admin import LOOPBACK, AdminSources, Listener, desk
from connector.adapters.telemetry import configure_logging
from connector.core.skipping import Lettered, Skipped
from connector.core.status import BuildInfo, Detail, PartitionStatus, Snapshot
from connector.ports import Acknowledged, NotWritten

NAME = "shop-connector"
NOW = 1_700_000_000.0
BUILD = BuildInfo(version="1.2.3", revision="abc", python="3.12.1", librdkafka="2.16.0")
RUNNING = Snapshot(
    state="running",
    ready=True,
    last_poll_wall=NOW,
    partitions=(
        PartitionStatus("calls", 1, committed=5, position=8, end=9, unsettled=3),
        PartitionStatus("calls", 0, committed=0, position=0, end=0),
        PartitionStatus("chat", 0, paused_reason="hold"),
    ),
)


class Control:
    """A control topic that keeps what was said, and answers as a test chooses."""

    def __init__(self) -> None:
        self.said: list[tuple[bool, str | None]] = []
        self.answer: Acknowledged | NotWritten = Acknowledged()

    async def say(self, *, paused: bool, reason: str | None) -> Acknowledged | NotWritten:
        self.said.append((paused, reason))
        return self.answer


class Desk:
    """`snapshot` and `detail` may be changed between requests. `said` is the log; `settled` what was asked to be settled."""

    def __init__(self, headers_within_s: float = 10.0, *, control: bool = True) -> None:
        self.snapshot, self.detail = RUNNING, Detail(kafka_cluster="cluster-1")
        self.control = Control() if control else None
        self.settled: list[tuple[str, int, int, str]] = []
        self.skipped: Skipped = Lettered()
        self._stream = StringIO()
        self.logs = configure_logging("info", "json", "pod-1", self._stream)
        sources = AdminSources(
            name=NAME,
            instance="pod-1",
            build=BUILD,
            settings={"kafka.group_id": "front", "front.apps.main.secret": "**********"},
            topics=("calls", "chat"),
            snapshot=lambda: self.snapshot,
            detail=lambda: self.detail,
            recent=lambda: self.logs.recent.lines,
            levels=self.logs.levels,
            pauses=self.control,
            settle=self._settle,
            dead_letter_topic="letters",
            audit=self.logs.levels.audit,
            started_wall=NOW - 3600,
            now_wall=lambda: NOW,
        )
        self.listener = Listener(desk(sources), 0, LOOPBACK, headers_within_s)

    async def _settle(self, topic: str, partition: int, offset: int, reason: str) -> Skipped:
        self.settled.append((topic, partition, offset, reason))
        return self.skipped

    def said(self, event: str) -> list[dict[str, Any]]:
        """The log's lines of one event."""
        lines = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]

    def be(self, **changes: Any) -> None:
        """Change the snapshot."""
        self.snapshot = replace(self.snapshot, **changes)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request on a connection of its own."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            return await client.request(method, f"http://{LOOPBACK}:{self.listener.port}{path}", **options)

    async def get(self, path: str, **options: Any) -> Any:
        """The JSON of a 200."""
        answer = await self.ask("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def raw(self, request: bytes) -> bytes:
        """All that comes back on one connection until it is closed by the other side."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self.listener.port)
        writer.write(request)
        try:
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
