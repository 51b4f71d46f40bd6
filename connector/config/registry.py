"""The `registry` section: where schemas come from."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from connector.config.front import is_loopback
from connector.config.section import FileOrFolder, Seconds, SecretLine, Section, not_both, require


def _registry_url(text: str) -> str:
    try:
        url = urlsplit(text)
        fine = url.scheme in ("http", "https") and bool(url.hostname)
    except ValueError:
        fine = False
    require(fine, "must be an http or https URL, such as https://registry:8081")
    require(
        url.username is None,
        "must not hold a user or password (URLs are logged): use username and password_file, or token_file",
    )
    return text.rstrip("/")


class RegistrySettings(Section):
    """A Confluent Schema Registry or one that speaks its API."""

    url: Annotated[str, AfterValidator(_registry_url)]
    username: str | None = None
    password: SecretLine | None = None
    password_file: FileOrFolder | None = None
    token: SecretLine | None = Field(
        default=None, description="A bearer token, instead of username and password."
    )
    token_file: FileOrFolder | None = None
    ca_file: FileOrFolder | None = Field(
        default=None, description="Certificates to trust instead of the system's."
    )
    cert_file: FileOrFolder | None = Field(default=None, description="Client certificate; needs key_file.")
    key_file: FileOrFolder | None = None
    timeout_s: Seconds = 10.0

    @property
    def has_token(self) -> bool:
        """Whether it is asked with a bearer token."""
        return self.token is not None or self.token_file is not None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and yet lies open."""
        if self.url.startswith("https:") or is_loopback(self.url) or not (self.username or self.has_token):
            return ()
        return (
            "registry.url begins with http: the registry's password or token is sent readable; use https",
        )

    @model_validator(mode="after")
    def _agree(self) -> "RegistrySettings":
        not_both(self, "password", "password_file")
        not_both(self, "token", "token_file")
        has_password = self.password is not None or self.password_file is not None
        require(
            has_password == (self.username is not None),
            "username and password (or password_file) go together",
        )
        require(
            not (has_password and self.has_token),
            "give username and password, or token (or token_file), not both",
        )
        require((self.cert_file is None) == (self.key_file is None), "cert_file and key_file go together")
        require(
            self.url.startswith("https:") or (self.ca_file is None and self.cert_file is None),
            "ca_file and cert_file need a URL that begins with https",
        )
        return self
