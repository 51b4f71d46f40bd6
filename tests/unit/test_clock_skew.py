"""The estimate of a server's clock from its `Date` headers: what it promises of honest servers, liars and jumps."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.core.clock_skew import (
    CORRECTED_MAX_S,
    KEPT_FOR_S,
    SECONDS_KEPT,
    ServerClock,
    SkewEpisodes,
    corrected,
)

NOW = 1_789_000_000.0


@dataclass
class Ours:
    """Our two clocks, and how far the wall clock is ahead of the server's."""

    skew: float
    monotonic: float = 50.0
    server: float = NOW
    clock: ServerClock = field(default_factory=ServerClock)

    @property
    def wall(self) -> float:
        return self.server + self.skew

    def wait(self, seconds: float) -> None:
        self.monotonic += seconds
        self.server += seconds

    def answer(self, there: float, back: float, lie: float = 0.0) -> bool:
        """One attempt: the server writes its `Date` after `there` seconds."""
        began = self.monotonic
        self.wait(there)
        date = math.floor(self.server) + lie
        self.wait(back)
        return self.clock.heard(date, began, self.monotonic, self.wall)

    @property
    def estimate(self) -> float:
        estimate = self.clock.skew(self.wall, self.monotonic)
        assert estimate is not None
        return estimate


SKEWS = st.floats(-1e5, 1e5)
LEGS = st.floats(0.0, 3.0)
WAITS = st.floats(0.0, 20.0)
ANSWERS = st.lists(st.tuples(WAITS, LEGS, LEGS), min_size=1, max_size=30)


def test_nothing_is_known_before_the_first_answer() -> None:
    """Then nothing is corrected."""
    assert ServerClock().skew(NOW, 5.0) is None
    assert corrected(NOW, None) == NOW


@given(SKEWS, ANSWERS)
def test_an_honest_server_is_estimated_within_a_second_and_its_fastest_round_trip(
    skew: float, answers: list[tuple[float, float, float]]
) -> None:
    """Half of it, where the clocks surely differ: the middle of the bounds is told. More answers never make it worse."""
    ours = Ours(skew)
    for wait, there, back in answers:
        ours.wait(wait)
        ours.answer(there, back)
    ours.wait(2.0)
    ours.answer(0.0, 0.01)
    error = abs(ours.estimate - skew)
    assert error <= (1.01 / 2 if ours.estimate else 1.01) + 1e-6


@given(SKEWS, ANSWERS, st.lists(st.floats(-1e4, 1e4), max_size=7))
def test_a_minority_of_lies_changes_nothing_of_that(
    skew: float, answers: list[tuple[float, float, float]], lies: list[float]
) -> None:
    """A cache, a proxy, one server of several: whatever they say, what is believed fits an honest answer."""
    ours = Ours(skew)
    for lie in lies:
        ours.wait(1.0)
        ours.answer(0.1, 0.1, round(lie))
    for _ in range(SECONDS_KEPT - len(lies)):
        ours.wait(1.0)
        ours.answer(0.1, 0.2)
    assert abs(ours.estimate - skew) <= 1.3 + 1e-6


@given(SKEWS, ANSWERS, st.floats(-1e5, 1e5))
def test_a_wall_clock_that_is_set_is_known_at_once(
    skew: float, answers: list[tuple[float, float, float]], jump: float
) -> None:
    """Without another answer: what is known of the server hangs on the monotonic clock."""
    ours = Ours(skew)
    for wait, there, back in answers:
        ours.wait(wait)
        ours.answer(there, back)
    before = ours.estimate
    assume(before)
    ours.skew += jump
    after = ours.estimate
    slowest = 1.0 + max(there + back for _, there, back in answers)
    assert abs(after - (before + jump)) <= (1e-6 if after else slowest)


@pytest.mark.parametrize("skew", [-40.0, -3.21, 3.21, 250.0])
def test_the_estimate_sharpens_below_a_tenth_of_a_second(skew: float) -> None:
    """Answers fall into different parts of a second, and only one difference fits them all."""
    ours = Ours(skew)
    for number in range(SECONDS_KEPT):
        ours.wait(1.0 + 0.61 * number % 1.0)
        ours.answer(0.02, 0.03)
    assert abs(ours.estimate - skew) < 0.1


def test_answers_of_one_second_are_judged_once_and_sharpen_it() -> None:
    """A busy second has hundreds of them; the next second counts what the last of them said."""
    ours = Ours(5.0)
    judged = [ours.answer(0.0, 0.09) for _ in range(10)]
    assert judged == [True] + [False] * 9
    ours.wait(0.5)
    assert ours.answer(0.0, 0.01) is True
    assert abs(ours.estimate - 5.0) <= 0.06


@pytest.mark.parametrize("skew", [0.0, 0.3, -0.3])
def test_clocks_that_may_agree_differ_by_nothing(skew: float) -> None:
    """A resolution of a second says no more than that, and no token is changed for it."""
    ours = Ours(skew)
    ours.wait(0.5)
    ours.answer(0.1, 0.1)
    assert ours.estimate == 0.0


@pytest.mark.parametrize("lie", [-60, 60])
def test_of_two_that_disagree_the_one_nearer_to_our_own_clock_is_believed(lie: int) -> None:
    """Our clock is the third witness; a first `Date` has only itself."""
    ours = Ours(0.0)
    ours.answer(0.1, 0.1, lie)
    assert ours.estimate == pytest.approx(-lie, abs=1.0)
    ours.wait(1.0)
    ours.answer(0.1, 0.1)
    assert ours.estimate == 0.0


def test_a_lie_that_has_come_true_is_an_honest_second() -> None:
    """The date that was wrong a minute ago is right now: the later answer counts."""
    ours = Ours(5.0)
    ours.answer(0.0, 0.1, lie=+2)
    ours.wait(1.9)
    assert ours.answer(0.0, 0.1) is False
    ours.wait(1.0)
    ours.answer(0.0, 0.1)
    assert ours.estimate == pytest.approx(5.0, abs=0.6)


def test_a_server_that_sets_its_clock_is_followed() -> None:
    """After as many seconds as it was known by."""
    ours = Ours(0.0)
    for _ in range(SECONDS_KEPT):
        ours.wait(1.0)
        ours.answer(0.1, 0.1)
    for _ in range(SECONDS_KEPT // 2 + 1):
        ours.wait(1.0)
        ours.answer(0.1, 0.1, lie=-30)
    assert ours.estimate == pytest.approx(30.0, abs=1.0)


def test_old_answers_are_forgotten() -> None:
    """A quiet quarter of an hour later one answer counts, not the many before: clocks drift."""
    ours = Ours(0.0)
    for _ in range(SECONDS_KEPT):
        ours.wait(1.0)
        ours.answer(0.1, 0.1)
    ours.wait(KEPT_FOR_S)
    ours.skew = 30.0
    ours.answer(0.1, 0.1, lie=-30)
    assert ours.estimate == pytest.approx(60.0, abs=1.0)


@pytest.mark.parametrize("date", [0.0, NOW + 400 * 86_400, NOW - 400 * 86_400])
def test_an_absurd_date_is_not_heard(date: float) -> None:
    """The epoch's first second is a broken header."""
    clock = ServerClock()
    assert clock.heard(date, 1.0, 2.0, NOW) is False
    assert clock.skew(NOW, 2.0) is None


@given(st.floats(0.0, 4e9), SKEWS)
def test_a_correction_is_whole_or_none_and_bounded(wall: float, skew: float) -> None:
    """Beyond five minutes a token says what our own clock says: somebody's clock is badly wrong, and it may not be ours."""
    right = corrected(wall, skew)
    assert right == (wall - skew if abs(skew) <= CORRECTED_MAX_S else wall)
    assert abs(right - wall) <= CORRECTED_MAX_S + 1e-6


def test_an_episode_is_told_once_at_each_end() -> None:
    """Two limits, so that an estimate that wavers at one of them does not fill the log."""
    episodes = SkewEpisodes()
    told = [episodes.note(skew) for skew in (0.0, 2.0, 2.1, -9.0, 1.9, 2.1, 1.0, 0.9, 0.0, -2.5)]
    assert told == [None, None, "began", None, None, None, None, "ended", None, "began"]
