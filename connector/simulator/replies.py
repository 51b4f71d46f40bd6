"""What goes back over the wire: a status, a body, headers; and the bodies of Front's errors.

Decides nothing. An error never repeats a value that was sent: it names the place.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Header = tuple[bytes, bytes]

_JSON = b"application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `headers` come on top of `Date`, `Content-Type` and `Content-Length`."""

    status: int
    body: bytes = b""
    content_type: bytes | None = None
    headers: tuple[Header, ...] = ()


def as_json(status: int, content: Any) -> Reply:
    """An answer whose body is JSON; ASCII, since ids may hold halves of characters."""
    return Reply(status, json.dumps(content).encode("ascii"), _JSON)


def error(status: int, title: str, message: str, details: Sequence[str] = ()) -> Reply:
    """Front's form of an error. `details` is left out when there is nothing to say."""
    content: dict[str, Any] = {"status": status, "title": title, "message": message}
    if details:
        content["details"] = list(details)
    return as_json(status, {"_error": content})


def bad_request(details: Sequence[str]) -> Reply:
    """400 for a body that was read but does not do, with the place of each fault."""
    return error(400, "Bad request", "Body did not satisfy requirements", details)


NO_ROUTE = error(404, "Not found", "No such route.")
"""The path or method is wrong; the observed wording, on which a client may rely."""

UNAUTHENTICATED = error(401, "Unauthenticated", "JSON Web Token error")
"""Front says no more than this to the client; the raw log says why."""

FOREIGN = error(403, "Forbidden", "The channel belongs to another application.")


def not_found(what: str) -> Reply:
    """404 for a resource that a right path names but that is not there."""
    return error(404, "Not found", f"{what} not found.")
