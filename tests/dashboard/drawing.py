"""Panels drawn as HTML and SVG from what Prometheus returned, for the docs. Not Grafana: every page says so.

What lives here: tiles, lines, areas, bars and timelines, with the units, words, colours and thresholds of the committed file.
"""

import html
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.dashboard.ask import Line, Panel, Phase
from tests.dashboard.colours import BAD, CALM, GOOD, NEUTRAL, OTHER, WATCH

NOTE = (
    "Drawn from what a real Prometheus returned for this dashboard's queries, from a connector that ran with an embedded "
    "broker and a simulated Front. Not a screenshot of Grafana."
)
STYLE = """
:root { color-scheme: light dark; --ink: #1c2228; --soft: #59626c; --card: #ffffff; --page: #eef0f2; --line: #d3d8dd; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --soft: #9aa4ae; --card: #181b1f; --page: #0f1114; --line: #33393f; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 14px; background: var(--page); color: var(--ink); font: 13px/1.35 system-ui, sans-serif; }
h2 { font-size: 14px; margin: 12px 0 6px; } h2:first-child { margin-top: 0; }
.row { display: grid; grid-template-columns: repeat(24, 1fr); gap: 8px; margin-bottom: 8px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 3px; padding: 7px 9px; min-width: 0; }
.card h3 { font-size: 12px; margin: 0 0 5px; font-weight: 600; }
.tile { border-radius: 2px; min-height: 58px; display: flex; flex-direction: column; align-items: center;
  justify-content: center; text-align: center; font-weight: 600; font-size: 22px; padding: 6px; }
.tile.filled { color: #fff; } .tile.filled.big { font-size: 24px; }
.tile.small { font-size: 14px; } .tile span { font-size: 12px; font-weight: 500; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 12px; font-size: 11px; color: var(--soft); margin-top: 4px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 4px; vertical-align: -1px; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 10px; }
svg .grid { stroke: var(--line); stroke-width: 1; } svg .word { fill: #fff; font-weight: 600; font-size: 10px; }
.note { color: var(--soft); font-size: 12px; margin: 10px 2px 0; }
"""
_PALETTE = (CALM, WATCH, OTHER, GOOD, BAD, NEUTRAL, "#b0568f", "#5b8f22", "#a66a3f", "#2f8fa3")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 430, 150, 44, 14, 16
_SERIES_MAX = 8


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a picture shows, and the phases in it."""

    phases: tuple[Phase, ...]

    @property
    def begin(self) -> float:
        """Unix seconds."""
        return self.phases[0].begin

    @property
    def end(self) -> float:
        """Unix seconds."""
        return self.phases[-1].end

    def x(self, at: float) -> float:
        """Where a moment lies in a chart."""
        return _LEFT + (at - self.begin) / (self.end - self.begin) * (_WIDTH - _LEFT)


def page(body: str) -> str:
    """A whole page."""
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}<p class=note>{html.escape(NOTE)}</p>"


def card(panel: Panel, inside: str) -> str:
    """A panel's frame, as wide as in Grafana."""
    width = panel.raw["gridPos"]["w"]
    return (
        f'<div class=card style="grid-column: span {width}"><h3>{html.escape(panel.title)}</h3>{inside}</div>'
    )


# --- at one moment ------------------------------------------------------------------------------------------


def tile(panel: Panel, lines: Sequence[Line], at: float) -> str:
    """What the panel says at a moment."""
    defaults = panel.raw["fieldConfig"]["defaults"]
    now = [(line.name, value) for line in lines if (value := _value(line, at)) is not None]
    if not now:
        return f"<div class='tile small'>{html.escape(defaults['noValue'])}</div>"
    named = panel.raw["options"]["textMode"] == "value_and_name"
    words = words_of(panel)
    said = "".join(
        f"<div>{html.escape(words.get(value, ('', ''))[0] or figure(value, defaults['unit']))}"
        + (f" <span>{html.escape(name)}</span>" if named else "")
        + "</div>"
        for name, value in now
    )
    value = max(value for _, value in now)
    if panel.raw["options"]["colorMode"] == "none":
        return f"<div class=tile>{said}</div>"
    colour = words[value][1] if value in words else _stepped(defaults, value)
    size = "small" if any(len(words.get(value, ("",))[0]) > 20 for _, value in now) else "big"
    return f"<div class='tile filled {size}' style='background:{colour}'>{said}</div>"


def words_of(panel: Panel) -> dict[float, tuple[str, str]]:
    """Text and colour by value."""
    return {
        float(value): (result["text"], result["color"])
        for mapping in panel.raw["fieldConfig"]["defaults"].get("mappings", ())
        if mapping["type"] == "value"
        for value, result in mapping["options"].items()
    }


def figure(value: float, unit: str) -> str:
    """A value with its unit, short."""
    match unit:
        case "percentunit":
            return f"{value * 100:,.0f} %"
        case "s" if value >= 48 * 3600:
            return f"{value / 86400:.0f} d"
        case "s" if value >= 3600:
            return f"{value / 3600:.1f} h"
        case "s" if value >= 120:
            return f"{value / 60:.1f} min"
        case "s":
            return f"{value:.0f} s" if value >= 10 or value == 0 else f"{value:.2g} s"
        case "ops" | "reqps":
            return f"{value:.3g} /s"
        case "bytes":
            return f"{value / 2**20:.0f} MiB"
        case "suffix: cores":
            return f"{value:.2f} cores"
        case _:
            return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def _value(line: Line, at: float) -> float | None:
    near = [value for moment, value in line.points if at - 2 <= moment <= at]
    return near[-1] if near else None


def _stepped(defaults: Mapping[str, Any], value: float) -> str:
    steps = defaults["thresholds"]["steps"]
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return str(reached[-1])


# --- over time ----------------------------------------------------------------------------------------------


def chart(panel: Panel, lines: Sequence[Line], span: Span) -> str:
    """The panel over the whole time, the phases named above it."""
    if panel.type == "state-timeline":
        return _timeline(panel, lines, span)
    custom = panel.raw["fieldConfig"]["defaults"]["custom"]
    unit = panel.raw["fieldConfig"]["defaults"]["unit"]
    # A second axis would need a second scale: what has another unit is left to Grafana.
    shown = sorted(
        (line for line in lines if line.letter not in other_units(panel)),
        key=lambda line: -max(line.values, default=0),
    )
    shown = [line for line in shown if max(line.values) > 0][:_SERIES_MAX] or shown[:2]
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    tops = _sums(shown) if stacked else [value for line in shown for value in line.values]
    most = custom.get("axisSoftMax", 0) or 1e-9
    # A share of time may come out a little above 1: two scrapes are not exactly a second apart.
    top = most if max(tops, default=0) <= 1.1 * most else _round_up(max(tops))
    colours = dict(zip((line.name for line in shown), _colours(panel, shown), strict=True))
    parts = [*_frame(span, top, unit), *_threshold(panel, top)]
    base: dict[float, float] = {}
    for line in shown:
        parts.append(_drawn(line, base if stacked else {}, colours[line.name], span, top, fill=stacked))
        if stacked:
            base.update({round(at): base.get(round(at), 0) + value for at, value in line.points})
    legend = "".join(
        f"<span><i style='background:{colours[line.name]}'></i>{html.escape(line.name)}"
        f" (at most {figure(max(line.values), unit)})</span>"
        for line in shown
    )
    return _svg(parts) + f"<div class=legend>{legend}</div>"


def other_units(panel: Panel) -> frozenset[str]:
    """The letters of the queries that have an axis and a unit of their own."""
    return frozenset(
        each["matcher"]["options"] for each in panel.raw["fieldConfig"]["overrides"] if _has_unit(each)
    )


def _has_unit(override: Mapping[str, Any]) -> bool:
    return any(each["id"] == "unit" for each in override["properties"])


def _sums(lines: Sequence[Line]) -> list[float]:
    sums: dict[float, float] = {}
    for at, value in itertools.chain.from_iterable(line.points for line in lines):
        sums[round(at)] = sums.get(round(at), 0) + value
    return list(sums.values())


def _colours(panel: Panel, lines: Sequence[Line]) -> Iterator[str]:
    fixed = [
        (_pattern(each["matcher"]), prop["value"]["fixedColor"])
        for each in panel.raw["fieldConfig"]["overrides"]
        for prop in each["properties"]
        if prop["id"] == "color"
    ]
    free = itertools.cycle(colour for colour in _PALETTE if colour not in dict(fixed).values())
    for line in lines:
        yield next((colour for name, colour in fixed if re.search(name, line.name)), None) or next(free)


def _pattern(matcher: Mapping[str, str]) -> str:
    """A regular expression for a name, or the one that Grafana has between slashes."""
    given = matcher["options"]
    return given.strip("/") if matcher["id"] == "byRegexp" else f"^{re.escape(given)}$"


def _frame(span: Span, top: float, unit: str) -> Iterator[str]:
    for phase, shade in zip(span.phases, ("none", BAD, "none"), strict=True):
        left, right = span.x(phase.begin), span.x(phase.end)
        if shade != "none":
            yield f"<rect x={left:.1f} y={_TOP} width={right - left:.1f} height={_HEIGHT} fill={shade} opacity=.08 />"
        yield f"<text x={(left + right) / 2:.1f} y=10 text-anchor=middle>{phase.name}</text>"
    for share in (0, 0.5, 1):
        y = _y(top * share, top)
        yield f"<line class=grid x1={_LEFT} x2={_WIDTH} y1={y:.1f} y2={y:.1f} />"
        yield f"<text x={_LEFT - 4} y={y + 3:.1f} text-anchor=end>{figure(top * share, unit)}</text>"
    seconds = int(span.end - span.begin)
    for after in range(0, seconds, 15 if seconds <= 100 else 30):
        yield f"<text x={span.x(span.begin + after):.1f} y={_TOP + _HEIGHT + 12}>{after} s</text>"


def _threshold(panel: Panel, top: float) -> Iterator[str]:
    steps = panel.raw["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", ())
    for step in steps:
        if step["value"] is not None and step["value"] <= top:
            y = _y(step["value"], top)
            yield (
                f"<line x1={_LEFT} x2={_WIDTH} y1={y:.1f} y2={y:.1f} stroke='{step['color']}' stroke-dasharray='6 4' />"
            )


def _drawn(
    line: Line, base: Mapping[float, float], colour: str, span: Span, top: float, *, fill: bool
) -> str:
    return "".join(_piece(piece, base, colour, span, top, fill=fill) for piece in _pieces(line))


def _pieces(line: Line) -> Iterator[list[tuple[float, float]]]:
    """What hangs together: where nothing was measured, nothing is drawn."""
    piece: list[tuple[float, float]] = []
    for point in line.points:
        if piece and point[0] - piece[-1][0] > 2:
            yield piece
            piece = []
        piece.append(point)
    yield piece


def _piece(
    points: Sequence[tuple[float, float]],
    base: Mapping[float, float],
    colour: str,
    span: Span,
    top: float,
    *,
    fill: bool,
) -> str:
    upper = [(span.x(at), _y(base.get(round(at), 0) + value, top)) for at, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in upper)
    if not fill:
        return f"<polyline points='{path}' fill=none stroke='{colour}' stroke-width=2 />"
    lower = [(span.x(at), _y(base.get(round(at), 0), top)) for at, _ in reversed(points)]
    back = " ".join(f"{x:.1f},{y:.1f}" for x, y in lower)
    return f"<polygon points='{path} {back}' fill='{colour}' fill-opacity=.75 stroke='{colour}' />"


def _timeline(panel: Panel, lines: Sequence[Line], span: Span) -> str:
    words = words_of(panel)
    parts = [
        part for part in _frame(span, 1, "none") if "class=grid" not in part and "text-anchor=end" not in part
    ]
    height = _HEIGHT / max(1, len(lines)) - 8
    for number, line in enumerate(lines):
        y = _TOP + 4 + number * (height + 8)
        for value, run in itertools.groupby(line.points, key=lambda point: point[1]):
            moments = [at for at, _ in run]
            left, right = span.x(moments[0]), span.x(min(moments[-1] + 1, span.end))
            word, colour = words[value]
            parts.append(
                f"<rect x={left:.1f} y={y:.1f} width={right - left:.1f} height={height:.1f} fill='{colour}' />"
            )
            if right - left > 5 * len(word):
                middle = (left + right) / 2
                parts.append(
                    f"<text class=word x={middle:.1f} y={y + height / 2 + 3:.1f} text-anchor=middle>{word}</text>"
                )
        parts.append(f"<text class=word x={_LEFT + 4} y={y + 12:.1f}>{html.escape(line.name)}</text>")
    seen = sorted({value for line in lines for value in line.values})
    legend = "".join(
        f"<span><i style='background:{words[value][1]}'></i>{words[value][0]}</span>" for value in seen
    )
    return _svg(parts) + f"<div class=legend>{legend}</div>"


def _svg(parts: Sequence[str]) -> str:
    return f"<svg viewBox='0 0 {_WIDTH} {_TOP + _HEIGHT + _BOTTOM}'>{''.join(parts)}</svg>"


def _y(value: float, top: float) -> float:
    return _TOP + _HEIGHT * (1 - min(value, top) / top)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** int(f"{value:e}".partition("e")[2])
    return next(step * power for step in (1, 2, 5, 10) if value <= step * power * 1.0001)
