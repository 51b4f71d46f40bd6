"""A thread as a list shows it: who, the last words, when, and whether something failed; and whether a search finds it.

Plain functions over what `accepted.py` keeps.
"""

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connector.simulator.accepted import Asset, Call, Message, Stamp

_SNIPPET = 160
_LOOKED_AT = 200
"""Of a long conversation, the newest messages alone are looked at for marks and by a search."""
_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^<>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation or a call. `seq` is the number of the request that touched it last."""

    seq: int
    wall: float
    channel: str
    company: str
    name: str
    of: Sequence[Message] | Call

    @classmethod
    def of_conversation(cls, channel: str, company: str, name: str, messages: Sequence[Message]) -> "Thread":
        last = max((message.failed_at or message.stamp for message in messages[-_LOOKED_AT:]), key=_seq)
        return cls(last.seq, last.wall, channel, company, name, messages)

    @classmethod
    def of_call(cls, channel: str, company: str, call: Call) -> "Thread":
        states, assets = (one.stamp for one in call.states[-1:]), (one.stamp for one in call.assets[-1:])
        last = max((call.stamp, *states, *assets), key=_seq)
        return cls(last.seq, last.wall, channel, company, call.external_call_id, call)

    def fits(self, kind: str) -> bool:
        """Whether a filter of the page lets it through: all, messages, calls or failed."""
        if kind == "all":
            return True
        if isinstance(self.of, Call):
            return kind == "calls" or (kind == "failed" and _failed_call(self.of))
        return kind == "messages" or (kind == "failed" and _failures(self.of) > 0)


def _seq(stamp: Stamp) -> int:
    return stamp.seq


def head(thread: Thread) -> dict[str, Any]:
    """As JSON; a text is cut to a line's length."""
    shown: dict[str, Any] = {
        "seq": thread.seq,
        "at": thread.wall,
        "channel": thread.channel,
        "company": thread.company,
        "id": thread.name,
    }
    if isinstance(thread.of, Call):
        return shown | _call_head(thread.of)
    return shown | _conversation_head(thread.of)


def matches(thread: Thread, wanted: str) -> bool:
    """Whether the text stands in an id, a name, a handle, a file's name or a body; case does not matter."""
    folded = wanted.casefold()
    if any(folded in text.casefold() for text in (thread.name, thread.channel, thread.company)):
        return True
    parts: Sequence[Call | Asset | Message]
    parts = (thread.of, *thread.of.assets) if isinstance(thread.of, Call) else thread.of[-_LOOKED_AT:]
    # ASCII can be looked for without unpacking; other text stands escaped in what is kept.
    raw = json.dumps(wanted.lower())[1:-1].encode("ascii") if wanted.isascii() else None
    for part in parts:
        if raw is not None:
            found = raw in part.packed.lower()
        else:
            found = folded in json.dumps(json.loads(part.packed), ensure_ascii=False).casefold()
        files = () if isinstance(part, Call) else part.files
        if found or any(folded in file.name.casefold() for file in files):
            return True
    return False


def _conversation_head(messages: Sequence[Message]) -> dict[str, Any]:
    last = messages[-1]
    fields = json.loads(last.packed)
    person = _customer(messages)
    return {
        "kind": "conversation",
        "title": person.get("name") or person.get("handle") or "Unknown",
        "handle": person.get("handle"),
        "direction": last.direction,
        "subject": _line(fields.get("subject")),
        "snippet": _line(fields.get("body")),
        "count": len(messages),
        "files": sum(len(message.files) for message in messages[-_LOOKED_AT:]),
        "failed": _failures(messages),
    }


def _customer(messages: Sequence[Message]) -> dict[str, Any]:
    """The person outside: who wrote last, else to whom was written last."""
    recipient: dict[str, Any] = {}
    for message in messages[-1:-_LOOKED_AT:-1]:
        fields = json.loads(message.packed)
        if message.direction == "inbound":
            sender: dict[str, Any] = fields["sender"]
            return sender
        if not recipient and fields.get("to"):
            recipient = fields["to"][0]
    return recipient


def _call_head(call: Call) -> dict[str, Any]:
    fields = json.loads(call.packed)
    person = fields.get("from") or fields.get("to") or {}
    kinds = [asset.kind for asset in call.assets]
    summary = next((one for one in reversed(call.assets) if one.kind == "summary"), None)
    return {
        "kind": "call",
        "title": person.get("name") or person.get("handle") or "Unknown",
        "handle": person.get("handle"),
        "direction": fields.get("direction"),
        "status": call.status,
        "snippet": _line(json.loads(summary.packed).get("content")) if summary is not None else "",
        "recordings": kinds.count("recording"),
        "summaries": kinds.count("summary"),
        "transcripts": kinds.count("transcript"),
        "failed": int(_failed_call(call)),
    }


def _failures(messages: Sequence[Message]) -> int:
    return sum(message.failed for message in messages[-_LOOKED_AT:])


def _failed_call(call: Call) -> bool:
    return call.status in ("missed", "abandoned")


def _line(text: Any) -> str:
    """HTML or plain text as one short line."""
    if not isinstance(text, str):
        return ""
    plain = html.unescape(_TAG.sub(" ", text[: 20 * _SNIPPET]))
    return " ".join(plain.split())[:_SNIPPET]
