"""Which addresses files may come from: those of the internet, and those of private networks that the settings list.

The list is of what can be reached from inside a cluster and from nowhere else, or what hides such an address in another
form. Never here: resolving names (`connecting.py`).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from connector.adapters.attachments.options import Network
from connector.config.host_patterns import Address

_METADATA: Final = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google, OpenStack, DigitalOcean
            "169.254.170.2",  # AWS ECS, credentials of a task
            "fd00:ec2::254",  # AWS over IPv6
            "fd20:ce::254",  # Google over IPv6
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle, of old
            "168.63.129.16",  # Azure's host, which has a public address
        ),
    )
)
"""Where clouds hand out credentials: never reached, though a listed private network may hold it."""

_KINDS: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(text), kind)
    for text, kind in (
        ("0.0.0.0/8", "an unspecified"),  # RFC 6890: "this host"; Linux connects 0.0.0.0 to itself
        ("10.0.0.0/8", "a private"),  # RFC 1918
        ("100.64.0.0/10", "a private"),  # RFC 6598, carriers' and clusters' own
        ("127.0.0.0/8", "a loopback"),
        ("169.254.0.0/16", "a link-local"),  # RFC 3927
        ("172.16.0.0/12", "a private"),
        ("192.0.0.0/24", "a reserved"),  # RFC 6890
        ("192.88.99.0/24", "a reserved"),  # RFC 7526, relays of 6to4
        ("192.168.0.0/16", "a private"),
        ("198.18.0.0/15", "a reserved"),  # RFC 2544, benchmarks
        ("224.0.0.0/4", "a multicast"),
        ("240.0.0.0/4", "a reserved"),
        ("::/128", "an unspecified"),
        ("::1/128", "a loopback"),
        ("::ffff:0:0/96", "an IPv4-mapped"),  # RFC 4291 §2.5.5: another way to write any IPv4 address
        ("::/96", "an IPv4-compatible"),
        ("64:ff9b:1::/48", "a reserved"),  # RFC 8215, a network's own translation
        ("2001::/32", "a Teredo"),  # RFC 4380, holds an IPv4 address
        ("2002::/16", "a 6to4"),  # RFC 3056, holds an IPv4 address
        ("fc00::/7", "a private"),  # RFC 4193
        ("fe80::/10", "a link-local"),
        ("fec0::/10", "a private"),  # RFC 3879, site-local of old
        ("ff00::/8", "a multicast"),
    )
)

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address seen from a network that has IPv6 only; judged as the address that it holds."""


def refusal(address: Address, allowed: Sequence[Network]) -> str | None:
    """Why an address is refused, as "a private address"; None if files may come from it."""
    if isinstance(address, IPv6Address) and address in _TRANSLATED:
        held = refusal(IPv4Address(int(address) & 0xFFFF_FFFF), ())
        return held and f"the NAT64 form of {held}"
    if address in _METADATA:
        return "an address where clouds hand out credentials"
    if any(address in network for network in allowed):
        return None
    for network, kind in _KINDS:
        if address in network:
            return f"{kind} address"
    return None if address.is_global else "a reserved address"


def refused_address(shown: str, kind: str) -> str:
    """The sentence for a host that leads where no file may come from."""
    if kind not in _MAY_BE_LISTED:
        return f"{shown} leads to {kind}"
    return f"{shown} leads to {kind}: if it may be asked there, list its network in attachments.allow_private"


_MAY_BE_LISTED: Final = frozenset({"a private address", "a loopback address"})
