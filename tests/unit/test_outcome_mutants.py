"""The judge at its edges: the first and last status of each range, numbers that mean nothing, and what a dead letter says."""

import json

import pytest

from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.core.outcome import (
    Attempt,
    Decision,
    Override,
    Rejected,
    RetryAt,
    RetryPolicy,
    Throttled,
    decide,
    maybe_processed,
    proves_credentials,
)

POLICY = RetryPolicy(attempts=3, retry_after_cap_s=600.0)
BODY = json.dumps({"_error": {"title": "Bad", "message": "Worse", "details": ["a: missing", 7]}}).encode()
WORDS = ("Bad", "Worse", "a: missing")


def judge(
    answer: Answer, *, evidence: bool = False, counted: int = 0, policy: RetryPolicy = POLICY
) -> Decision:
    attempt = Attempt(
        number=4,
        counted=counted,
        fresh_token_tried=False,
        not_found_waited_s=0.0,
        awaits_creation=False,
        evidence=evidence,
    )
    return decide(answer, attempt, policy, now=100.0, jitter=0.0)


def wait_told(**headers: str) -> float:
    """Seconds that a 429 with these headers asks for, less the twentieth that is always added."""
    decision = judge(Answered(429, {name.replace("_", "-"): text for name, text in headers.items()}))
    assert isinstance(decision, Throttled)
    return decision.until - 100.0 - 0.05


def test_ret_09_which_statuses_may_have_been_carried_out() -> None:
    """All of 2xx and 5xx but those that say that nothing was done."""
    maybe = {status for status in range(100, 600) if maybe_processed(Answered(status))}
    assert maybe == {*range(200, 300), *range(500, 600)} - {501, 503, 505}


def test_brk_07_which_statuses_prove_the_credentials() -> None:
    """Accepted, refused for what the request says, in conflict, not found, or too many of them."""
    proven = {status for status in range(100, 600) if proves_credentials(Answered(status))}
    assert proven == {*range(200, 300), 400, 404, 409, 413, 415, 422, 429}


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (400, "front_rejected", "Front answered 400"),
        (422, "front_rejected", "Front answered 422"),
        (404, "not_found", "Front does not know the channel, call or message"),
        (418, "unexpected_status", "Front answered 418, for which no rule exists"),
    ],
)
def test_a_dead_letter_says_what_front_said(status: int, reason: str, message: str) -> None:
    """Our words are the same for every record; Front's own stand apart, for whoever may read them."""
    assert judge(Answered(status, body=BODY)) == Rejected(reason, message, WORDS)  # type: ignore[arg-type]


def test_a_status_that_the_operator_dead_letters_says_what_front_said() -> None:
    """As if it had been refused by the table."""
    overrides: dict[int, Override] = {503: "dead_letter"}
    decision = judge(Answered(503, body=BODY), policy=RetryPolicy(statuses=overrides))
    assert decision == Rejected("front_rejected", "Front answered 503", WORDS)


@pytest.mark.parametrize(
    ("answer", "error"), [(Answered(502), "502"), (Unknown("timeout"), "timeout"), (NotSent("tls"), "tls")]
)
def test_ret_11_what_failed_is_named_while_it_waits_and_when_it_is_given_up(
    answer: Answer, error: str
) -> None:
    """The status, or what broke; beside it how often it was tried."""
    assert judge(answer) == RetryAt(100.0, error)
    said = f"4 attempts failed, the last with {error}, while others were accepted"
    assert judge(answer, evidence=True, counted=2) == Rejected("retries_exhausted", said)


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e12", "-0.1"])
def test_ret_04_a_wait_that_no_server_means_is_one_second(text: str) -> None:
    """A number may be written that is none: it must not stop a company for as long as the cap allows."""
    assert wait_told(retry_after=text) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["0", "0.5"])
def test_ret_04_a_wait_below_a_second_is_kept(text: str) -> None:
    """Front's word wins over our default."""
    assert wait_told(retry_after=text) == pytest.approx(float(text))


@pytest.mark.parametrize("second", ["00", "05"])
def test_ret_04_a_date_that_has_come_asks_for_no_wait(second: str) -> None:
    """Against the answer's own clock, now or before."""
    told = wait_told(retry_after="Mon, 23 Nov 2026 10:00:00 GMT", date=f"Mon, 23 Nov 2026 10:00:{second} GMT")
    assert told == pytest.approx(0.0)


def test_ret_05_one_that_remains_is_something_left() -> None:
    """The company could send one more: it is the channel's own limit."""
    decision = judge(Answered(429, {"x-ratelimit-remaining": "1"}))
    assert isinstance(decision, Throttled)
    assert decision.scope == "channel"
