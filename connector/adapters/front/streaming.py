"""A body as a stream whose length is known: no file of it ever lies in memory as a whole, and progress can be seen."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final, TypeAlias

from connector.core.http_encoding import Content, Pieces

CHUNK_BYTES: Final = 64 * 1024
"""A body of no more goes out in one piece."""

Body: TypeAlias = bytes | AsyncIterator[bytes]


def body_of(content: Content, headers: Mapping[str, str]) -> tuple[Body, Mapping[str, str]]:
    """What to give to a client, and with which headers."""
    if isinstance(content, bytes):
        if len(content) <= CHUNK_BYTES:
            return content, headers
        content = Pieces((content,))
    return streamed(content), with_length(headers, content)


async def streamed(pieces: Pieces) -> AsyncIterator[bytes]:
    """The body from its beginning; read anew for every attempt."""
    for piece in pieces.pieces:
        if isinstance(piece, bytes):
            for begin in range(0, len(piece), CHUNK_BYTES):
                yield piece[begin : begin + CHUNK_BYTES]
        else:
            async for chunk in piece.chunks():
                yield chunk


def with_length(headers: Mapping[str, str], pieces: Pieces) -> Mapping[str, str]:
    """Else clients send a stream in chunks without a length, which not every gateway takes."""
    return {**headers, "Content-Length": str(pieces.size)}


async def watched(
    body: AsyncIterator[bytes], limit: asyncio.Timeout, patience_s: float
) -> AsyncIterator[bytes]:
    """The body, for a client without a bound for writing: `limit` ends what does not take a chunk within `patience_s`."""
    loop = asyncio.get_running_loop()
    async for chunk in body:
        # An answer may come before the body is gone, and then the limit is over.
        with suppress(RuntimeError):
            limit.reschedule(loop.time() + patience_s)
        yield chunk
        with suppress(RuntimeError):
            limit.reschedule(None)
