"""Accepted files as the inbox page gets them: GET /_sim/files/<sha256 in hexadecimal>?type=…&name=…&save.

A stranger sent the bytes and the page's own origin serves them: none gets a type that a browser could run,
whatever it was sent as. Answers one range of bytes (RFC 9110 §14), so that a recording can be wound.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, quote

from connector.simulator.replies import Header, Reply, error

PREFIX = b"/_sim/files/"

_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})
"""Those without code in them: not SVG."""
_AS_TEXT = frozenset({"application/json", "application/xml", "image/svg+xml"})
_PLAYED = re.compile(r"(?:audio|video)/[a-z0-9.+-]+")
_RANGE = re.compile(rb"bytes=(\d+)-(\d*)")
_SHA256 = re.compile(r"[0-9a-f]{64}")

_HARMLESS: tuple[Header, ...] = (
    (b"content-security-policy", b"default-src 'none'; media-src 'self'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"accept-ranges", b"bytes"),
)


def sha256_of(path: bytes) -> str | None:
    """The hash that a path of these names; None for any other text, a path of the file system above all."""
    name = path.removeprefix(PREFIX).decode("latin-1")
    return name if _SHA256.fullmatch(name) else None


def served(file: Path | None, query: str, wanted: bytes | None) -> Reply:
    """The file, or the part of it that the `Range` header `wanted` names; 404 if its bytes are not kept."""
    try:
        size = file.stat().st_size if file is not None else None
    except OSError:
        size = None
    if file is None or size is None:
        return error(404, "Not found", "The bytes of this file are not kept any more.")
    asked = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    headers = (*_HARMLESS, (b"content-disposition", _disposition(asked)))
    content_type = _served_as(asked.get("type", "")).encode("ascii")
    match = _RANGE.fullmatch(wanted) if wanted is not None else None
    if match is None:
        return Reply(200, _part(file, 0, size), content_type, headers)
    first, last = int(match[1]), min(int(match[2] or size), size - 1)
    if first > last:
        return Reply(416, headers=(*headers, (b"content-range", b"bytes */%d" % size)))
    place = (b"content-range", b"bytes %d-%d/%d" % (first, last, size))
    return Reply(206, _part(file, first, last + 1), content_type, (*headers, place))


def _part(file: Path, start: int, end: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(start)
        return stream.read(end - start)


def _served_as(content_type: str) -> str:
    """A type that shows, plays or prints, never one that runs."""
    plain = content_type.partition(";")[0].strip().lower()
    if plain in _PICTURES or _PLAYED.fullmatch(plain):
        return plain
    if plain.startswith("text/") or plain in _AS_TEXT:
        return "text/plain; charset=utf-8"
    return "application/octet-stream"


def _disposition(asked: Mapping[str, str]) -> bytes:
    """RFC 6266: the name as UTF-8; `save` asks for a download, as does a type that no browser shows."""
    how = "attachment" if "save" in asked else "inline"
    name = quote(asked.get("name", "file"), safe="", errors="replace")
    return f"{how}; filename*=UTF-8''{name}".encode("ascii")
