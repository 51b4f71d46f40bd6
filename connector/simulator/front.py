"""What Front does with a request: the order of its checks, until the operation takes it in.

Front itself, without wire or waiting: a request that has arrived goes in, a reply comes out. What each operation
stores and answers stands in the modules `..._operations.py`; delays, broken connections and other faults in `asgi.py`.
"""

from collections.abc import Awaitable, Callable, Mapping

from connector.simulator.accepted import Accepted, Message, Thing
from connector.simulator.blobs import Blobs
from connector.simulator.bodies import Bad, Body, Malformed, judge
from connector.simulator.call_operations import add_asset, create_call, update_call
from connector.simulator.channel_operations import sync_template, update_channel, update_template
from connector.simulator.clock import Clock
from connector.simulator.limits import Beyond, Limits
from connector.simulator.message_operations import fail_message, looked_up, sync_message, uid_of
from connector.simulator.replies import (
    FOREIGN,
    NO_ROUTE,
    UNAUTHENTICATED,
    Reply,
    bad_request,
    error,
    not_found,
)
from connector.simulator.request import Job, Request
from connector.simulator.request_log import Entry
from connector.simulator.switches import Switches
from connector.simulator.tokens import Tokens, Unsigned, Wanted
from connector.simulator.world import Channel, World

_ALIAS = "alt:address:"
_DETAILS_LOGGED = 5
_PLACE_MAX = 120

_OPERATIONS: Mapping[str, Callable[[Job], Reply]] = {
    "update-channel": update_channel,
    "sync-application-message-template": sync_template,
    "update-application-message-template": update_template,
    "create-call": create_call,
    "update-call": update_call,
    "add-call-recording": add_asset,
    "add-call-summary": add_asset,
    "add-call-transcript": add_asset,
    "update-external-message-status": fail_message,
    "sync-inbound-message": sync_message,
    "sync-outbound-message": sync_message,
}


class Front:
    """One Front: a world, its switches, and everything accepted. For one event loop; not thread-safe."""

    def __init__(self, world: World, switches: Switches, clock: Clock, blobs: Blobs | None = None) -> None:
        self.world = world
        self.switches = switches
        self.blobs = blobs if blobs is not None else Blobs()
        self.settled: Callable[[Entry], Awaitable[None]] | None = None
        """Told of each request once its fate is in the raw log; its client hears nothing before that has ended."""
        self.changes: list[tuple[str, Thing]] | None = None
        """What changed since somebody looked and cleared it; None when nobody looks."""
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Back to an empty Front: nothing accepted, no token used, no limit touched, no channel taken in."""
        self.accepted = Accepted(changed=self._changed)
        self._tokens = Tokens(self.world.apps)
        self._limits = Limits()
        self._taken_in: dict[str, Channel] = {}
        self._aliases = {
            f"{_ALIAS}{alias}": name for name, of in self.world.channels.items() for alias in of.aliases
        }
        if self.changes is not None:
            self.changes.clear()

    def _changed(self, channel: str, thing: Thing) -> None:
        if self.changes is not None:
            self.changes.append((channel, thing))

    @property
    def channels(self) -> Mapping[str, Channel]:
        """By real id: those of the world and those taken in since."""
        return {**self.world.channels, **self._taken_in}

    def take_in(self, name: str, channel: Channel) -> None:
        """A channel that the world does not list. Its aliases must be free, its app one of the world's."""
        self._taken_in[name] = channel
        self._aliases |= {f"{_ALIAS}{alias}": name for alias in channel.aliases}
        self._changed(name, None)

    def taken_in(self, name: str) -> Channel | None:
        """A channel that was taken in since the start."""
        return self._taken_in.get(name)

    # -- at the head of the request ---------------------------------------------------------------

    def arrive(self, request: Request, authorization: str | None) -> None:
        """Find the channel and check the token, as Front does before it reads a body."""
        if request.found is None:
            return
        written = request.found.ids[0]
        if request.looks_up:
            kept = self.accepted.by_uid.get(uid_of(written) or "")
            real = kept[0] if kept is not None else ""
        elif request.found.route.takes_alias:
            real = self._aliases.get(written, written)
        else:
            real = written
        entry = request.entry
        channel = self.world.channels.get(real) or self._taken_in.get(real)
        adopted = None
        if channel is None and self.world.open and real.startswith("cha_"):
            channel = adopted = self.world.adopted()
        wanted = Wanted(real, channel.app) if channel is not None else Wanted()
        request.bearer = self._tokens.check(authorization, wanted, self._clock.wall(), self.switches)
        entry.jti = request.bearer.jti
        if adopted is not None:
            if isinstance(request.bearer, Unsigned):
                return
            self.take_in(real, adopted)
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
        reply = self._refusal(request)
        if reply is not None:
            return reply
        if request.looks_up:
            return looked_up(self._message(request), self._clock.wall())
        reply = self._judged(request)
        request.entry.accepted = 200 <= reply.status < 300
        return reply

    def _message(self, request: Request) -> Message | None:
        assert request.found is not None
        kept = self.accepted.by_uid.get(uid_of(request.found.ids[0]) or "")
        return kept[1] if kept is not None else None

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
            entry.remark = "unknown message" if request.looks_up else "unknown channel"
            return not_found("Message" if request.looks_up else "Channel")
        if request.bearer.app not in (None, request.channel.app):
            entry.remark = "channel of another app"
            return FOREIGN
        if request.too_large:
            entry.remark = "too large"
            return self._too_large()
        if isinstance(request.body, Malformed):
            entry.remark = "body not readable"
            return error(400, "Bad request", request.body.message)
        return None

    def _too_large(self) -> Reply:
        what = "The request" if self.switches.size_limit_per == "request" else "A file of the request"
        text = f"{what} is larger than {self.switches.size_limit} bytes."
        if self.switches.size_limit_status == "413":
            return error(413, "Payload too large", text)
        return error(400, "Bad request", text)

    def _judged(self, request: Request) -> Reply:
        entry, found, channel = request.entry, request.found, request.channel
        assert found is not None
        assert channel is not None
        assert isinstance(request.body, Body)
        verdict = judge(found.route, request.body, self.switches)
        if isinstance(verdict, Bad):
            entry.remark = "body refused"
            entry.details = verdict.details[:_DETAILS_LOGGED]
            return bad_request(verdict.details)
        entry.dropped_keys = tuple(place[:_PLACE_MAX] for place in verdict.dropped[:_DETAILS_LOGGED])
        inbox = self.accepted.of(request.real_id, channel.company)
        job = Job(entry, found, channel, inbox, verdict, self.switches, self.accepted, now=self._clock.wall())
        return _OPERATIONS[found.route.operation](job)
