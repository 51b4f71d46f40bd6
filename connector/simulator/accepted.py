"""What this Front has taken in, by company and channel: what an inbox would show.

Plain storage: who may store what is decided in `front.py`. Bodies are kept as JSON bytes, a third of their size
as objects, because a test may bring a hundred thousand of them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from connector.simulator.forms import File


def packed(fields: dict[str, Any]) -> bytes:
    """Fields as they are kept: compact JSON, ASCII since ids may hold halves of characters."""
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def _file(file: File) -> dict[str, Any]:
    return {
        "part": file.part,
        "name": file.name,
        "content_type": file.content_type,
        "bytes": file.size,
        "sha256": file.sha256.hex(),
    }


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something was accepted: the request's number in the raw log, and Unix seconds."""

    seq: int
    wall: float


@dataclass(slots=True)
class Message:
    """One message of a conversation. Unknown to `status` before `ready_at` (monotonic seconds)."""

    stamp: Stamp
    ready_at: float
    direction: Literal["inbound", "outbound"]
    uid: str
    external_id: str
    conversation_id: str
    packed: bytes
    files: tuple[File, ...] = ()
    failed: bool = False
    reason: str | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "seq": self.stamp.seq,
            "accepted_at": self.stamp.wall,
            "direction": self.direction,
            "message_uid": self.uid,
            "external_id": self.external_id,
            "fields": json.loads(self.packed),
            "files": [_file(file) for file in self.files],
            "failed": self.failed,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class CallState:
    """A status that a call reached, or that was sent and ignored (`applied` false)."""

    stamp: Stamp
    status: str
    occurred_at: float | None
    applied: bool


@dataclass(frozen=True, slots=True)
class Asset:
    """A recording, a summary or a transcript."""

    stamp: Stamp
    kind: Literal["recording", "summary", "transcript"]
    packed: bytes
    files: tuple[File, ...] = ()

    def shown(self) -> dict[str, Any]:
        return {
            "seq": self.stamp.seq,
            "accepted_at": self.stamp.wall,
            "fields": json.loads(self.packed),
            "files": [_file(file) for file in self.files],
        }


@dataclass(slots=True)
class Call:
    """One leg. Unknown to updates and assets before `ready_at` (monotonic seconds)."""

    stamp: Stamp
    ready_at: float
    external_call_id: str
    status: str
    packed: bytes
    states: list[CallState] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        states = [
            {
                "seq": one.stamp.seq,
                "status": one.status,
                "occurred_at": one.occurred_at,
                "applied": one.applied,
            }
            for one in self.states
        ]
        shown = {
            "seq": self.stamp.seq,
            "accepted_at": self.stamp.wall,
            "status": self.status,
            "fields": json.loads(self.packed),
            "states": states,
        }
        for kind in ("recording", "summary", "transcript"):
            key = "summaries" if kind == "summary" else f"{kind}s"
            shown[key] = [asset.shown() for asset in self.assets if asset.kind == kind]
        return shown


@dataclass(slots=True)
class Template:
    """A message template under its numeric id."""

    template_id: int
    fields: dict[str, Any]


@dataclass(slots=True)
class ChannelInbox:
    """Everything accepted for one channel. Conversations and calls stand in order of their last activity."""

    company: str
    status: str | None = None
    messages: dict[str, Message] = field(default_factory=dict)
    """The first of each `external_id`."""
    conversations: dict[str, list[Message]] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)

    def add_message(self, message: Message) -> None:
        self.messages.setdefault(message.external_id, message)
        conversation = self.conversations.pop(message.conversation_id, [])
        conversation.append(message)
        self.conversations[message.conversation_id] = conversation

    def touch_call(self, call: Call) -> None:
        """Put a new or changed call behind the others."""
        self.calls.pop(call.external_call_id, None)
        self.calls[call.external_call_id] = call

    def shown(self, limit: int | None) -> dict[str, Any]:
        return {
            "status": self.status,
            "conversations": {
                key: [message.shown() for message in of] for key, of in _newest(self.conversations, limit)
            },
            "calls": {key: call.shown() for key, call in _newest(self.calls, limit)},
            "templates": {
                key: {"template_id": of.template_id, "fields": of.fields}
                for key, of in self.templates.items()
            },
        }


def _newest(of: dict[str, Any], limit: int | None) -> Iterable[tuple[str, Any]]:
    """The last `limit` items in their order; all without a limit."""
    skipped = 0 if limit is None else max(0, len(of) - limit)
    return islice(of.items(), skipped, None)


@dataclass(slots=True)
class Accepted:
    """All channels. A channel appears with the first thing accepted for it."""

    channels: dict[str, ChannelInbox] = field(default_factory=dict)
    templates_made: int = 0
    uids_made: int = 0

    def of(self, channel: str, company: str) -> ChannelInbox:
        """The channel's inbox, made if it is new."""
        inbox = self.channels.get(channel)
        if inbox is None:
            inbox = self.channels[channel] = ChannelInbox(company)
        return inbox

    def shown(self, channel: str | None, limit: int | None) -> dict[str, Any]:
        """As JSON, by company; of one channel only if one is named; at most `limit` conversations and calls each."""
        companies: dict[str, Any] = {}
        for name, inbox in self.channels.items():
            if channel is None or channel == name:
                of = companies.setdefault(inbox.company, {"channels": {}})
                of["channels"][name] = inbox.shown(limit)
        return {"companies": companies}
