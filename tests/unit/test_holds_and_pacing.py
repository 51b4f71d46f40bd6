"""Holds and pacing: who may send when."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connector.core.holds import Holds
from connector.core.pacing import CHANNELS_REMEMBERED, MINUTE_S, Pacing, RateLimits
from connector.core.records import Channel

ONE = Channel("cha_1", "cha_1", "acme", "main")
TWO = Channel("cha_2", "cha_2", "acme", "main")
ELSEWHERE = Channel("cha_9", "cha_9", "other", "second")


def test_brk_08_a_forbidden_channel_holds_itself_only() -> None:
    """403 for one channel: the others of its app go on."""
    holds = Holds(60.0)
    hold = holds.refuse("channel", "forbidden", ONE, now=0.0)
    assert hold is not None
    assert (hold.scope, hold.name, hold.reason) == ("channel", "cha_1", "forbidden")
    assert holds.wait_until(ONE, 1.0) == 60.0
    assert holds.wait_until(TWO, 1.0) is None


def test_brk_07_a_second_refused_channel_widens_the_hold_to_the_app() -> None:
    """Two channels refused and none accepted since: the app's secret is wrong; another app is not touched."""
    holds = Holds(60.0)
    holds.refuse("channel", "unauthorized", ONE, now=0.0)
    hold = holds.refuse("channel", "unauthorized", TWO, now=1.0)
    assert hold is not None
    assert (hold.scope, hold.name) == ("app", "main")
    assert holds.wait_until(Channel("cha_3", "cha_3", "acme", "main"), 2.0) == 61.0
    assert holds.wait_until(ELSEWHERE, 2.0) is None


def test_brk_07_a_probe_of_a_held_app_that_is_refused_again_holds_it_for_another_interval() -> None:
    """Whichever of its channels probed: the interval counts from the answer."""
    holds = Holds(60.0)
    holds.refuse("channel", "unauthorized", ONE, now=0.0)
    holds.refuse("channel", "unauthorized", TWO, now=0.0)
    holds.started(ONE, now=60.0)
    assert holds.refuse("channel", "unauthorized", ONE, now=65.0) is None
    assert holds.wait_until(TWO, 66.0) == 125.0


def test_brk_07_channels_that_fell_with_the_app_are_asked_as_soon_as_it_is_good() -> None:
    """The probe went to a third channel: the first, refused again a second ago, does not wait for its interval."""
    holds = Holds(60.0)
    holds.refuse("channel", "unauthorized", ONE, now=0.0)
    holds.refuse("channel", "unauthorized", TWO, now=1.0)
    holds.started(ONE, now=61.0)
    released = holds.proven(Channel("cha_3", "cha_3", "acme", "main"))
    assert [hold.scope for hold in released] == ["app"]
    assert holds.wait_until(ONE, 62.0) is None


def test_an_acceptance_between_two_refusals_keeps_the_app_free() -> None:
    """A channel that was removed is one channel's fault while others are accepted."""
    holds = Holds(60.0)
    holds.refuse("channel", "unauthorized", ONE, now=0.0)
    holds.proven(ELSEWHERE)
    holds.proven(Channel("cha_3", "cha_3", "acme", "main"))
    hold = holds.refuse("channel", "unauthorized", TWO, now=1.0)
    assert hold is not None
    assert hold.scope == "channel"


def test_brk_07_one_probe_an_interval_and_the_first_success_releases() -> None:
    """At most one request per interval goes into a hold; what proves the credentials ends it."""
    holds = Holds(60.0)
    holds.refuse("channel", "forbidden", ONE, now=0.0)
    assert holds.wait_until(ONE, 60.0) is None
    holds.started(ONE, 60.0)
    assert holds.wait_until(ONE, 60.1) == 120.0
    assert [hold.name for hold in holds.proven(ONE)] == ["cha_1"]
    assert holds.wait_until(ONE, 60.2) is None
    assert holds.active == ()


def test_brk_07_a_probe_that_is_cut_off_makes_room_for_the_next_at_once() -> None:
    """Its partition was revoked before the answer: nobody waits an interval for a verdict that will not come."""
    holds = Holds(60.0)
    holds.refuse("channel", "forbidden", ONE, now=0.0)
    assert holds.started(TWO, now=1.0) is None, "an ordinary request probes nothing"
    probe = holds.started(ONE, now=60.0)
    assert probe is not None
    holds.abandoned(probe, now=61.0)
    assert holds.wait_until(ONE, 61.0) is None
    holds.started(ONE, now=61.0)
    holds.abandoned(probe, now=62.0)
    assert holds.wait_until(ONE, 62.0) == 121.0, "another probe is under way: the first has no say any more"


def test_brk_07_a_probe_cut_off_after_its_verdict_changes_nothing() -> None:
    """It released the hold, or was refused and the hold stands anew; then its task is cancelled."""
    holds = Holds(60.0)
    holds.refuse("channel", "forbidden", ONE, now=0.0)
    probe = holds.started(ONE, now=60.0)
    assert probe is not None
    holds.refuse("channel", "forbidden", ONE, now=61.0)
    holds.abandoned(probe, now=62.0)
    assert holds.wait_until(ONE, 62.0) == 121.0
    holds.proven(ONE)
    holds.abandoned(probe, now=63.0)
    assert holds.active == ()


def test_brk_08_a_channel_held_twice_waits_for_both_and_one_probe_releases_both() -> None:
    """First 403 for itself, then a wrong base URL for its app: the later probe is its own, other channels probe the app."""
    holds = Holds(60.0)
    holds.refuse("app", "wrong_base_url", TWO, now=0.0)
    holds.refuse("channel", "forbidden", ONE, now=30.0)
    assert holds.wait_until(TWO, 60.0) is None
    assert holds.wait_until(ONE, 60.0) == 90.0
    probe = holds.started(ONE, now=90.0)
    assert probe is not None
    assert holds.wait_until(TWO, 91.0) == 150.0, "it probes the app for all its channels"
    holds.abandoned(probe, now=92.0)
    assert (holds.wait_until(ONE, 92.0), holds.wait_until(TWO, 92.0)) == (None, None)
    assert [hold.scope for hold in holds.proven(ONE)] == ["app", "channel"]
    assert holds.active == ()


def test_brk_08_the_end_of_one_apps_hold_wakes_no_channel_of_another() -> None:
    """A channel of a second app, refused with 401 by itself, keeps its own interval."""
    holds = Holds(60.0)
    holds.refuse("channel", "unauthorized", ELSEWHERE, now=50.0)
    holds.refuse("channel", "unauthorized", ONE, now=50.0)
    holds.refuse("channel", "unauthorized", TWO, now=50.0)
    holds.proven(TWO)
    assert holds.wait_until(ONE, 51.0) is None
    assert holds.wait_until(ELSEWHERE, 51.0) == 110.0


def test_a_held_channel_for_which_nobody_waits_is_forgotten() -> None:
    """Its partition is another process's now: no probe for ten intervals. An app, and what is probed, stay."""
    holds = Holds(60.0)
    holds.refuse("app", "wrong_base_url", ELSEWHERE, now=0.0)
    holds.refuse("channel", "forbidden", ONE, now=0.0)
    holds.refuse("channel", "forbidden", TWO, now=0.0)
    holds.started(ONE, now=600.0)
    assert holds.forget_idle(659.0) == ()
    assert [hold.name for hold in holds.forget_idle(660.0)] == ["cha_2"]
    assert [hold.name for hold in holds.active] == ["second", "cha_1"]
    assert holds.wait_until(TWO, 661.0) is None


@given(st.lists(st.floats(0.0, 0.5), min_size=100, max_size=400), st.integers(1, 50))
def test_ret_06_no_window_has_more_than_its_limit(steps: list[float], limit: int) -> None:
    """In every sliding minute at most the company's limit starts, and the wait that is named is kept exactly."""
    pacing = Pacing(RateLimits(company_per_minute=limit, channel_per_second=0))
    now, starts = 0.0, []
    for step in steps:
        now += step
        until = pacing.wait_until(ONE, now)
        if until is not None:
            assert until > now
            now = until
            assert pacing.wait_until(ONE, now) is None
        pacing.started(ONE, now)
        starts.append(now)
    for index, begin in enumerate(starts[:-limit]):
        assert starts[index + limit] - begin >= MINUTE_S - 1e-6


def test_ret_07_a_channels_requests_are_spaced_evenly_and_channels_do_not_mind_each_other() -> None:
    """Four a second are one every 250 ms, so that no second at Front has five whatever the jitter below that."""
    pacing = Pacing(RateLimits(company_per_minute=0, channel_per_second=4))
    assert pacing.wait_until(ONE, 0.0) is None
    pacing.started(ONE, 0.0)
    assert pacing.wait_until(ONE, 0.1) == 0.25
    assert pacing.wait_until(TWO, 0.1) is None
    assert pacing.wait_until(ONE, 0.25) is None


def test_ret_06_nearly_all_of_a_minutes_budget_is_used() -> None:
    """Ten minutes of more work than may be sent: at most 50 in any minute, and 48 a minute or more over all."""
    pacing = Pacing(RateLimits(company_per_minute=50, channel_per_second=0))
    now, starts = 0.0, []
    while now < 600.0:
        until = pacing.wait_until(ONE, now)
        if until is not None:
            now = until
            continue
        pacing.started(ONE, now)
        starts.append(now)
        now += 0.2
    assert max(sum(begin <= at < begin + 60.0 for at in starts) for begin in starts) <= 50
    assert len(starts) / 10 >= 48


def test_ret_07_two_busy_channels_use_their_limits_side_by_side() -> None:
    """Five a second each: no second has more than five of one channel, and ten of both leave in it."""
    pacing = Pacing(RateLimits(company_per_minute=0, channel_per_second=5))
    starts: dict[str, list[float]] = {"cha_1": [], "cha_2": []}
    for step in range(1000):
        for channel in (ONE, TWO):
            if pacing.wait_until(channel, step / 100) is None:
                pacing.started(channel, step / 100)
                starts[channel.real_id].append(step / 100)
    for times in starts.values():
        assert max(sum(begin <= at < begin + 0.995 for at in times) for begin in times) == 5
    assert sum(len(times) for times in starts.values()) >= 9 * 10


def test_ret_05_a_429_concerns_its_whole_scope_and_nothing_else() -> None:
    """A throttled company stops all its channels; a throttled channel only itself; the later time wins."""
    pacing = Pacing(RateLimits(company_per_minute=0, channel_per_second=0))
    pacing.throttle("company", ONE, until=2.0)
    pacing.throttle("company", TWO, until=1.0)
    assert pacing.wait_until(TWO, 0.5) == 2.0
    assert pacing.wait_until(ELSEWHERE, 0.5) is None
    assert pacing.wait_until(TWO, 2.0) is None
    pacing.throttle("channel", ONE, until=5.0)
    assert pacing.wait_until(ONE, 3.0) == 5.0
    assert pacing.wait_until(TWO, 3.0) is None


def test_without_limits_nothing_waits() -> None:
    """Zero switches off, a channel's spacing as well as a company's minute."""
    pacing = Pacing(RateLimits(company_per_minute=0, channel_per_second=0))
    pacing.started(ONE, 0.0)
    assert pacing.wait_until(ONE, 0.0) is None


def test_a_companys_own_limit_wins_and_zero_switches_off() -> None:
    """`front.companies` overrides the default."""
    pacing = Pacing(RateLimits(company_per_minute=1, channel_per_second=0, companies={"other": 0}))
    pacing.started(ONE, 0.0)
    assert pacing.wait_until(ONE, 1.0) == MINUTE_S
    for _ in range(100):
        pacing.started(ELSEWHERE, 0.0)
    assert pacing.wait_until(ELSEWHERE, 1.0) is None


def test_pacing_forgets_channels_that_may_send_anyway() -> None:
    """Ids come from records: ten thousand that were named once cost no memory for ever; who must still wait is kept."""
    pacing = Pacing(RateLimits(company_per_minute=0, channel_per_second=4))
    for number in range(3 * CHANNELS_REMEMBERED):
        pacing.started(replace(ONE, real_id=f"cha_{number}"), float(number))
    last = replace(ONE, real_id=f"cha_{3 * CHANNELS_REMEMBERED - 1}")
    now = 3.0 * CHANNELS_REMEMBERED - 1
    assert len(pacing._channels) <= CHANNELS_REMEMBERED
    assert pacing.wait_until(last, now) == now + 0.25


def test_what_pacing_knows_can_be_looked_at_without_changing_it() -> None:
    """A minute's starts fall out of its window; a 429 is over at its time; a company without a limit has no minute."""
    pacing = Pacing(RateLimits(company_per_minute=3, channel_per_second=0, companies={"other": 0}))
    assert (pacing.companies(0.0), pacing.closed(0.0)) == ({}, {})
    pacing.started(ONE, 0.0)
    pacing.started(TWO, 10.0)
    pacing.started(ELSEWHERE, 10.0)
    assert pacing.companies(MINUTE_S - 1) == {"acme": (2, 3)}
    assert pacing.companies(MINUTE_S) == {"acme": (1, 3)}
    pacing.throttle("channel", ONE, 20.0)
    pacing.throttle("company", ELSEWHERE, 30.0)
    assert pacing.closed(10.0) == {("channel", "cha_1"): 20.0, ("company", "other"): 30.0}
    assert pacing.closed(20.0) == {("company", "other"): 30.0}
    assert pacing.wait_until(ONE, 10.0) == 20.0
