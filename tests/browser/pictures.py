"""Makes the README's pictures from a demo that runs: `python -m tests.browser.pictures [folder]`, by default docs/pictures.

Four: a wide page with a call and a narrow one with a conversation, each in light and in dark. What they show is what the demo
sends, so a picture tells no more than the page does.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.browser.conftest import NARROW, WIDE
from tests.browser.palette import smaller
from tests.support.chromium import find_chromium, launch_arguments
from tests.support.java import Missing

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
RECORDS = 4000
SHOWN_FROM = 2800
"""Requests accepted before the pictures are taken: limits and faults have struck by then, and most is still to come."""
SIZE_MAX = 200_000

Scheme = Literal["light", "dark"]


def main(folder: Path) -> None:
    """Run the demo, take the pictures while it runs, stop it."""
    program = find_chromium()
    if isinstance(program, Missing):
        sys.exit(program.reason)
    folder.mkdir(parents=True, exist_ok=True)
    with running_demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=launch_arguments())
        schemes: tuple[Scheme, ...] = ("light", "dark")
        wide = {scheme: opened(browser, url, scheme, WIDE) for scheme in schemes}
        narrow = {scheme: opened(browser, url, scheme, NARROW) for scheme in schemes}
        until_accepted(wide["light"], SHOWN_FROM)
        taken = {}
        for scheme in schemes:
            taken[f"inbox-{scheme}.png"] = photograph(wide[scheme], best_call(wide[scheme]))
            taken[f"inbox-narrow-{scheme}.png"] = photograph(
                narrow[scheme], best_conversation(narrow[scheme])
            )
        browser.close()
    for name, png in taken.items():
        data = smaller(png)
        assert len(data) <= SIZE_MAX, "a README is read over slow lines too"
        (folder / name).write_bytes(data)
        print(f"{folder / name}: {len(data):,} bytes")


@contextmanager
def running_demo() -> Iterator[str]:
    """The demo with faults in a process of its own; the address of its page."""
    command = [sys.executable, "-m", "connector", "demo", "--records", str(RECORDS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        try:
            address = next(filter(None, (re.search(r"http://\S+", line) for line in demo.stdout)))
            yield address[0]
        finally:
            demo.terminate()


def opened(browser: Browser, url: str, scheme: Scheme, viewport: ViewportSize) -> Page:
    """The page, live."""
    page = browser.new_page(viewport=viewport, color_scheme=scheme, locale="en-GB")
    page.goto(url)
    page.locator("#link[data-state=live]").wait_for()
    return page


def until_accepted(page: Page, count: int) -> None:
    """Until Front has accepted so many."""
    while news(page, "live", after=10**12)["outcomes"].get("accepted", 0) < count:
        page.wait_for_timeout(300)


def news(page: Page, route: str, **query: Any) -> Any:
    """What a route of the page answers."""
    origin = page.url.split("#", maxsplit=1)[0].rstrip("/")
    return page.request.get(f"{origin}/_sim/inbox/{route}?{urlencode(query)}").json()


def best_call(page: Page) -> Mapping[str, Any]:
    """A call with all that a call can have, out of those that stand above in the list."""
    heads = news(page, "threads", kind="calls", limit=30)["threads"]
    return max(
        heads,
        key=lambda head: (all(head[of] for of in ("recordings", "summaries", "transcripts")), head["seq"]),
    )


def best_conversation(page: Page) -> Mapping[str, Any]:
    """A conversation with a failure, a file or both, short enough to be seen whole."""
    heads = news(page, "threads", kind="messages", limit=500)["threads"]
    return min(
        heads,
        key=lambda head: (
            not 3 <= head["count"] <= 4,
            -bool(head["failed"]) - bool(head["files"]),
            -head["seq"],
        ),
    )


def photograph(page: Page, head: Mapping[str, Any]) -> bytes:
    """Open it and take the picture."""
    place = urlencode({"open": head["kind"], "in": head["channel"], "id": head["id"]})
    page.evaluate("place => { location.hash = place }", place)
    page.locator(".opened").wait_for()
    page.wait_for_timeout(1200)
    return page.screenshot()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
