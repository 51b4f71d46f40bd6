"""The `registry` section: where schemas come from."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

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
        "must not hold a user or password (URLs are logged): use username and password_file",
    )
    return text.rstrip("/")


class RegistrySettings(Section):
    """A Confluent Schema Registry or one that speaks its API."""

    url: Annotated[str, AfterValidator(_registry_url)]
    username: str | None = None
    password: SecretLine | None = None
    password_file: FileOrFolder | None = None
    ca_file: FileOrFolder | None = Field(
        default=None, description="Certificates to trust instead of the system's."
    )
    cert_file: FileOrFolder | None = Field(default=None, description="Client certificate; needs key_file.")
    key_file: FileOrFolder | None = None
    timeout_s: Seconds = 10.0

    @model_validator(mode="after")
    def _agree(self) -> "RegistrySettings":
        not_both(self, "password", "password_file")
        has_password = self.password is not None or self.password_file is not None
        require(
            has_password == (self.username is not None),
            "username and password (or password_file) go together",
        )
        require((self.cert_file is None) == (self.key_file is None), "cert_file and key_file go together")
        return self
