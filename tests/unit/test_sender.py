"""The sender of requests to Front, over a carrier that remembers what it was given."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest

from connector.adapters.files import FixedSecret, SecretFile
from connector.adapters.front.sender import App, FrontSender
from connector.adapters.front.tokens import JwtTokens, StaticToken
from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.core.http_encoding import Content
from connector.core.http_request import HttpRequest
from connector.core.records import Channel
from connector.ports import Sender
from tests.unit.test_tokens import claims_of

NOW = 1_789_000_000.0
DATE = "Thu, 10 Sep 2026 00:26:40 GMT"  # NOW
REQUEST = HttpRequest(
    "create-call", "POST", "/channels/cha_1/calls/a%2Fb", b'{"canary":1}', "application/json"
)
CHANNEL = Channel(id="alt:address:x", real_id="cha_1", company="acme", app="main")


Sent: TypeAlias = tuple[str, str, Mapping[str, str], Content]
"""Method, URL, headers and body."""


@dataclass
class World:
    """Clock, carrier and observer in one; the carrier takes 0.25 s for each answer."""

    answer: Answer = field(default_factory=lambda: Answered(202))
    now: float = NOW
    jumped: float = 0.0
    """How far `now` was set forward: the monotonic clock does not follow."""
    sent: list[Sent] = field(default_factory=list)
    heard: list[tuple[object, ...]] = field(default_factory=list)
    life: list[str] = field(default_factory=list)

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - NOW - self.jumped

    def jitter(self) -> float:
        return 0.0

    async def start(self) -> None:
        self.life.append("started")

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: Content) -> Answer:
        self.sent.append((method, url, headers, content))
        self.now += 0.25
        return self.answer

    async def close(self) -> None:
        self.life.append("closed")

    def request(self, operation: str, status: str, took_s: float) -> None:
        self.heard.append(("request", operation, status, took_s))

    def rate_limit(self, tier: str, limit: int, remaining: int) -> None:
        self.heard.append(("rate_limit", tier, limit, remaining))

    def clock_skew(self, seconds: float) -> None:
        self.heard.append(("clock_skew", seconds))

    def other_secret(self, app: str, which: str, *, accepted: bool) -> None:
        self.heard.append(("other_secret", app, which, accepted))

    def secret_reloaded(self, path: str) -> None: ...

    def secret_kept(self, path: str, why: str) -> None: ...


@pytest.fixture
def world() -> World:
    return World()


def exp_of(sent: Sent) -> int:
    exp = claims_of(sent[2]["Authorization"].removeprefix("Bearer "))["exp"]
    assert isinstance(exp, int)
    return exp


def sender_of(world: World, base_url: str = "https://api2.frontapp.com") -> FrontSender:
    apps = {
        "main": App(base_url, JwtTokens(app_uid="app_1", secret=FixedSecret("s" * 32))),
        "other": App("https://acme.api.frontapp.com", StaticToken(token=FixedSecret("static-canary"))),
    }
    return FrontSender(apps, world, world, world, version="1.2.3")


async def test_a_request_goes_out_as_it_is_with_our_headers(world: World) -> None:
    """Method, path and bytes untouched; the answer handed back untouched."""
    sender: Sender = sender_of(world)
    assert await sender.send(REQUEST, CHANNEL) is world.answer
    ((method, url, headers, content),) = world.sent
    assert (method, url) == ("POST", "https://api2.frontapp.com/channels/cha_1/calls/a%2Fb")
    assert content is REQUEST.content
    assert {name: value for name, value in headers.items() if name != "Authorization"} == {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": "front-connector/1.2.3",
    }


async def test_a_request_without_a_body_has_no_content_type(world: World) -> None:
    """There is nothing to type."""
    await sender_of(world).send(HttpRequest("x", "POST", "/x"), CHANNEL)
    assert "Content-Type" not in world.sent[0][2]


@pytest.mark.parametrize("base_url", ["https://proxy.example/front", "https://proxy.example/front/"])
async def test_the_path_is_joined_to_the_base_url_as_it_stands(world: World, base_url: str) -> None:
    """A base URL may have a path, with or without a slash at its end."""
    await sender_of(world, base_url).send(HttpRequest("x", "PUT", "/a%2Fb/%2E%2E"), CHANNEL)
    assert world.sent[0][1] == "https://proxy.example/front/a%2Fb/%2E%2E"


async def test_each_attempt_has_a_token_of_its_own_for_the_real_channel(world: World) -> None:
    """Minted at sending: `sub` is the real id although the path may hold an alias, and `jti` is never reused."""
    sender = sender_of(world)
    await sender.send(REQUEST, CHANNEL)
    world.now += 60
    await sender.send(REQUEST, CHANNEL)
    first, second = (claims_of(sent[2]["Authorization"].removeprefix("Bearer ")) for sent in world.sent)
    assert (first["iss"], first["sub"], first["exp"]) == ("app_1", "cha_1", int(NOW) + 10)
    assert second["exp"] == int(NOW) + 70
    assert first["jti"] != second["jti"]


async def test_the_channels_app_signs_and_names_the_host(world: World) -> None:
    """One sender serves several apps."""
    await sender_of(world).send(REQUEST, Channel("cha_9", "cha_9", "acme", "other"))
    _, url, headers, _ = world.sent[0]
    assert url.startswith("https://acme.api.frontapp.com/channels/")
    assert headers["Authorization"] == "Bearer static-canary"


async def test_refresh_reads_the_secret_again_at_once(world: World, tmp_path: Path) -> None:
    """After a 401 a rotated secret signs the very next attempt."""
    file = tmp_path / "secret"
    file.write_text("old")
    app = App("https://x", StaticToken(token=SecretFile(file, world.monotonic, world)))
    sender = FrontSender({"main": app}, world, world, world, version="0")
    file.write_text("new")
    await sender.send(REQUEST, CHANNEL)
    sender.refresh("main")
    await sender.send(REQUEST, CHANNEL)
    assert [sent[2]["Authorization"] for sent in world.sent] == ["Bearer old", "Bearer new"]


def bearers(world: World) -> list[str]:
    return [sent[2]["Authorization"].removeprefix("Bearer ") for sent in world.sent]


async def rotated(world: World, file: Path) -> FrontSender:
    """A sender whose secret was accepted, and has changed in its file since."""
    file.write_text("former")
    app = App("https://x", StaticToken(token=SecretFile(file, world.monotonic, world)))
    sender = FrontSender({"main": app}, world, world, world, version="0")
    await sender.send(REQUEST, CHANNEL)
    file.write_text("newest")
    sender.refresh("main")
    world.answer = Answered(401, {"date": DATE})
    return sender


async def test_a_401_after_a_change_is_tried_with_the_former_secret(world: World, tmp_path: Path) -> None:
    """Whatever proves the token settles it, a refusal of the record too; what tells nothing leaves it open."""
    sender = await rotated(world, tmp_path / "secret")
    await sender.send(REQUEST, CHANNEL)
    for answer in (Unknown("timeout"), Answered(503), Answered(400)):
        world.answer = answer
        await sender.send(REQUEST, CHANNEL)
    await sender.send(REQUEST, Channel("cha_2", "cha_2", "acme", "main"))
    assert bearers(world)[1:] == ["newest", "former", "former", "former", "former"]
    assert [heard for heard in world.heard if heard[0] == "other_secret"] == [
        ("other_secret", "main", "former", True)
    ]


async def test_a_401_that_our_clock_explains_blames_no_secret(world: World, tmp_path: Path) -> None:
    """Its `Date` shows that the token said a wrong time: the next one says the right time, with the same secret."""
    sender = await rotated(world, tmp_path / "secret")
    world.answer = Answered(401, {"date": "Thu, 10 Sep 2026 00:25:40 GMT"})
    await sender.send(REQUEST, CHANNEL)
    await sender.send(REQUEST, CHANNEL)
    await sender.send(REQUEST, CHANNEL)
    assert bearers(world)[1:] == ["newest", "newest", "former"]


async def test_an_app_s_overlap_bounds_the_second_try(world: World, tmp_path: Path) -> None:
    """`overlap_s` after the change the former secret is not taken up any more."""
    (tmp_path / "secret").write_text("former")
    token = StaticToken(token=SecretFile(tmp_path / "secret", world.monotonic, world))
    sender = FrontSender({"main": App("https://x", token, 60.0)}, world, world, world, version="0")
    (tmp_path / "secret").write_text("newest")
    sender.refresh("main")
    world.now += 61
    world.answer = Answered(401)
    for _ in range(2):
        await sender.send(REQUEST, CHANNEL)
    assert bearers(world) == ["newest", "newest"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answered(202), "202"),
        (Answered(429), "429"),
        (NotSent("tls"), "tls"),
        (Unknown("timeout"), "timeout"),
    ],
)
async def test_every_attempt_is_reported_with_its_status_and_time(
    world: World, answer: Answer, status: str
) -> None:
    """The HTTP code, or why there is none."""
    world.answer = answer
    await sender_of(world).send(REQUEST, CHANNEL)
    assert world.heard == [("request", "create-call", status, 0.25)]


@pytest.mark.parametrize(
    ("limit", "remaining", "expected"),
    [
        ("50", "49", [(50, 49)]),
        (" 50 ", "0", [(50, 0)]),
        ("50.0", "7.5", [(50, 7)]),
        ("50", "soon", []),
        ("nan", "1", []),
        ("inf", "1", []),
        ("50", "-1", []),
        ("", "1", []),
        ("50", None, []),
    ],
)
async def test_limits_are_read_leniently(
    world: World, limit: str, remaining: str | None, expected: list[tuple[int, int]]
) -> None:
    """A missing or malformed header never raises; the tier of a route does not rename the company's count."""
    headers = {"x-ratelimit-limit": limit, "x-ratelimit-remaining": remaining, "x-front-tier": "2"}
    world.answer = Answered(429, {name: value for name, value in headers.items() if value is not None})
    await sender_of(world).send(REQUEST, CHANNEL)
    assert world.heard[1:] == [("rate_limit", "company", *counts) for counts in expected]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (DATE, [0.0]),
        ("Thu, 10 Sep 2026 00:27:40 GMT", [-60.375]),
        ("Thu, 10 Sep 2026 00:25:40 GMT", [59.625]),
        ("Thu, 10 Sep 2026 00:26:40 -0000", [0.0]),
        ("Thu, 01 Jan 1970 00:00:00 GMT", []),
        ("yesterday", []),
        ("Thu, 99 Sep 2026 00:26:40 GMT", []),
        ("", []),
    ],
)
async def test_the_clocks_difference_is_signed_and_sensible(
    world: World, date: str, expected: list[float]
) -> None:
    """Our clock less Front's, in the middle of what is possible: above 0 we are ahead. What is no date is passed over."""
    world.answer = Answered(202, {"date": date})
    await sender_of(world).send(REQUEST, CHANNEL)
    assert [heard for heard in world.heard if heard[0] == "clock_skew"] == [
        ("clock_skew", skew) for skew in expected
    ]


async def test_one_date_is_judged_once(world: World) -> None:
    """A busy second has hundreds of answers with one `Date`."""
    world.answer = Answered(202, {"date": DATE})
    sender = sender_of(world)
    for _ in range(3):
        await sender.send(REQUEST, CHANNEL)
    assert [heard for heard in world.heard if heard[0] == "clock_skew"] == [("clock_skew", 0.0)]


async def test_the_next_token_says_fronts_time(world: World) -> None:
    """A minute of difference is taken off; so is a jump of our own clock that comes after."""
    sender = sender_of(world)
    world.answer = Answered(401, {"date": "Thu, 10 Sep 2026 00:25:40 GMT"})
    for jump in (0.0, 0.0, 120.0):
        world.now += jump
        world.jumped += jump
        await sender.send(REQUEST, CHANNEL)
    assert [exp_of(sent) - int(NOW) for sent in world.sent] == [10, -50, -50]


async def test_a_difference_of_more_than_five_minutes_is_told_and_not_believed(world: World) -> None:
    """A proxy with a wrong clock must not decide what a token says."""
    sender = sender_of(world)
    world.answer = Answered(502, {"date": "Thu, 10 Sep 2026 03:26:40 GMT"})
    for _ in range(2):
        await sender.send(REQUEST, CHANNEL)
    assert [exp_of(sent) - int(NOW) for sent in world.sent] == [10, 10]
    assert ("clock_skew", -10_800.375) in world.heard


async def test_of_several_hosts_the_one_furthest_off_is_told(world: World) -> None:
    """One gauge for all; a host with the right time does not hide another's, and each app's token goes by its own host."""
    sender = sender_of(world)
    other = Channel("cha_9", "cha_9", "acme", "other")
    world.answer = Answered(202, {"date": "Thu, 10 Sep 2026 00:25:40 GMT"})
    await sender.send(REQUEST, other)
    world.answer = Answered(202, {"date": DATE})
    await sender.send(REQUEST, CHANNEL)
    assert [heard[1] for heard in world.heard if heard[0] == "clock_skew"] == [59.625, 59.625]
    await sender.send(REQUEST, CHANNEL)
    assert exp_of(world.sent[-1]) == int(NOW) + 10


async def test_the_carrier_starts_and_closes_with_the_sender(world: World) -> None:
    """It is the sender's own."""
    sender = sender_of(world)
    await sender.start()
    await sender.close()
    assert world.life == ["started", "closed"]


async def test_dlq_07_nothing_secret_is_logged_or_shown(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither token nor body nor secret, whatever the answer."""
    caplog.set_level(logging.DEBUG)
    sender = sender_of(world)
    for answer in (Answered(401, {}, b"static-canary"), Unknown("protocol", "lost")):
        world.answer = answer
        await sender.send(REQUEST, Channel("c", "c", "acme", "other"))
    assert "canary" not in caplog.text + repr(sender) + repr(
        App("https://x", StaticToken(token=FixedSecret("canary")))
    )
