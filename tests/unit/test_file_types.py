"""Content types: what is said is believed, unless the bytes say surely otherwise."""

import io
import wave
import zipfile

import pytest

from connector.core.file_types import UNKNOWN, content_type, sniffed


def _wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * 400)
    return file.getvalue()


def _docx() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        parts.writestr("[Content_Types].xml", "<Types/>")
        parts.writestr("word/document.xml", "<x/>")
    return file.getvalue()


MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE" + bytes(50) + b"\xff\xfb\x90\x64" + bytes(2000)
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>\xc3\xa4</body></html>"
FILM = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(100)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

HEADS = {
    "mp3 with a head": (MP3, "audio/mpeg"),
    "mp3 frames": (b"\xff\xfb\x90\x64" + bytes(413), "audio/mpeg"),
    "wav": (_wav(), "audio/x-wav"),
    "ogg": (b"OggS\x00\x02" + bytes(20) + b"\x01vorbis" + bytes(80), "audio/ogg"),
    "m4a": (b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00M4A mp42isom" + bytes(80), "audio/mp4"),
    "amr": (b"#!AMR\n" + bytes(80), "audio/amr"),
    "film": (FILM, "video/mp4"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(50), "image/jpeg"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(50), "image/png"),
    "pdf, its head as text": (b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\n", "application/pdf"),
    "docx": (_docx(), DOCX),
    "page": (PAGE, "text/html"),
    "page, cut within a letter": (PAGE[: PAGE.index(b"\xc3") + 1], "text/html"),
    "page in another encoding": (b"  <HTML lang=de>\xe4\xf6\xfc", "text/html"),
    "page with a mark": (b"\xef\xbb\xbf\r\n<!doctype HTML PUBLIC>", "text/html"),
    "page as xml": (b'<?xml version="1.0"?><html xmlns="x">', "text/html"),
    "comment": (b"<!-- sign in -->", "text/html"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "application/xml"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg">', "image/svg+xml"),
    "json": (b'{"error": "not found"}', "text/plain"),
    "text": ("äöü\n".encode(), "text/plain"),
    "text that begins like a picture": (b"BM is how this letter begins", "text/plain"),
    "text that begins like a program": (b"MZ is how this letter begins", "text/plain"),
    "text of two bytes a letter": ("\ufeffsign in".encode("utf-16-le"), "text/plain"),
    "nothing": (b"", None),
    "noise": (bytes(range(7, 250)), None),
    "a word in angle brackets": (b"<pictures of mine>", "text/plain"),
}


@pytest.mark.parametrize("name", HEADS)
def test_the_first_bytes_tell(name: str) -> None:
    """Row by row."""
    head, kind = HEADS[name]
    assert sniffed(head) == kind


@pytest.mark.parametrize(
    ("record", "server", "head", "name", "kind"),
    [
        # Said, and not contradicted.
        ("audio/wav", "audio/mpeg", MP3, None, "audio/wav"),
        (None, "audio/mpeg; rate=8000", MP3, None, "audio/mpeg"),
        (None, "Audio/MPEG", b"unknown \x01 noise", None, "audio/mpeg"),
        ("audio/mp4", None, FILM, None, "audio/mp4"),
        ("text/csv", "text/html", b"a,b\n", None, "text/csv"),
        (None, "application/vnd.acme+zip", b"PK\x03\x04" + bytes(40), None, "application/vnd.acme+zip"),
        ("text/plain", None, PAGE, None, "text/plain"),
        (None, "image/svg+xml", b"<svg >", None, "image/svg+xml"),
        ("application/pdf", None, b"%PDF-1.4\n", None, "application/pdf"),
        ("audio/mpeg", None, b"", None, "audio/mpeg"),
        # The classic: a page in place of a recording.
        ("audio/mpeg", "audio/mpeg", PAGE, None, "text/html"),
        (None, "audio/mpeg", PAGE, "a.mp3", "text/html"),
        ("audio/mpeg", None, b'{"error": "sign in"}', None, "text/plain"),
        ("audio/mpeg", None, b'<?xml version="1.0"?><Error/>', None, "application/xml"),
        ("audio/mpeg", "audio/mpeg", b"%PDF-1.7\n", None, "application/pdf"),
        ("audio/mpeg", None, b"\x1f\x8b\x08\x00" + bytes(20), None, "application/gzip"),
        ("image/png", None, PAGE, None, "text/html"),
        ("application/pdf", None, PAGE, None, "text/html"),
        ("image/png", None, MP3, None, "audio/mpeg"),
        # Nothing said that says anything.
        (None, None, MP3, None, "audio/mpeg"),
        (None, "application/octet-stream", MP3, None, "audio/mpeg"),
        ("application/octet-stream", "binary/octet-stream", PAGE, None, "text/html"),
        (None, "application/ogg", b"OggS\x00\x02" + bytes(40), None, "audio/ogg"),
        (None, "text/plain", MP3, None, "audio/mpeg"),
        (None, "text/plain", b"notes", None, "text/plain"),
        ("nonsense", "also, nonsense\r\nX: y", MP3, None, "audio/mpeg"),
        (None, None, FILM, "leg-100.m4a", "audio/mp4"),
        (None, None, FILM, "film.mp4", "video/mp4"),
        (None, None, FILM, "film.txt", "video/mp4"),
        (None, None, b"unknown \x01 noise", "a.mp3", UNKNOWN),
        (None, None, b"", None, UNKNOWN),
    ],
)
def test_the_type_is_the_truth(
    record: str | None, server: str | None, head: bytes, name: str | None, kind: str
) -> None:
    """The record's word before the server's, and the bytes' before both where they are sure."""
    assert content_type(record, server, head, name) == kind
