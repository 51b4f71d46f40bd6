"""The `front` section: apps and their secrets, time-outs, limits, retries."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from connector.config.kafka import TopicName
from connector.config.section import (
    Count,
    FileOrFolder,
    Name,
    Seconds,
    SecretLine,
    Section,
    exactly_one,
    not_both,
    require,
)
from connector.core.files import FilePart

Limit: TypeAlias = Annotated[int, Field(ge=0, le=100_000)]
StatusCode: TypeAlias = Annotated[int, Field(ge=100, le=599)]
Override: TypeAlias = Literal["accept", "retry", "dead_letter", "hold_channel", "hold_app"]


def _base_url(text: str) -> str:
    try:
        url = urlsplit(text)
        fine = url.scheme in ("http", "https") and bool(url.hostname) and not (url.query or url.fragment)
        fine = fine and (url.port is None or url.port > 0)
    except ValueError:
        fine = False
    require(fine, "must be a URL such as https://api2.frontapp.com")
    require(url.username is None, "must not hold a user or password")
    return text.rstrip("/")


ENVIRONMENT: Final = "environment"
"""In place of a proxy's URL: what the environment's usual variables say."""


def _proxy(text: str) -> str:
    if text == ENVIRONMENT:
        return text
    try:
        url = urlsplit(text)
        fine = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        fine = False
    require(fine, f"must be an http or https URL, such as http://proxy:3128, or the word {ENVIRONMENT}")
    require(
        url.username is None,
        "must not hold a user or password (URLs are logged): use proxy_username and proxy_password_file",
    )
    return text


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine by name or address; nothing is resolved."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class AppSettings(Section):
    """One app of Front's: who signs. Either `uid` with its secret (a token for each request), or a fixed token."""

    uid: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None, description="The app's uid."
    )
    secret: SecretLine | None = None
    secret_file: FileOrFolder | None = None
    token: SecretLine | None = Field(
        default=None, description="A fixed API token, instead of uid and secret."
    )
    token_file: FileOrFolder | None = None
    base_url: Annotated[str, AfterValidator(_base_url)] = "https://api2.frontapp.com"
    allow_insecure: bool = Field(
        default=False, description="Allow http to another machine: tokens travel readable."
    )

    @model_validator(mode="after")
    def _agree(self) -> "AppSettings":
        exactly_one(self, "secret", "secret_file", "token", "token_file")
        signs = self.secret is not None or self.secret_file is not None
        require(
            signs == (self.uid is not None), "uid and secret (or secret_file) go together; a token has no uid"
        )
        require(
            self.base_url.startswith("https://") or is_loopback(self.base_url) or self.allow_insecure,
            "base_url must be https: over http anyone between can read the token "
            "(allow_insecure: true if that is meant)",
        )
        return self


class RateLimitSettings(Section):
    """Front's limits; 0 switches one off. What Front answers with 429 is obeyed either way."""

    company_per_minute: Limit = 50
    channel_per_second: Limit = 4


class CompanySettings(Section):
    """One company's own limit; what is not given is as in rate_limit."""

    per_minute: Limit | None = None


class RetrySettings(Section):
    """Back-off before attempt n+1: a random part of min(cap_s, base_s x 2^(n-1))."""

    base_s: Seconds = 0.5
    cap_s: Seconds = 60.0
    attempts: Count = Field(
        default=8, le=1000, description="Attempts before a failing record may be dead-lettered."
    )
    not_found_grace_s: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=900.0, description="How long a 404 of something just created counts as: not yet."
    )

    @model_validator(mode="after")
    def _agree(self) -> "RetrySettings":
        require(self.base_s <= self.cap_s, "base_s must not be above cap_s")
        return self


def check_statuses(key: str, statuses: Mapping[int, Override]) -> None:
    """Refuse an override under `key` that sends again what Front took, or drops what it did not take."""
    require(429 not in statuses, f"{key}: 429 says how long to wait, and is always obeyed")
    for status, meaning in sorted(statuses.items()):
        require(
            meaning == "accept" or not 200 <= status < 300,
            f"{key}: {status} can only be accept: Front took the record, and it would be sent again or dead-lettered",
        )
        require(
            meaning != "accept" or not (status in _NOT_TAKEN or status >= 500),
            f"{key}: {status} cannot be accept: Front did not take the record, and it would be lost",
        )


_NOT_TAKEN = (401, 403, 408, 425)
"""Beside 5xx: refused for who asks or when, whatever the record holds."""


class FrontSettings(Section):
    """How Front is reached."""

    apps: Annotated[dict[Name, AppSettings], Field(min_length=1)] = Field(
        description="Apps by a name of your choice."
    )
    channels: FileOrFolder | None = Field(
        default=None,
        description="The channel directory as a file, .csv or .yaml; read again when it changes.",
    )
    channels_topic: TopicName | None = Field(
        default=None,
        description="The channel directory as a compacted topic, instead of a file: a row a record, its line as the key.",
    )
    hold_probe_s: Seconds = Field(
        default=60.0, description="How often a held app or channel is tried with one request."
    )
    attachment_part: FilePart = Field(
        default="attachments[]",
        description="How the parts of a message's files are called; `front-connector probe` tells which of them Front takes.",
    )
    carrier: Literal["aiohttp", "httpx"] = Field(
        default="aiohttp", description="The HTTP client that carries requests."
    )
    connect_timeout_s: Seconds = Field(
        default=5.0, description="For a free connection, name, TCP, proxy and TLS. After it nothing was sent."
    )
    write_timeout_s: Seconds | None = Field(
        default=None,
        description="How long Front may take nothing of a request; without it only request_deadline_s ends that.",
    )
    read_timeout_s: Seconds | None = Field(
        default=None,
        description="How long Front's answer may be silent; without it only request_deadline_s ends that.",
    )
    request_deadline_s: Seconds = Field(
        default=15.0, description="A request ends within this, whatever happens."
    )
    keepalive_idle_s: Seconds = Field(
        default=4.0, description="A connection that was idle for longer is not used again."
    )
    keepalive_age_s: Seconds = Field(
        default=300.0,
        description="A connection that is older is not used again, so that load balancers rotate.",
    )
    token_life_s: Annotated[float, Field(gt=0, le=30)] = Field(
        default=15.0, description="Life of a request's token."
    )
    secret_overlap_s: Seconds = Field(
        default=3600.0,
        description="For so long after a secret file changed a 401 is tried again with the former secret too.",
    )
    ca_file: FileOrFolder | None = Field(
        default=None, description="Certificates to trust instead of the system's."
    )
    ca_system: bool = Field(
        default=False, description="Trust the system's certificates beside those of ca_file."
    )
    cert_file: FileOrFolder | None = Field(default=None, description="Client certificate; needs key_file.")
    key_file: FileOrFolder | None = None
    proxy: Annotated[str, AfterValidator(_proxy)] | None = Field(
        default=None,
        description="An http or https URL; or environment: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say.",
        examples=["http://proxy:3128", ENVIRONMENT],
    )
    proxy_username: str | None = None
    proxy_password: SecretLine | None = None
    proxy_password_file: FileOrFolder | None = Field(
        default=None, description="Read at start. Relative to the configuration file."
    )
    no_proxy: tuple[Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s,/]+(/\d+)?$")], ...] = (
        Field(
            default=(),
            description="Reached without the proxy: hosts, domains, networks of addresses, each with a port or without.",
            examples=[["localhost", ".example.com", "10.0.0.0/8"]],
        )
    )
    rate_limit: RateLimitSettings = RateLimitSettings()
    companies: dict[str, CompanySettings] = Field(default_factory=dict, description="Limits by company name.")
    retry: RetrySettings = RetrySettings()
    statuses: dict[StatusCode, Override] = Field(
        default_factory=dict, description="What an HTTP status means, where it is not what the guide says."
    )

    @model_validator(mode="after")
    def _agree(self) -> "FrontSettings":
        require(
            self.token_life_s >= self.request_deadline_s,
            "token_life_s must not be below request_deadline_s: a token must outlive its request",
        )
        require(
            self.connect_timeout_s < self.request_deadline_s,
            "connect_timeout_s must be below request_deadline_s, else a slow connection may count as sent",
        )
        for name in ("write_timeout_s", "read_timeout_s"):
            value = getattr(self, name)
            require(
                value is None or value < self.request_deadline_s,
                f"{name} must be below request_deadline_s, which ends the request anyway",
            )
        require(
            self.keepalive_idle_s <= self.keepalive_age_s,
            "keepalive_idle_s must not be above keepalive_age_s",
        )
        require(
            not self.ca_system or self.ca_file is not None,
            "ca_system needs ca_file: without it the system's count anyway",
        )
        require((self.cert_file is None) == (self.key_file is None), "cert_file and key_file go together")
        self._check_proxy()
        not_both(self, "channels", "channels_topic")
        check_statuses("statuses", self.statuses)
        return self

    def _check_proxy(self) -> None:
        not_both(self, "proxy_password", "proxy_password_file")
        has_password = self.proxy_password is not None or self.proxy_password_file is not None
        require(
            has_password == (self.proxy_username is not None),
            "proxy_username and proxy_password (or proxy_password_file) go together",
        )
        named = self.proxy not in (None, ENVIRONMENT)
        require(named or self.proxy_username is None, "proxy_username needs the proxy's URL in proxy")
        require(
            named or not self.no_proxy,
            "no_proxy needs the proxy's URL in proxy (with environment the variable NO_PROXY counts)",
        )
