"""A panel as data, and Grafana's model of it by Grafana Foundation SDK.

What lives here: the forms that a panel can have, what all of a form have in common, and the words for PromQL that
every query needs. Which panels there are is said by the rows.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import yaml
from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from tests.dashboard.colours import CALM, GOOD

Form: TypeAlias = Literal["words", "number", "lines", "areas", "bars", "timeline", "heatmap"]
"""words, number: a word or a figure on its colour. lines, areas (stacked), bars: over time. timeline: words over time."""

FC = "front_connector_"
S = 'namespace="$namespace",job="$job"'
"""The chosen release."""
T = S + ',topic=~"$topic"'
"""Its chosen topics."""
I = "$__rate_interval"  # noqa: E741 - as PromQL's habit is
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
RUNBOOKS = "${runbooks}"
RULES = Path(__file__).parents[2] / "helm" / "front-connector" / "rules" / "front-connector.yaml"

Step: TypeAlias = tuple[float, str]
"""From this value on, this colour."""
Range: TypeAlias = tuple[float, float, str, str]
"""From and to, the text that stands for it, its colour."""


@dataclass(frozen=True, slots=True)
class Query:
    """One target: PromQL, and how its series are called."""

    expr: str
    legend: str
    unit: str | None = None
    """Where it differs from the panel's: the series then has an axis of its own, at the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One panel. `says`: what it shows and when to worry."""

    title: str
    says: str
    form: Form
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    height: int = 8
    steps: tuple[Step, ...] = ()
    """Thresholds. Below the first of them the colour is `base`."""
    base: str = GOOD
    words: Mapping[int, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    """Text and colour that stand for a value."""
    ranges: tuple[Range, ...] = ()
    colours: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of series, by name."""
    shades: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of series whose names match, shades of a colour."""
    empty: str = "nothing to show: no process was scraped"
    """What stands there instead of No data."""
    runbook: str | None = None
    """The alert whose page says what to do."""
    decimals: int | None = None
    most: float | None = None
    names: bool = False
    """Of a number: whether the series' names are shown beside their values."""
    small: bool = False
    """Of words: a sentence rather than a word."""


def mine(name: str, selected: str = S) -> str:
    """A metric of the connector's, selected."""
    return f"{FC}{name}{{{selected}}}"


def or_zero(expr: str, **labels: str) -> str:
    """The expression, or one series of 0 with these labels where it has none: a counter may not have begun."""
    zero = "vector(0)"
    for label, value in labels.items():
        zero = f'label_replace({zero}, "{label}", "{value}", "", "")'
    return f"{expr} or on() {zero}"


def one_hot(name: str, states: Mapping[int, str], label: str = "state") -> str:
    """The number of the state that a one-hot gauge is in; the label stays on the series."""
    return " or ".join(
        f"({mine(name, f'{S},{label}={chr(34)}{state}{chr(34)}')} == 1) * {number}"
        for number, state in states.items()
    )


def quantile(q: float, histogram: str, selected: str = S, *by: str) -> str:
    """A quantile of a histogram; no series where nothing was measured."""
    grouped = ", ".join(("le", *by))
    return f"histogram_quantile({q}, sum by ({grouped}) (rate({mine(histogram + '_bucket', selected)}[{I}]))) >= 0"


@functools.cache
def _pages() -> Mapping[str, str]:
    """The runbook page of each alert, as the rules name it."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {rule["alert"]: rule["annotations"]["runbook_url"].rpartition("/")[2] for rule in rules}


def page_of(alert: str) -> str:
    """The file name of an alert's runbook page. Raises KeyError for an alert that there is not."""
    return _pages()[alert]


def built(part: Part) -> Builder[model.Panel]:
    """The panel for Grafana; its place is the dashboard's business."""
    match part.form:
        case "words" | "number":
            panel: _Panel = _stat(part)
        case "timeline":
            panel = _timeline(part)
        case "heatmap":
            panel = _heatmap(part)
        case "lines" | "areas" | "bars":
            panel = _series(part)
    at_once = part.form in ("words", "number")
    for letter, query in zip("ABCDEFGH", part.queries, strict=False):
        panel.with_target(_target(letter, query, at_once=at_once, heat=part.form == "heatmap"))
    panel.title(part.title).description(part.says).datasource(SOURCE).span(part.width).height(part.height)
    panel.unit(part.unit).no_value(part.empty)
    if part.steps:
        panel.thresholds(_thresholds(part.base, part.steps))
    if part.decimals is not None:
        panel.decimals(part.decimals)
    if part.words or part.ranges:
        panel.mappings(_mappings(part))
    if part.runbook is not None:
        link = builder.DashboardLink(f"What to do: {part.runbook}")
        panel.links(
            [
                link.url(f"{RUNBOOKS}/{page_of(part.runbook)}")
                .type(model.DashboardLinkType.LINK)
                .target_blank(True)
            ]
        )
    return panel


_Panel: TypeAlias = stat.Panel | timeseries.Panel | statetimeline.Panel | heatmap.Panel


def _target(letter: str, query: Query, *, at_once: bool, heat: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter)
    target.datasource(SOURCE)
    target.format(PromQueryFormat.HEATMAP if heat else PromQueryFormat.TIME_SERIES)
    if "histogram_quantile" in query.expr:
        target.exemplar(True)
    return target.instant() if at_once else target.range()


def _thresholds(base: str, steps: Sequence[Step]) -> builder.ThresholdsConfig:
    begins = [model.Threshold(value=None, color=base)]
    return (
        builder.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps(begins + [model.Threshold(value=value, color=colour) for value, colour in steps])
    )


def _mappings(part: Part) -> list[model.ValueMapping]:
    found: list[model.ValueMapping] = []
    if part.words:
        results = {
            str(value): model.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(part.words.items())
        }
        found.append(model.ValueMap(options=results))
    for index, (begin, end, text, colour) in enumerate(part.ranges, len(part.words)):
        result = model.ValueMappingResult(text=text, color=colour, index=index)
        found.append(
            model.RangeMap(options=model.DashboardRangeMapOptions(from_val=begin, to=end, result=result))
        )
    return found


def _stat(part: Part) -> stat.Panel:
    text = common_builder.VizTextDisplayOptions()
    if part.small:
        text.value_size(18)
    elif part.names:
        text.title_size(14).value_size(20)
    return (
        stat.Panel()
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(
            common.BigValueColorMode.BACKGROUND_SOLID
            if part.steps or part.words
            else common.BigValueColorMode.NONE
        )
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME if part.names else common.BigValueTextMode.VALUE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .orientation(common.VizOrientation.HORIZONTAL if part.names else common.VizOrientation.AUTO)
        .text(text)
        .reduce_options(common_builder.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
        .color_scheme(builder.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    )


def _series(part: Part) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .min(0)
        .line_width(2 if part.form == "lines" else 1)
        .fill_opacity({"lines": 0, "areas": 60, "bars": 70}[part.form])
        .draw_style(common.GraphDrawStyle.BARS if part.form == "bars" else common.GraphDrawStyle.LINE)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)
        .color_scheme(builder.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .legend(
            common_builder.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common_builder.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
    )
    if part.form != "lines":
        panel.stacking(common_builder.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if part.steps:
        panel.thresholds_style(
            common_builder.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED)
        )
    if part.most is not None:
        panel.axis_soft_max(part.most)
    for name, colour in part.colours.items():
        panel.override_by_name(name, [_coloured(model.FieldColorModeId.FIXED, colour)])
    for pattern, colour in part.shades.items():
        panel.override_by_regexp(f"/{pattern}/", [_coloured(model.FieldColorModeId.SHADES, colour)])
    for letter, query in zip("ABCDEFGH", part.queries, strict=False):
        if query.unit is not None:
            panel.override_by_query(
                letter,
                [
                    model.DynamicConfigValue(id_val="unit", value=query.unit),
                    model.DynamicConfigValue(id_val="custom.axisPlacement", value="right"),
                    model.DynamicConfigValue(
                        id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]}
                    ),
                ],
            )
    return panel


def _timeline(part: Part) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .show_value(common.VisibilityMode.AUTO)
        .row_height(0.8)
        .merge_values(True)
        .fill_opacity(85)
        .color_scheme(builder.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(CALM))
        .legend(
            common_builder.VizLegendOptions()
            .show_legend(False)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .calcs([])
        )
        .tooltip(
            common_builder.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.SINGLE)
            .sort(common.SortOrder.NONE)
        )
    )


def _heatmap(part: Part) -> heatmap.Panel:
    return (
        heatmap.Panel()
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heatmap_model.HeatmapColorMode.SCHEME)
            # From dark to bright in one direction, also for who sees fewer colours.
            .scheme("Cividis")
            .scale(heatmap_model.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
            .steps(64)
        )
        .cell_gap(1)
        .y_axis(heatmap.YAxisConfig().unit(part.unit))
        .show_legend()
        .show_tooltip()
    )


def _coloured(mode: model.FieldColorModeId, colour: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val="color", value={"mode": mode.value, "fixedColor": colour})
