"""How clients prove to the brokers who they are: which of librdkafka's settings go together, and what is not safe.

Said before anything is started, in sentences: librdkafka finds some of it when a client is made, and some never. Never here:
reading files (`secrets.py`), what a mechanism does.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from connector.config.section import Section

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
PASSWORD_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""Those with user and password. Only their credentials can be changed in a client that lives."""
MECHANISMS: Final = (*PASSWORD_MECHANISMS, "OAUTHBEARER")
LOGIN_FILES: Final = (
    "ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.keystore.location", "ssl.crl.location",
    "https.ca.location", "sasl.oauthbearer.assertion.file", "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.jwt.template.file",
)  # fmt: skip
"""Settings that name a file, which librdkafka reads when a client is made."""
_ONLY_TLS: Final = ("ssl.ca.", "ssl.certificate.", "ssl.key.", "ssl.keystore.", "ssl.crl.")
_UNVERIFIED: Final[Mapping[str, str]] = {
    "enable.ssl.certificate.verification": "false",
    "ssl.endpoint.identification.algorithm": "none",
}
_ALLOW: Final = "kafka.allow_insecure: true if that is meant"


class MskIamSettings(Section):
    """Login at Amazon MSK by IAM: a token signed with the AWS credentials that the process finds, as AWS' own tools do."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$")] = Field(
        description="The cluster's region, such as eu-central-1."
    )
    role_arn: Annotated[str, StringConstraints(pattern=r"^arn:[^\s:]+:iam::\d{12}:role/\S+$")] | None = Field(
        default=None, description="A role to assume first; without it the credentials that are found sign."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What the `kafka` section says of it. `from_files`: names of settings whose values lie in files."""

    properties: Mapping[str, str] = field(repr=False)
    from_files: Set[str]
    bootstrap_servers: str
    msk_iam: bool = False
    allow_insecure: bool = False

    @property
    def protocol(self) -> str:
        """security.protocol; librdkafka takes it in any case."""
        return self.properties.get("security.protocol", "SASL_SSL" if self.msk_iam else "PLAINTEXT").upper()

    @property
    def mechanism(self) -> str | None:
        """The SASL mechanism, if one is given in the settings themselves."""
        return self.properties.get("sasl.mechanism") or self.properties.get("sasl.mechanisms")

    def has(self, name: str) -> bool:
        """Whether it is given, here or by a file."""
        return name in self.properties or name in self.from_files

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every setting that is given."""
        return tuple(sorted({*self.properties, *self.from_files}))


def is_secret(name: str) -> bool:
    """Whether the value of a setting must not lie open."""
    named = any(part in name for part in ("password", "passphrase", "secret"))
    return (named and not name.endswith((".file", ".location"))) or name.endswith("key.pem")


def problem(login: Login) -> str | None:
    """The first thing that cannot work or is not safe, as a sentence; None if all is well."""
    return next(_problems(login), None)


def warnings(login: Login) -> Iterator[str]:
    """What is allowed and yet lies open, one sentence each; for every start."""
    if "security.protocol" in login.from_files:
        return
    away = f"{login.bootstrap_servers} is not this machine"
    if login.protocol == "SASL_PLAINTEXT" and not _all_here(login.bootstrap_servers):
        yield f"kafka: {away}, and security.protocol SASL_PLAINTEXT sends our login unencrypted: use SASL_SSL"
    elif login.protocol == "PLAINTEXT" and not _all_here(login.bootstrap_servers):
        yield (
            f"kafka: {away}, and nothing is encrypted or asks who we are (security.protocol PLAINTEXT): "
            "anyone between can read and change records; use SASL_SSL or SSL"
        )
    for name in _unverified(login):
        yield f"kafka: {name} {login.properties[name]}: anyone between can pass for the brokers"


def _problems(login: Login) -> Iterator[str]:
    for name in login.properties:
        if is_secret(name):
            yield f"{name} is a secret: put it into a file, and name that file in kafka.properties_from_files"
    if "security.protocol" in login.from_files:
        return
    if login.protocol not in PROTOCOLS:
        yield f"security.protocol must be one of {', '.join(PROTOCOLS)}{_meant(login.protocol, PROTOCOLS)}"
    yield from _msk(login) if login.msk_iam else _sasl(login)
    yield from _tls(login)
    if _unverified(login) and not login.allow_insecure:
        name = _unverified(login)[0]
        yield f"{name} {login.properties[name]} would let anyone between pass for the brokers: leave it out, or set {_ALLOW}"


def _msk(login: Login) -> Iterator[str]:
    for name in login.all_names:
        if name.startswith("sasl."):
            yield f"{name} cannot be set beside kafka.msk_iam, which says how to log in"
    if not login.protocol.startswith("SASL_"):
        yield f"kafka.msk_iam needs security.protocol SASL_SSL, or none at all, not {login.protocol}"
    yield from _open(login)


def _sasl(login: Login) -> Iterator[str]:
    names = [name for name in login.all_names if name.startswith("sasl.")]
    if not login.protocol.startswith("SASL_"):
        if names:
            unless = "remove it if a client certificate is the login, or " if login.protocol == "SSL" else ""
            yield (
                f"{names[0]} is not used with security.protocol {login.protocol}: {unless}set security.protocol SASL_SSL"
            )
        return
    mechanism = login.mechanism
    if {"sasl.mechanism", "sasl.mechanisms"} & login.from_files:
        return
    if mechanism is None:
        yield f"sasl.mechanism is missing: one of {', '.join(MECHANISMS)}"
    elif mechanism == "GSSAPI":
        yield (
            "sasl.mechanism GSSAPI (Kerberos) is not in this build of librdkafka, which knows "
            f"{', '.join(MECHANISMS)}: use one of them"
        )
    elif mechanism not in MECHANISMS:
        yield f"sasl.mechanism must be one of {', '.join(MECHANISMS)}{_meant(mechanism.upper(), MECHANISMS)}"
    elif mechanism in PASSWORD_MECHANISMS:
        for name in ("sasl.username", "sasl.password"):
            if not login.has(name):
                where = " in kafka.properties_from_files" if name == "sasl.password" else ""
                yield f"sasl.mechanism {mechanism} needs {name}{where}"
    else:
        yield from _oauth(login)
    yield from _open(login)


def _oauth(login: Login) -> Iterator[str]:
    if login.properties.get("enable.sasl.oauthbearer.unsecure.jwt", "false").lower() == "true":
        return  # unsigned tokens: for brokers that are tried out
    method = login.properties.get("sasl.oauthbearer.method", "default").lower()
    if method != "oidc":
        yield (
            "sasl.mechanism OAUTHBEARER needs sasl.oauthbearer.method oidc, which fetches tokens from "
            "sasl.oauthbearer.token.endpoint.url; or kafka.msk_iam in its place"
        )
        return
    if login.has("sasl.oauthbearer.metadata.authentication.type"):
        return
    needed = ["sasl.oauthbearer.token.endpoint.url"]
    if login.properties.get("sasl.oauthbearer.grant.type", "client_credentials") == "client_credentials":
        needed += ["sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret"]
    for name in needed:
        other = name.replace(".client.", ".client.credentials.client.")
        if not login.has(name) and not login.has(other):
            where = " in kafka.properties_from_files" if is_secret(name) else ""
            yield f"sasl.oauthbearer.method oidc needs {name}{where}"
    url = login.properties.get("sasl.oauthbearer.token.endpoint.url", "")
    if url and urlsplit(url).scheme != "https" and not _is_here(_host(url)) and not login.allow_insecure:
        yield (
            "sasl.oauthbearer.token.endpoint.url must begin with https: the client's secret would be sent readable "
            f"({_ALLOW})"
        )


def _open(login: Login) -> Iterator[str]:
    """A login that is sent readable."""
    if (
        login.protocol == "SASL_PLAINTEXT"
        and not login.allow_insecure
        and not _all_here(login.bootstrap_servers)
    ):
        yield (
            "security.protocol SASL_PLAINTEXT would send our login unencrypted to another machine: use SASL_SSL, or set "
            f"{_ALLOW}"
        )


def _tls(login: Login) -> Iterator[str]:
    names = [name for name in login.all_names if name.startswith(_ONLY_TLS)]
    if names and not login.protocol.endswith("SSL"):
        wanted = "SASL_SSL" if login.protocol.startswith("SASL_") else "SSL"
        yield f"{names[0]} is not used with security.protocol {login.protocol}: set security.protocol {wanted}"
    has_certificate = login.has("ssl.certificate.location") or login.has("ssl.certificate.pem")
    has_key = login.has("ssl.key.location") or login.has("ssl.key.pem")
    if has_certificate != has_key:
        yield "a client certificate (ssl.certificate.location) and its key (ssl.key.location) go together"
    if has_certificate and login.has("ssl.keystore.location"):
        yield "give ssl.keystore.location, or ssl.certificate.location with ssl.key.location, not both"


def _unverified(login: Login) -> list[str]:
    if not login.protocol.endswith("SSL"):
        return []
    return [name for name, off in _UNVERIFIED.items() if login.properties.get(name, "").lower() == off]


def _meant(given: str, known: tuple[str, ...]) -> str:
    found = get_close_matches(given, known, 1)
    return f": did you mean {found[0]}?" if found else ""


def _all_here(servers: str) -> bool:
    return all(_is_here(_host(server)) for server in servers.split(","))


def _host(server: str) -> str:
    """Of a URL, or of an entry of bootstrap.servers, which may name a protocol in front."""
    try:
        return urlsplit(f"//{server.strip().rpartition('://')[2]}").hostname or ""
    except ValueError:
        return ""


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
