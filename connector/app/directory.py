"""The channel directory while the service runs: its rows follow a file or a compacted topic.

Rows change on the event loop, between records; the pipeline is told in the same step, so that no record of their lines that is
read later can overtake those that waited. A line may be a phone number: neither lines nor rows are logged.
"""

import asyncio
import time
from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeAlias

from connector.adapters.files import FileWatch, Unreadable
from connector.adapters.kafka import Entry, Renewal, Table
from connector.config.channels import TABLE_BYTES_MAX, parse_channels, read_row
from connector.config.problems import Problem
from connector.core.mapping import ChannelDirectory, ChannelRow
from connector.ports import EventLog

RowsCame: TypeAlias = Callable[[Container[str]], None]
"""Told, in the step of the loop that changed the directory, which lines have a row now."""

AT_ONCE = 500
"""Rows that are changed in one step of the loop: some 5 ms, and 10 us for each partition in which one was waited for.

What waited for them is released in steps of its own: see `pipeline/aside.py`.
"""
LINES_TOLD = 10
DISAGREES = "another row of its channel has another company, app or alias: the older row of its line stays until they agree"


class Rows(Protocol):
    """Where the directory's rows come from."""

    @property
    def waiting_for(self) -> str | None:
        """Why no record may start yet; None: all rows were read once."""

    @property
    def reloaded(self) -> bool | None:
        """Whether the newest version was of use; None: it is never read again."""

    @property
    def count(self) -> int:
        """Rows in force."""

    def look_now(self) -> None:
        """Look for changes at once."""

    def renew(self, renewal: Renewal) -> None:
        """Log in at the brokers with these from now on."""

    async def run(self, rows_came: RowsCame) -> None:
        """Follow the rows until cancelled, or return if they never change."""


class FixedRows:
    """No source: the directory stays empty. Implements `Rows`."""

    waiting_for: str | None = None
    reloaded: bool | None = None
    count = 0

    def look_now(self) -> None:
        """Nothing to look at."""

    def renew(self, renewal: Renewal) -> None:
        """It asks no broker."""

    async def run(self, rows_came: RowsCame) -> None:
        """Nothing changes."""


class FileRows:
    """A file that was read at start, and is taken over whenever its content changes and is valid. Implements `Rows`."""

    waiting_for: str | None = None

    def __init__(self, directory: ChannelDirectory, path: Path, digest: str | None, log: EventLog) -> None:
        """`digest`: of the content that `directory` was made of (SHA-256, hex)."""
        self._directory = directory
        self._path = path
        self._watch = FileWatch(path, digest, TABLE_BYTES_MAX)
        self._log = log
        self._few = False
        self.reloaded: bool | None = True

    @property
    def count(self) -> int:
        """Rows in force."""
        return len(self._directory.rows)

    def renew(self, renewal: Renewal) -> None:
        """It asks no broker."""

    def look_now(self) -> None:
        """Look at the file at once, and take it over even if most rows are gone."""
        self._watch.look_now(anew=self._few)

    async def run(self, rows_came: RowsCame) -> None:
        """For ever: take over each new version that is valid; of any other say why not, and keep what there is."""
        while True:
            content = await self._watch.changed()
            self._few = False
            if isinstance(content, Unreadable):
                self._refuse(f"it cannot be read: {content.why}")
                continue
            parsed = await asyncio.to_thread(self._parsed, content)
            if isinstance(parsed, str):
                self._refuse(parsed)
                continue
            few = await asyncio.to_thread(self._too_few, parsed)
            if few is not None and not self._watch.asked_for:
                self._few = True
                self._refuse(few)
                continue
            await self._change(parsed, rows_came)
            self.reloaded = True
            where = {"path": str(self._path), "rows": len(self._directory.rows)}
            self._log.info("config.reloaded", kind="channels", **where, changed=len(parsed))

    def _parsed(self, content: bytes) -> Mapping[str, ChannelRow | None] | str:
        """In a thread: what changes by this content, or why it is refused."""
        rows = parse_channels(self._path, content, str(self._path), self._directory.apps)
        return _where(rows) if isinstance(rows, list) else self._directory.difference(rows)

    def _too_few(self, changes: Mapping[str, ChannelRow | None]) -> str | None:
        """In a thread: why a valid table is not believed, for its writer may have stopped half way."""
        rows = self._directory.rows
        came = sum(key not in rows for key in changes)
        left = len(rows) + came - sum(row is None for row in changes.values())
        if left * 2 >= len(rows):
            return None
        return (
            f"it has {left} rows, where {len(rows)} are in use: with less than half of them it may be half written; "
            "if it is meant, send the process a SIGHUP"
        )

    async def _change(self, changes: Mapping[str, ChannelRow | None], rows_came: RowsCame) -> None:
        rest = iter(changes.items())
        while part := dict(islice(rest, AT_ONCE)):
            rows_came(frozenset(self._directory.change(part).set))
            await asyncio.sleep(0)

    def _refuse(self, why: str) -> None:
        self.reloaded = False
        self._log.error("config.reload.failed", kind="channels", path=str(self._path), why=why)


def _where(problems: Sequence[Problem]) -> str:
    """What is wrong with a table, for the log: its problems name rows, which may not stand there."""
    lines = sorted({problem.line for problem in problems if problem.line is not None})
    if not lines:
        return "; ".join(problem.message for problem in problems)
    told = ", ".join(str(line) for line in lines[:LINES_TOLD])
    more = f" and {len(lines) - LINES_TOLD} more" if len(lines) > LINES_TOLD else ""
    noun = "line" if len(lines) == 1 else "lines"
    return f"{noun} {told}{more}: `front-connector validate` says what is wrong there"


class TopicRows:
    """A compacted topic, read whole before the first record and followed afterwards. Implements `Rows`."""

    def __init__(
        self,
        directory: ChannelDirectory,
        topic: str,
        properties: Mapping[str, object],
        log: EventLog,
        refused: Callable[[], None],
    ) -> None:
        """`properties` of its client; `refused` counts a record that is no valid row. Raises ValueError, see `Table`."""
        self._directory = directory
        self._topic = topic
        self._table = Table(topic, properties, partial(read_row, apps=directory.apps))
        self._log = log
        self._refused = refused
        self._disagreeing: dict[str, tuple[int, int]] = {}
        self._told: dict[str, tuple[int, int]] = {}
        self._began = time.monotonic()
        self.reloaded: bool | None = None

    @property
    def waiting_for(self) -> str | None:
        """Why its end was not reached yet."""
        return self._table.waiting_for

    @property
    def count(self) -> int:
        """Rows in force."""
        return len(self._directory.rows)

    def renew(self, renewal: Renewal) -> None:
        """Log in with these from now on."""
        self._table.renew(renewal)

    def look_now(self) -> None:
        """It is always being looked at."""

    async def run(self, rows_came: RowsCame) -> None:
        """For ever: each record is a row, or removes one; a bad one changes nothing."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._say_what_is_awaited())
            await self._table.follow(partial(self._take, rows_came), self._whole)

    async def _say_what_is_awaited(self) -> None:
        told: str | None = None
        while (why := self.waiting_for) is not None:
            if told not in (None, why):
                self._log.warning("channels.waiting", topic=self._topic, why=why)
            told = why
            await asyncio.sleep(1.0)

    def _whole(self) -> None:
        seconds = round(time.monotonic() - self._began, 3)
        self._log.info("channels.read", topic=self._topic, rows=len(self._directory.rows), seconds=seconds)
        self._tell_disagreeing()

    def _take(
        self, rows_came: RowsCame, entries: Sequence[Entry[tuple[str, ChannelRow | None] | str]]
    ) -> None:
        changes: dict[str, ChannelRow | None] = {}
        places: dict[str, tuple[int, int]] = {}
        for entry in entries:
            if isinstance(entry.read, str):
                self._refuse(entry.partition, entry.offset, entry.read)
                continue
            line, row = entry.read
            changes[line], places[line] = row, (entry.partition, entry.offset)
        change = self._directory.change(changes)
        self._disagreeing.update({line: places[line] for line in change.refused})
        rows_came(frozenset(change.set))
        if self.waiting_for is None:
            self._tell_disagreeing()
            if change.set or None in changes.values():
                rows = len(self._directory.rows)
                self._log.info(
                    "config.reloaded", kind="channels", topic=self._topic, rows=rows, changed=len(changes)
                )

    def _tell_disagreeing(self) -> None:
        """Once for each record; at start only those that still disagree when all were read."""
        kept_back = self._directory.kept_back
        self._disagreeing = {line: at for line, at in self._disagreeing.items() if line in kept_back}
        for line, at in self._disagreeing.items():
            if self._told.get(line) != at:
                self._refuse(*at, DISAGREES)
        self._told = dict(self._disagreeing)

    def _refuse(self, partition: int, offset: int, why: str) -> None:
        self._refused()
        self._log.error(
            "channels.row_refused", topic=self._topic, partition=partition, offset=offset, why=why
        )
