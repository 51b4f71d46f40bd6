"""The dead letter: the record as it was, and headers that say why it failed. No producer and no policy.

Names and texts under `__connect.errors.` are those of Kafka Connect's dead letter queue (KIP-298); what it
has no name for stands under `front.`. All values are UTF-8 text. The record's own headers come first, byte
for byte, and ours follow: a reader that takes the last header of a name gets ours even when names clash.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias, get_args

from connector.core.records import Record

Reason: TypeAlias = Literal[
    "decode_failed",
    "schema_missing",
    "no_rule",
    "mapping_failed",
    "request_invalid",
    "attachment_rejected",
    "attachment_unavailable",
    "front_rejected",
    "not_found",
    "retries_exhausted",
    "unexpected_status",
    "predecessor_dead_lettered",
    "too_large",
    "illegal_transition",
    "operator_skip",
]
"""Why a record was given up. Closed: dashboards and alerts know each."""

REASONS: tuple[Reason, ...] = get_args(Reason)

Stage: TypeAlias = Literal["decode", "map", "validate", "attach", "send"]
"""How far the record had come."""

CONNECT = "__connect.errors."
FRONT = "front."

TEXT_BYTES_MAX = 1024
DETAILS_BYTES_MAX = 4 * TEXT_BYTES_MAX
"""Longest text of one header, and of `front.details`, in bytes of UTF-8."""

_CONNECT_STAGES: Mapping[Stage, str] = {
    "decode": "VALUE_CONVERTER",
    "map": "TRANSFORMATION",
    "validate": "TRANSFORMATION",
    "attach": "TASK_PUT",
    "send": "TASK_PUT",
}
_DROPPABLE = frozenset({f"{CONNECT}exception.message", f"{FRONT}details"})
_REDRIVES = f"{FRONT}redrive.count"
FIRST_HEADER = f"{CONNECT}topic"
LAST_HEADER = _REDRIVES
"""Between these two, all of ours lie, behind the record's own."""

# A JWT begins with base64 of `{"` and may have been cut short; any other token has three long base64url parts
# (RFC 7515 §3.1). Parts of a field's path, as in body.metadata.external_id, are shorter: those must survive.
# Possessive, so that no text takes more than linear time.
_SECRET = re.compile(
    r"bearer\s+\S+"
    r"|(?-i:eyJ)[\w-]{8,}+(?:\.[\w-]*+)*+"
    r"|(?<![\w-])[\w-]{16,}+\.[\w-]{16,}+\.[\w-]{20,}+(?:\.[\w-]++)*+",
    re.IGNORECASE | re.ASCII,
)
_TOPIC = re.compile(rb"[A-Za-z0-9._-]{1,249}")
"""Kafka's rule."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ORDINAL = re.compile(r"-(\d{1,4})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong with a record.

    message: our own words, without record data. step: dotted name of the class or function that gave up.
    rule: of the mapping. of_key: the record's key, not its value, is at fault. accepted: how many of the record's
    requests Front had accepted, so that a redrive goes on behind them. details: what Front said; tokens in it are
    removed here, not by the caller. error_class: the class of the exception that a Python mapper raised.
    """

    reason: Reason
    stage: Stage
    message: str
    step: str
    operation: str | None = None
    rule: str | None = None
    mapping_hash: str | None = None
    schema_id: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    of_key: bool = False
    attempts: int = 0
    accepted: int = 0
    details: tuple[str, ...] = ()
    error_class: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What is written to the dead-letter topic: the record, with our headers behind `source.headers`.

    It has no timestamp: the broker's clock gives one. The source's stands in `front.source.timestamp`, because a letter
    written with an old one may be older than the topic's retention already, and is gone within minutes.
    """

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    source: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who writes: the configured name of the connector, this process, and its version."""

    connector: str
    instance: str
    version: str


def envelope(record: Record, failure: Failure, origin: Origin, failed_at_ms: int) -> DeadLetter:
    """The dead letter of a record. `failed_at_ms`: wall clock, milliseconds since 1970. Raises nothing.

    A header without a value is left out, unless the record already carries its name (a redriven record does):
    then a null is written, so that the last header of that name does not tell of an earlier failure.
    """
    carried = {name for name, _ in record.headers}
    ours = (
        (name, None if text is None else text.encode())
        for name, text in _headers(record, failure, origin, failed_at_ms)
        if text is not None or name in carried
    )
    return DeadLetter(
        key=record.key,
        value=record.value,
        headers=(*record.headers, *ours),
        source=record,
    )


def smaller(letter: DeadLetter) -> DeadLetter:
    """The same letter without our long headers (message, details), for a broker that found it too large.

    The record's own headers stay. Doing it twice changes nothing more.
    """
    own = len(letter.source.headers)
    carried = {name for name, _ in letter.source.headers}
    kept = (
        (name, None if name in _DROPPABLE else value)
        for name, value in letter.headers[own:]
        if name not in _DROPPABLE or name in carried
    )
    return replace(letter, headers=(*letter.headers[:own], *kept))


class Place(NamedTuple):
    """Where a record lay, and its timestamp (milliseconds since 1970)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None


def place_told(headers: Mapping[str, bytes | None]) -> Place | None:
    """Where the record of a letter lay, by our headers of one failure; None if they do not tell."""
    topic, partition, offset = (headers.get(f"{CONNECT}{name}") for name in ("topic", "partition", "offset"))
    numbers = _number(partition), _number(offset)
    if topic is None or not _TOPIC.fullmatch(topic) or numbers[0] is None or numbers[1] is None:
        return None
    timestamp = _number(headers.get(f"{FRONT}source.timestamp"))
    return Place(topic.decode(), numbers[0], numbers[1], timestamp)


def _number(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) < 20 else None


def _headers(
    record: Record, failure: Failure, origin: Origin, failed_at_ms: int
) -> Iterator[tuple[str, str | None]]:
    ordinal = _ORDINAL.search(origin.instance)
    connect = {
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "connector.name": origin.connector,
        "task.id": ordinal[1] if ordinal else "0",
        "stage": "KEY_CONVERTER" if failure.of_key else _CONNECT_STAGES[failure.stage],
        "class.name": failure.step,
        # Our failures are values; this name stands for the exception's type in tools that group by it.
        "exception.class.name": failure.error_class or f"front_connector.{failure.reason}",
        "exception.message": _safe(failure.message),
    }
    front = {
        "reason": failure.reason,
        "source.timestamp": None if record.timestamp_ms is None else str(record.timestamp_ms),
        "http.status": None if failure.http_status is None else str(failure.http_status),
        "request.id": None if failure.request_id is None else _safe(failure.request_id),
        "attempts": str(failure.attempts),
        "requests.accepted": str(failure.accepted),
        "operation": failure.operation,
        "mapping": failure.rule,
        "mapping.hash": failure.mapping_hash,
        "schema.id": failure.schema_id,
        "details": _details(failure.details),
        "failed.at": _utc(failed_at_ms),
        "instance": origin.instance,
        "version": origin.version,
        "redrive.count": str(_redrives(record)),
    }
    for prefix, headers in ((CONNECT, connect), (FRONT, front)):
        for name, text in headers.items():
            most = DETAILS_BYTES_MAX if name == "details" else TEXT_BYTES_MAX
            yield prefix + name, None if text is None else _cut(text, most)


def _details(details: Iterable[str]) -> str | None:
    return "\n".join(_safe(detail) for detail in details) or None


def _safe(text: str) -> str:
    """Without anything that looks like a token: Front's answers may echo the request."""
    return _SECRET.sub("[removed]", text)


def _cut(text: str, most: int) -> str:
    """Valid UTF-8 of at most `most` bytes; half surrogate pairs become question marks."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _utc(milliseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. 2026-09-10T00:53:20.250Z."""
    moment = _EPOCH + dt.timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _redrives(record: Record) -> int:
    """How often the record was redriven: what it carries, since only a redrive counts up; else 0."""
    carried = next((value for name, value in reversed(record.headers) if name == _REDRIVES), None)
    return int(carried) if carried is not None and re.fullmatch(rb"\d{1,9}", carried) else 0
