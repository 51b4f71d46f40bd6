"""The connector's status page as its user sees it: in words and colour, live, narrow and wide, by keyboard, and with any text.

The listener is the real one, with its guard and its policy; what it tells is chosen by the test.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser, Page, ViewportSize, expect

from connector.core.status import (
    BlockedKey,
    ChannelWait,
    CircuitStatus,
    CompanyPace,
    Detail,
    HoldStatus,
    PartitionStatus,
    RequestInFlight,
)
from tests.browser.conftest import NARROW, WIDE, Watched
from tests.browser.test_use import CONTRASTS, OVERFLOWS
from tests.support.axe import NEEDED, find_axe
from tests.support.java import Missing
from tests.unit.admin_stage import NOW, Desk

HTML = "<img src=x onerror=alert(1)>"
BLOCKED = BlockedKey(
    key_hash="0f3b77aa1c20",
    topic="telephony.calls.v1",
    partition=1,
    offset=20311,
    since_wall=NOW - 3820,
    reason="503",
    attempts=7,
    operation="create-call",
    next_wall=NOW + 20,
)
OLDEST = RequestInFlight(
    topic="calls", partition=1, offset=8, since_wall=NOW - 74, attempts=2, operation="create-call"
)


def trouble(desk: Desk) -> None:
    """Something in every table."""
    desk.be(
        in_flight=12,
        queued=340,
        blocked_keys=131,
        oldest_blocked_wall=NOW - 3820,
        holds=(HoldStatus("channel", "forbidden", "cha_1", NOW - 4000),),
        circuits=(CircuitStatus("main", "closed"), CircuitStatus("emea", "half_open", NOW - 45)),
        partitions=(*desk.snapshot.partitions, PartitionStatus("a" * 249, 0, paused_reason="backpressure")),
        reloaded=(("channels", True), ("mapping", False)),
        mappings_hash="cd34" * 16,
        config_hash="ab12" * 16,
        lease_remaining_s=27.4,
    )
    desk.detail = Detail(
        blocked=(BLOCKED,),
        oldest=OLDEST,
        in_flight={("calls", 1): 2},
        waits=(ChannelWait(scope="channel", name="cha_1", until_wall=NOW + 30),),
        paces=(CompanyPace(company="Northwind", started=48, limit=50),),
    )
    desk.logs.levels.log.warning("record.dead_lettered", reason="mapping_failed", stage="map", topic="calls")
    desk.logs.levels.log.error("kafka.error", error_type="_ALL_BROKERS_DOWN")


@dataclass
class Served:
    """`desk` may be changed while the page is open."""

    desk: Desk
    url: str


@pytest.fixture
def served() -> Iterator[Served]:
    """A process in order, its listener in a thread."""
    desk = Desk()
    desk.be(partitions=desk.snapshot.partitions[:2], circuits=(CircuitStatus("main", "closed"),))
    with start_blocking_portal() as portal:
        portal.call(desk.listener.start)
        try:
            yield Served(desk, f"http://127.0.0.1:{desk.listener.port}")
        finally:
            portal.call(desk.listener.close)


@pytest.fixture
def watched(browser: Browser, served: Served) -> Iterator[Watched]:
    """A page that may not complain nor ask anybody else."""
    context = browser.new_context(viewport=WIDE, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(10_000)
    yield Watched(context.new_page(), served.url)
    context.close()


@pytest.fixture
def page(watched: Watched, served: Served) -> Iterator[Page]:
    """Open, and shown once."""
    opened(watched.page, served)
    yield watched.page
    assert watched.complaints == []


def opened(page: Page, served: Served) -> None:
    """Go there and wait for the first look."""
    page.goto(f"{served.url}/status")
    page.locator("#main[aria-busy=false]").wait_for()


def test_a_process_in_order_is_said_to_be_in_one_look(page: Page) -> None:
    """The state in words with its tone, the partitions, and that nothing else is the matter."""
    expect(page.locator("#headline")).to_have_text("Running")
    expect(page.locator("#verdict")).to_have_attribute("data-tone", "good")
    expect(page).to_have_title("Running – shop-connector")
    row = page.get_by_role("table", name="Partitions").get_by_role("row").nth(2)
    expect(row.get_by_role("cell")).to_have_text(["calls-1", "4", "3", "0", "5", "8", "9", "reads"])
    expect(page.get_by_text("Nothing holds.")).to_be_visible()
    expect(page.get_by_text("No key waits after a failure.")).to_be_visible()


def test_what_goes_wrong_appears_by_itself(page: Page, served: Served) -> None:
    """Within two looks: headline, sentences, holds, the blocked key with age, reason and record, and the last errors."""
    trouble(served.desk)
    expect(page.locator("#headline")).to_have_text("Running, and something waits")
    expect(page.locator("#verdict")).to_have_attribute("data-tone", "attention")
    expect(page.locator("#because li")).to_have_count(5)
    keys = page.get_by_role("table", name="Blocked keys").get_by_role("cell")
    expect(keys).to_have_text(
        ["0f3b77aa1c20", "telephony.calls.v1-1 @ 20311", "503 · create-call", "1 h 3 min", "7", "in 21 s"]
    )
    expect(page.get_by_text("the oldest 1 of 131")).to_be_visible()
    holds = page.get_by_role("table", name="Holds").get_by_role("cell")
    expect(holds).to_have_text(["channel", "cha_1", "forbidden", "1 h 6 min"])
    recent = page.get_by_role("table", name="Recent warnings and errors").get_by_role("row")
    expect(recent.nth(1)).to_contain_text("kafka.error")
    expect(recent.nth(1)).to_contain_text("_ALL_BROKERS_DOWN")
    expect(recent.nth(2)).to_contain_text("mapping failed")


def test_an_old_picture_is_not_taken_for_a_new_one(page: Page, watched: Watched, served: Served) -> None:
    """When nobody answers any more the page says since when; when somebody does, it is current again."""
    page.route("**/status.json", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("what follows is old")
    page.unroute("**/status.json")
    expect(page.locator("#stale")).to_be_hidden()
    watched.complaints[:] = [said for said in watched.complaints if "net::ERR_FAILED" not in said]


def test_refreshing_can_be_stopped_by_keyboard(page: Page, served: Served) -> None:
    """To read in peace; and begun again. The skip link is the first thing that is reached."""
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the status")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Stop refreshing")).to_be_focused()
    page.keyboard.press("Enter")
    served.desk.be(state="draining", ready=False)
    page.wait_for_timeout(2500)
    expect(page.locator("#headline")).to_have_text("Running")
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_have_text("Stopping: what is in flight is awaited")


def test_names_are_shown_as_text_whatever_they_hold(page: Page, served: Served) -> None:
    """A topic, a channel, a company: none of them is read as HTML."""
    served.desk.be(
        holds=(HoldStatus("topic", "topic_missing", HTML, NOW),),
        partitions=(PartitionStatus(HTML, 0),),
        reasons=(HTML,),
    )
    expect(page.get_by_text(HTML, exact=True)).to_have_count(1)
    expect(page.locator("#because li").first).to_contain_text(HTML)
    assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    "viewport", [NARROW, {"width": 320, "height": 640}, WIDE], ids=["390", "320", "1440"]
)
def test_nothing_is_wider_than_the_window(page: Page, served: Served, viewport: ViewportSize) -> None:
    """On a telephone a row is a card with its labels; the longest name that Kafka allows is broken."""
    trouble(served.desk)
    page.set_viewport_size(viewport)
    expect(page.locator("#headline")).to_have_text("Running, and something waits")
    assert page.evaluate(OVERFLOWS) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["390", "1440"])
def test_everybody_can_read_it(browser: Browser, served: Served, scheme: str, viewport: ViewportSize) -> None:
    """Contrast of 4.5 to 1 as painted, and axe-core's rules for WCAG 2.2 AA, with something in every table."""
    trouble(served.desk)
    context = browser.new_context(
        viewport=viewport, color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True
    )
    page = context.new_page()
    opened(page, served)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 60, "something is there to be read"
    assert [one for one in contrasts if one[0] < 4.5] == []
    script = find_axe()
    if isinstance(script, Missing):
        assert not os.environ.get("CI"), f"{script.reason}: {NEEDED}"
        pytest.skip(f"{script.reason}: {NEEDED}")
    page.evaluate(script.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run(document)).violations")
    assert [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]] == []
    context.close()
