"""The bytes of accepted files, on disk under their hash: for the page to show and play, and to forget in the end.

Knows nothing of messages or calls. The oldest go first when there are too many bytes; a file that is gone is only
missing on the page, since what was accepted is known by its hash and size.
"""

import asyncio
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

MAX_BYTES = 1_000_000_000
_SMALL = 1 << 20
"""Up to here a copy is quicker than a thread's start."""
_HALF = ".half"


class Blobs:
    """A folder of files named by the SHA-256 of their bytes. Without a folder: a temporary one, gone with `close`."""

    def __init__(self, folder: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._given = folder
        self._folder: Path | None = None
        self._max_bytes = max_bytes
        self._sizes: dict[str, int] = {}
        self._kept_bytes = 0
        if folder is not None and folder.is_dir():
            self._take_over(folder)

    def _take_over(self, folder: Path) -> None:
        """Count what an earlier run left, the oldest first; drop what it had only half written."""
        for file in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime):
            if file.suffix == _HALF:
                file.unlink()
            else:
                self._count(file.name, file.stat().st_size)

    async def keep(self, source: IO[bytes], sha256: bytes, size: int) -> None:
        """Copy `source`, which has this hash and size, unless it is here already or larger than all may be together.

        A disk that is full costs only the file.
        """
        name = sha256.hex()
        if name in self._sizes or size > self._max_bytes:
            return
        home = self._home()
        try:
            if size <= _SMALL:
                _copy(source, home, name)
            else:
                await asyncio.to_thread(_copy, source, home, name)
        except OSError:
            return
        if name not in self._sizes:
            self._count(name, size)

    def path(self, sha256: str) -> Path | None:
        """Where the bytes of this hash (hexadecimal) are; None when they are not, or not any more."""
        return self._home() / sha256 if sha256 in self._sizes else None

    def clear(self) -> None:
        """Forget all."""
        for name in self._sizes:
            with suppress(OSError):
                (self._home() / name).unlink()
        self._sizes.clear()
        self._kept_bytes = 0

    def close(self) -> None:
        """Remove a temporary folder; one that was given stays."""
        if self._given is None and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
            self._sizes.clear()
            self._kept_bytes = 0

    def _home(self) -> Path:
        if self._folder is None:
            self._folder = self._given or Path(tempfile.mkdtemp(prefix="front-simulator-"))
            self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def _count(self, name: str, size: int) -> None:
        self._sizes[name] = size
        self._kept_bytes += size
        while self._kept_bytes > self._max_bytes:
            oldest = next(iter(self._sizes))
            self._kept_bytes -= self._sizes.pop(oldest)
            with suppress(OSError):
                (self._home() / oldest).unlink()


def _copy(source: IO[bytes], home: Path, name: str) -> None:
    """Under its name only when it is whole; two copies of one file may be under way at once."""
    source.seek(0)
    with tempfile.NamedTemporaryFile(dir=home, suffix=_HALF, delete=False) as half:
        try:
            shutil.copyfileobj(source, half, 1 << 18)
        except BaseException:
            Path(half.name).unlink()
            raise
    Path(half.name).rename(home / name)
