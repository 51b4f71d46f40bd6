"""An answer that brings no file -> what became of the file. A table by status; the reasons name the host at most.

| status | becomes | because |
|---|---|---|
| 404, 410, 451 | `Gone` | its host says so |
| 400, 401, 403 with a link that has expired | `Gone` | no later attempt opens it |
| 401, 403 otherwise | `HostFailed` | we are refused: our credentials, or the host's rules |
| 408, 425, 429, 5xx | `HostFailed`, with the wait that it asks for | the host is at fault, or busy |
| 2xx other than 200 | `HostFailed` | not ready yet (202), or no whole file (204, 206) |
| every other | `HostFailed` | a gateway that answers all with 400 is an outage; the evidence of other files tells |
"""

from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from yarl import URL

from connector.adapters.attachments.links import has_expired
from connector.core.files import Gone, HostFailed

REFUSAL_BYTES: Final = 16 * 1024
"""What is read of a refusal: object stores say within this why."""

RETRY_AFTER_MAX_S: Final = 86_400.0

_GONE: Final = frozenset({404, 410, 451})
_MAY_BE_EXPIRED: Final = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer with another status than 200. `date` and `retry_after`: its headers; `asked_as`: whether as somebody."""

    shown: str
    url: URL = field(repr=False)
    status: int
    body: bytes = field(default=b"", repr=False)
    date: str | None = None
    retry_after: str | None = None
    asked_as: bool = False


def may_be_expired(status: int) -> bool:
    """Whether the body tells more than the status."""
    return status in _MAY_BE_EXPIRED


def judge(refusal: Refusal, wall: float) -> Gone | HostFailed:
    """What it means. `wall`: Unix seconds by our clock, for an answer without a date."""
    status, shown = refusal.status, refusal.shown
    now = _unix(refusal.date)
    now = wall if now is None else now
    if status in _GONE:
        return Gone(f"{shown} answered {status}")
    # Our own token may be what expired; that mends itself with the next one.
    if may_be_expired(status) and not refusal.asked_as and has_expired(refusal.url, refusal.body, now):
        return Gone(f"{shown} answered {status}: the link has expired")
    if status in (401, 403):
        who = "the credentials of attachments.hosts" if refusal.asked_as else "asked without credentials"
        return HostFailed(str(status), f"{shown} answered {status} ({who})")
    return HostFailed(str(status), f"{shown} answered {status}", _wait(refusal.retry_after, now))


def _wait(value: str | None, now: float) -> float | None:
    """Seconds of a Retry-After (RFC 9110 §10.2.3), at most a day; None if there is none that makes sense."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), RETRY_AFTER_MAX_S)
    at = _unix(text)
    return None if at is None else min(max(at - now, 0.0), RETRY_AFTER_MAX_S)


def _unix(date: str | None) -> float | None:
    """Unix seconds of an HTTP date."""
    if date is None:
        return None
    try:
        at = parsedate_to_datetime(date)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
