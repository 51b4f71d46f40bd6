"""Are the brokers there, and do they let us in: name, TCP, TLS, SASL, and which of them failed."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from connector.adapters.kafka.heard import refusal
from connector.adapters.workers import Workers
from connector.config.problems import counted
from connector.workbench.doctor.kafka import REQUEST_S, Kafka
from connector.workbench.doctor.reach import connected
from connector.workbench.doctor.results import Fine, Result, Warn, Wrong

_PORT: Final = 9092
"""librdkafka's own default."""


async def look(kafka: Kafka, names: Workers) -> Sequence[Result]:
    """The bootstrap servers one by one, then one question to whichever answers."""
    servers = [server.strip() for server in str(kafka.options.properties["bootstrap.servers"]).split(",")]
    tried = await asyncio.gather(*(connected(names, *place(server)) for server in servers))
    failed = [f"{server}: {how.why}" for server, how in zip(servers, tried, strict=True) if how is not None]
    if len(failed) == len(servers):
        return [
            Wrong(what, "check kafka.bootstrap_servers, and that a broker listens there") for what in failed
        ]
    warnings = (Warn(what, "check kafka.bootstrap_servers; another one is asked instead") for what in failed)
    if kafka.unmade is not None:
        return (*warnings, refused(kafka.heard or [kafka.unmade]))
    return (*warnings, *await kafka.ask(lambda: _asked(kafka)))


def place(server: str) -> tuple[str, int]:
    """Host and port of an entry of bootstrap.servers, which may name a protocol in front."""
    host, colon, port = server.strip().rpartition("://")[2].rpartition(":")
    if not colon or not port.isdigit():
        return f"{host}{colon}{port}", _PORT
    return host.removeprefix("[").removesuffix("]"), int(port)


def _asked(kafka: Kafka) -> Sequence[Result]:
    try:
        kafka.metadata = found = kafka.consumer.list_topics(timeout=REQUEST_S)
    except KafkaException as error:
        kafka.consumer.poll(0.2)  # serves what it said of its connections
        return (refused(kafka.heard or [error.args[0]], _certificate_fault(kafka)),)
    return (Fine(f"cluster {found.cluster_id}, {counted(len(found.brokers), 'broker')}"),)


def _certificate_fault(kafka: Kafka) -> str | None:
    """What OpenSSL has against the certificate of the first server; librdkafka only tells that it has something."""
    properties = kafka.options.properties
    authorities = properties.get("ssl.ca.location")
    if not str(properties.get("security.protocol", "")).upper().endswith("SSL") or "ssl.ca.pem" in properties:
        return None
    host, port = place(str(properties["bootstrap.servers"]).split(",")[0])
    try:
        context = ssl.create_default_context(cafile=None if authorities == "probe" else authorities)
        with socket.create_connection((host, port), 3.0) as plain:
            context.wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message)
    except OSError:
        pass
    return None


def refused(heard: Sequence[KafkaError], certificate_fault: str | None = None) -> Wrong:
    """A listener took the connection and gave no answer: what the client heard says whether TLS or SASL failed."""
    found = refusal(heard)
    match found.what:
        case "login":
            return Wrong(
                f"the login is refused: {found.words}",
                "check sasl.mechanism, sasl.username and the password in kafka.properties_from_files",
            )
        case "token":
            return Wrong(
                f"no token for the login: {found.words}",
                "check sasl.oauthbearer.token.endpoint.url, that it is reached from here, https.ca.location (who signed its "
                "certificate), and client id and secret",
            )
        case "tls":
            if certificate_fault is not None:
                return Wrong(
                    f"no TLS: the certificate of the broker is not accepted: {certificate_fault}",
                    "check ssl.ca.location (who signed it), its end, and that the name in kafka.bootstrap_servers stands in it",
                )
            return Wrong(
                f"no TLS: {found.words}",
                "check ssl.ca.location (who signed the broker's certificate), the name in kafka.bootstrap_servers, that "
                "this listener speaks TLS, and our own certificate if it asks for one",
            )
        case _:
            return Wrong(
                "the connection is taken, and nothing answers as Kafka does",
                "security.protocol in kafka.properties must be what this listener speaks: PLAINTEXT, SSL, SASL_PLAINTEXT "
                "or SASL_SSL",
            )
