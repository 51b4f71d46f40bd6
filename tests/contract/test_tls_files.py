"""Certificates that change while the service runs: the registry's and Front's clients take them up with new connections."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connector.adapters.files import LOOK_EVERY_S, STAYS_S, FixedSecret
from connector.adapters.front.aiohttp_carrier import AiohttpCarrier
from connector.adapters.front.carrier import CarrierOptions
from connector.adapters.front.httpx_carrier import HttpxCarrier
from connector.adapters.registry import BearerAuth, Registry, RegistryOptions
from connector.adapters.tls import TlsContext
from connector.adapters.tls_files import TlsFiles
from connector.core.answers import Answered, NotSent
from connector.core.decode import ParsedSchema, SchemaId
from connector.ports import RegistryUnavailable
from tests.support.carriers import post
from tests.support.certificates import Certificates, make_certificates
from tests.support.http_peer import always, answer, listening

SCHEMA = answer(b'{"schema": "\\"string\\""}', "200 OK")


@dataclass
class Hand:
    """A clock that is moved by hand, and who hears of files and requests."""

    now: float = 100.0
    reloaded: list[Sequence[str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def jitter(self) -> float:
        return 0.0

    def tls_reloaded(self, paths: Sequence[str]) -> None:
        self.reloaded.append(paths)

    def tls_kept(self, paths: Sequence[str], why: str) -> None:
        self.kept.append(why)

    def registry_request(self, operation: str, status: str, took_s: float) -> None: ...

    def watch(self, make: TlsContext, files: Sequence[Path]) -> TlsFiles:
        """Implements `WatchTls`."""
        return TlsFiles(make, files, self.monotonic, self)


@dataclass(frozen=True)
class Files:
    """Our files, and two authorities that they may be of."""

    first: Certificates
    second: Certificates
    ca: Path
    certificate: Path
    key: Path

    def hold(self, ca: Certificates, ours: Certificates) -> None:
        """Write what is to be in them."""
        self.ca.write_bytes(ca.ca.read_bytes())
        self.certificate.write_bytes(ours.client.read_bytes())
        self.key.write_bytes(ours.client_key.read_bytes())


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    made = Files(
        make_certificates(tmp_path / "first"),
        make_certificates(tmp_path / "second"),
        *(tmp_path / name for name in ("ca.pem", "client.pem", "client.key")),
    )
    made.hold(made.first, made.first)
    return made


def test_a_change_counts_once_it_has_stayed_and_what_is_no_use_leaves_the_old_in_use(files: Files) -> None:
    """One look in fifteen seconds, a second one after five; a broken file is told once, and so is its mending."""
    hand, made = Hand(), []

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_cert_chain(files.certificate, files.key, password="")
        except OSError:
            raise ValueError("no pair") from None
        made.append(context)
        return context

    context = hand.watch(make, (files.certificate, files.key))
    old = context()
    files.key.write_bytes(files.second.client_key.read_bytes())
    hand.now += LOOK_EVERY_S
    assert context() is old
    assert hand.kept == [], "the certificate may be about to follow"
    for _ in range(3):
        hand.now += LOOK_EVERY_S
        assert context() is old
    assert hand.kept == ["no pair"]
    files.certificate.write_bytes(files.second.client.read_bytes())
    context.look_now()
    assert context() is old
    hand.now += STAYS_S
    assert context() is made[-1] is not old
    assert hand.reloaded == [[str(files.certificate), str(files.key)]]
    files.key.unlink()
    for _ in range(2):
        hand.now += LOOK_EVERY_S
        context()
    files.key.write_bytes(files.second.client_key.read_bytes())
    hand.now += LOOK_EVERY_S
    assert context() is made[-1]
    assert len(hand.kept) == len(hand.reloaded) == 2


@asynccontextmanager
async def registry(url: str, hand: Hand, files: Files) -> AsyncIterator[Registry]:
    options = RegistryOptions(
        url=url,
        auth=BearerAuth(token=FixedSecret("the-token")),
        ca_file=files.ca,
        client_certificate=(files.certificate, files.key),
    )
    made = Registry(options, hand, hand, hand.watch)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


async def test_the_registry_is_asked_with_new_certificates(files: Files) -> None:
    """Bearer, a private authority and our certificate: all of another authority while it runs."""
    hand = Hand()
    first = files.first.server_context(ask_client=True)
    async with (
        listening(always(SCHEMA), first) as peer,
        registry(f"https://127.0.0.1:{peer.port}", hand, files) as asked,
    ):
        assert isinstance(await asked.fetch(SchemaId(1)), ParsedSchema)
        assert peer.seen[0].headers["authorization"] == "Bearer the-token"
        async with listening(always(SCHEMA), files.second.server_context(ask_client=True)) as moved:
            asked._client._url = f"https://127.0.0.1:{moved.port}"
            assert isinstance(await asked.fetch(SchemaId(2)), RegistryUnavailable)
            files.hold(files.second, files.second)
            for _ in range(2):
                hand.now += LOOK_EVERY_S
                got = await asked.fetch(SchemaId(2))
            assert isinstance(got, ParsedSchema)
    assert len(hand.reloaded) == 1


@pytest.mark.parametrize("kind", [AiohttpCarrier, HttpxCarrier])
async def test_front_is_asked_with_new_certificates(
    kind: type[AiohttpCarrier] | type[HttpxCarrier], files: Files
) -> None:
    """A gateway whose authority changes, and which then asks for our new certificate."""
    hand = Hand()
    options = CarrierOptions(ca_file=files.ca, client_certificate=(files.certificate, files.key))
    carrier = kind(options, hand.watch)
    await carrier.start()
    try:
        async with listening(always(answer()), files.first.server_context(ask_client=True)) as peer:
            assert isinstance(await post(carrier, peer.port, scheme="https"), Answered)
        async with listening(always(answer()), files.second.server_context(ask_client=True)) as peer:
            assert isinstance(await post(carrier, peer.port, scheme="https"), NotSent)
            files.hold(files.second, files.second)
            for _ in range(2):
                hand.now += LOOK_EVERY_S
                got = await post(carrier, peer.port, scheme="https")
            assert isinstance(got, Answered)
    finally:
        await carrier.close()
