"""The table of faults: one row a scenario, for people."""

from dataclasses import dataclass

from tests.kafka.chaos.judge import Judgement

_HEAD = (
    "fault", "group", "records", "lost", "out of order", "repeated", "allowed", "causes", "moves",
    "dead letters", "back after s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one scenario."""

    fault: str
    protocol: str
    judgement: Judgement
    recovered_s: float


def table(rows: list[Row]) -> str:
    """Aligned columns."""
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _cells(row: Row) -> tuple[str, ...]:
    found = row.judgement
    told = {**found.causes, "among equal requests": found.among_equals}
    causes = ", ".join(f"{cause} {count}" for cause, count in told.items() if count) or "-"
    return (
        row.fault,
        row.protocol,
        str(found.verdict.produced),
        str(found.verdict.lost),
        str(found.out_of_order),
        str(found.verdict.duplicates),
        str(found.bound.total()),
        causes,
        str(found.moves.total()),
        f"{found.verdict.dead_lettered.total()} of {found.planned_letters}",
        f"{row.recovered_s:.1f}",
    )
