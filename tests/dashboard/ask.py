"""The committed dashboard's queries as Grafana would ask them, for a time in which a connector was scraped every second.

What lives here: the panels as they stand in the file, their variables replaced, and what came back in each phase.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.dashboard.build import FILE
from tests.support.prometheus import Prometheus

NAMESPACE = "voice"
JOB = "front-connector"
WINDOW = "5s"
"""Grafana's $__rate_interval is at least four scrapes; ours come every second."""

_LENGTH = re.compile(r"\[(\d+)([mhd])\]|offset (\d+)m")
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_SHORTER = 60
"""Windows that the dashboard fixes are asked at a sixtieth, as a scrape in 60 s is to one a second."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel of the file. `queries`: letter, PromQL and legend of each target."""

    row: str
    title: str
    type: str
    queries: tuple[tuple[str, str, str], ...]
    raw: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the time; Unix seconds."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Line:
    """A series as the panel would show it. `points`: Unix seconds and value, finite ones only."""

    panel: str
    name: str
    letter: str
    points: tuple[tuple[float, float], ...]

    @property
    def values(self) -> tuple[float, ...]:
        """Without their times."""
        return tuple(value for _, value in self.points)


def panels(file: Path = FILE) -> tuple[Panel, ...]:
    """Those of the committed dashboard, from above to below, without the rows."""
    found: list[Panel] = []
    row = ""
    for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
            continue
        queries = tuple((each["refId"], each["expr"], each["legendFormat"]) for each in panel["targets"])
        found.append(Panel(row, panel["title"], panel["type"], queries, panel))
    return tuple(found)


def substituted(expr: str, *, shorter: bool = True) -> str:
    """The query with every variable replaced and every fixed window shortened."""
    for variable, value in (
        ("$namespace", NAMESPACE),
        ("$job", JOB),
        ("$topic", ".*"),
        ("$__rate_interval", WINDOW),
    ):
        expr = expr.replace(variable, value)
    assert "$" not in expr, expr
    return _LENGTH.sub(_shorter, expr) if shorter else expr


def asked(
    prometheus: Prometheus, panel: Panel, begin: float, end: float, step: float = 1.0
) -> tuple[Line, ...]:
    """Every series of a panel between two moments."""
    lines: list[Line] = []
    for letter, expr, legend in panel.queries:
        for series in prometheus.query_range(substituted(expr), begin, end, step):
            points = tuple((at, value) for at, value in series.points if math.isfinite(value))
            if points:
                lines.append(Line(panel.title, named(legend, series.labels), letter, points))
    return tuple(lines)


def named(legend: str, labels: Mapping[str, str]) -> str:
    """What Grafana calls a series: the legend with its labels filled in."""
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), legend).strip()


def highest(lines: Iterable[Line], name: str | None = None) -> float:
    """The greatest value of any series, or of those whose name begins so; 0 where there is none."""
    return max(
        (value for line in lines if name is None or line.name.startswith(name) for value in line.values),
        default=0.0,
    )


def at_end(lines: Iterable[Line], end: float, name: str | None = None) -> float:
    """The greatest value in the last two seconds before `end`; 0 where there is none."""
    late = (
        Line(line.panel, line.name, line.letter, tuple(point for point in line.points if point[0] >= end - 2))
        for line in lines
    )
    return highest(late, name)


def _shorter(found: re.Match[str]) -> str:
    if found[3]:
        return f"offset {max(1, int(found[3]) * 60 // _SHORTER)}s"
    return f"[{max(5, int(found[1]) * _SECONDS[found[2]] // _SHORTER)}s]"
