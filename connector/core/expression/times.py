"""Times between their units and texts. A time is whole milliseconds since 1970, as records and Front's calls have it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from connector.core.expression.values import INT_MAX, INT_MIN, EvaluationError, kind_of

# Not datetime.fromisoformat(): what it takes differs between Python's versions.
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,18}))?)?"
    r"(?:([Zz])|([+-])([01]\d|2[0-3]):?([0-5]\d)?)?",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_END: Final = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH + timedelta(days=1)) // _MILLISECOND


def to_seconds(milliseconds: object) -> int:
    """Whole seconds of milliseconds, rounded down, also before 1970."""
    if type(milliseconds) is int:
        return milliseconds // 1000
    if isinstance(milliseconds, float):
        if abs(milliseconds) < 2**63:
            return int(milliseconds // 1000)
        raise EvaluationError("to_seconds: the double does not fit into 64 bits")
    raise EvaluationError(f"to_seconds: expected an int or a double, found {kind_of(milliseconds)}")


def to_millis(seconds: object) -> int:
    """Milliseconds of seconds; those of a double to the nearest one."""
    if type(seconds) is int:
        milliseconds = seconds * 1000
    elif isinstance(seconds, float):
        # NaN compares false.
        milliseconds = round(seconds * 1000) if abs(seconds) < INT_MAX else INT_MAX + 1
    else:
        raise EvaluationError(f"to_millis: expected an int or a double, found {kind_of(seconds)}")
    if INT_MIN <= milliseconds <= INT_MAX:
        return milliseconds
    raise EvaluationError("to_millis: the milliseconds do not fit into 64 bits")


def parse_time(text: str) -> int:
    """Milliseconds since 1970 of a time in RFC 3339's form, or ISO 8601's with a zone; finer parts are cut.

    Seconds may be left out, and the zone's minutes. Raises EvaluationError for anything else, a missing zone above all: it
    would have to be guessed.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise EvaluationError("parse_time: the text is not a time such as 2026-01-31T12:00:00Z")
    fraction, utc, sign, zone_hours, zone_minutes = found.groups()[6:]
    if utc is None and sign is None:
        raise EvaluationError("parse_time: the time has no zone: it needs Z or an offset such as +01:00")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise EvaluationError("parse_time: there is no such day") from None
    east = int(zone_hours or 0) * 60 + int(zone_minutes or 0)
    local = (moment - _EPOCH) // _MILLISECOND + int((fraction or "")[:3].ljust(3, "0"))
    return local - (-east if sign == "-" else east) * 60_000


def format_time(milliseconds: int) -> str:
    """The time in RFC 3339's form, in UTC and with milliseconds: 2026-01-31T12:00:00.000Z. Years 1 to 9999."""
    if not _FIRST <= milliseconds < _END:
        raise EvaluationError("format_time: the year is not between 1 and 9999")
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
