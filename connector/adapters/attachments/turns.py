"""Whose turn it is: a bound of exchanges at once, for all hosts and for each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class _Host:
    turns: asyncio.Semaphore
    users: int = 0


class Turns:
    """A host's own turn is waited for first, so that those who wait for a slow host take no turn from others."""

    def __init__(self, total: int, per_host: int) -> None:
        self._total = asyncio.Semaphore(total)
        self._per_host = per_host
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def of(self, host: str) -> AsyncIterator[None]:
        """A turn, for as long as the block lasts. Hosts that nobody asks are forgotten."""
        mine = self._hosts.setdefault(host, _Host(asyncio.Semaphore(self._per_host)))
        mine.users += 1
        try:
            async with mine.turns, self._total:
                yield
        finally:
            mine.users -= 1
            if not mine.users:
                del self._hosts[host]
