"""What every carrier makes of conversations that break off or go on strangely, on both of them, against real sockets.

`NotSent` only where no byte of the request can have been read: the table of docs/decisions/carriers.md, row by row.
"""

import asyncio
from dataclasses import dataclass

import pytest

from connector.adapters.front import aiohttp_carrier, httpx_carrier
from connector.adapters.front.carrier import HEAD_MAX_BYTES, CarrierOptions
from connector.core.answers import Answered, Unknown
from tests.support.carriers import CARRIERS, Make, post, started
from tests.support.http_peer import Line, Seen, accepting, answer, listening, reset, then_close, then_hang

LARGE = b"x" * 8_000_000
"""More than the buffers of both ends of a connection hold here."""


@pytest.fixture(params=CARRIERS, ids=["aiohttp", "httpx"])
def make(request: pytest.FixtureRequest) -> Make:
    """The carrier under test."""
    kind: Make = request.param
    return kind


async def test_a_connection_reset_before_the_answer_is_unknown(make: Make) -> None:
    """The request was read whole; then the process there died."""

    async def dies(_seen: Seen, line: Line) -> None:
        reset(line.writer)

    async with listening(dies) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Unknown)
    assert got.error == "protocol"


@pytest.mark.parametrize("read", [0, 100, 1_000_000], ids=["nothing", "the head", "half"])
async def test_a_connection_reset_amid_the_body_is_unknown(make: Make, read: int) -> None:
    """However little was read: what stood in the buffers may have been enough."""

    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(read)
        reset(writer)

    async with accepting(dies) as port, started(make) as carrier:
        got = await post(carrier, port, LARGE)
    assert isinstance(got, Unknown)
    assert got.error == "protocol"


async def test_a_body_that_nobody_takes_is_unknown(make: Make) -> None:
    """The far side reads the head and no more: the deadline ends it."""

    async def stares(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        await asyncio.Event().wait()

    impatient = CarrierOptions(connect_timeout_s=0.1, request_deadline_s=0.2)
    async with accepting(stares) as port, started(make, impatient) as carrier:
        assert await post(carrier, port, LARGE) == Unknown("timeout", "no answer in time")


async def test_writing_may_be_bounded_before_the_deadline(make: Make) -> None:
    """`write_timeout_s`: so long nothing is taken of the body. It may take longer than that as a whole."""
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if go_on.is_set():
            await reader.readuntil(b"\r\n\r\n")
            for _ in range(len(LARGE) // 50_000):
                await reader.readexactly(50_000)
                await asyncio.sleep(0.004)
            writer.write(answer())
        await asyncio.Event().wait()

    bounded = CarrierOptions(write_timeout_s=0.5, request_deadline_s=30.0)
    async with accepting(slow) as port, started(make, bounded) as carrier:
        assert await post(carrier, port, LARGE) == Unknown("timeout", "no answer in time")
        go_on.set()
        began = asyncio.get_running_loop().time()
        assert isinstance(await post(carrier, port, LARGE), Answered)
        assert asyncio.get_running_loop().time() - began > 0.5


async def test_an_answer_may_take_longer_than_connecting_and_writing(make: Make) -> None:
    """Each phase has its own bound: Front thinks about a request whose last byte has long gone."""

    async def thinks(_seen: Seen, line: Line) -> None:
        await asyncio.sleep(0.5)
        line.writer.write(answer())

    bounded = CarrierOptions(connect_timeout_s=0.3, write_timeout_s=0.3, request_deadline_s=30.0)
    async with listening(thinks) as peer, started(make, bounded) as carrier:
        assert isinstance(await post(carrier, peer.port, LARGE[:200_000]), Answered)


async def test_a_refusal_that_comes_before_the_body_was_read_is_heard(make: Make) -> None:
    """413 for its head alone: it says more than the write that fails."""

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"too much", "413 Content Too Large", ("Connection: close",)))
        while await reader.read(65536):
            pass

    async with accepting(hasty) as port, started(make) as carrier:
        got = await post(carrier, port, LARGE)
    assert isinstance(got, Answered)
    assert (got.status, got.body) == (413, b"too much")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 202 Accepted\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nX: " + b"y" * 500_000 + b"\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nX: y\r\n",
    ],
    ids=["no header", "no length", "too long", "half"],
)
async def test_a_head_that_is_no_head_is_unknown(make: Make, head: bytes) -> None:
    """It begins like an acceptance, and may be anything."""
    async with listening(then_close(head)) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Unknown)
    assert got.error == "protocol"


async def test_a_long_header_does_not_hide_an_acceptance(make: Make) -> None:
    """A cookie or a policy of some gateway: the request would be sent again."""
    header = f"Content-Security-Policy: {'x' * (HEAD_MAX_BYTES // 2)}"
    async with listening(then_close(answer(b"{}", headers=(header,)))) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Answered)
    assert (got.status, got.body) == (202, b"{}")


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
)
async def test_an_interim_answer_is_no_answer(make: Make, first: bytes) -> None:
    """1xx, asked for or not: the one after it counts (RFC 9110 §15.2); and alone it is none."""
    async with listening(then_close(first + first + answer(b"{}"))) as peer, started(make) as carrier:
        got = await post(carrier, peer.port)
    assert isinstance(got, Answered)
    assert (got.status, got.body) == (202, b"{}")
    async with listening(then_close(first)) as peer, started(make) as carrier:
        assert isinstance(await post(carrier, peer.port), Unknown)


async def test_an_old_server_ends_its_answer_by_closing(make: Make) -> None:
    """HTTP/1.0 without a length: the body ends with the connection, which is not used again."""
    raw = b"HTTP/1.0 404 Not Found\r\nContent-Type: application/json\r\n\r\n{}"
    async with listening(then_close(raw)) as peer, started(make) as carrier:
        for _ in range(2):
            got = await post(carrier, peer.port)
            assert isinstance(got, Answered)
            assert (got.status, got.body) == (404, b"{}")
    assert peer.accepted == 2


async def test_an_answer_that_announces_its_end_is_believed(make: Make) -> None:
    """`Connection: close`: the next request goes over a new one, although this one is still open."""

    async def says_so(_seen: Seen, line: Line) -> None:
        line.writer.write(answer(headers=("Connection: close",)))

    async with listening(says_so) as peer, started(make) as carrier:
        for _ in range(2):
            assert isinstance(await post(carrier, peer.port), Answered)
    assert [seen.connection for seen in peer.seen] == [1, 2]


SILENT = CarrierOptions(read_timeout_s=0.4, request_deadline_s=30.0)
"""The far side may be silent for less than half a second."""


async def test_silence_may_be_bounded_before_the_deadline(make: Make) -> None:
    """`read_timeout_s`, before an answer begins."""
    async with listening(then_hang()) as peer, started(make, SILENT) as carrier:
        assert await post(carrier, peer.port) == Unknown("timeout", "no answer in time")


@pytest.mark.parametrize(("status", "accepted"), [("202 Accepted", True), ("404 Not Found", False)])
async def test_silence_amid_an_answer_too(make: Make, status: str, accepted: bool) -> None:
    """The head of a 2xx is the acceptance; of anything else half an answer says nothing."""
    half = f"HTTP/1.1 {status}\r\nContent-Length: 100\r\n\r\nx".encode()
    async with listening(then_hang(half)) as peer, started(make, SILENT) as carrier:
        got = await post(carrier, peer.port)
    assert (got == Unknown("timeout", "no answer in time")) is not accepted
    assert isinstance(got, Answered) is accepted


AGING = CarrierOptions(keepalive_age_s=60.0)


@dataclass
class Ages:
    """The carriers' clock for the age of connections, moved by hand."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def ages(monkeypatch: pytest.MonkeyPatch) -> Ages:
    made = Ages()
    for module in (aiohttp_carrier, httpx_carrier):
        monkeypatch.setattr(module, "time", made)
    return made


async def test_an_old_connection_is_not_reused(make: Make, ages: Ages) -> None:
    """However busy it was: a new one is made, the old one is closed, and the young one is used for as long."""

    async def fine(_seen: Seen, line: Line) -> None:
        line.writer.write(answer())

    async with listening(fine) as peer, started(make, AGING) as carrier:
        for _ in range(5):
            assert isinstance(await post(carrier, peer.port), Answered)
            ages.now += 11.0
        assert peer.accepted == 1
        ages.now += 61.0
        for _ in range(5):
            assert isinstance(await post(carrier, peer.port), Answered)
        await peer.until(lambda: peer.ended == 1)
    assert peer.accepted == 2


async def test_a_request_under_way_outlives_the_age_of_its_connection(make: Make, ages: Ages) -> None:
    """Age is asked when a connection is taken. Nothing is cut, and the old connection ends after its request."""
    go_on = asyncio.Event()

    async def slow(seen: Seen, line: Line) -> None:
        if seen.connection == 1:
            await go_on.wait()
        line.writer.write(answer())

    async with listening(slow) as peer, started(make, AGING) as carrier, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(post(carrier, peer.port))
        await peer.until(lambda: len(peer.seen) == 1)
        ages.now += 61.0
        assert isinstance(await post(carrier, peer.port), Answered)
        go_on.set()
        assert isinstance(await first, Answered)
        for _ in range(3):
            await post(carrier, peer.port)
        await peer.until(lambda: peer.ended == 1)
    assert [seen.connection for seen in peer.seen] == [1, 2, 2, 2, 2]
