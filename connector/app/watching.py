"""What no single event tells, looked at once a second: the process's state has changed; a key has waited for a minute.

A failure that the next attempt mends blocks its key for a moment, and `record.retry` has told it. Never here: what a state or a
blocked key is (`status`, `pipeline.life`).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from connector.core.dispatch import Slot
from connector.core.records import key_hash
from connector.core.status import State
from connector.pipeline.work import Work
from connector.ports import Clock, EventLog

LOOK_EVERY_S: Final = 1.0
BLOCKED_S: Final = 60.0
"""From then on a person may want to know: the back-off is at its cap, or a hold does not end by itself."""


class Watch:
    """Writes to the log only. O(blocked keys) a look."""

    def __init__(
        self,
        state: Callable[[], State],
        blocked: Mapping[Slot[Work], float],
        clock: Clock,
        log: EventLog,
    ) -> None:
        """`blocked`: keys whose first record waits after a failure or in a hold, and since when (wall)."""
        self._state = state
        self._blocked = blocked
        self._clock = clock
        self._log = log
        self._seen: State = "starting"
        self._told: dict[Slot[Work], float] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Tell what is new."""
        self._look_at_state()
        now = self._clock.wall()
        for slot, since in list(self._told.items()):
            if self._blocked.get(slot) != since:
                del self._told[slot]
                self._log.info("key.released", **_named(slot), seconds=round(now - since))
        for slot, since in self._blocked.items():
            if now - since >= BLOCKED_S and slot not in self._told:
                self._told[slot] = since
                work = slot.head
                said = {"offset": work.record.offset, "error_type": work.failed_with}
                self._log.warning("key.blocked", **_named(slot), **said, seconds=round(now - since))

    def _look_at_state(self) -> None:
        state = self._state()
        if state not in (self._seen, "draining"):  # the stop itself tells that one, at once
            self._seen = state
            self._log.info("state.changed", state=state)


def _named(slot: Slot[Work]) -> dict[str, object]:
    return {"topic": slot.tp.topic, "partition": slot.tp.partition, "key_hash": key_hash(slot.key)}
