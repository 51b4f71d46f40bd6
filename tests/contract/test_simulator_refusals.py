"""What the simulator refuses, with Front's status and error body, and what its switches change about that."""

from collections.abc import Iterator
from typing import Any

import pytest

from connector.simulator.server import running
from tests.contract.test_simulator_client import (
    NOW,
    OTHER_APP,
    OTHER_SECRET,
    SECRET,
    FrontClient,
    Hands,
    call,
    inbound,
    sign,
    small_world,
)

MESSAGES = "/channels/cha_1/inbound_messages"
LEG = "/channels/cha_1/calls/leg-1"
AUDIO = ("leg.mp3", b"ID3", "audio/mpeg")
METADATA = {"external_id": "m-1", "external_conversation_id": "room-1"}


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    hands = Hands()
    with running(small_world(), clock=hands.clock()) as simulator:
        client = FrontClient(simulator.base_url, hands)
        yield client
        client.http.close()


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    simulated.control("DELETE", "/_sim")
    simulated.hands.moved_s = 0.0
    return simulated


def details(answer: Any) -> list[str]:
    """The details of a 400 in Front's form, after checking the rest of it."""
    content = answer.json()["_error"]
    assert (answer.status_code, content["status"], content["title"]) == (400, 400, "Bad request")
    assert content["message"] == "Body did not satisfy requirements"
    found: list[str] = content["details"]
    return found


TOKENS = [
    ("bad signature", {"secret": "another"}),
    ("exp is past", {"exp": int(NOW)}),
    ("exp is too far ahead", {"exp": int(NOW) + 31}),
    ("exp is missing", {"exp": None}),
    ("jti is missing", {"jti": None}),
    ("sub is missing", {"sub": None}),
    ("sub is not the channel of the path", {"sub": "cha_2"}),
    ("iss is no app of this Front", {"iss": "app_unknown", "secret": "another"}),
    ("iss is not the app that signed", {"iss": "app_unknown"}),
]


@pytest.mark.parametrize(("why", "changes"), TOKENS, ids=[why for why, _ in TOKENS])
def test_a_wrong_token_is_refused_and_the_log_says_why(
    front: FrontClient, why: str, changes: dict[str, Any]
) -> None:
    """The client hears 401 in Front's words and no more; nothing is stored."""
    answer = front.send("POST", MESSAGES, json=inbound(), token=front.token("cha_1", **changes))
    assert answer.status_code == 401
    assert answer.json() == {
        "_error": {"status": 401, "title": "Unauthenticated", "message": "JSON Web Token error"}
    }
    entry = front.log()[-1]
    assert (entry["remark"], entry["accepted"]) == (f"token: {why}", False)
    assert front.control("GET", "/_sim/accepted") == {"companies": {}}


def test_a_request_without_a_token_is_refused(front: FrontClient) -> None:
    """No header, another scheme, and something that is no token: 401 each."""
    for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer nonsense"}):
        assert front.http.post(MESSAGES, json=inbound(), headers=headers).status_code == 401
    assert [entry["remark"] for entry in front.log()] == [
        "token: no bearer token",
        "token: no bearer token",
        "token: not a JSON Web Token of this kind",
    ]


def test_only_hs256_is_taken(front: FrontClient) -> None:
    """A token that says `none` or another algorithm is refused, whatever its signature."""
    for alg in ("none", "HS512"):
        token = sign(front.claims("cha_1"), SECRET, alg=alg)
        assert front.send("POST", MESSAGES, json=inbound(), token=token).status_code == 401


def test_the_last_second_of_a_token_counts_and_thirty_ahead_is_enough(front: FrontClient) -> None:
    """`exp` one second ahead and exactly thirty ahead are both good."""
    for ahead in (1, 30):
        token = front.token("cha_1", exp=int(NOW) + ahead)
        assert front.send("POST", MESSAGES, json=inbound(), token=token).status_code == 202


def test_a_replayed_token_is_refused_unless_switched(front: FrontClient) -> None:
    """The same jti a second time is a 401; with jti_replay=allow it is not."""
    token = front.token("cha_1")
    statuses = [front.send("POST", MESSAGES, json=inbound(), token=token).status_code for _ in range(2)]
    assert statuses == [202, 401]
    assert front.log()[-1]["remark"] == "token: jti was used before"
    front.switch(jti_replay="allow")
    assert front.send("POST", MESSAGES, json=inbound(), token=token).status_code == 202


def test_a_token_counts_as_used_although_its_body_was_refused(front: FrontClient) -> None:
    """The token is checked at the head: a retry of a refused request needs a new one."""
    token = front.token("cha_1")
    statuses = [front.send("POST", MESSAGES, json={}, token=token).status_code for _ in range(2)]
    assert statuses == [400, 401]


def test_the_static_token_is_taken_when_switched_on(front: FrontClient) -> None:
    """An API token works for every channel, again and again, and only while it is set."""
    assert front.send("POST", MESSAGES, json=inbound(), token="api-token").status_code == 401
    front.switch(static_token="api-token")
    assert front.send("POST", MESSAGES, json=inbound("m-1"), token="api-token").status_code == 202
    assert front.send("POST", MESSAGES, json=inbound("m-2"), token="api-token").status_code == 202


def test_another_apps_channel_is_forbidden(front: FrontClient) -> None:
    """A good token of one app on the other's channel is a 403."""
    token = front.token("cha_1", secret=OTHER_SECRET, iss=OTHER_APP)
    answer = front.send("POST", MESSAGES, json=inbound(), token=token)
    assert (answer.status_code, answer.json()["_error"]["title"]) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/inbound_messages"),
        ("POST", "/v1/channels/cha_1/inbound_messages"),
        ("GET", "/channels/cha_1/inbound_messages"),
        ("POST", "/channels/cha_1/inbound_messages/"),
        ("POST", "/channels//inbound_messages"),
        ("PATCH", "/channels/cha_1/calls/a/b"),
        ("PUT", "/channels/cha_1"),
    ],
)
def test_a_wrong_route_is_told_in_fronts_words(front: FrontClient, method: str, path: str) -> None:
    """Wrong base, wrong method, an id that was not encoded: 404 "No such route.", and it is in the log."""
    answer = front.send(method, path, json=inbound())
    assert answer.status_code == 404
    assert answer.json() == {"_error": {"status": 404, "title": "Not found", "message": "No such route."}}
    entry = front.log()[-1]
    assert (entry["operation"], entry["status"], entry["remark"]) == (None, 404, "no such route")


def test_an_unknown_channel_is_not_found(front: FrontClient) -> None:
    """A channel that this Front does not have is a 404 that is not "No such route."."""
    answer = front.message(channel="cha_unknown")
    assert answer.status_code == 404
    assert answer.json() == {"_error": {"status": 404, "title": "Not found", "message": "Channel not found."}}


REFUSED: list[tuple[str, str, str, Any, list[str]]] = [
    ("missing fields", "POST", MESSAGES, {"body": "x"}, ["body.sender: missing", "body.metadata: missing"]),
    (
        "a missing field inside",
        "POST",
        MESSAGES,
        {**inbound(), "sender": {}, "metadata": {"external_conversation_id": "room-1"}},
        ["body.sender.handle: missing", "body.metadata.external_id: missing"],
    ),
    ("a list body", "POST", MESSAGES, [inbound()], ["body: not an object"]),
    ("a text body", "PATCH", "/channels/cha_1", "offline", ["body: not an object"]),
    ("a wrong type", "POST", MESSAGES, {**inbound(), "body": 5}, ["body.body: not a string"]),
    (
        "a fraction",
        "POST",
        MESSAGES,
        {**inbound(), "delivered_at": 1.5},
        ["body.delivered_at: not an integer"],
    ),
    (
        "an id of 201 characters",
        "POST",
        MESSAGES,
        inbound("x" * 201),
        ["body.metadata.external_id: longer than 200 characters"],
    ),
    (
        "an id of 101 characters that are 202 units",
        "POST",
        MESSAGES,
        inbound("\U0001f600" * 101),
        ["body.metadata.external_id: longer than 200 characters"],
    ),
    (
        "nobody to send to",
        "POST",
        "/channels/cha_1/outbound_messages",
        {"to": [], "body": "x", "metadata": METADATA},
        ["body.to: empty"],
    ),
    (
        "one recipient as an object",
        "POST",
        "/channels/cha_1/outbound_messages",
        {"to": {"handle": "a"}, "body": "x", "metadata": METADATA},
        ["body.to: not an array"],
    ),
    (
        "a recipient without a handle",
        "POST",
        "/channels/cha_1/outbound_messages",
        {"to": [{"handle": "a"}, {"name": "b"}], "body": "x", "metadata": METADATA},
        ["body.to[1].handle: missing"],
    ),
    ("a wrong enum", "PATCH", "/channels/cha_1", {"status": "up"}, ["body.status: not one of offline, ok"]),
    (
        "an unknown call status",
        "PATCH",
        LEG,
        {"call_status": "resumed"},
        [
            "body.call_status: not one of queued, ringing, connected, hold, hangup, abandoned, missed, transferred"
        ],
    ),
    (
        "a call without direction",
        "POST",
        "/channels/cha_1/calls",
        {"external_call_id": "leg-1"},
        ["body.direction: missing"],
    ),
    (
        "a call of another direction",
        "POST",
        "/channels/cha_1/calls",
        call(direction="sideways"),
        ["body.direction: not one of inbound, outbound"],
    ),
    (
        "an inbound call without its caller",
        "POST",
        "/channels/cha_1/calls",
        {key: value for key, value in call().items() if key != "from"},
        ["body.from: missing"],
    ),
    (
        "an outbound call without its callee",
        "POST",
        "/channels/cha_1/calls",
        call(direction="outbound"),
        ["body.to: missing"],
    ),
    ("an empty summary", "POST", f"{LEG}/summary", {"content": ""}, ["body.content: empty"]),
    ("an empty transcript", "POST", f"{LEG}/transcript", {"lines": []}, ["body.lines: empty"]),
    (
        "a wrong speaker",
        "POST",
        f"{LEG}/transcript",
        {"lines": [{"speaker_name": "a", "content": "b", "start_time_seconds": 0, "speaker_type": "robot"}]},
        ["body.lines[0].speaker_type: not one of internal, external"],
    ),
    (
        "a status that does not exist",
        "PUT",
        "/channels/cha_1/conversations/room-1/messages/m-1/status",
        {"status": "delivered"},
        ["body.status: not one of failed"],
    ),
    (
        "a template without its parts",
        "PUT",
        "/channels/cha_1/application_message_templates",
        {"external_id": "tpl-1", "name": "a", "is_disabled": "no", "status_name": "APPROVED"},
        [
            "body.blurb: missing",
            "body.variable_mappings: missing",
            "body.template_preview: missing",
            "body.is_disabled: not a boolean",
        ],
    ),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "wanted"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_a_wrong_body_is_refused_with_its_places(
    front: FrontClient, method: str, path: str, body: Any, wanted: list[str]
) -> None:
    """400 in Front's form, each place once, and never the value itself."""
    answer = front.send(method, path, json=body)
    assert sorted(details(answer)) == sorted(wanted)
    entry = front.log()[-1]
    assert (entry["status"], entry["accepted"], entry["stored"]) == (400, False, False)


@pytest.mark.parametrize("content", [b"{", b"NaN", b'{"a": Infinity}', b"\xff\xfe", b"1e999"])
def test_a_body_that_is_no_json_is_refused_by_message_alone(front: FrontClient, content: bytes) -> None:
    """Malformed JSON is a 400 without details; what only Python would read as JSON is malformed."""
    answer = front.send("POST", MESSAGES, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["_error"] == {
        "status": 400,
        "title": "Bad request",
        "message": "Body is not valid JSON.",
    }


def test_no_body_and_a_body_of_another_type_count_as_missing(front: FrontClient) -> None:
    """The contract does not require a body; Front does. A type that the operation does not take is not read."""
    assert details(front.send("POST", MESSAGES)) == ["body: missing"]
    text = {"content-type": "text/plain"}
    assert details(front.send("POST", MESSAGES, content=b"{}", headers=text)) == ["body: missing"]
    form = front.send("POST", f"{LEG}/summary", data={"content": "x"}, files={"attachments": AUDIO})
    assert details(form) == ["body: missing"]
    assert details(front.send("POST", f"{LEG}/recording", json={"recording_type": "call"})) == [
        "body: missing"
    ]


RECORDINGS: list[tuple[str, dict[str, str], list[tuple[str, Any]], list[str]]] = [
    (
        "two files",
        {"recording_type": "call"},
        [("attachments", AUDIO), ("attachments", AUDIO)],
        ["body.attachments: exactly one file expected"],
    ),
    (
        "no audio",
        {"recording_type": "call"},
        [("attachments", ("a.pdf", b"%PDF", "application/pdf"))],
        ["body.attachments: not an audio file"],
    ),
    ("another name", {"recording_type": "call"}, [("attachments[]", AUDIO)], ["body.attachments: missing"]),
    ("no type", {}, [("attachments", AUDIO)], ["body.recording_type: missing"]),
    (
        "a wrong type",
        {"recording_type": "song"},
        [("attachments", AUDIO)],
        ["body.recording_type: not one of call, voicemail"],
    ),
]


@pytest.mark.parametrize(
    ("fields", "files", "wanted"), [c[1:] for c in RECORDINGS], ids=[c[0] for c in RECORDINGS]
)
def test_a_recording_is_exactly_one_audio_file(
    front: FrontClient, fields: dict[str, str], files: list[tuple[str, Any]], wanted: list[str]
) -> None:
    """Two files, no audio, another part name, a missing or wrong type: 400."""
    front.send("POST", "/channels/cha_1/calls", json=call())
    assert details(front.send("POST", f"{LEG}/recording", data=fields, files=files)) == wanted
    assert front.inbox()["calls"]["leg-1"]["recordings"] == []


def test_a_form_that_contradicts_itself_is_refused(front: FrontClient) -> None:
    """A text where a file belongs, a name that is value and object, words for a number, a file for a text."""
    good = {"sender[handle]": "a", "metadata[external_id]": "m-1", "metadata[external_conversation_id]": "r"}
    file = {"attachments[]": AUDIO}

    def sent(fields: dict[str, str], files: Any = file) -> list[str]:
        return details(front.send("POST", MESSAGES, data=fields, files=files))

    assert sent({**good, "body": "x", "sender": "a"}) == ["body.sender: both a value and an object"]
    assert sent({**good, "body": "x", "delivered_at": "soon"}) == ["body.delivered_at: not an integer"]
    assert sent(good, {"body": AUDIO}) == ["body.body: not a string"]
    assert sent({**good, "body": "x", "attachments[]": "photo"}) == [
        "body.attachments: not a file",
        "body.attachments: not an array",
    ]


def test_a_form_that_cannot_be_read_is_refused_by_message_alone(front: FrontClient) -> None:
    """Multipart without a boundary, or that is no multipart at all: 400 without details."""
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=xyz"):
        answer = front.send("POST", MESSAGES, content=b"nothing", headers={"content-type": content_type})
        assert answer.status_code == 400
        assert answer.json()["_error"]["message"] == "Body is not valid multipart/form-data."
        assert "details" not in answer.json()["_error"]


def test_a_request_beyond_the_size_limit_is_refused(front: FrontClient) -> None:
    """The limit is on the whole request; the log still has its size and hash."""
    front.switch(size_limit=300)
    answer = front.send("POST", MESSAGES, json=inbound(body="x" * 300))
    assert answer.status_code == 400
    assert answer.json()["_error"]["message"] == "The request is larger than 300 bytes."
    entry = front.log()[-1]
    assert (entry["remark"], entry["body_bytes"] > 300, entry["stored"]) == ("too large", True, False)


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
