"""Names and connections: is there an address behind a host, and does somebody listen? Sends nothing.

Resolvers may hang for minutes, so they are asked in threads that do not hold up the end.
"""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from connector.adapters.front.carrier import reason
from connector.adapters.workers import Workers
from connector.ports import GaveUp, RestartNeeded

WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Unreached:
    """`why`: a clause, as "name not resolved: …"."""

    why: str


async def addresses(workers: Workers, host: str) -> tuple[str, ...] | Unreached:
    """Where a name leads; an address leads to itself. `workers` give a call up after `WITHIN_S`."""
    try:
        found = await workers.run(partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM))
    except RestartNeeded:
        return Unreached("name not resolved: the resolver hangs")
    except UnicodeError:
        return Unreached("name not resolved: it is no host's name")
    except OSError as error:
        return Unreached(reason(error))
    if isinstance(found, GaveUp):
        return Unreached(f"name not resolved: the resolver {found.why}")
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


async def connected(workers: Workers, host: str, port: int) -> Unreached | None:
    """Open a connection and close it; None if one of the host's addresses takes it."""
    found = await addresses(workers, host)
    if isinstance(found, Unreached):
        return found
    try:
        async with asyncio.timeout(WITHIN_S):
            return await _any(found, port)
    except TimeoutError:
        return Unreached(f"no connection within {WITHIN_S:g} s: a firewall, or a wrong address")


async def _any(found: Sequence[str], port: int) -> Unreached | None:
    why = "it has no address"
    for address in found:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError as error:
            why = reason(error)
        else:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return None
    return Unreached(f"no connection: {why}")
