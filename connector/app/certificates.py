"""Which certificates are configured, by the names that their ends are shown under. Reads the settings, opens no file."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from connector.adapters.certificates import Certificates
from connector.config.settings import Settings
from connector.core.certificates import CertificateName

_KAFKA: Mapping[CertificateName, str] = {
    "kafka_ca": "ssl.ca",
    "kafka_certificate": "ssl.certificate",
    "kafka_https_ca": "https.ca",  # for tokens from an identity provider
}
"""librdkafka takes each of them as a file (`.location`) or as a text (`.pem`)."""


def certificates(settings: Settings, monotonic: Callable[[], float]) -> Certificates:
    """Of Kafka, the registry, Front (and its proxy, which is checked against the same authorities) and attachments."""
    return Certificates(dict(_sources(settings)), monotonic)


def _sources(settings: Settings) -> Iterator[tuple[CertificateName, Path | str]]:
    given, in_files = settings.kafka.properties, settings.kafka.properties_from_files
    for name, kind in _KAFKA.items():
        if (location := given.get(f"{kind}.location")) is not None:
            yield name, Path(location)
        elif (file := in_files.get(f"{kind}.pem")) is not None:
            yield name, file
        elif (text := given.get(f"{kind}.pem")) is not None:
            yield name, text
    registry, front = settings.registry, settings.front
    files: Mapping[CertificateName, Path | None] = {
        "registry_ca": None if registry is None else registry.ca_file,
        "registry_certificate": None if registry is None else registry.cert_file,
        "front_ca": front.ca_file,
        "front_certificate": front.cert_file,
        "attachments_ca": settings.attachments.ca_file,
    }
    for name, path in files.items():
        if path is not None:
            yield name, path
