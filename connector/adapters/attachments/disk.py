"""A file on disk: work on it is done in threads, and it is closed when that work is over. Never here: what the work is."""

import asyncio
import io
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class DiskFile:
    """A file for one event loop, made by the first work on it.

    A close waits for the work under way: the number of a descriptor that is closed too early may already be another file's.
    """

    def __init__(self, threads: ThreadPoolExecutor, make: Callable[[], io.FileIO]) -> None:
        self._threads = threads
        self._make = make
        self._file: io.FileIO | None = None
        self._lock = threading.Lock()  # of the two below; held for no work
        self._working = 0
        self._closed = False

    async def run(self, work: Callable[[io.FileIO], T]) -> T:
        """The result of work on the file. Cancelled, the work may still go on; then the file stays open until it ends."""
        with self._lock:
            assert not self._closed, "closed"
            self._working += 1
        future = self._threads.submit(self._work, work)
        future.add_done_callback(self._ended)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Now, or when the work under way has ended; in a thread, as the disk takes its time. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            idle = self._working == 0
        if idle:
            self._end()

    def _work(self, work: Callable[[io.FileIO], T]) -> T:
        if self._file is None:
            self._file = self._make()
        return work(self._file)

    def _ended(self, _: "Future[T]") -> None:
        with self._lock:
            self._working -= 1
            last = self._closed and self._working == 0
        if last:
            self._end()

    def _end(self) -> None:
        if self._file is None:
            return
        try:
            self._threads.submit(self._file.close)
        except RuntimeError:  # the threads have ended already
            self._file.close()
