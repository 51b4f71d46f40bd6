"""Wall time in which at least one request was held back: against the union of the waits, moment by moment."""

from hypothesis import given
from hypothesis import strategies as st

from connector.core.held_back import HeldBack
from connector.core.pacing import Pacing, RateLimits
from connector.core.records import Channel

ONE = Channel("cha_1", "cha_1", "acme", "main")
TWO = Channel("cha_2", "cha_2", "acme", "main")
NONE = {"channel": 0.0, "company": 0.0, "retry_after": 0.0}

waits = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), max_size=30)
"""How many ticks after the one before a wait begins, and how many it lasts."""


@given(waits, st.integers(0, 50))
def test_the_time_held_back_is_the_union_of_the_waits(begun: list[tuple[int, int]], later: int) -> None:
    """However waits overlap, touch and leave gaps, each tick in which somebody waits counts once, as it passes."""
    held, now, ticks = HeldBack(), 0, set[int]()
    for after, lasts in begun:
        now += after
        held.note("company", now, now + lasts)
        ticks |= set(range(now, now + lasts))
        assert held.seconds(now)["company"] == len([tick for tick in ticks if tick < now])
    end = now + later
    assert held.seconds(end) == {**NONE, "company": len([tick for tick in ticks if tick < end])}


@given(waits, st.integers(0, 50))
def test_it_never_falls_and_never_outruns_the_clock(begun: list[tuple[int, int]], later: int) -> None:
    """What a counter must keep: a fall would look like a restart, more than a second a second like two pods."""
    held, now, before = HeldBack(), 0.0, 0.0
    for number, (after, lasts) in enumerate([*begun, (later, 1)]):
        now += after
        if number % 3 == 2:
            held.ask_again(now)
        held.note("retry_after", now, now + lasts)
        seconds = held.seconds(now)["retry_after"]
        assert before <= seconds <= min(now, before + after)
        before = seconds


def test_a_wait_that_ends_early_counts_no_further() -> None:
    """A Retry-After of an hour that nobody waits for any more is not an hour held back."""
    held = HeldBack()
    held.note("retry_after", 0.0, 3600.0)
    held.ask_again(10.0)
    assert held.seconds(3600.0) == {**NONE, "retry_after": 10.0}
    held.note("retry_after", 20.0, 30.0)
    assert held.seconds(3600.0) == {**NONE, "retry_after": 20.0}


def test_each_limit_counts_as_its_own_cause() -> None:
    """The channel's pace for a quarter of a second, the company's minute for the rest of it; two who wait are one."""
    pacing = Pacing(RateLimits(company_per_minute=1, channel_per_second=4))
    assert pacing.wait_until(ONE, 0.0) is None
    pacing.started(ONE, 0.0)
    assert pacing.wait_until(ONE, 0.0) == pacing.wait_until(TWO, 0.0) == 61.0
    assert pacing.held_back.seconds(0.2) == {**NONE, "channel": 0.2, "company": 0.2}
    assert pacing.held_back.seconds(100.0) == {**NONE, "channel": 0.25, "company": 61.0}


def test_a_429_counts_as_retry_after_whatever_its_scope() -> None:
    """A channel's and its company's at once are one wait."""
    pacing = Pacing(RateLimits(company_per_minute=0, channel_per_second=0))
    pacing.throttle("channel", ONE, until=5.0)
    pacing.throttle("company", ONE, until=3.0)
    assert pacing.wait_until(ONE, 1.0) == 5.0
    assert pacing.held_back.seconds(100.0) == {**NONE, "retry_after": 4.0}


def test_a_limit_that_nobody_meets_holds_nobody_back() -> None:
    """A window that is full is no wait until somebody wants to go."""
    pacing = Pacing(RateLimits(company_per_minute=1, channel_per_second=1))
    pacing.started(ONE, 0.0)
    assert pacing.held_back.seconds(60.0) == NONE
