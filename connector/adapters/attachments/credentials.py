"""Who we are to a host: one header of a request, made anew for each, so that a secret file may rotate while it runs.

Never here: which host gets it (`fetcher.py`). No `repr` shows a secret.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias


class Secret(Protocol):
    """Where a secret comes from: fixed, or a watched file."""

    def value(self) -> str:
        """The secret as it is now."""

    def refresh(self) -> None:
        """It was refused: look again at once for a newer one."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """RFC 6750 §2.1."""

    secret: Secret = field(repr=False)

    def header(self) -> tuple[str, str]:
        """Name and value."""
        return "Authorization", f"Bearer {self.secret.value()}"


@dataclass(frozen=True, slots=True)
class Basic:
    """RFC 7617, in UTF-8."""

    user: str
    secret: Secret = field(repr=False)

    def header(self) -> tuple[str, str]:
        """Name and value."""
        pair = f"{self.user}:{self.secret.value()}".encode()
        return "Authorization", f"Basic {b64encode(pair).decode()}"


@dataclass(frozen=True, slots=True)
class Header:
    """A header of the host's own, such as X-Api-Key."""

    name: str
    secret: Secret = field(repr=False)

    def header(self) -> tuple[str, str]:
        """Name and value."""
        return self.name, self.secret.value()


Credentials: TypeAlias = Bearer | Basic | Header
