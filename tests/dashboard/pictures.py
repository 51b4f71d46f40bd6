"""Makes the dashboard's pictures and the table of docs/dashboard.md: `python -m tests.dashboard.pictures [docs]`.

A connector runs for two minutes: in calm, in trouble, and after it. What Prometheus returns is drawn; Grafana is not needed.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from tests.browser.palette import smaller
from tests.dashboard.ask import Panel, Phase, asked, panels
from tests.dashboard.drawing import Span, card, chart, page, tile
from tests.dashboard.scene import Scene, played
from tests.dashboard.seen import Seen, table
from tests.support.chromium import find_chromium, launch_arguments
from tests.support.java import Missing
from tests.support.prometheus import find_prometheus

DOCS = Path(__file__).parents[2] / "docs"
SIZE_MAX = 200_000
_LINGER_S = 12.0
_TILES = 9
_OVER_TIME = (
    "State of each process",
    "Outcomes",
    "Requests by status",
    "Circuit of each app",
    "Behind by, ten worst partitions",
    "In flight and queued",
    "Dead letters, by reason",
    "Holds, by scope and reason",
    "Blocked keys and missing channels",
    "Errors, by step and kind",
    "Latency p95, by operation",
    "Time held back by limits",
)
_MARKS = re.compile(r"(<!-- measured -->\n).*?(<!-- /measured -->)", re.DOTALL)


def main(docs: Path) -> None:
    """Play, draw, write."""
    chromium, prometheus = find_chromium(), find_prometheus()
    for found in (chromium, prometheus):
        if isinstance(found, Missing):
            sys.exit(found.reason)
    assert not isinstance(chromium, Missing)
    assert not isinstance(prometheus, Missing)
    every = panels()
    with TemporaryDirectory() as folder, played(Path(folder), prometheus, _LINGER_S) as scene:
        drawn = {
            "dashboard-first-row": first_row(scene, every),
            "dashboard-over-time": over_time(scene, every),
        }
        rows = "".join(f"{line}\n" for line in table(Seen.of(scene, every), every))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=launch_arguments())
        for name, body in drawn.items():
            photograph(browser, page(body), docs / "pictures", name)
        browser.close()
    text = (docs / "dashboard.md").read_text(encoding="utf-8")
    (docs / "dashboard.md").write_text(
        _MARKS.sub(lambda found: found[1] + rows + found[2], text), encoding="utf-8"
    )


def first_row(scene: Scene, every: tuple[Panel, ...]) -> str:
    """The tiles of the first row at four moments."""
    return "".join(
        f"<h2>{title}</h2><div class=row>"
        + "".join(
            card(panel, tile(panel, asked(scene.prometheus, panel, at - 3, at), at))
            for panel in every[:_TILES]
        )
        + "</div>"
        for title, at in _moments(scene, every[0])
    )


def over_time(scene: Scene, every: tuple[Panel, ...]) -> str:
    """The panels that move, over all phases."""
    span = Span(tuple(scene.phases))
    cards = []
    for title in _OVER_TIME:
        panel = next(panel for panel in every if panel.title == title)
        lines = asked(scene.prometheus, panel, span.begin, span.end)
        cards.append(_third(card(panel, chart(panel, lines, span))))
    return f"<div class=row>{''.join(cards)}</div>"


def photograph(browser: Browser, content: str, folder: Path, name: str) -> None:
    """The page in light and in dark."""
    for scheme in ("light", "dark"):
        shown = browser.new_page(
            viewport={"width": 1400, "height": 800},
            color_scheme="light" if scheme == "light" else "dark",
            device_scale_factor=1,
        )
        shown.set_content(content)
        data = smaller(shown.screenshot(full_page=True))
        assert len(data) <= SIZE_MAX, "docs are read over slow lines too"
        (folder / f"{name}-{scheme}.png").write_bytes(data)
        print(f"{folder / name}-{scheme}.png: {len(data):,} bytes")


def _moments(scene: Scene, health: Panel) -> Iterator[tuple[str, float]]:
    calm, fault, recovery = scene.phases
    yield "Calm", calm.end
    yield "Fault: Front answers 503 to everything", _worst(scene, health, fault)
    yield "Fault: one channel's token is refused, bad records come, the registry fails", fault.end
    yield "Recovery", recovery.end


def _worst(scene: Scene, health: Panel, phase: Phase) -> float:
    """The last moment at which the first panel's number was highest."""
    (line,) = asked(scene.prometheus, health, phase.begin, phase.end)
    top = max(line.values)
    return max(at for at, value in line.points if value == top)


def _third(found: str) -> str:
    return re.sub(r"span \d+", "span 8", found, count=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
