"""Messages as the inbox shows them: their order, what failed, replies, files; and the honest empty page."""

from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.conftest import NOT_FOUND, Watched
from tests.browser.looking import until
from tests.browser.sender import CHAT, Sender, picture


def open_thread(page: Page, title: str) -> None:
    """Click the row of a thread, once it is there."""
    page.get_by_role("listbox", name="Conversations and calls").get_by_text(title, exact=True).first.click()


def test_the_page_of_a_new_simulator_says_that_nothing_came_and_what_to_do(
    page: Page, front_url: str
) -> None:
    """No samples, no placeholders: an empty inbox with the address to point a connector at."""
    expect(page.get_by_role("heading", name="Nothing accepted yet")).to_be_visible()
    expect(page.locator("#threads-empty")).to_contain_text(f"base_url: {front_url}")
    expect(page.get_by_role("heading", name="No request yet")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("Live")


def test_messages_stand_in_the_order_in_which_front_took_them(page: Page, sender: Sender) -> None:
    """Inbound and outbound, each on its side, with who wrote it."""
    sender.inbound("room-1", "m-1", "Is it on its way?")
    sender.outbound("room-1", "m-2", "It leaves tonight.")
    sender.inbound("room-1", "m-3", "Thank you!")
    open_thread(page, "Nadia Ferrand")
    bubbles = page.get_by_role("log").locator(".body")
    expect(bubbles).to_have_text(["Is it on its way?", "It leaves tonight.", "Thank you!"])
    sides = page.get_by_role("log").locator("article")
    expect(sides.nth(0)).to_have_class("message inbound")
    expect(sides.nth(1)).to_have_class("message outbound")
    expect(sides.nth(1)).to_contain_text("Ines Roth")


def test_a_message_that_comes_while_the_conversation_is_open_is_added_below(
    page: Page, sender: Sender
) -> None:
    """Without a click, and without the others being made anew."""
    sender.inbound("room-1", "m-1", "First")
    open_thread(page, "Nadia Ferrand")
    first = page.locator("article").first
    expect(first).to_be_visible()
    first.evaluate("node => { node.dataset.mine = 'kept' }")
    sender.outbound("room-1", "m-2", "Second")
    expect(page.locator("article .body")).to_have_text(["First", "Second"])
    expect(first).to_have_attribute("data-mine", "kept")


def test_a_failed_message_is_marked_with_its_reason_there_and_in_the_list(page: Page, sender: Sender) -> None:
    """The mark appears on an open conversation too."""
    sender.outbound("room-1", "m-1", "Friday 17:00 it is.")
    sender.inbound("room-2", "m-2", "Hello", person={"handle": "+4930555011", "name": "Tomas Berg"})
    open_thread(page, "Nadia Ferrand")
    expect(page.locator("article")).to_have_count(1)
    sender.fail("room-1", "m-1", "Recipient number is not in service")
    expect(page.locator("article .failure")).to_contain_text("Not delivered")
    expect(page.locator("article .failure")).to_contain_text("Recipient number is not in service")
    expect(page.locator(".title .badge")).to_have_text("1 failed")
    page.get_by_role("radio", name="Failed").check()
    expect(page.locator("#threads .row")).to_have_count(1)
    expect(page.locator("#threads .row .badge")).to_have_text("1 failed")


def test_a_reply_shows_what_it_answers_and_leads_there(page: Page, sender: Sender) -> None:
    """The quoted words are a button to the message."""
    sender.inbound("room-1", "m-1", "Do you open on Sundays?")
    sender.outbound("room-1", "m-2", "Yes, from ten.", reply_to="m-1")
    sender.inbound("room-1", "m-3", "And here?", reply_to="unheard-of")
    open_thread(page, "Nadia Ferrand")
    quoted = page.get_by_role("button", name="In reply to: Do you open on Sundays?")
    quoted.click()
    expect(page.locator("article").first).to_be_focused()
    expect(page.locator("article").nth(2)).to_contain_text("unheard-of, which is not shown here")


def test_a_picture_is_shown_in_its_place(page: Page, sender: Sender) -> None:
    """From the simulator, with its own pixels, in a box whose size does not depend on it."""
    sender.inbound("room-1", "m-1", "Look", files=(("parcel.png", picture(24, 16), "image/png"),))
    open_thread(page, "Nadia Ferrand")
    image = page.get_by_role("img", name="parcel.png")
    expect(image).to_be_visible()
    until(page, "document.querySelector('.picture img').naturalWidth === 24")
    box = page.locator(".picture").bounding_box()
    assert box is not None
    assert box["height"] == 200


def test_an_attachment_opens_and_is_saved_under_its_name(page: Page, sender: Sender) -> None:
    """A text opens as text in a new tab; Save gives the same bytes."""
    receipt = ("receipt 5512.txt", b"Two boxes, 12.50", "text/plain")
    sender.inbound("room-1", "m-1", "Here", files=(receipt,))
    open_thread(page, "Nadia Ferrand")
    link = page.get_by_role("link", name="Open receipt 5512.txt")
    answer = page.request.get(f"{page.url.split('#')[0].rstrip('/')}{link.get_attribute('href')}")
    assert answer.text() == "Two boxes, 12.50"
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save").click()
    assert saved.value.suggested_filename == "receipt 5512.txt"
    assert saved.value.path().read_bytes() == b"Two boxes, 12.50"


def test_an_empty_file_is_a_card_and_no_broken_picture(page: Page, sender: Sender) -> None:
    """Zero bytes are said, not drawn."""
    sender.inbound("room-1", "m-1", "Oops", files=(("empty.png", b"", "image/png"),))
    open_thread(page, "Nadia Ferrand")
    expect(page.locator(".file")).to_contain_text("image/png · 0 B")
    expect(page.locator(".picture")).to_have_count(0)


def test_html_keeps_its_form_and_plain_text_its_lines(page: Page, sender: Sender) -> None:
    """A body is HTML or plain text; neither is shown as the other."""
    sender.inbound("room-1", "m-1", "one\n  two & three")
    sender.inbound("room-1", "m-2", "<p>A <b>bold</b> word</p><ul><li>and a list</li></ul>")
    sender.inbound("room-1", "m-3", "size &lt; 42 &amp; blue")
    open_thread(page, "Nadia Ferrand")
    bodies = page.locator("article .body")
    assert bodies.nth(0).inner_text() == "one\n  two & three"
    expect(bodies.nth(1).locator("b")).to_have_text("bold")
    expect(bodies.nth(1).locator("li")).to_have_text("and a list")
    expect(bodies.nth(2)).to_have_text("size < 42 & blue")


def test_a_long_conversation_is_read_from_its_end_and_back(page: Page, sender: Sender) -> None:
    """The newest sixty are drawn; the earlier ones come when asked for, and what is read stays in sight."""
    for number in range(80):
        sender.inbound("room-1", f"m-{number}", f"Line {number}")
    open_thread(page, "Nadia Ferrand")
    expect(page.locator("article")).to_have_count(60)
    expect(page.locator("article").last).to_be_in_viewport()
    page.get_by_role("button", name="Earlier messages (20)").click()
    expect(page.locator("article")).to_have_count(80)
    expect(page.locator("article .body").first).to_have_text("Line 0")
    expect(page.get_by_role("button", name="Earlier messages")).to_be_hidden()


def test_a_link_to_a_conversation_opens_it(
    page: Page, watched: Watched, sender: Sender, front_url: str
) -> None:
    """The address holds the place: reload and Back work; a place that is not there says so."""
    sender.inbound("room/1 ü", "m-1", "Hello")
    open_thread(page, "Nadia Ferrand")
    expect(page.locator("article")).to_have_count(1)
    page.reload()
    expect(page.locator("article .body")).to_have_text("Hello")
    page.go_back()
    expect(page.get_by_role("heading", name="Nothing opened")).to_be_visible()
    page.goto(f"{front_url}/#open=conversation&in={CHAT}&id={quote('nowhere')}")
    expect(page.get_by_role("heading", name="This conversation is not here")).to_be_visible()
    # The browser itself reports the 404.
    watched.complaints.remove(NOT_FOUND)
