"""What a file is called: by the record, else by its server, else by its URL, else by its type; always made harmless.

A harmless name is one segment, on one line, read in the direction in which it is written, and keeps its ending.
"""

import posixpath
import re
import unicodedata
from email.message import Message
from email.utils import collapse_rfc2231_value
from mimetypes import MimeTypes
from typing import Final
from urllib.parse import unquote, urlsplit

NAME_CHARACTERS_MAX: Final = 200

_ENDING_MAX: Final = 20
_READ_MAX: Final = 5 * NAME_CHARACTERS_MAX
_JOINERS: Final = "\u200c\u200d"
"""Persian words and many emoji need them; every other format character (marks of direction among them) only deceives."""
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
"""Devices of Windows, whatever their ending."""
_OTHERS: Final = str.maketrans({'"': "'", "<": "_", ">": "_", ":": "_", "|": "_", "?": "_", "*": "_"})
"""What quoting in a header, or Windows, gives a meaning."""
_TYPES: Final = MimeTypes()
for _ending, _type in {
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".amr": "audio/amr",
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".webp": "image/webp",
}.items():
    _TYPES.add_type(_type, _ending)  # which not every version of Python knows


def harmless(name: str) -> str | None:
    """The name as it may be shown and saved, at most 200 characters; None if nothing of it is left."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    if len(last) > _READ_MAX:  # NFC takes quadratic time for a long row of marks
        last = last[: _READ_MAX - _ENDING_MAX - 1] + last[-_ENDING_MAX - 1 :]
    kept = "".join(map(_character, unicodedata.normalize("NFC", last))).translate(_OTHERS)
    clean = " ".join(kept.split()).strip(" .")
    if not clean.strip("_"):
        return None
    if _RESERVED.fullmatch(clean):
        clean = f"_{clean}"
    return _cut(clean)


def _character(letter: str) -> str:
    match unicodedata.category(letter):
        case "Cc" | "Zl" | "Zp" | "Zs":
            return " "
        case "Cf":
            return letter if letter in _JOINERS else ""
        case "Cs" | "Co" | "Cn":
            return ""
        case _:
            return letter


def _cut(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if len(name) <= NAME_CHARACTERS_MAX:
        return name
    if not dot or len(ending) > _ENDING_MAX:
        return name[:NAME_CHARACTERS_MAX].rstrip(" .")
    return f"{stem[: NAME_CHARACTERS_MAX - 1 - len(ending)].rstrip(' .')}.{ending}"


def of_disposition(value: str | None) -> str | None:
    """The filename of a Content-Disposition header (RFC 6266), the `filename*` before the `filename`."""
    if value is None:
        return None
    message = Message()
    # Bytes that are no UTF-8 arrive as surrogates, which the parser does not take beside other letters.
    message["Content-Disposition"] = value.encode("utf-8", "replace").decode()
    try:
        given = message.get_params(failobj=[], header="Content-Disposition")
        names = [text for key, text in given if key.lower() == "filename"]
        # Its types say text only; an extended parameter is a triple of charset, language and text.
        extended = [text for text in names if isinstance(text, tuple)]
        return collapse_rfc2231_value((extended or names)[0]) if names else None
    except (
        ValueError,
        TypeError,
    ):  # a charset such as idna; `filename*` beside `filename*0`, which it cannot sort
        return None


def of_path(raw_path: str) -> str | None:
    """The last segment of a URL's path, which is percent-encoded."""
    return unquote(raw_path.rpartition("/")[2]) or None


def of_url(url: str) -> str | None:
    """What a URL calls its file, made harmless; None if it cannot be told. What a signature is made of is no part of it."""
    try:
        return harmless(of_path(urlsplit(url).path) or "")
    except ValueError:
        return None


def type_of(name: str) -> str | None:
    """The type that a name's ending stands for. The machine's own tables are not asked: answers would differ."""
    return _TYPES.types_map[True].get(
        posixpath.splitext(name)[1].lower()
    )  # guess_type reads a URL, and raises


def with_ending(name: str, content_type: str) -> str:
    """A name that has no ending gets that of its type, if there is one."""
    if re.search(rf"\.[A-Za-z0-9]{{1,{_ENDING_MAX}}}\Z", name):
        return name
    ending = _TYPES.guess_extension(content_type)
    return _cut(f"{name}{ending}") if ending else name


def choose(said: str | None, disposition: str | None, raw_path: str, content_type: str) -> str:
    """The file's name. `said`: by the record. What comes from a URL gets an ending if it has none."""
    named = (said and harmless(said)) or harmless(of_disposition(disposition) or "")
    if named:
        return named
    return with_ending(harmless(of_path(raw_path) or "") or "file", content_type)
