"""What an answer means: accepted, again later, a dead letter, or a hold. The table of the whole product.

Defaults by status (Front's statuses; the policy is ours; `front.statuses` may override a row, and `outcomes` for a rule):

    2xx                        accepted
    400 413 415 422            dead letter `front_rejected`
    404 "No such route", 3xx   hold the app: a wrong base URL, no record is at fault
    404 of something that may not be processed yet   again within a grace time, then dead letter `not_found`.
                               Only its back-offs count: while a hold, a limit or an outage stops us, the request that
                               creates it may be stopped with it
    other 404                  dead letter `not_found`
    401                        once more with a fresh token, then hold the channel (or the app: see `holds`)
    403                        hold the channel
    429                        everything of that scope waits; not an attempt
    408 425 5xx, no answer     back off with full jitter
    anything else              dead letter `unexpected_status`

Evidence rule: a failure of the far side counts against its record only if Front accepted another request of the same app
since the record's attempt before; so many that count dead-letter it (`retries_exhausted`). Otherwise it waits: an outage
is not a poison record, and neither is one that is interrupted by an acceptance now and then. There is no budget of time
beside that: a record in back-off costs memory, which has its own bounds. What waits for a pace, a hold or a circuit
makes no attempt.
Never here: clocks, randomness, sleeping, whether to send at all (`holds`, `circuit`, `pacing`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

from connector.core.answers import Answer, Answered, Unknown
from connector.core.dead_letter import Reason
from connector.core.holds import HoldReason, HoldScope
from connector.core.pacing import LimitScope


@dataclass(frozen=True, slots=True)
class Accepted:
    """Front took it (202 is accepted, not delivered)."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Send again at `at` (the caller's clock). `counts`: the record may be at fault; one towards the limit."""

    at: float
    error: str
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """Front's limit: nothing of `scope` starts before `until`. Not an attempt."""

    scope: LimitScope
    until: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record can never be accepted: to the dead-letter topic. `details` are Front's own words."""

    reason: Reason
    message: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Every request of this scope would be refused alike: hold it."""

    scope: HoldScope
    reason: HoldReason


Decision: TypeAlias = Accepted | RetryAt | Throttled | Rejected | Refused
Override: TypeAlias = Literal["accept", "retry", "dead_letter", "hold_channel", "hold_app"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Back-off before attempt n+1: jitter x min(cap_s, base_s x 2^(n-1)). `attempts`: how many must count."""

    base_s: float = 0.5
    cap_s: float = 60.0
    attempts: int = 8
    not_found_grace_s: float = 900.0
    retry_after_cap_s: float = 900.0
    statuses: Mapping[int, Override] = field(default_factory=dict)

    def with_statuses(self, outcomes: Mapping[int, Override]) -> "RetryPolicy":
        """This policy where some statuses mean what a rule says."""
        return replace(self, statuses={**self.statuses, **outcomes}) if outcomes else self

    def backoff_s(self, attempt: int, jitter: float) -> float:
        """Full jitter: see "Exponential Backoff And Jitter" (AWS Architecture Blog). `attempt` counts from 1."""
        return jitter * min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 30))


LEAST_WAIT_S = 0.001
"""What is left of a grace below this is rounding: added to the clock of a machine that is up for days, it may be no time at
all, and the request would be sent again and again without a wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is known of the request that was answered. Times are on the clock of `now`."""

    number: int
    """Attempts at this request, this one included: from 1. For the back-off."""
    counted: int
    """How many of those before it count against the record."""
    fresh_token_tried: bool
    """A 401 was answered with a second, newly minted token already."""
    not_found_waited_s: float
    """How long this request has been in back-off because of 404s."""
    awaits_creation: bool
    """A 404 may mean that the call or message is not processed yet."""
    evidence: bool
    """Front accepted another request of this app since this request's attempt before, or since the first began."""


def decide(answer: Answer, attempt: Attempt, policy: RetryPolicy, *, now: float, jitter: float) -> Decision:
    """The decision for one answer. `jitter` is in [0, 1). Total: every status and every failure has exactly one."""
    if not isinstance(answer, Answered):
        return _far_side(answer.error, attempt, policy, now, jitter)
    status = answer.status
    if far_side_failed(answer, policy):
        return _far_side(str(status), attempt, policy, now, jitter)
    override = policy.statuses.get(status)
    if override is not None:
        return _overridden(override, answer)
    if 200 <= status < 300:
        return Accepted()
    if 300 <= status < 400:
        return Refused("app", "wrong_base_url")
    if status == 401:
        return Refused("channel", "unauthorized") if attempt.fresh_token_tried else RetryAt(now, "401")
    if status == 403:
        return Refused("channel", "forbidden")
    if status == 404:
        return _not_found(answer, attempt, policy, now, jitter)
    if status == 429:
        return _throttled(answer, policy, now, jitter)
    if status in (400, 413, 415, 422):
        return Rejected("front_rejected", f"Front answered {status}", front_details(answer.body))
    return Rejected(
        "unexpected_status", f"Front answered {status}, for which no rule exists", front_details(answer.body)
    )


def far_side_failed(answer: Answer, policy: RetryPolicy) -> bool:
    """The far side is at fault, not the record, its token or our pace: no answer, 408, 425, 5xx.

    What `statuses` says comes first: `retry` makes a status such a failure, any other word means that it is none.
    """
    if not isinstance(answer, Answered):
        return True
    override = policy.statuses.get(answer.status)
    if override is not None:
        return override == "retry"
    return answer.status in (408, 425) or answer.status >= 500


def maybe_processed(answer: Answer) -> bool:
    """After this answer the request may have been carried out: sending it again may make a duplicate.

    Certain that not: nothing was sent; Front refused it (4xx; 408 and 425 among them, which say that it was not taken),
    led elsewhere (3xx), cannot do it at all (501, 505) or not now (503). Any other 5xx may come from a gateway before a
    Front that has taken the request (502, 504), or from one that failed half-way (500). A few gateways answer 503 too when
    they lose Front half-way; but it is what an outage answers to everything, and would drown what is worth counting.
    Source: RFC 9110 §15.5.9, §15.6; RFC 8470 §5.2.
    """
    if not isinstance(answer, Answered):
        return isinstance(answer, Unknown)
    return 200 <= answer.status < 300 or (answer.status >= 500 and answer.status not in (501, 503, 505))


def proves_credentials(answer: Answer) -> bool:
    """Front took the token for authentic: the request got as far as being accepted, refused for itself, or throttled."""
    return isinstance(answer, Answered) and (
        200 <= answer.status < 300
        or answer.status in (400, 409, 413, 415, 422, 429)
        or (answer.status == 404 and not _no_such_route(answer))
    )


def front_details(body: bytes) -> tuple[str, ...]:
    """The `title`, `message` and `details` of Front's error body; empty when it is not one.

    Source: Front, "Response Body Structure": {"_error": {"status", "title", "message", "details": [..]}}.
    """
    error = _front_error(body)
    listed = error.get("details")
    texts = [error.get("title"), error.get("message"), *(listed if isinstance(listed, list) else [])]
    return tuple(text for text in texts if isinstance(text, str))


def _far_side(error: str, attempt: Attempt, policy: RetryPolicy, now: float, jitter: float) -> Decision:
    if attempt.evidence and attempt.counted + 1 >= policy.attempts:
        return Rejected(
            "retries_exhausted",
            f"{attempt.number} attempts failed, the last with {error}, while others were accepted",
        )
    return RetryAt(now + policy.backoff_s(attempt.number, jitter), error, counts=attempt.evidence)


def _not_found(
    answer: Answered, attempt: Attempt, policy: RetryPolicy, now: float, jitter: float
) -> Decision:
    if _no_such_route(answer):
        return Refused("app", "wrong_base_url")
    left = policy.not_found_grace_s - attempt.not_found_waited_s
    if attempt.awaits_creation and left >= LEAST_WAIT_S:
        return RetryAt(now + min(left, policy.backoff_s(attempt.number, jitter)), "404")
    return Rejected(
        "not_found", "Front does not know the channel, call or message", front_details(answer.body)
    )


def _no_such_route(answer: Answered) -> bool:
    return any(text.lower().startswith("no such route") for text in front_details(answer.body))


_MILLISECONDS = re.compile(r"(\d{1,9})\s*(?:ms\b|milliseconds?\b)")


def _throttled(answer: Answered, policy: RetryPolicy, now: float, jitter: float) -> Throttled:
    """`x-ratelimit-remaining` above 0 says that a channel's own limit was hit; 0 or nothing, the company's."""
    remaining = _number(answer.headers.get("x-ratelimit-remaining"))
    scope: LimitScope = "channel" if remaining is not None and remaining > 0 else "company"
    waits = [_retry_after(answer)]
    for text in front_details(answer.body):
        found = _MILLISECONDS.search(text)
        waits.append(int(found[1]) / 1000 if found else None)
    told = max((wait for wait in waits if wait is not None), default=1.0)
    # A little jitter, so that replicas told the same second do not come back together.
    return Throttled(scope, now + min(told, policy.retry_after_cap_s) + 0.05 + 0.2 * jitter)


def _retry_after(answer: Answered) -> float | None:
    """Seconds, from either form of the header (RFC 9110 §10.2.3); a date is read against the answer's own `Date`."""
    text = answer.headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds if seconds is None or seconds >= 0 else None
    try:
        then = parsedate_to_datetime(text)
        sent = parsedate_to_datetime(answer.headers["date"])
        return max(0.0, (then - sent).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 1e12 else None  # nan compares false


def _front_error(body: bytes) -> Mapping[str, object]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = parsed.get("_error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) else {}


def _overridden(override: Override, answer: Answered) -> Decision:
    assert override != "retry", "that is a failure of the far side"
    match override:
        case "accept":
            return Accepted()
        case "dead_letter":
            return Rejected("front_rejected", f"Front answered {answer.status}", front_details(answer.body))
        case "hold_channel":
            return Refused("channel", "forbidden")
        case "hold_app":
            return Refused("app", "unauthorized")
