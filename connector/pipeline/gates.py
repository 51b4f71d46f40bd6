"""Whether a request may go now: holds, circuits and pace in one answer, told of every start and of how it ended.

The deciders are pure and silent (`core.holds`, `core.circuit`, `core.pacing`); this is where their changes are logged,
and where lanes that were told a time are asked again because it became an earlier one.
Never here: whose turn it is (`core.dispatch`), what becomes of a record (`life`).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from connector.core.answers import Answer
from connector.core.circuit import CircuitChange, Circuits, Closed, Opened, Ticket
from connector.core.holds import Hold, Holds, Probe, ProbeScope
from connector.core.outcome import Refused, RetryPolicy, Throttled, far_side_failed, proves_credentials
from connector.core.pacing import Pacing
from connector.core.records import Channel, OrderKey
from connector.pipeline.world import Policy, World


class Leave(NamedTuple):
    """A request that was let through, for whoever learns how it ended."""

    channel: Channel
    ticket: Ticket
    probe: Probe | None


class Gates:
    """Of the whole process; on the event loop."""

    def __init__(self, world: World, policy: Policy, wake_lanes: Callable[[], None]) -> None:
        self.holds = Holds(policy.probe_interval_s)
        self.circuits = Circuits(policy.circuit, policy.base_urls)
        self.pacing = Pacing(policy.rate_limits)
        self._clock = world.clock
        self._log = world.log
        self._wake_lanes = wake_lanes

    def wait_until(self, channel: Channel, now: float) -> float | None:
        """None: a request of this channel may start now. Else when to ask again: all three must agree."""
        waits = (
            self.holds.wait_until(channel, now),
            self.circuits.wait_until(channel.app, now),
            self.pacing.wait_until(channel, now),
        )
        return max((until for until in waits if until is not None), default=None)

    def probed(self, channel: Channel, now: float) -> ProbeScope | None:
        """The hold or the open circuit of which the next request of this channel would be the probe."""
        if self.circuits.state(channel.app, now) != "closed":
            return "app", channel.app
        return self.holds.over(channel)

    def started(self, channel: Channel, key: OrderKey, now: float) -> Leave:
        """It starts: it counts for the pace, and is the probe of whatever holds or is open."""
        self.pacing.started(channel, now)
        return Leave(channel, self.circuits.started(channel.app, key, now), self.holds.started(channel, now))

    def answered(self, leave: Leave, answer: Answer, policy: RetryPolicy, now: float) -> None:
        """Before the answer is judged: what it says about the far side and the credentials. `policy`: of this request."""
        if far_side_failed(answer, policy):
            self._turned(self.circuits.failed(leave.ticket, now, self._clock.jitter()), now)
        else:
            self._turned(self.circuits.succeeded(leave.ticket, now), now)
        if proves_credentials(answer):
            self._released(self.holds.proven(leave.channel), now)

    def cut_off(self, leave: Leave, now: float) -> None:
        """It ended without an answer, or after it: if it was a probe, another one may be."""
        change = self.circuits.abandoned(leave.ticket, now)
        if leave.probe is not None:
            self.holds.abandoned(leave.probe, now)
        if change is not None or leave.probe is not None:
            self._ask_again(now)

    def throttled(self, leave: Leave, decision: Throttled, now: float) -> None:
        """Front's limit was hit: its scope waits."""
        self.pacing.throttle(decision.scope, leave.channel, decision.until)
        seconds = round(decision.until - now, 3)
        self._log.info("front.throttled", scope=decision.scope, seconds=seconds)

    def refused(self, leave: Leave, decision: Refused, now: float) -> None:
        """A hold is asked for."""
        hold = self.holds.refuse(decision.scope, decision.reason, leave.channel, now)
        if hold is not None:
            self._log.error("hold.started", scope=hold.scope, reason=hold.reason, name=hold.name)
            self._released(self.holds.forget_idle(now), now)

    def _released(self, holds: Sequence[Hold], now: float) -> None:
        for hold in holds:
            self._log.info("hold.released", scope=hold.scope, reason=hold.reason, name=hold.name)
        if holds:
            self._ask_again(now)

    def _turned(self, change: CircuitChange | None, now: float) -> None:
        if change is None:
            return
        if isinstance(change, Opened) and not change.again:
            seconds = round(change.until - now, 3)
            self._log.error(
                "circuit.opened", apps=list(change.apps), seconds=seconds, failing_keys=change.failing
            )
        elif isinstance(change, Closed):
            self._log.info("circuit.closed", apps=list(change.apps), seconds=round(change.open_s, 3))
        self._ask_again(now)

    def _ask_again(self, now: float) -> None:
        self.pacing.held_back.ask_again(now)
        self._wake_lanes()
