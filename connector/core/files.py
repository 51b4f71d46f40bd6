"""Files to upload with a request: their bytes came with the record, or lie behind a URL, or were fetched from one.

Never here: fetching (`adapters/attachments`), or how a form is written (`http_encoding`).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from connector.core.answers import NetworkError


@dataclass(frozen=True, slots=True)
class File:
    """`name` is bare (no path parts), `content_type` a MIME type such as "audio/mpeg"."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is to be fetched first. What is None is told by whoever serves it, or by the file's first bytes.

    `url` is content: it may hold a signature that opens the file, and never reaches a log line or an error's text.
    """

    url: str = field(repr=False)
    name: str | None = None
    content_type: str | None = None


class StoredFile(Protocol):
    """A fetched file, kept until every attempt at its request is over: in memory if it is small, else on disk."""

    @property
    def name(self) -> str:
        """Bare: no path parts, control characters or marks of direction; at most 200 characters."""

    @property
    def content_type(self) -> str: ...

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def sha256(self) -> str:
        """Of the content, in hexadecimal digits."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The content from its beginning, in pieces of at most 256 KiB; each call reads it anew, also side by side."""

    def close(self) -> None:
        """Give its memory or its place on the disk back; idempotent."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The whole file is here."""

    file: StoredFile


@dataclass(frozen=True, slots=True)
class Gone:
    """It will never come: 404, 410, or a link that has expired. `why` names the host at most, never the URL."""

    why: str


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """We will not fetch it: the guard refuses the URL, its address, or where it redirects to. `why` as in `Gone`."""

    why: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """It is larger than a request may be, by what its server says or by what came until it was cut off."""

    at_least: int


@dataclass(frozen=True, slots=True)
class HostFailed:
    """The host is at fault, or down: no connection, time-out, TLS, 5xx, 408, 425, 429, a body cut short, 401 or 403.

    Whether the file or the whole host is meant cannot be told from one answer: the evidence rule decides.
    `error`: an HTTP status, or how the network failed. `retry_after_s`: what a 429 or 503 asked for.
    """

    error: str | NetworkError
    why: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class NoRoom:
    """This machine is at fault: the disk is full, or too much is kept already. It waits, whatever the host says."""

    why: str


FetchAnswer: TypeAlias = Fetched | Gone | NotAllowed | TooLarge | HostFailed | NoRoom
FilePart: TypeAlias = Literal["attachments[]", "attachments", "attachments[0]"]
"""How the parts of a message's files are called: Front's docs say all three; the last one counts up."""
OnUnavailable: TypeAlias = Literal["dead_letter", "send_without", "wait"]
"""What a rule wants when a file is `Gone`. `send_without`: the body says which file is missing."""
