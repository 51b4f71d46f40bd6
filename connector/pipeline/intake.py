"""How much is kept of each partition: its records, their bytes, and the map beside its offset. Beyond that it is paused.

Pausing is rare and explicit, because it throws away what the client has prefetched: at the upper bound, and resumed at half
of it. What waits behind a held key fills these bounds in the end; then the policy is to wait, and the log names the key's hash.
The client's own queue comes on top: `queued.max.messages.kbytes`, once a process.
"""

from collections.abc import Iterable, Mapping

from connector.core.dispatch import Slot
from connector.core.offset_map import MAX_METADATA
from connector.core.records import key_hash
from connector.core.status import PauseReason
from connector.pipeline.partition import Partition
from connector.pipeline.pausing import Pausing
from connector.pipeline.work import Work
from connector.pipeline.world import Policy, World

MAP_HIGH = 0.75
"""Share of the map's budget at which intake stops: what is in memory already may still settle and make the map longer."""
MAP_LOW = 0.5
SETTLE_COST = 6.0
"""Characters of map that one more settled record costs at most, as long as runs are shorter than 2 million offsets."""


class Intake:
    """Pauses and resumes partitions. `blocked`: keys whose first record waits, and since when."""

    def __init__(
        self, world: World, policy: Policy, blocked: Mapping[Slot[Work], float], pausing: Pausing
    ) -> None:
        self._offsets = world.offsets
        self._policy = policy
        self._blocked = blocked
        self._pausing = pausing
        self._telemetry = world.telemetry
        self._log = world.log

    def pause(self, parts: Iterable[Partition]) -> None:
        """An operator has paused: nothing of these is fetched, whatever their bounds say."""
        for part in parts:
            self._telemetry.paused("manual")
            if part.paused is None:
                self._offsets.pause(part.tp, part.epoch)

    def resume(self, parts: Iterable[Partition]) -> None:
        """That is over: what has room is fetched again."""
        for part in parts:
            if part.paused is None and not part.closing:
                self._offsets.resume(part.tp, part.epoch)

    def taken(self, part: Partition) -> None:
        """Records of it were taken in: pause it if they are too many."""
        if part.paused is None and part.exceeds(self._policy.partition_records, self._policy.partition_bytes):
            self._pause(part, "backpressure")

    def settled(self, part: Partition) -> None:
        """A record of it has settled: the map may have become too long, or there is room again."""
        part.settles_until_map_check -= 1
        if part.settles_until_map_check <= 0:
            self._look_at_map(part)
        if part.paused is None:
            if part.map_fill >= MAP_HIGH:
                self._pause(part, "map")
        elif not part.closing and part.map_fill < MAP_LOW and not part.exceeds(*self._low):
            self._log.info("partition.resumed", topic=part.tp.topic, partition=part.tp.partition)
            part.paused = None
            if not self._pausing.on:
                self._offsets.resume(part.tp, part.epoch)

    @property
    def _low(self) -> tuple[int, int]:
        return max(1, self._policy.partition_records // 2), max(1, self._policy.partition_bytes // 2)

    def _look_at_map(self, part: Partition) -> None:
        """Measuring costs a walk over what is unsettled: again only when so many have settled that it can have mattered."""
        part.map_fill = part.fill()
        # Paused, nothing new comes that could make it longer: look until it is short enough.
        room = 0.0 if part.paused else max(0.0, MAP_HIGH - part.map_fill) * MAX_METADATA
        part.settles_until_map_check = 1 + max(int(room / SETTLE_COST), part.ledger.unsettled // 4)

    def blocked(self, part: Partition) -> None:
        """A key of it waits after a failure: if that is why it stays paused, the log should say which, once."""
        if part.paused is not None and not part.paused_names_key:
            self._tell(part, part.paused)

    def _pause(self, part: Partition, reason: PauseReason) -> None:
        part.paused = reason
        part.settles_until_map_check = 0
        if not self._pausing.on:
            self._offsets.pause(part.tp, part.epoch)
        self._telemetry.paused(reason)
        self._tell(part, reason)

    def _tell(self, part: Partition, reason: PauseReason) -> None:
        waiting = [slot for slot in self._blocked if slot.tp == part.tp]
        slot = min(waiting, key=lambda slot: slot.head.record.offset, default=None)
        key = slot.key if slot is not None else next(iter(part.aside), None)
        part.paused_names_key = key is not None
        self._log.warning(
            "partition.paused",
            topic=part.tp.topic,
            partition=part.tp.partition,
            reason=reason,
            records=part.ledger.unsettled,
            key_hash=key_hash(key) if key is not None else None,
        )
