"""Redirects, credentials, TLS and proxies on the way to a file, over real sockets."""

import asyncio
import socket
from pathlib import Path

import pytest

from connector.adapters.attachments.credentials import Basic, Bearer, Credentials, Header
from connector.adapters.files import FixedSecret, SecretFile
from connector.core.files import HostFailed, NotAllowed
from tests.support.certificates import Certificates, make_certificates
from tests.support.fetching import (
    ScriptedResolver,
    answer_to,
    by_path,
    fetched,
    fetching,
    listed,
    read,
    serving,
)
from tests.support.http_peer import Line, Script, Seen, always, listening

HUSH = "canary-secret"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def moved(to: str, status: str = "302 Found") -> bytes:
    return serving(b"elsewhere", f"Location: {to}", status=status)


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
async def test_a_redirect_is_followed(tmp_path: Path, status: str) -> None:
    """Relative to where we are, to the file; its name is the last one's."""
    answers = {"/a/b": moved("../c/%C3%A4.pdf?d=%2B", status), "/c/%C3%A4.pdf?d=%2B": serving(b"%PDF-1.7")}
    async with listening(by_path(answers)) as peer, fetching(tmp_path, f"127.0.0.1:{peer.port}") as source:
        file = await fetched(source, f"http://127.0.0.1:{peer.port}/a/b")
        assert (file.name, file.content_type, await read(file)) == ("ä.pdf", "application/pdf", b"%PDF-1.7")
        file.close()


async def test_redirects_come_to_an_end(tmp_path: Path) -> None:
    """Five are followed, the sixth is not."""
    async with listening(always(moved("/again"))) as peer:
        host = f"127.0.0.1:{peer.port}"
        async with fetching(tmp_path, host) as source:
            got = await answer_to(source, f"http://{host}/a")
    assert got == HostFailed("protocol", f"{host} redirects more than 5 times")
    assert len(peer.seen) == 6


async def test_a_redirect_without_a_place_fails_its_host(tmp_path: Path) -> None:
    """There is nowhere to go."""
    async with listening(always(serving(b"", status="302 Found"))) as peer:
        host = f"127.0.0.1:{peer.port}"
        async with fetching(tmp_path, host) as source:
            assert await answer_to(source, f"http://{host}/a") == HostFailed("302", f"{host} answered 302")


async def test_a_redirect_that_is_no_url_is_not_followed(tmp_path: Path) -> None:
    """Nor shown."""
    for place in ("http://127.0.0.1:99999/canary", "https://ä.canary/", "http://[canary/"):
        async with listening(always(moved(place))) as peer:
            host = f"127.0.0.1:{peer.port}"
            async with fetching(tmp_path, host) as source:
                got = await answer_to(source, f"http://{host}/a")
        assert isinstance(got, NotAllowed), place
        assert got.why.startswith(f"a redirect of {host}: ")
        assert "canary" not in got.why


# --- credentials -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credentials", "header", "value"),
    [
        (Bearer(FixedSecret(HUSH)), "authorization", f"Bearer {HUSH}"),
        (Basic("me", FixedSecret("pass:wörd")), "authorization", "Basic bWU6cGFzczp3w7ZyZA=="),
        (Header("X-Api-Key", FixedSecret(HUSH)), "x-api-key", HUSH),
    ],
)
async def test_a_host_hears_who_we_are(
    tmp_path: Path, certificates: Certificates, credentials: Credentials, header: str, value: str
) -> None:
    """Over TLS, and no `repr` tells it."""
    assert HUSH not in repr(credentials)
    async with listening(always(serving(b"x")), certificates.server_context()) as peer:
        row = listed(f"127.0.0.1:{peer.port}", plain_text=False, credentials=credentials)
        async with fetching(tmp_path, row, ca_file=certificates.ca) as source:
            (await fetched(source, f"https://127.0.0.1:{peer.port}/a")).close()
    assert peer.seen[0].headers[header] == value


async def test_credentials_do_not_travel_to_another_host(tmp_path: Path, certificates: Certificates) -> None:
    """Nor to the same host again when another one sent us back; along its own redirects they go."""

    async def first(seen: Seen, line: Line) -> None:
        path = seen.line.split(" ")[1]
        to = "/within" if path == "/a" else f"https://127.0.0.1:{other.port}/b"
        line.writer.write(serving(b"x") if path == "/back" else moved(to))

    async def second(_seen: Seen, line: Line) -> None:
        line.writer.write(moved(f"https://127.0.0.1:{one.port}/back"))

    tls = certificates.server_context()
    async with listening(first, tls) as one, listening(second, tls) as other:
        mine = Bearer(FixedSecret(HUSH))
        rows = (
            listed(f"127.0.0.1:{one.port}", plain_text=False, credentials=mine),
            listed(f"127.0.0.1:{other.port}", plain_text=False, credentials=mine),
        )
        async with fetching(tmp_path, *rows, ca_file=certificates.ca) as source:
            (await fetched(source, f"https://127.0.0.1:{one.port}/a")).close()
    told = [(seen.line.split(" ")[1], "authorization" in seen.headers) for seen in (*one.seen, *other.seen)]
    assert told == [("/a", True), ("/within", True), ("/back", False), ("/b", False)]


async def test_credentials_do_not_travel_in_plain_text(tmp_path: Path) -> None:
    """The settings refuse such a row; should there be one all the same, nothing is told."""
    async with listening(always(serving(b"x"))) as peer:
        row = listed(f"127.0.0.1:{peer.port}", credentials=Bearer(FixedSecret(HUSH)))
        async with fetching(tmp_path, row) as source:
            (await fetched(source, f"http://127.0.0.1:{peer.port}/a")).close()
    assert "authorization" not in peer.seen[0].headers


async def test_the_closest_row_says_who_we_are(tmp_path: Path, certificates: Certificates) -> None:
    """The host itself before a pattern, a longer pattern before a shorter one."""
    async with listening(always(serving(b"x"))) as peer:
        names = ScriptedResolver({"a.media.example.com": [["127.0.0.1"]]})
        port = peer.port
        rows = (
            listed(f"*.example.com:{port}", plain_text=False),
            listed(f"a.media.example.com:{port}"),
            listed(f"*.media.example.com:{port}", plain_text=False),
        )
        async with fetching(tmp_path, *rows, names=names) as source:
            (await fetched(source, f"http://a.media.example.com:{port}/a")).close()
            got = await answer_to(source, f"http://b.media.example.com:{port}/a")
    assert isinstance(got, NotAllowed)


async def test_a_rotated_secret_is_used_once_the_old_one_is_refused(
    tmp_path: Path, certificates: Certificates
) -> None:
    """Read again at once, without a restart; a 401 with our own credentials is never an expired link."""
    path = tmp_path / "token"
    path.write_text("old\n")
    (tmp_path / "spool").mkdir()

    async def wants_new(seen: Seen, line: Line) -> None:
        known = seen.headers["authorization"] == "Bearer new"
        refused = serving(b"<Code>ExpiredToken</Code>", status="401 Unauthorized")
        line.writer.write(serving(b"x") if known else refused)

    class Deaf:
        def secret_reloaded(self, path: str) -> None: ...
        def secret_kept(self, path: str, why: str) -> None: ...

    async with listening(wants_new, certificates.server_context()) as peer:
        host = f"127.0.0.1:{peer.port}"
        row = listed(host, plain_text=False, credentials=Bearer(SecretFile(path, lambda: 0.0, Deaf())))
        async with fetching(tmp_path / "spool", row, ca_file=certificates.ca) as source:
            path.write_text("new\n")
            refused = await answer_to(source, f"https://{host}/a")
            assert refused == HostFailed("401", f"{host} answered 401 (the credentials of attachments.hosts)")
            (await fetched(source, f"https://{host}/a")).close()


# --- TLS -------------------------------------------------------------------------------------------------------------


async def test_a_certificate_of_another_name_fails_its_host(
    tmp_path: Path, certificates: Certificates
) -> None:
    """The authority is known, and the certificate is for 127.0.0.1."""
    names = ScriptedResolver({"files.example.com": [["127.0.0.1"]]})
    async with listening(always(serving(b"x")), certificates.server_context()) as peer:
        host = f"files.example.com:{peer.port}"
        async with fetching(tmp_path, host, names=names, ca_file=certificates.ca) as source:
            got = await answer_to(source, f"https://{host}/a")
    assert isinstance(got, HostFailed)
    assert got.error == "tls"
    assert got.why.startswith(f"{host}: certificate not accepted: ")
    assert peer.seen == []


async def test_an_unknown_authority_fails_its_host(tmp_path: Path, certificates: Certificates) -> None:
    """Without `ca_file` nobody vouches for it."""
    async with listening(always(serving(b"x")), certificates.server_context()) as peer:
        host = f"127.0.0.1:{peer.port}"
        async with fetching(tmp_path, host) as source:
            got = await answer_to(source, f"https://{host}/a")
    assert isinstance(got, HostFailed)
    assert got.error == "tls"


async def test_a_handshake_that_never_ends_fails_its_host(tmp_path: Path) -> None:
    """The port is open and silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        async with fetching(tmp_path, host, connect_timeout_s=0.05) as source:
            got = await answer_to(source, f"https://{host}/a")
    assert got == HostFailed("timeout", f"{host}: no connection in time")


async def test_a_ca_file_without_certificates_is_refused(tmp_path: Path) -> None:
    """It names the file."""
    path = tmp_path / "ca.pem"
    path.write_text("nothing")
    with pytest.raises(ValueError, match=r"ca\.pem holds no PEM certificate"):
        async with fetching(tmp_path, ca_file=path):
            pass


# --- proxies ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tunnels() -> list[int]:
    """Ports that the proxy below connects to, whatever it is asked for."""
    return []


def tunnelling(tunnels: list[int]) -> Script:
    async def tunnel(_seen: Seen, line: Line) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnels[0])
        line.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(line.reader, writer), pump(reader, line.writer))

    return tunnel


async def test_a_proxy_is_asked_to_connect_and_hears_no_credentials(
    tmp_path: Path, certificates: Certificates, tunnels: list[int]
) -> None:
    """Its own address is not guarded, as the settings name it; the host's TLS goes through."""
    async with (
        listening(always(serving(b"x")), certificates.server_context()) as peer,
        listening(tunnelling(tunnels)) as proxy,
    ):
        tunnels.append(peer.port)
        row = listed(f"127.0.0.1:{peer.port}", plain_text=False, credentials=Bearer(FixedSecret(HUSH)))
        through = f"http://127.0.0.1:{proxy.port}"
        async with fetching(tmp_path, row, ca_file=certificates.ca, proxy_url=through) as source:
            (await fetched(source, f"https://127.0.0.1:{peer.port}/a")).close()
    assert proxy.seen[0].line == f"CONNECT 127.0.0.1:{peer.port} HTTP/1.1"
    assert "authorization" not in proxy.seen[0].headers
    assert peer.seen[0].headers["authorization"] == f"Bearer {HUSH}"


async def test_behind_a_proxy_hosts_and_addresses_in_urls_are_guarded_all_the_same(tmp_path: Path) -> None:
    """Only what a name leads to is the proxy's business then."""
    async with listening(always(serving(b"x"))) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        async with fetching(tmp_path, "files.example.com", "10.0.0.5", proxy_url=through) as source:
            for url in ("http://evil.example/", "http://10.0.0.5/"):
                assert isinstance(await answer_to(source, url), NotAllowed)
            assert proxy.seen == []
            (await fetched(source, "http://files.example.com/a")).close()
    assert proxy.seen[0].line == "GET http://files.example.com/a HTTP/1.1"


async def test_a_proxy_that_refuses_or_is_down_fails_the_host(tmp_path: Path) -> None:
    """It says that the proxy is at fault."""
    async with listening(always(serving(b"", status="407 Proxy Authentication Required"))) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        async with fetching(tmp_path, "files.example.com", proxy_url=through) as source:
            got = await answer_to(source, "https://files.example.com/a")
    assert got == HostFailed("connect", "files.example.com: the proxy refused with status 407")
    async with fetching(tmp_path, "files.example.com", proxy_url=through) as source:
        got = await answer_to(source, "https://files.example.com/a")
    assert got == HostFailed("connect", "files.example.com: the proxy cannot be reached (Connection refused)")


async def test_the_environment_names_no_proxy_and_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not in the settings does not decide where we go, nor who we are."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {HUSH}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with (
        listening(always(serving(b"x"))) as peer,
        fetching(tmp_path, f"127.0.0.1:{peer.port}") as source,
    ):
        (await fetched(source, f"http://127.0.0.1:{peer.port}/a")).close()
    assert "authorization" not in peer.seen[0].headers
