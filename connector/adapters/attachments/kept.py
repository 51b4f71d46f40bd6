"""The content of a fetched file while it is kept, in memory or on disk, and the budgets of both. Never here: writing it."""

import os
from collections.abc import AsyncIterator
from typing import Final, Protocol

from connector.adapters.attachments.disk import DiskFile

PIECE_BYTES: Final = 256 * 1024


class Content(Protocol):
    """Bytes that are kept until `close`."""

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """From the beginning, in pieces of at most `PIECE_BYTES`."""

    def close(self) -> None:
        """Give the room back; idempotent."""


class Budget:
    """So many bytes, for all files together. For one event loop."""

    def __init__(self, total: int) -> None:
        self._left = total

    def take(self, count: int) -> bool:
        """Whether there were so many; then they are taken."""
        fits = count <= self._left
        if fits:
            self._left -= count
        return fits

    def give(self, count: int) -> None:
        """Back again."""
        self._left += count


class MemoryContent:
    """A small file."""

    def __init__(self, content: bytes, sha256: str, budget: Budget) -> None:
        self._content = content
        self._budget = budget
        self.size = len(content)
        self.sha256 = sha256
        self._closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """Pieces of what is in memory."""
        assert not self._closed, "closed"
        content = self._content
        for start in range(0, len(content), PIECE_BYTES):
            yield content[start : start + PIECE_BYTES]

    def close(self) -> None:
        """Give the memory back."""
        if not self._closed:
            self._closed = True
            self._content = b""
            self._budget.give(self.size)


class DiskContent:
    """A large file."""

    def __init__(self, file: DiskFile, size: int, sha256: str, budget: Budget) -> None:
        self._file = file
        self._budget = budget
        self.size = size
        self.sha256 = sha256
        self._closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """Pieces read where they lie: each reader has a place of its own. Raises OSError if the disk fails."""
        for start in range(0, self.size, PIECE_BYTES):
            yield await self._file.run(lambda file, at=start: os.pread(file.fileno(), PIECE_BYTES, at))  # type: ignore[misc]

    def close(self) -> None:
        """Give the place on the disk back."""
        if not self._closed:
            self._closed = True
            self._file.close()
            self._budget.give(self.size)
