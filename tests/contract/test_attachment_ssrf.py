"""URLs that would have us ask what no outsider may ask: each refused, on real sockets, and the page lists them all."""

from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from connector.adapters.attachments import FetchOptions
from connector.adapters.attachments.connecting import AddressRefusedError, connector
from connector.adapters.attachments.network import tls_context
from connector.core.files import Fetched, NotAllowed
from tests.support.fetching import LOOPBACK, ScriptedResolver, answer_to, fetching, listed, serving
from tests.support.http_peer import always, listening
from tests.support.ssrf import ATTACKS, HOSTS, PAGE, START, Attack, sentence, with_table


def test_the_page_lists_the_attacks() -> None:
    """Else: python -m tests.support.ssrf."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page)
    assert len(ATTACKS) >= 20


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.what)
async def test_an_attack_is_refused(attack: Attack, tmp_path: Path) -> None:
    """With its sentence, and without a byte to anybody but the host that redirects."""
    rows = [listed(host, plain_text=False) for host in (*HOSTS, *([attack.listed] if attack.listed else ()))]
    location = f"Location: {attack.url}"
    names = ScriptedResolver({START: [["127.0.0.1"]], "files.example.com": [list(attack.leads_to)]})
    async with listening(always(serving(b"", location, status="302 Found"))) as peer:
        start = f"{START}:{peer.port}"
        rows.append(listed(start))
        async with fetching(tmp_path, *rows, names=names) as source:
            got = await answer_to(source, f"http://{start}/a" if attack.redirect else attack.url)
    assert isinstance(got, NotAllowed)
    assert replace(got, why=got.why.replace(start, START)) == NotAllowed(sentence(attack))
    assert len(peer.seen) == (1 if attack.redirect else 0)


async def test_a_name_that_changes_its_answer_is_refused_when_it_does(tmp_path: Path) -> None:
    """Rebinding: what is connected is what was checked, and each new connection is checked anew."""
    names = ScriptedResolver({"files.example.com": [["127.0.0.1"], ["127.0.0.2"]]})
    async with listening(always(serving(b"x", "Connection: close"))) as peer:
        url = f"http://files.example.com:{peer.port}/a"
        async with fetching(tmp_path, f"files.example.com:{peer.port}", names=names) as source:
            assert isinstance(await answer_to(source, url), Fetched)
            got = await answer_to(source, url)
    assert isinstance(got, NotAllowed)
    assert "leads to a loopback address" in got.why
    assert names.asked == ["files.example.com", "files.example.com"]
    assert len(peer.seen) == 1


async def test_a_name_whose_second_answer_would_be_fine_is_asked_only_once(tmp_path: Path) -> None:
    """Nobody asks again between the check and the connection, so there is no second answer to be led by."""
    names = ScriptedResolver({"files.example.com": [["127.0.0.2"], ["127.0.0.1"]]})
    async with fetching(tmp_path, "files.example.com:1", names=names) as source:
        assert isinstance(await answer_to(source, "http://files.example.com:1/a"), NotAllowed)
    assert names.asked == ["files.example.com"]


async def test_a_redirect_to_a_name_in_the_network_is_refused(tmp_path: Path) -> None:
    """The second host is listed, and what it leads to is checked like the first's."""
    names = ScriptedResolver({START: [["127.0.0.1"]], "files.example.com": [["10.0.0.5"]]})
    redirect = serving(b"", "Location: https://files.example.com/a", status="307 Temporary Redirect")
    async with listening(always(redirect)) as peer:
        hosts = (f"{START}:{peer.port}", "files.example.com")
        async with fetching(tmp_path, *hosts, names=names) as source:
            got = await answer_to(source, f"http://{START}:{peer.port}/")
    assert isinstance(got, NotAllowed)
    assert got.why.startswith("files.example.com leads to a private address: ")


async def test_nothing_is_fetched_while_no_host_is_listed(tmp_path: Path) -> None:
    """The default, and the sentence says which key to set."""
    async with fetching(tmp_path) as source:
        got = await answer_to(source, "https://files.example.com/a?signature=canary")
    assert got == NotAllowed(
        "nothing is fetched while attachments.hosts is empty: list files.example.com there if it may be asked"
    )


async def test_a_private_network_must_be_allowed(tmp_path: Path) -> None:
    """A listed host in the cluster is refused until its network is listed too."""
    async with listening(always(serving(b"x"))) as peer:
        host = f"127.0.0.1:{peer.port}"
        async with fetching(tmp_path, host, allow_private=()) as source:
            assert isinstance(await answer_to(source, f"http://{host}/"), NotAllowed)
        async with fetching(tmp_path, host) as source:
            assert isinstance(await answer_to(source, f"http://{host}/"), Fetched)


async def test_every_connection_is_checked_where_its_socket_is_made() -> None:
    """An address in a URL asks no resolver: should the guard of texts ever let one pass, this still refuses it."""
    made = connector(FetchOptions(allow_private=LOOPBACK), tls_context(None), aiohttp.ThreadedResolver)
    async with listening(always(serving(b"x"))) as peer, aiohttp.ClientSession(connector=made) as session:
        async with session.get(f"http://127.0.0.1:{peer.port}/") as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorError) as refused:
            await session.get(f"http://127.0.0.2:{peer.port}/")
    assert isinstance(refused.value.os_error, AddressRefusedError)
    assert len(peer.seen) == 1
