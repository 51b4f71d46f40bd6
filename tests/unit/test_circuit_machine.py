"""The circuit under any sequence: one probe at a time, never open for ever, opened by a majority only."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.core.circuit import CircuitPolicy, Circuits, Closed, Ticket
from connector.core.records import OrderKey

APP = "main"


def key(number: int) -> OrderKey:
    return ("conversation", "cha_1", str(number))


class AnySequence(RuleBasedStateMachine):
    """Requests of ten keys start when they may and end in any way, in any order, late, twice or never."""

    SMALL = CircuitPolicy(failing_keys=3, window_keys=6, window_s=30.0, open_cap_s=8.0, probe_patience_s=20.0)

    @initialize()
    def begin(self) -> None:
        self.made = Circuits(self.SMALL, {})
        self.now = 0.0
        self.under_way: list[tuple[float, Ticket]] = []
        self.ended: list[Ticket] = []
        self.opened_at: float | None = None
        self.started_open: list[tuple[float, Ticket]] = []
        self.newest: dict[
            OrderKey, tuple[float, bool]
        ] = {}  # by key, since the last turn: the oracle of dominance
        self.turned = 0

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 7.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def wait_for_the_circuit(self) -> None:
        self.now = self.made.wait_until(APP, self.now) or self.now

    @rule(number=st.integers(0, 9))
    def start(self, number: int) -> None:
        if self.made.wait_until(APP, self.now) is not None:
            return
        if self.opened_at is not None:
            alive = [at for at, _ in self.started_open if self.now < at + self.SMALL.probe_patience_s]
            assert not alive, "two probes at once"
        ticket = self.made.started(APP, key(number), self.now)
        self.under_way.append((self.now, ticket))
        if self.opened_at is not None:
            self.started_open.append((self.now, ticket))

    def end(self, which: int) -> Ticket:
        _, ticket = self.under_way.pop(which % len(self.under_way))
        self.ended.append(ticket)
        self.started_open = [(begun, other) for begun, other in self.started_open if other != ticket]
        return ticket

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 50), jitter=st.floats(0.0, 0.99))
    def fails(self, which: int, jitter: float) -> None:
        ticket = self.end(which)
        self.note(ticket, failed=True)
        change = self.made.failed(ticket, self.now, jitter)
        if change is not None:
            assert change.again == (self.opened_at is not None)
            assert self.now < change.until <= self.now + self.SMALL.open_cap_s * 1.25
            if not change.again:
                self.failures_dominate()
            self.opened_at = self.opened_at if change.again else self.now
            self.turn(ticket)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 50))
    def succeeds(self, which: int) -> None:
        ticket = self.end(which)
        self.note(ticket, failed=False)
        if isinstance(self.made.succeeded(ticket, self.now), Closed):
            self.opened_at = None
            self.turn(ticket)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 50))
    def is_cut_off(self, which: int) -> None:
        self.made.abandoned(self.end(which), self.now)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 50))
    def is_never_heard_of(self, which: int) -> None:
        self.under_way.pop(which % len(self.under_way))

    @precondition(lambda self: self.ended)
    @rule(which=st.integers(0, 500))
    def is_cut_off_after_its_answer(self, which: int) -> None:
        assert self.made.abandoned(self.ended[which % len(self.ended)], self.now) is None

    def note(self, ticket: Ticket, *, failed: bool) -> None:
        if self.opened_at is None and ticket.number >= self.turned:
            self.newest.pop(ticket.key, None)
            self.newest[ticket.key] = self.now, failed

    def turn(self, ticket: Ticket) -> None:
        self.newest.clear()
        numbers = [other.number for _, other in self.under_way] + [other.number for other in self.ended]
        self.turned = max([*numbers, ticket.number]) + 1

    def failures_dominate(self) -> None:
        votes = [
            failed for at, failed in list(self.newest.values())[-self.SMALL.window_keys :]
            if at > self.now - self.SMALL.window_s
        ]  # fmt: skip
        assert sum(votes) >= self.SMALL.failing_keys
        assert sum(votes) >= self.SMALL.share * len(votes)

    @invariant()
    def something_may_start_in_a_finite_time(self) -> None:
        until = self.made.wait_until(APP, self.now)
        assert until is None or self.now < until <= self.now + self.SMALL.probe_patience_s

    @invariant()
    def it_says_what_it_is(self) -> None:
        closed = self.opened_at is None
        assert (self.made.state(APP, self.now) == "closed") is closed
        assert [circuit.since for circuit in self.made.active(self.now)] == (
            [] if closed else [self.opened_at]
        )
        if closed:
            assert self.made.wait_until(APP, self.now) is None


AnySequence.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestAnySequence = AnySequence.TestCase
