"""The adapter for the Schema Registry, against the embedded registry and, for what goes wrong, a scripted peer."""

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro
import httpx
import pytest

from connector.adapters.files import FixedSecret, SecretFile
from connector.adapters.registry import BasicAuth, BearerAuth, Registry, RegistryOptions
from connector.core.decode import Decoded, ParsedSchema, SchemaAbsent, SchemaGuid, SchemaId, read_avro
from connector.demo.registry import Credentials, EmbeddedRegistry, running_registry
from connector.ports import RegistryUnavailable
from tests.support.certificates import make_certificates
from tests.support.http_peer import Line, Seen, always, answer, listening, then_close, then_hang

PARTY = {
    "type": "record",
    "name": "Party",
    "namespace": "shop.v1",
    "fields": [{"name": "handle", "type": "string"}],
}
CALL = {
    "type": "record",
    "name": "Call",
    "namespace": "shop.v1",
    "fields": [{"name": "caller", "type": "shop.v1.Party"}, {"name": "callee", "type": "Party"}],
}
FOUND = answer(json.dumps({"schema": json.dumps(PARTY)}).encode(), "200 OK")
NOT_FOUND = answer(b'{"error_code": 40403, "message": "Schema 7 not found"}', "404 Not Found")


@dataclass
class Hand:
    """A clock that is moved by hand, and an observer that remembers."""

    now: float = 100.0
    requests: list[tuple[str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def jitter(self) -> float:
        return 0.0

    def registry_request(self, operation: str, status: str, took_s: float) -> None:
        self.requests.append((operation, status))

    def secret_reloaded(self, path: str) -> None: ...

    def secret_kept(self, path: str, why: str) -> None:
        self.kept.append(why)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedRegistry]:
    with running_registry() as registry:
        yield registry


@asynccontextmanager
async def started(url: str, hand: Hand, **options: Any) -> AsyncIterator[Registry]:
    registry = Registry(RegistryOptions(url=url, **options), hand, hand)
    await registry.start()
    try:
        yield registry
    finally:
        await registry.close()


def at(port: int, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{port}"


def register(
    url: str, subject: str, schema: object, references: Sequence[dict[str, object]] = ()
) -> tuple[int, str]:
    """Register a schema; its id and GUID."""
    body = {"schema": json.dumps(schema), "references": list(references)}
    posted = httpx.post(f"{url}/subjects/{subject}/versions", json=body).raise_for_status().json()
    document = httpx.get(f"{url}/schemas/ids/{posted['id']}").raise_for_status().json()
    return posted["id"], document["guid"]


async def test_a_schema_is_fetched_by_id_and_by_guid(embedded: EmbeddedRegistry, hand: Hand) -> None:
    """Both name the same schema; each is kept under the reference that asked."""
    number, guid = register(embedded.url, "party-value", PARTY)
    async with started(embedded.url, hand) as registry:
        for ref in (SchemaId(number), SchemaGuid(guid)):
            assert registry.cached(ref) is None
            got = await registry.fetch(ref)
            assert isinstance(got, ParsedSchema)
            assert (got.ref, got.namespace, got.name) == (ref, "shop.v1", "Party")
            assert registry.cached(ref) is got
            assert await registry.fetch(ref) is got
    assert hand.requests == [("by_id", "200"), ("by_guid", "200")]


async def test_what_a_schema_builds_on_is_fetched_too(embedded: EmbeddedRegistry, hand: Hand) -> None:
    """Through two levels, a shared part once; a record is read with the result."""
    register(embedded.url, "shop:party", PARTY)
    party = {"name": "shop.v1.Party", "subject": "shop:party", "version": 1}
    register(embedded.url, "call-value", CALL, [party])
    call = {"name": "shop.v1.Call", "subject": "call-value", "version": 1}
    moved = {
        "type": "record",
        "name": "Moved",
        "namespace": "shop.v1",
        "fields": [{"name": "call", "type": "Call"}, {"name": "by", "type": "Party"}],
    }
    number, _ = register(embedded.url, "moved-value", moved, [call, party])
    async with started(embedded.url, hand) as registry:
        got = await registry.fetch(SchemaId(number))
    assert isinstance(got, ParsedSchema)
    value = {"call": {"caller": {"handle": "a"}, "callee": {"handle": "b"}}, "by": {"handle": "c"}}
    names: dict[str, Any] = {}
    for schema in (PARTY, CALL):
        fastavro.parse_schema(schema, named_schemas=names)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(moved, named_schemas=names), value)
    assert read_avro(body.getvalue(), got) == Decoded(value, got)
    assert hand.requests == [("by_id", "200"), ("by_subject", "200"), ("by_subject", "200")]


async def test_concurrent_callers_share_one_request(hand: Hand) -> None:
    """REG-01: a thousand records of one id, and the registry is asked once."""
    async with listening(always(FOUND)) as peer, started(at(peer.port), hand) as registry:
        answers = await asyncio.gather(*(registry.fetch(SchemaId(7)) for _ in range(1000)))
    assert all(got is answers[0] for got in answers)
    assert isinstance(answers[0], ParsedSchema)
    assert [seen.line for seen in peer.seen] == ["GET /schemas/ids/7 HTTP/1.1"]


async def test_an_outage_is_shared_by_its_waiters_and_not_remembered(hand: Hand) -> None:
    """One failure answers all who wait; the next caller asks again."""
    async with (
        listening(always(answer(b"", "503 Service Unavailable"))) as peer,
        started(at(peer.port), hand) as registry,
    ):
        answers = await asyncio.gather(*(registry.fetch(SchemaId(7)) for _ in range(50)))
        assert set(answers) == {RegistryUnavailable("the registry answered with status 503")}
        assert len(peer.seen) == 1
        peer.script = always(FOUND)
        assert isinstance(await registry.fetch(SchemaId(7)), ParsedSchema)
    assert hand.requests == [("by_id", "503"), ("by_id", "200")]


async def test_a_cancelled_caller_takes_nobody_with_it(hand: Hand) -> None:
    """Neither the one that asks, whose place another takes, nor one that waits."""
    async with listening(then_hang()) as peer, started(at(peer.port), hand) as registry:
        loop = asyncio.get_running_loop()
        leader, waiter, other = (loop.create_task(registry.fetch(SchemaId(7))) for _ in range(3))
        await peer.until(lambda: len(peer.seen) == 1)
        other.cancel()
        peer.script = always(FOUND)
        leader.cancel()
        assert isinstance(await waiter, ParsedSchema)
        assert leader.cancelled()
        assert other.cancelled()
    assert len(peer.seen) == 2


async def test_a_refused_connection_is_an_outage(hand: Hand) -> None:
    """REG-02."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with started(at(unused.getsockname()[1]), hand) as registry:
            got = await registry.fetch(SchemaId(7))
    assert got == RegistryUnavailable("no connection to the registry")
    assert hand.requests == [("by_id", "connect")]


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"], ids=["silent", "slow"]
)
async def test_a_registry_that_hangs_is_an_outage(hand: Hand, raw: bytes) -> None:
    """REG-02: ended by one time-out over all phases."""
    async with listening(then_hang(raw)) as peer, started(at(peer.port), hand, timeout_s=0.1) as registry:
        got = await registry.fetch(SchemaId(7))
    assert got == RegistryUnavailable("the registry gave no answer within 0.1 s")
    assert hand.requests == [("by_id", "timeout")]


@pytest.mark.parametrize(
    "status", ["301 Moved", "401 Unauthorized", "403 Forbidden", "429 Slow", "500 Oops", "503 No"]
)
async def test_any_other_status_is_an_outage(hand: Hand, status: str) -> None:
    """REG-02, REG-05: the text names the status, and for 401 and 403 what to check."""
    raw = answer(b'{"error_code": 40403}', status, ("Location: /elsewhere",))
    async with listening(always(raw)) as peer, started(at(peer.port), hand) as registry:
        got = await registry.fetch(SchemaId(7))
    assert isinstance(got, RegistryUnavailable)
    assert status[:3] in got.detail
    assert got.detail.endswith("check its credentials") is (status[:2] == "40")
    assert len(peer.seen) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b"[]",
        b"{}",
        b'{"schema": 1}',
        b'{"schema": "\\"int\\"", "references": [{}]}',
        b"[" * 100_000,
    ],
    ids=["empty", "html", "half", "list", "no schema", "number", "odd reference", "deep"],
)
async def test_garbage_is_an_outage(hand: Hand, body: bytes) -> None:
    """REG-02: a 200 from somebody else than the registry."""
    async with listening(always(answer(body, "200 OK"))) as peer, started(at(peer.port), hand) as registry:
        got = await registry.fetch(SchemaId(7))
    assert got == RegistryUnavailable("the registry's answer holds no schema: is its URL right?")


@pytest.mark.parametrize("raw", [b"SSH-2.0\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
async def test_a_broken_answer_is_an_outage(hand: Hand, raw: bytes) -> None:
    """REG-02: not HTTP, nothing, or half of it."""
    async with listening(then_close(raw)) as peer, started(at(peer.port), hand) as registry:
        got = await registry.fetch(SchemaId(7))
    assert got == RegistryUnavailable("the registry's answer broke off: RemoteProtocolError")
    assert hand.requests == [("by_id", "protocol")]


@pytest.mark.parametrize("ref", [SchemaId(7_000_000), SchemaGuid("00000000-0000-4000-8000-000000000000")])
async def test_the_registrys_own_404_means_absent(
    embedded: EmbeddedRegistry, hand: Hand, ref: SchemaId | SchemaGuid
) -> None:
    """REG-03: firm, by its error code."""
    async with started(embedded.url, hand) as registry:
        assert await registry.fetch(ref) == SchemaAbsent("the registry knows no such schema (code 40403)")


async def test_absent_is_believed_for_a_minute(hand: Hand) -> None:
    """REG-03: asked once within it, and again after, when somebody may have registered the schema."""
    async with listening(always(NOT_FOUND)) as peer, started(at(peer.port), hand) as registry:
        assert isinstance(await registry.fetch(SchemaId(7)), SchemaAbsent)
        hand.now += 59.9
        assert isinstance(await registry.fetch(SchemaId(7)), SchemaAbsent)
        assert len(peer.seen) == 1
        peer.script = always(FOUND)
        hand.now += 0.1
        assert isinstance(await registry.fetch(SchemaId(7)), ParsedSchema)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>404</html>", b'{"error_code": 404, "message": "HTTP 404 Not Found"}', b'{"message": "x"}'],
)
@pytest.mark.parametrize("ref", [SchemaId(7), SchemaGuid("g")])
async def test_a_404_of_somebody_else_is_an_outage(
    hand: Hand, body: bytes, ref: SchemaId | SchemaGuid
) -> None:
    """A proxy, a wrong base path, or a registry without GUIDs: no record is at fault."""
    async with (
        listening(always(answer(body, "404 Not Found"))) as peer,
        started(at(peer.port), hand) as registry,
    ):
        got = await registry.fetch(ref)
    assert got == RegistryUnavailable("404 without the registry's own error code: is its URL right?")


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        (
            {"schema": "syntax = 'proto3';", "schemaType": "PROTOBUF"},
            "the schema of id 7 is of type PROTOBUF, not AVRO",
        ),
        ({"schema": "not json"}, "the schema of id 7 is not JSON"),
        ({"schema": '{"type": "recrod"}'}, "the schema of id 7 is not valid Avro: UnknownType"),
    ],
)
async def test_a_schema_that_is_not_avro_is_a_bad_record(
    hand: Hand, document: dict[str, str], detail: str
) -> None:
    """It exists and can never be read: as good as absent, with a clear reason."""
    raw = answer(json.dumps(document).encode(), "200 OK")
    async with listening(always(raw)) as peer, started(at(peer.port), hand) as registry:
        assert await registry.fetch(SchemaId(7)) == SchemaAbsent(detail)


def by_path(replies: dict[str, bytes]) -> Any:
    async def script(seen: Seen, line: Line) -> None:
        line.writer.write(replies[seen.line.split()[1]])

    return script


def referring(schema: object, subject: str) -> bytes:
    reference = {"name": "x", "subject": subject, "version": 3}
    return answer(json.dumps({"schema": json.dumps(schema), "references": [reference]}).encode(), "200 OK")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            answer(b'{"error_code": 40401}', "404 Not Found"),
            SchemaAbsent("the registry knows no such schema (code 40401): subject a b, version 3"),
        ),
        (answer(b"", "500 Oops"), RegistryUnavailable("the registry answered with status 500")),
        (
            answer(b'{"schema": "{}"}', "200 OK"),
            SchemaAbsent("the schema of subject a b, version 3 is not valid Avro: KeyError"),
        ),
        (referring(PARTY, "a b"), None),
    ],
    ids=["absent", "outage", "invalid", "circle"],
)
async def test_a_reference_decides_for_the_whole(hand: Hand, reply: bytes, expected: object) -> None:
    """Missing or invalid: a bad record. No answer: an outage. One that names itself comes to an end."""
    replies = {"/schemas/ids/7": referring(CALL, "a b"), "/subjects/a%20b/versions/3?deleted=true": reply}
    async with listening(by_path(replies)) as peer, started(at(peer.port), hand) as registry:
        got = await registry.fetch(SchemaId(7))
    assert isinstance(got, ParsedSchema) if expected is None else got == expected


@pytest.mark.parametrize("password", ["right", "wrong"])
async def test_basic_authentication(hand: Hand, password: str) -> None:
    """Accepted with the right password; with a wrong one it is an outage, never a bad record."""
    with running_registry(credentials=Credentials("reader", "right")) as guarded:
        options = {"auth": BasicAuth(user="reader", password=FixedSecret(password))}
        async with started(guarded.url, hand, **options) as registry:
            got = await registry.fetch(SchemaId(1))
    if password == "right":
        assert isinstance(got, SchemaAbsent)
    else:
        assert got == RegistryUnavailable("the registry refuses us with status 401: check its credentials")


async def test_a_renewed_token_is_used_after_a_refusal(hand: Hand, tmp_path: Path) -> None:
    """REG-05: recovery without restart, and at once, not at the next look into the file."""
    file = tmp_path / "token"
    file.write_text("old\n")
    auth = BearerAuth(token=SecretFile(file, hand.monotonic, hand))

    async def guard(seen: Seen, line: Line) -> None:
        fresh = seen.headers["authorization"] == "Bearer new"
        line.writer.write(FOUND if fresh else answer(b"", "401 Unauthorized"))

    async with listening(guard) as peer, started(at(peer.port), hand, auth=auth) as registry:
        file.write_text("new\n")
        assert isinstance(await registry.fetch(SchemaId(7)), RegistryUnavailable)
        assert isinstance(await registry.fetch(SchemaId(7)), ParsedSchema)


async def test_tls_is_verified_and_a_client_certificate_shown(hand: Hand, tmp_path: Path) -> None:
    """Our authority and our certificate: an answer. Without the authority, or without the certificate: an outage."""
    made = make_certificates(tmp_path)
    ours = (made.client, made.client_key)
    async with listening(always(FOUND), made.server_context(ask_client=True)) as peer:
        url = at(peer.port, "https")
        async with started(url, hand, ca_file=made.ca, client_certificate=ours) as registry:
            assert isinstance(await registry.fetch(SchemaId(7)), ParsedSchema)
        async with started(url, hand, client_certificate=ours) as registry:
            got = await registry.fetch(SchemaId(7))
            assert isinstance(got, RegistryUnavailable)
            assert got.detail.startswith("no TLS connection to the registry")
        async with started(url, hand, ca_file=made.ca) as registry:
            assert isinstance(await registry.fetch(SchemaId(7)), RegistryUnavailable)
    assert len(peer.seen) == 1


async def test_a_base_path_is_kept_and_the_environment_not_asked(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry behind a path; a proxy in the environment changes nothing."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    replies = {"/apis/ccompat/v7/schemas/ids/7": FOUND}
    async with (
        listening(by_path(replies)) as peer,
        started(f"{at(peer.port)}/apis/ccompat/v7/", hand) as registry,
    ):
        assert isinstance(await registry.fetch(SchemaId(7)), ParsedSchema)
