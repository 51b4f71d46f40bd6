"""Requests that name files by URL: what is known before they are here, and the bytes when they are."""

import pytest

from connector.core.files import RemoteFile
from connector.core.http_encoding import Pieces
from connector.core.operations import REQUEST_BYTES_MAX, Invalid, Missing, Request
from tests.support.files import Kept
from tests.support.multipart import read_form
from tests.support.requests import INBOUND, refused, sent

URL = "https://files.example/1?signature=secret"


def _request(*attachments: object, body: str = "b") -> Request:
    return sent("sync-inbound-message", {**INBOUND, "body": body, "attachments": list(attachments)})


def _bytes(pieces: Pieces | None) -> bytes:
    assert pieces is not None
    return b"".join(
        piece if isinstance(piece, bytes) else piece.content  # type: ignore[attr-defined]
        for piece in pieces.pieces
    )


def test_a_request_with_a_url_has_no_body_yet() -> None:
    """What is known of each file is kept; the URL, which may hold a signature, is in no repr."""
    request = _request({"url": URL, "name": "n.pdf", "content_type": "application/pdf"}, {"url": URL})
    assert request.form is not None
    assert request.form.remote == (RemoteFile(URL, "n.pdf", "application/pdf"), RemoteFile(URL))
    assert (request.http.content, request.http.content_type) == (b"", None)
    assert "secret" not in repr(request)


def test_bytes_that_came_with_the_record_are_not_fetched() -> None:
    """Some platforms send both: the file and where it lies."""
    request = _request({"url": URL, "content": b"here", "name": "a"})
    assert request.form is None
    assert request.http.content_type is not None
    (part,) = read_form(request.http.content, request.http.content_type).files
    assert part.content == b"here"


def test_files_stand_in_the_order_in_which_they_are_named() -> None:
    """Bytes and URLs mixed; the length is known before a byte is read, and the same input gives the same bytes."""
    request = _request({"content": b"1", "name": "1"}, {"url": URL}, {"content": b"3", "name": "3"})
    http, again = (request.with_files([Kept(b"two", "2.txt", "text/plain")]) for _ in range(2))
    assert not isinstance(http, Invalid)
    assert not isinstance(again, Invalid)
    content = _bytes(http.upload)
    assert content == _bytes(again.upload)
    assert http.upload is not None
    assert http.upload.size == len(content)
    assert http.content_type is not None
    form = read_form(content, http.content_type)
    assert [(part.name, part.content) for part in form.files] == [("1", b"1"), ("2.txt", b"two"), ("3", b"3")]


def test_the_maker_of_a_file_cannot_write_its_boundary_into_it() -> None:
    """It holds a digest of the file, and so no file holds it, though its bytes are never searched."""
    request = _request({"url": URL})
    first = request.with_files([Kept(b"harmless")])
    assert not isinstance(first, Invalid)
    assert first.content_type is not None
    boundary = first.content_type.partition("boundary=")[2]
    forged = f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="body"\r\n\r\nforged\r\n'.encode()
    second = request.with_files([Kept(forged)])
    assert not isinstance(second, Invalid)
    assert second.content_type is not None
    form = read_form(_bytes(second.upload), second.content_type)
    assert form.files[0].content == forged
    assert ("body", "forged") not in form.fields


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        ("See the file", "See the file\n\n[Attachment not available: a &amp; b.pdf]"),
        ("<p>See</p>", "<p>See</p><p>[Attachment not available: a &amp; b.pdf]</p>"),
        ("1 < 2 & 3", "1 < 2 & 3\n\n[Attachment not available: a &amp; b.pdf]"),
    ],
)
def test_a_message_without_its_file_says_so(body: str, noted: str) -> None:
    """As HTML in HTML, as text in text; a name that is markup stays text."""
    request = _request({"url": URL, "name": "../a & b.pdf"}, {"content": b"x", "name": "x"}, body=body)
    http = request.with_files([Missing("../a & b.pdf")])
    assert not isinstance(http, Invalid)
    assert http.content_type is not None
    form = read_form(http.content, http.content_type)
    assert dict(form.fields)["body"] == noted
    assert [part.name for part in form.files] == ["x"]


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (Kept(b"", "a.mp3", "audio/mpeg"), "is empty: no recording"),
        (
            Kept(b"<html>", "a.mp3", "text/html"),
            "is text/html by its first bytes, not audio/*: no recording",
        ),
    ],
)
def test_a_recording_that_is_none_is_refused_when_it_is_here(file: Kept, problem: str) -> None:
    """A sign-in page in place of the recording is the classic."""
    request = sent("add-call-recording", {"recording_type": "call", "attachments": {"url": URL}})
    assert request.with_files([file]) == Invalid("body.attachments[0]", problem, "attachment_rejected")


def test_a_recording_goes_never_without_its_file() -> None:
    """Whatever the topic's defaults say."""
    request = sent("add-call-recording", {"recording_type": "call", "attachments": {"url": URL}})
    assert request.with_files([Missing(None)]) == Invalid(
        "body.attachments", "is a recording, which is nothing without its file", "attachment_unavailable"
    )


def test_the_room_is_what_the_rest_leaves() -> None:
    """A file that fits exactly is sent; the request never exceeds Front's limit."""
    request = _request({"content": bytes(1_000_000), "name": "1"}, {"url": URL})
    assert request.form is not None
    assert 0 < REQUEST_BYTES_MAX - 1_000_000 - request.form.room < 3000
    http = request.with_files([Kept(bytes(request.form.room), "n" * 200, "application/octet-stream")])
    assert not isinstance(http, Invalid)
    assert http.upload is not None
    assert REQUEST_BYTES_MAX - 1000 < http.upload.size <= REQUEST_BYTES_MAX


def test_bytes_that_leave_no_room_are_refused_before_anything_is_fetched() -> None:
    """The rest alone is too large."""
    files = [{"content": bytes(REQUEST_BYTES_MAX - 100), "name": "1"}, {"url": URL}]
    (problem,) = refused("sync-inbound-message", {**INBOUND, "attachments": files})
    assert problem.reason == "attachment_rejected"
    assert problem.message.endswith(f"the most is {REQUEST_BYTES_MAX}")


def test_bytes_and_a_stored_file_of_the_same_content_give_the_same_parts() -> None:
    """A platform that moves from bytes to URLs changes nothing at Front but the boundary."""
    by_url = _request({"url": URL}).with_files([Kept(b"abc", "a.txt", "text/plain")])
    by_bytes = _request({"content": b"abc", "name": "a.txt", "content_type": "text/plain"}).http
    assert not isinstance(by_url, Invalid)
    assert by_url.content_type is not None
    assert by_bytes.content_type is not None
    assert read_form(_bytes(by_url.upload), by_url.content_type) == read_form(
        by_bytes.content, by_bytes.content_type
    )
