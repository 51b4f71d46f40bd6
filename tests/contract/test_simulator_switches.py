"""What Front does not document, in each of the ways that a switch allows."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.test_simulator_client import (
    OTHER_APP,
    OTHER_SECRET,
    FrontClient,
    call,
    details,
    inbound,
    simulating,
)

MESSAGES = "/channels/cha_1/inbound_messages"
LEG = "/channels/cha_1/calls/leg-1"
AUDIO = ("leg.mp3", b"ID3", "audio/mpeg")
METADATA = {"external_id": "m-1", "external_conversation_id": "room-1"}


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    with simulating() as client:
        yield client


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    return simulated.fresh()


def test_unknown_keys_are_dropped_or_refused(front: FrontClient) -> None:
    """By default a misspelt key is lost without an error; switched, each is named."""
    body = inbound(delivered_on=5, sender={"handle": "a", "phone": "b"})
    front.send("POST", MESSAGES, json=body)
    (message,) = front.inbox()["conversations"]["room-1"]
    assert message["fields"] == inbound(sender={"handle": "a"})
    front.switch(unknown_keys="reject")
    refused = front.send("POST", MESSAGES, json=body)
    assert details(refused) == ["body.sender.phone: unknown", "body.delivered_on: unknown"]


def test_without_strict_body_the_contracts_gaps_are_open(front: FrontClient) -> None:
    """Schema only: a list, no body and nobody to send to pass; what the schema forbids still does not."""
    front.switch(strict_body=False)
    empty_to = {"to": [], "body": "x", "metadata": METADATA}
    assert front.send("POST", MESSAGES, json=[1]).status_code == 202
    assert front.send("POST", MESSAGES).status_code == 202
    assert front.send("POST", "/channels/cha_1/outbound_messages", json=empty_to).status_code == 202
    assert front.send("POST", MESSAGES, json=inbound("x" * 201)).status_code == 400
    assert [entry["stored"] for entry in front.log()] == [False, False, True, False]


def test_a_repeated_message_is_dropped_or_stored_twice(front: FrontClient) -> None:
    """202 with a new uid either way; the log tells the two apart."""
    uids = {front.message().json()["message_uid"] for _ in range(2)}
    assert len(uids) == 2
    assert len(front.inbox()["conversations"]["room-1"]) == 1
    assert [(entry["stored"], entry["remark"]) for entry in front.log()] == [
        (True, None),
        (False, "duplicate dropped"),
    ]
    front.switch(dedupe="off")
    front.message()
    assert len(front.inbox()["conversations"]["room-1"]) == 2


def test_the_same_id_in_another_channel_is_another_message(front: FrontClient) -> None:
    """Ids are the channel's own."""
    front.message(channel="cha_1")
    front.message(channel="cha_2")
    assert [entry["stored"] for entry in front.log()] == [True, True]


def test_an_unknown_call_is_not_found_or_dropped(front: FrontClient) -> None:
    """Update, recording, summary and transcript before the call: 404, or with the switch 202 and nothing kept."""
    line = {"speaker_name": "a", "content": "b", "start_time_seconds": 0, "speaker_type": "external"}
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", LEG, {"json": {"call_status": "connected"}}),
        ("POST", f"{LEG}/recording", {"data": {"recording_type": "call"}, "files": {"attachments": AUDIO}}),
        ("POST", f"{LEG}/summary", {"json": {"content": "x"}}),
        ("POST", f"{LEG}/transcript", {"json": {"lines": [line]}}),
    ]
    for method, path, how in requests:
        answer = front.send(method, path, **how)
        assert (answer.status_code, answer.json()["_error"]["message"]) == (404, "Call not found.")
    front.switch(unknown_call="accept_drop")
    for method, path, how in requests:
        assert front.send(method, path, **how).status_code == 202
    assert front.inbox()["calls"] == {}


def test_an_illegal_transition_is_ignored_or_refused(front: FrontClient) -> None:
    """From `hangup` nothing follows: 202 and no change, or 400."""
    front.send("POST", "/channels/cha_1/calls", json=call())
    for status in ("connected", "hangup", "connected"):
        assert front.send("PATCH", LEG, json={"call_status": status}).status_code == 202
    leg = front.inbox()["calls"]["leg-1"]
    assert leg["status"] == "hangup"
    assert [one["applied"] for one in leg["states"]] == [True, True, True, False]
    assert front.log()[-1]["remark"] == "illegal transition hangup to connected"
    front.switch(illegal_transition="reject")
    refused = front.send("PATCH", LEG, json={"call_status": "ringing"})
    assert details(refused) == ["body.call_status: ringing cannot follow hangup"]


def test_a_repeated_call_is_ignored_or_refused(front: FrontClient) -> None:
    """The first creation stands; the second is a 202 without effect, or a 400."""
    front.send("POST", "/channels/cha_1/calls", json=call())
    assert front.send("POST", "/channels/cha_1/calls", json=call(initial_status="queued")).status_code == 202
    assert front.inbox()["calls"]["leg-1"]["status"] == "ringing"
    front.switch(repeat_call_create="reject")
    refused = front.send("POST", "/channels/cha_1/calls", json=call())
    assert details(refused) == ["body.external_call_id: exists already"]


def test_a_status_needs_an_outbound_message(front: FrontClient) -> None:
    """Unknown message: 404, or 204 by switch; an inbound one: 400; the other conversation's: 404."""
    known = "/channels/cha_1/conversations/room-1/messages/m-1/status"
    other = "/channels/cha_1/conversations/room-2/messages/m-1/status"
    answer = front.send("PUT", known, json={"status": "failed"})
    assert (answer.status_code, answer.json()["_error"]["message"]) == (404, "Message not found.")
    front.message()
    assert front.send("PUT", known, json={"status": "failed"}).status_code == 400
    assert front.send("PUT", other, json={"status": "failed"}).status_code == 404
    front.switch(status_on_unknown_message="204")
    assert front.send("PUT", other, json={"status": "failed"}).status_code == 204


def test_a_failed_message_shows_its_reason(front: FrontClient) -> None:
    """The status lands on the outbound message."""
    body = {"to": [{"handle": "a"}], "body": "x", "metadata": METADATA}
    front.send("POST", "/channels/cha_1/outbound_messages", json=body)
    path = "/channels/cha_1/conversations/room-1/messages/m-1/status"
    assert front.send("PUT", path, json={"status": "failed", "reason": "Line dead"}).status_code == 204
    (message,) = front.inbox()["conversations"]["room-1"]
    assert (message["failed"], message["reason"]) == (True, "Line dead")


def test_a_template_must_exist_and_be_allowed(front: FrontClient) -> None:
    """PATCH of an unknown template: 404; a channel without templates: 400."""
    answer = front.send("PATCH", "/channels/cha_1/application_message_templates/tpl-0", json={"name": "x"})
    assert (answer.status_code, answer.json()["_error"]["message"]) == (404, "Template not found.")
    answer = front.send(
        "PATCH", "/channels/cha_plain/application_message_templates/tpl-0", json={"name": "x"}
    )
    assert answer.status_code == 400
    assert answer.json()["_error"]["message"] == "Message templates are not enabled for this channel."


def test_what_is_not_processed_yet_is_unknown(front: FrontClient) -> None:
    """With a processing delay, an update right after creation is a 404, and later it is not."""
    front.switch(processing_delay_ms=1500)
    front.send("POST", "/channels/cha_1/calls", json=call())
    assert front.send("PATCH", LEG, json={"call_status": "connected"}).status_code == 404
    assert front.log()[-1]["remark"] == "call not processed yet"
    front.hands.moved_s = 1.5
    assert front.send("PATCH", LEG, json={"call_status": "connected"}).status_code == 202


def test_a_repeat_may_have_the_first_ones_uid(front: FrontClient) -> None:
    """Dropped all the same."""
    front.switch(dedupe="same_uid")
    uids = {front.message().json()["message_uid"] for _ in range(3)}
    assert len(uids) == 1
    assert len(front.inbox()["conversations"]["room-1"]) == 1


def looked_up(front: FrontClient, uid: str, channel: str = "cha_1") -> int:
    return front.send("GET", f"/messages/alt:uid:{uid}", token=front.token(channel)).status_code


def test_a_message_is_looked_up_when_it_is_processed(front: FrontClient) -> None:
    """404 before, then the message in the Core API's form; never, when the switch says so."""
    front.switch(processing_delay_ms=1500)
    uid = front.message().json()["message_uid"]
    assert looked_up(front, uid) == 404
    front.hands.moved_s = 1.5
    answer = front.send("GET", f"/messages/alt:uid:{uid}")
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["is_inbound"], shown["body"]) == (True, "Are you open?")
    assert front.send("GET", f"/messages/{shown['id']}").json() == shown
    front.switch(processing_delay_ms="never")
    uid = front.message("m-2").json()["message_uid"]
    front.hands.moved_s = 1_000_000.0
    assert looked_up(front, uid) == 404


def test_a_dropped_repeat_is_never_found(front: FrontClient) -> None:
    """So a client can tell that Front drops repeats."""
    first, second = (front.message().json()["message_uid"] for _ in range(2))
    assert (looked_up(front, first), looked_up(front, second)) == (200, 404)


def test_a_look_up_asks_for_a_token_of_the_messages_channel(front: FrontClient) -> None:
    """401 with another's, 404 for what nobody has; the raw log knows it as a look-up that stored nothing."""
    uid = front.message().json()["message_uid"]
    assert looked_up(front, uid, "cha_2") == 401
    assert looked_up(front, "no-such-uid") == 404
    assert front.send("GET", "/messages/anything").status_code == 404
    assert {entry["operation"] for entry in front.log()[1:]} == {"get-message"}
    assert not any(entry["accepted"] or entry["stored"] for entry in front.log()[1:])


def test_another_channels_sub_is_refused_or_let_through(front: FrontClient) -> None:
    """Of the same app; another app's token stays a 403."""
    token = front.token("cha_2")
    assert front.send("POST", MESSAGES, json=inbound(), token=token).status_code == 401
    front.switch(sub_mismatch="allow")
    assert front.send("POST", MESSAGES, json=inbound(), token=front.token("cha_2")).status_code == 202
    foreign = front.token("cha_foreign", secret=OTHER_SECRET, iss=OTHER_APP)
    assert front.send("POST", MESSAGES, json=inbound(), token=foreign).status_code == 403


@pytest.mark.parametrize(
    ("value", "body", "content_type"),
    [
        ("empty", "", None),
        ("{}", "{}", "application/json; charset=utf-8"),
        ({}, "{}", "application/json; charset=utf-8"),
        ({"status": "accepted"}, '{"status": "accepted"}', "application/json; charset=utf-8"),
        ("text", "Accepted", "text/plain; charset=utf-8"),
    ],
)
def test_a_calls_202_has_the_body_of_the_switch(
    front: FrontClient, value: Any, body: str, content_type: str | None
) -> None:
    """Creation, change and summary alike."""
    front.switch(call_202_body=value)
    answers = [
        front.send("POST", "/channels/cha_1/calls", json=call()),
        front.send("PATCH", LEG, json={"call_status": "connected"}),
        front.send("POST", f"{LEG}/summary", json={"content": "x"}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.text, answer.headers.get("content-type")) == (
            202,
            body,
            content_type,
        )


def test_a_second_summary_stands_beside_the_first_or_in_its_place(front: FrontClient) -> None:
    """Other assets of the call stay."""
    front.send("POST", "/channels/cha_1/calls", json=call())
    front.send("POST", f"{LEG}/recording", data={"recording_type": "call"}, files={"attachments": AUDIO})
    for text in ("a", "b"):
        front.send("POST", f"{LEG}/summary", json={"content": text})
    front.switch(repeat_asset="replace")
    leg = front.inbox()["calls"]["leg-1"]
    assert [one["fields"]["content"] for one in leg["summaries"]] == ["a", "b"]
    front.send("POST", f"{LEG}/summary", json={"content": "c"})
    leg = front.inbox()["calls"]["leg-1"]
    assert [one["fields"]["content"] for one in leg["summaries"]] == ["c"]
    assert len(leg["recordings"]) == 1


def test_a_reply_to_an_unknown_message_is_unlinked_or_refused(front: FrontClient) -> None:
    """To a known one it is linked either way."""

    def reply(name: str, to: str) -> dict[str, Any]:
        body = inbound(name)
        return {**body, "metadata": {**body["metadata"], "referenced_message_external_id": to}}

    front.send("POST", MESSAGES, json=reply("m-1", "m-0"))
    front.send("POST", MESSAGES, json=reply("m-2", "m-1"))
    messages = front.inbox()["conversations"]["room-1"]
    assert [one["reference_linked"] for one in messages] == [False, True]
    front.switch(unknown_reference="reject")
    refused = front.send("POST", MESSAGES, json=reply("m-3", "m-0"))
    assert details(refused) == ["body.metadata.referenced_message_external_id: not found"]
    assert front.send("POST", MESSAGES, json=reply("m-4", "m-1")).status_code == 202


def test_strictness_has_the_words_of_the_page(front: FrontClient) -> None:
    """`on` and `schema_only` are true and false."""
    front.switch(strict_body="schema_only")
    assert front.control("GET", "/_sim/switches")["strict_body"] is False
    front.switch(strict_body="on")
    assert front.control("GET", "/_sim/switches")["strict_body"] is True
