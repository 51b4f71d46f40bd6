"""The settings' words about Front -> a carrier and tokens, for the service and for tools alike. Opens nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from pydantic import SecretStr

from connector.adapters.front.aiohttp_carrier import AiohttpCarrier
from connector.adapters.front.carrier import Carrier, CarrierOptions
from connector.adapters.front.httpx_carrier import HttpxCarrier
from connector.adapters.front.proxies import Proxies, one_proxy, proxies_of_environment
from connector.adapters.front.rotation import Secret
from connector.adapters.front.tokens import JwtTokens, StaticToken, Tokens
from connector.adapters.tls import WatchTls, once
from connector.config.front import ENVIRONMENT, AppSettings, FrontSettings

MakeSecret: TypeAlias = Callable[[SecretStr | None, Path | None], Secret]
"""A secret from its value or its file, of which one is given."""


def carrier(front: FrontSettings, connections: int, secret: MakeSecret, watch: WatchTls = once) -> Carrier:
    """The configured one; `watch` makes its TLS contexts.

    Raises ValueError for certificates or proxies that are no use, and what `secret` raises."""
    certificate = None
    if front.cert_file is not None and front.key_file is not None:
        certificate = (front.cert_file, front.key_file)
    options = CarrierOptions(
        connect_timeout_s=front.connect_timeout_s,
        write_timeout_s=front.write_timeout_s,
        read_timeout_s=front.read_timeout_s,
        request_deadline_s=front.request_deadline_s,
        connections_max=connections,
        keepalive_idle_s=front.keepalive_idle_s,
        keepalive_age_s=front.keepalive_age_s,
        ca_file=front.ca_file,
        ca_system=front.ca_system,
        client_certificate=certificate,
        proxies=_proxies(front, secret),
    )
    return AiohttpCarrier(options, watch) if front.carrier == "aiohttp" else HttpxCarrier(options, watch)


def tokens(app: AppSettings, life_s: float, secret: MakeSecret) -> Tokens:
    """What signs for an app. Raises what `secret` raises."""
    if app.uid is None:
        return StaticToken(token=secret(app.token, app.token_file))
    return JwtTokens(app_uid=app.uid, secret=secret(app.secret, app.secret_file), life_s=life_s)


def _proxies(front: FrontSettings, secret: MakeSecret) -> Proxies:
    if front.proxy is None:
        return Proxies()
    if front.proxy == ENVIRONMENT:
        return proxies_of_environment()
    password = None
    if front.proxy_username is not None:
        password = secret(front.proxy_password, front.proxy_password_file).value()
    return one_proxy(front.proxy, front.proxy_username, password, front.no_proxy)
