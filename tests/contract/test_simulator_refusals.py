"""Bodies that the simulator refuses, in JSON and in multipart, with the place of each fault."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.test_simulator_client import (
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
