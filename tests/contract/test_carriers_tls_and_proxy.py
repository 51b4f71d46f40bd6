"""What every carrier of requests promises about TLS and proxies, on both of them, against real sockets."""

import asyncio
import base64
import socket

import pytest

from connector.adapters.front.carrier import CarrierOptions
from connector.adapters.front.proxies import one_proxy
from connector.core.answers import Answered, NotSent
from tests.support.carriers import CARRIERS, HEADERS, IMPATIENT, PATH, Make, post, started
from tests.support.certificates import Certificates, make_certificates
from tests.support.http_peer import (
    Line,
    Script,
    Seen,
    accepting,
    always,
    answer,
    listening,
    reset,
    then_close,
    then_hang,
)


@pytest.fixture(params=CARRIERS, ids=["aiohttp", "httpx"])
def make(request: pytest.FixtureRequest) -> Make:
    """The carrier under test."""
    kind: Make = request.param
    return kind


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


async def test_an_unknown_authority_is_not_sent(make: Make, certificates: Certificates) -> None:
    """A certificate that nobody vouches for: the request, token included, stays here."""
    async with listening(always(answer()), certificates.server_context()) as peer, started(make) as carrier:
        got = await post(carrier, peer.port, scheme="https")
    assert isinstance(got, NotSent)
    assert got.error == "tls"
    assert got.detail.startswith("certificate not accepted: ")
    assert peer.seen == []


async def test_the_configured_authority_is_trusted(make: Make, certificates: Certificates) -> None:
    """`ca_file` names who may vouch for the far side."""
    trusting = CarrierOptions(ca_file=certificates.ca)
    async with (
        listening(always(answer()), certificates.server_context()) as peer,
        started(make, trusting) as carrier,
    ):
        got = await post(carrier, peer.port, scheme="https")
    assert isinstance(got, Answered)


async def test_a_certificate_for_another_host_is_not_sent(make: Make, certificates: Certificates) -> None:
    """The authority is known, but the name is not the one asked for."""
    trusting = CarrierOptions(ca_file=certificates.ca)
    async with (
        listening(always(answer()), certificates.server_context()) as peer,
        started(make, trusting) as carrier,
    ):
        got = await carrier.send("POST", f"https://localhost:{peer.port}/", HEADERS, b"{}")
    assert isinstance(got, NotSent)
    assert got.error == "tls"


async def test_a_handshake_that_never_ends_is_not_sent(make: Make) -> None:
    """The port is open and silent: the time-out for connecting covers TLS."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with started(make, IMPATIENT) as carrier:
            got = await post(carrier, silent.getsockname()[1], scheme="https")
    assert got == NotSent("timeout", "no connection in time")


async def test_an_expired_certificate_is_not_sent(make: Make, certificates: Certificates) -> None:
    """Host and authority are right, and it ended yesterday."""
    trusting = CarrierOptions(ca_file=certificates.ca)
    tls = certificates.server_context(expired=True)
    async with listening(always(answer()), tls) as peer, started(make, trusting) as carrier:
        got = await post(carrier, peer.port, scheme="https")
    assert got == NotSent("tls", "certificate not accepted: certificate has expired")


async def test_a_port_without_tls_is_not_sent(make: Make) -> None:
    """Somebody answers the greeting in plain HTTP."""

    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status="400 Bad Request"))
        await writer.drain()

    async with accepting(plain) as port, started(make) as carrier:
        got = await post(carrier, port, scheme="https")
    assert isinstance(got, NotSent)
    assert got.error == "tls"


async def test_a_connection_lost_amid_the_handshake_is_not_sent(make: Make) -> None:
    """Reset, as by a firewall that reads the greeting."""

    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        reset(writer)

    async with accepting(dies) as port, started(make) as carrier:
        assert isinstance(await post(carrier, port, scheme="https"), NotSent)


async def test_our_certificate_is_shown_to_who_asks_for_one(make: Make, certificates: Certificates) -> None:
    """With one it is answered; without, nothing was carried out and the answer never claims that it was."""
    tls = certificates.server_context(ask_client=True)
    ours = (certificates.client, certificates.client_key)
    async with listening(always(answer()), tls) as peer:
        async with started(make, CarrierOptions(ca_file=certificates.ca, client_certificate=ours)) as carrier:
            assert isinstance(await post(carrier, peer.port, scheme="https"), Answered)
        async with started(make, CarrierOptions(ca_file=certificates.ca)) as carrier:
            assert not isinstance(await post(carrier, peer.port, scheme="https"), Answered)
    assert len(peer.seen) == 1


def tunnel_to(port: int) -> Script:
    """A proxy that opens a tunnel to this port of loopback, whatever it is asked for."""

    async def tunnel(_seen: Seen, line: Line) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        line.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(line.reader, writer), pump(reader, line.writer), return_exceptions=True)

    return tunnel


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_is_asked_to_connect_and_never_sees_the_token(
    make: Make, certificates: Certificates, scheme: str
) -> None:
    """CONNECT carries the proxy's own credentials only; TLS goes through the tunnel, and to the proxy if it is an https one."""
    tls = certificates.server_context() if scheme == "https" else None
    async with (
        listening(always(answer()), certificates.server_context()) as front,
        listening(tunnel_to(front.port), tls) as proxy,
    ):
        options = CarrierOptions(
            ca_file=certificates.ca, proxies=one_proxy(f"{scheme}://127.0.0.1:{proxy.port}", "me", "s/c:r@t")
        )
        assert "r@t" not in repr(options) + repr(make(options))
        async with started(make, options) as carrier:
            for _ in range(2):
                assert isinstance(await post(carrier, front.port, scheme="https"), Answered)
    assert [seen.line for seen in proxy.seen] == [f"CONNECT 127.0.0.1:{front.port} HTTP/1.1"]
    basic = base64.b64encode(b"me:s/c:r@t").decode()
    assert proxy.seen[0].headers["proxy-authorization"] == f"Basic {basic}"
    assert "authorization" not in proxy.seen[0].headers
    assert "proxy-authorization" not in front.seen[0].headers


async def test_a_plain_request_through_a_proxy_names_the_whole_url(make: Make) -> None:
    """And brings the proxy's credentials; one past the proxy brings none."""
    async with listening(always(answer())) as proxy, listening(always(answer())) as front:
        proxies = one_proxy(f"http://127.0.0.1:{proxy.port}", "me", "secret", (f"127.0.0.1:{front.port}",))
        async with started(make, CarrierOptions(proxies=proxies)) as carrier:
            url = f"http://front.invalid{PATH}"
            assert isinstance(await carrier.send("POST", url, HEADERS, b"{}"), Answered)
            assert isinstance(await post(carrier, front.port), Answered)
    assert proxy.seen[0].line == f"POST {url} HTTP/1.1"
    assert "proxy-authorization" in proxy.seen[0].headers
    assert "proxy-authorization" not in front.seen[0].headers


async def test_what_a_proxy_says_for_front_is_front_s_answer_but_407(make: Make) -> None:
    """A gateway's 502 may come after Front took it; 407 is about the proxy alone, and no record's fault."""
    statuses = iter(["407 Proxy Authentication Required", "502 Bad Gateway"])

    async def in_turn(_seen: Seen, line: Line) -> None:
        line.writer.write(answer(status=next(statuses)))

    async with listening(in_turn) as proxy:
        options = CarrierOptions(proxies=one_proxy(f"http://127.0.0.1:{proxy.port}"))
        async with started(make, options) as carrier:
            got = [
                await carrier.send("POST", f"http://front.invalid{PATH}", HEADERS, b"{}") for _ in range(2)
            ]
    assert got[0] == NotSent("connect", "the proxy refused with status 407")
    assert isinstance(got[1], Answered)
    assert got[1].status == 502
    async with (
        listening(always(answer(status="407 Proxy Authentication Required"))) as peer,
        started(make) as carrier,
    ):
        assert isinstance(await post(carrier, peer.port), Answered)


REFUSALS: dict[str, tuple[Script, str]] = {
    "407": (always(answer(status="407 Proxy Authentication Required")), "connect"),
    "502": (always(answer(b"no route", "502 Bad Gateway")), "connect"),
    "redirect": (always(answer(status="302 Found", headers=("Location: http://127.0.0.1:1/",))), "connect"),
    "closes": (then_close(b""), "connect"),
    "garbage": (then_close(b"SSH-2.0-OpenSSH_9.2\r\n"), "connect"),
    "half": (then_close(b"HTTP/1.1 200 Connection estab"), "connect"),
    "silent": (then_hang(), "timeout"),
    "silent tunnel": (then_hang(b"HTTP/1.1 200 Connection established\r\n\r\n"), "timeout"),
}


@pytest.mark.parametrize(("refuses", "error"), REFUSALS.values(), ids=REFUSALS)
async def test_a_proxy_that_opens_no_tunnel_is_not_sent(make: Make, refuses: Script, error: str) -> None:
    """Whatever it says or leaves unsaid. The only connection is free again after it: the next attempt fails alike."""
    async with listening(refuses) as proxy:
        options = CarrierOptions(
            proxies=one_proxy(f"http://127.0.0.1:{proxy.port}"),
            connections_max=1,
            connect_timeout_s=0.3 if error == "timeout" else 5.0,
        )
        async with started(make, options) as carrier:
            for attempt in (1, 2):
                got = await carrier.send("POST", f"https://front.invalid{PATH}", HEADERS, b"{}")
                assert isinstance(got, NotSent)
                assert got.error == error
                assert len(proxy.seen) == attempt
    assert all("authorization" not in seen.headers for seen in proxy.seen)


async def test_a_proxy_that_refuses_says_with_which_status(make: Make) -> None:
    """407 means its password, 502 its way out."""
    async with listening(always(answer(status="407 Proxy Authentication Required"))) as proxy:
        options = CarrierOptions(proxies=one_proxy(f"http://127.0.0.1:{proxy.port}"))
        async with started(make, options) as carrier:
            got = await carrier.send("POST", f"https://front.invalid{PATH}", HEADERS, b"{}")
    assert got == NotSent("connect", "the proxy refused with status 407")


async def test_a_proxy_that_is_not_there_is_not_sent(make: Make) -> None:
    """Nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        options = CarrierOptions(proxies=one_proxy(f"http://127.0.0.1:{unused.getsockname()[1]}"))
        async with started(make, options) as carrier:
            got = await carrier.send("POST", f"https://front.invalid{PATH}", HEADERS, b"{}")
    assert got == NotSent("connect", "Connection refused")


async def test_a_wrong_certificate_behind_a_tunnel_is_not_sent(
    make: Make, certificates: Certificates
) -> None:
    """An inspecting proxy whose authority is not configured. The only connection is free again after it."""
    async with (
        listening(always(answer()), certificates.server_context()) as front,
        listening(tunnel_to(front.port)) as proxy,
    ):
        options = CarrierOptions(proxies=one_proxy(f"http://127.0.0.1:{proxy.port}"), connections_max=1)
        async with started(make, options) as carrier:
            for _ in range(2):
                got = await post(carrier, front.port, scheme="https")
                assert isinstance(got, NotSent)
                assert got.error == "tls"
    assert front.seen == []


async def test_the_environment_names_no_proxy(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not in the settings does not decide where tokens go."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with listening(always(answer())) as peer, started(make) as carrier:
        assert isinstance(await post(carrier, peer.port), Answered)
