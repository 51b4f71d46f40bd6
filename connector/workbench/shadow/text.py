"""A shadow report for a terminal. Says nothing that the report does not."""

from collections.abc import Iterator

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from connector.workbench.shadow.report import Report, Sample, totals
from connector.workbench.shadow.words import KINDS, OUTCOMES, counted, plain, side, value

FIELDS_SHOWN = 30
"""Rows of the table of fields; the JSON report has all."""


def print_report(report: Report, console: Console, *, show_values: bool) -> None:
    """Print it all: the counts first, then samples."""
    for part in _parts(report, show_values):
        console.print(part, highlight=False)


def headline(report: Report) -> str:
    """The result in a sentence."""
    compared = counted(report.records, "record")
    if not report.records:
        return "nothing to compare: there are no such records"
    if not report.differing:
        return f"no difference in {compared}"
    return f"{report.differing:,} of {counted(report.records, 'record')} differ"


def passed_over(report: Report) -> str:
    """A sentence about letters that could not be taken back to a record."""
    return f"{counted(report.passed_over, 'letter')} passed over: not written by a connector"


def _parts(report: Report, show_values: bool) -> Iterator[RenderableType]:
    yield Text(headline(report), style="bold")
    yield Text(f"  old: {plain(report.old.name)} ({report.old.hash[:12]})")
    yield Text(f"  new: {plain(report.new.name)} ({report.new.hash[:12]})")
    yield Text(f"  of:  {plain(report.source)}")
    if report.passed_over:
        yield Text(f"  {passed_over(report)}", style="yellow")
    if report.records:
        yield _table("", ("outcome", "old", "new"), _outcomes(report))
    if report.groups:
        yield _table("By rule", ("records", "topic", "what", "old", "new"), _groups(report))
    if report.fields:
        yield _table("By field", ("records", "topic", "request", "field"), _fields(report))
        if len(report.fields) > FIELDS_SHOWN:
            yield Text(
                f"  and {counted(len(report.fields) - FIELDS_SHOWN, 'more field')}: --output json has all"
            )
    if report.groups:
        yield Text("\nSamples", style="bold")
    for group in report.groups:
        for sample in group.samples:
            yield _sample(KINDS[group.kind], sample, show_values)


def _outcomes(report: Report) -> Iterator[tuple[str, ...]]:
    for outcome, old, new in totals(report):
        yield OUTCOMES[outcome], f"{old:,}", f"{new:,}"


def _groups(report: Report) -> Iterator[tuple[str, ...]]:
    for group in report.groups:
        yield f"{group.records:,}", group.topic, KINDS[group.kind], side(group.old), side(group.new)


def _fields(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.fields[:FIELDS_SHOWN]:
        yield f"{one.records:,}", one.topic, one.operation, plain(one.path)


def _table(title: str, columns: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    numbers = ("records",) if title else ("old", "new")
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    heading = [Text(f"\n{title}" if title else "", style="bold")]
    return Group(*heading, Padding(table, (0, 0, 0, 2)))


def _sample(kind: str, sample: Sample, show_values: bool) -> RenderableType:
    lines = [Text(f"\n  {plain(sample.topic)} {sample.partition}:{sample.offset}  {kind}", style="bold")]
    for label, one, style in (("old", sample.old, "red"), ("new", sample.new, "green")):
        message = "" if one.message is None else f": {plain(one.message)}"
        lines.append(Text.assemble(f"    {label}  ", (side(one) + message, style)))
    for diff in sample.diffs:
        lines.append(Text(f"    {diff.operation}: {plain(diff.path)}"))
        lines.append(Text(f"      - {value(diff.old, shown=show_values)}", style="red"))
        lines.append(Text(f"      + {value(diff.new, shown=show_values)}", style="green"))
    if sample.more:
        lines.append(Text(f"    and {counted(sample.more, 'more field')}"))
    return Group(*lines)
