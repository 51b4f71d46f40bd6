"""Drafts -> checked requests: the one way to a `Plan`, for rules and for Python mappers alike."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from connector.core.files import FilePart, OnUnavailable
from connector.core.identity import record_id, request_id
from connector.core.mapping.results import Input, Plan, Refusal
from connector.core.mapping.templates import Failed
from connector.core.operations import Invalid, Operation, Request, build, with_message_id
from connector.core.outcome import Override
from connector.core.records import Channel, OrderKey, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A request whose parts are known, but not yet checked. `place` prefixes its errors ("" or "requests[1]")."""

    operation: Operation
    channel: Channel
    params: Mapping[str, str]
    body: Mapping[str, object]
    place: str
    outcomes: Mapping[int, Override] = field(default_factory=dict)
    on_attachment_unavailable: OnUnavailable = "dead_letter"


def plan(
    drafts: Sequence[Draft],
    record: Record,
    rule: str,
    key: OrderKey | None,
    file_part: FilePart = "attachments[]",
) -> Plan | Refusal:
    """Check every draft against its operation. `drafts` is not empty; `key` None: the first request's own."""
    requests: list[Request] = []
    for index, draft in enumerate(drafts):
        body = with_message_id(draft.operation, draft.body, partial(request_id, record, index))
        built = build(draft.operation, draft.channel, draft.params, body, boundary(record, index), file_part)
        if isinstance(built, tuple):
            return _refused(draft, rule, built)
        if draft.outcomes:
            built = replace(built, outcomes=draft.outcomes)
        if built.form is not None:
            built = replace(built, on_attachment_unavailable=draft.on_attachment_unavailable)
        requests.append(built)
    return Plan(requests=tuple(requests), key=key if key is not None else requests[0].order_key, rule=rule)


def _refused(draft: Draft, rule: str, problems: tuple[Invalid, ...]) -> Refusal:
    prefix = f"{draft.place}." if draft.place else ""
    told = "; ".join(f"{prefix}{invalid.path} {invalid.message}" for invalid in problems)
    reason = problems[0].reason
    return Refusal(
        reason=reason,
        stage="validate" if reason == "request_invalid" else "attach",
        message=f"rule {rule!r}: {told}",
        rule=rule,
        operation=draft.operation.name,
    )


def boundary(record: Record, index: int) -> str:
    """A multipart boundary that a repeat of the same record has again, so that its bytes are the same."""
    source = f"{record.topic}/{record.partition}/{record.offset}/{index}"
    return hashlib.sha256(source.encode()).hexdigest()


def failed(rule: str, failure: Failed, operation: str | None = None) -> Refusal:
    """The refusal of a record for which the mapping cannot be evaluated."""
    message = f"rule {rule!r}, {failure.place}: {failure.why}"
    return Refusal(reason="mapping_failed", stage="map", message=message, rule=rule, operation=operation)


def scope_of(taken: Input) -> dict[str, object]:
    """What an expression sees of a record; tables and `env` are added by the topic."""
    record = taken.record
    scope: dict[str, object] = {
        "value": taken.value,
        "headers": headers_of(record),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "record_id": record_id(record),
    }
    optional = {
        "key": taken.key,
        "schema": None if taken.schema is None else taken.schema.as_value(),
        "timestamp": record.timestamp_ms,
    }
    return scope | {name: value for name, value in optional.items() if value is not None}


def headers_of(record: Record) -> dict[str, str]:
    """Headers as text; of one name the last counts. Null and non-UTF-8 values are left out."""
    headers: dict[str, str] = {}
    for name, raw in record.headers:
        if raw is None:
            continue
        try:
            headers[name] = raw.decode()
        except UnicodeDecodeError:
            continue
    return headers
