"""What the world answered to one request. Closed: a carrier returns one of these and raises nothing.

`NotSent` and `Unknown` are told apart because only the second can have created something at Front:
repeating it may make a duplicate, and is counted as one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

NetworkError: TypeAlias = Literal["timeout", "connect", "tls", "protocol"]
"""The label under which a failure without an answer is counted."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Front, or something before it, answered. Header names are lower case; `body` is cut at 64 KiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certain: nothing of the request's body left this machine (no connection, TLS refused)."""

    error: NetworkError
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have been carried out: time-out or reset after the connection was used."""

    error: NetworkError
    detail: str = ""


Answer: TypeAlias = Answered | NotSent | Unknown
