"""Bodies, names and files from strangers: whatever they hold, nothing runs, nothing is loaded, nothing leaves the page.

The fixture `page` fails a test whose page opened a dialog or a window, or asked for any address but the simulator's.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import closing, suppress

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NOT_FOUND, Watched
from tests.browser.sender import Sender, picture
from tests.browser.test_inbox import open_thread

ALLOWED = {"class", "dir", "href", "target", "rel", "title"}


def hostile(evil: str) -> tuple[str, ...]:
    """Bodies that hold `Words` and try something; `evil` is where they would call."""
    return (
        "<script>parent.document.title = 'owned'; alert(1)</script>Words",
        f'Words<img src="{evil}.png" onerror="alert(2)" alt="x">',
        f"Words<svg onload=alert(3)><image href='{evil}'/><script>alert(3)</script></svg>",
        f"Words<iframe src='{evil}' srcdoc='<script>alert(4)</script>'></iframe>",
        "Words<a href='javascript:alert(5)'>here</a> <a href=' jAvAscript&#58;alert(5)'>there</a>",
        f"Words<style>@import '{evil}.css'; * {{ display: none }}</style><link rel=stylesheet href='{evil}.css'>",
        f"Words<meta http-equiv=refresh content='0;url={evil}'><base href='{evil}'>",
        f"Words<form action='{evil}'><input name=q autofocus onfocus=alert(6)><button>Go</button></form>",
        f"Words<video src='{evil}' onerror=alert(7) autoplay></video><object data='{evil}'></object><embed src='{evil}'>",
        "Words<details open ontoggle=alert(8)><summary>x</summary></details>",
        "Words<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(9)&gt;'>",
        "Words<noscript><p title='</noscript><img src=x onerror=alert(10)>'></noscript>",
        f'Words<div style="background:url({evil})" id=q class=top>styled</div>',
        f"Words<table background='{evil}'><tr><td onmouseover=alert(11)>cell</td></tr></table>",
        "Words<template><script>alert(12)</script></template><b onclick=alert(12) tabindex=0>bold</b>",
        "Words" + "<div>" * 3000 + "deep",
        "Words\u0000<scr\u0000ipt>alert(13)</script>",
    )


class Trap:
    """Listens and never answers: a connection that waits to be accepted is a call."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/evil"

    def calls(self) -> int:
        """1 if somebody called, else 0."""
        with suppress(BlockingIOError):
            self.listening.accept()[0].close()
            return 1
        return 0


@pytest.fixture
def trap() -> Iterator[Trap]:
    """Somebody else's server, which nobody may call."""
    trap = Trap()
    with closing(trap.listening):
        yield trap
        assert trap.calls() == 0


def test_the_trap_notices_a_call() -> None:
    """A trap that notices nothing would prove nothing."""
    trap = Trap()
    with closing(trap.listening):
        assert trap.calls() == 0
        with suppress(httpx.HTTPError):
            httpx.get(trap.url, timeout=0.1, trust_env=False)
        assert trap.calls() == 1


def test_hostile_html_in_a_message_does_nothing(
    page: Page, watched: Watched, sender: Sender, trap: Trap
) -> None:
    """Every body keeps its words, and no element or attribute that could act."""
    bodies_sent = hostile(trap.url)
    for number, text in enumerate(bodies_sent):
        sender.inbound("room-1", f"m-{number}", text)
    open_thread(page, "Nadia Ferrand")
    bodies = page.locator("article .body")
    expect(bodies).to_have_count(len(bodies_sent))
    expect(bodies.filter(has_text=re.compile("^\\s*Words|Words\\s*$"))).to_have_count(len(bodies_sent))
    kept = page.evaluate(
        """() => [...document.querySelectorAll("article .body *")].flatMap((node) =>
             [node.nodeName.toLowerCase(), ...[...node.attributes].map((one) => `@${one.name}`)])"""
    )
    assert {name[1:] for name in kept if name.startswith("@")} <= ALLOWED
    assert not {"script", "img", "svg", "iframe", "form", "input", "style", "link", "video", "object"} & set(
        kept
    )
    assert page.locator("article .body a").count() == 0, "no address of these may be followed"
    expect(page).to_have_title("Inbox · Front simulator")
    page.locator("article .body b").click()
    watched.forgive_policy()


def test_a_link_of_the_web_stays_and_tells_nothing(page: Page, watched: Watched, sender: Sender) -> None:
    """It opens apart, and its target cannot reach back."""
    sender.inbound("room-1", "m-1", '<a href="https://shop.example/a?b=1" onclick="alert(1)">our shop</a>')
    open_thread(page, "Nadia Ferrand")
    link = page.get_by_role("link", name="our shop")
    expect(link).to_have_attribute("href", "https://shop.example/a?b=1")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_attribute("target", "_blank")
    watched.forgive_policy()


def test_hostile_names_ids_and_reasons_are_only_text(page: Page, sender: Sender) -> None:
    """In the list, in the heading, in the stream, in a reply, on a file."""
    evil = '"><img src=x onerror=alert(1)>'
    person = {"handle": evil, "name": f"{evil}<b>"}
    sender.outbound(f"room {evil}", f"m {evil}", "Hi", person=person, subject=evil)
    sender.fail(f"room {evil}", f"m {evil}", evil)
    sender.inbound(f"room {evil}", "m-2", "Hi", person=person, reply_to=f"m {evil}")
    files = ((f"{evil}.txt", b"x", f"text/{evil}"),)
    sender.inbound(f"room {evil}", "m-3", "Hi", person=person, files=files)
    sender.call(f"leg {evil}", {"connected": 1, "hangup": 2}, person=person)
    sender.summary(f"leg {evil}", evil)
    sender.transcript(f"leg {evil}", [(evil, evil, 0, "external")])
    page.locator("#threads .row", has_text="room").or_(page.locator("#threads .row")).last.click()
    expect(page.locator("article")).to_have_count(3)
    page.locator("#threads .row").first.click()
    expect(page.locator(".summary")).to_have_text(evil)
    assert page.locator("img[src=x]").count() == 0


def test_the_name_of_a_file_cannot_feign_another_type(page: Page, sender: Sender) -> None:
    """A mark that turns the direction of text is shown as a mark."""
    sender.inbound("room-1", "m-1", "Hi", files=(("photo\u202egpj.exe", b"x", "application/x-msdownload"),))
    open_thread(page, "Nadia Ferrand")
    expect(page.locator(".file .name")).to_have_text("photo\ufffdgpj.exe")
    link = page.locator(".file .open").get_attribute("href")
    answer = httpx.get(f"{page.url.split('#')[0].rstrip('/')}{link}", trust_env=False)
    assert answer.headers["content-type"] == "application/octet-stream"


def test_a_hostile_template_stays_in_its_frame(
    page: Page, watched: Watched, sender: Sender, trap: Trap
) -> None:
    """No script, no address, no way out: the frame has no rights and its page has a policy of its own."""
    preview = "".join(hostile(trap.url)[:10])
    sender.template("tpl-1", f"<p id=seen>seen</p>{preview}")
    page.keyboard.press("2")
    page.locator("#templates .row").click()
    frame = page.locator("iframe.preview").content_frame
    expect(frame.locator("#seen")).to_have_count(1)
    expect(page).to_have_title("Templates · Front simulator")
    page.wait_for_timeout(150)
    assert watched.forgive_policy() > 0


def test_a_link_in_a_template_is_not_followed(page: Page, sender: Sender, trap: Trap) -> None:
    """Not by the mouse and not by the keyboard: following it inside a frame would connect before the policy is asked."""
    sender.template("tpl-1", f"<a id=out href='{trap.url}'>out</a>")
    page.keyboard.press("2")
    page.locator("#templates .row").click()
    out = page.locator("iframe.preview").content_frame.locator("#out")
    out.click(force=True)
    out.press("Enter")
    page.wait_for_timeout(150)
    expect(out).to_have_count(1)


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("page.html", b"<script>alert(1)</script>", "text/html"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml"),
        ("page.xhtml", b"<html xmlns='http://www.w3.org/1999/xhtml'/>", "application/xhtml+xml"),
        ("code.js", b"alert(1)", "text/javascript"),
        ("odd.bin", b"<script>alert(1)</script>", "text/html;charset=utf-7"),
    ],
)
def test_a_file_is_never_served_as_something_that_runs(
    page: Page, sender: Sender, name: str, content: bytes, content_type: str
) -> None:
    """Opened by its address it is text or a download, under a policy that forbids everything."""
    sender.inbound("room-1", "m-1", "Open me", files=((name, content, content_type),))
    open_thread(page, "Nadia Ferrand")
    link = page.get_by_role("link", name=f"Open {name}").get_attribute("href")
    answer = httpx.get(f"{page.url.split('#')[0].rstrip('/')}{link}", trust_env=False)
    assert answer.content == content
    assert answer.headers["content-type"] in ("text/plain; charset=utf-8", "application/octet-stream")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_recording_is_served_in_the_ranges_that_are_asked_for(page: Page, sender: Sender) -> None:
    """Winding needs them; what lies beyond the end is 416."""
    data = picture()
    sender.inbound("room-1", "m-1", "x", files=(("a.png", data, "image/png"),))
    open_thread(page, "Nadia Ferrand")
    link = page.get_by_role("img", name="a.png").get_attribute("src")
    address = f"{page.url.split('#')[0].rstrip('/')}{link}"
    part = httpx.get(address, headers={"range": "bytes=2-5"}, trust_env=False)
    assert (part.status_code, part.content) == (206, data[2:6])
    assert part.headers["content-range"] == f"bytes 2-5/{len(data)}"
    beyond = httpx.get(address, headers={"range": "bytes=99999-"}, trust_env=False)
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")
    missing = httpx.get(f"{address.split('/_sim', maxsplit=1)[0]}/_sim/files/{'0' * 64}", trust_env=False)
    assert missing.status_code == 404


def test_the_page_has_a_policy_that_lets_nothing_in(front_url: str) -> None:
    """Its own scripts, styles and data; no inline script, no other host, no frame around it."""
    policy = httpx.get(f"{front_url}/", trust_env=False).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert {rule for name, rule in rules.items() if name.endswith("-src") and name != "default-src"} == {
        "'self'"
    }
    for path in ("/page/main.js", "/page/base.css", "/page/icon.svg"):
        assert httpx.get(f"{front_url}{path}", trust_env=False).headers["content-security-policy"] == policy


def test_the_policy_stops_what_gets_past_the_page(page: Page, watched: Watched) -> None:
    """Were a script put into the page all the same, the browser would not run it."""
    page.evaluate(
        """() => {
          const hole = document.createElement("div");
          hole.innerHTML = "<img src=x onerror=\\"document.title='owned'\\">";
          document.body.append(hole);
          const script = document.createElement("script");
          script.textContent = "document.title = 'owned'";
          document.body.append(script);
        }"""
    )
    page.wait_for_timeout(150)
    expect(page).to_have_title("Inbox · Front simulator")
    assert watched.forgive_policy() > 0
    watched.complaints.remove(NOT_FOUND)
