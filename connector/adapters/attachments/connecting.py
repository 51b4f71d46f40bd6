"""Connections whose address was checked: the answer of the resolver, and again the very address that is connected to.

So a name that leads elsewhere at its second asking (rebinding) gains nothing: nobody asks twice, and what is connected
is what was checked. And each connection brings one answer: what a server sends behind its end, aiohttp would take from a
pooled connection for the next answer, and one conversation would get a file of another.

Never here: which hosts may be asked (`guard.py`).
"""

import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from connector.adapters.attachments.addresses import refusal
from connector.adapters.attachments.options import FetchOptions, Network

MakeResolver: TypeAlias = Callable[[], AbstractResolver]


class AddressRefusedError(OSError):
    """No file may come from this address. An OSError, so that aiohttp carries it out as the cause of a failed connection."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class CheckedResolver(AbstractResolver):
    """Another resolver, all of whose answers must be fine: a name with a private address among public ones is a trap."""

    def __init__(self, resolver: AbstractResolver, allowed: Sequence[Network]) -> None:
        self._resolver = resolver
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises AddressRefusedError, and OSError if there is no answer."""
        found = await self._resolver.resolve(host, port, family)
        for answer in found:
            check(answer["host"], self._allowed)
        return found

    async def close(self) -> None:
        """Release the resolver."""
        await self._resolver.close()


def check(address: str, allowed: Sequence[Network]) -> None:
    """Raises AddressRefusedError unless files may come from the address."""
    kind = refusal(ip_address(address), allowed)
    if kind is not None:
        raise AddressRefusedError(kind)


def connector(
    options: FetchOptions, tls: ssl.SSLContext, make_resolver: MakeResolver
) -> aiohttp.TCPConnector:
    """Makes checked connections. Behind a proxy its own address is the only one, and the settings gave it.

    Needs a running loop.
    """
    allowed = options.allow_private
    guarded = options.proxy_url is None

    def make_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        # An address in a URL asks no resolver; this is the one place that every connection passes.
        family, kind, protocol, _, address = info
        if guarded:
            check(address[0], allowed)
        return socket.socket(family, kind, protocol)

    resolver = make_resolver()
    return aiohttp.TCPConnector(
        ssl=tls,
        limit=0,  # turns are taken before (`turns.py`), so that waiting counts against no time limit
        force_close=True,
        use_dns_cache=False,
        resolver=CheckedResolver(resolver, allowed) if guarded else resolver,
        socket_factory=make_socket,
    )
