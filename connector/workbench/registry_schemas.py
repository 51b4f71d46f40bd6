"""Schemas by id from the configured registry, for tools that wait for each: asked once, then known.

The registry's adapter is the service's own; an event loop of this module's drives it. Never decodes a record.
"""

import asyncio
import time
from types import TracebackType
from typing import Self

from connector.adapters.files import secret_of
from connector.adapters.registry import Registry, registry_options
from connector.config.registry import RegistrySettings
from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaNeeded, SchemaRef
from connector.core.mapping import TopicMapping
from connector.core.prepare import MapperNeeded, Prepared, begin
from connector.core.records import Record
from connector.ports import RegistryUnavailable


class NoSchemas(Exception):
    """The registry gave no usable answer, or none is configured; the text is a sentence for people."""


class RegistrySchemas:
    """What `core.prepare` asks for. A context manager; not for use inside an event loop.

    Raises ValueError for TLS files and `SecretFileError`, which is one, for a password file that are no use.
    """

    def __init__(self, settings: RegistrySettings | None) -> None:
        self._settings = settings
        self._known: dict[SchemaRef, ParsedSchema | SchemaAbsent] = {}
        self._registry = None if settings is None else _registry(settings)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        if self._registry is not None:
            self._runner.run(self._registry.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._registry is not None:
            self._runner.run(self._registry.close())
        self._runner.close()

    def known(self, ref: SchemaRef) -> ParsedSchema | SchemaAbsent | None:
        """What is known already; None: `fetch` has not been asked yet."""
        return self._known.get(ref)

    def fetch(self, ref: SchemaRef) -> None:
        """Ask the registry, once in the life of this object. Blocks; raises `NoSchemas` when it does not answer."""
        if ref in self._known:
            return
        if self._registry is None or self._settings is None:
            raise NoSchemas(f"the record names schema {ref}, and no registry is configured: add `registry`")
        answer = self._runner.run(self._registry.fetch(ref))
        if isinstance(answer, RegistryUnavailable):
            raise NoSchemas(f"no schema {ref} from the registry at {self._settings.url}: {answer.detail}")
        self._known[ref] = answer

    def of_topic(self, topic: str) -> tuple[ParsedSchema, ...]:
        """The latest schemas of a topic's values. Blocks; raises `NoSchemas` when the registry does not answer."""
        if self._registry is None or self._settings is None:
            raise NoSchemas("no registry is configured: add `registry`")
        answer = self._runner.run(self._registry.of_topic(topic))
        if isinstance(answer, RegistryUnavailable):
            raise NoSchemas(
                f"no schemas of {topic} from the registry at {self._settings.url}: {answer.detail}"
            )
        return answer

    def begun(self, record: Record, topic: TopicMapping, now_wall: float) -> Prepared | MapperNeeded:
        """`core.prepare.begin`, with every schema that it asks for; never `SchemaNeeded`. Raises `NoSchemas`."""
        while True:
            result = begin(record, topic, self.known, now_wall)
            if not isinstance(result, SchemaNeeded):
                return result
            self.fetch(result.ref)


def _registry(settings: RegistrySettings) -> Registry:
    unobserved = _Unobserved()
    options = registry_options(
        settings, lambda value, file: secret_of(value, file, time.monotonic, unobserved)
    )
    return Registry(options, _Clock(), unobserved)


class _Clock:
    """Of `ports.Clock`, for one process that is watched by who started it."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def jitter(self) -> float:
        return 0.5


class _Unobserved:
    """Nobody counts a tool's requests, nor hears of its secret files."""

    def registry_request(self, operation: str, status: str, took_s: float) -> None: ...

    def secret_reloaded(self, path: str) -> None: ...

    def secret_kept(self, path: str, why: str) -> None: ...
