"""The `tracing` section: whether spans are made, of how many records, and who gets them."""

from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from connector.config.section import FileOrFolder, Name, SecretLine, Section, not_both, require

TRACES_PATH: Final = "/v1/traces"
"""Where a collector takes traces. Source: OTLP specification, "OTLP/HTTP Request"."""
GRPC_PORT: Final = 4317
HTTP_PORT: Final = 4318
"""A collector's ports unless it is told others. Source: OTLP specification, the default ports of OTLP/gRPC and OTLP/HTTP."""


def _endpoint(text: str) -> str:
    try:
        url = urlsplit(text)
        fine = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        fine = False
    require(fine, "must be an http or https URL, such as http://otel-collector:4318")
    require(url.username is None, "must not hold a user or password: give headers_file")
    require(not url.query and not url.fragment, "must have neither query nor fragment: give headers_file")
    return text.rstrip("/") if url.path.strip("/") else text.rstrip("/") + TRACES_PATH


class TracingSettings(Section):
    """Traces by OpenTelemetry, which the extra `otel` installs. What is not said here, OTEL_* variables say."""

    enabled: bool = False
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None,
        description="The collector, by OTLP over HTTP; without a path /v1/traces is added. By default as "
        "OTEL_EXPORTER_OTLP_ENDPOINT says, else http://localhost:4318.",
    )
    sample_ratio: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Which share of records is traced. By default as OTEL_TRACES_SAMPLER says, else all.",
    )
    service_name: Name | None = Field(
        default=None,
        description="service.name of the spans. By default as OTEL_SERVICE_NAME says, else `name`.",
    )
    headers: SecretLine | None = Field(
        default=None, description="Headers for the collector: name=value, several divided by commas."
    )
    headers_file: FileOrFolder | None = None
    ca_file: FileOrFolder | None = Field(
        default=None, description="Certificates to trust instead of the usual ones."
    )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is hardly meant."""
        if not self.enabled or self.endpoint is None or urlsplit(self.endpoint).port != GRPC_PORT:
            return ()
        return (
            f"tracing.endpoint: {GRPC_PORT} is the port of OTLP over gRPC, and traces are sent by OTLP over HTTP: its port is "
            f"{HTTP_PORT} unless the collector is told another",
        )

    @model_validator(mode="after")
    def _agree(self) -> "TracingSettings":
        not_both(self, "headers", "headers_file")
        if self.headers is not None:
            found = read_headers(self.headers.get_secret_value())
            require(not isinstance(found, str), f"headers: {found}")
        return self


def read_headers(text: str) -> dict[str, str] | str:
    """Headers written as OTEL_EXPORTER_OTLP_HEADERS wants them, values percent-encoded; or what is wrong, without any of it.

    Source: OpenTelemetry Protocol Exporter, "Specifying headers via environment variables".
    """
    headers: dict[str, str] = {}
    for number, item in enumerate(filter(str.strip, text.split(",")), 1):
        name, equals, value = item.partition("=")
        name, value = name.strip().lower(), unquote(value.strip())
        token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not equals or not token or not value.isascii() or not value.isprintable():
            return f"item {number} is no name=value"
        headers[name] = value
    return headers
