"""A whole process that fetches: killed while it does, it leaves nothing; with many large files at once, it stays small."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support.http_peer import Line, Seen, listening

ROOT = Path(__file__).parents[2]
PIECE = bytes(range(256)) * 256


async def _child(url: str, count: int, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.spooling", url, str(count), str(folder),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


def _spooled(pid: int, folder: Path) -> list[int]:
    """Sizes of the nameless files that a process has open in a folder."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    return [link.stat().st_size for link in links if str(link.readlink()).startswith(f"{folder}/")]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")
async def test_a_killed_process_leaves_nothing_on_disk(tmp_path: Path) -> None:
    """SIGKILL in the middle of a file: the folder is empty before it and after it."""
    sent = asyncio.Event()

    async def half(_seen: Seen, line: Line) -> None:
        line.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + PIECE * 32)
        await line.writer.drain()
        sent.set()
        await line.gone()

    async with listening(half) as peer:
        child = await _child(f"http://127.0.0.1:{peer.port}/a", 1, tmp_path)
        try:
            await asyncio.wait_for(sent.wait(), 60)
            while not any(_spooled(child.pid, tmp_path)):
                await asyncio.sleep(0.02)
            assert list(tmp_path.iterdir()) == []
        finally:
            child.kill()
            await child.communicate()
    assert list(tmp_path.iterdir()) == []


async def test_sixteen_large_files_at_once_take_little_memory(tmp_path: Path) -> None:
    """320 MB kept, of which at most a fifth is resident, Python itself included: each needs a few pieces."""
    size = 20_000_000

    async def large(_seen: Seen, line: Line) -> None:
        line.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for start in range(0, size, len(PIECE)):
            line.writer.write(PIECE[: size - start])
            await line.writer.drain()

    async with listening(large) as peer:
        child = await _child(f"http://127.0.0.1:{peer.port}/a.bin", 16, tmp_path)
        out, _ = await child.communicate()
    assert child.returncode == 0
    told = json.loads(out)
    assert told["bytes"] == 16 * size
    assert told["most"] - told["idle"] < 64 * 1024, told
