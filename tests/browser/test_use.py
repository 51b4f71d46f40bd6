"""The page for everyone: by keyboard alone, light and dark, narrow and wide, with a screen reader, with any text."""

import json
import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import NARROW, WIDE
from tests.browser.sender import Sender
from tests.browser.test_calls import whole_call
from tests.browser.test_inbox import open_thread
from tests.support.axe import NEEDED, find_axe
from tests.support.java import Missing

# A colour as the browser paints it, whatever notation it was computed in; laid over what lies behind.
CONTRASTS = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const painted = (colours) => {
    pen.clearRect(0, 0, 1, 1);
    for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility({ opacityProperty: true })) continue;
    if (node.closest(".visually-hidden, .skip, noscript, legend")) continue;
    const behind = [];
    for (let at = node; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const ground = luminance(painted(behind));
    const ink = luminance(painted([...behind, getComputedStyle(node).color]));
    const ratio = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
    found.push([ratio, walker.currentNode.data.trim().slice(0, 40), node.className]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}"""

# Text that is wider than its box and neither cut with an ellipsis nor scrolled by someone.
OVERFLOWS = """() => [...document.querySelectorAll("body *")].filter((node) => {
  if (!node.checkVisibility() || node.closest(".visually-hidden, .skip, svg, .json, audio")) return false;
  const box = node.getBoundingClientRect();
  if (box.right <= innerWidth + 1 && box.left >= -1) return false;
  // Cut off by a box above it, on purpose.
  for (let at = node.parentElement; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (at !== document.body && style.overflowX !== "visible" && at.getBoundingClientRect().right <= innerWidth + 1) {
      return false;
    }
  }
  return true;
}).map((node) => `${node.nodeName}.${node.className}`)"""


def furnish(sender: Sender) -> None:
    """Something of everything."""
    sender.outbound("room-1", "m-1", "It leaves tonight.", subject="Order 5512")
    sender.fail("room-1", "m-1", "Recipient number is not in service")
    files = (("receipt.txt", b"x" * 2000, "text/plain"),)
    sender.inbound("room-1", "m-2", "<p>Thank <b>you</b></p>", reply_to="m-1", files=files)
    whole_call(sender)
    sender.template("tpl-1", "<p>Hi {{1}}</p>")
    sender.status("offline")
    sender.send("POST", "cha_shop_chat", "/inbound_messages", json={})


PLACES = (
    "",
    "#open=conversation&in=cha_shop_chat&id=room-1",
    "#open=call&in=cha_shop_phone&id=leg-1",
    "#view=templates&open=template&in=cha_shop_chat&id=tpl-1",
    "#view=requests&open=request&id=12",
)


@pytest.fixture
def lit(request: pytest.FixtureRequest, browser: Browser, front_url: str, sender: Sender) -> Iterator[Page]:
    """A furnished page, in the system's colours that the test asks for."""
    furnish(sender)
    context = browser.new_context(
        viewport=WIDE, color_scheme=request.param, reduced_motion="reduce", bypass_csp=True
    )
    page = context.new_page()
    page.goto(f"{front_url}/")
    page.locator("#link[data-state=live]").wait_for()
    yield page
    context.close()


def visit(page: Page, place: str) -> None:
    """Go there and wait until it is drawn."""
    page.evaluate("place => { location.hash = place }", place)
    expect(page.locator(".opened" if "open=" in place else ".empty.big")).to_be_visible()


@pytest.mark.parametrize("lit", ["light", "dark"], indirect=True)
def test_all_text_can_be_read_in_light_and_in_dark(lit: Page) -> None:
    """A contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3), computed from what is painted."""
    for place in PLACES:
        visit(lit, place)
        contrasts = lit.evaluate(CONTRASTS)
        assert len(contrasts) > 40, "something is there to be read"
        poor = [one for one in contrasts if one[0] < 4.5]
        assert poor == [], place


@pytest.mark.parametrize("lit", ["light", "dark"], indirect=True)
def test_axe_finds_nothing_to_complain_of(lit: Page) -> None:
    """axe-core's rules for WCAG 2.2 A and AA and its best practices, on every view."""
    script = find_axe()
    if isinstance(script, Missing):
        assert not os.environ.get("CI"), f"{script.reason}: {NEEDED}"
        pytest.skip(f"{script.reason}: {NEEDED}")
    lit.evaluate(script.read_text(encoding="utf-8"))
    for place in PLACES:
        visit(lit, place)
        found = lit.evaluate("async () => (await axe.run(document, { iframes: false })).violations")
        told = [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]
        assert told == [], place


def test_everything_can_be_done_by_keyboard(page: Page, sender: Sender) -> None:
    """From the skip link to a message, through the search, the help and back."""
    for number, name in enumerate(("Ada", "Ben", "Cem")):
        person = {"handle": f"+4930555{number:03}", "name": name}
        sender.inbound(f"room-{number}", f"m-{number}", f"Hello from {name}", person=person)
    active = page.locator("#threads .row[aria-selected=true]")
    expect(page.locator("#threads .row")).to_have_count(3)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the list")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#threads")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(active).to_contain_text("Cem")
    expect(page.locator("article .body")).to_have_text("Hello from Cem")
    page.keyboard.press("j")
    expect(active).to_contain_text("Ben")
    page.keyboard.press("End")
    expect(active).to_contain_text("Ada")
    page.keyboard.press("k")
    expect(page.locator("article .body")).to_have_text("Hello from Ben")
    named = page.locator("#threads").get_attribute("aria-activedescendant")
    assert active.get_attribute("id") == named
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#threads")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("cem")
    expect(page.locator("#threads .row")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("article .body")).to_have_text("Hello from Cem")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("3")
    expect(page.locator("body")).to_have_attribute("data-view", "requests")
    page.keyboard.press("j")
    expect(page.locator(".opened")).to_contain_text("Front took it and stored it.")
    page.keyboard.press("1")
    expect(page.locator("body")).to_have_attribute("data-view", "inbox")


def test_the_focus_is_always_seen(page: Page, sender: Sender) -> None:
    """Every stop of the Tab key has an outline."""
    furnish(sender)
    open_thread(page, "Nadia Ferrand")
    seen = set()
    page.locator("body").press("Tab")
    for _ in range(45):
        page.keyboard.press("Tab")
        name, outlined = page.evaluate(
            """() => {
              const at = document.activeElement;
              const shown = at.matches(".chips input") ? at.nextElementSibling : at;
              return [`${at.nodeName}#${at.id}.${at.className}`, getComputedStyle(shown).outlineStyle !== "none"];
            }"""
        )
        # A player draws the focus of its parts itself.
        assert outlined or name.startswith(("BODY", "AUDIO")), name
        seen.add(name)
    assert len(seen) > 15


def test_the_colours_can_be_chosen_and_stay_chosen(page: Page) -> None:
    """As the system, light, dark; the choice outlives a reload."""
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    button = page.get_by_role("button", name="Colours")
    button.click()
    assert page.evaluate(ground) == light
    button.click()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == dark
    page.reload()
    assert page.evaluate(ground) == dark


def test_a_narrow_page_shows_one_thing_at_a_time_and_the_way_back(
    browser: Browser, front_url: str, sender: Sender
) -> None:
    """Nothing is cut off at the side; tabs lead to every view."""
    furnish(sender)
    page = browser.new_page(viewport=NARROW, has_touch=True)
    page.goto(f"{front_url}/")
    page.locator("#threads .row").first.tap()
    expect(page.locator(".opened")).to_be_visible()
    expect(page.locator("#threads")).to_be_hidden()
    page.get_by_role("link", name="Back to the list").tap()
    expect(page.locator("#threads")).to_be_visible()
    for tab, box in (("Channels", "#channels"), ("Templates", "#templates"), ("Requests", "#stream")):
        page.get_by_role("navigation", name="Views", exact=True).get_by_role("link", name=tab).tap()
        expect(page.locator(box)).to_be_visible()
    page.locator("#stream .row").first.tap()
    expect(page.locator(".pairs")).to_be_visible()
    for place in PLACES:
        visit_narrow(page, place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(OVERFLOWS) == [], place
    page.close()


def visit_narrow(page: Page, place: str) -> None:
    page.evaluate("place => { location.hash = place }", place)
    expect(page.locator(".opened" if "open=" in place else "#threads")).to_be_visible()


@pytest.mark.parametrize(
    "viewport", [WIDE, {"width": 1000, "height": 700}, NARROW], ids=["wide", "middle", "narrow"]
)
def test_no_text_breaks_the_page(
    browser: Browser, front_url: str, sender: Sender, viewport: ViewportSize
) -> None:
    """Names of 300 characters, words without an end, right-to-left text, emoji, ids full of slashes."""
    long, word = "Maximiliane von und zu Hohenstein " * 9, "Donaudampfschiff" * 40
    people = (
        {"handle": "a" * 300, "name": long},
        {"handle": "+972555", "name": "שרה כהן \u202eevil\u202c"},
        {"handle": "👩‍👩‍👧‍👦", "name": "👩‍👩‍👧‍👦🏳️‍🌈 Família"},
        {"handle": word},
    )
    for number, person in enumerate(people):
        room = f"room/{number}/{'x' * 150}"
        files = ((f"{word}.txt", b"x", "text/plain"), (f"\u202egpj.{long[:100]}.png", b"x", "image/png"))
        sender.inbound(room, f"m-{number}-{'y' * 150}", word, person=person, subject=word, files=files)
        sender.outbound(
            room, f"o-{number}", f"<pre>{word}</pre><table><tr><td>{word}</td></tr></table>", person=person
        )
        sender.fail(room, f"o-{number}", word)
    sender.call("leg-" + "z" * 150, {"connected": 1, "hangup": 2}, person=people[0])
    sender.summary("leg-" + "z" * 150, word)
    sender.transcript("leg-" + "z" * 150, [(long, word, 0, "internal"), ("שרה", "שלום עולם", 3, "external")])
    sender.template("tpl", f"<p>{word}</p>", name=word, blurb=word)
    page = browser.new_page(viewport=viewport)
    page.goto(f"{front_url}/")
    expect(page.locator("#threads .row")).to_have_count(5)
    hashes = [
        f"#open=conversation&in=cha_shop_chat&id={json.dumps(f'room/{number}/')[1:-1]}{'x' * 150}"
        for number in range(4)
    ]
    call = f"#open=call&in=cha_shop_phone&id=leg-{'z' * 150}"
    for place in ("", *hashes, call, "#view=templates&open=template&in=cha_shop_chat&id=tpl"):
        visit_narrow(page, place)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], place
        assert page.evaluate(OVERFLOWS) == [], place
    page.close()
