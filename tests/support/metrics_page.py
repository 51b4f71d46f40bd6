"""`docs/reference/metrics.md`, made from the catalogue. Run `python -m tests.support.metrics_page` after a change there."""

from collections.abc import Iterable
from pathlib import Path

from connector.adapters.catalogue import METRICS, Metric

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

_HEAD = """\
# Metrics

Made from `connector/adapters/catalogue.py`; do not edit. [operations.md](../operations.md) says which to watch.

Counters end in `_total`; `_timestamp_seconds` is Unix time with 0 for "none". Besides these, `/metrics` has the process's
own (`process_*`, `python_*`). Prometheus adds the labels of the scrape.
"""


def page(metrics: Iterable[Metric]) -> str:
    """The page's text: one row a metric, in the catalogue's order; then the buckets of histograms."""
    metrics = tuple(metrics)
    rows = [
        f"| `{metric.name}` | {metric.kind} | {_words(metric.labels)} | {metric.help} |" for metric in metrics
    ]
    buckets = [
        f"| `{metric.name}` | {' '.join(f'{bound:g}' for bound in metric.buckets)} |"
        for metric in metrics
        if metric.buckets
    ]
    tables = [
        ["| name | kind | labels | meaning |", "|---|---|---|---|", *rows],
        ["Upper bounds of the buckets, in seconds:", "", "| histogram | le |", "|---|---|", *buckets],
    ]
    return "\n".join([_HEAD, *tables[0], "", *tables[1], ""])


def _words(labels: Iterable[str]) -> str:
    return " ".join(f"`{label}`" for label in labels)


if __name__ == "__main__":
    PAGE.write_text(page(METRICS.values()), encoding="utf-8")
