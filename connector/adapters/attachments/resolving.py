"""Names of file hosts are asked in threads of their own: a lookup may hang, and the loop's own threads resolve Front's name.

Daemon threads, as nothing ends a lookup: neither a fetch that was cancelled nor the process waits for one.
Never here: whether an address may be connected to (`connecting.py`).
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Final, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

LOOKUPS_MAX: Final = 16

_Info: TypeAlias = tuple[socket.AddressFamily, int, int, str, tuple[str | int | bytes, ...]]


class ApartResolver(AbstractResolver):
    """The system's resolver. At most `LOOKUPS_MAX` at once, hanging ones included: the others wait for their turn."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(LOOKUPS_MAX)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError if there is no answer."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[_Info]] = loop.create_future()

        def tell(found: list[_Info] | OSError) -> None:
            self._turns.release()
            if answer.done():  # nobody waits any more
                return
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def ask() -> None:
            found: list[_Info] | OSError
            try:
                found = list(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
            except OSError as error:
                found = error
            except UnicodeError:  # a name that IDNA does not know
                found = OSError("no such name")
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(tell, found)

        await self._turns.acquire()
        threading.Thread(target=ask, name="attachment-name", daemon=True).start()
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in await answer
        ]

    async def close(self) -> None:
        """Nothing is open."""
