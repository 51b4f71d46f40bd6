"""Channels with the status that Front shows, however many; templates with their preview."""

import re

from playwright.sync_api import Browser, Page, expect

from connector.simulator.server import running
from connector.simulator.world import Channel, World
from tests.browser.conftest import WIDE
from tests.browser.sender import Sender
from tests.browser.test_inbox import open_thread


def test_the_status_of_a_channel_is_shown_as_front_has_it(page: Page, sender: Sender) -> None:
    """A word and a shape, not a colour alone; how many are offline stands above."""
    sender.status("offline")
    row = page.locator("#channels .channel", has_text="chat@corner-shop.example")
    expect(row.locator(".badge")).to_have_text("Offline")
    expect(page.locator("#offline-count")).to_have_text("1 offline")
    row.click()
    expect(page.locator("#threads-state")).to_have_text("Offline")
    sender.status("ok")
    expect(row.locator(".badge")).to_have_text("OK")
    expect(page.locator("#threads-state")).to_have_text("OK")
    expect(page.locator("#offline-count")).to_be_hidden()


def test_choosing_a_channel_or_a_company_shows_only_what_is_theirs(page: Page, sender: Sender) -> None:
    """And a button shows all again."""
    sender.inbound("room-1", "m-1", "Shop")
    other = {"handle": "+33155501000", "name": "Tomas Berg"}
    sender.inbound("room-2", "m-2", "Travel", channel="cha_travel_chat", person=other)
    rows = page.locator("#threads .row")
    expect(rows).to_have_count(2)
    page.locator("#channels .channel", has_text="chat@harbour.example").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Tomas Berg")
    page.locator("#channels .company", has_text="corner-shop").click()
    expect(rows).to_contain_text("Nadia Ferrand")
    page.locator("#filter-off").click()
    expect(rows).to_have_count(2)


def test_a_thousand_channels_are_a_list_that_can_be_filtered(browser: Browser) -> None:
    """Only what is in sight is in the document; words find a channel."""
    channels = {
        f"cha_{number:04}": Channel(company=f"company-{number % 90:02}", app="app") for number in range(1000)
    }
    companies = tuple(f"company-{number:02}" for number in range(90))
    world = World.model_validate({"apps": {"app": "secret"}, "companies": companies, "channels": channels})
    with running(world) as simulator:
        page = browser.new_page(viewport=WIDE)
        page.goto(f"{simulator.base_url}/")
        rows = page.locator("#channels .row")
        expect(page.locator("#channel-filter")).to_have_attribute("placeholder", "Filter 1,000 channels")
        assert 10 < rows.count() < 60
        page.get_by_role("searchbox", name="Filter the channels").fill("0777")
        expect(rows).to_have_count(2)
        expect(rows.nth(1)).to_contain_text("cha_0777")
        page.get_by_role("searchbox", name="Filter the channels").fill("no such")
        expect(page.locator("#channels-empty")).to_be_visible()
        page.close()


def test_templates_are_shown_with_state_variables_and_preview(page: Page, sender: Sender) -> None:
    """The preview stands in a frame without any rights."""
    sender.template("tpl-1", '<div style="padding:8px">Hi {{1}}, collect at <b>{{2}}</b></div>')
    sender.template("tpl-2", "<p>No</p>", name="refused_one", status_name="REJECTED", is_disabled=True)
    page.get_by_role("link", name="Templates", exact=True).first.click()
    rows = page.locator("#templates .row")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("Rejected")
    expect(rows.nth(1)).to_contain_text("Disabled")
    rows.nth(0).click()
    expect(page.locator(".title")).to_contain_text(re.compile("Approved.*Usable", re.DOTALL))
    expect(page.locator(".table")).to_contain_text("Customer name")
    frame = page.locator("iframe.preview")
    expect(frame).to_have_attribute("sandbox", "")
    expect(frame.content_frame.locator("b")).to_have_text("{{2}}")
    padding = frame.content_frame.locator("div").evaluate("node => getComputedStyle(node).padding")
    assert padding == "8px", "inline styles are all that a template has"


def test_a_template_that_is_synced_again_is_shown_as_it_is_now(page: Page, sender: Sender) -> None:
    """The list follows while it is open."""
    sender.template("tpl-1", "<p>One</p>", status_name="PENDING")
    page.keyboard.press("2")
    expect(page.locator("#templates .row")).to_contain_text("Pending")
    sender.template("tpl-1", "<p>One</p>")
    expect(page.locator("#templates .row")).to_contain_text("Approved")


def test_search_finds_words_names_ids_and_files_whatever_the_case(page: Page, sender: Sender) -> None:
    """In bodies, in names beyond ASCII, in names of files, in summaries; and says when there is nothing."""
    sender.inbound("room-1", "m-1", "The PARCEL is damaged")
    sender.inbound("room-2", "m-2", "Hi", person={"handle": "+4930555012", "name": "Zoë Ünal"})
    sender.inbound("room-3", "m-3", "Hi", files=(("Lieferschein.txt", b"x", "text/plain"),))
    sender.call("leg-7", {"connected": 1, "hangup": 2})
    sender.summary("leg-7", "Wants a refund")
    rows, box = page.locator("#threads .row"), page.get_by_role("searchbox", name="Search messages")
    expect(rows).to_have_count(4)
    for wanted, found in (
        ("parcel", "The PARCEL"),
        ("zoË", "Zoë Ünal"),
        ("lieferschein", "1 file"),
        ("REFUND", "Wants a refund"),
        ("room-2", "Zoë Ünal"),
    ):
        box.fill(wanted)
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(found)
    box.fill("not to be found")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    box.press("Escape")
    expect(rows).to_have_count(4)
    open_thread(page, "Zoë Ünal")
