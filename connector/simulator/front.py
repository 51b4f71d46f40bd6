"""What Front does with a request: the order of its checks, and what each operation stores and answers.

Front itself, without wire or waiting: a request that has arrived goes in, a reply comes out. Times come from the
clock that is passed in; delays, broken connections and other faults are carried out by `asgi.py`.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from connector.simulator.accepted import (
    Accepted,
    Asset,
    Call,
    CallState,
    ChannelInbox,
    Message,
    Stamp,
    Template,
    packed,
)
from connector.simulator.bodies import Bad, Body, Good, Malformed, judge
from connector.simulator.calls import allowed
from connector.simulator.clock import Clock
from connector.simulator.limits import Beyond, Limits
from connector.simulator.replies import (
    FOREIGN,
    NO_ROUTE,
    UNAUTHENTICATED,
    Header,
    Reply,
    as_json,
    bad_request,
    error,
    not_found,
)
from connector.simulator.request_log import Entry
from connector.simulator.routes import Found
from connector.simulator.switches import Switches
from connector.simulator.tokens import Bearer, Tokens, Unsigned, Wanted
from connector.simulator.world import Channel, World

_ALIAS = "alt:address:"
_TAKEN = Reply(202)


@dataclass(slots=True)
class Request:
    """A request on its way through: what its head said, then its body, then the company's limit headers."""

    entry: Entry
    found: Found | None
    channel: Channel | None = None
    bearer: Bearer = field(default_factory=lambda: Unsigned("not checked"))
    body: Body | Malformed = field(default_factory=lambda: Body(None))
    too_large: bool = False
    headers: tuple[Header, ...] = ()

    @property
    def real_id(self) -> str:
        assert self.entry.channel is not None, "only asked for a known channel"
        return self.entry.channel


class Front:
    """One Front: a world, its switches, and everything accepted. For one event loop; not thread-safe."""

    def __init__(self, world: World, switches: Switches, clock: Clock) -> None:
        self.world = world
        self.switches = switches
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Back to an empty Front: nothing accepted, no token used, no limit touched, no channel adopted."""
        self.accepted = Accepted()
        self._tokens = Tokens(self.world.apps)
        self._limits = Limits()
        self._adopted: dict[str, Channel] = {}
        self._aliases = {
            f"{_ALIAS}{alias}": name for name, of in self.world.channels.items() for alias in of.aliases
        }

    # -- at the head of the request ---------------------------------------------------------------

    def arrive(self, request: Request, authorization: str | None) -> None:
        """Find the channel and check the token, as Front does before it reads a body."""
        if request.found is None:
            return
        entry = request.entry
        written = request.found.ids[0]
        real = self._aliases.get(written) if request.found.route.takes_alias else None
        real = real if real is not None else written
        channel = self.world.channels.get(real) or self._adopted.get(real)
        adopted = None
        if channel is None and self.world.open and real.startswith("cha_"):
            channel = adopted = self.world.adopted()
        wanted = Wanted(real, channel.app) if channel is not None else Wanted()
        request.bearer = self._tokens.check(authorization, wanted, self._clock.wall(), self.switches)
        entry.jti = request.bearer.jti
        if adopted is not None:
            if isinstance(request.bearer, Unsigned):
                return
            self._adopted[real] = adopted
        if channel is not None:
            request.channel, entry.channel, entry.company = channel, real, channel.company

    def paced(self, request: Request) -> Reply | None:
        """Count the request against its company and channel; a 429 if they may not go. Only for those let in."""
        if request.channel is None or isinstance(request.bearer, Unsigned):
            return None
        now, wall = self._clock.monotonic(), self._clock.wall()
        pace = self._limits.take(request.channel.company, request.real_id, now, wall, self.switches)
        if isinstance(pace, Beyond):
            request.entry.remark = pace.why
            return pace.reply
        request.headers = pace.headers
        return None

    # -- with its body ----------------------------------------------------------------------------

    def carry_out(self, request: Request) -> Reply:
        """Judge the request and, if it is good, store what it brings. Fills in the entry of the raw log."""
        entry = request.entry
        reply = self._refusal(request)
        if reply is None:
            assert request.found is not None
            assert isinstance(request.body, Body)
            verdict = judge(request.found.route, request.body, self.switches)
            if isinstance(verdict, Bad):
                entry.remark = "body refused"
                reply = bad_request(verdict.details)
            else:
                reply = self._operate(request, verdict)
        entry.accepted = 200 <= reply.status < 300
        return reply

    def _refusal(self, request: Request) -> Reply | None:
        """What stands in the way before the body counts, in Front's order."""
        entry = request.entry
        if request.found is None:
            entry.remark = "no such route"
            return NO_ROUTE
        if isinstance(request.bearer, Unsigned):
            entry.remark = f"token: {request.bearer.why}"
            return UNAUTHENTICATED
        if request.channel is None:
            entry.remark = "unknown channel"
            return not_found("Channel")
        if request.bearer.app not in (None, request.channel.app):
            entry.remark = "channel of another app"
            return FOREIGN
        if request.too_large:
            entry.remark = "too large"
            limit = self.switches.size_limit
            return error(400, "Bad request", f"The request is larger than {limit} bytes.")
        if isinstance(request.body, Malformed):
            entry.remark = "body not readable"
            return error(400, "Bad request", request.body.message)
        return None

    def _operate(self, request: Request, good: Good) -> Reply:
        assert request.found is not None
        assert request.channel is not None
        inbox = self.accepted.of(request.real_id, request.channel.company)
        match request.found.route.operation:
            case "update-channel":
                return self._update_channel(request, inbox, good)
            case "sync-application-message-template":
                return self._sync_template(request, inbox, good)
            case "update-application-message-template":
                return self._update_template(request, inbox, good)
            case "create-call":
                return self._create_call(request, inbox, good)
            case "update-call":
                return self._update_call(request, inbox, good)
            case "update-external-message-status":
                return self._fail_message(request, inbox, good)
            case "sync-inbound-message" | "sync-outbound-message":
                return self._sync_message(request, inbox, good)
            case _:
                return self._add_asset(request, inbox, good)

    # -- channel and templates --------------------------------------------------------------------

    def _update_channel(self, request: Request, inbox: ChannelInbox, good: Good) -> Reply:
        if "status" in good.fields:
            inbox.status = good.fields["status"]
            request.entry.stored = True
        return Reply(204)

    def _sync_template(self, request: Request, inbox: ChannelInbox, good: Good) -> Reply:
        refused = _without_templates(request)
        if refused is not None or "external_id" not in good.fields:
            return refused or as_json(200, {})
        known = inbox.templates.get(good.fields["external_id"])
        if known is None:
            self.accepted.templates_made += 1
        number = known.template_id if known is not None else self.accepted.templates_made
        inbox.templates[good.fields["external_id"]] = Template(number, good.fields)
        request.entry.stored = True
        return as_json(200, {"template_id": number})

    def _update_template(self, request: Request, inbox: ChannelInbox, good: Good) -> Reply:
        refused = _without_templates(request)
        if refused is not None:
            return refused
        assert request.found is not None
        known = inbox.templates.get(request.found.ids[1])
        if known is None:
            request.entry.remark = "unknown template"
            return not_found("Template")
        known.fields = {**known.fields, **good.fields}
        request.entry.stored = True
        return as_json(200, {"template_id": known.template_id})

    # -- calls ------------------------------------------------------------------------------------

    def _create_call(self, request: Request, inbox: ChannelInbox, good: Good) -> Reply:
        entry, fields = request.entry, good.fields
        if "external_call_id" not in fields:
            entry.remark = "nothing to store"
            return _TAKEN
        if fields["external_call_id"] in inbox.calls:
            entry.remark = "repeated call"
            if self.switches.repeat_call_create == "reject":
                return bad_request(["body.external_call_id: exists already"])
            return _TAKEN
        stamp, status = _stamp(entry), fields["initial_status"]
        call = Call(stamp, self._ready_at(), fields["external_call_id"], status, packed(fields))
        call.states.append(CallState(stamp, status, fields.get("started_at"), applied=True))
        inbox.touch_call(call)
        entry.stored = True
        return _TAKEN

    def _update_call(self, request: Request, inbox: ChannelInbox, good: Good) -> Reply:
        call = self._known_call(request, inbox)
        if isinstance(call, Reply):
            return call
        entry, status = request.entry, good.fields.get("call_status")
        if status is None:
            entry.remark = "nothing to store"
            return _TAKEN
        applied = allowed(call.status, status)
        if not applied:
            entry.remark = f"illegal transition {call.status} to {status}"
            if self.switches.illegal_transition == "reject":
                return bad_request([f"body.call_status: {status} cannot follow {call.status}"])
        else:
            call.status = status
            entry.stored = True
        call.states.append(CallState(_stamp(entry), status, good.fields.get("occurred_at"), applied))
        inbox.touch_call(call)
        return _TAKEN

    def _add_asset(self, request: Request, inbox: ChannelInbox, good: Good) -> Reply:
        call = self._known_call(request, inbox)
        if isinstance(call, Reply):
            return call
        assert request.found is not None
        if not good.fields:
            request.entry.remark = "nothing to store"
            return _TAKEN
        match request.found.route.operation:
            case "add-call-recording":
                asset = Asset(_stamp(request.entry), "recording", packed(good.fields), good.files)
            case "add-call-summary":
                asset = Asset(_stamp(request.entry), "summary", packed(good.fields))
            case other:
                assert other == "add-call-transcript", other
                asset = Asset(_stamp(request.entry), "transcript", packed(good.fields))
        call.assets.append(asset)
        inbox.touch_call(call)
        request.entry.stored = True
        return _TAKEN

    def _known_call(self, request: Request, inbox: ChannelInbox) -> Call | Reply:
        """The call of the path, once it is processed; else what is answered instead."""
        assert request.found is not None
        call = inbox.calls.get(request.found.ids[1])
        if call is not None and call.ready_at <= self._clock.monotonic():
            return call
        request.entry.remark = "unknown call" if call is None else "call not processed yet"
        return _TAKEN if self.switches.unknown_call == "accept_drop" else not_found("Call")

    # -- messages ---------------------------------------------------------------------------------

    def _sync_message(self, request: Request, inbox: ChannelInbox, good: Good) -> Reply:
        entry = request.entry
        assert request.found is not None
        uid = self._new_uid()
        reply = as_json(202, {"status": "accepted", "message_uid": uid})
        metadata = good.fields.get("metadata")
        if metadata is None:
            entry.remark = "nothing to store"
            return reply
        external_id = metadata["external_id"]
        if self.switches.dedupe == "accept_then_drop" and external_id in inbox.messages:
            entry.remark = "duplicate dropped"
            return reply
        inbox.add_message(
            Message(
                stamp=_stamp(entry),
                ready_at=self._ready_at(),
                direction="inbound"
                if request.found.route.operation == "sync-inbound-message"
                else "outbound",
                uid=uid,
                external_id=external_id,
                conversation_id=metadata["external_conversation_id"],
                packed=packed(good.fields),
                files=good.files,
            )
        )
        entry.stored = True
        return reply

    def _fail_message(self, request: Request, inbox: ChannelInbox, good: Good) -> Reply:
        entry = request.entry
        assert request.found is not None
        _, conversation_id, external_id = request.found.ids
        message = inbox.messages.get(external_id)
        known = message is not None and message.conversation_id == conversation_id
        if message is None or not known or message.ready_at > self._clock.monotonic():
            entry.remark = "message not processed yet" if known else "unknown message"
            return Reply(204) if self.switches.status_on_unknown_message == "204" else not_found("Message")
        if message.direction == "inbound":
            entry.remark = "status of an inbound message"
            return error(400, "Bad request", "Only an outbound message has a status.")
        message.failed, message.reason = True, good.fields.get("reason")
        entry.stored = True
        return Reply(204)

    def _new_uid(self) -> str:
        """A message uid that a seed repeats; the form is Front's, random to look at."""
        self.accepted.uids_made += 1
        made = f"{self.switches.seed}/{self.accepted.uids_made}".encode()
        return hashlib.blake2b(made, digest_size=11).hexdigest()

    def _ready_at(self) -> float:
        return self._clock.monotonic() + self.switches.processing_delay_ms / 1000


def _stamp(entry: Entry) -> Stamp:
    return Stamp(entry.seq, entry.wall)


def _without_templates(request: Request) -> Reply | None:
    """Templates must be switched on in the app's channel settings (Application Message Templates)."""
    assert request.channel is not None
    if request.channel.templates:
        return None
    request.entry.remark = "templates switched off"
    return error(400, "Bad request", "Message templates are not enabled for this channel.")


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
