"""What `build` sends: where to, in which order, as JSON or as a form."""

from types import MappingProxyType
from urllib.parse import unquote

import pytest

from connector.core.operations import OPERATIONS, REQUEST_BYTES_MAX, Invalid, Request
from tests.support.multipart import FilePart, read_form
from tests.support.requests import (
    ALIAS,
    AUDIO,
    CHANNEL,
    INBOUND,
    OUTBOUND,
    VALID,
    attempt,
    body_of,
    refused,
    sent,
)

# --- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "params", "body", "method", "path", "key"), VALID)
def test_bad_01_each_operation_goes_where_the_contract_says(
    name: str,
    params: dict[str, object],
    body: dict[str, object],
    method: str,
    path: str,
    key: tuple[str, ...],
) -> None:
    """Method, path and order key of one valid record per operation; the body holds what was given."""
    request = sent(name, body, params=params)
    assert (request.operation, request.http.operation, request.channel) == (name, name, CHANNEL)
    assert (request.http.method, request.http.path) == (method, f"/channels/cha_7{path}")
    assert request.order_key == key
    if "attachments" not in body:
        assert body_of(request) == body


def test_an_operation_says_what_kind_of_key_it_has() -> None:
    """Without a record, so that whoever reads a mapping file can tell what its rules are about."""
    kinds = {name: key[0] for name, _, _, _, _, key in VALID}
    assert {name: operation.entity for name, operation in OPERATIONS.items()} == kinds


def test_a_404_may_mean_not_yet_for_what_refers_to_a_call_or_a_message() -> None:
    """Exactly the operations whose target Front creates some time after accepting it."""
    assert {name for name, operation in OPERATIONS.items() if operation.awaits_creation} == {
        "update-call",
        "add-call-recording",
        "add-call-summary",
        "add-call-transcript",
        "update-external-message-status",
    }


def test_ord_05_every_operation_about_one_leg_shares_its_key() -> None:
    """Create, status, recording, summary and transcript of a leg keep their order."""
    calls = [name for name in OPERATIONS if "call" in name]
    assert len(calls) == 5
    assert {sent(name).order_key for name in calls} == {("call", "cha_7", "leg-1")}


def test_the_order_key_is_the_real_channel_whatever_stands_in_the_path() -> None:
    """An alias and the id it stands for are the same channel."""
    request = sent("sync-inbound-message", channel=ALIAS)
    assert request.http.path == "/channels/alt:address:help%40shop.example/inbound_messages"
    assert request.order_key == ("conversation", "cha_7", "room-9")


@pytest.mark.parametrize("name", [name for name in OPERATIONS if "call" in name])
def test_call_routes_take_no_alias(name: str) -> None:
    """Front documents aliases for the other routes only."""
    assert refused(name, channel=ALIAS) == (
        Invalid("channel", f"is an alias, which {name} does not take: give the cha_ id"),
    )


@pytest.mark.parametrize("name", [name for name in OPERATIONS if "call" not in name])
def test_all_other_routes_take_an_alias(name: str) -> None:
    """Channel, template and message routes."""
    assert sent(name, channel=ALIAS).http.path.startswith("/channels/alt:address:help%40shop.example")


@pytest.mark.parametrize(
    "text", ["a/b", "?x=1", "#f", "%2F", "a b", "..", ".", "…", "🙂", "+49", "a:b", "~-._", "\\", "\n"]
)
def test_bad_07_an_id_is_one_segment_that_decodes_to_itself(text: str) -> None:
    """Whatever characters an id holds, it neither splits the path nor moves within it."""
    path = sent("add-call-summary", params={"external_call_id": text}).http.path
    segments = path.split("/")
    assert [unquote(segment) for segment in segments] == ["", "channels", "cha_7", "calls", text, "summary"]
    assert segments[4] not in (".", "..")
    assert path.isascii()


def test_bad_07_dots_alone_are_encoded_with_capital_digits() -> None:
    """Whatever compares paths as texts knows this form only (RFC 3986 §2.1)."""
    assert sent("add-call-summary", params={"external_call_id": ".."}).http.path.split("/")[4] == "%2E%2E"


def test_bad_08_a_null_counts_as_absent_and_is_not_sent() -> None:
    """An optional field whose expression gave nothing vanishes, at any depth."""
    sparse = {**INBOUND, "subject": None, "attachments": None, "sender": {"handle": "h", "name": None}}
    assert sent("sync-inbound-message", sparse).http.content == (
        b'{"sender":{"handle":"h"},"body":"Is it on its way?",'
        b'"metadata":{"external_id":"m-1","external_conversation_id":"room-9"}}'
    )


def test_bad_08_numbers_keep_the_form_they_came_in() -> None:
    """Milliseconds keep a fraction, and whole ones do not gain one."""
    assert (
        b'"occurred_at":1789000007900.5}'
        in sent("update-call", {"call_status": "hangup", "occurred_at": 1789000007900.5}).http.content
    )
    assert (
        b'"occurred_at":1789000007900}'
        in sent("update-call", {"call_status": "hangup", "occurred_at": 1789000007900}).http.content
    )


def test_any_mapping_will_do() -> None:
    """A body may be built of read-only mappings and tuples."""
    body: dict[str, object] = {**OUTBOUND, "to": (MappingProxyType({"handle": "h"}),)}
    frozen = MappingProxyType(body)
    assert body_of(sent("sync-outbound-message", frozen))["to"] == [{"handle": "h"}]


# --- files ----------------------------------------------------------------------------------------


def test_att_01_a_message_with_files_is_a_form() -> None:
    """Fields in brackets, files as `attachments[]`; the default type is application/octet-stream."""
    files = [
        {"content": b"\x00", "name": "/home/ines/a.bin"},
        {"content": b"p", "name": "p.png", "content_type": "image/png"},
    ]
    request = sent("sync-inbound-message", {**INBOUND, "delivered_at": 1789000042, "attachments": files})
    assert request.http.content_type == "multipart/form-data; boundary=b0"
    form = read_form(request.http.content, request.http.content_type)
    assert dict(form.fields) == {
        "sender[handle]": "cust-881",
        "body": "Is it on its way?",
        "delivered_at": "1789000042",
        "metadata[external_id]": "m-1",
        "metadata[external_conversation_id]": "room-9",
    }
    assert form.files == [
        FilePart("attachments[]", "a.bin", "application/octet-stream", b"\x00"),
        FilePart("attachments[]", "p.png", "image/png", b"p"),
    ]


def test_a_message_with_an_empty_list_of_files_isbody_of() -> None:
    """No file, no form."""
    assert body_of(sent("sync-outbound-message", {**OUTBOUND, "attachments": []})) == OUTBOUND


@pytest.mark.parametrize("attachments", [AUDIO, [AUDIO]])
def test_a_recording_is_one_file_under_the_plain_name(attachments: object) -> None:
    """A map or a list of one; always a form."""
    request = sent("add-call-recording", {"recording_type": "voicemail", "attachments": attachments})
    assert request.http.content_type is not None
    form = read_form(request.http.content, request.http.content_type)
    assert form.fields == [("recording_type", "voicemail")]
    assert form.files == [FilePart("attachments", "leg.mp3", "audio/mpeg", b"ID3\x00")]


@pytest.mark.parametrize(
    ("attachments", "message"),
    [
        ([], "must be exactly one file; there are 0"),
        ([AUDIO, AUDIO], "must be exactly one file; there are 2"),
        ({**AUDIO, "content_type": "video/mp4"}, "must have a content_type of audio/*, such as audio/mpeg"),
    ],
)
def test_a_recording_that_front_would_refuse_is_rejected(attachments: object, message: str) -> None:
    """Not one file, or not audio."""
    assert refused("add-call-recording", {"recording_type": "call", "attachments": attachments}) == (
        Invalid("body.attachments", message, "attachment_rejected"),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: no recording"),
        (
            b"<html>Sign in</html>",
            "is text/html by its first bytes, not audio/*: no recording",
        ),
    ],
)
def test_a_recording_of_bytes_that_are_none_is_rejected(content: bytes, message: str) -> None:
    """Where nobody tells its type, its bytes do."""
    given = {"recording_type": "call", "attachments": {"content": content, "name": "x"}}
    assert refused("add-call-recording", given) == (
        Invalid("body.attachments[0]", message, "attachment_rejected"),
    )


def test_a_malformed_attachment_is_an_invalid_request() -> None:
    """The mapping is at fault, not the file; a line break cannot enter a part's headers."""
    broken = [
        {"content": "text", "nme": "x"},
        {**AUDIO, "content_type": "audio/mpeg\r\nX-A: b"},
        {"content": b"x"},
        {"name": "x"},
    ]
    assert refused("sync-inbound-message", {**INBOUND, "attachments": broken}) == (
        Invalid("body.attachments[0].content", "must be bytes"),
        Invalid("body.attachments[0].nme", "is not known here: did you mean name?"),
        Invalid("body.attachments[1].content_type", "must be a MIME type such as audio/mpeg"),
        Invalid("body.attachments[2]", "has content but no name: give both"),
        Invalid("body.attachments[3]", "has neither content nor url: give one of them"),
    )


def test_att_03_the_limit_is_on_the_whole_request() -> None:
    """Files that together, or with the form around them, exceed 24 MB are rejected with the size."""
    half = {"content": bytes(REQUEST_BYTES_MAX // 2), "name": "h"}
    (problem,) = refused("sync-inbound-message", {**INBOUND, "attachments": [half, half]})
    assert (problem.path, problem.reason) == ("body.attachments", "attachment_rejected")
    # The files fit exactly; the form around them does not.
    assert 0 < int(problem.message.split()[4]) - REQUEST_BYTES_MAX < 2000
    assert problem.message.endswith(f"bytes; the most is {REQUEST_BYTES_MAX}")
    more = {"content": bytes(REQUEST_BYTES_MAX // 2 + 1), "name": "h"}
    assert refused("sync-inbound-message", {**INBOUND, "attachments": [more, more]}) == (
        Invalid(
            "body.attachments",
            "makes a request of 24000002 bytes; the most is 24000000",
            "attachment_rejected",
        ),
    )
    assert isinstance(attempt("sync-inbound-message", {**INBOUND, "attachments": [half]}), Request)


def test_a_text_over_the_limit_is_an_invalid_request() -> None:
    """Without files the body is at fault."""
    (problem,) = refused("add-call-summary", {"content": "x" * REQUEST_BYTES_MAX})
    assert problem == Invalid("body", "makes a request of at least 24000002 bytes; the most is 24000000")
    (problem,) = refused("add-call-summary", {"content": "x" * (REQUEST_BYTES_MAX - 2)})
    assert problem == Invalid("body", "makes a request of 24000012 bytes; the most is 24000000")


def test_a_body_that_repeats_a_text_is_refused_before_it_is_written_out() -> None:
    """A record's one text in every line of a transcript: as JSON this would be half a terabyte."""
    text = "x" * 500_000
    lines = [{"content": text}] * 1_000_000
    (problem,) = refused("add-call-transcript", {"lines": lines})
    assert problem == Invalid("body", "makes a request of at least 24000090 bytes; the most is 24000000")
    (problem,) = refused("add-call-transcript", {"lines": [[[1] * 1_000_000] * 1_000_000]})
    assert problem.message.endswith("bytes; the most is 24000000")


def test_att_03_a_request_of_exactly_the_limit_is_sent() -> None:
    """As JSON and as a form: the last byte that is allowed is used, and the next one refused."""
    text = "x" * (REQUEST_BYTES_MAX - len(b'{"content":""}'))
    assert len(sent("add-call-summary", {"content": text}).http.content) == REQUEST_BYTES_MAX
    empty = {"content": b"", "name": "h"}
    around = len(sent("sync-inbound-message", {**INBOUND, "attachments": [empty]}).http.content)
    full = {**empty, "content": bytes(REQUEST_BYTES_MAX - around)}
    form = sent("sync-inbound-message", {**INBOUND, "attachments": [full]})
    assert len(form.http.content) == REQUEST_BYTES_MAX
    over = {**empty, "content": bytes(REQUEST_BYTES_MAX - around + 1)}
    (problem,) = refused("sync-inbound-message", {**INBOUND, "attachments": [over]})
    assert problem.message == "makes a request of 24000001 bytes; the most is 24000000"
