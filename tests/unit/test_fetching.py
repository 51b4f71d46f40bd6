"""What an attempt to fetch a file means: the table of `core.fetching`, row by row, and that it is total."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.fetching import (
    FetchAgain,
    FetchAttempt,
    FetchResult,
    Have,
    NeverComes,
    Served,
    Without,
    decide_fetch,
    result_of,
)
from connector.core.files import (
    FetchAnswer,
    Fetched,
    Gone,
    HostFailed,
    NoRoom,
    NotAllowed,
    OnUnavailable,
    TooLarge,
)
from connector.core.outcome import RetryPolicy
from tests.support.files import Kept

POLICY = RetryPolicy(base_s=1.0, cap_s=8.0, attempts=3, retry_after_cap_s=100.0)
FILE = Kept(b"x")
LARGE = "a file of 30 bytes or more does not fit: all of a request have 24 MB at most"


def _attempt(rule: OnUnavailable = "dead_letter", **more: object) -> FetchAttempt:
    told = {"number": 1, "counted": 0, "evidence": False, "on_unavailable": rule, **more}
    return FetchAttempt(**told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "dead_letter", "send_without", "wait"),
    [
        (Gone("g"), NeverComes("attachment_unavailable", "g"), Without("g"), FetchAgain(101.0, "gone", "g")),
        (
            NotAllowed("n"),
            NeverComes("attachment_unavailable", "n"),
            Without("n"),
            NeverComes("attachment_unavailable", "n"),
        ),
        (
            TooLarge(30),
            NeverComes("attachment_rejected", LARGE),
            Without(LARGE),
            NeverComes("attachment_rejected", LARGE),
        ),
        (HostFailed("503", "h"), *[FetchAgain(101.0, "host_503", "h")] * 3),
        (NoRoom("full"), *[FetchAgain(101.0, "no_room", "full")] * 3),
        (Fetched(FILE), *[Have(FILE)] * 3),
    ],
)
def test_each_answer_under_each_rule(
    answer: FetchAnswer, dead_letter: object, send_without: object, wait: object
) -> None:
    """As the table at the top of the module says."""
    expected = {"dead_letter": dead_letter, "send_without": send_without, "wait": wait}
    for rule in get_args(OnUnavailable):
        assert decide_fetch(answer, _attempt(rule), POLICY, now=100.0, jitter=1.0) == expected[rule]


@pytest.mark.parametrize(
    ("rule", "decision"),
    [
        ("dead_letter", NeverComes("attachment_unavailable", "h, 3 times while other files came")),
        ("send_without", Without("h, 3 times while other files came")),
        ("wait", FetchAgain(104.0, "host_timeout", "h", counts=True)),
    ],
)
def test_a_host_that_serves_others_makes_a_file_unavailable(rule: OnUnavailable, decision: object) -> None:
    """At the third attempt that counts; one that does not count never ends it."""
    failed = HostFailed("timeout", "h")
    last = _attempt(rule, number=3, counted=2, evidence=True)
    assert decide_fetch(failed, last, POLICY, now=100.0, jitter=1.0) == decision
    outage = _attempt(rule, number=999, counted=2)
    assert decide_fetch(failed, outage, POLICY, now=100.0, jitter=1.0) == FetchAgain(
        108.0, "host_timeout", "h"
    )


@pytest.mark.parametrize(("asked", "at"), [(0.1, 101.0), (30.0, 130.0), (1e9, 200.0), (None, 101.0)])
def test_a_host_is_given_the_time_that_it_asks_for(asked: float | None, at: float) -> None:
    """At least the back-off, at most the cap on Retry-After."""
    answer = HostFailed("429", "h", asked)
    assert decide_fetch(answer, _attempt(), POLICY, now=100.0, jitter=1.0) == FetchAgain(at, "host_429", "h")


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0, 1e9))
def test_a_back_off_is_never_longer_than_the_cap_and_never_in_the_past(
    number: int, jitter: float, now: float
) -> None:
    """Full jitter, whatever the number of attempts."""
    found = decide_fetch(NoRoom("x"), _attempt(number=number), POLICY, now=now, jitter=jitter)
    assert isinstance(found, FetchAgain)
    assert now <= found.at <= now + POLICY.cap_s


def test_every_answer_is_counted_under_its_own_word() -> None:
    """Dashboards know each."""
    answers: list[FetchAnswer] = [
        Fetched(FILE),
        Gone(""),
        NotAllowed(""),
        TooLarge(1),
        HostFailed("tls", ""),
        NoRoom(""),
    ]
    assert [result_of(answer) for answer in answers] == list(get_args(FetchResult))


def test_the_evidence_is_of_one_host_and_newer_than_the_attempt() -> None:
    """Its memory is bounded: the host that was heard of longest ago is forgotten."""
    served = Served(hosts=2)
    served.note("a", 10.0)
    assert served.since("a", 9.0)
    assert not served.since("a", 10.0)
    assert not served.since("b", 0.0)
    served.note("b", 11.0)
    served.note("a", 12.0)
    served.note("c", 13.0)
    assert not served.since("b", 0.0)
    assert served.since("a", 11.0)
