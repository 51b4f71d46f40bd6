"""The judge: every answer has exactly one meaning."""

import json
import math
import re
from pathlib import Path

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
    far_side_failed,
    front_details,
    maybe_processed,
    proves_credentials,
)
from connector.core.pacing import Pacing, RateLimits
from connector.core.records import Channel

MANUAL = Path(__file__).parents[2] / "docs" / "real-front.md"
POLICY = RetryPolicy(base_s=0.3, cap_s=60.0, attempts=3, not_found_grace_s=900.0, retry_after_cap_s=600.0)


def attempt(
    number: int = 1,
    *,
    fresh: bool = False,
    waited: float = 0.0,
    awaits: bool = False,
    evidence: bool = False,
    counted: int = 0,
) -> Attempt:
    return Attempt(
        number=number,
        fresh_token_tried=fresh,
        not_found_waited_s=waited,
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


@pytest.mark.parametrize("awaits", [False, True])
def test_ret_01_what_the_manual_says_of_a_status_is_what_is_decided(awaits: bool) -> None:
    """Each row of "When Front says no": its statuses, for an operation with and without grace, mean what it says."""
    words = {
        Refused("channel", "unauthorized"): "holds the channel",
        Refused("channel", "forbidden"): "holds the channel",
        Refused("app", "wrong_base_url"): "holds the app",
    }
    seen = set()
    for statuses, no_route, said in manual_rows(awaits):
        for status in statuses:
            decision = judge(NO_ROUTE if no_route else Answered(status), attempt(fresh=True, awaits=awaits))
            match decision:
                case Refused():
                    word = words[decision]
                case Rejected():
                    word = f"dead letter `{decision.reason}`"
                case RetryAt():
                    word = "tries again"
                case Throttled():
                    word = "waits as told"
                case Accepted():
                    word = "accepted"
            assert word in said, status
        seen.update(statuses)
    assert seen == {*range(300, 400), 400, 401, 403, 404, 408, 413, 415, 422, 425, 429, *range(500, 600)}
    assert "anything else" in MANUAL.read_text(encoding="utf-8")


def manual_rows(awaits: bool) -> list[tuple[list[int], bool, str]]:
    """(statuses, "No such route", what the connector does) of the rows that apply to an operation (not) awaiting creation."""
    table = MANUAL.read_text(encoding="utf-8").split("## When Front says no", 1)[1].split("\n## ", 1)[0]
    made = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|") or len(cells) != 3 or not re.match(r"\d", cells[0]):
            continue
        if cells[0].startswith("404 for") and ("create-call" in cells[0]) is awaits:
            continue
        statuses = [
            status for found in re.findall(r"\b\d(?:\d\d|xx)\b", cells[0])
            for status in (range(int(found[0]) * 100, int(found[0]) * 100 + 100) if "x" in found else [int(found)])
        ]  # fmt: skip
        made.append((statuses, "No such route" in cells[0], cells[1]))
    return made


def test_brk_07_a_second_401_with_a_fresh_token_holds_the_channel() -> None:
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
    last = judge(Answered(404), attempt(50, waited=899.0, awaits=True), jitter=0.9, now=5000.0)
    assert last == RetryAt(5001.0, "404"), "the last one is cut to what is left"
    late = judge(Answered(404), attempt(50, waited=900.0, awaits=True))
    assert isinstance(late, Rejected)
    assert late.reason == "not_found"


@pytest.mark.parametrize("up_s", [100.0, 2.0**16, 2.0**20, 2.0**30])
def test_ord_16_a_grace_ends_on_a_machine_that_is_up_for_years(up_s: float) -> None:
    """What is left by rounding may be less than the clock can tell apart: that is none, and not no wait for ever."""
    waited = math.nextafter(POLICY.not_found_grace_s, 0.0)
    decision = judge(Answered(404), attempt(9, awaits=True, waited=waited), now=up_s)
    assert isinstance(decision, Rejected)


@pytest.mark.parametrize(
    ("lag_s", "held_s", "accepted"), [(600, 0, True), (1200, 0, False), (600, 3600, True)]
)
def test_ord_16_a_grace_of_15_minutes_bears_a_lag_of_10_and_not_of_20(
    lag_s: float, held_s: float, accepted: bool
) -> None:
    """Time in a hold (here after the third 404, when the call cannot be created either) is no part of the grace."""
    now, waited, number = 0.0, 0.0, 0
    decision: Decision = RetryAt(0.0, "")
    while isinstance(decision, RetryAt):
        number += 1
        answer = Answered(202 if now >= lag_s + held_s else 404)
        decision = judge(answer, attempt(number, waited=waited, awaits=True), (number * 0.37) % 1.0, now)
        if isinstance(decision, RetryAt):
            waited += decision.at - now
            now = decision.at + (held_s if number == 3 else 0.0)
    assert isinstance(decision, Accepted) is accepted
    assert accepted or now == pytest.approx(900.0)


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


def test_ret_02_the_budget_is_of_attempts_that_count_not_of_time() -> None:
    """Every attempt fails while others are accepted: two waits of the sequence, and the third failure is the last.

    There is no budget of time: with one, a record that was tried twice before a long pause would be given up untried.
    """
    now, waits = 0.0, []
    for number in range(1, 4):
        decision = judge(Answered(500), attempt(number, counted=number - 1, evidence=True), 1.0, now)
        if isinstance(decision, RetryAt):
            waits.append(decision.at - now)
            now = decision.at + 3600.0
    assert waits == pytest.approx([0.3, 0.6])
    assert isinstance(decision, Rejected)
    assert decision.reason == "retries_exhausted"


def test_ret_03_nothing_of_the_scope_starts_before_the_told_second_is_over() -> None:
    """429 with Retry-After 1: the decision, given to pacing, closes the company for a second and not much more."""
    decision = judge(error(429, "Too many requests", None, retry_after="1"), jitter=0.99)
    assert isinstance(decision, Throttled)
    pacing = Pacing(RateLimits(company_per_minute=0, channel_per_second=0))
    channel = Channel("cha_1", "cha_1", "acme", "main")
    pacing.throttle(decision.scope, channel, decision.until)
    assert pacing.wait_until(channel, 101.0) == decision.until
    assert 101.0 < decision.until <= 101.25


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


@pytest.mark.parametrize("answer", [*map(Answered, range(100, 600)), Unknown("timeout"), NotSent("connect")])
def test_brk_04_what_backs_off_for_the_far_sides_sake_is_what_the_circuit_counts(answer: Answer) -> None:
    """5xx, 408, 425 and no answer; never another 4xx, never 429. And the judge says the same."""
    failed = far_side_failed(answer, POLICY)
    status = answer.status if isinstance(answer, Answered) else None
    assert failed is (status is None or status in (408, 425) or status >= 500)
    decision = judge(answer, attempt(awaits=True, evidence=True))
    assert failed is (isinstance(decision, RetryAt) and decision.counts)


def test_brk_04_an_override_says_whose_fault_a_status_is() -> None:
    """A status that the operator has told to retry counts as an outage; a 500 told to be the record's fault does not."""
    policy = RetryPolicy(statuses={409: "retry", 500: "dead_letter", 503: "hold_app"})
    failures = [far_side_failed(Answered(status), policy) for status in (409, 500, 503, 502)]
    assert failures == [True, False, False, True]


@pytest.mark.parametrize(
    ("answer", "maybe"),
    [
        (Unknown("timeout"), True),
        (Unknown("protocol"), True),
        (NotSent("connect"), False),
        (Answered(202), True),
        (Answered(307), False),
        (Answered(400), False),
        (Answered(408), False),
        (Answered(425), False),
        (Answered(429), False),
        (Answered(500), True),
        (Answered(501), False),
        (Answered(502), True),
        (Answered(503), False),
        (Answered(504), True),
        (Answered(505), False),
        (Answered(520), True),
    ],
)
def test_ret_09_what_a_gateway_answers_does_not_say_that_front_did_nothing(
    answer: Answer, maybe: bool
) -> None:
    """502 and 504 are a gateway's, with Front behind it; 503 and 429 are refusals before any work."""
    assert maybe_processed(answer) is maybe
