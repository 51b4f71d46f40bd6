"""Files that Kafka's clients log in with, while the service runs: looked at, tried at the brokers, and taken over or refused.

A look compares contents, as for mapping files: the kubelet swaps a folder by a symbolic link. What changed is tried by a client
of its own before the clients that live hear of it: while the brokers refuse it, the old credentials stay in use, and it is
tried again at every look, so it does not matter which is changed first, the file or the brokers. Passwords are given to the
clients as they live; for all else they are replaced (`adapters/kafka/renewal.py`). No value is logged.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

from pydantic import SecretStr

from connector.adapters.files import LOOK_EVERY_S, STAYS_S, content_digest
from connector.adapters.kafka import Renewal
from connector.adapters.kafka.heard import Refusal
from connector.config.kafka import KafkaSettings
from connector.config.kafka_login import PASSWORD_MECHANISMS
from connector.config.secrets import is_pem, read_secret
from connector.ports import EventLog

Kind: TypeAlias = Literal["secret", "ca"]
_PASSWORD: Final = frozenset({"sasl.username", "sasl.password"})
_CA: Final = frozenset(
    {"ssl.ca.location", "ssl.ca.pem", "ssl.crl.location", "https.ca.location", "https.ca.pem"}
)
Reading: TypeAlias = Mapping[str, bytes]
"""The digest of each file's content, by the setting that names it."""
Secrets: TypeAlias = Mapping[str, SecretStr]


class Renewable(Protocol):
    """Whoever has a client of Kafka's."""

    def renew(self, renewal: Renewal) -> None:
        """Log in with these from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """How to judge new files. Both wait: they are called in a thread."""

    connection: Callable[[Secrets], Mapping[str, Any]] = field(repr=False)
    """The properties of a connection, with what the files hold now."""
    refused: Callable[[Mapping[str, Any]], str | None]
    """What the client library does not take, in its words."""
    tried: Callable[[Mapping[str, Any]], Refusal | None]
    """Why the brokers do not let such a client in; None: they do."""
    part: Callable[[], float] = random.random
    """A number from 0 to 1: how much of the jitter is waited out."""


class KafkaFiles:
    """Made when the service is assembled, just before its clients read the files."""

    def __init__(
        self, kafka: KafkaSettings, means: Means, clients: Sequence[Renewable], log: EventLog
    ) -> None:
        self._kafka = kafka
        self._means = means
        self._clients = clients
        self._log = log
        self._paths: Mapping[str, Path] = {**kafka.login_files, **kafka.properties_from_files}
        self._in_use = self._seen = _digests(self._paths)
        self._seen_at = 0.0
        self._connection = means.connection(kafka.file_properties)
        self._told: str | None = None
        self._failed: frozenset[str] = frozenset()
        """Settings whose files were refused when last judged."""
        self._asked = asyncio.Event()
        self.waiting_for: str | None = None
        """Why new files are not in use, as a clause; None: there are none."""

    @property
    def reloaded(self) -> Mapping[Kind, bool]:
        """Whether the files of a kind were of use when last judged, for each kind that there is."""
        kinds = {_kind(name) for name in self._paths}
        return {kind: kind not in map(_kind, self._failed) for kind in sorted(kinds)}

    def look_now(self) -> None:
        """Do not wait for the next look (SIGHUP)."""
        self._told = None
        self._asked.set()

    async def run(self) -> None:
        """Look for ever; at nothing, if no file is named."""
        pause = LOOK_EVERY_S
        while self._paths:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), pause)
            self._asked.clear()
            pause = await self._look()

    async def _look(self) -> float:
        """One look; seconds until the next."""
        loop = asyncio.get_running_loop()
        found = await asyncio.to_thread(_digests, self._paths)
        if found != self._seen:
            self._seen, self._seen_at, self._told = found, loop.time(), None
        changed = [name for name in self._paths if found[name] != self._in_use[name]]
        if not changed:
            if self._failed:  # what was refused was taken back
                self._taken(self._failed)
            self.waiting_for = None
            return LOOK_EVERY_S
        # Certificate and key may be two files, written one after the other.
        missing = self._seen_at + STAYS_S - loop.time()
        return missing if missing > 0.0 else await self._judge(found, changed)

    async def _judge(self, found: Reading, changed: Sequence[str]) -> float:
        secrets = await asyncio.to_thread(_read, self._kafka)
        if isinstance(secrets, str):
            return self._refuse(changed, secrets)
        connection = self._means.connection(secrets)
        why = await asyncio.to_thread(self._means.refused, connection)
        if why is not None:
            return self._refuse(changed, f"the Kafka client does not take it: {why}")
        refusal = await asyncio.to_thread(self._means.tried, connection)
        if refusal is not None and refusal.what == "silent":
            self.waiting_for = "the brokers do not answer, so new credentials are not tried yet"
            return LOOK_EVERY_S
        if refusal is not None:
            return self._refuse(changed, f"tried on a connection of its own: {refusal}")
        rebuild = not (_PASSWORD.issuperset(changed) and self._by_password)
        if rebuild:
            self.waiting_for = "new credentials are good, and taken over within kafka.rebuild_jitter_s"
            await asyncio.sleep(self._means.part() * self._kafka.rebuild_jitter_s)
            if await asyncio.to_thread(_digests, self._paths) != found:
                return STAYS_S
        properties = {k: v for k, v in connection.items() if self._connection.get(k) != v}
        for client in self._clients:
            client.renew(Renewal(properties, rebuild))
        self._in_use, self._connection = found, connection
        self._taken(changed)
        return LOOK_EVERY_S

    @property
    def _by_password(self) -> bool:
        return self._kafka.login.mechanism in PASSWORD_MECHANISMS

    def _taken(self, names: Iterable[str]) -> None:
        self._failed, self._told, self.waiting_for = frozenset(), None, None
        for name in sorted(names):
            self._log.info("config.reloaded", kind=_kind(name), path=str(self._paths[name]))

    def _refuse(self, names: Sequence[str], why: str) -> float:
        self._failed = frozenset(names)
        self.waiting_for = f"new credentials are not of use: {why}"
        if why != self._told:
            self._told = why
            for name in names:
                self._log.error(
                    "config.reload.failed", kind=_kind(name), path=str(self._paths[name]), why=why
                )
        return LOOK_EVERY_S


def _kind(name: str) -> Kind:
    return "ca" if name in _CA else "secret"


def _digests(paths: Mapping[str, Path]) -> Reading:
    """One that cannot be read counts as empty: what is wrong is told by the judgement."""
    return {name: content_digest(path) for name, path in paths.items()}


def _read(kafka: KafkaSettings) -> Secrets | str:
    """What the secret files hold, or the first sentence about one that is no use."""
    found = {}
    for name, path in kafka.properties_from_files.items():
        secret = read_secret(path, many_lines=is_pem(name))
        if isinstance(secret, str):
            return secret
        found[name] = secret
    return found
