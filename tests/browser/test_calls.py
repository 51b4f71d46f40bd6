"""Calls as the page shows them: states with their times, the recording, the summary, the transcript."""

from playwright.sync_api import Page, expect

from tests.browser.looking import until
from tests.browser.sender import Sender
from tests.browser.test_inbox import open_thread


def whole_call(sender: Sender, call: str = "leg-1") -> None:
    sender.call(call, {"connected": 12, "hold": 60, "hangup": 90})
    sender.recording(call, seconds=1.5)
    sender.summary(call, "Asked for a later slot.\nAgreed on Friday.")
    lines = [
        ("Ines Roth", "Corner Shop, hello.", 0.4, "internal"),
        ("Nadia Ferrand", "I need a later slot.", 3.1, "external"),
    ]
    sender.transcript(call, lines)


def test_the_states_of_a_call_stand_on_a_line_of_time(page: Page, sender: Sender) -> None:
    """Each with its word, its time and how long it lasted."""
    whole_call(sender)
    open_thread(page, "Nadia Ferrand")
    steps = page.locator(".timeline li")
    expect(steps).to_have_count(4)
    expect(steps.nth(0)).to_contain_text("Ringing")
    expect(steps.nth(0)).to_contain_text("for 12 s")
    expect(steps.nth(1)).to_contain_text("Connected")
    expect(steps.nth(1)).to_contain_text("for 48 s")
    expect(steps.nth(3)).to_contain_text("Ended")
    expect(page.locator(".strip")).to_have_attribute("aria-label", "Lasted 1 min 30 s in all")


def test_a_state_that_front_ignored_is_shown_as_ignored(page: Page, sender: Sender) -> None:
    """Front answers 202 to a state that cannot follow, and drops it: the page tells what Front does not."""
    sender.call("leg-1", {"connected": 5, "hangup": 9, "ringing": 11})
    open_thread(page, "Nadia Ferrand")
    ignored = page.locator(".timeline li.ignored")
    expect(ignored).to_have_count(1)
    expect(ignored).to_contain_text("Ignored: its state does not allow it")
    expect(page.locator(".title .badge")).to_have_text("Ended")


def test_a_recording_plays(page: Page, sender: Sender) -> None:
    """The player knows how long it is, plays on, and can be wound from a line of the transcript."""
    whole_call(sender)
    open_thread(page, "Nadia Ferrand")
    until(page, "document.querySelector('audio')?.readyState >= 1")
    duration = page.evaluate("document.querySelector('audio').duration")
    assert abs(duration - 1.5) < 0.01
    page.evaluate("document.querySelector('audio').play()")
    until(page, "document.querySelector('audio').currentTime > 0.05")
    page.evaluate("document.querySelector('audio').pause()")
    page.get_by_role("button", name="Play from 0:03").click()
    until(page, "document.querySelector('audio').ended")


def test_summary_and_transcript_are_aligned_by_who_speaks(page: Page, sender: Sender) -> None:
    """Lines of the agent on one side, of the caller on the other, each with its time."""
    whole_call(sender)
    open_thread(page, "Nadia Ferrand")
    assert page.locator(".summary").inner_text() == "Asked for a later slot.\nAgreed on Friday."
    agent = page.locator(".transcript li.internal > div").bounding_box()
    caller = page.locator(".transcript li.external > div").bounding_box()
    assert agent is not None
    assert caller is not None
    assert agent["x"] > caller["x"]
    expect(page.locator(".transcript li.external")).to_contain_text("I need a later slot.")
    expect(page.locator(".transcript .stamp")).to_have_text(["0:00", "0:03"])


def test_what_comes_to_an_open_call_leaves_its_player_alone(page: Page, sender: Sender) -> None:
    """A part is made anew only when it changed."""
    sender.call("leg-1", {"connected": 5, "hangup": 9})
    sender.recording("leg-1")
    open_thread(page, "Nadia Ferrand")
    page.locator("audio").evaluate("node => { node.dataset.mine = 'kept' }")
    expect(page.get_by_text("No summary was sent.")).to_be_visible()
    sender.summary("leg-1", "All agreed.")
    expect(page.locator(".summary")).to_have_text("All agreed.")
    expect(page.locator("audio")).to_have_attribute("data-mine", "kept")


def test_the_legs_of_one_call_lead_to_one_another(page: Page, sender: Sender) -> None:
    """A transfer goes on as a new leg under the same parent."""
    sender.call("leg-1", {"connected": 5, "transferred": 9})
    sender.call("leg-2", {"connected": 2}, parent="leg-1", person={"handle": "+4930555011"})
    open_thread(page, "+4930555011")
    page.get_by_role("link", name="leg-1").click()
    expect(page.locator(".title .badge")).to_have_text("Transferred")
