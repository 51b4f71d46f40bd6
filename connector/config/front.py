"""The `front` section: apps and their secrets, time-outs, limits, retries."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from connector.config.kafka import TopicName
from connector.config.section import (
    Count,
    FileOrFolder,
    Name,
    Seconds,
    Section,
    exactly_one,
    not_both,
    require,
)

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


def _proxy(text: str) -> str:
    try:
        url = urlsplit(text)
        fine = url.scheme in ("http", "https") and bool(url.hostname)
    except ValueError:
        fine = False
    require(fine, "must be an http or https URL, such as http://proxy:3128")
    require(url.username is None, "must not hold a user or password: such a proxy is not supported")
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
    secret: SecretStr | None = None
    secret_file: FileOrFolder | None = None
    token: SecretStr | None = Field(default=None, description="A fixed API token, instead of uid and secret.")
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
    carrier: Literal["aiohttp", "httpx"] = Field(
        default="aiohttp", description="The HTTP client that carries requests."
    )
    connect_timeout_s: Seconds = 5.0
    request_deadline_s: Seconds = Field(
        default=15.0, description="A request ends within this, whatever happens."
    )
    token_life_s: Annotated[float, Field(gt=0, le=30)] = Field(
        default=15.0, description="Life of a request's token."
    )
    ca_file: FileOrFolder | None = Field(
        default=None, description="Certificates to trust instead of the system's."
    )
    proxy: Annotated[str, AfterValidator(_proxy)] | None = None
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
        not_both(self, "channels", "channels_topic")
        check_statuses("statuses", self.statuses)
        return self
