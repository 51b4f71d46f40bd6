"""Bad records: one for each way in which a record can be wrong. None touches the entity of a story."""

from collections.abc import Mapping
from types import MappingProxyType

from connector.demo import companies as world
from connector.demo.records import BadKind, BadRecord, DeadLettered
from connector.demo.teller import CALLS, MESSAGES, Teller

REASONS: Mapping[BadKind, str] = MappingProxyType(
    {
        "truncated": "decode_failed",  # half of the Avro body is missing
        "not_framed": "decode_failed",  # JSON where Avro should be
        "missing_schema": "schema_missing",  # names a schema that the registry does not have
        "unknown_record": "no_rule",  # a record type that no mapping file knows
        "unknown_line": "mapping_failed",  # a line that is not in the channels table
        "unknown_state": "mapping_failed",  # a state of a call that the mapping has no word for
        "breaks_contract": "request_invalid",  # an empty summary, which Front would refuse
        "wrong_file": "attachment_rejected",  # a recording that is a picture
    }
)
"""The faults, and the dead-letter reason of each."""

_PARKED: Mapping[str, object] = {
    "type": "record",
    "name": "CallParked",
    "namespace": "telephony",
    "doc": "A leg of a call was parked.",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "line_id", "type": "string"},
        {"name": "call_id", "type": "string"},
    ],
}


def bad_record(kind: BadKind, teller: Teller, at_ms: int) -> BadRecord:
    """A record that is wrong in this way. `at_ms`: when, in milliseconds since 1970."""
    company = teller.rng.choice(teller.companies)
    call_id = teller.new_id("call")
    head: dict[str, object] = {
        "event_id": teller.new_id("evt"),
        "occurred_at": at_ms,
        "line_id": company.voice[0].id,
    }
    of_call = head | {"call_id": call_id}
    match kind:
        case "unknown_record":
            value = {name: each for name, each in of_call.items() if name != "occurred_at"}
            return _bad(kind, CALLS, call_id, "telephony.CallParked", value, at_ms)
        case "unknown_state":
            value = of_call | {"state": "UNKNOWN", "agent": None, "duration_ms": None}
            return _bad(kind, CALLS, call_id, "telephony.CallUpdated", value, at_ms)
        case "breaks_contract":
            value = of_call | {"summary": "", "action_items": [], "language": None}
            return _bad(kind, CALLS, call_id, "telephony.CallSummarized", value, at_ms)
        case "wrong_file":
            picture = {
                "name": "call.png",
                "content_type": "image/png",
                "content": b"not a sound",
                "url": None,
            }
            value = of_call | {"kind": "CONVERSATION", "audio": picture, "duration_ms": None}
            return _bad(kind, CALLS, call_id, "telephony.CallRecordingReady", value, at_ms)
        case "truncated" | "not_framed" | "missing_schema" | "unknown_line":
            line_id = "a-line-that-nobody-knows" if kind == "unknown_line" else company.chat[0].id
            value = _message(teller, head | {"line_id": line_id})
            return _bad(
                kind, MESSAGES, str(value["conversation_id"]), "messaging.MessageReceived", value, at_ms
            )


def _message(teller: Teller, head: dict[str, object]) -> dict[str, object]:
    """A message that reads well; only its line, or later its bytes, are wrong."""
    person = world.customer(teller.rng)
    return head | {
        "conversation_id": teller.new_id("room"),
        "message_id": teller.new_id("msg"),
        "sender": {"address": person.number, "display_name": person.name, "email": None},
        "subject": None,
        "text": world.question(teller.rng),
        "text_format": "PLAIN",
        "attachments": [],
        "in_reply_to": None,
    }


def _bad(
    kind: BadKind, topic: str, key: str, schema_name: str, value: Mapping[str, object], at_ms: int
) -> BadRecord:
    definition = _PARKED if kind == "unknown_record" else None
    return BadRecord(
        kind=kind, topic=topic, key=key, schema_name=schema_name, value=value, at_ms=at_ms,
        expected=DeadLettered(REASONS[kind]), definition=definition,
    )  # fmt: skip
