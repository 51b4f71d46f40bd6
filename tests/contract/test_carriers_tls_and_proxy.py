"""What every carrier of requests promises about TLS and proxies, on both of them, against real sockets."""

import asyncio
import base64
import socket

import pytest

from connector.adapters.front.carrier import CarrierOptions
from connector.core.answers import Answered, NotSent
from tests.support.carriers import CARRIERS, HEADERS, IMPATIENT, PATH, Make, post, started
from tests.support.certificates import Certificates, make_certificates
from tests.support.http_peer import Line, Seen, always, answer, listening


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


async def test_a_proxy_is_asked_to_connect_and_never_sees_the_token(
    make: Make, certificates: Certificates
) -> None:
    """CONNECT carries the proxy's own credentials only; TLS goes through the tunnel."""

    async def tunnel(_seen: Seen, line: Line) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        line.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(line.reader, writer), pump(reader, line.writer))

    async with (
        listening(always(answer()), certificates.server_context()) as front,
        listening(tunnel) as proxy,
    ):
        options = CarrierOptions(
            ca_file=certificates.ca, proxy_url=f"http://me:secret@127.0.0.1:{proxy.port}"
        )
        assert "secret" not in repr(options)
        async with started(make, options) as carrier:
            assert isinstance(await post(carrier, front.port, scheme="https"), Answered)
    assert proxy.seen[0].line == f"CONNECT 127.0.0.1:{front.port} HTTP/1.1"
    assert proxy.seen[0].headers["proxy-authorization"] == f"Basic {base64.b64encode(b'me:secret').decode()}"
    assert "authorization" not in proxy.seen[0].headers
    assert "proxy-authorization" not in front.seen[0].headers


async def test_a_proxy_that_refuses_is_not_sent(make: Make) -> None:
    """No tunnel, no request."""
    async with (
        listening(always(answer(status="407 Proxy Authentication Required"))) as proxy,
        started(make, CarrierOptions(proxy_url=f"http://127.0.0.1:{proxy.port}")) as carrier,
    ):
        got = await carrier.send("POST", f"https://front.invalid{PATH}", HEADERS, b"{}")
    assert isinstance(got, NotSent)
    assert got.error == "connect"
    assert got.detail.startswith("the proxy refused")


async def test_the_environment_names_no_proxy(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not in the settings does not decide where tokens go."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with listening(always(answer())) as peer, started(make) as carrier:
        assert isinstance(await post(carrier, peer.port), Answered)
