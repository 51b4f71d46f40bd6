"""The live stream of requests: what became of each, and why; the page under many of them, and when Front goes away."""

import socket

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser, Page, expect

from connector.simulator.server import Simulator
from tests.browser.conftest import WIDE, Watched
from tests.browser.looking import until
from tests.browser.sender import CHAT, Sender


def test_accepted_and_refused_requests_appear_with_the_reason(page: Page, sender: Sender) -> None:
    """A 400 names the place in the body, a 401 the token, a 404 the route."""
    sender.inbound("room-1", "m-1", "Hello")
    sender.send("POST", CHAT, "/inbound_messages", json={"body": "no sender"})
    sender.send("POST", "nobody", "/inbound_messages", json={})
    sender.send("GET", CHAT, "/nothing")
    rows = page.locator("#stream .row")
    expect(rows).to_have_count(4)
    expect(rows.nth(3)).to_contain_text("202")
    expect(rows.nth(3)).to_contain_text("Accepted")
    expect(rows.nth(2)).to_contain_text("Refused. body.")
    expect(rows.nth(1)).to_contain_text("Refused.")
    expect(rows.nth(0)).to_contain_text("No operation has this method and path")


def test_a_request_tells_all_and_leads_to_what_it_brought(page: Page, sender: Sender) -> None:
    """One click to its facts, one more to the conversation."""
    sender.inbound("room-1", "m-1", "Hello")
    page.locator("#stream .row").first.click()
    expect(page.locator(".pairs")).to_contain_text("room-1")
    expect(page.locator(".opened")).to_contain_text("Front took it and stored it.")
    page.get_by_role("link", name="Show the conversation").click()
    expect(page.locator("article .body")).to_have_text("Hello")


def test_429s_and_faults_are_told_apart(page: Page, sender: Sender) -> None:
    """A limit is a limit, a fault rule is named, and each has its filter."""
    sender.control("PATCH", "/switches", {"tier_rps": 1})
    answers = [sender.send("POST", CHAT, "/inbound_messages", json={}).status_code for _ in range(3)]
    assert 429 in answers
    sender.control("PATCH", "/switches", {"tier_rps": 0})
    sender.control("PUT", "/faults", [{"effect": "status", "status": 503}])
    sender.send("POST", CHAT, "/inbound_messages", json={})
    rows = page.locator("#stream .row")
    expect(rows.first).to_contain_text("A fault rule struck: status")
    page.get_by_role("radio", name="429").check()
    expect(rows).to_have_count(answers.count(429))
    expect(rows.first).to_contain_text("Too many. The channel's limit, tier_rps")
    page.get_by_role("radio", name="Refused").check()
    expect(rows.first).to_contain_text("503")


def test_a_paused_stream_holds_still_and_counts_what_is_new(page: Page, sender: Sender) -> None:
    """The button with the number shows it."""
    sender.inbound("room-1", "m-1", "One")
    rows = page.locator("#stream .row")
    expect(rows).to_have_count(1)
    page.keyboard.press("p")
    sender.inbound("room-1", "m-2", "Two")
    sender.inbound("room-1", "m-3", "Three")
    expect(page.locator("#stream-fresh")).to_have_text("2 new")
    expect(rows).to_have_count(1)
    page.locator("#stream-fresh").click()
    expect(rows).to_have_count(3)
    expect(page.get_by_role("button", name="Pause", exact=True)).to_have_attribute("aria-pressed", "false")


def test_nothing_moves_under_the_pointer(page: Page, sender: Sender) -> None:
    """While a row is pointed at, new activity waits behind a button; on leaving, the list follows."""
    sender.inbound("room-1", "m-1", "One")
    first = page.locator("#threads .row").first
    first.hover()
    sender.inbound("room-2", "m-2", "Two", person={"handle": "+4930555011", "name": "Tomas Berg"})
    expect(page.locator("#threads-fresh")).to_have_text("1 updated")
    expect(page.locator("#threads .row").first).to_contain_text("Nadia Ferrand")
    page.mouse.move(2, 2)
    expect(page.locator("#threads .row[aria-posinset='1']")).to_contain_text("Tomas Berg")
    expect(page.locator("#threads-fresh")).to_be_hidden()


def test_two_thousand_conversations_and_their_requests_stay_a_small_document(
    page: Page, sender: Sender
) -> None:
    """What is in the document depends on the height of the window, not on what arrived; all of it can be reached."""
    for number in range(2000):
        person = {"handle": f"+49305{number:05}", "name": f"Customer {number}"}
        sender.inbound(f"room-{number}", f"m-{number}", f"Question {number}", person=person)
    expect(page.locator("#totals")).to_contain_text("2,000 accepted")
    expect(page.locator("#threads .row").first).to_contain_text("Customer 1999")
    nodes = page.evaluate("document.querySelectorAll('*').length")
    assert nodes < 1500, f"{nodes} elements"
    box = page.locator("#threads")
    box.focus()
    while page.locator("#threads-count").inner_text() != "2,000":
        page.keyboard.press("End")
        until(page, "document.querySelector('#threads').scrollTop > 0")
    page.keyboard.press("End")
    expect(page.locator("#threads .row[aria-selected=true]")).to_contain_text("Customer 0")
    assert page.evaluate("document.querySelectorAll('*').length") < 1500


def test_memory_is_bounded_however_many_requests_there_were(page: Page, sender: Sender) -> None:
    """The page keeps the newest two thousand requests and forgets the others."""
    kept = page.evaluate(
        """async () => {
          const { Requests, KEPT_MAX } = await import("/page/requests.js");
          const requests = new Requests();
          for (let start = 0; start < 100000; start += 1000) {
            requests.add(Array.from({ length: 1000 }, (_, at) => ({ seq: start + at + 1, status: 202 })), []);
          }
          return [requests.newestFirst.length, requests.newestFirst[0].seq, KEPT_MAX];
        }"""
    )
    assert kept == [2000, 100_000, 2000]


def test_a_hidden_page_asks_for_nothing(page: Page, sender: Sender) -> None:
    """Looked at again, it is up to date at once."""
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sender.inbound("room-1", "m-1", "Hello")
    # Longer than the page's pace; nothing else would show that nothing comes.
    page.wait_for_timeout(1600)
    late = asked[:]
    page.evaluate(
        """() => {
          delete document.hidden;
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    expect(page.locator("#threads .row")).to_have_count(1)
    assert len(late) <= 1, "one look may have been under way"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("open_thread", [False, True])
def test_the_page_finds_a_simulator_that_was_started_again(browser: Browser, open_thread: bool) -> None:
    """It says that there is no answer, then shows the new run and nothing of the old one."""
    port = _free_port()
    with start_blocking_portal() as portal:
        first = Simulator()
        portal.call(first.start, "127.0.0.1", port)
        watched = Watched(browser.new_page(viewport=WIDE), first.base_url)
        page = watched.page
        page.goto(f"{first.base_url}/")
        before = Sender(first.base_url)
        before.inbound("room-1", "m-1", "Before")
        expect(page.locator("#threads .row")).to_contain_text("Before")
        if open_thread:
            page.locator("#threads .row").first.click()
            expect(page.locator("article")).to_have_count(1)
            page.mouse.move(2, 2)
        before.close()
        portal.call(first.close)
        expect(page.get_by_role("alert")).to_contain_text("The simulator does not answer")
        expect(page.locator("#threads .row")).to_contain_text("Before")
        second = Simulator()
        portal.call(second.start, "127.0.0.1", port)
        after = Sender(second.base_url)
        after.inbound("room-9", "m-1", "After")
        expect(page.locator("#threads .row")).to_have_count(1, timeout=20_000)
        expect(page.locator("#threads .row")).to_contain_text("After")
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.locator("#stream .row")).to_have_count(1)
        if open_thread:
            expect(page.get_by_role("heading", name="This conversation is not here")).to_be_visible()
        after.close()
        page.close()
        portal.call(second.close)
    assert [said for said in watched.complaints if "error:" in said] == []
