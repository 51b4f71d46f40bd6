"""Asks the registry until it says what a schema is, or that there is none: its silence is an outage, and the record waits."""

import asyncio
from collections.abc import Mapping

from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaRef
from connector.core.records import TopicPartition
from connector.ports import Clock, EventLog, RegistryUnavailable, SchemaAnswer, SchemaSource, Telemetry

AT_ONCE = 16
"""References come from records: garbage may name a new one in each, and the registry is not ours to flood."""


class Schemas:
    """The registry as the pipeline uses it."""

    def __init__(
        self, source: SchemaSource, retry_cap_s: float, clock: Clock, telemetry: Telemetry, log: EventLog
    ) -> None:
        self._source = source
        self._retry_cap_s = retry_cap_s
        self._clock = clock
        self._telemetry = telemetry
        self._log = log
        self._absent: dict[SchemaRef, SchemaAbsent] = {}
        self._silent: dict[tuple[TopicPartition, SchemaRef], str] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    @property
    def silent_for(self) -> Mapping[TopicPartition, str]:
        """Partitions that wait for a registry of which no answer can be had, and why."""
        return {tp: why for (tp, _), why in self._silent.items()}

    def known(self, ref: SchemaRef) -> ParsedSchema | SchemaAbsent | None:
        """What is known already; None: ask."""
        return self._source.cached(ref) or self._absent.get(ref)

    async def ask(self, tp: TopicPartition, ref: SchemaRef) -> None:
        """Return when `known` knows it. Cancelled when the partition goes."""
        failures = 0
        try:
            while isinstance(answer := await self._fetch(ref), RegistryUnavailable):
                failures += 1
                self._silent[tp, ref] = answer.detail
                self._telemetry.error(tp.topic, "decode", "registry_unavailable")
                self._log.warning(
                    "registry.unavailable",
                    topic=tp.topic,
                    partition=tp.partition,
                    attempt=failures,
                    detail=answer.detail,
                )
                delay = min(self._retry_cap_s, 0.25 * 2 ** min(failures, 10))
                await asyncio.sleep(delay * (0.5 + 0.5 * self._clock.jitter()))
        finally:
            self._silent.pop((tp, ref), None)
        if isinstance(answer, SchemaAbsent):
            self._absent[ref] = answer

    async def _fetch(self, ref: SchemaRef) -> SchemaAnswer:
        async with self._room:
            return await self._source.fetch(ref)

    def forget_absent(self, ref: SchemaRef) -> None:
        """Ask again for the next record: it may have been registered meanwhile."""
        self._absent.pop(ref, None)
