"""What strangers may send to the loopback listener: names, origins, bodies, paths and slowness, on real sockets.

Whatever it is, the answer is short, in Connect's shape where there is one, and the listener goes on answering.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.adapters.admin import LOOPBACK
from tests.unit.admin_stage import NAME, Desk

LOGGER = "/admin/loggers/front-connector"
HEAD = b"Host: localhost\r\n"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.listener.start()
    yield desk
    assert await desk.get("/connectors") == [NAME], "it does not answer any more"
    await desk.listener.close()


def status(answer: bytes) -> int:
    """Of the first answer; 0 when the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8081", "127.0.0.1:1", "127.8.9.1", "[::1]:8081"])
async def test_loopback_names_are_answered(desk: Desk, host: str) -> None:
    """With any port: a port-forward chooses its own."""
    assert (await desk.ask("GET", "/status.json", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:8081",
        "127.0.0.1.attacker.example",
        "localhost.attacker.example",
        "localhost@attacker.example",
        "attacker.example#localhost",
        "0.0.0.0",
        "10.0.0.7:8081",
        "[::]",
        "[::ffff:127.0.0.1]",
        "localhost:",
        "localhost:port",
        "localhost,attacker.example",
        "",
    ],
)
async def test_a_name_that_was_pointed_at_loopback_is_refused(desk: Desk, host: str) -> None:
    """DNS rebinding: the browser is at 127.0.0.1 and believes that it is at the attacker's site, and says so in Host."""
    answer = await desk.raw(b"GET /status.json HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n")
    assert status(answer) == 403
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert body["message"].startswith("The Host header must be localhost, 127.0.0.1 or [::1]")


@pytest.mark.parametrize(
    ("request_line", "hosts"),
    [(b"GET / HTTP/1.1", b""), (b"GET / HTTP/1.1", HEAD + HEAD), (b"GET / HTTP/1.0", b"")],
)
async def test_no_host_or_two_are_refused(desk: Desk, request_line: bytes, hosts: bytes) -> None:
    """Which of two counts must not be a guess."""
    answer = await desk.raw(request_line + b"\r\n" + hosts + b"\r\n")
    assert status(answer) in (400, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8081"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/status.json"), ("PUT", LOGGER), ("OPTIONS", LOGGER)])
async def test_a_web_page_may_not_ask(desk: Desk, headers: dict[str, str], method: str, path: str) -> None:
    """Not by fetch, nor by an image, nor by a form; no answer has a header of CORS, and nothing was changed."""
    answer = await desk.ask(method, path, headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert desk.said("admin.action") == []


async def test_the_page_itself_and_a_followed_link_may_ask(desk: Desk) -> None:
    """A browser says `same-origin` of the page's own look at its twin, and `navigate` of a link in another page."""
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert (await desk.ask("GET", "/status.json", headers=own)).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await desk.ask("GET", "/status", headers=link)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/status", "/status.json", "/connectors", "/nothing", LOGGER])
async def test_every_answer_forbids_what_a_browser_could_do_with_it(desk: Desk, path: str) -> None:
    """Frames, sniffing, caches, referrers and other origins; only the page's own policy allows a script, by its hash."""
    headers = (await desk.ask("GET", path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert ("script-src 'sha256-" in policy) is (path == "/status")


@pytest.mark.parametrize(
    "target",
    [
        b"/../../etc/passwd",
        b"/%2e%2e/%2e%2e/etc/passwd",
        b"/connectors/%2e%2e/%2e%2e/status.json",
        b"/connectors/..%2f..%2fstatus.json",
        b"/connectors/%00",
        b"/connectors/%ff%fe",
        b"/connectors/%0d%0aSet-Cookie:%20a=b",
        b"//attacker.example/connectors",
        b"/connectors//" + NAME.encode(),
        b"/page/status.js",
        b"http://attacker.example/connectors",
        b"/admin/loggers/%2e%2e",
        b"/admin/loggers/" + b"a" * 8000,
        b"/status.json/../connectors",
    ],
)
async def test_a_crooked_path_leads_nowhere(desk: Desk, target: bytes) -> None:
    """No file is behind any route; what was asked for does not come back in the answer."""
    answer = await desk.raw(b"GET " + target + b" HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n")
    assert status(answer) == 404
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert set(body) == {"error_code", "message"}
    assert b"passwd" not in answer
    assert b"Set-Cookie" not in answer
    assert len(answer) < 1200


async def test_a_percent_encoded_name_is_the_same_name(desk: Desk) -> None:
    """Clients may encode what they like."""
    encoded = "".join(f"%{ord(letter):02x}" for letter in NAME)
    assert (await desk.get(f"/connectors/{encoded}"))["name"] == NAME


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n" + HEAD + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(3000)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
        b"GET / HTTP/1.1\r\n" + HEAD + b"Bad Header\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"Content-Length: -1\r\n\r\n",
        b"PUT / HTTP/1.1\r\n" + HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"PUT / HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        b"PUT / HTTP/1.1\r\n" + HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_request_of_http_ends_its_connection(desk: Desk, request_bytes: bytes) -> None:
    """Headers beyond 16 KiB, TLS on a plain port, lengths that contradict one another."""
    assert status(await desk.raw(request_bytes)) in (400, 413, 431, 501)


@pytest.mark.parametrize("length", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
async def test_a_get_has_no_body(desk: Desk, length: bytes) -> None:
    """A proxy in between might take its body for the next request (smuggling): the connection ends."""
    body = b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    answer = await desk.raw(b"GET /connectors HTTP/1.1\r\n" + HEAD + length + body)
    assert status(answer) == 400
    assert b"connection: close" in answer.lower()


async def test_a_body_that_says_it_is_too_long_is_not_read(desk: Desk) -> None:
    """The answer comes without a byte of it."""
    head = b"PUT " + LOGGER.encode() + b" HTTP/1.1\r\n" + HEAD
    answer = await desk.raw(head + b"Content-Type: application/json\r\nContent-Length: 4097\r\n\r\n")
    assert status(answer) == 413


async def test_a_chunked_body_is_read_as_far_as_it_may_be(desk: Desk) -> None:
    """It does not say how long it is: the answer comes while more may follow."""
    head = b"PUT " + LOGGER.encode() + b" HTTP/1.1\r\n" + HEAD
    body = (b"40\r\n" + b" " * 64 + b"\r\n") * 65
    chunked = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await desk.raw(head + chunked + body)
    assert status(answer) == 413
    assert b"A body has at most 4096 bytes here." in answer


async def test_a_body_that_does_not_come_is_not_waited_for(desk: Desk, monkeypatch: Any) -> None:
    """408 after the bound, and nothing was changed."""
    monkeypatch.setattr("connector.adapters.admin.bodies.WITHIN_S", 0.05)
    head = b"PUT " + LOGGER.encode() + b" HTTP/1.1\r\n" + HEAD
    answer = await desk.raw(head + b'Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"level"')
    assert status(answer) == 408
    assert desk.said("admin.action") == []


async def test_whoever_goes_away_in_the_middle_of_a_body_changes_nothing(desk: Desk) -> None:
    """Half a body is none, and no error of ours."""
    _, writer = await asyncio.open_connection(LOOPBACK, desk.listener.port)
    head = b"PUT " + LOGGER.encode() + b" HTTP/1.1\r\n" + HEAD
    writer.write(head + b'Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"level"')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await desk.get("/connectors") == [NAME]
    assert desk.said("admin.action") == []
    assert [line for line in desk.said("library.log") if line["level"] == "error"] == []


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
async def test_headers_that_do_not_come_are_not_waited_for(begun: bytes) -> None:
    """Slow headers: the connection is closed by us, said or not, also behind an answered request."""
    desk = Desk(headers_within_s=0.1)
    await desk.listener.start()
    try:
        assert await desk.raw(begun) == b""
        full = b"GET /connectors HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = await desk.raw(full + begun)
        assert (status(answer), answer.count(b"HTTP/1.1")) == (200, 1)
    finally:
        await desk.listener.close()


async def test_drops_of_a_header_do_not_win_time(monkeypatch: Any) -> None:
    """A byte now and then: the bound is for all of the headers."""
    desk = Desk(headers_within_s=0.2)
    await desk.listener.start()
    reader, writer = await asyncio.open_connection(LOOPBACK, desk.listener.port)
    try:
        sent = 0
        for sent in range(200):  # noqa: B007 - read below
            writer.write(b"X")
            await asyncio.sleep(0.02)
            if reader.at_eof():
                break
        assert sent < 199
        assert reader.at_eof()
    finally:
        writer.close()
        await desk.listener.close()


async def test_silent_connections_do_not_shut_others_out() -> None:
    """Sixty-four of them fill the listener; once their time is up it answers again."""
    desk = Desk(headers_within_s=1.0)
    await desk.listener.start()
    silent = [await asyncio.open_connection(LOOPBACK, desk.listener.port) for _ in range(64)]
    try:
        assert (await desk.ask("GET", "/connectors")).status_code == 503
        await asyncio.gather(*(asyncio.wait_for(reader.read(), 10) for reader, _ in silent))
        assert (await desk.ask("GET", "/connectors")).status_code == 200
    finally:
        for _, writer in silent:
            writer.close()
        await desk.listener.close()


async def test_an_upgrade_is_an_ordinary_request(desk: Desk) -> None:
    """There is no WebSocket, and h2c is not spoken."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x"}
    assert (await desk.ask("GET", "/connectors", headers=upgrade)).status_code == 200
