"""How fast each seeded bug is caught, and by which law: a table over several ranges of seeds."""

from collections import Counter
from dataclasses import dataclass
from statistics import median

from tests.simulation.bugs import seeded
from tests.simulation.plan import plan
from tests.simulation.world import play

MOST = 5_000
"""Schedules after which a range is given up."""


@dataclass(frozen=True, slots=True)
class Caught:
    """`schedules`: until the first violation, a range each; None where none came. `laws`: which were broken."""

    name: str
    schedules: tuple[int | None, ...]
    laws: Counter[int]

    @property
    def median(self) -> float:
        """Of the ranges; one that never caught it counts as infinitely long."""
        return median(float("inf") if number is None else number for number in self.schedules)


def hunt(name: str, *, ranges: int = 5, most: int = MOST) -> Caught:
    """Play schedules with the bug until a law is broken, in several ranges of seeds."""
    found: list[int | None] = []
    laws: Counter[int] = Counter()
    with seeded(name):
        for number in range(ranges):
            found.append(None)
            for count in range(1, most + 1):
                violation = play(plan(1_000_000 * (number + 1) + count)).violation
                # Law 0 is an exception: the bug does not fit the product any more, or is a louder one than was meant.
                if violation is not None and violation.law != 0:
                    found[-1] = count
                    laws[violation.law] += 1
                    break
    return Caught(name, tuple(found), laws)
