"""The `attachments` section: which hosts files are fetched from, with which credentials, and within which bounds."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from connector.config.host_patterns import HostPattern, read_pattern
from connector.config.section import Count, FileOrFolder, Seconds, SecretLine, Section, not_both, require
from connector.core.operations import REQUEST_BYTES_MAX

KIB: Final = 1024
MIB: Final = 1024 * KIB


def _host(text: str) -> str:
    pattern = read_pattern(text)
    require(not isinstance(pattern, str), str(pattern))
    return text


_PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"))
)
_PRIVATE_6: Final = (IPv6Network("fc00::/7"), IPv6Network("::1/128"))


def _private_network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        network = None
    require(network is not None, "must be a network such as 10.20.0.0/16, with zeros behind the prefix")
    match network:
        case IPv4Network():
            fine = any(isinstance(wide, IPv4Network) and network.subnet_of(wide) for wide in _PRIVATE)
        case IPv6Network():
            fine = any(network.subnet_of(wide) for wide in _PRIVATE_6)
        case _:
            fine = False
    require(
        fine,
        "must lie in a private range (10/8, 172.16/12, 192.168/16, 100.64/10, 127/8, fc00::/7, ::1): public addresses need "
        "no leave, and link-local ones, where clouds keep credentials, get none",
    )
    return text


def _proxy(text: str) -> str:
    try:
        url = urlsplit(text)
        fine = url.scheme == "http" and bool(url.hostname) and url.port != 0
    except ValueError:
        fine = False
    require(fine, "must be an http URL, such as http://proxy:3128")
    require(url.username is None, "must not hold a user or password: such a proxy is not supported")
    return text


def _a_map(given: object) -> object:
    require(
        not isinstance(given, list), "must be a map: write a host as a key, such as files.example.com: {}"
    )
    return given


def _something(given: object) -> object:
    require(given is not None, "must be a map: {} if there is nothing to say of the host")
    return given


HostText: TypeAlias = Annotated[str, AfterValidator(_host)]
NetworkText: TypeAlias = Annotated[str, AfterValidator(_private_network)]
_HEADER_NAME: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
"""A token of RFC 9110 §5.6.2."""
_NOT_CREDENTIALS: Final = frozenset(
    {"host", "cookie", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent"}
    | {"te", "upgrade", "expect", "trailer", "range", "proxy-authorization"}
)
"""Headers that change what a request is, and not who asks."""


class HostSettings(Section):
    """A host to fetch from, and who we are there: nobody, or a token, or a user with a password, or a header."""

    plain_text: bool = Field(
        default=False,
        description="Allow http too: anyone between can read and change the files.",
    )
    token: SecretLine | None = Field(default=None, description="Sent as Authorization: Bearer.")
    token_file: FileOrFolder | None = None
    username: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^:]+$")] | None = Field(
        default=None, description="With password: sent as Authorization: Basic."
    )
    password: SecretLine | None = None
    password_file: FileOrFolder | None = None
    header: Annotated[str, StringConstraints(pattern=_HEADER_NAME)] | None = Field(
        default=None, description="Name of a header, such as X-Api-Key, whose value is header_value."
    )
    header_value: SecretLine | None = None
    header_value_file: FileOrFolder | None = None

    @model_validator(mode="after")
    def _agree(self) -> "HostSettings":
        for name in ("token", "password", "header_value"):
            not_both(self, name, f"{name}_file")
        token, password, value = (
            getattr(self, name) is not None or getattr(self, f"{name}_file") is not None
            for name in ("token", "password", "header_value")
        )
        require(
            password == (self.username is not None), "username and password (or password_file) go together"
        )
        require(
            value == (self.header is not None), "header and header_value (or header_value_file) go together"
        )
        require(
            token + password + value <= 1,
            "give only one of token, password and header_value: which one counts must not be a guess",
        )
        require(
            self.header is None or self.header.lower() not in _NOT_CREDENTIALS,
            "header must be one that says who asks, such as X-Api-Key",
        )
        require(
            not (self.plain_text and (token or password or value)),
            "plain_text cannot have credentials: anyone between could read them",
        )
        return self


ListedHost: TypeAlias = Annotated[HostSettings, BeforeValidator(_something)]


class SpoolSettings(Section):
    """Where fetched files are kept until every attempt at their request is over."""

    folder: FileOrFolder | None = Field(
        default=None,
        description="Where files too large for memory lie, without names; the system's folder for temporary files by default.",
    )
    memory_bytes: int = Field(
        default=256 * KIB, ge=0, le=4 * MIB, description="A file up to this size is kept in memory."
    )
    memory_total_bytes: int = Field(
        default=32 * MIB, ge=0, description="All files in memory; what comes on top lies in the folder."
    )
    disk_total_bytes: int = Field(
        default=1024 * MIB,
        ge=REQUEST_BYTES_MAX,  # else the files of one request would wait for ever
        description="All files in the folder, at least those of one request; what comes on top waits.",
    )


class AttachmentSettings(Section):
    """Files that records name by URL. While no host is listed, nothing is fetched."""

    hosts: Annotated[dict[HostText, ListedHost], BeforeValidator(_a_map)] = Field(
        default_factory=dict,
        description="Hosts to fetch from: files.example.com, *.example.com (every name below), with :port if it is not the "
        "usual one.",
        examples=[{"files.example.com": {}, "*.s3.eu-central-1.amazonaws.com": {}}],
    )
    allow_private: tuple[NetworkText, ...] = Field(
        default=(),
        description="Private networks in which listed hosts may lie, such as that of an object store in the cluster.",
        examples=[["10.20.0.0/16"]],
    )
    ca_file: FileOrFolder | None = Field(
        default=None, description="Certificates to trust instead of the system's."
    )
    proxy: Annotated[str, AfterValidator(_proxy)] | None = Field(
        default=None, description="Every file is fetched through it; names are then resolved by it."
    )
    connect_timeout_s: Seconds = 5.0
    idle_timeout_s: Seconds = Field(default=10.0, description="Longest silence between two pieces of a file.")
    total_timeout_s: Seconds = Field(
        default=120.0, description="A file is here within this, or it has failed."
    )
    concurrent: Count = Field(default=16, le=1000, description="Files fetched at once.")
    concurrent_per_host: Count = Field(default=8, le=1000, description="Files fetched at once from one host.")
    spool: SpoolSettings = SpoolSettings()

    @model_validator(mode="after")
    def _agree(self) -> "AttachmentSettings":
        seen: dict[HostPattern, str] = {}
        for text in self.hosts:
            pattern = read_pattern(text)
            assert isinstance(pattern, HostPattern), "checked as a key"
            twin = seen.setdefault(pattern, text)
            require(twin == text, f"hosts: {twin} and {text} are the same host")
            self._can_be_fetched_from(pattern, text)
        require(
            self.connect_timeout_s <= self.total_timeout_s and self.idle_timeout_s <= self.total_timeout_s,
            "total_timeout_s must not be below connect_timeout_s or idle_timeout_s",
        )
        return self

    def _can_be_fetched_from(self, pattern: HostPattern, text: str) -> None:
        if isinstance(pattern.host, str) or pattern.host.is_global:
            return
        networks = map(ip_network, self.allow_private)
        require(
            any(pattern.host in network for network in networks if network.version == pattern.host.version),
            f"hosts: {text} is no public address and lies in no network of allow_private: "
            "nothing would ever be fetched from it",
        )
