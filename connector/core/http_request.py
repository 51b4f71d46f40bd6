"""A request as bytes, apart from whoever carries it; every attempt at a record sends these same bytes."""

from dataclasses import dataclass

from connector.core.http_encoding import Pieces


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` starts with a slash, is percent-encoded, and is joined to the app's base URL as it stands."""

    operation: str
    method: str
    path: str
    content: bytes = b""
    content_type: str | None = None
    upload: Pieces | None = None
    """In place of `content`, if some of it lies in stored files."""
