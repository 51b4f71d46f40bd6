"""What the fetcher is told: frozen values, without pydantic. `settings.py` makes them of the configuration."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TypeAlias

from connector.adapters.attachments.credentials import Credentials
from connector.config.host_patterns import HostPattern

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """A host to fetch from. `plain_text`: http too. `credentials` go to the URL's own host only, and over TLS only."""

    pattern: HostPattern
    plain_text: bool = False
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolOptions:
    """Where files are kept and how much of them. `folder`: None is the system's own for temporary files."""

    folder: Path | None = None
    memory_bytes: int = 256 * 1024
    memory_total_bytes: int = 32 * 1024 * 1024
    disk_total_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """Who may be asked, and within which bounds. While `hosts` is empty, nothing is fetched."""

    hosts: tuple[HostOptions, ...] = ()
    allow_private: tuple[Network, ...] = ()
    ca_file: Path | None = None
    proxy_url: str | None = field(default=None, repr=False)
    connect_timeout_s: float = 5.0
    idle_timeout_s: float = 10.0
    total_timeout_s: float = 120.0
    concurrent: int = 16
    concurrent_per_host: int = 8
    spool: SpoolOptions = SpoolOptions()
