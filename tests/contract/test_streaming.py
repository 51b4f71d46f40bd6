"""Bodies of which files lie on the disk: streamed by both carriers with their length, against real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from connector.core.answers import Answered, Unknown
from connector.core.http_encoding import Pieces
from tests.support.carriers import CARRIERS, HEADERS, IMPATIENT, Make, started
from tests.support.files import Kept
from tests.support.http_peer import always, answer, listening, then_hang


@pytest.fixture(params=CARRIERS, ids=["aiohttp", "httpx"])
def make(request: pytest.FixtureRequest) -> Make:
    """The carrier under test."""
    kind: Make = request.param
    return kind


class Big(Kept):
    """Read in pieces of 64 KiB."""

    async def chunks(self) -> AsyncIterator[bytes]:
        self.reads += 1
        for start in range(0, self.size, 65536):
            await asyncio.sleep(0)
            yield self.content[start : start + 65536]


@asynccontextmanager
async def _peer(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A listener's URL. What its connections still do at the end is cut off."""
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.append(writer)
        await handle(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/recording"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()


def _pieces(file: Kept) -> Pieces:
    return Pieces((b"--b\r\nhead\r\n\r\n", file, b"\r\n--b--\r\n"))


async def test_pieces_travel_as_one_body_of_known_length(make: Make) -> None:
    """Byte for byte, with Content-Length and without chunks; each attempt reads the file anew."""
    file = Big(bytes(range(256)) * 12_000)
    async with listening(always(answer(status="202 Accepted"))) as peer, started(make) as carrier:
        url = f"http://127.0.0.1:{peer.port}/recording"
        answers = [await carrier.send("POST", url, HEADERS, _pieces(file)) for _ in range(2)]
    assert [got.status for got in answers if isinstance(got, Answered)] == [202, 202]
    for seen in peer.seen:
        assert seen.body == b"--b\r\nhead\r\n\r\n" + file.content + b"\r\n--b--\r\n"
        assert seen.headers["content-length"] == str(len(seen.body))
        assert "transfer-encoding" not in seen.headers
    assert file.reads == 2


async def test_an_upload_that_nobody_reads_ends_by_its_deadline(make: Make) -> None:
    """The far side takes the head and no more: unknown, as part of it was sent."""
    file = Big(bytes(30_000_000))

    async def never_reads(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with _peer(never_reads) as url, started(make, IMPATIENT) as carrier:
        got = await carrier.send("POST", url, HEADERS, _pieces(file))
    assert isinstance(got, Unknown)
    assert got.error == "timeout"


async def test_a_refusal_in_the_middle_of_an_upload_is_heard_or_unknown(make: Make) -> None:
    """A gateway refuses by the head alone and closes: its 413, or nobody knows; never taken for accepted or not sent."""
    file = Big(bytes(20_000_000))

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with _peer(refuse) as url, started(make) as carrier:
        got = await carrier.send("POST", url, HEADERS, _pieces(file))
    assert isinstance(got, Unknown) or (isinstance(got, Answered) and got.status == 413), got


async def test_a_disk_that_fails_in_the_middle_is_an_unknown_outcome(make: Make) -> None:
    """Part of it was sent. It is no defect: the disk is the world's."""

    class Broken(Kept):
        async def chunks(self) -> AsyncIterator[bytes]:
            yield b"begun"
            await asyncio.sleep(0)
            raise OSError(5, "Input/output error")

    async with listening(then_hang(b"")) as peer, started(make) as carrier:
        url = f"http://127.0.0.1:{peer.port}/recording"
        got = await carrier.send("POST", url, HEADERS, _pieces(Broken(bytes(1000))))
    assert isinstance(got, Unknown)
    assert got.error == "protocol"


async def test_cancelling_an_upload_stops_reading_its_file(make: Make) -> None:
    """A partition that is lost sends nothing more of it."""
    file = Big(bytes(30_000_000))
    async with listening(then_hang(b"")) as peer, started(make) as carrier:
        upload = asyncio.create_task(
            carrier.send("POST", f"http://127.0.0.1:{peer.port}/recording", HEADERS, _pieces(file))
        )
        await asyncio.sleep(0.05)
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        file.close()
        await asyncio.sleep(0.05)
