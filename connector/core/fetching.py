"""What an attempt to fetch a file means: here, again later, go without it, or a dead letter.

    the file is here           have it
    404, 410, an expired link  as the rule says (`on_attachment_unavailable`): dead letter `attachment_unavailable`, without it,
                               or again with a back-off that has no end: somebody is to upload it
    the guard refuses it       the same, but nobody waits: the settings would have to change
    too large                  the same again, as `attachment_rejected`: no waiting makes it smaller
    its host is at fault       back off with full jitter, at least as long as it asks for
    no room on this machine    back off; whatever else was fetched for the record is given back meanwhile, or two records with
                               many files might wait for one another's room

Evidence rule, per host: a failure counts against its record only if the host served another file since the record's attempt
before; as many as for Front itself (`outcome`) make the file unavailable, and then the rule says what becomes of the record.
Never here: fetching, clocks, randomness.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, TypeAlias

from connector.core.files import (
    FetchAnswer,
    Fetched,
    Gone,
    HostFailed,
    NoRoom,
    NotAllowed,
    OnUnavailable,
    StoredFile,
    TooLarge,
)
from connector.core.outcome import RetryPolicy


@dataclass(frozen=True, slots=True)
class Have:
    """It is here, whatever it is."""

    file: StoredFile


@dataclass(frozen=True, slots=True)
class Without:
    """The message goes without it. `why`: for the log."""

    why: str


@dataclass(frozen=True, slots=True)
class FetchAgain:
    """Fetch again at `at` (the caller's clock). `why`: for the log; it names the host at most.

    `counts`: the record may be at fault; one towards the limit.
    """

    at: float
    error: str
    why: str
    counts: bool = False


@dataclass(frozen=True, slots=True)
class NeverComes:
    """To the dead-letter topic."""

    reason: Literal["attachment_unavailable", "attachment_rejected"]
    message: str


FetchDecision: TypeAlias = Have | Without | FetchAgain | NeverComes
FetchResult: TypeAlias = Literal["fetched", "gone", "blocked", "too_large", "fetch_failed", "no_room"]
"""How attempts are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchAttempt:
    """What is known of the record's attempts at fetching the files of one request."""

    number: int
    """Attempts that did not bring the file, this one included: from 1. For the back-off."""
    counted: int
    """How many of those before it count against the record."""
    evidence: bool
    """The host served another file since the record's attempt before, or since its first began."""
    on_unavailable: OnUnavailable


def decide_fetch(
    answer: FetchAnswer, attempt: FetchAttempt, policy: RetryPolicy, *, now: float, jitter: float
) -> FetchDecision:
    """The decision for one attempt. `jitter` is in [0, 1). Total."""
    again = now + policy.backoff_s(attempt.number, jitter)
    match answer:
        case Fetched(file):
            return Have(file)
        case Gone(why):
            if attempt.on_unavailable == "wait":
                return FetchAgain(again, "gone", why)
            return _unavailable(why, attempt)
        case NotAllowed(why):
            return _unavailable(why, attempt)
        case TooLarge(at_least):
            why = f"a file of {at_least} bytes or more does not fit: all of a request have 24 MB at most"
            if attempt.on_unavailable == "send_without":
                return Without(why)
            return NeverComes("attachment_rejected", why)
        case HostFailed(error, why, retry_after_s):
            counted = attempt.counted + attempt.evidence
            if attempt.evidence and counted >= policy.attempts and attempt.on_unavailable != "wait":
                return _unavailable(f"{why}, {counted} times while other files came", attempt)
            least = min(retry_after_s or 0.0, policy.retry_after_cap_s)
            return FetchAgain(max(again, now + least), f"host_{error}", why, attempt.evidence)
        case NoRoom(why):
            return FetchAgain(again, "no_room", why)


def _unavailable(why: str, attempt: FetchAttempt) -> Without | NeverComes:
    return (
        Without(why)
        if attempt.on_unavailable == "send_without"
        else NeverComes("attachment_unavailable", why)
    )


def result_of(answer: FetchAnswer) -> FetchResult:
    """The word under which an attempt is counted."""
    match answer:
        case Fetched():
            return "fetched"
        case Gone():
            return "gone"
        case NotAllowed():
            return "blocked"
        case TooLarge():
            return "too_large"
        case HostFailed():
            return "fetch_failed"
        case NoRoom():
            return "no_room"


class Served:
    """When each host last served a file: the evidence. Bounded: of hosts long not heard of nothing is known."""

    def __init__(self, hosts: int = 10_000) -> None:
        self._most = hosts
        self._at: OrderedDict[str, float] = OrderedDict()

    def note(self, host: str, now: float) -> None:
        """It served a file: it is up."""
        self._at[host] = now
        self._at.move_to_end(host)
        if len(self._at) > self._most:
            self._at.popitem(last=False)

    def since(self, host: str, at: float) -> bool:
        """Whether it did after `at`."""
        last = self._at.get(host)
        return last is not None and last > at
