"""The lease: for how long a member that hears nothing from its coordinator may still start requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.lease import Lease


def test_reb_15_nothing_starts_before_the_first_acknowledged_commit() -> None:
    """Without one there is no proof that the coordinator knows this member."""
    lease = Lease(session_s=45.0, request_deadline_s=15.0)
    assert not lease.live(0.0)
    assert lease.due(0.0)
    assert lease.remaining(0.0) is None


def test_reb_15_a_request_that_starts_last_has_ended_with_the_session() -> None:
    """45 s of session and 15 s of request: the last may start 30 s after the commit was sent."""
    lease = Lease(session_s=45.0, request_deadline_s=15.0)
    lease.renewed(100.0)
    assert lease.live(129.9)
    assert not lease.live(130.0)
    assert lease.remaining(131.0) == -1.0


def test_an_idle_member_renews_at_a_third_of_the_session_or_twice_within_the_lease() -> None:
    """One commit may fail without ending the lease."""
    idle = Lease(session_s=45.0, request_deadline_s=15.0)
    idle.renewed(0.0)
    assert (idle.due(14.9), idle.due(15.0)) == (False, True)
    short = Lease(session_s=6.0, request_deadline_s=5.0)
    short.renewed(0.0)
    assert (short.due(0.4), short.due(0.5)) == (False, True)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 2e6), st.floats(1, 100), st.floats(0.01, 0.99))
def test_the_newest_commit_counts_in_whatever_order_answers_come(
    sent: list[float], now: float, session_s: float, share: float
) -> None:
    """Live exactly until the newest sent commit is older than session less deadline; due before that."""
    lease = Lease(session_s, session_s * share)
    for at in sent:
        lease.renewed(at)
    assert lease.live(now) == (max(sent) + (session_s - session_s * share) - now > 0)
    assert lease.due(now) or lease.live(now)


def test_a_member_that_idled_at_any_hour_is_due_by_what_has_passed() -> None:
    """The clock's own number says nothing: it counts from when the machine started."""
    lease = Lease(session_s=45.0, request_deadline_s=15.0)
    lease.renewed(1_000.0)
    assert (lease.due(1_014.0), lease.due(1_015.0)) == (False, True)


def test_a_short_deadline_still_renews_at_a_third_of_the_session() -> None:
    """Half of so long a lease would be later than the coordinator should wait for a sign of life."""
    lease = Lease(session_s=45.0, request_deadline_s=5.0)
    lease.renewed(0.0)
    assert (lease.due(14.9), lease.due(15.0)) == (False, True)


def test_reb_15_a_member_that_was_put_out_starts_nothing_until_a_commit_is_acknowledged() -> None:
    """However fresh the last acknowledged one was; it commits again at once."""
    lease = Lease(session_s=45.0, request_deadline_s=15.0)
    lease.renewed(100.0)
    lease.ended()
    assert (lease.live(100.1), lease.due(100.1), lease.remaining(100.1)) == (False, True, None)
    lease.renewed(101.0)
    assert lease.live(101.1)


def test_a_deadline_as_long_as_the_session_is_a_defect() -> None:
    """No request could ever start; the settings refuse it before."""
    with pytest.raises(AssertionError):
        Lease(session_s=15.0, request_deadline_s=15.0)
