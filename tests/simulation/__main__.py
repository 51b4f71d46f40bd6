"""`python -m tests.simulation`: many schedules and what they reached, one schedule replayed, or one made smaller.

--seeds 0..20000 --jobs 2     schedules, steps, faults, time, the table fault x state, violations with their seeds
--seed 17 --trace             exactly that one, as a readable trace
--shrink 17                   faults and records that can be left out while the same law is still broken
"""

import argparse
import sys
from contextlib import nullcontext

from tests.simulation.bugs import BUGS, seeded
from tests.simulation.plan import Plan, plan
from tests.simulation.report import Report, gather
from tests.simulation.seeding import hunt
from tests.simulation.shrink import shrink
from tests.simulation.world import play


def main() -> int:
    """1 if a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", default="0..300", help="first..last, the last not included")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, help="one schedule")
    parser.add_argument("--trace", action="store_true", help="print what happens in it")
    parser.add_argument("--shrink", type=int, metavar="SEED", help="make a failing schedule smaller")
    parser.add_argument("--bug", choices=tuple(BUGS), help="with this bug in the product; --jobs is 1 then")
    parser.add_argument("--bugs", type=int, metavar="RANGES", help="how fast each seeded bug is caught")
    chosen = parser.parse_args()
    if chosen.bugs is not None:
        return _bugs(chosen.bugs)
    with seeded(chosen.bug) if chosen.bug else nullcontext():
        return _run(chosen)


def _run(chosen: argparse.Namespace) -> int:
    if chosen.shrink is not None:
        return _one(shrink(plan(chosen.shrink), say=print), trace=True)
    if chosen.seed is not None:
        return _one(plan(chosen.seed), trace=chosen.trace)
    first, last = map(int, chosen.seeds.split(".."))
    return _many(gather(range(first, last), jobs=1 if chosen.bug else chosen.jobs))


def _one(chosen: Plan, *, trace: bool) -> int:
    result = play(chosen, trace=trace)
    for line in result.trace:
        print(line)
    print(chosen.config)
    for fault in chosen.faults:
        print(fault)
    print(
        f"{result.steps} steps, {result.virtual_s:.1f} s, {result.arrivals} requests: {result.violation or 'every law kept'}"
    )
    return 0 if result.violation is None else 1


def _many(report: Report) -> int:
    print(report.text())
    return 0 if not report.violations else 1


def _bugs(ranges: int) -> int:
    missed = 0
    for name in BUGS:
        caught = hunt(name, ranges=ranges)
        laws = ", ".join(f"{law} ({count})" for law, count in caught.laws.most_common())
        print(f"{name:<40} median {caught.median:>6}  {caught.schedules}  laws {laws or 'none'}", flush=True)
        missed += caught.median == float("inf")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
