"""The settings' words about the registry -> what its client is told, for the service and for tools alike. Opens nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from pydantic import SecretStr

from connector.adapters.registry.client import BasicAuth, BearerAuth, RegistryOptions, Secret
from connector.config.registry import RegistrySettings

MakeSecret: TypeAlias = Callable[[SecretStr | None, Path | None], Secret]
"""A secret from its value or its file, of which one is given."""


def registry_options(settings: RegistrySettings, secret: MakeSecret) -> RegistryOptions:
    """How to reach the configured registry. Raises what `secret` raises."""
    auth: BasicAuth | BearerAuth | None = None
    if settings.has_token:
        auth = BearerAuth(token=secret(settings.token, settings.token_file))
    elif settings.username is not None:
        auth = BasicAuth(user=settings.username, password=secret(settings.password, settings.password_file))
    certificate = None
    if settings.cert_file is not None and settings.key_file is not None:
        certificate = (settings.cert_file, settings.key_file)
    return RegistryOptions(
        url=settings.url,
        auth=auth,
        ca_file=settings.ca_file,
        client_certificate=certificate,
        timeout_s=settings.timeout_s,
    )
