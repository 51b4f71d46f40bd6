"""Which proxy leads to a URL, if any. Decided by what is given here; connects to nothing, and shows no credentials."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlsplit
from urllib.request import getproxies_environment


@dataclass(frozen=True, slots=True)
class Proxies:
    """Proxies by the scheme of the URL that is asked for; `user:password@` allowed, hence not in the repr."""

    by_scheme: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    bypass: tuple[str, ...] = ()
    """Reached without a proxy: a host, a domain with all below it (a dot before it may stand or not), either with a
    port, a network of addresses, or `*`."""

    def of(self, url: str) -> str | None:
        """The proxy for this URL. Names are not resolved: a network bypasses only a host that is written as an address."""
        if not self.by_scheme:
            return None
        parts = urlsplit(url)
        proxy = self.by_scheme.get(parts.scheme)
        if proxy is None:
            return None
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        return None if any(_covers(entry, host, port) for entry in self.bypass) else proxy


def one_proxy(
    url: str, user: str | None = None, password: str | None = None, bypass: tuple[str, ...] = ()
) -> Proxies:
    """This proxy for everything. User and password may hold any character."""
    if user is not None:
        scheme, _, rest = url.partition("://")
        url = f"{scheme}://{quote(user, safe='')}:{quote(password or '', safe='')}@{rest}"
    return Proxies(dict.fromkeys(_PORTS, url), bypass)


def proxies_of_environment() -> Proxies:
    """HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in capitals or small. Raises ValueError, naming the variable."""
    found = getproxies_environment()
    by_scheme = {}
    for scheme in _PORTS:
        name = scheme if scheme in found else "all"
        url = found.get(name)
        if url is None:
            continue
        url = url if "://" in url else f"http://{url}"
        try:
            parts = urlsplit(url)
            fine = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            fine = False
        if not fine:
            raise ValueError(
                f"{name.upper()}_PROXY must be an http or https URL, such as http://proxy:3128"
                " (front.proxy: environment asks for it)"
            )
        by_scheme[scheme] = url
    return Proxies(
        by_scheme, tuple(entry.strip() for entry in found.get("no", "").split(",") if entry.strip())
    )


_PORTS: Final = {"https": 443, "http": 80}


_HOST_AND_PORT: Final = re.compile(r"(?P<host>\[[^]]*\]|[^:]*)(?::(?P<port>\d+))?")
"""An IPv6 address has brackets if a port follows; without, it is no match, and has none."""


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    found = _HOST_AND_PORT.fullmatch(entry)
    name = (found["host"] if found else entry).strip("[]").lower()
    if found and found["port"] and int(found["port"]) != port:
        return False
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        name = name.lstrip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
