"""Files that were fetched: small ones in memory, larger ones on disk without a name, so that a crash leaves nothing.

A file without a name (O_TMPFILE, or unlinked as soon as it is made) is gone with the last process that holds it, however
that ends. Budgets bound what all files take together; what does not fit is `NoRoom`, and so is a disk that refuses.

Reading and writing happen in threads of our own: asyncio's are also those that resolve names, and those may hang.
"""

import asyncio
import hashlib
import io
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from connector.adapters.attachments.disk import DiskFile
from connector.adapters.attachments.kept import PIECE_BYTES, Budget, Content, DiskContent, MemoryContent
from connector.adapters.attachments.options import SpoolOptions
from connector.core.files import NoRoom
from connector.ports import StartupRefused

CLOSE_S: Final = 5.0
_THREADS: Final = 4
_SYSTEMS: Final = "the system's own"


class Spool:
    """Where files are written. `start` and `close` once each."""

    def __init__(self, options: SpoolOptions) -> None:
        self._options = options
        self._memory = Budget(options.memory_total_bytes)
        self._disk = Budget(options.disk_total_bytes)
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Try the folder. Raises StartupRefused if no file can be made there."""
        assert self._threads is None, "started twice"
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="attachments")
        try:
            tried = await asyncio.get_running_loop().run_in_executor(self._threads, self._nameless)
        except OSError as error:
            await self.close()
            raise StartupRefused(
                78,
                f"attachments.spool.folder: no file can be made in {self._options.folder or _SYSTEMS} "
                f"({error.strerror}): give a folder that this process may write to",
            ) from error
        tried.close()

    def writer(self, expected: int | None) -> "Writer":
        """For one file; a context manager. `expected`: its size in bytes, if somebody said it."""
        assert self._threads is not None, "not started"
        return Writer(self, expected or 0)

    async def close(self) -> None:
        """End the threads, after what they are doing, `CLOSE_S` at most; idempotent."""
        if self._threads is None:
            return
        # Waited for in a thread of its own: the loop's threads may all hang in looking up a name.
        loop, threads, ended = asyncio.get_running_loop(), self._threads, asyncio.Event()

        def wait() -> None:
            threads.shutdown()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait, name="attachments-end", daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), CLOSE_S)

    @property
    def keeps_in_memory(self) -> int:
        """The size up to which a file may stay there."""
        return self._options.memory_bytes

    @property
    def memory(self) -> Budget:
        """Of all files in memory."""
        return self._memory

    @property
    def disk(self) -> Budget:
        """Of all files on disk."""
        return self._disk

    async def on_disk(self) -> "DiskFile":
        """A new file. Raises OSError."""
        assert self._threads is not None, "not started"
        file = DiskFile(self._threads, self._nameless)
        try:
            await file.run(lambda _: None)
        except BaseException:
            file.close()
            raise
        return file

    def _nameless(self) -> io.FileIO:
        # Without a buffer: the pieces are large, and readers ask for places of their own.
        made = tempfile.TemporaryFile(dir=self._options.folder, buffering=0)  # noqa: SIM115 - kept
        assert isinstance(made, io.FileIO), "so it is on POSIX"
        return made


class Writer:
    """Takes a file piece by piece. What `keep` did not take away is gone at the end of the block."""

    def __init__(self, spool: Spool, expected: int) -> None:
        self._spool = spool
        self._expected = expected
        self._pending = bytearray()
        self._in_memory = 0
        self._reserved = 0
        self._disk: DiskFile | None = None
        self._digest = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._forget_memory()
        if self._disk is not None:
            self._disk.close()
        self._spool.disk.give(self._reserved)
        self._reserved = 0

    async def reserve(self) -> NoRoom | None:
        """Before anything is read: whether there is room for what was said to come."""
        return await self._to_disk() if self._expected > self._spool.keeps_in_memory else None

    async def write(self, piece: bytes) -> NoRoom | None:
        """Take a piece, or say that there is no room for it; then nothing more is to be written."""
        self.size += len(piece)
        if self._disk is None:
            fits = self.size <= self._spool.keeps_in_memory and self._spool.memory.take(len(piece))
            if fits:
                self._in_memory += len(piece)
            elif (no_room := await self._to_disk()) is not None:
                return no_room
        self._pending += piece
        if self._disk is not None and len(self._pending) >= PIECE_BYTES:
            return await self._flush()
        return None

    async def keep(self) -> "Content | NoRoom":
        """The whole file, which now belongs to the caller."""
        if self._disk is None:
            content = bytes(self._pending)
            kept = MemoryContent(content, hashlib.sha256(content).hexdigest(), self._spool.memory)
            self._in_memory = 0
            return kept
        if (no_room := await self._flush()) is not None:
            return no_room
        self._spool.disk.give(self._reserved - self.size)
        on_disk = DiskContent(self._disk, self.size, self._digest.hexdigest(), self._spool.disk)
        self._disk, self._reserved = None, 0
        return on_disk

    async def _to_disk(self) -> NoRoom | None:
        if (no_room := self._reserve(max(self._expected, self.size))) is not None:
            return no_room
        try:
            self._disk = await self._spool.on_disk()
        except OSError as error:
            return _refused(error)
        self._forget_memory()
        return None

    def _reserve(self, total: int) -> NoRoom | None:
        more = total - self._reserved
        if more > 0 and not self._spool.disk.take(more):
            return NoRoom("attachments.spool.disk_total_bytes: fetched files take all of it")
        self._reserved = max(self._reserved, total)
        return None

    async def _flush(self) -> NoRoom | None:
        assert self._disk is not None, "only what goes to disk is flushed"
        if (no_room := self._reserve(self.size)) is not None:
            return no_room
        pending, self._pending = self._pending, bytearray()
        try:
            await self._disk.run(lambda file: _append(file, self._digest, pending))
        except OSError as error:
            return _refused(error)
        return None

    def _forget_memory(self) -> None:
        self._spool.memory.give(self._in_memory)
        self._in_memory = 0


def _append(file: io.FileIO, digest: "hashlib._Hash", pending: bytearray) -> None:
    digest.update(pending)
    with memoryview(pending) as rest:
        written = 0
        while written < len(rest):
            written += file.write(rest[written:])


def _refused(error: OSError) -> NoRoom:
    return NoRoom(f"attachments.spool.folder: {error.strerror or type(error).__name__}")
