"""The content of a secret file -> the secret, or why it holds none. One rule for the check at start and for every later look.

Never here: reading the file. No reason holds any part of the content.
"""

from dataclasses import dataclass, field
from typing import Final

MAX_BYTES: Final = 64 * 1024
"""A Kubernetes Secret is at most 1 MiB in all; one value that signs or logs in is far smaller than this."""

ONE_LINE: Final = "it must hold the secret as one line of text"
"""What to do about a file that holds none: the end of a sentence."""


@dataclass(frozen=True, slots=True)
class SecretText:
    """A usable secret."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoSecret:
    """Why a file gives no secret, as the end of a sentence about it."""

    what: str


def secret_text(raw: bytes, *, many_lines: bool = False) -> SecretText | NoSecret:
    """The secret in `raw`, which loses one trailing newline. `many_lines`: a PEM text, which has several.

    Read one byte more than `MAX_BYTES` of a file: that is how one that is too large is known.
    """
    if len(raw) > MAX_BYTES:
        return NoSecret(f"is larger than {MAX_BYTES} bytes")
    try:
        value = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return NoSecret("is not UTF-8 text")
    if not value.strip():
        return NoSecret("is empty")
    if not many_lines and not value.isprintable():
        # It would stand in a header, or sign tokens that nobody accepts: usually the file has a second line.
        return NoSecret("holds a line break or another control character")
    return SecretText(value)
