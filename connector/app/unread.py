"""Keeps the figures of paused partitions true, as nothing is heard of their logs while they are not fetched."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from connector.adapters.kafka.unread import Unread
from connector.core.records import TopicPartition
from connector.pipeline import Pipeline
from connector.ports import Clock

LOOK_EVERY_S = 10.0
"""Below the usual interval of scrapes."""


class Logs(Protocol):
    """See `adapters.kafka.unread.PausedLogs`."""

    def look(self, paused: Mapping[TopicPartition, int | None]) -> Mapping[TopicPartition, Unread]: ...


class PausedWatch:
    """On the event loop; what waits for the brokers does so in a thread."""

    def __init__(self, pipeline: Pipeline, logs: Logs, clock: Clock) -> None:
        self._pipeline = pipeline
        self._logs = logs
        self._clock = clock

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Once."""
        pipeline = self._pipeline
        paused = {
            tp: part
            for tp, part in pipeline.partitions.items()
            if (pipeline.pausing.on or part.paused is not None) and not part.closing
        }
        wanted = {tp: part.first_wanted for tp, part in paused.items()}
        found = await asyncio.to_thread(self._logs.look, wanted)
        for tp, unread in found.items():
            part = paused[tp]
            part.heard_end(unread.end, self._clock.wall())
            if (offset := wanted[tp]) is not None and unread.first_ms is not None:
                part.first_unread = offset, unread.first_ms
