"""Runs many schedules, in several processes if wanted, and sums up what they reached."""

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import median

from tests.simulation.laws import Violation
from tests.simulation.plan import FAULTS, STATES, plan
from tests.simulation.world import Result, play

CHUNK = 50
"""Schedules after which memory is searched for garbage: doing it all the time would take a third of the run."""


@dataclass(slots=True)
class Report:
    """The sum of many results."""

    schedules: int = 0
    took_s: float = 0.0
    cpu_s: float = 0.0
    steps: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[tuple[int, Violation]] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """One more."""
        self.schedules += 1
        self.steps.append(result.steps)
        self.kinds.append(result.kinds)
        self.struck.update(result.struck)
        if result.violation is not None:
            self.violations.append((result.seed, result.violation))

    @property
    def empty_cells(self) -> list[tuple[str, str]]:
        """(fault, state) that no schedule reached."""
        return [(fault, state) for fault in FAULTS for state in STATES if not self.struck[fault, state]]

    @property
    def few_kinds(self) -> int:
        """Schedules with fewer than three kinds of faults."""
        return sum(kinds < 3 for kinds in self.kinds)

    def table(self) -> str:
        """Fault x state: how often."""
        width = max(map(len, FAULTS))
        short = [state[:9] for state in STATES]
        lines = [" " * width + "".join(f"{name:>10}" for name in short)]
        lines += [
            f"{fault:<{width}}" + "".join(f"{self.struck[fault, state]:>10}" for state in STATES)
            for fault in FAULTS
        ]
        return "\n".join(lines)

    def text(self) -> str:
        """For people."""
        lines = [
            f"schedules   {self.schedules}",
            f"steps       median {median(self.steps):.0f}, least {min(self.steps)}, most {max(self.steps)}",
            f"fault kinds median {median(self.kinds):.0f} a schedule; fewer than 3 in {self.few_kinds}",
            f"time        {self.took_s:.1f} s, {1000 * self.cpu_s / self.schedules:.1f} ms of CPU a schedule",
            f"empty cells {len(self.empty_cells)} of {len(FAULTS) * len(STATES)} (fault x state)",
            f"violations  {len(self.violations)}",
            *(f"  seed {seed}: law {broken.law}: {broken.text}" for seed, broken in self.violations[:50]),
            "",
            self.table(),
        ]
        return "\n".join(lines)


def run_chunk(seeds: Sequence[int]) -> tuple[float, list[Result]]:
    """Play these; the CPU seconds that it took, and the results."""
    began = time.process_time()
    enabled = gc.isenabled()
    gc.disable()
    try:
        results = [play(plan(seed)) for seed in seeds]
    finally:
        if enabled:
            gc.enable()
        gc.collect()
    return time.process_time() - began, results


def _start() -> None:
    gc.collect()
    gc.freeze()


def gather(seeds: Sequence[int], *, jobs: int = 1) -> Report:
    """Play them all."""
    report = Report()
    began = time.perf_counter()
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    for cpu_s, results in _chunks(chunks, jobs):
        report.cpu_s += cpu_s
        for result in results:
            report.add(result)
    report.took_s = time.perf_counter() - began
    return report


def _chunks(chunks: Sequence[Sequence[int]], jobs: int) -> Iterator[tuple[float, list[Result]]]:
    if jobs == 1:
        yield from map(run_chunk, chunks)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=_start, maxtasksperchild=100) as pool:
        yield from chain(pool.imap(run_chunk, chunks))
