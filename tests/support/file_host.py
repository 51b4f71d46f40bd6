"""A host of files in a process of its own: /<n>.wav has so many bytes, each file others. For what measures the connector.

python -m tests.support.file_host 20000000        prints its port
"""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

_PIECE = bytes(range(256)) * 1024


def pieces(number: int, size: int) -> Iterator[bytes]:
    """The content of a file: the head of a sound file, its number, and filling."""
    head = b"RIFF" + (size - 8).to_bytes(4, "little") + b"WAVEfmt " + number.to_bytes(8, "big")
    yield head
    left = size - len(head)
    while left > 0:
        yield _PIECE[:left]
        left -= len(_PIECE)


def sha256(number: int, size: int) -> str:
    """Of its content."""
    digest = hashlib.sha256()
    for piece in pieces(number, size):
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def running(size: int) -> Iterator[int]:
    """Its port, while it runs."""
    command = [sys.executable, "-m", "tests.support.file_host", str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def _serve(size: int) -> None:
    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/wav", "Content-Length": str(size)})
        await response.prepare(request)
        for piece in pieces(int(request.match_info["number"]), size):
            await response.write(piece)
        return response

    app = web.Application()
    app.router.add_get("/{number:[0-9]+}.wav", give)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
