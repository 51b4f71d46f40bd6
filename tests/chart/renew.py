"""Write what is made from other files of the chart: `python -m tests.chart.renew`, then read the difference.

The chart's README, the connector's part of values.schema.json, and the golden renders.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.chart import goldens, readme, values_schema
from tests.chart.rendering import VARIANTS

MADE: Mapping[Path, Callable[[], str]] = {
    # First: without it Helm may refuse what the goldens are rendered from.
    values_schema.SCHEMA: values_schema.renewed,
    readme.PAGE: readme.renewed,
    **{goldens.FOLDER / f"{variant}.yaml": partial(goldens.renewed, variant) for variant in VARIANTS},
}
"""Every file that is made, with what it should hold."""


def main() -> None:
    for old in goldens.FOLDER.glob("*.yaml"):
        if old not in MADE:
            old.unlink()
    for path, text in MADE.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
