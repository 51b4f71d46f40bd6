"""The judge: every answer has exactly one meaning."""

import json

import pytest

from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.core.outcome import (
    Accepted,
    Attempt,
    Decision,
    Refused,
    Rejected,
    RetryAt,
    RetryPolicy,
    Throttled,
    decide,
    front_details,
    proves_credentials,
)

POLICY = RetryPolicy(base_s=0.3, cap_s=60.0, attempts=3, not_found_grace_s=900.0, retry_after_cap_s=600.0)


def attempt(
    number: int = 1,
    *,
    fresh: bool = False,
    since: float | None = None,
    awaits: bool = False,
    evidence: bool = False,
    counted: int = 0,
) -> Attempt:
    return Attempt(
        number=number,
        fresh_token_tried=fresh,
        not_found_since=since,
        awaits_creation=awaits,
        evidence=evidence,
        counted=counted,
    )


def judge(answer: Answer, what: Attempt | None = None, jitter: float = 0.5, now: float = 100.0) -> Decision:
    return decide(answer, what or attempt(), POLICY, now=now, jitter=jitter)


def error(
    status: int, title: str, message: str | None = None, details: list[str] | None = None, **headers: str
) -> Answered:
    body = {"_error": {"status": status, "title": title, "message": message, "details": details}}
    return Answered(
        status, {key.replace("_", "-"): value for key, value in headers.items()}, json.dumps(body).encode()
    )


NO_ROUTE = error(404, "Not found", "No such route.")


@pytest.mark.parametrize("status", range(100, 600))
def test_ret_01_every_status_has_exactly_one_class(status: int) -> None:
    """The table in the module's header, row by row, for a first attempt at an operation without grace."""
    decision = judge(Answered(status))
    match status:
        case _ if 200 <= status < 300:
            assert decision == Accepted()
        case _ if 300 <= status < 400:
            assert decision == Refused("app", "wrong_base_url")
        case 400 | 413 | 415 | 422:
            assert isinstance(decision, Rejected)
            assert decision.reason == "front_rejected"
        case 401:
            assert decision == RetryAt(100.0, "401")
        case 403:
            assert decision == Refused("channel", "forbidden")
        case 404:
            assert isinstance(decision, Rejected)
            assert decision.reason == "not_found"
        case 429:
            assert isinstance(decision, Throttled)
        case _ if status in (408, 425) or status >= 500:
            assert isinstance(decision, RetryAt)
            assert not decision.counts
        case _:
            assert isinstance(decision, Rejected)
            assert decision.reason == "unexpected_status"


def test_a_second_401_with_a_fresh_token_holds_the_channel() -> None:
    """One more try with a fresh token, then the credentials are at fault, not the record."""
    assert judge(Answered(401), attempt(fresh=True)) == Refused("channel", "unauthorized")


def test_a_wrong_base_url_holds_the_app_even_for_operations_with_grace() -> None:
    """ "No such route" says that no record is at fault."""
    assert judge(NO_ROUTE, attempt(awaits=True)) == Refused("app", "wrong_base_url")


def test_ord_16_a_404_of_something_not_processed_yet_is_asked_again_within_its_grace() -> None:
    """Creation is asynchronous: within the grace it waits, after it it is not found."""
    first = judge(error(404, "Not found"), attempt(awaits=True, evidence=True))
    assert isinstance(first, RetryAt)
    assert not first.counts, "it says nothing against the record: a 503 behind it must find all attempts left"
    assert isinstance(judge(Answered(404), attempt(5, since=100.0, awaits=True), now=999.0), RetryAt)
    late = judge(Answered(404), attempt(50, since=100.0, awaits=True), now=1000.0)
    assert isinstance(late, Rejected)
    assert late.reason == "not_found"


@pytest.mark.parametrize("answer", [Answered(503), Answered(408), Unknown("timeout"), NotSent("connect")])
def test_ret_11_attempts_run_out_only_with_evidence(answer: Answer) -> None:
    """Only a failure since whose predecessor another was accepted counts; at the limit of those it is dead-lettered."""
    waits = judge(answer, attempt(50, counted=2))
    assert isinstance(waits, RetryAt)
    assert not waits.counts
    counts = judge(answer, attempt(50, counted=1, evidence=True))
    assert isinstance(counts, RetryAt)
    assert counts.counts
    decision = judge(answer, attempt(3, counted=2, evidence=True))
    assert isinstance(decision, Rejected)
    assert decision.reason == "retries_exhausted"


def test_ret_02_back_off_doubles_up_to_its_cap_and_jitter_is_full() -> None:
    """The upper edges are 0.3, 0.6, 1.2 ... 60; jitter takes any part of them."""
    edges = [POLICY.backoff_s(number, 1.0) for number in (1, 2, 3, 4, 9, 99)]
    assert edges == [0.3, 0.6, 1.2, 2.4, 60.0, 60.0]
    assert POLICY.backoff_s(4, 0.25) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("headers", "message", "wait"),
    [
        ({"retry_after": "2"}, None, 2.0),
        ({"retry_after": "1.5"}, None, 1.5),
        (
            {"date": "Mon, 23 Nov 2026 10:00:00 GMT", "retry_after": "Mon, 23 Nov 2026 10:00:05 GMT"},
            None,
            5.0,
        ),
        ({"retry_after": "Mon, 23 Nov 2026 10:00:05 GMT"}, None, 1.0),
        ({"retry_after": "not-a-number"}, None, 1.0),
        ({"retry_after": "-3"}, None, 1.0),
        ({"retry_after": "nan"}, None, 1.0),
        ({"retry_after": "3600"}, None, 600.0),
        ({}, "Rate limit exceeded for tier-2 route. Please retry in 341 milliseconds.", 0.341),
        ({"retry_after": "1"}, "Please retry in 2500 milliseconds.", 2.5),
        ({}, None, 1.0),
    ],
)
def test_ret_04_waits_are_read_from_header_and_text(
    headers: dict[str, str], message: str | None, wait: float
) -> None:
    """Seconds, a date against the answer's own clock, milliseconds in the text; rubbish is one second; capped."""
    decision = judge(error(429, "Too many requests", message, **headers), jitter=0.0)
    assert isinstance(decision, Throttled)
    assert decision.until - 100.0 == pytest.approx(wait + 0.05)


def test_ret_05_what_remains_tells_whose_limit_it_was() -> None:
    """Something left: the channel's own limit; nothing left, or nothing said: the company's."""
    scopes = [
        judge(error(429, "Too many requests", None, **headers))
        for headers in ({"x_ratelimit_remaining": "3"}, {"x_ratelimit_remaining": "0"}, {})
    ]
    assert [decision.scope for decision in scopes if isinstance(decision, Throttled)] == [
        "channel",
        "company",
        "company",
    ]


def test_overrides_win_over_the_table() -> None:
    """`front.statuses` changes single rows."""
    policy = RetryPolicy(
        statuses={400: "retry", 409: "accept", 500: "dead_letter", 404: "hold_channel", 410: "hold_app"}
    )

    def judged(status: int) -> Decision:
        return decide(Answered(status), attempt(), policy, now=0.0, jitter=0.0)

    assert isinstance(judged(400), RetryAt)
    assert judged(409) == Accepted()
    assert isinstance(judged(500), Rejected)
    assert judged(404) == Refused("channel", "forbidden")
    assert judged(410) == Refused("app", "unauthorized")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"_error": 3}', b'{"_error": {"details": {"a": 1}}}', b"[" * 100_000]
)
def test_strange_error_bodies_give_no_details_and_raise_nothing(body: bytes) -> None:
    """A proxy may answer anything."""
    assert front_details(body) == ()


def test_details_are_fronts_own_words() -> None:
    """Title, message and the path-style details, in this order."""
    answer = error(400, "Bad request", "Body did not satisfy requirements", ["body.to: missing"])
    assert front_details(answer.body) == (
        "Bad request",
        "Body did not satisfy requirements",
        "body.to: missing",
    )


@pytest.mark.parametrize(
    ("answer", "proven"),
    [
        (Answered(202), True),
        (Answered(400), True),
        (Answered(429), True),
        (Answered(404), True),
        (NO_ROUTE, False),
        (Answered(401), False),
        (Answered(403), False),
        (Answered(503), False),
        (Unknown("timeout"), False),
    ],
)
def test_only_an_answer_about_the_request_itself_proves_the_credentials(answer: Answer, proven: bool) -> None:
    """An outage says nothing about the token."""
    assert proves_credentials(answer) is proven
