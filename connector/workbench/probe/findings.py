"""What a run found out about one belief: a closed union, and what becomes of findings when answers contradict themselves.

Pure. What stands behind a finding is decided in `deciding.py` and `thresholds.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from connector.workbench.probe.beliefs import BELIEFS, Value


@dataclass(frozen=True, slots=True)
class Measured:
    """The value, in the simulator's words. `low`: for a quantity, it lies between this and `value`.

    `rests_on`: the statuses that the claim rests on; it falls if Front gave one of them for no reason.
    """

    value: Value
    why: str
    low: int | None = None
    rests_on: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Settled, and none of the values that the simulator knows."""

    why: str
    rests_on: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class NotDecidable:
    """Nothing can be said, and why."""

    why: str


Finding: TypeAlias = Measured | Otherwise | NotDecidable


def refutes(switch: str, finding: Finding) -> bool:
    """Whether Front is not as believed."""
    believed = BELIEFS[switch].believed
    match finding:
        case Measured(value=value):
            return believed is not None and value != believed
        case Otherwise():
            return True
        case NotDecidable():
            return False


def words(switch: str, finding: Finding) -> str:
    """Why, and what that leaves open."""
    belief = BELIEFS[switch]
    if isinstance(finding, Measured) and belief.unseen is not None and finding.value == belief.believed:
        return f"{finding.why}; {belief.unseen} does not show"
    return finding.why


def demoted(findings: Mapping[str, Finding], for_no_reason: Collection[int]) -> dict[str, Finding]:
    """Without the claims that rest on a status which other requests got without a reason."""
    left: dict[str, Finding] = {}
    for switch, finding in findings.items():
        if isinstance(finding, Measured | Otherwise) and finding.rests_on & set(for_no_reason):
            statuses = ", ".join(map(str, sorted(finding.rests_on & set(for_no_reason))))
            left[switch] = NotDecidable(
                f"it would rest on an answer {statuses}, which other requests got without a reason"
            )
        else:
            left[switch] = finding
    return left
