"""What this Front has taken in, by company and channel: what an inbox would show.

Plain storage: who may store what is decided in `front.py`. Bodies are kept as JSON bytes, a third of their size
as objects, because a test may bring a hundred thousand of them.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode

from connector.simulator.forms import File


def packed(fields: dict[str, Any]) -> bytes:
    """Fields as they are kept: compact JSON, ASCII since ids may hold halves of characters."""
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def _file(file: File) -> dict[str, Any]:
    """As JSON. `url`: the control route that has the bytes, as long as they are kept."""
    asked = urlencode({"type": file.content_type, "name": file.name}, errors="replace")
    return {
        "part": file.part,
        "name": file.name,
        "content_type": file.content_type,
        "bytes": file.size,
        "sha256": file.sha256.hex(),
        "url": f"/_sim/files/{file.sha256.hex()}?{asked}",
    }


def _moment(unix_s: float) -> float | None:
    """None for what never comes, which JSON cannot say."""
    return unix_s if math.isfinite(unix_s) else None


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something was accepted: the request's number in the raw log, and Unix seconds."""

    seq: int
    wall: float


@dataclass(slots=True)
class Message:
    """One message of a conversation. Unknown to look-up and status before `ready_at` (Unix seconds)."""

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
    failed_at: Stamp | None = None
    linked: bool | None = None
    """Whether the message that it refers to is here; None when it refers to none."""

    def shown(self) -> dict[str, Any]:
        """As JSON."""
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
            "reference_linked": self.linked,
            "ready_at": _moment(self.ready_at),
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
    """One leg. Unknown to updates and assets before `ready_at` (Unix seconds)."""

    stamp: Stamp
    ready_at: float
    external_call_id: str
    status: str
    packed: bytes
    states: list[CallState] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """As JSON."""
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
            "ready_at": _moment(self.ready_at),
        }
        for kind in ("recording", "summary", "transcript"):
            key = "summaries" if kind == "summary" else f"{kind}s"
            shown[key] = [asset.shown() for asset in self.assets if asset.kind == kind]
        return shown


@dataclass(slots=True)
class Template:
    """A message template under its numeric id."""

    external_id: str
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
        """Put it at the end of its conversation, and that behind the others."""
        self.messages.setdefault(message.external_id, message)
        conversation = self.conversations.pop(message.conversation_id, [])
        conversation.append(message)
        self.conversations[message.conversation_id] = conversation

    def message(self, conversation_id: str, external_id: str) -> Message | None:
        """The first of this id in the conversation; ids repeat across conversations only without de-duplication."""
        first = self.messages.get(external_id)
        if first is None or first.conversation_id == conversation_id:
            return first
        others = self.conversations.get(conversation_id, ())
        return next((one for one in others if one.external_id == external_id), None)

    def fail_message(self, message: Message, reason: str | None, stamp: Stamp) -> None:
        """Mark it, and put its conversation behind the others: a failure reopens it."""
        message.failed, message.reason, message.failed_at = True, reason, stamp
        self.conversations[message.conversation_id] = self.conversations.pop(message.conversation_id)

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


Thing: TypeAlias = Message | Call | Template | None
"""What of a channel has changed; None for the channel itself."""


@dataclass(slots=True)
class Accepted:
    """All channels. A channel appears with the first thing accepted for it."""

    channels: dict[str, ChannelInbox] = field(default_factory=dict)
    by_uid: dict[str, tuple[str, Message]] = field(default_factory=dict)
    """The messages that are kept, with their channels."""
    templates_made: int = 0
    uids_made: int = 0
    changed: Callable[[str, Thing], None] = lambda _channel, _thing: None
    """Told of each thing that is new or not as it was: for whoever keeps it beyond this process."""

    def of(self, channel: str, company: str) -> ChannelInbox:
        """The channel's inbox, made if it is new."""
        inbox = self.channels.get(channel)
        if inbox is None:
            inbox = self.channels[channel] = ChannelInbox(company)
            self.changed(channel, None)
        return inbox

    def add_message(self, channel: str, message: Message) -> None:
        """Keep it in its channel, which exists, and under its uid."""
        self.channels[channel].add_message(message)
        self.by_uid[message.uid] = (channel, message)

    def new_uid(self, seed: int) -> str:
        """A message uid that a seed repeats; the form is Front's, random to look at."""
        self.uids_made += 1
        made = f"{seed}/{self.uids_made}".encode()
        return hashlib.blake2b(made, digest_size=11).hexdigest()

    def shown(self, channel: str | None, limit: int | None) -> dict[str, Any]:
        """As JSON, by company; of one channel only if one is named; at most `limit` conversations and calls each."""
        companies: dict[str, Any] = {}
        for name, inbox in self.channels.items():
            if channel is None or channel == name:
                of = companies.setdefault(inbox.company, {"channels": {}})
                of["channels"][name] = inbox.shown(limit)
        return {"companies": companies}
