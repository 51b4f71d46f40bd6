"""A request's body on its way in: measured and hashed as it passes, bounded, never whole in memory for a form.

Says how much arrived and whether it was too much; what it means is read in `bodies.py`.
"""

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any


class Gone(Exception):
    """The client went away before the end of its body."""


class TooLarge(Exception):
    """The body goes on beyond its limit; what is left of it can be drained."""


class Intake:
    """One body. Read it by `chunks` or `whole`, then `drain`: an answer in the middle would reach few clients."""

    def __init__(self, receive: Callable[[], Awaitable[Any]], limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._digest = hashlib.sha256()
        self._ended = False
        self.size = 0

    @property
    def sha256(self) -> bytes:
        """Of all that has passed."""
        return self._digest.digest()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What arrives. Raises Gone and TooLarge."""
        while not self._ended:
            chunk = await self._next()
            if self.size > self._limit:
                raise TooLarge
            yield chunk

    async def whole(self) -> bytes:
        """All of it at once. Raises Gone and TooLarge."""
        first = await self._next()
        if self._ended and self.size <= self._limit:
            return first
        kept = bytearray(first)
        if self.size > self._limit:
            raise TooLarge
        async for chunk in self.chunks():
            kept += chunk
        return bytes(kept)

    async def drain(self) -> None:
        """Read to the end and forget. Raises Gone."""
        while not self._ended:
            await self._next()

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk: bytes = message["body"]
        self._digest.update(chunk)
        self.size += len(chunk)
        self._ended = not message["more_body"]
        return chunk
