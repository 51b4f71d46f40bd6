"""What the inbox page asks for, as routes under /_sim/inbox: what is new, threads by newest activity, one of them.

Reads what `accepted.py` and `request_log.py` keep, and changes nothing. Every answer is bounded, so that a page
which looks once a second costs a busy simulator little: a list is some heads and a place to go on from.
"""

import heapq
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from connector.simulator.accepted import ChannelInbox
from connector.simulator.control_input import whole
from connector.simulator.inbox_heads import Thread, head, matches
from connector.simulator.replies import Header, Reply, as_json, error
from connector.simulator.request_log import Outcome
from connector.simulator.state import State

_SCANNED_MAX = 4_000
"""Threads looked at for one answer: a search goes on from there, and requests to Front are served in between."""

Route = Callable[[Mapping[str, str], bytes], Reply]


class Inbox:
    """The page's own routes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._run: tuple[object, str] = (None, "")

    def routes(self) -> dict[tuple[str, str], Route]:
        """For the table in `control.py`."""
        return {
            ("GET", "/_sim/inbox/live"): self._live,
            ("GET", "/_sim/inbox/channels"): self._channels,
            ("GET", "/_sim/inbox/threads"): self._threads,
            ("GET", "/_sim/inbox/conversation"): self._conversation,
            ("GET", "/_sim/inbox/call"): self._call,
            ("GET", "/_sim/inbox/templates"): self._templates,
            ("GET", "/_sim/inbox/preview"): self._preview,
        }

    def _live(self, query: Mapping[str, str], _: bytes) -> Reply:
        """Totals, the newest requests behind number `after`, and those of `open` that were still under way."""
        log = self._state.log
        after, limit = _number(query, "after", 0), _number(query, "limit", 200, 1_000)
        first = log.arrived - len(log.entries)
        start = max(after, log.arrived - limit, first)
        entries = [log.entries[seq - first] for seq in range(start, log.arrived)]
        waited = [int(seq) for seq in islice((query.get("open") or "").split(","), 200) if seq.isdecimal()]
        again = [log.entries[seq - first - 1] for seq in waited if first < seq <= log.arrived]
        outcomes: Counter[str] = Counter()
        for (_operation, outcome), count in log.counts.items():
            outcomes[_verdict(outcome)] += count
        content = {
            "run": self._token(),
            "arrived": log.arrived,
            "in_flight": log.in_flight,
            "in_flight_peak": log.in_flight_peak,
            "outcomes": outcomes,
            "requests": [entry.shown() for entry in entries],
            "again": [entry.shown() for entry in again],
            "skipped": max(0, start - max(after, first)),
        }
        return as_json(200, content)

    def _token(self) -> str:
        """A name for what the log tells of: another one after a start or a reset, so that a page forgets."""
        if self._run[0] is not self._state.log:
            self._run = (self._state.log, secrets.token_hex(6))
        return self._run[1]

    def _channels(self, _query: Mapping[str, str], _: bytes) -> Reply:
        """Every channel of the world and every one that was taken in, with counts."""
        front = self._state.front
        rows: list[dict[str, Any]] = []
        taken_in = front.accepted.channels
        for name, of in front.world.channels.items():
            inbox = taken_in.get(name)
            counts = _counts(inbox if inbox is not None else ChannelInbox(of.company))
            rows.append({"id": name, "company": of.company, "type": of.type, "aliases": of.aliases} | counts)
        for name, inbox in taken_in.items():
            if name not in front.world.channels:
                rows.append(
                    {"id": name, "company": inbox.company, "type": None, "aliases": ()} | _counts(inbox)
                )
        return as_json(200, {"channels": rows})

    def _threads(self, query: Mapping[str, str], _: bytes) -> Reply:
        """Conversations and calls by newest activity. `next` is where to go on, absent at the end."""
        kind, wanted = query.get("kind", "all"), query.get("q", "").strip()
        limit, before = _number(query, "limit", 60, 500), _number(query, "before", 0)
        heads: list[dict[str, Any]] = []
        scanned = 0
        last: int | None = None
        for thread in self._newest(query.get("channel"), query.get("company")):
            if before and thread.seq >= before:
                continue
            if len(heads) >= limit or scanned >= _SCANNED_MAX:
                return as_json(200, {"threads": heads, "next": last})
            scanned += 1
            last = thread.seq
            if thread.fits(kind) and (not wanted or matches(thread, wanted)):
                heads.append(head(thread))
        return as_json(200, {"threads": heads})

    def _newest(self, channel: str | None, company: str | None) -> Iterator[Thread]:
        streams = []
        for name, inbox in self._state.front.accepted.channels.items():
            if channel in (None, name) and company in (None, inbox.company):
                streams += [_conversations(name, inbox), _calls(name, inbox)]
        return heapq.merge(*streams, key=lambda thread: -thread.seq)

    def _conversation(self, query: Mapping[str, str], _: bytes) -> Reply:
        """Messages of one conversation, in order: the last `limit` before number `before`."""
        inbox = self._state.front.accepted.channels.get(query.get("channel", ""))
        messages = inbox.conversations.get(query.get("id", "")) if inbox is not None else None
        if inbox is None or messages is None:
            return error(404, "Not found", "No such conversation.")
        limit = _number(query, "limit", 100, 500)
        end = min(_number(query, "before", len(messages)), len(messages))
        start = max(0, end - limit)
        content = {
            "channel": query["channel"],
            "company": inbox.company,
            "id": query["id"],
            "head": head(Thread.of_conversation(query["channel"], inbox.company, query["id"], messages)),
            "total": len(messages),
            "first": start,
            "messages": [message.shown() for message in messages[start:end]],
        }
        return as_json(200, content)

    def _call(self, query: Mapping[str, str], _: bytes) -> Reply:
        """One leg, whole, and the legs that it is threaded with."""
        inbox = self._state.front.accepted.channels.get(query.get("channel", ""))
        call = inbox.calls.get(query.get("id", "")) if inbox is not None else None
        if inbox is None or call is None:
            return error(404, "Not found", "No such call.")
        shown = call.shown()
        parent = shown["fields"].get("parent_external_call_id")
        legs = []
        if parent is not None:
            mark = json.dumps(parent).encode("ascii")
            near = (one for one in inbox.calls.values() if one is not call and mark in one.packed)
            legs = [{"id": one.external_call_id, "status": one.status} for one in islice(near, 20)]
        content = {
            "channel": query["channel"],
            "company": inbox.company,
            "id": query["id"],
            "head": head(Thread.of_call(query["channel"], inbox.company, call)),
            "call": shown,
            "legs": legs,
        }
        return as_json(200, content)

    def _templates(self, query: Mapping[str, str], _: bytes) -> Reply:
        """Templates channel by channel, from place `from` on."""
        channel, company = query.get("channel"), query.get("company")
        wanted = query.get("q", "").strip().casefold()
        found = (
            {
                "channel": name,
                "company": inbox.company,
                "external_id": external_id,
                "template_id": of.template_id,
                "fields": of.fields,
            }
            for name, inbox in self._state.front.accepted.channels.items()
            if channel in (None, name) and company in (None, inbox.company)
            for external_id, of in inbox.templates.items()
            if wanted in json.dumps([external_id, of.fields], ensure_ascii=False).casefold()
        )
        start, limit = _number(query, "from", 0), _number(query, "limit", 50, 200)
        rows = list(islice(found, start, start + limit + 1))
        content = {"templates": rows[:limit]} | ({"next": start + limit} if len(rows) > limit else {})
        return as_json(200, content)

    def _preview(self, query: Mapping[str, str], _: bytes) -> Reply:
        """A template's HTML as a page of its own that can run, load and send nothing."""
        inbox = self._state.front.accepted.channels.get(query.get("channel", ""))
        template = inbox.templates.get(query.get("id", "")) if inbox is not None else None
        if template is None:
            return error(404, "Not found", "No such template.")
        text = f"{_PREVIEW_HEAD}{template.fields.get('template_preview', '')}"
        return Reply(200, text.encode("utf-8", "replace"), b"text/html; charset=utf-8", _PREVIEW_HEADERS)


# Inert: a link that is followed inside a frame connects before any policy is asked.
_PREVIEW_HEAD = (
    "<!doctype html><meta charset=utf-8><meta name=color-scheme content=light><title>Preview</title>"
    "<style>body{margin:16px;background:#fff;color:#17201d;font:15px/1.5 Inter,system-ui,sans-serif;"
    "overflow-wrap:anywhere}img{max-width:100%}</style><body inert>"
)
_PREVIEW_HEADERS: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'self'; sandbox",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def _conversations(channel: str, inbox: ChannelInbox) -> Iterator[Thread]:
    for name, messages in _backwards(inbox.conversations):
        yield Thread.of_conversation(channel, inbox.company, name, messages)


def _calls(channel: str, inbox: ChannelInbox) -> Iterator[Thread]:
    for _name, call in _backwards(inbox.calls):
        yield Thread.of_call(channel, inbox.company, call)


def _backwards(of: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return reversed(of.items())


def _counts(inbox: ChannelInbox) -> dict[str, Any]:
    return {
        "status": inbox.status,
        "messages": len(inbox.messages),
        "conversations": len(inbox.conversations),
        "calls": len(inbox.calls),
        "templates": len(inbox.templates),
    }


def _verdict(outcome: Outcome) -> str:
    """As the page colours it."""
    if isinstance(outcome, str):
        return "broken"
    if outcome == 429:
        return "limited"
    return "accepted" if 200 <= outcome < 300 else "refused"


def _number(query: Mapping[str, str], name: str, default: int, most: int | None = None) -> int:
    given = whole(query, name)
    number = default if given is None else given
    return number if most is None else min(number, most)
