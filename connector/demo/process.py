"""A program that cannot outlive the one that started it.

What lives here: start, stop, kill, freeze and thaw of one process, with its output in a file. Nothing about
what runs in it.

Each process has a watchdog of its own: a shell that waits for the end of a pipe whose other end only we hold.
However this process ends (exit, kill -9, a crash), the system closes the pipe and the watchdog kills the
program, frozen or not. Linux's death signal was refused: it follows the thread that started the program, so a
pool's thread that ends would take a broker along.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

STOP_WITHIN_S = 15.0
LOG_TAIL_LINES = 40


class Guarded:
    """One running program. `stop` and `kill` may be called again after it has ended."""

    def __init__(self, command: Sequence[str], *, log: Path, directory: Path | None = None) -> None:
        """Start `command` in `directory`; what it prints is appended to `log`. Does not wait until it is ready."""
        self.log = log
        with log.open("ab") as out:
            # A session of its own: Ctrl-C is for us alone, who then end everything in order.
            self._process = subprocess.Popen(  # noqa: S603 - the caller's own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=directory,
                start_new_session=True,
            )
        self._watchdog = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", 'read -r _; kill -9 "$1"', "sh", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs; a frozen program does."""
        return self._process.poll() is None

    def freeze(self) -> None:
        """Stop its clock: it keeps its sockets and answers nothing, like a machine in a long pause."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen program go on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """Ask it to end (SIGTERM) and wait; killed if it has not ended `within_s` seconds later."""
        if self.alive:
            self.thaw()
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(within_s)
        self.kill()

    def kill(self) -> None:
        """End it at once (SIGKILL), as a lost machine would."""
        # First the watchdog, which must not see the pipe end and kill a stranger with the same number.
        self._watchdog.kill()
        self._watchdog.communicate()
        self._process.kill()
        self._process.wait()

    def wait(self, within_s: float) -> int:
        """Its exit status once it has ended by itself. Raises TimeoutExpired after `within_s` seconds."""
        return self._process.wait(within_s)

    def log_tail(self) -> str:
        """The last lines that it printed, for an error message."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])
