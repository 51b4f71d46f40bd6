"""A simulator for each test, one Chromium for all, and a page that must not complain.

A test here opens the page as its user does; anything that the browser's console calls an error, and any request that
leaves the simulator, fails the test that has it, whatever the test itself looks at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, ViewportSize, sync_playwright

from connector.simulator.server import running
from tests.browser.sender import Sender
from tests.support.chromium import find_chromium, launch_arguments
from tests.support.java import Missing

WIDE: ViewportSize = {"width": 1440, "height": 900}
NOT_FOUND = "console: Failed to load resource: the server responded with a status of 404 (Not Found)"
NARROW: ViewportSize = {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser."""
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


_STOPPED = re.compile("^console: .*(Content Security Policy|sandboxed)", re.DOTALL)


@dataclass
class Watched:
    """What a page did that it should not."""

    page: Page
    home: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("popup", lambda _: self.complaints.append("a window"))
        self.page.on("requestfinished", self._finished)
        self.page.on("console", self._said)

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append("a dialog")
        dialog.dismiss()

    def _said(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(f"console: {said.text}")

    def _finished(self, request: Request) -> None:
        # What the policy stops before it leaves does not come here; that it did not leave, a listener must say.
        if not request.url.startswith((self.home, "about:", "data:")):
            self.complaints.append(f"asked for {request.url}")

    def forgive_policy(self) -> int:
        """Forget what the browser says of stopping something; how often it did."""
        others = [said for said in self.complaints if not _STOPPED.search(said)]
        stopped = len(self.complaints) - len(others)
        self.complaints[:] = others
        return stopped


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    program = find_chromium()
    assert not isinstance(program, Missing), "the test lacks the marker `browser`"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=launch_arguments())
        yield launched
        launched.close()


@pytest.fixture
def front_url() -> Iterator[str]:
    """A simulator of the demo world, with nothing in it."""
    with running() as simulator:
        yield simulator.base_url


@pytest.fixture
def sender(front_url: str) -> Iterator[Sender]:
    """Sends to it."""
    sender = Sender(front_url)
    yield sender
    sender.close()


@pytest.fixture
def watched(browser: Browser, front_url: str) -> Iterator[Watched]:
    """A wide page that shows nothing yet, with all that it does wrong."""
    context = browser.new_context(
        viewport=WIDE, locale="en-GB", timezone_id="UTC", reduced_motion="reduce", color_scheme="light"
    )
    context.set_default_timeout(10_000)
    yield Watched(context.new_page(), front_url)
    context.close()


@pytest.fixture
def page(watched: Watched, front_url: str) -> Iterator[Page]:
    """The inbox page, open and live; it may not complain."""
    watched.page.goto(f"{front_url}/")
    watched.page.locator("#link[data-state=live]").wait_for()
    yield watched.page
    assert watched.complaints == []
