"""Credentials that change while clients live: what a client is told, and whether the brokers take it, tried beforehand.

User and password are given to a client as it lives, which shows them at its next connection (`set_sasl_credentials`). All else
librdkafka reads once: certificates, keys, secrets of OAuth; only another client takes them up. Nothing here is logged.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from connector.adapters.kafka.heard import Refusal, refusal, words

TRY_FOR_S: Final = 10.0
"""How long the brokers may take to let a trial in."""


NOT_MADE: Final = (KafkaException, cast("type[BaseException]", KafkaError))
"""What the library raises when a client cannot be made; for want of a token it is the bare error."""


def error_of(failed: BaseException) -> KafkaError:
    """The error in one of NOT_MADE."""
    found = failed.args[0] if isinstance(failed, KafkaException) else failed
    assert isinstance(found, KafkaError)
    return found


@dataclass(frozen=True, slots=True)
class Renewal:
    """`properties`: those of the connection, from now on. `rebuild`: only another client takes them up."""

    properties: Mapping[str, Any] = field(repr=False)
    rebuild: bool


class Credentials:
    """What the clients of one part of the program log in with. Written by the loop, read by a polling thread."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        """`connection`: the properties with which it begins."""
        self._begun_with = connection
        self._asked = self._taken_up = 0
        self.renewed: Mapping[str, Any] = {}
        """Properties that have changed since."""

    @property
    def connection(self) -> Mapping[str, Any]:
        """Those of a connection that is made now."""
        return {**self._begun_with, **self.renewed}

    @property
    def outdated(self) -> bool:
        """Whether the client that lives must be followed by another one."""
        return self._taken_up != self._asked

    def renew(self, renewal: Renewal) -> None:
        """From now on these."""
        self.renewed = {**self.renewed, **renewal.properties}
        self._asked += renewal.rebuild

    def taken_up(self) -> None:
        """A client is about to be made with what there is now."""
        self._taken_up = self._asked


class TakesPassword(Protocol):
    """Any client of the library."""

    def set_sasl_credentials(self, username: str, password: str) -> None: ...


def give_password(client: TakesPassword, connection: Mapping[str, Any]) -> None:
    """Have a client show these from its next connection on."""
    client.set_sasl_credentials(connection["sasl.username"], connection["sasl.password"])


def tried(connection: Mapping[str, Any]) -> Refusal | None:
    """Log in once, with a client that is then thrown away. None: the brokers let it in. Waits for TRY_FOR_S at most."""
    tokens = connection.get("oauth_cb")
    if tokens is not None:
        try:
            tokens("")
        except RuntimeError as error:  # the client would wait ten seconds, and not say this
            return Refusal("token", str(error))
    heard: list[KafkaError] = []
    properties: dict[str, Any] = {**connection, "log_level": 0, "error_cb": heard.append}
    try:
        admin = AdminClient(properties)
    except NOT_MADE as failed:
        return Refusal("token" if "oauth_cb" in connection else "tls", words(error_of(failed)))
    ends = time.monotonic() + TRY_FOR_S
    while True:
        try:
            admin.list_topics(timeout=1.0)
        except KafkaException as error:
            admin.poll(0.1)  # hears of the connections
            why = refusal(heard or [error.args[0]])
            if why.what != "silent" or time.monotonic() >= ends:
                return why
        else:
            return None
