"""The table at the end of the demo: what became of the records, beside what the traffic was planned to become.

The plan is made by the stories and knows no mapping file; the verdict is computed by mapping files. Where the two
differ, one of them is wrong.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from rich.table import Table

from connector.demo.records import Accepted, DeadLettered, DemoRecord, Skipped
from connector.demo.verdict import Verdict

Fate: TypeAlias = tuple[str, str]
"""accepted + operation, dead-lettered + reason, or skipped."""

_SKIPPED: Fate = ("skipped", "by a rule of the mapping")


def planned(records: Iterable[DemoRecord]) -> Counter[Fate]:
    """How many records should meet which fate. A record of several requests counts with its last one."""
    fates: Counter[Fate] = Counter()
    for record in records:
        match record.expected:
            case Accepted(operations=operations):
                fates["accepted", operations[-1]] += 1
            case Skipped():
                fates[_SKIPPED] += 1
            case DeadLettered(reason=reason):
                fates["dead-lettered", reason] += 1
    return fates


def met(verdict: Verdict) -> Counter[Fate]:
    """How many records met which fate."""
    fates: Counter[Fate] = Counter({("accepted", name): n for name, n in verdict.accepted.items()})
    fates.update({("dead-lettered", reason): n for reason, n in verdict.dead_lettered.items()})
    if verdict.skipped:
        fates[_SKIPPED] = verdict.skipped
    return fates


def fates_table(verdict: Verdict, plan: Counter[Fate]) -> Table:
    """Every fate with its records and the plan's; then what should be nought, and what may be little."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("fate")
    table.add_column("")
    table.add_column("records", justify="right")
    table.add_column("planned", justify="right")
    table.add_row("produced", "", str(verdict.produced), str(plan.total()), end_section=True)
    found = met(verdict)
    rows = sorted(found.keys() | plan.keys())
    for number, fate in enumerate(rows):
        last = number + 1 == len(rows) or rows[number + 1][0] != fate[0]
        table.add_row(*fate, str(found[fate]), str(plan[fate]), end_section=last)
    table.add_row("lost", "", str(verdict.lost), "0")
    table.add_row("out of order", "", str(verdict.out_of_order), "0")
    table.add_row("unexpected", "requests that no record asks for", str(verdict.unexpected), "0")
    table.add_row("duplicates", "requests accepted once more", str(verdict.duplicates), "")
    table.add_row("", "dead letters written once more", str(verdict.duplicate_letters), "")
    return table
