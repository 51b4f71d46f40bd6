"""What every carrier of requests promises, on both of them, against real sockets."""

import asyncio
import gzip
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.adapters.front.carrier import BODY_MAX_BYTES, CarrierOptions
from connector.core.answers import Answered, NotSent, Unknown
from tests.support.carriers import CARRIERS, HEADERS, IMPATIENT, PATH, Make, post, started
from tests.support.http_peer import Line, Seen, always, answer, listening, then_close, then_hang


@pytest.fixture(params=CARRIERS, ids=["aiohttp", "httpx"])
def make(request: pytest.FixtureRequest) -> Make:
    """The carrier under test."""
    kind: Make = request.param
    return kind


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("202 Accepted", b'{"message_uid": "u1"}'),
        ("202 Accepted", b""),
        ("502 Bad Gateway", b"<html>\xff</html>"),
        ("418 \xe9", b"x"),
    ],
    ids=["json", "empty", "html", "odd reason"],
)
async def test_an_answer_is_handed_over_as_it_came(make: Make, status: str, body: bytes) -> None:
    """Status, headers by lower-case name, and the body's bytes, whatever they are."""
    raw = answer(body, status, ("X-RateLimit-Remaining: 7", "Via: a", "VIA: b"))
    async with listening(always(raw)) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Answered)
    assert (got.status, got.body) == (int(status[:3]), body)
    assert got.headers["x-ratelimit-remaining"] == "7"
    assert got.headers["via"] == "a, b"


async def test_a_204_without_length_ends_at_its_head(make: Make) -> None:
    """204 has no body (RFC 9110 §15.3.5), and its connection serves the next request."""
    async with listening(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as peer, started(make) as carrier:
        answers = [
            await carrier.send("PUT", f"http://127.0.0.1:{peer.port}/s", HEADERS, b"{}") for _ in range(2)
        ]
    assert [got.status for got in answers if isinstance(got, Answered)] == [204, 204]
    assert peer.accepted == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_the_request_travels_byte_for_byte(make: Make, method: str) -> None:
    """Method, path with its escapes and dots, body (multipart too) and headers arrive as given, and little else."""
    multipart = (
        b'--b\r\nContent-Disposition: form-data; name="attachments"\r\n\r\n'
        + bytes(range(256)) * 1200
        + b"\r\n--b--\r\n"
    )
    headers = {**HEADERS, "Content-Type": "multipart/form-data; boundary=b"}
    async with listening(always(answer())) as peer, started(make) as carrier:
        await carrier.send(method, f"http://127.0.0.1:{peer.port}{PATH}?q=%20a+b", headers, multipart)
    (seen,) = peer.seen
    assert seen.line == f"{method} {PATH}?q=%20a+b HTTP/1.1"
    assert seen.body == multipart
    assert {name: seen.headers[name.lower()] for name in headers} == headers
    assert set(seen.headers) - {name.lower() for name in headers} <= {
        "host",
        "content-length",
        "accept-encoding",
    }


async def test_an_empty_body_is_announced_as_empty(make: Make) -> None:
    """A POST without content says Content-Length 0: servers may refuse one that says nothing."""
    async with listening(always(answer())) as peer, started(make) as carrier:
        await carrier.send("POST", f"http://127.0.0.1:{peer.port}/", {}, b"")
    assert peer.seen[0].headers["content-length"] == "0"
    assert "content-type" not in peer.seen[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(make: Make, status: int) -> None:
    """The token must not travel to where somebody points."""
    async with listening(always(answer())) as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/"
        async with (
            listening(always(answer(b"", f"{status} Moved", (location,)))) as peer,
            started(make) as carrier,
        ):
            got = await post(carrier, peer.port)
        assert isinstance(got, Answered)
        assert got.status == status
        assert len(peer.seen) == 1
        assert elsewhere.accepted == 0


async def test_no_cookie_is_kept(make: Make) -> None:
    """A load balancer's cookie would bind all channels to one server."""
    async with (
        listening(always(answer(headers=("Set-Cookie: lb=1; Path=/",)))) as peer,
        started(make) as carrier,
    ):
        await post(carrier, peer.port)
        await post(carrier, peer.port)
    assert all("cookie" not in seen.headers for seen in peer.seen)


async def test_a_refused_connection_is_not_sent(make: Make) -> None:
    """Nobody listens: nothing can have happened at Front."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with started(make) as carrier:
            got = await post(carrier, unused.getsockname()[1])
    assert got == NotSent("connect", "Connection refused")


async def test_a_name_that_does_not_resolve_is_not_sent(make: Make) -> None:
    """`.invalid` never resolves (RFC 6761); the detail says that it is about the name."""
    async with started(make) as carrier:
        got = await carrier.send("POST", f"https://front.invalid{PATH}", HEADERS, b"{}")
    assert isinstance(got, NotSent)
    assert got.error == "connect"
    assert got.detail.startswith("name not resolved: ")


async def test_a_connection_that_is_not_accepted_in_time_is_not_sent(make: Make) -> None:
    """A full backlog drops what arrives, as a firewall does."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.socket() as first,
        socket.socket() as second,
    ):
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        async with started(make, IMPATIENT) as carrier:
            got = await post(carrier, full.getsockname()[1])
    assert got == NotSent("timeout", "no connection in time")


async def test_waiting_for_a_free_connection_has_a_bound(make: Make) -> None:
    """One connection, and it is busy: the second request is not sent."""
    narrow = CarrierOptions(connections_max=1, connect_timeout_s=0.1)
    async with listening(then_hang()) as peer, started(make, narrow) as carrier, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(post(carrier, peer.port))
        await peer.until(lambda: len(peer.seen) == 1)
        assert await post(carrier, peer.port) == NotSent("timeout", "no connection in time")
        first.cancel()
    assert len(peer.seen) == 1


async def test_silence_after_the_request_is_unknown(make: Make) -> None:
    """The deadline ends it; the request may have been carried out."""
    async with listening(then_hang()) as peer, started(make, IMPATIENT) as carrier:
        assert await post(carrier, peer.port) == Unknown("timeout", "no answer in time")


async def test_a_connection_closed_before_the_answer_is_unknown(make: Make) -> None:
    """The request was read, then nothing: `protocol`."""
    async with listening(then_close(b"")) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Unknown)
    assert got.error == "protocol"


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 999999 what\r\n\r\n", b"\x00" * 64, b"HTTP/1.1 2"]
)
async def test_what_is_not_http_is_unknown(make: Make, raw: bytes) -> None:
    """Garbage instead of an answer: the request may have been carried out."""
    async with listening(then_close(raw)) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Unknown)
    assert got.error == "protocol"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_nothing_is_sent_twice_when_a_reused_connection_is_lost(make: Make, method: str) -> None:
    """Neither PUT, which clients like to repeat: the token is spent, and the pipeline must know."""

    async def second_time_gone(_seen: Seen, line: Line) -> None:
        if len(peer.seen) == 1:
            line.writer.write(answer())
        else:
            line.writer.close()

    async with listening(second_time_gone) as peer, started(make) as carrier:
        url = f"http://127.0.0.1:{peer.port}/"
        assert isinstance(await carrier.send(method, url, HEADERS, b"{}"), Answered)
        got = await carrier.send(method, url, HEADERS, b"{}")
    assert isinstance(got, Unknown)
    assert got.error == "protocol"
    assert [seen.connection for seen in peer.seen] == [1, 1]


async def test_a_connection_closed_while_idle_is_not_noticed(make: Make) -> None:
    """RET-10: the server closes idle connections; the next request goes over a new one and is accepted."""
    async with listening(always(answer())) as peer, started(make) as carrier:
        assert isinstance(await post(carrier, peer.port), Answered)
        peer.close_idle()
        await peer.until(lambda: peer.ended == 1)
        assert isinstance(await post(carrier, peer.port), Answered)
    assert [seen.connection for seen in peer.seen] == [1, 2]


async def test_a_connection_idle_for_too_long_is_not_reused(make: Make) -> None:
    """The limit is ours, so that the server's own is not reached."""
    async with (
        listening(always(answer())) as peer,
        started(make, CarrierOptions(keepalive_idle_s=0.01)) as carrier,
    ):
        await post(carrier, peer.port)
        await asyncio.sleep(0.05)
        await post(carrier, peer.port)
    assert [seen.connection for seen in peer.seen] == [1, 2]


@pytest.mark.parametrize("ending", [then_hang, then_close], ids=["slow", "closed"])
async def test_the_head_of_a_2xx_is_the_acceptance(make: Make, ending: type) -> None:
    """A body that never ends is bounded by the deadline, and a repeat would make a duplicate."""
    half = b'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"status"'
    async with listening(ending(half)) as peer, started(make, IMPATIENT) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Answered)
    assert (got.status, got.body) == (202, b'{"status"')


@pytest.mark.parametrize(
    ("ending", "error"), [(then_hang, "timeout"), (then_close, "protocol")], ids=["slow", "closed"]
)
async def test_half_a_refusal_is_unknown(make: Make, ending: type, error: str) -> None:
    """Who is at fault stands in the body: half a 404 must not dead-letter a record."""
    half = b'HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n{"_error"'
    async with listening(ending(half)) as peer, started(make, IMPATIENT) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Unknown)
    assert got.error == error


async def test_a_long_body_is_cut_and_not_read_to_its_end(make: Make) -> None:
    """64 KiB are kept; the connection is closed on a server that would go on for ever."""

    async def endless(_seen: Seen, line: Line) -> None:
        line.writer.write(b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            line.writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await line.writer.drain()

    async with listening(endless) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
        await peer.until(lambda: peer.ended == 1)
    assert isinstance(got, Answered)
    assert (got.status, got.body) == (400, b"x" * BODY_MAX_BYTES)


async def test_a_body_of_exactly_the_bound_is_whole(make: Make) -> None:
    """The bound itself is allowed."""
    async with listening(always(answer(b"y" * BODY_MAX_BYTES))) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Answered)
    assert got.body == b"y" * BODY_MAX_BYTES


async def test_a_compressed_body_is_decoded_within_the_bound(make: Make) -> None:
    """Not asked for, yet a proxy may compress; a small bomb must not become a large body."""
    raw = answer(gzip.compress(b"z" * 5_000_000), headers=("Content-Encoding: gzip",))
    async with listening(always(raw)) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Answered)
    assert got.body == b"z" * BODY_MAX_BYTES
    assert peer.seen[0].headers["accept-encoding"] == "identity"


async def test_cancelling_closes_the_connection(make: Make) -> None:
    """What was cancelled must not answer to the next request on the same connection."""
    async with listening(then_hang()) as peer, started(make) as carrier:
        task = asyncio.get_running_loop().create_task(post(carrier, peer.port))
        await peer.until(lambda: len(peer.seen) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await peer.until(lambda: peer.ended == 1)


async def test_64_requests_are_in_flight_at_once_and_share_connections_after(make: Make) -> None:
    """No answer is given before all 64 have arrived; a second round opens no connection."""
    all_here = asyncio.Event()

    async def together(_seen: Seen, line: Line) -> None:
        if len(peer.seen) % 64 == 0:
            all_here.set()
        await all_here.wait()
        line.writer.write(answer())

    async with listening(together) as peer, started(make) as carrier:
        for _ in range(2):
            all_here.clear()
            answers = await asyncio.gather(*(post(carrier, peer.port) for _ in range(64)))
            assert all(isinstance(got, Answered) for got in answers)
    assert peer.accepted == 64


async def test_close_is_idempotent_and_needs_no_start(make: Make) -> None:
    """The stop ladder may call it at any time."""
    never_started = make(CarrierOptions())
    await never_started.close()
    async with started(make) as carrier:
        await carrier.close()


@pytest.mark.parametrize("busy", [False, True], ids=["heard", "not yet read"])
async def test_an_answer_that_nobody_asked_for_is_nobodys(make: Make, busy: bool) -> None:
    """A stray 202 on an idle connection: the next request is not accepted by it, but sent on another connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    said = threading.Event()

    def peer() -> None:
        first, _ = listener.accept()
        with first:
            first.recv(65536)
            first.sendall(answer(status="500 Broken"))
            time.sleep(0.05)
            first.sendall(answer())
            said.set()
            second, _ = listener.accept()
            with second:
                second.recv(65536)
                second.sendall(answer(status="422 Refused"))

    with listener, ThreadPoolExecutor(1) as threads:
        listener.settimeout(5)
        served = threads.submit(peer)
        async with started(make) as carrier:
            port = listener.getsockname()[1]
            got = [await post(carrier, port)]
            if busy:
                said.wait(5)  # our loop stands still, and has not read it when the connection is asked for
            else:
                await asyncio.to_thread(said.wait, 5)
                await asyncio.sleep(0.05)
            got.append(await post(carrier, port))
        served.result(5)
    assert [one.status for one in got if isinstance(one, Answered)] == [500, 422]
