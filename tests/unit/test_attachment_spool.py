"""The spool: what is kept where, what is given back, and what becomes of a disk that refuses."""

import asyncio
import os
import resource
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.attachments.kept import PIECE_BYTES, Content, DiskContent, MemoryContent
from connector.adapters.attachments.options import SpoolOptions
from connector.adapters.attachments.spool import Spool, Writer
from connector.core.files import NoRoom
from connector.ports import StartupRefused
from tests.support.fetching import content, fetching

FULL = NoRoom("attachments.spool.disk_total_bytes: fetched files take all of it")


@asynccontextmanager
async def spooling(folder: Path, **options: Any) -> AsyncIterator[Spool]:
    spool = Spool(SpoolOptions(folder=folder, **options))
    await spool.start()
    try:
        yield spool
    finally:
        await spool.close()
        await spool.close()


async def put(spool: Spool, body: bytes, expected: int | None = None) -> Content | NoRoom:
    with spool.writer(expected) as writer:
        return await _put(writer, body)


async def _put(writer: Writer, body: bytes) -> Content | NoRoom:
    if (no_room := await writer.reserve()) is not None:
        return no_room
    for start in range(0, len(body), 50_000):
        if (no_room := await writer.write(body[start : start + 50_000])) is not None:
            return no_room
    return await writer.keep()


async def whole(kept: Content | NoRoom) -> bytes:
    assert not isinstance(kept, NoRoom), kept
    return b"".join([piece async for piece in kept.chunks()])


async def test_small_files_stay_in_memory_and_large_ones_have_no_name(tmp_path: Path) -> None:
    """One byte decides; and nobody sees a file in the folder."""
    async with spooling(tmp_path, memory_bytes=1000) as spool:
        small, large = await put(spool, content(1000)), await put(spool, content(1001))
        assert isinstance(small, MemoryContent)
        assert isinstance(large, DiskContent)
        assert list(tmp_path.iterdir()) == []
        assert (await whole(small), await whole(large)) == (content(1000), content(1001))
        small.close()
        large.close()


async def test_a_file_goes_to_disk_when_all_memory_is_taken(tmp_path: Path) -> None:
    """And the memory is there again once a file is closed, or was never finished."""
    async with spooling(tmp_path, memory_bytes=1000, memory_total_bytes=1500) as spool:
        first = await put(spool, content(1000))
        second = await put(spool, content(501))
        assert isinstance(first, MemoryContent)
        assert isinstance(second, DiskContent)
        first.close()
        first.close()
        with spool.writer(None) as unfinished:
            assert await unfinished.write(content(1000)) is None
            beside = await put(spool, content(501))
            assert isinstance(beside, DiskContent)
        third = await put(spool, content(1000))
        assert isinstance(third, MemoryContent)
        for kept in (second, beside, third):
            kept.close()


async def test_what_goes_to_disk_gives_its_memory_back_at_once(tmp_path: Path) -> None:
    """Not only when it is finished."""
    async with spooling(tmp_path, memory_bytes=1000, memory_total_bytes=1000) as spool:
        with spool.writer(None) as large:
            for _ in range(2):
                assert await large.write(content(1000)) is None
            beside = await put(spool, content(1000))
            assert isinstance(beside, MemoryContent)
            beside.close()


async def test_room_is_taken_once_and_given_back_in_full(tmp_path: Path) -> None:
    """Whatever was said of the size, and however it ended."""
    async with spooling(tmp_path, memory_bytes=0, disk_total_bytes=1000) as spool:
        for expected in (None, 1, 600, 1000):
            kept = await put(spool, content(600), expected)
            assert await whole(kept) == content(600)
            assert await put(spool, content(401)) == FULL
            assert await put(spool, b"", 401) == FULL
            assert not isinstance(kept, NoRoom)
            kept.close()
            kept.close()
        assert await put(spool, content(1001)) == FULL
        assert await put(spool, content(1), 1001) == FULL
        with spool.writer(1000) as unfinished:
            assert await unfinished.reserve() is None
        last = await put(spool, content(1000))
        assert await whole(last) == content(1000)
        assert not isinstance(last, NoRoom)
        last.close()


async def test_a_file_that_grows_is_stopped_where_the_room_ends(tmp_path: Path) -> None:
    """Its size was told by nobody, and it is on the disk already when the room is used up."""
    async with spooling(tmp_path, disk_total_bytes=1_000_000) as spool:
        with spool.writer(None) as writer:
            told = [await writer.write(content(300_000)) for _ in range(5)]
        assert told[:3] == [None, None, None]
        assert FULL in told
        again = await put(spool, content(1_000_000))
        assert not isinstance(again, NoRoom), "all was given back"
        again.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses what goes beyond, with an OSError like that of a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_refuses_is_no_room(tmp_path: Path) -> None:
    """It says which setting, and the system's word; the budget is whole again."""
    async with spooling(tmp_path, disk_total_bytes=2_000_000) as spool:
        with largest_file(600_000):
            assert await put(spool, content(1_000_000)) == NoRoom("attachments.spool.folder: File too large")
        kept = await put(spool, content(2_000_000))
        assert not isinstance(kept, NoRoom)
        kept.close()


async def test_a_folder_that_is_lost_is_no_room(tmp_path: Path) -> None:
    """While it runs, that is an outage of this machine."""
    folder = tmp_path / "spool"
    folder.mkdir()
    async with spooling(folder) as spool:
        folder.rmdir()
        refused = NoRoom("attachments.spool.folder: No such file or directory")
        assert await put(spool, content(300_000)) == refused
        assert await put(spool, b"", 300_000) == refused


async def test_a_folder_that_is_not_there_is_refused_at_start(tmp_path: Path) -> None:
    """With the setting's name, and what to do."""
    missing = tmp_path / "missing"
    with pytest.raises(StartupRefused) as refused:
        await Spool(SpoolOptions(folder=missing)).start()
    assert refused.value.exit_code == 78
    assert str(refused.value) == (
        f"attachments.spool.folder: no file can be made in {missing} (No such file or directory): "
        "give a folder that this process may write to"
    )


async def test_a_system_without_a_folder_for_temporary_files_is_refused_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with a read-only file system, where Python finds none."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    with pytest.raises(
        StartupRefused, match=r"^attachments\.spool\.folder: no file can be made in the system's own \("
    ):
        await Spool(SpoolOptions()).start()


async def test_a_connector_that_fetches_nothing_needs_no_folder(tmp_path: Path) -> None:
    """As on a file system that is read-only; once a host is listed, a folder is needed, and refused without leaving much."""
    missing = tmp_path / "missing"
    async with fetching(missing):
        pass
    with pytest.raises(StartupRefused):
        async with fetching(missing, "files.example.com"):
            pass


async def test_the_systems_own_folder_is_the_default() -> None:
    """Nothing needs to be set."""
    spool = Spool(SpoolOptions(memory_bytes=0))
    await spool.start()
    kept = await put(spool, b"x")
    assert await whole(kept) == b"x"
    assert not isinstance(kept, NoRoom)
    kept.close()
    await spool.close()


async def test_a_descriptor_is_closed_only_after_the_work_on_it(tmp_path: Path) -> None:
    """Closed earlier, its number might be another file's by the time the thread reads."""
    async with spooling(tmp_path) as spool:
        file = await spool.on_disk()
        begun, may_end, number = threading.Event(), threading.Event(), []

        def work(opened: Any) -> None:
            number.append(opened.fileno())
            begun.set()
            may_end.wait(5)
            os.fstat(opened.fileno())

        reading = asyncio.ensure_future(file.run(work))
        await asyncio.to_thread(begun.wait, 5)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        file.close()
        os.fstat(number[0])
        may_end.set()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number[0])


async def test_readers_do_not_move_one_another(tmp_path: Path) -> None:
    """Each has a place of its own, piece by piece."""
    body = content(3 * PIECE_BYTES + 1)
    async with spooling(tmp_path) as spool:
        kept = await put(spool, body, len(body))
        assert isinstance(kept, DiskContent)
        one, two = kept.chunks(), kept.chunks()
        first = await anext(one)
        assert first == await anext(two) == body[:PIECE_BYTES]
        rest = [piece async for piece in one]
        assert first + b"".join(rest) == body
        assert await anext(two) == body[PIECE_BYTES : 2 * PIECE_BYTES]
        kept.close()


async def test_nothing_is_open_at_the_end(tmp_path: Path) -> None:
    """After files that were kept, refused and given up."""

    def opened() -> int:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum(str(link.readlink()).startswith(f"{tmp_path}/") for link in links)

    async with spooling(tmp_path, disk_total_bytes=500_000) as spool:
        kept = await put(spool, content(400_000))
        assert opened() == 1
        assert await put(spool, content(400_000)) == FULL
        with spool.writer(100_000) as writer:
            await writer.write(content(90_000))
        assert not isinstance(kept, NoRoom)
        kept.close()
    assert opened() == 0
