"""The whole dashboard: `python -m tests.dashboard.build [file]` writes it, by default into the chart.

What lives here: rows in their order, variables, annotations, links, and the form of the file. Built for the oldest Grafana that
the chart speaks of (10): newer ones migrate an older schema when they load it, older ones cannot read a newer.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from tests.dashboard import flow, front, kafka, letters, overview, resources
from tests.dashboard.colours import CALM, OTHER, WATCH
from tests.dashboard.parts import FC, RUNBOOKS, SOURCE, I, Part, S, built, mine

FILE = Path(__file__).parents[2] / "helm" / "front-connector" / "dashboards" / "front-connector.json"
ROWS: tuple[tuple[str, tuple[Part, ...]], ...] = (
    (overview.TITLE, overview.ROW),
    (flow.FLOW, flow.FLOW_ROW),
    (flow.LATENCY, flow.LATENCY_ROW),
    (front.TITLE, front.ROW),
    (kafka.TITLE, kafka.ROW),
    (letters.TITLE, letters.ROW),
    (resources.REGISTRY, resources.REGISTRY_ROW),
    (resources.PROCESS, resources.PROCESS_ROW),
)
RUNBOOKS_DEFAULT = "docs/runbooks"
"""Replaced by the chart, as in the alerts; by hand, in Grafana's settings of the dashboard: the variable `runbooks`."""

_VARIABLE = re.compile(r"%24%7B(\w+)%7D")
_CONFIGURED = f"count by (config_hash, mappings_hash) ({mine('config_info')})"
_VERSIONS = f"count by (version) ({mine('build_info')})"
_MARKS = (
    ("Restarts", WATCH, f"changes(process_start_time_seconds{{{S}}}[{I}]) > 0", "{{pod}} {{instance}}"),
    (
        "Settings or mappings changed",
        OTHER,
        f"{_CONFIGURED} unless on (config_hash, mappings_hash) "
        f"count by (config_hash, mappings_hash) ({mine('config_info')} offset 2m)",
        "settings {{config_hash}}, mappings {{mappings_hash}}",
    ),
    (
        "Another version",
        CALM,
        f"{_VERSIONS} unless on (version) count by (version) ({mine('build_info')} offset 2m)",
        "{{version}}",
    ),
)
"""Annotations: name, colour, query, and the words, for which the SDK has no field."""


def text() -> str:
    """The file's text: the same for the same rows."""
    whole = json.loads(JSONEncoder(sort_keys=True).encode(_dashboard().build()))
    # Grafana gives it a number of its own; null asks for that, and the SDK leaves null out.
    return json.dumps({"id": None, **_finished(whole)}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _dashboard() -> builder.Dashboard:
    board = (
        builder.Dashboard("Front connector")
        .uid("front-connector")
        .description(
            "Events from Kafka into Front's Channel API. The first row answers in words: is it healthy, how far behind is it, "
            "what is stuck. Made by tests/dashboard: change it there."
        )
        .tags(["front-connector", "kafka"])
        .editable()
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .version(1)
    )
    _variables(board)
    for title, row in ROWS:
        board.with_row(builder.Row(title))
        for part in row:
            board.with_panel(built(part))
    _annotations(board)
    return _links(board)


def _variables(board: builder.Dashboard) -> None:
    board.with_variable(builder.DatasourceVariable("datasource").label("Metrics").type("prometheus"))
    queries = (
        ("namespace", "Namespace", f"label_values({FC}build_info, namespace)"),
        ("job", "Release", f'label_values({FC}build_info{{namespace="$namespace"}}, job)'),
    )
    for name, label, query in queries:
        board.with_variable(_asked(name, label, query))
    topics = f"label_values({FC}records_processed_total{{{S}}}, topic)"
    board.with_variable(
        _asked("topic", "Topic", topics)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
    )
    board.with_variable(
        builder.DatasourceVariable("logs")
        .label("Logs")
        .type("loki")
        .hide(model.VariableHide.DONT_HIDE)
        .description("Only for the link Logs; nothing else needs it, and it may be empty.")
    )
    board.with_variable(
        builder.TextBoxVariable("log_labels")
        .label("Log labels")
        .default_value("container=`front-connector`")
        .description(
            "What selects the connector's log lines in Loki, beside the namespace. For the link Logs."
        )
    )
    board.with_variable(builder.ConstantVariable("runbooks").value(RUNBOOKS_DEFAULT))


def _asked(name: str, label: str, query: str) -> builder.QueryVariable:
    return (
        builder.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def _annotations(board: builder.Dashboard) -> None:
    for name, colour, expr, _ in _MARKS:
        mark = builder.AnnotationQuery().name(name).enable(True).icon_color(colour)
        board.annotation(mark.datasource(SOURCE).expr(expr))


def _links(board: builder.Dashboard) -> builder.Dashboard:
    explore = {
        "logs": {
            "datasource": "${logs}",
            "queries": [{"refId": "A", "expr": "{namespace=`${namespace}`,${log_labels}} | json"}],
            "range": {"from": "${__from}", "to": "${__to}"},
        }
    }
    # Grafana fills in variables before the browser reads the address: they alone stay as they are.
    panes = _VARIABLE.sub(r"${\1}", quote(json.dumps(explore, separators=(",", ":")), safe=""))
    links = (
        ("Runbooks", f"{RUNBOOKS}/README.md", "What to do at each alert", "doc"),
        (
            "Logs",
            f"/explore?schemaVersion=1&panes={panes}",
            "The connector's log lines in this time, where a Loki is",
            "bolt",
        ),
    )
    for title, url, tip, icon in links:
        link = builder.DashboardLink(title).type(model.DashboardLinkType.LINK)
        board.link(link.url(url).tooltip(tip).icon(icon).target_blank(True))
    return board


def _finished(whole: dict[str, Any]) -> dict[str, Any]:
    """Numbers for the panels, and the annotations' words."""
    # Newer Grafanas leave this to whoever looks.
    whole.pop("style", None)
    for number, panel in enumerate(whole["panels"], 1):
        panel["id"] = number
    for annotation, (name, _, _, words) in zip(whole["annotations"]["list"], _MARKS, strict=True):
        annotation |= {"titleFormat": name, "textFormat": words, "step": "60s"}
    return whole


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    target.write_text(text(), encoding="utf-8")
