"""The settings' words about attachments -> what the fetcher is told, for the service and for tools alike. Opens nothing."""

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import TypeAlias

from pydantic import SecretStr

from connector.adapters.attachments.credentials import Basic, Bearer, Credentials, Header, Secret
from connector.adapters.attachments.options import FetchOptions, HostOptions, SpoolOptions
from connector.config.attachments import AttachmentSettings, HostSettings
from connector.config.host_patterns import HostPattern, read_pattern

MakeSecret: TypeAlias = Callable[[SecretStr | None, Path | None], Secret]
"""A secret from its value or its file, of which one is given."""


def fetch_options(settings: AttachmentSettings, secret: MakeSecret) -> FetchOptions:
    """How files are fetched. Raises what `secret` raises."""
    spool = settings.spool
    return FetchOptions(
        hosts=tuple(_host(text, host, secret) for text, host in settings.hosts.items()),
        allow_private=tuple(map(ip_network, settings.allow_private)),
        ca_file=settings.ca_file,
        proxy_url=settings.proxy,
        connect_timeout_s=settings.connect_timeout_s,
        idle_timeout_s=settings.idle_timeout_s,
        total_timeout_s=settings.total_timeout_s,
        concurrent=settings.concurrent,
        concurrent_per_host=settings.concurrent_per_host,
        spool=SpoolOptions(
            folder=spool.folder,
            memory_bytes=spool.memory_bytes,
            memory_total_bytes=spool.memory_total_bytes,
            disk_total_bytes=spool.disk_total_bytes,
        ),
    )


def _host(text: str, host: HostSettings, secret: MakeSecret) -> HostOptions:
    pattern = read_pattern(text)
    assert isinstance(pattern, HostPattern), "the settings check it"
    return HostOptions(pattern=pattern, plain_text=host.plain_text, credentials=_credentials(host, secret))


def _credentials(host: HostSettings, secret: MakeSecret) -> Credentials | None:
    if host.username is not None:
        return Basic(host.username, secret(host.password, host.password_file))
    if host.header is not None:
        return Header(host.header, secret(host.header_value, host.header_value_file))
    if host.token is not None or host.token_file is not None:
        return Bearer(secret(host.token, host.token_file))
    return None
