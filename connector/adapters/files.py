"""Files that change while the process runs: secrets, and the channels table. Never logs a value, never writes a file.

The kubelet swaps a mounted Secret or ConfigMap by a symbolic link, so a watch on the file itself goes blind; and content
may change while size and times do not: it is read again. A secret is a few bytes, and is read at most once a second, on
use; a table in a thread, every fifteen seconds, and it counts once it has stayed the same for five.
"""

import asyncio
import hashlib
from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pydantic import SecretStr

from connector.core.secret_text import MAX_BYTES, ONE_LINE, NoSecret, SecretText, secret_text

CHECK_EVERY_S: Final = 1.0
LOOK_EVERY_S: Final = 15.0
"""Between two looks at files that are watched: the table, mapping files, certificates, and what Kafka's clients log in with."""
STAYS_S: Final = 5.0
"""How long a new content of theirs must stay as it is before it counts."""


def content_digest(path: Path) -> bytes:
    """By which two looks at a file are compared; of one that cannot be read it is empty. Waits for the file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


class SecretFileObserver(Protocol):
    """Hears what happens to a secret file: each change once, not each look."""

    def secret_reloaded(self, path: str) -> None:
        """The file holds another value, used from now on; or it has become usable again."""

    def secret_kept(self, path: str, why: str) -> None:
        """The file became unusable; the last good value stays in use. `why` holds no part of the value."""


class SecretFileError(ValueError):
    """A secret file has no usable value at start. The text names the file and says what to do."""


class FixedSecret:
    """A secret that came with the settings and does not change."""

    def __init__(self, value: str) -> None:
        self._value = value

    def value(self) -> str:
        """The secret."""
        return self._value

    def refresh(self) -> None:
        """Nothing to read again."""

    def __repr__(self) -> str:
        return "FixedSecret('**********')"


class SecretFile:
    """The secret in a file, looked at again when it is used and a second has passed since the last look.

    Loses one trailing newline. If the file later becomes unreadable, empty or malformed, the last good
    value is kept and the observer told. `monotonic` gives seconds. Raises `SecretFileError` if there is no
    value at first. A look blocks for one small read: mounted Secrets lie in memory.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float], observer: SecretFileObserver) -> None:
        self._path = path
        self._monotonic = monotonic
        self._observer = observer
        self._problem: NoSecret | None = None
        first = _read(path)
        if isinstance(first, NoSecret):
            raise SecretFileError(f"secret file {path} {first.what}: {ONE_LINE}")
        self._value = first.value
        self._looked_at = monotonic()

    def value(self) -> str:
        """The secret as of at most a second ago."""
        if self._monotonic() - self._looked_at >= CHECK_EVERY_S:
            self.refresh()
        return self._value

    def refresh(self) -> None:
        """Look now, whenever the last look was: somebody refused the value."""
        self._looked_at = self._monotonic()
        found = _read(self._path)
        if isinstance(found, NoSecret):
            if found != self._problem:
                self._problem = found
                self._observer.secret_kept(str(self._path), found.what)
        elif found.value != self._value or self._problem is not None:
            self._value, self._problem = found.value, None
            self._observer.secret_reloaded(str(self._path))

    def __repr__(self) -> str:
        return f"SecretFile({str(self._path)!r})"


def secret_of(
    value: SecretStr | None, file: Path | None, monotonic: Callable[[], float], observer: SecretFileObserver
) -> FixedSecret | SecretFile:
    """The secret that settings give by value or by file. Raises as `SecretFile`."""
    if file is not None:
        return SecretFile(file, monotonic, observer)
    assert value is not None, "the settings give a secret or a file"
    return FixedSecret(value.get_secret_value())


def _read(path: Path) -> SecretText | NoSecret:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return NoSecret(f"cannot be read ({error.strerror or type(error).__name__})")
    return secret_text(raw)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be read, and the system's words for it."""

    why: str


class FileWatch:
    """Tells of each new content of a file. Content is compared, by path: a ConfigMap is swapped by a symbolic link."""

    def __init__(self, path: Path, digest: str | None, most: int) -> None:
        """`digest`: SHA-256 (hex) of the content that is known already; `most`: bytes to read, and one more."""
        self._path = path
        self._seen: str | Unreadable | None = digest
        self._most = most
        self._asked = asyncio.Event()
        self._asked_for = False

    @property
    def asked_for(self) -> bool:
        """Whether somebody asked for the look that found the newest content, or for another since."""
        return self._asked_for or self._asked.is_set()

    def look_now(self, *, anew: bool = False) -> None:
        """Do not wait for the next look. `anew`: tell of what it finds even if that was told before."""
        if anew:
            self._seen = None
        self._asked.set()

    async def changed(self) -> bytes | Unreadable:
        """Wait for another content, or for the file to become unreadable. Blocks no loop: it is read in a thread."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), LOOK_EVERY_S)
            asked = self._asked.is_set()
            self._asked.clear()
            _, digest = await asyncio.to_thread(self._look)
            while digest != self._seen:
                # A file that is being written may look whole, and its writer may pause: only what stays counts.
                await asyncio.sleep(STAYS_S)
                again, digest_again = await asyncio.to_thread(self._look)
                if digest_again == digest:
                    self._seen = digest
                    self._asked_for = asked
                    return again
                digest = digest_again

    def _look(self) -> tuple[bytes | Unreadable, str | Unreadable]:
        try:
            with self._path.open("rb") as file:
                # The digest of the start is of the text, and the mark is no part of it.
                content = file.read(self._most + 1).removeprefix(BOM_UTF8)
        except OSError as error:
            unreadable = Unreadable(error.strerror or type(error).__name__)
            return unreadable, unreadable
        return content, hashlib.sha256(content).hexdigest()
