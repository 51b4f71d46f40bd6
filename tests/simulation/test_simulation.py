"""Schedules of faults, rebalances and crashes against the real polling code and the real pipeline: no law is broken."""

import os
import subprocess
import sys

import pytest

from tests.simulation.plan import plan
from tests.simulation.report import gather
from tests.simulation.world import play

SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES") or (20_000 if os.environ.get("CI") else 300))
JOBS = int(os.environ.get("SIMULATION_JOBS") or os.cpu_count() or 1)
ENOUGH = 5_000
"""Schedules from which on every fault must have struck in every state."""


@pytest.mark.timeout(3600)
def test_no_schedule_breaks_a_law() -> None:
    """Many seeds: no violation, and the schedules are long and varied enough to mean something."""
    report = gather(range(SCHEDULES), jobs=JOBS)
    print(report.text())
    assert report.violations == [], "replay one with: python -m tests.simulation --seed N --trace"
    assert sorted(report.steps)[len(report.steps) // 2] >= 500
    # A fault that waits for a state may wait in vain: in few schedules only.
    assert report.few_kinds <= SCHEDULES // 1000
    if SCHEDULES >= ENOUGH:
        assert report.empty_cells == []


def test_a_seed_replays_exactly() -> None:
    """The same seed gives the same trace, also in a process that hashes texts differently."""
    here = "\n".join(play(plan(7), trace=True).trace)
    program = "from tests.simulation.plan import plan; from tests.simulation.world import play\n"
    program += "print('\\n'.join(play(plan(7), trace=True).trace))"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    there = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert there.strip() == here.strip()
