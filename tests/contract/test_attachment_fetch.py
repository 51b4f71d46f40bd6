"""Fetching files over real sockets: what comes whole, what is too large, what is cut short, and who waits for whom."""

import asyncio
import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.attachments import SpoolOptions
from connector.core.files import FetchAnswer, Gone, HostFailed, NoRoom, NotAllowed, RemoteFile, TooLarge
from tests.support.fetching import MOST, answer_to, by_path, content, fetched, fetching, read, serving
from tests.support.http_peer import Line, Script, Seen, always, listening, then_close, then_hang

CANARY = "/canary/path?signature=canary"


async def became(tmp_path: Path, script: Script, most: int = MOST, **options: Any) -> FetchAnswer:
    """What becomes of one file; the answer names the host at most, and nothing is left behind."""
    async with listening(script) as peer, fetching(tmp_path, f"127.0.0.1:{peer.port}", **options) as source:
        got = await answer_to(source, f"http://127.0.0.1:{peer.port}{CANARY}", most)
    assert "canary" not in repr(got)
    assert list(tmp_path.iterdir()) == []
    return got


def why(answer: FetchAnswer) -> str:
    """Its sentence, with the port taken out."""
    assert isinstance(answer, Gone | HostFailed | NoRoom | NotAllowed), answer
    head, _, rest = answer.why.partition("127.0.0.1:")
    return f"{head}HOST{rest.lstrip('0123456789')}"


# --- whole files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 5_000_000])
async def test_a_file_comes_whole_and_can_be_read_again(tmp_path: Path, size: int) -> None:
    """In memory and on disk, one after another and side by side; an empty file is a file."""
    body = content(size)
    script = always(serving(body, "Content-Type: audio/mpeg"))
    async with listening(script) as peer, fetching(tmp_path, f"127.0.0.1:{peer.port}") as source:
        file = await fetched(source, f"http://127.0.0.1:{peer.port}/calls/leg-100.mp3?signature=x")
        assert (file.name, file.size) == ("leg-100.mp3", size)
        assert await read(file) == body
        assert await asyncio.gather(*(read(file) for _ in range(3))) == [body] * 3
        file.close()
        file.close()
    [seen] = peer.seen
    assert seen.line == "GET /calls/leg-100.mp3?signature=x HTTP/1.1"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["user-agent"] == "front-connector/0"
    assert not {"authorization", "cookie"} & seen.headers.keys()


async def test_pieces_of_unknown_length_come_whole(tmp_path: Path) -> None:
    """Chunked, without a Content-Length."""

    async def chunked(_seen: Seen, line: Line) -> None:
        line.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"a" * 300_000, b"b" * 10):
            line.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        line.writer.write(b"0\r\n\r\n")

    async with listening(chunked) as peer, fetching(tmp_path, f"127.0.0.1:{peer.port}") as source:
        file = await fetched(source, f"http://127.0.0.1:{peer.port}/a")
        assert await read(file) == b"a" * 300_000 + b"b" * 10
        file.close()


async def test_the_url_travels_byte_for_byte(tmp_path: Path) -> None:
    """A signature is over the bytes as they were written."""
    url = "/a%2Fb/%7Eq/+/c%20d.pdf?X-Amz-Signature=a%2Bb+c%2f&e=&&f"
    async with (
        listening(always(serving(b"x"))) as peer,
        fetching(tmp_path, f"127.0.0.1:{peer.port}") as source,
    ):
        (await fetched(source, f"http://127.0.0.1:{peer.port}{url}#part")).close()
    assert peer.seen[0].line == f"GET {url} HTTP/1.1"


# --- too large, cut short, compressed ----------------------------------------------------------------------------------


async def test_a_length_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    """26 MB are refused by their head alone: no byte of the body was sent."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 26000000\r\n\r\n"
    assert await became(tmp_path, then_hang(head)) == TooLarge(26_000_000)


async def test_an_endless_body_is_cut(tmp_path: Path) -> None:
    """One byte above the limit is enough to know."""

    async def endless(_seen: Seen, line: Line) -> None:
        line.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not line.writer.is_closing():
            line.writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            await line.writer.drain()

    assert await became(tmp_path, endless, 1_000_000) == TooLarge(1_000_001)


async def test_of_a_refusal_only_the_beginning_is_read(tmp_path: Path) -> None:
    """It is read for what it says of the link; an endless one would be read until the time is over."""

    async def endless(_seen: Seen, line: Line) -> None:
        line.writer.write(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not line.writer.is_closing():
            line.writer.write(b"1000\r\n" + bytes(4096) + b"\r\n")
            await line.writer.drain()

    got = await became(tmp_path, endless, 1000)
    assert isinstance(got, HostFailed)
    assert got.error == "403"


async def test_a_file_whose_end_cannot_be_told_is_not_taken_for_whole(tmp_path: Path) -> None:
    """Neither length nor chunks: half of it would look the same (RFC 9112 §8)."""
    got = await became(tmp_path, then_close(b"HTTP/1.1 200 OK\r\n\r\nhalf"), 1000)
    assert isinstance(got, HostFailed)
    assert got.why.endswith("says neither a length nor where the file ends")


async def test_a_file_of_exactly_the_limit_is_fetched(tmp_path: Path) -> None:
    """And one byte more, without a length said, is not."""
    for size, fits in ((1000, True), (1001, False)):
        body = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size
            + bytes(size)
            + b"\r\n0\r\n\r\n"
        )
        got = await became(tmp_path, then_close(body), 1000)
        assert (got == TooLarge(1001)) is not fits


async def test_a_body_shorter_than_said_fails_its_host(tmp_path: Path) -> None:
    """It says how many there should have been."""
    got = await became(tmp_path, then_close(serving(b"x" * 10, said=400_000)))
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("protocol", "HOST said 400000 bytes and sent fewer")


async def test_a_body_longer_than_said_fails_its_host(tmp_path: Path) -> None:
    """What stands behind the end of an answer is no HTTP."""
    got = await became(tmp_path, always(serving(b"x" * 20, said=10)))
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("protocol", "HOST: the answer is not HTTP")


async def test_what_comes_after_the_said_length_is_nobodys_answer(tmp_path: Path) -> None:
    """No connection is used again: what comes late on one is never taken for the next file."""

    async def late(_seen: Seen, line: Line) -> None:
        line.writer.write(serving(b"x" * 10))
        await line.writer.drain()
        await asyncio.sleep(0.02)
        if not line.writer.is_closing():
            line.writer.write(serving(b"canary"))

    async with listening(late) as peer, fetching(tmp_path, f"127.0.0.1:{peer.port}") as source:
        for number in (1, 2):
            file = await fetched(source, f"http://127.0.0.1:{peer.port}/a")
            assert await read(file) == b"x" * 10
            file.close()
            await asyncio.sleep(0.05)
            assert len(peer.seen) == number
    assert [seen.connection for seen in peer.seen] == [1, 2]


async def test_a_chunked_body_that_ends_early_fails_its_host(tmp_path: Path) -> None:
    """Half-closed between two pieces."""
    half = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

    async def half_closed(_seen: Seen, line: Line) -> None:
        line.writer.write(half)
        line.writer.write_eof()
        await line.gone()

    got = await became(tmp_path, half_closed)
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("protocol", "HOST cut its answer short")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x-canary"])
async def test_a_body_in_an_encoding_that_nobody_asked_for_is_refused(tmp_path: Path, coding: str) -> None:
    """A few bytes that stand for many are not unpacked."""
    bomb = gzip.compress(bytes(10_000_000)) if coding == "gzip" else zlib.compress(bytes(1000))
    got = await became(tmp_path, always(serving(bomb, f"Content-Encoding: {coding}")))
    assert isinstance(got, HostFailed)
    said = "in an encoding" if coding == "x-canary" else f"compressed ({coding})"
    assert (got.error, why(got)) == ("protocol", f"HOST sent the file {said}, which was not asked for")


async def test_a_transfer_encoding_beside_chunked_is_refused(tmp_path: Path) -> None:
    """The same, hidden one layer below."""
    bomb = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    got = await became(tmp_path, always(bomb))
    assert isinstance(got, HostFailed)
    assert got.error == "protocol"


# --- time ------------------------------------------------------------------------------------------------------------


async def test_silence_within_a_body_fails_its_host(tmp_path: Path) -> None:
    """The limit between two pieces."""
    got = await became(tmp_path, then_hang(serving(b"x", said=10)), idle_timeout_s=0.05)
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("timeout", "HOST fell silent")


async def test_a_host_that_says_nothing_fails(tmp_path: Path) -> None:
    """Not even a status."""
    got = await became(tmp_path, then_hang(), idle_timeout_s=0.05)
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("timeout", "HOST fell silent")


async def test_a_body_that_drips_fails_at_the_total_limit(tmp_path: Path) -> None:
    """Never silent for long, and never done."""

    async def drip(_seen: Seen, line: Line) -> None:
        line.writer.write(serving(b"", said=1_000_000))
        while not line.writer.is_closing():
            line.writer.write(b"x")
            await line.writer.drain()
            await asyncio.sleep(0.005)

    got = await became(tmp_path, drip, total_timeout_s=0.1)
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("timeout", "HOST: no whole file within 0.1 s")


async def test_the_total_limit_is_over_all_redirects(tmp_path: Path) -> None:
    """Each answers within it, and all together do not."""

    async def slowly_on(seen: Seen, line: Line) -> None:
        await asyncio.sleep(0.08)
        again = serving(b"", "Location: /b", status="302 Found")
        line.writer.write(again if seen.line.startswith("GET /canary") else serving(b"x"))

    got = await became(tmp_path, slowly_on, total_timeout_s=0.12)
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("timeout", "HOST: no whole file within 0.12 s")


async def test_a_cancelled_fetch_leaves_nothing(tmp_path: Path) -> None:
    """No file, no connection, no room taken."""
    async with listening(then_hang(serving(b"x" * 400_000, said=500_000))) as peer:
        options = SpoolOptions(folder=tmp_path, disk_total_bytes=500_000)
        async with fetching(tmp_path, f"127.0.0.1:{peer.port}", spool=options, total_timeout_s=0.3) as source:
            task = asyncio.ensure_future(answer_to(source, f"http://127.0.0.1:{peer.port}/a"))
            await peer.until(lambda: len(peer.seen) == 1)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await peer.until(lambda: peer.ended == 1)
            # All the room is there again: the next one gets as far as its time limit.
            got = await answer_to(source, f"http://127.0.0.1:{peer.port}/a")
    assert isinstance(got, HostFailed)
    assert list(tmp_path.iterdir()) == []


# --- statuses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "becomes"),
    [
        ("404 Not Found", b"", Gone("HOST answered 404")),
        ("410 Gone", b"", Gone("HOST answered 410")),
        (
            "403 Forbidden",
            b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
            Gone("HOST answered 403: the link has expired"),
        ),
        (
            "403 Forbidden",
            b"<Error><Code>AccessDenied</Code></Error>",
            HostFailed("403", "HOST answered 403 (asked without credentials)"),
        ),
        ("202 Accepted", b"soon", HostFailed("202", "HOST answered 202")),
        ("206 Partial Content", b"half", HostFailed("206", "HOST answered 206")),
        ("400 Bad Request", b"", HostFailed("400", "HOST answered 400")),
        ("304 Not Modified", b"", HostFailed("304", "HOST answered 304")),
        ("500 Oh", b"", HostFailed("500", "HOST answered 500")),
    ],
)
async def test_each_status_has_its_meaning(
    tmp_path: Path, status: str, body: bytes, becomes: Gone | HostFailed
) -> None:
    """The table of `judging.py`, as it comes over the wire."""
    got = await became(tmp_path, always(serving(body, status=status)))
    assert (type(got), why(got)) == (type(becomes), becomes.why)
    if isinstance(becomes, HostFailed):
        assert isinstance(got, HostFailed)
        assert got.error == becomes.error


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_the_wait_that_a_host_asks_for_is_told(tmp_path: Path, status: str) -> None:
    """In seconds."""
    got = await became(tmp_path, always(serving(b"", "Retry-After: 17", status=status)))
    assert isinstance(got, HostFailed)
    assert got.retry_after_s == 17


@pytest.mark.parametrize("raw", [b"SSH-2.0-canary\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"])
async def test_an_answer_that_is_no_http_fails_its_host(tmp_path: Path, raw: bytes) -> None:
    """Nothing of it is shown."""
    got = await became(tmp_path, then_close(raw))
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("protocol", "HOST: the answer is not HTTP")


async def test_a_connection_that_ends_at_once_fails_its_host(tmp_path: Path) -> None:
    """Before a byte of an answer."""
    got = await became(tmp_path, then_close(b""))
    assert isinstance(got, HostFailed)
    assert (got.error, why(got)) == ("protocol", "HOST: the connection was lost")


async def test_a_port_that_nobody_listens_to_fails_its_host(tmp_path: Path) -> None:
    """As does a name that does not exist."""
    async with listening(always(b"")) as peer:
        port = peer.port
    async with fetching(tmp_path, f"127.0.0.1:{port}", "files.invalid") as source:
        got = await answer_to(source, f"http://127.0.0.1:{port}/a")
        assert got == HostFailed("connect", f"127.0.0.1:{port}: Connection refused")
        unknown = await answer_to(source, "https://files.invalid/a")
    assert isinstance(unknown, HostFailed)
    assert unknown.error == "connect"
    assert unknown.why.startswith("files.invalid: name not resolved: ")


# --- turns and room --------------------------------------------------------------------------------------------------


async def test_a_slow_host_takes_no_turn_from_others(tmp_path: Path) -> None:
    """Three wait for the one turn of the slow host; the second of two turns is free for another host."""
    async with listening(then_hang()) as slow, listening(always(serving(b"x"))) as other:
        hosts = (f"127.0.0.1:{slow.port}", f"127.0.0.1:{other.port}")
        async with fetching(tmp_path, *hosts, concurrent=2, concurrent_per_host=1) as source:
            stuck = [
                asyncio.ensure_future(answer_to(source, f"http://127.0.0.1:{slow.port}/{n}"))
                for n in range(3)
            ]
            await slow.until(lambda: len(slow.seen) == 1)
            (await fetched(source, f"http://127.0.0.1:{other.port}/a")).close()
            assert len(slow.seen) == 1
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)


async def test_no_more_files_are_fetched_at_once_than_allowed(tmp_path: Path) -> None:
    """In all, whatever the host."""
    most = 0
    now = 0

    async def counted(_seen: Seen, line: Line) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        line.writer.write(serving(b"x"))

    async with listening(counted) as one, listening(counted) as two:
        hosts = (f"127.0.0.1:{one.port}", f"127.0.0.1:{two.port}")
        async with fetching(tmp_path, *hosts, concurrent=3, concurrent_per_host=2) as source:
            await asyncio.gather(*(answer_to(source, f"http://{hosts[n % 2]}/a") for n in range(12)))
    assert most == 3


async def test_what_does_not_fit_waits_for_room(tmp_path: Path) -> None:
    """The budget is taken by a file's said size before anything is read, and given back by `close`."""
    body = content(400_000)
    async with listening(by_path({"/a": serving(body), "/b": serving(body)})) as peer:
        spool = SpoolOptions(folder=tmp_path, disk_total_bytes=600_000)
        async with fetching(tmp_path, f"127.0.0.1:{peer.port}", spool=spool) as source:
            first = await fetched(source, f"http://127.0.0.1:{peer.port}/a")
            got = await answer_to(source, f"http://127.0.0.1:{peer.port}/b")
            assert got == NoRoom("attachments.spool.disk_total_bytes: fetched files take all of it")
            first.close()
            second = await fetched(source, f"http://127.0.0.1:{peer.port}/b")
            assert await read(second) == body
            second.close()


async def test_the_host_of_a_file_is_told_without_asking_it(tmp_path: Path) -> None:
    """With its port, in small letters; what is no URL has none."""
    async with fetching(tmp_path) as source:
        assert source.host(RemoteFile("https://FILES.example.com/a?b")) == "files.example.com:443"
        assert source.host(RemoteFile("http://[FD00::5]:9000/a")) == "[fd00::5]:9000"
        assert source.host(RemoteFile("canary")) == "unreadable"
