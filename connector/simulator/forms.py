"""Multipart bodies, taken apart: texts and files in the order sent, their bracketed names split into keys.

Knows nothing of operations. A file's bytes are measured and hashed, then forgotten: memory stays small.
"""

import hashlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\]){0,4})")
"""A base and at most four keys in brackets; the deepest name of the contract, `to[0][handle]`, has two."""


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


async def read_form(content_type: str, content: bytes) -> tuple[Text | File, ...]:
    """Every part of a `multipart/form-data` body. Raises FormError."""

    async def whole() -> AsyncGenerator[bytes, None]:
        yield content

    size = len(content) + 1
    parser = MultiPartParser(Headers({"content-type": content_type}), whole(), max_part_size=size)
    # Keep files in memory: what spills to disk is written by a thread pool, and none of it is kept anyway.
    parser.spool_max_size = size
    try:
        form = await parser.parse()
    except MultiPartException as exc:
        raise FormError("Body is not valid multipart/form-data.") from exc
    parts: list[Text | File] = []
    try:
        for name, value in form.multi_items():
            keys = _keys(name)
            if isinstance(value, str):
                parts.append(Text(keys, value))
                continue
            data = value.file.read()
            media_type = value.content_type or "application/octet-stream"
            digest = hashlib.sha256(data).digest()
            parts.append(File(keys, name, value.filename or "", media_type, len(data), digest))
    finally:
        await form.close()
    return tuple(parts)


def _keys(name: str) -> tuple[str, tuple[str, ...]]:
    """Split `to[0][handle]`; a name of another form stands for itself, and no field has it."""
    match = _NAME.fullmatch(name)
    if match is None:
        return name, ()
    base, brackets = match.groups()
    return base, tuple(brackets[1:-1].split("][")) if brackets else ()
