"""Multipart bodies, taken apart: texts and files in the order sent, their bracketed names split into keys.

Knows nothing of operations. What a file holds goes through a spool to disk as it arrives: memory stays small whatever
the size.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import IO

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\]){0,4})")
"""A base and at most four keys in brackets; the deepest name of the contract, `to[0][handle]`, has two."""

_SPOOL_BYTES = 1 << 20
"""A file that is larger waits on disk, and is hashed by a thread."""


class FormError(Exception):
    """The body is not multipart as it claims; the text says why, without repeating it."""


@dataclass(frozen=True, slots=True)
class Text:
    """A part without a filename. `keys`: the base of its name and the keys behind, e.g. ("to", ("0", "handle"))."""

    keys: tuple[str, tuple[str, ...]]
    value: str


@dataclass(frozen=True, slots=True)
class File:
    """A part with a filename, which may be empty. `part` is the name as sent, `size` in bytes."""

    keys: tuple[str, tuple[str, ...]]
    part: str
    name: str
    content_type: str
    size: int
    sha256: bytes


class Spooled:
    """What the files of one form hold, until `close`: in memory or on disk, by hash."""

    def __init__(self, form: FormData | None = None) -> None:
        self._form = form
        self.of: dict[bytes, IO[bytes]] = {}

    def close(self) -> None:
        """Forget it. Idempotent."""
        for _, value in self._form.multi_items() if self._form is not None else ():
            if isinstance(value, UploadFile):
                value.file.close()
        self.of.clear()


async def read_form(
    content_type: str, stream: AsyncGenerator[bytes, None], text_max: int
) -> tuple[tuple[Text | File, ...], Spooled]:
    """Every part of a `multipart/form-data` body, no text longer than `text_max`; close what is spooled.

    Raises FormError. What the stream raises goes through.
    """
    parser = MultiPartParser(Headers({"content-type": content_type}), stream, max_part_size=text_max)
    parser.spool_max_size = _SPOOL_BYTES
    try:
        form = await parser.parse()
    except MultiPartException as exc:
        raise FormError("Body is not valid multipart/form-data.") from exc
    spooled = Spooled(form)
    parts: list[Text | File] = []
    for name, value in form.multi_items():
        keys = _keys(name)
        if isinstance(value, str):
            parts.append(Text(keys, value))
            continue
        size = value.size or 0
        digest = _hash(value.file) if size <= _SPOOL_BYTES else await asyncio.to_thread(_hash, value.file)
        media_type = value.content_type or "application/octet-stream"
        parts.append(File(keys, name, value.filename or "", media_type, size, digest))
        spooled.of[digest] = value.file
    return tuple(parts), spooled


def _hash(file: IO[bytes]) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]  # a spool has all that it reads


def _keys(name: str) -> tuple[str, tuple[str, ...]]:
    """Split `to[0][handle]`; a name of another form stands for itself, and no field has it."""
    match = _NAME.fullmatch(name)
    if match is None:
        return name, ()
    base, brackets = match.groups()
    return base, tuple(brackets[1:-1].split("][")) if brackets else ()
