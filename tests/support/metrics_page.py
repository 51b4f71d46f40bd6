"""`docs/reference/metrics.md`, made from the catalogue. Run `python -m tests.support.metrics_page` after a change there."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from connector.adapters.catalogue import METRICS, Metric
from connector.adapters.telemetry.values import BOUNDS, PAIRS, VALUES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

_HEAD = """\
# Metrics

Made from `connector/adapters/catalogue.py`; do not edit. [operations.md](../operations.md) says which to watch.

Names end in their unit: `_seconds`, `_bytes`; without one it is a number of things. Counters end in `_total`;
`_timestamp_seconds` is Unix time with 0 for "none". Besides these, `/metrics` has the process's own (`process_*`, `python_*`).
Prometheus adds the labels of the scrape.
"""
_LABELS = """\
## Labels

Closed sets. What can be counted with these and with topics stands at 0 from the start, so that the first one is an increase;
attempts at Front and the registry come with their status, but for `202` and `200`.
"""
_OTHERS = """\
The others are bounded. With three topics of twelve partitions and every bound reached a process has less than 1,500 series,
and some 800 when it starts.
"""


def page(metrics: Iterable[Metric]) -> str:
    """The page's text: one row a metric, in the catalogue's order; the buckets of histograms; the values of labels."""
    return "\n".join(_lines(tuple(metrics)))


def _lines(metrics: tuple[Metric, ...]) -> Iterator[str]:
    yield _HEAD
    yield from ("| name | kind | labels | meaning |", "|---|---|---|---|")
    for metric in metrics:
        yield f"| `{metric.name}` | {metric.kind} | {_words(metric.labels)} | {metric.help} |"
    yield ""
    yield "Upper bounds of the buckets, in the unit of the name:"
    yield from ("", "| histogram | le |", "|---|---|")
    for metric in metrics:
        if metric.buckets:
            yield f"| `{metric.name}` | {' '.join(f'{bound:.15g}' for bound in metric.buckets)} |"
    yield ""
    yield _LABELS
    yield from ("| metric | label | values |", "|---|---|---|")
    for metric in metrics:
        yield from _closed(metric)
    yield ""
    yield _OTHERS
    yield from ("| label | values |", "|---|---|")
    for label, bound in BOUNDS.items():
        yield f"| `{label}` | {bound} |"
    yield ""


def _closed(metric: Metric) -> Iterator[str]:
    values = VALUES.get(metric.name, {})
    if metric.name in PAIRS:
        pairs = " ".join(f"`{first}`/`{second}`" for first, second in PAIRS[metric.name])
        yield f"| `{metric.name}` | {' / '.join(f'`{label}`' for label in values)} | {pairs} |"
        return
    for label in metric.labels:
        if label in values:
            yield f"| `{metric.name}` | `{label}` | {_words(values[label])} |"


def _words(labels: Iterable[str]) -> str:
    return " ".join(f"`{label}`" for label in labels)


if __name__ == "__main__":
    PAGE.write_text(page(METRICS.values()), encoding="utf-8")
