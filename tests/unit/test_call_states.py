"""What Front makes of a call's change of state, as far as this process has seen."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.call_states import (
    ILLEGAL,
    NEXT,
    CallStates,
    CallStatus,
    CallStep,
    FirstSeen,
    Illegal,
    Legal,
    Repeated,
    Source,
    Verdict,
)
from connector.core.records import Epoch, TopicPartition
from connector.simulator import calls as simulated

TP = TopicPartition("calls", 0)
SOURCE = Source(TP, Epoch(1))
CALL = ("call", "cha_1", "leg-1")
STATUSES: tuple[CallStatus, ...] = get_args(CallStatus)
RINGS = CallStep("ringing", creates=True)


def told(*steps: CallStep | CallStatus, states: CallStates | None = None) -> list[Verdict]:
    """The verdict of each step of one call, every one accepted by Front."""
    states = CallStates(10) if states is None else states
    verdicts = []
    for step in steps:
        taken = CallStep(step) if isinstance(step, str) else step
        verdicts.append(states.judge(CALL, taken, SOURCE, 0.0))
        states.accepted(CALL, taken, SOURCE, 0.0)
    return verdicts


def test_the_table_is_the_one_that_the_simulator_was_built_by() -> None:
    """Two people read Front's guide: of every pair of states they say the same."""
    for before in STATUSES:
        for after in STATUSES:
            assert (after in NEXT[before]) == simulated.allowed(before, after), (before, after)
    assert len(ILLEGAL) == 64 - 8 - sum(map(len, NEXT.values()))


def test_a_whole_call_is_legal_from_its_second_step_on() -> None:
    """Queued, answered, put on hold, resumed (which is `connected` again), ended."""
    assert told(CallStep("queued", creates=True), "connected", "hold", "connected", "hangup") == [
        FirstSeen(),
        Legal("queued", "connected"),
        Legal("connected", "hold"),
        Legal("hold", "connected"),
        Legal("connected", "hangup"),
    ]


@pytest.mark.parametrize("status", STATUSES)
def test_a_call_that_was_not_seen_is_never_accused(status: CallStatus) -> None:
    """Whatever comes first: a change, or the call itself."""
    assert told(status) == [FirstSeen()]
    assert told(CallStep(status, creates=True)) == [FirstSeen()]


@pytest.mark.parametrize("status", STATUSES)
def test_the_same_state_again_is_a_repeat(status: CallStatus) -> None:
    """Also of a call that has ended."""
    assert told(status, status) == [FirstSeen(), Repeated()]


def test_a_call_that_is_created_again_is_a_repeat_and_stays_where_it_is() -> None:
    """Front has it already: what the repeat says of its state changes nothing."""
    assert told(RINGS, "connected", RINGS, "hold") == [
        FirstSeen(),
        Legal("ringing", "connected"),
        Repeated(),
        Legal("connected", "hold"),
    ]


def test_what_front_drops_does_not_move_the_call() -> None:
    """It rings, and cannot hang up: so it still rings, and may be missed."""
    assert told(RINGS, "hangup", "missed", "connected") == [
        FirstSeen(),
        Illegal("ringing", "hangup"),
        Legal("ringing", "missed"),
        Illegal("missed", "connected"),
    ]


def test_judging_moves_nothing() -> None:
    """Only what Front accepted does."""
    states = CallStates(10)
    told(RINGS, states=states)
    for _ in range(2):
        assert states.judge(CALL, CallStep("connected"), SOURCE, 0.0) == Legal("ringing", "connected")


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=12))
def test_a_change_is_accused_exactly_when_a_front_that_began_with_it_drops_it(
    statuses: list[CallStatus],
) -> None:
    """Against a model of Front's side: it starts with the first state, and keeps its own where it allows no change."""
    front = statuses[0]
    for status, verdict in zip(statuses[1:], told(*statuses)[1:], strict=True):
        dropped = status != front and not simulated.allowed(front, status)
        assert isinstance(verdict, Illegal) == dropped
        front = front if dropped else status


@pytest.mark.parametrize(
    "other",
    [
        Source(TP, Epoch(2)),
        Source(TopicPartition("calls", 1), Epoch(1)),
        Source(TopicPartition("x", 0), Epoch(1)),
    ],
)
def test_what_another_assignment_taught_is_not_held_against_this_one(other: Source) -> None:
    """Between two assignments another member may have sent; between two partitions there is no order."""
    states = CallStates(10)
    states.accepted(CALL, RINGS, SOURCE, 0.0)
    assert states.judge(CALL, CallStep("hold"), other, 0.0) == FirstSeen()
    states.accepted(CALL, CallStep("hold"), other, 0.0)
    assert states.judge(CALL, CallStep("missed"), other, 0.0) == Illegal("hold", "missed")
    assert states.judge(CALL, CallStep("missed"), SOURCE, 0.0) == FirstSeen()


def test_calls_of_two_channels_are_two_calls() -> None:
    """Whatever they are called."""
    states = CallStates(10)
    states.accepted(("call", "cha_1", "leg"), CallStep("hangup"), SOURCE, 0.0)
    assert states.judge(("call", "cha_2", "leg"), CallStep("connected"), SOURCE, 0.0) == FirstSeen()


def test_a_call_that_is_forgotten_is_as_if_never_seen() -> None:
    """Ended or not; and one that was not known is no harm."""
    states = CallStates(10)
    for status in ("connected", "hangup"):
        told(CallStep(status), states=states)
        states.forget(CALL)
        assert states.judge(CALL, CallStep("queued"), SOURCE, 0.0) == FirstSeen()
    states.forget(CALL)
    assert len(states) == 0


def test_an_ended_call_is_forgotten_after_a_time_and_a_live_one_is_not() -> None:
    """The time counts from what was last heard of it."""
    states = CallStates(10, ended_kept_s=60.0)
    live, ended, late = (("call", "cha_1", name) for name in ("live", "ended", "late"))
    states.accepted(live, CallStep("connected"), SOURCE, 0.0)
    states.accepted(ended, CallStep("hangup"), SOURCE, 0.0)
    states.accepted(late, CallStep("hangup"), SOURCE, 0.0)
    states.accepted(late, CallStep("hangup"), SOURCE, 59.0)
    assert states.judge(ended, CallStep("hold"), SOURCE, 59.9) == Illegal("hangup", "hold")
    assert states.judge(ended, CallStep("hold"), SOURCE, 60.0) == FirstSeen()
    assert states.judge(late, CallStep("hold"), SOURCE, 118.9) == Illegal("hangup", "hold")
    assert states.judge(live, CallStep("queued"), SOURCE, 1e9) == Illegal("connected", "queued")
    assert len(states) == 1


def test_ended_calls_make_room_before_live_ones_and_the_longest_silent_first() -> None:
    """Three places: an old live call is kept, the ended ones go; then the live one that was silent for longest."""
    states = CallStates(3)
    for name, status in (("a", "connected"), ("b", "hangup"), ("c", "missed"), ("d", "queued")):
        states.accepted(("call", "cha_1", name), CallStep(status), SOURCE, 0.0)  # type: ignore[arg-type]
    assert known(states) == "acd"
    states.accepted(("call", "cha_1", "e"), CallStep("queued"), SOURCE, 0.0)
    states.accepted(("call", "cha_1", "a"), CallStep("hold"), SOURCE, 0.0)
    states.accepted(("call", "cha_1", "f"), CallStep("queued"), SOURCE, 0.0)
    assert known(states) == "aef"


def known(states: CallStates) -> str:
    """The names of the calls that it knows, of those with one letter."""
    names = "abcdef"
    return "".join(
        name
        for name in names
        if states.judge(("call", "cha_1", name), CallStep("ringing"), SOURCE, 0.0) != FirstSeen()
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(STATUSES)), max_size=60), st.integers(0, 4))
def test_never_more_calls_are_known_than_there_is_room_for(
    steps: list[tuple[int, CallStatus]], most: int
) -> None:
    """Also with no room at all."""
    states = CallStates(most)
    for call, status in steps:
        states.accepted(("call", "cha_1", str(call)), CallStep(status), SOURCE, 0.0)
        assert len(states) <= most
