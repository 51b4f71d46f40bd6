"""What the simulator's page asks for, without a browser: lists in pages, one look at what is new, a search with an end."""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connector.simulator.server import running
from tests.browser.sender import CHAT, Sender


@pytest.fixture
def sender() -> Iterator[Sender]:
    """Sends to a simulator of the demo world."""
    with running() as simulator:
        sender = Sender(simulator.base_url)
        yield sender
        sender.close()


def ask(sender: Sender, route: str) -> Any:
    return sender.control("GET", f"/inbox/{route}").json()


def test_threads_come_in_pages_by_newest_activity(sender: Sender) -> None:
    """`next` leads from page to page, each thread once, conversations and calls in one order."""
    for number in range(7):
        sender.inbound(f"room-{number}", f"m-{number}", "Hello")
    sender.call("leg-1", {"connected": 1})
    sender.outbound("room-2", "m-9", "Again")
    seen, before = [], ""
    while True:
        answer = ask(sender, f"threads?limit=3{before}")
        seen += [thread["id"] for thread in answer["threads"]]
        if "next" not in answer:
            break
        before = f"&before={answer['next']}"
    assert seen == ["room-2", "leg-1", "room-6", "room-5", "room-4", "room-3", "room-1", "room-0"]


def test_a_failure_puts_its_conversation_on_top(sender: Sender) -> None:
    """As Front reopens it."""
    sender.outbound("room-1", "m-1", "One")
    sender.outbound("room-2", "m-2", "Two")
    sender.fail("room-1", "m-1", "gone")
    first = ask(sender, "threads")["threads"][0]
    assert (first["id"], first["failed"]) == ("room-1", 1)


def test_a_look_at_what_is_new_is_bounded_and_says_what_it_left_out(sender: Sender) -> None:
    """From number `after` on at most `limit` requests, the newest; totals are of all."""
    for number in range(5):
        sender.inbound("room-1", f"m-{number}", "Hello")
    news = ask(sender, "live?after=1&limit=2")
    assert [request["seq"] for request in news["requests"]] == [4, 5]
    assert (news["skipped"], news["arrived"], news["outcomes"]) == (2, 5, {"accepted": 5})
    again = ask(sender, "live?after=5&open=2,99,x")
    assert [request["seq"] for request in again["again"]] == [2]
    assert again["requests"] == []


def test_a_reset_is_another_run(sender: Sender) -> None:
    """By that a page knows that numbers begin anew."""
    first = ask(sender, "live")["run"]
    assert ask(sender, "live")["run"] == first
    sender.control("DELETE", "")
    assert ask(sender, "live")["run"] != first


def test_a_search_looks_at_a_bounded_number_of_threads_and_goes_on(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search through everything at once would keep Front's own requests waiting."""
    monkeypatch.setattr("connector.simulator.inbox._SCANNED_MAX", 3)
    sender.inbound("room-old", "m-0", "needle")
    for number in range(5):
        sender.inbound(f"room-{number}", f"m-{number + 1}", "hay")
    first = ask(sender, "threads?q=needle")
    assert first["threads"] == []
    found = ask(sender, f"threads?q=needle&before={first['next']}")
    assert [thread["id"] for thread in found["threads"]] == ["room-old"]


def test_the_last_words_of_html_are_shown_as_words(sender: Sender) -> None:
    """A list has one line for a body."""
    sender.inbound("room-1", "m-1", "<style>p{}</style><p>Size &lt;&nbsp;42<br>and\n blue</p>")
    assert ask(sender, "threads")["threads"][0]["snippet"] == "Size < 42 and blue"


@pytest.mark.parametrize("route", ["conversation", "call", "preview"])
def test_what_is_not_there_is_404(sender: Sender, route: str) -> None:
    """For a channel that is not there too."""
    for channel in (CHAT, "cha_none"):
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            sender.control("GET", f"/inbox/{route}?channel={channel}&id=nowhere")


def test_a_number_that_is_none_is_refused_with_its_name(sender: Sender) -> None:
    """As on every control route."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        sender.control("GET", "/inbox/threads?limit=many")
    assert caught.value.response.json() == {"errors": ["limit: not a whole number"]}


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "A" * 64, hashlib.sha256(b"never").hexdigest()])
def test_only_bytes_that_were_sent_are_served(sender: Sender, name: str) -> None:
    """A name is a hash and nothing else: no path leads out of the folder."""
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        sender.control("GET", f"/files/{name}")
