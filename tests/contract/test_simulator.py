"""The simulator answers the eleven operations as Front documents them, and stores what it accepted."""

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connector.simulator.routes import ROUTES
from tests.contract.test_simulator_client import (
    FrontClient,
    call,
    inbound,
    simulating,
)

CONTRACT = json.loads(
    resources.files("connector.simulator").joinpath("contract/front-channel-api.json").read_text("utf-8")
)
SUCCESS = {
    of["operationId"]: (
        method.upper(),
        path,
        next(int(status) for status in of["responses"] if status < "300"),
    )
    for path, methods in CONTRACT["paths"].items()
    for method, of in methods.items()
}

TEMPLATE = {
    "external_id": "tpl-1",
    "name": "ready",
    "blurb": "Ready",
    "is_disabled": False,
    "status_name": "APPROVED",
    "variable_mappings": [],
    "template_preview": "<p>Ready</p>",
}
FULL_TEMPLATE = {
    **TEMPLATE,
    "external_id": "tpl-2",
    "status_name": "PENDING",
    "variable_mappings": [{"uid": "b-1", "type": "text", "name": "Guest"}],
    "template_preview": "<p>Hello {{1}}</p>",
}
OUTBOUND = {
    "to": [{"handle": "visitor-7"}],
    "body": "Until six.",
    "metadata": {"external_id": "m-9", "external_conversation_id": "room-1"},
}
FULL_OUTBOUND = {
    **OUTBOUND,
    "sender_name": "Ada",
    "to": [{"handle": "visitor-7", "name": "Grace", "email": "grace@mail.example"}, {"handle": "visitor-8"}],
    "subject": "Hours",
    "author_id": "tea_1",
    "delivered_at": 1789000001,
    "metadata": {
        "external_id": "m-10",
        "external_conversation_id": "room-1",
        "referenced_message_external_id": "m-1",
    },
}
FULL_INBOUND = {
    **inbound("m-2"),
    "sender": {"handle": "+4930555012", "name": "Grace", "email": "grace@mail.example"},
    "subject": "Hours",
    "delivered_at": 1789000000,
}
LINE = {"speaker_name": "Caller", "content": "Hello", "start_time_seconds": 0, "speaker_type": "external"}
AUDIO = {"attachments": ("leg.mp3", b"ID3 sound", "audio/mpeg")}

# operation, path, then the arguments of a minimal and of a full request
ACCEPTED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("update-channel", "/channels/cha_1", {"json": {}}, {"json": {"status": "offline"}}),
    (
        "sync-application-message-template",
        "/channels/cha_1/application_message_templates",
        {"json": TEMPLATE},
        {"json": FULL_TEMPLATE},
    ),
    (
        "update-application-message-template",
        "/channels/cha_1/application_message_templates/tpl-known",
        {"json": {}},
        {"json": {key: value for key, value in FULL_TEMPLATE.items() if key != "external_id"}},
    ),
    (
        "create-call",
        "/channels/cha_1/calls",
        {"json": call("leg-1")},
        {
            "json": {
                "external_call_id": "leg-2",
                "initial_status": "queued",
                "direction": "outbound",
                "to": {"handle": "+4930555013", "name": "Grace"},
                "started_at": 1789000000250,
                "parent_external_call_id": "leg-1",
                "agent_email_address": "ada@shop.example",
            }
        },
    ),
    (
        "update-call",
        "/channels/cha_1/calls/leg-known",
        {"json": {"call_status": "connected"}},
        {
            "json": {
                "call_status": "missed",
                "occurred_at": 1789000000500,
                "agent_email_address": "ada@shop.example",
            }
        },
    ),
    (
        "add-call-recording",
        "/channels/cha_1/calls/leg-known/recording",
        {"data": {"recording_type": "call"}, "files": AUDIO},
        {"data": {"recording_type": "voicemail"}, "files": AUDIO},
    ),
    (
        "add-call-summary",
        "/channels/cha_1/calls/leg-known/summary",
        {"json": {"content": "Asked for hours."}},
        {"json": {"content": "Asked for hours.\nWas told."}},
    ),
    (
        "add-call-transcript",
        "/channels/cha_1/calls/leg-known/transcript",
        {"json": {"lines": [LINE]}},
        {"json": {"lines": [LINE, {**LINE, "start_time_seconds": 1.5, "speaker_type": "internal"}]}},
    ),
    (
        "update-external-message-status",
        "/channels/cha_1/conversations/room-known/messages/m-known/status",
        {"json": {"status": "failed"}},
        {"json": {"status": "failed", "reason": "Nobody there"}},
    ),
    ("sync-inbound-message", "/channels/cha_1/inbound_messages", {"json": inbound()}, {"json": FULL_INBOUND}),
    (
        "sync-outbound-message",
        "/channels/cha_1/outbound_messages",
        {"json": OUTBOUND},
        {"json": FULL_OUTBOUND},
    ),
]


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    with simulating() as client:
        yield client


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    return simulated.fresh()


def given_known_items(front: FrontClient) -> None:
    """A call, an outbound message and a template that updates can name."""
    known = {**OUTBOUND, "metadata": {"external_id": "m-known", "external_conversation_id": "room-known"}}
    assert front.send("POST", "/channels/cha_1/calls", json=call("leg-known")).status_code == 202
    assert front.send("POST", "/channels/cha_1/outbound_messages", json=known).status_code == 202
    path = "/channels/cha_1/application_message_templates"
    assert front.send("PUT", path, json={**TEMPLATE, "external_id": "tpl-known"}).status_code == 200


def test_routes_and_contract_name_the_same_operations() -> None:
    """Every operation of the contract has a route with its method, path and success status, and no route is more."""
    assert {route.operation: (route.method, route.template, route.success) for route in ROUTES} == SUCCESS


@pytest.mark.parametrize("which", [0, 1], ids=["minimal", "full"])
@pytest.mark.parametrize("case", ACCEPTED, ids=[case[0] for case in ACCEPTED])
def test_each_operation_is_accepted_with_its_documented_answer(
    front: FrontClient, case: Any, which: int
) -> None:
    """A minimal and a full body are stored and answered with the contract's status and body."""
    operation, path, *requests = case
    method, _, status = SUCCESS[operation]
    given_known_items(front)
    answer = front.send(method, path, **requests[which])
    assert answer.status_code == status, answer.text
    entry = front.log()[-1]
    assert (entry["operation"], entry["status"], entry["accepted"]) == (operation, status, True)
    assert entry["stored"] is not (operation == "update-channel" and which == 0)
    declared = SUCCESS_BODIES[operation]
    if declared is None:
        assert answer.content == b""
    else:
        Draft202012Validator({**declared, "components": CONTRACT["components"]}).validate(answer.json())
        assert answer.headers["content-type"] == "application/json; charset=utf-8"


def _success_body(of: dict[str, Any]) -> dict[str, Any] | None:
    (response,) = (response for status, response in of["responses"].items() if status < "300")
    if "$ref" in response:
        response = CONTRACT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema: dict[str, Any] | None = response.get("content", {}).get("application/json", {}).get("schema")
    return schema


SUCCESS_BODIES = {
    of["operationId"]: _success_body(of) for methods in CONTRACT["paths"].values() for of in methods.values()
}


def test_a_conversation_is_kept_in_order_with_both_directions(front: FrontClient) -> None:
    """What the inbox shows is what was sent, in the order of arrival."""
    front.message("m-1")
    front.send("POST", "/channels/cha_1/outbound_messages", json=FULL_OUTBOUND)
    room = front.inbox()["conversations"]["room-1"]
    assert [(one["direction"], one["external_id"]) for one in room] == [
        ("inbound", "m-1"),
        ("outbound", "m-10"),
    ]
    assert room[1]["fields"] == FULL_OUTBOUND
    assert room[0]["message_uid"] != room[1]["message_uid"]


def test_a_call_keeps_its_states_and_assets(front: FrontClient) -> None:
    """A leg shows its way through the states, its recording, summary and transcript."""
    front.send("POST", "/channels/cha_1/calls", json=call())
    for status in ("connected", "hold", "connected", "hangup"):
        body = {"call_status": status, "occurred_at": 1789000000500}
        assert front.send("PATCH", "/channels/cha_1/calls/leg-1", json=body).status_code == 202
    leg = "/channels/cha_1/calls/leg-1"
    front.send("POST", f"{leg}/recording", data={"recording_type": "call"}, files=AUDIO)
    front.send("POST", f"{leg}/summary", json={"content": "Short."})
    front.send("POST", f"{leg}/transcript", json={"lines": [LINE]})
    shown = front.inbox()["calls"]["leg-1"]
    assert [one["status"] for one in shown["states"]] == [
        "ringing",
        "connected",
        "hold",
        "connected",
        "hangup",
    ]
    assert shown["recordings"][0]["fields"] == {"recording_type": "call"}
    (file,) = shown["recordings"][0]["files"]
    assert (file["part"], file["name"], file["content_type"], file["bytes"]) == (
        "attachments",
        "leg.mp3",
        "audio/mpeg",
        9,
    )
    assert shown["summaries"][0]["fields"] == {"content": "Short."}
    assert shown["transcripts"][0]["fields"] == {"lines": [LINE]}


def test_a_template_is_replaced_by_put_and_changed_by_patch(front: FrontClient) -> None:
    """PUT on a known id replaces, PATCH merges; the numeric id stays."""
    path = "/channels/cha_1/application_message_templates"
    first = front.send("PUT", path, json=TEMPLATE).json()
    again = front.send("PUT", path, json={**TEMPLATE, "name": "other"}).json()
    patched = front.send("PATCH", f"{path}/tpl-1", json={"is_disabled": True}).json()
    assert first == again == patched
    fields = front.inbox()["templates"]["tpl-1"]["fields"]
    assert (fields["name"], fields["is_disabled"]) == ("other", True)


def test_a_channel_keeps_its_status(front: FrontClient) -> None:
    """update-channel sets the status; an empty object leaves it."""
    front.send("PATCH", "/channels/cha_1", json={"status": "offline"})
    front.send("PATCH", "/channels/cha_1", json={})
    assert front.inbox()["status"] == "offline"


@pytest.mark.parametrize("name", ["attachments", "attachments[]", "attachments[0]"])
def test_a_message_with_files_is_taken_in_every_spelling(front: FrontClient, name: str) -> None:
    """Brackets become objects and lists, digits a number, and the files are measured and hashed."""
    fields = {
        "sender[handle]": "visitor-7",
        "sender[name]": "Grace Å",
        "body": "See photo",
        "delivered_at": "1789000042",
        "metadata[external_id]": "m-5",
        "metadata[external_conversation_id]": "room-1",
    }
    files = [
        (name, ("parcel.jpg", b"\xff\xd8 photo", "image/jpeg")),
        (name, ("b.pdf", b"%PDF", "application/pdf")),
    ]
    answer = front.send("POST", "/channels/cha_1/inbound_messages", data=fields, files=files)
    assert answer.status_code == 202, answer.text
    (message,) = front.inbox()["conversations"]["room-1"]
    assert message["fields"] == {
        "sender": {"handle": "visitor-7", "name": "Grace Å"},
        "body": "See photo",
        "delivered_at": 1789000042,
        "metadata": {"external_id": "m-5", "external_conversation_id": "room-1"},
    }
    assert [(file["name"], file["content_type"], file["bytes"]) for file in message["files"]] == [
        ("parcel.jpg", "image/jpeg", 8),
        ("b.pdf", "application/pdf", 4),
    ]
    entry = front.log()[-1]
    assert (entry["external_id"], entry["conversation_id"]) == ("m-5", "room-1")


def test_indexed_names_become_a_list_of_recipients(front: FrontClient) -> None:
    """`to[1][name]` is the second recipient's name, in whatever order the parts come."""
    fields = {
        "to[1][handle]": "visitor-8",
        "to[0][handle]": "visitor-7",
        "to[1][name]": "Alan",
        "body": "Hello",
        "metadata[external_id]": "m-6",
        "metadata[external_conversation_id]": "room-1",
    }
    files = {"attachments[]": ("a.txt", b"a", "text/plain")}
    assert (
        front.send("POST", "/channels/cha_1/outbound_messages", data=fields, files=files).status_code == 202
    )
    (message,) = front.inbox()["conversations"]["room-1"]
    assert message["fields"]["to"] == [{"handle": "visitor-7"}, {"handle": "visitor-8", "name": "Alan"}]


def test_an_encoded_id_stays_one_segment(front: FrontClient) -> None:
    """%2F does not split a path, and an id comes back as it was before the encoding."""
    strange = "a/b+c:d e?ü%"
    encoded = "a%2Fb%2Bc:d%20e%3F%C3%BC%25"
    front.send("POST", "/channels/cha_1/calls", json=call(strange))
    answer = front.send("PATCH", f"/channels/cha_1/calls/{encoded}", json={"call_status": "connected"})
    assert answer.status_code == 202
    entry = front.log()[-1]
    assert (entry["path_ids"], entry["call_id"]) == (["cha_1", strange], strange)
    assert front.inbox()["calls"][strange]["status"] == "connected"


def test_an_alias_names_the_channel_except_for_calls(front: FrontClient) -> None:
    """`alt:address:` works where Front offers it, and the token's sub stays the real id."""
    answer = front.send("POST", "/channels/alt:address:%2B4930555010/inbound_messages", json=inbound())
    assert answer.status_code == 202
    assert front.log()[-1]["channel"] == "cha_1"
    refused = front.send("POST", "/channels/alt:address:%2B4930555010/calls", json=call())
    assert (refused.status_code, refused.json()["_error"]["message"]) == (404, "Channel not found.")


def test_every_answer_about_a_known_company_shows_date_and_limits(front: FrontClient) -> None:
    """Accepted or refused, the answer carries Date and the headers of the rate limit."""
    for answer in (front.message(), front.send("POST", "/channels/cha_1/inbound_messages", json={})):
        assert answer.headers["date"] == "Thu, 10 Sep 2026 00:26:40 GMT"
        assert answer.headers["x-ratelimit-limit"] == "1000000"
        assert answer.headers["x-ratelimit-remaining"] == "1000000"
        assert float(answer.headers["x-ratelimit-reset"]) > 1789000000
