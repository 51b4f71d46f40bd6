"""A partition's log and the client that reads it, for the scripted world: a pause throws away what was prefetched.

What lives here: only what backpressure meets of a client. Its callbacks, rebalances and errors are the simulation's.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from connector.core.records import Record, TopicPartition
from tests.support.world import TP, Stage


@dataclass
class Feed:
    """Hands over `log` in batches of `poll` records every `every_s`; reads ahead of that by `prefetch` records."""

    stage: Stage
    log: Sequence[Record]
    tp: TopicPartition = TP
    poll: int = 100
    every_s: float = 0.01
    look_s: float = 0.01
    """How often a paused partition is looked at."""
    prefetch: int = 200
    position: int = 0
    fetched: int = 0
    """Records that came over the network, those thrown away and fetched again included."""
    first_after_pauses: int = 0
    """How often the first record after a pause was the very one that was next before it."""

    async def run(self) -> None:
        """Until the log is read to its end."""
        ahead = 0
        expected: int | None = None
        while self.position < len(self.log):
            if self.tp in self.stage.coordinator.paused:
                ahead, expected = 0, self.log[self.position].offset
                await asyncio.sleep(self.look_s)
            else:
                batch = self.log[self.position : self.position + self.poll]
                if expected is not None:
                    self.first_after_pauses += batch[0].offset == expected
                    expected = None
                wanted = min(self.prefetch, len(self.log) - self.position)
                self.fetched += max(0, wanted - ahead)
                ahead = max(ahead, wanted) - len(batch)
                self.position += len(batch)
                self.stage.pipeline.received(batch)
                await asyncio.sleep(self.every_s)
