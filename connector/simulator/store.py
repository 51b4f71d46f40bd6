"""What a simulator knows, in a SQLite file: conversations, calls, templates, channels, and the newest of the raw log.

Written before the answer goes out, so that even a killed simulator knows what it accepted. Read
once, at the start; the bytes of files lie in a folder beside it. Tokens, limits and faults are not kept.
"""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from connector.simulator.accepted import Call, Message, Template, Thing
from connector.simulator.front import Front
from connector.simulator.request_log import Entry, RequestLog
from connector.simulator.stored_forms import (
    call_form,
    call_from,
    entry_form,
    entry_from,
    message_form,
    message_from,
)
from connector.simulator.world import Channel

_VERSION = 1
_LOG_MAX = 100_000
"""Newest requests that are kept."""
_PRUNED_EVERY = 1_000

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value);
CREATE TABLE IF NOT EXISTS things (
    channel TEXT, kind TEXT, id TEXT, doc TEXT NOT NULL, PRIMARY KEY (channel, kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (seq INTEGER PRIMARY KEY, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counts (
    operation TEXT, outcome TEXT, n INTEGER NOT NULL, PRIMARY KEY (operation, outcome)
) WITHOUT ROWID;
"""


class StoreError(Exception):
    """The file cannot be used; the text names it, and what to do."""


class Store:
    """One SQLite file, held by one simulator alone. Raises StoreError at making; `files` is the folder beside it."""

    def __init__(self, path: Path) -> None:
        self.files = path.with_name(f"{path.name}.files")
        self._entries: list[Entry] = []
        self._written: asyncio.Future[None] | None = None
        try:
            self._database = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing by it; only a machine that fails may lose the last requests.
            self._database.execute("PRAGMA synchronous=NORMAL")
            [version] = self._database.execute("PRAGMA user_version").fetchone()
            if version not in (0, _VERSION):
                raise StoreError(f"{path}: written by another version of the simulator; name another file")
            self._database.executescript(
                f"BEGIN EXCLUSIVE; {_TABLES} PRAGMA user_version={_VERSION}; COMMIT;"
            )
        except sqlite3.Error as exc:
            self.close()
            raise StoreError(
                f"{path}: cannot be used: {exc}; name another file, or stop the simulator that holds it"
            ) from exc
        except StoreError:
            self.close()
            raise

    def restore(self, front: Front, log: RequestLog) -> None:
        """Put what the file holds into an empty Front and an empty log."""
        meta = dict(self._database.execute("SELECT name, value FROM meta"))
        front.accepted.uids_made = meta.get("uids_made", 0)
        front.accepted.templates_made = meta.get("templates_made", 0)
        for channel, doc in self._things("channel"):
            if doc["taken_in"] is not None and channel not in front.world.channels:
                front.take_in(channel, Channel.model_validate(doc["taken_in"]))
            front.accepted.of(channel, doc["company"]).status = doc["status"]
        for channel, doc in self._things("template"):
            front.accepted.channels[channel].templates[doc["external_id"]] = Template(**doc)
        self._restore_messages(front)
        calls = [(channel, call_from(doc)) for channel, doc in self._things("call")]
        for channel, call in sorted(calls, key=lambda pair: _last_touch(pair[1])):
            front.accepted.channels[channel].touch_call(call)
        self._restore_log(log)

    def _restore_messages(self, front: Front) -> None:
        """In the order in which they came and failed, so that conversations stand as they stood."""
        steps: list[tuple[int, bool, str, Message]] = []
        for channel, doc in self._things("message"):
            message = message_from(doc)
            steps.append((message.stamp.seq, False, channel, message))
            if message.failed_at is not None:
                steps.append((message.failed_at.seq, True, channel, message))
        for _seq, failed, channel, message in sorted(steps, key=lambda step: step[:2]):
            if not failed:
                front.accepted.add_message(channel, message)
            elif message.failed_at is not None:
                inbox = front.accepted.channels[channel]
                inbox.fail_message(message, message.reason, message.failed_at)

    def _restore_log(self, log: RequestLog) -> None:
        for (doc,) in self._database.execute("SELECT doc FROM requests ORDER BY seq"):
            entry = entry_from(json.loads(doc))
            if not log.entries:
                log.arrived = entry.seq - 1
            while log.arrived < entry.seq - 1:
                log.add_past(_lost(log.arrived + 1, entry.wall))
            log.add_past(entry)
        for operation, outcome, count in self._database.execute("SELECT operation, outcome, n FROM counts"):
            log.counts[operation or None, int(outcome) if outcome.isdecimal() else outcome] = count

    def _things(self, kind: str) -> Iterator[tuple[str, Any]]:
        rows = self._database.execute("SELECT channel, doc FROM things WHERE kind = ?", (kind,))
        return ((channel, json.loads(doc)) for channel, doc in rows)

    def settled(self, front: Front, entry: Entry) -> "asyncio.Future[None]":
        """Done when what changed since the last time and this request are written; one commit for all of a moment."""
        loop = asyncio.get_running_loop()
        if self._written is None:
            self._written = loop.create_future()
            loop.call_soon(self._write, front, self._written)
        self._entries.append(entry)
        # One request that is given up must not take the others of its moment with it.
        return asyncio.shield(self._written)

    def _write(self, front: Front, written: "asyncio.Future[None]") -> None:
        entries, self._entries, self._written = self._entries, [], None
        changes, front.changes = front.changes or [], []
        try:
            self._commit(front, changes, entries)
        except sqlite3.Error as exc:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            # With the next moment's; these requests are answered with a 500.
            self._entries, front.changes = entries + self._entries, changes + (front.changes or [])
            written.set_exception(exc)
        else:
            written.set_result(None)

    def _commit(self, front: Front, changes: list[tuple[str, Thing]], entries: list[Entry]) -> None:
        do = self._database.execute
        do("BEGIN")
        for channel, thing in changes:
            kind, name, doc = _row(front, channel, thing)
            do("REPLACE INTO things VALUES (?, ?, ?, ?)", (channel, kind, name, _text(doc)))
        rows = ((entry.seq, _text(entry_form(entry))) for entry in entries)
        self._database.executemany("REPLACE INTO requests VALUES (?, ?)", rows)
        outcomes = Counter((entry.operation or "", str(entry.outcome)) for entry in entries)
        for (operation, outcome), count in outcomes.items():
            do(
                "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                (operation, outcome, count),
            )
        if changes:
            made = front.accepted
            do("REPLACE INTO meta VALUES ('uids_made', ?)", (made.uids_made,))
            do("REPLACE INTO meta VALUES ('templates_made', ?)", (made.templates_made,))
        for entry in entries:
            if entry.seq % _PRUNED_EVERY == 0:
                do("DELETE FROM requests WHERE seq <= ?", (entry.seq - _LOG_MAX,))
        do("COMMIT")

    def clear(self) -> None:
        """Forget all. What is still to be written is of what comes after."""
        self._database.executescript(
            "BEGIN; DELETE FROM meta; DELETE FROM things; DELETE FROM requests; DELETE FROM counts; COMMIT;"
        )

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        with suppress(AttributeError, sqlite3.Error):
            self._database.close()


def _lost(seq: int, wall: float) -> Entry:
    """In the place of a request that was under way when the simulator was killed."""
    entry = Entry(seq=seq, at=0.0, wall=wall, method="", operation=None)
    entry.outcome, entry.remark = "gone", "under way when the simulator was killed"
    return entry


def _row(front: Front, channel: str, thing: Thing) -> tuple[str, str, Any]:
    """Kind, id and form of one thing."""
    match thing:
        case Message():
            return "message", thing.uid, message_form(thing)
        case Call():
            return "call", thing.external_call_id, call_form(thing)
        case Template():
            doc = {
                "external_id": thing.external_id,
                "template_id": thing.template_id,
                "fields": thing.fields,
            }
            return "template", thing.external_id, doc
        case None:
            taken_in = front.taken_in(channel)
            of = front.channels[channel]
            inbox = front.accepted.channels.get(channel)
            return (
                "channel",
                "",
                {
                    "company": of.company,
                    "status": inbox.status if inbox is not None else None,
                    "taken_in": taken_in.model_dump(mode="json") if taken_in is not None else None,
                },
            )


def _last_touch(call: Call) -> int:
    states = max((one.stamp.seq for one in call.states), default=0)
    return max(call.stamp.seq, states, max((one.stamp.seq for one in call.assets), default=0))


def _text(doc: Any) -> str:
    """ASCII, since ids may hold halves of characters."""
    return json.dumps(doc, separators=(",", ":"))
