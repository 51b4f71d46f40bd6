"""A request on its way through this Front, and what its operation is given once it has been let in.

Decides nothing: what was found at the head and in the body stands here until the answer.
"""

from dataclasses import dataclass, field
from typing import Any

from connector.simulator.accepted import Accepted, ChannelInbox, Stamp
from connector.simulator.bodies import Body, Good, Malformed
from connector.simulator.replies import Header
from connector.simulator.request_log import Entry
from connector.simulator.routes import LOOK_UP, Found
from connector.simulator.switches import Switches
from connector.simulator.tokens import Bearer, Unsigned
from connector.simulator.world import Channel


@dataclass(slots=True)
class Request:
    """What its head said, then its body, then the company's limit headers."""

    entry: Entry
    found: Found | None
    channel: Channel | None = None
    bearer: Bearer = field(default_factory=lambda: Unsigned("not checked"))
    body: Body | Malformed = field(default_factory=lambda: Body(None))
    too_large: bool = False
    headers: tuple[Header, ...] = ()

    @property
    def real_id(self) -> str:
        """The channel's, however the path names it. Only for a known channel."""
        assert self.entry.channel is not None, "only asked for a known channel"
        return self.entry.channel

    @property
    def looks_up(self) -> bool:
        """Whether it only asks for a message."""
        return self.found is not None and self.found.route is LOOK_UP


@dataclass(frozen=True, slots=True)
class Job:
    """A good request and what its operation works on. `now`: Unix seconds."""

    entry: Entry
    found: Found
    channel: Channel
    inbox: ChannelInbox
    good: Good
    switches: Switches
    accepted: Accepted
    now: float

    @property
    def fields(self) -> dict[str, Any]:
        """What the body says, without the keys that Front does not know."""
        return self.good.fields

    @property
    def stamp(self) -> Stamp:
        """When it arrived."""
        return Stamp(self.entry.seq, self.entry.wall)

    @property
    def channel_id(self) -> str:
        """The channel's real id."""
        assert self.entry.channel is not None, "a job has a channel"
        return self.entry.channel

    @property
    def ready_at(self) -> float:
        """From when on what it brings is known, Unix seconds."""
        delay_ms = self.switches.processing_delay_ms
        return float("inf") if delay_ms == "never" else self.now + delay_ms / 1000


def find_ids(entry: Entry, found: Found, fields: Any) -> None:
    """Write the external ids of a request into its entry, from the path and as far as the body shows them."""
    body = fields if isinstance(fields, dict) else {}
    match found.route.operation, found.ids:
        case "update-external-message-status", (_, conversation, message):
            entry.conversation_id, entry.external_id = conversation, message
        case "update-application-message-template", (_, template):
            entry.external_id = template
        case _, (_, call):
            entry.call_id = call
        case "create-call", _:
            entry.call_id = _text(body.get("external_call_id"))
        case "sync-application-message-template", _:
            entry.external_id = _text(body.get("external_id"))
        case "sync-inbound-message" | "sync-outbound-message", _:
            metadata = body.get("metadata")
            if isinstance(metadata, dict):
                entry.external_id = _text(metadata.get("external_id"))
                entry.conversation_id = _text(metadata.get("external_conversation_id"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
