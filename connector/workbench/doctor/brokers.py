"""Are the brokers there, and do they let us in: name, TCP, TLS, SASL, and which of them failed."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException

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
        return (refused(kafka.heard or [error.args[0]]),)
    return (Fine(f"cluster {found.cluster_id}, {counted(len(found.brokers), 'broker')}"),)


def refused(heard: Sequence[KafkaError]) -> Wrong:
    """A listener took the connection and gave no answer: what the client heard says whether TLS or SASL failed."""
    told = [error for error in heard if error.code() != KafkaError._ALL_BROKERS_DOWN]  # noqa: SLF001 - librdkafka's own codes begin with an underscore
    for error in told:
        if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001
            return Wrong(
                f"the login is refused: {_words(error)}",
                "check sasl.mechanism, sasl.username and the password in kafka.properties or its files",
            )
    in_tls = [error for error in told if error.code() == KafkaError._SSL or _IN_TLS in error.str()]  # noqa: SLF001
    if in_tls:
        # It says why in several ways, in no sure order: the longest one says most.
        return Wrong(
            f"no TLS: {max(map(_words, in_tls), key=len)}",
            "check ssl.ca.location (who signed the broker's certificate), the name in kafka.bootstrap_servers, and that "
            "this listener speaks TLS",
        )
    return Wrong(
        "the connection is taken, and nothing answers as Kafka does",
        "security.protocol in kafka.properties must be what this listener speaks: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    )


_IN_TLS: Final = "SSL_HANDSHAKE"
"""The state of a connection, as the client names it in brackets."""


def _words(error: KafkaError) -> str:
    """The client's words without what only it knows what to do with: addresses, numbers of errors, states."""
    words = re.sub(r"^\S+:\S+/\S+: ", "", error.str())
    words = re.sub(r"error:[0-9A-F]+:[\w ]*:[\w ]*:", "", words)
    words = words.partition(", verify that")[0]
    return re.sub(r" \(after \d+ms in state \w+.*\)$", "", words)
