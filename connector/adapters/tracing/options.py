"""The settings' words about traces -> what the adapter is told. Opens nothing, and needs no OpenTelemetry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from pydantic import SecretStr

from connector.config.settings import Settings


class Secret(Protocol):
    """A secret that may change while the process runs."""

    def value(self) -> str: ...


MakeSecret: TypeAlias = Callable[[SecretStr | None, Path | None], Secret]
"""A secret from its value or its file, of which one is given."""


@dataclass(frozen=True, slots=True)
class Server:
    """Whom requests of an app go to."""

    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingOptions:
    """What spans say of this process, and where they go. None: as an OTEL_* variable says, else as the SDK does."""

    group: str
    servers: Mapping[str, Server]
    """App -> where its requests go."""
    name: str
    """service.name if neither the settings nor a variable give one."""
    instance: str
    version: str
    service_name: str | None = None
    endpoint: str | None = None
    sample_ratio: float | None = None
    headers: Secret | None = field(default=None, repr=False)
    ca_file: Path | None = None


def tracing_options(settings: Settings, secret: MakeSecret, version: str) -> TracingOptions:
    """How the configured collector is reached. Raises what `secret` raises."""
    tracing = settings.tracing
    headers = None
    if tracing.headers is not None or tracing.headers_file is not None:
        headers = secret(tracing.headers, tracing.headers_file)
    return TracingOptions(
        group=settings.kafka.group_id,
        servers={name: _server(app.base_url) for name, app in settings.front.apps.items()},
        name=settings.name,
        instance=settings.instance,
        version=version,
        service_name=tracing.service_name,
        endpoint=tracing.endpoint,
        sample_ratio=tracing.sample_ratio,
        headers=headers,
        ca_file=tracing.ca_file,
    )


def _server(base_url: str) -> Server:
    url = urlsplit(base_url)
    assert url.hostname is not None, "base URLs are checked"
    return Server(url.hostname, url.port or (443 if url.scheme == "https" else 80))
