"""Makes a failing schedule smaller: faults, then records, are left out as long as the same law is still broken."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from tests.simulation.plan import Plan
from tests.simulation.world import play


def shrink(plan: Plan, *, say: Callable[[str], object] = lambda _: None) -> Plan:
    """The smallest plan found; the plan itself if it breaks no law."""
    violation = play(plan).violation
    if violation is None:
        return plan
    law = violation.law
    say(f"law {law}: {len(plan.faults)} faults, {len(plan.records)} records")
    while True:
        before = plan
        plan = _without(_without(plan, "faults", law), "records", law)
        say(f"law {law}: {len(plan.faults)} faults, {len(plan.records)} records")
        if plan == before:
            return plan


def _without(plan: Plan, what: Literal["faults", "records"], law: int) -> Plan:
    """Leave out halves, then quarters, then single ones."""
    size = max(1, len(getattr(plan, what)) // 2)
    while size:
        at = 0
        while at < len(getattr(plan, what)):
            items = getattr(plan, what)
            rest = items[:at] + items[at + size :]
            smaller = replace(plan, faults=rest) if what == "faults" else replace(plan, records=rest)
            violation = play(smaller).violation
            if violation is not None and violation.law == law:
                plan = smaller
            else:
                at += size
        size //= 2
    return plan
