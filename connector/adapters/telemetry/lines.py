"""Lines -> stdout, without ever waiting for whoever reads it: a log that stands still must not stop records.

A pipe whose reader is slow, a terminal that was stopped: what cannot be written now is kept up to a bound and written
later; what goes beyond is lost. So is what a full disk or a closed pipe refuses. Lost lines are counted, and the service
tells how many (`log.lost`). Never here: what a line says.
"""

import os
import select
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Final, TextIO

KEPT_BYTES: Final = 1024 * 1024
"""Some thousand lines: what a reader that pauses for seconds leaves behind on a busy process."""
_AT_ONCE: Final = 4096
"""What a pipe that is writable takes without blocking. Source: pipe(7), "PIPE_BUF"."""


class Lines:
    """One stream. From any thread."""

    def __init__(self, stream: TextIO | None) -> None:
        """`stream`: None if the process has none, as when it was started with stdout closed."""
        self._stream = stream
        self._descriptor = _descriptor(stream)
        self._poll = select.poll()
        if self._descriptor is not None:
            self._poll.register(self._descriptor, select.POLLOUT)
        self._lock = threading.RLock()
        """A finalizer that fails is told from wherever it runs, even from in here."""
        self._writing = False
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._begun = False
        """Of the first that waits, a part is written."""
        self._cut = False
        """The last that was written is no whole line."""
        self._lost = 0

    def write(self, line: str) -> None:
        """Write it now, later, or never. Raises nothing."""
        with self._lock:
            if self._descriptor is None:
                self._print(line)
                return
            data = line.encode("utf-8", "backslashreplace") + b"\n"
            if self._waiting and self._waiting_bytes + len(data) > KEPT_BYTES:
                self._lost += 1
            else:
                self._waiting.append(data)
                self._waiting_bytes += len(data)
            self._go_on(0.0)

    def drain(self, within_s: float = 0.0) -> None:
        """Write what waits, as far as it is taken within these seconds."""
        with self._lock:
            self._go_on(within_s)

    def take_lost(self) -> int:
        """How many lines were lost since the last call."""
        with self._lock:
            lost, self._lost = self._lost, 0
            return lost

    def _go_on(self, within_s: float) -> None:
        if self._writing:  # who does so now takes the new line along
            return
        self._writing = True
        try:
            self._write_waiting(time.monotonic() + within_s)
        finally:
            self._writing = False

    def _write_waiting(self, until: float) -> None:
        while self._waiting:
            if self._stream is None or self._stream.closed:
                self._give_up()
                return
            if not self._poll.poll(max(0.0, until - time.monotonic()) * 1000):
                return
            assert self._descriptor is not None
            first = self._waiting[0]
            # What follows a line that was cut begins on one of its own.
            head = b"\n" + first[: _AT_ONCE - 1] if self._cut else first[:_AT_ONCE]
            try:
                written = os.write(self._descriptor, head)
            except BlockingIOError:  # somebody made it non-blocking, and it is full
                return
            except OSError:
                self._give_up()
                return
            written -= self._cut
            self._cut = False
            self._waiting_bytes -= written
            self._begun = written < len(first)
            if self._begun:
                self._waiting[0] = first[written:]
            else:
                self._waiting.popleft()

    def _give_up(self) -> None:
        """Nothing can be written, and what waits would only be older when it can."""
        self._lost += len(self._waiting)
        self._cut, self._begun = self._cut or self._begun, False
        self._waiting.clear()
        self._waiting_bytes = 0

    def _print(self, line: str) -> None:
        """To something that is no file of the system's, as in tests."""
        try:
            if self._stream is None:
                raise OSError
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            self._lost += 1


def _descriptor(stream: TextIO | None) -> int | None:
    if stream is None:
        return None
    with suppress(OSError, ValueError):  # a stream in memory has none
        stream.flush()
        return stream.fileno()
    return None
