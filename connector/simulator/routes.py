"""The eleven operations and the look-up: which method and path means which, and what success answers.

Written by hand from Front's pages rather than from the contract, so that a test can hold the two against
each other. Says nothing about bodies (`bodies.py`) or about who may call (`tokens.py`).
"""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote_to_bytes


class Kind(Enum):
    """Which bodies an operation takes. Messages declare JSON; with files they are multipart (Attachments)."""

    JSON = "json"
    JSON_OR_FORM = "json or form"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `template` names its ids in braces; `success` is the status that Front documents."""

    operation: str
    method: str
    template: str
    success: int
    kind: Kind = Kind.JSON
    takes_alias: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """A route and the ids of its path, decoded, in the order of the template: the channel comes first."""

    route: Route
    ids: tuple[str, ...]


_TEMPLATES = "/channels/{channel_id}/application_message_templates"
_CALLS = "/channels/{channel_id}/calls"
_CALL = f"{_CALLS}/{{external_call_id}}"
_STATUS = "/channels/{channel_id}/conversations/{conv_ext_id}/messages/{message_ext_id}/status"

# The voice guide offers no alias on the call routes: they want the channel's real id.
ROUTES: tuple[Route, ...] = (
    Route("update-channel", "PATCH", "/channels/{channel_id}", 204),
    Route("sync-application-message-template", "PUT", _TEMPLATES, 200),
    Route("update-application-message-template", "PATCH", f"{_TEMPLATES}/{{external_id}}", 200),
    Route("create-call", "POST", _CALLS, 202, takes_alias=False),
    Route("update-call", "PATCH", _CALL, 202, takes_alias=False),
    Route("add-call-recording", "POST", f"{_CALL}/recording", 202, Kind.FORM, takes_alias=False),
    Route("add-call-summary", "POST", f"{_CALL}/summary", 202, takes_alias=False),
    Route("add-call-transcript", "POST", f"{_CALL}/transcript", 202, takes_alias=False),
    Route("update-external-message-status", "PUT", _STATUS, 204),
    Route("sync-inbound-message", "POST", "/channels/{channel_id}/inbound_messages", 202, Kind.JSON_OR_FORM),
    Route(
        "sync-outbound-message", "POST", "/channels/{channel_id}/outbound_messages", 202, Kind.JSON_OR_FORM
    ),
)
OPERATIONS: tuple[str, ...] = tuple(route.operation for route in ROUTES)

LOOK_UP = Route("get-message", "GET", "/messages/{message_id}", 200)
"""Of the Core API: whether a message, named `alt:uid:<message_uid>`, is processed."""

NAMES: tuple[str, ...] = (*OPERATIONS, LOOK_UP.operation)
"""What the raw log and the fault rules call a request."""

_Pattern = tuple[bytes | None, ...]
"""The segments of a template: a literal, or None where an id stands."""


def _pattern(template: str) -> _Pattern:
    return tuple(None if part.startswith("{") else part.encode() for part in template.split("/")[1:])


_BY_SHAPE: dict[tuple[str, int], list[tuple[_Pattern, Route]]] = {}
for _route in (*ROUTES, LOOK_UP):
    _of = _pattern(_route.template)
    _BY_SHAPE.setdefault((_route.method, len(_of)), []).append((_of, _route))


def find(method: str, raw_path: bytes) -> Found | None:
    """The operation that a request means; None is Front's "No such route.".

    `raw_path` is the path as sent: an id may hold an encoded slash (%2F), which must not split its segment.
    An empty id matches nothing.
    """
    segments = raw_path.split(b"/")[1:]
    for pattern, route in _BY_SHAPE.get((method, len(segments)), ()):
        if all(part if want is None else part == want for want, part in zip(pattern, segments, strict=True)):
            ids = (part for want, part in zip(pattern, segments, strict=True) if want is None)
            return Found(route, tuple(unquote_to_bytes(part).decode("utf-8", "replace") for part in ids))
    return None
