"""How hosts are written in settings and in URLs: one grammar for both, so that what is listed is what is connected.

A name is letters, digits, hyphens, underscores and dots in ASCII; an address is in its usual form. Everything else that some
resolver takes for a host (decimal, octal and hexadecimal addresses, a dot at the end, percent signs, zones, letters of other
scripts) is no host here. Never here: asking a resolver.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_NAME: Final = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.(?!\Z)|\Z))+")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes a host an IPv4 address (WHATWG URL, "ends in a number"), however it is written."""


def read_address(text: str) -> Address | None:
    """An address in its usual form: four decimal numbers, or IPv6 without brackets and without a zone."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id is not None else address


def read_host(text: str) -> str | Address | None:
    """A name in small letters or an address (IPv6 without brackets); None if `text` is neither."""
    lower = text.lower()
    if ":" in lower or _NUMBER.fullmatch(lower.rpartition(".")[2]):
        return read_address(lower)
    return lower if text.isascii() and _NAME.fullmatch(lower) else None


def shown_host(host: str | Address) -> str:
    """As it stands in a URL."""
    return f"[{host}]" if isinstance(host, IPv6Address) else str(host)


@dataclass(frozen=True, slots=True)
class HostPattern:
    """Which hosts are meant: one by its name or address, or (`below`) every name that ends in a dot and `host`.

    `port`: None means the scheme's own.
    """

    host: str | Address
    port: int | None = None
    below: bool = False

    def matches(self, host: str | Address, port: int, usual_port: int) -> bool:
        """Whether a URL's host and port are meant. `usual_port`: of the URL's scheme."""
        if port != (usual_port if self.port is None else self.port):
            return False
        if self.below:
            return isinstance(host, str) and host.endswith(f".{self.host}")
        return host == self.host

    @property
    def closeness(self) -> tuple[bool, int]:
        """The greater, the more it says: of several patterns that match, the greatest counts."""
        return not self.below, len(str(self.host))


def read_pattern(text: str) -> HostPattern | str:
    """`files.example.com`, `*.example.com`, `10.0.0.5:9000` or `[fd00::5]:9000`; else a sentence that says what is wrong."""
    if "://" in text or "/" in text:
        return f"{_EXAMPLE}: without scheme and path"
    if "@" in text:
        return f"{_EXAMPLE}: credentials have keys of their own"
    if not text.isascii():
        return f"{_EXAMPLE}: write a name with other letters as URLs do, in its xn-- form"
    found = _PATTERN.fullmatch(text)
    host = read_host(found["v6"] or found["host"]) if found else None
    if found is None or host is None or (found["v6"] and not isinstance(host, IPv6Address)):
        return _EXAMPLE
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 1 <= port <= 65_535:
        return "the port must be from 1 to 65535"
    below = found["below"] is not None
    if below and not (isinstance(host, str) and "." in host):
        return "a * needs at least two names behind it, such as *.example.com: else it allows the hosts of strangers"
    return HostPattern(host, port, below)


_EXAMPLE: Final = "must be a host such as files.example.com, *.example.com or minio.storage.svc:9000"
_PATTERN: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<below>\*\.)?(?P<host>[^*:\[\]]+))(?::(?P<port>[0-9]{1,5}))?"
)
