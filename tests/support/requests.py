"""One valid request per operation, and short ways to build variations of it. All values are invented."""

import json
from collections.abc import Mapping
from typing import Any

from connector.core.operations import OPERATIONS, Invalid, Request, build
from connector.core.records import Channel

CHANNEL = Channel(id="cha_7", real_id="cha_7", company="acme", app="support")
ALIAS = Channel(id="alt:address:help@shop.example", real_id="cha_7", company="acme", app="support")
AUDIO = {"content": b"ID3\x00", "name": "leg.mp3", "content_type": "audio/mpeg"}
METADATA = {"external_id": "m-1", "external_conversation_id": "room-9"}
INBOUND: dict[Any, Any] = {
    "sender": {"handle": "cust-881"},
    "body": "Is it on its way?",
    "metadata": METADATA,
}
OUTBOUND = {"to": [{"handle": "cust-881"}], "body": "Tonight.", "metadata": METADATA}
TEMPLATE = {
    "external_id": "tpl-7",
    "name": "ready",
    "blurb": "Ready",
    "is_disabled": False,
    "status_name": "APPROVED",
    "variable_mappings": [{"uid": "v1", "name": "Name", "type": "text"}],
    "template_preview": "<p>Ready, {{1}}</p>",
}
CALL = {
    "external_call_id": "leg-1",
    "parent_external_call_id": "leg-1",
    "initial_status": "ringing",
    "direction": "inbound",
    "from": {"handle": "+4930555010"},
}
LINE = {"speaker_name": "Caller", "content": "Hello?", "start_time_seconds": 0, "speaker_type": "external"}
OF_CALL = {"external_call_id": "leg-1"}

# One valid record per operation: path ids, body, method, path, order key.
VALID: list[tuple[str, Any, Any, str, str, tuple[str, ...]]] = [
    ("update-channel", {}, {"status": "ok"}, "PATCH", "", ("channel", "cha_7")),
    ("update-channel", {}, {}, "PATCH", "", ("channel", "cha_7")),
    (
        "sync-application-message-template",
        {},
        TEMPLATE,
        "PUT",
        "/application_message_templates",
        ("channel", "cha_7"),
    ),
    (
        "update-application-message-template",
        {"external_id": "tpl-7"},
        {"is_disabled": True},
        "PATCH",
        "/application_message_templates/tpl-7",
        ("channel", "cha_7"),
    ),
    ("create-call", {}, CALL, "POST", "/calls", ("call", "cha_7", "leg-1")),
    ("update-call", OF_CALL, {"call_status": "hangup"}, "PATCH", "/calls/leg-1", ("call", "cha_7", "leg-1")),
    (
        "add-call-recording",
        OF_CALL,
        {"recording_type": "call", "attachments": AUDIO},
        "POST",
        "/calls/leg-1/recording",
        ("call", "cha_7", "leg-1"),
    ),
    (
        "add-call-summary",
        OF_CALL,
        {"content": "Later."},
        "POST",
        "/calls/leg-1/summary",
        ("call", "cha_7", "leg-1"),
    ),
    (
        "add-call-transcript",
        OF_CALL,
        {"lines": [LINE]},
        "POST",
        "/calls/leg-1/transcript",
        ("call", "cha_7", "leg-1"),
    ),
    (
        "update-external-message-status",
        {"conv_ext_id": "room-9", "message_ext_id": "m-1"},
        {"status": "failed"},
        "PUT",
        "/conversations/room-9/messages/m-1/status",
        ("conversation", "cha_7", "room-9"),
    ),
    ("sync-inbound-message", {}, INBOUND, "POST", "/inbound_messages", ("conversation", "cha_7", "room-9")),
    (
        "sync-outbound-message",
        {},
        OUTBOUND,
        "POST",
        "/outbound_messages",
        ("conversation", "cha_7", "room-9"),
    ),
]
BY_NAME = {name: (params, body) for name, params, body, *_ in VALID}


def attempt(
    name: str, body: Any = None, params: Mapping[str, object] | None = None, channel: Channel = CHANNEL
) -> Request | tuple[Invalid, ...]:
    """Build an operation's valid request, with another body, ids or channel where given."""
    ids, usual = BY_NAME[name]
    return build(
        OPERATIONS[name], channel, ids if params is None else params, usual if body is None else body, "b0"
    )


def sent(name: str, body: Any = None, **more: Any) -> Request:
    """As `attempt`, which must succeed."""
    request = attempt(name, body, **more)
    assert isinstance(request, Request), request
    return request


def refused(name: str, body: Any = None, **more: Any) -> tuple[Invalid, ...]:
    """As `attempt`, which must be refused."""
    problems = attempt(name, body, **more)
    assert isinstance(problems, tuple), "it was built"
    return problems


def body_of(request: Request) -> Any:
    """What a request sends as JSON."""
    assert request.http.content_type == "application/json"
    return json.loads(request.http.content)
