"""A file to upload with a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """`name` is bare (no path parts), `content_type` a MIME type such as "audio/mpeg"."""

    name: str
    content_type: str
    content: bytes
