"""All tests, as `make test` runs them: parts that wait for different things, in processes of their own at the same time.

What lives here: the parts, what is shown while they run and after, and the verdict. No test is chosen here but by its
folder, and the last part is whatever the others leave; `python -m pytest` runs all of them one after another.

Tests on a real Kafka wait, most of their time, for sessions and leases to end; the simulation only computes. So they take
turns on the same cores, and who computes stands back (`nice`) for who measures time: a broker that gets no processor
fails, a simulation that gets none is late. Two parts with brokers at once were refused for the same reason.
pytest-xdist was refused too: it deals out tests, and would start the clusters of a module in every worker.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import Guarded

TOLD_EVERY_S = 30.0
ENDS_WITHIN_S = 60.0
LOOKED_EVERY_S = 0.2
# pytest's exit codes: all passed, and none collected (a machine without Kafka leaves that whole part out, with a line).
PASSED, NONE_COLLECTED = 0, 5
PROGRESS = re.compile(r"^([.FEsxX]+)(\s*\[ *\d+%\])?\s*$")
COUNTED = re.compile(
    r"^(=+ )?(\d+ (passed|failed|error|skipped|deselected|xfailed)|no tests ran).* in [\d.]+s"
)


@dataclass(frozen=True, slots=True)
class Part:
    """Tests that run one after another. `nice` is how far they stand back for others: 0 not at all, 19 wholly."""

    name: str
    arguments: tuple[str, ...]
    nice: int


PARTS = (
    Part("kafka", ("tests/kafka",), 0),
    Part("all others", ("tests", "--ignore=tests/kafka", "--ignore=tests/simulation"), 5),
    Part("simulation", ("tests/simulation",), 19),
)


@dataclass(slots=True)
class Running:
    """A part under way, and its end."""

    part: Part
    process: Guarded
    began: float
    code: int | None = None
    took_s: float = 0.0

    def look(self, now: float) -> bool:
        """Whether it has ended since it was looked at last."""
        if self.code is not None or self.process.alive:
            return False
        self.code, self.took_s = self.process.wait(0), now - self.began
        return True

    def lines(self) -> list[str]:
        """What it has printed so far."""
        return self.process.log.read_text("utf-8", errors="replace").splitlines()

    def progress(self) -> str:
        """How many tests it has done."""
        done = "".join(match[1] for line in self.lines() if (match := PROGRESS.match(line)))
        failed = sum(map(done.count, "FE"))
        return f"{self.part.name} {len(done)}" + (f" ({failed} failed)" if failed else "")

    def counted(self) -> str | None:
        """pytest's last line: how many passed, failed and so on."""
        found = [line.strip("= ") for line in self.lines() if COUNTED.match(line)]
        return found[-1] if found else None

    def passed(self) -> bool:
        """It ended well, and by pytest's own count: a test that ends the process with 0 has proven nothing."""
        return self.code == PASSED and " passed" in (self.counted() or "")

    def told(self) -> str:
        """One line on its end."""
        return f"{self.part.name}: {self.counted() or f'ended with {self.code} before it had run its tests'}"


def main(parts: Sequence[Part] = PARTS, python: str = sys.executable) -> int:
    """Run them and print; the exit code: 0 if all passed, 130 after Ctrl-C, else 1."""
    with tempfile.TemporaryDirectory(prefix="front-connector-tests-") as folder:
        running = [_started(part, Path(folder), python) for part in parts]
        try:
            _watch(running)
        except KeyboardInterrupt:
            _say("interrupted: what runs is asked to end")
            with suppress(KeyboardInterrupt):  # said twice: what runs is killed
                _end(running)
            return 130
        finally:
            for one in running:
                one.process.kill()
        return _verdict(running)


def _started(part: Part, folder: Path, python: str) -> Running:
    # Each would overwrite the other's notes of what failed last, so none is kept.
    command = [
        "nice",
        "-n",
        str(part.nice),
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *part.arguments,
    ]
    process = Guarded(command, log=folder / f"{part.name}.log")
    # Where Linux divides a processor among sessions first, `nice` counts within one only: sched(7), autogroup.
    with suppress(OSError):
        Path(f"/proc/{process.pid}/autogroup").write_text(str(part.nice))
    return Running(part, process, time.monotonic())


def _watch(running: Sequence[Running]) -> None:
    """Until all have ended. Says how far they are, and of each at once how it ended."""
    names = ", ".join(one.part.name for one in running)
    _say(f"{len(running)} parts side by side: {names}. What fails is shown when all have ended.")
    told = time.monotonic()
    while any(one.code is None for one in running):
        time.sleep(LOOKED_EVERY_S)
        now = time.monotonic()
        for one in running:
            if one.look(now):
                _say(one.told())
        if now - told >= TOLD_EVERY_S:
            told = now
            _say("tests done: " + ", ".join(one.progress() for one in running if one.code is None))


def _verdict(running: Sequence[Running]) -> int:
    """Print what each said but its dots, those that failed last; then a line for each."""
    none = NONE_COLLECTED if any(one.passed() for one in running) else None
    failed = [one for one in running if not one.passed() and one.code != none]
    for one in sorted(running, key=failed.__contains__):
        print(f"\n######## {one.part.name} ########")
        print("\n".join(line for line in one.lines() if not PROGRESS.match(line)))
    print()
    for one in running:
        print(("! " if one in failed else "  ") + one.told())
    for one in failed:
        print(f"again: {shlex.join([os.path.relpath(sys.executable), '-m', 'pytest', *one.part.arguments])}")
    sys.stdout.flush()
    return 1 if failed else 0


def _end(running: Sequence[Running]) -> None:
    """As Ctrl-C would: pytest ends what its tests have started. Who takes too long is killed, brokers with it."""
    for one in running:
        if one.process.alive:
            os.kill(one.process.pid, signal.SIGINT)
    ends = time.monotonic() + ENDS_WITHIN_S
    for one in running:
        try:
            one.process.wait(max(0.0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            _say(f"{one.part.name} is killed")


def _say(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
