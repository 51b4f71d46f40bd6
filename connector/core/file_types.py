"""A file's content type: what is said of it, unless its first bytes show that this is not so.

The record's word comes before the server's, both before the bytes' own. A sign-in page served in place of a recording is
text/html, though server and record say audio/mpeg: so that whoever wants a recording can refuse it.

Bytes are known by `filetype` (docs/attachments.md says why); what is text, and which of it is a page, by the rules of the
WHATWG's "MIME Sniffing", §7.1.
"""

import codecs
import re
from typing import Final

import filetype  # type: ignore[import-untyped]

from connector.core.file_names import type_of

HEAD_BYTES: Final = 8192
"""What is looked at: `filetype` finds the kind of an Office file within this."""

UNKNOWN: Final = "application/octet-stream"

_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")
"""RFC 6838 §4.2."""
_SAYS_NOTHING: Final = frozenset(
    {UNKNOWN, "binary/octet-stream", "application/binary", "application/unknown", "content/unknown"}
    | {"application/x-download", "application/force-download", "application/download", "unknown/unknown"}
    | {"application/ogg"}  # of old, for sound and films alike
)
"""What servers say of files that they know nothing of."""
_PAGE: Final = re.compile(
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|body|br|b|p)[\s>]|<!--",
    re.IGNORECASE,
)
_XHTML: Final = re.compile(rb"<!doctype html|<html[\s>]", re.IGNORECASE)
_TEXT_CONTROLS: Final = frozenset("\t\n\f\r\x1b")
_TEXT_FORMATS: Final = frozenset({"application/pdf", "application/rtf", "application/postscript"})
"""May begin with many lines of text."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def content_type(record: str | None, server: str | None, head: bytes, name: str | None) -> str:
    """The type, without parameters. `head`: the file's first bytes; `name`: tells whether a film has only sound."""
    found = sniffed(head)
    claim = _bare(record) or _specific(_bare(server), found)
    if claim is None or (found is not None and _contradicts(claim, found)):
        return _only_sound(found or UNKNOWN, name)
    return claim


def sniffed(head: bytes) -> str | None:
    """What the bytes themselves say; None if they say nothing."""
    page = _page(head)
    if page is not None:
        return page
    kind = filetype.guess(head) if head else None
    found = None if kind is None else str(kind.mime)
    # Some signatures are two letters: a text that begins with "BM" is no picture.
    if _is_text(head) and found not in _TEXT_FORMATS:
        return "text/plain"
    return found


def _bare(value: str | None) -> str | None:
    """Type and subtype in small letters; None for what is no type, or says nothing."""
    if value is None:
        return None
    bare = value.partition(";")[0].strip().lower()
    return bare if _TYPE.fullmatch(bare) and bare not in _SAYS_NOTHING else None


def _specific(server: str | None, found: str | None) -> str | None:
    """Many servers call text/plain whatever has no ending that they know."""
    return None if server == "text/plain" and found is not None and _family(found) != "text" else server


def _family(kind: str) -> str | None:
    """Types between which bytes tell surely. Sound and films share their containers, hence one family."""
    match kind.partition("/")[0], kind:
        case "audio" | "video", _:
            return "sound or film"
        case "image", _:
            return None if kind == "image/svg+xml" else "picture"
        case _, "application/pdf":
            return "pdf"
        case "text", _:
            return "text"
        case _:
            return None


def _contradicts(claim: str, found: str) -> bool:
    """Whether the bytes are surely something else. A type that we cannot judge, or text, is believed."""
    family = _family(claim)
    return family not in (None, "text") and _family(found) != family


def _only_sound(found: str, name: str | None) -> str:
    if not found.startswith("video/") or name is None:
        return found
    by_name = type_of(name)
    return by_name if by_name is not None and by_name.startswith("audio/") else found


def _page(head: bytes) -> str | None:
    """text/html, XML or an SVG picture; None for all else."""
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip(b"\t\n\f\r ")
    if _PAGE.match(begin):
        return "text/html"
    if begin[:5].lower() == b"<?xml":
        return "text/html" if _XHTML.search(begin[:1024]) else "application/xml"
    return "image/svg+xml" if begin[:4].lower() == b"<svg" else None


def _is_text(head: bytes) -> bool:
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    try:
        # Incremental: the last character may be cut in two.
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and not any(ord(letter) < 32 and letter not in _TEXT_CONTROLS for letter in text)
