"""A record's fate is noted: in the ledger under which it was taken, and in no other.

Never here: what the fate is (`life`), when it is committed (`commits`).
"""

from collections.abc import Callable, Mapping

from connector.core import ledger
from connector.core.ledger import Ledger
from connector.core.records import Record, TopicPartition
from connector.pipeline.intake import Intake
from connector.pipeline.partition import Partition
from connector.pipeline.world import World
from connector.ports import Outcome


class Settling:
    """Of the whole process; on the event loop."""

    def __init__(
        self,
        world: World,
        partitions: Mapping[TopicPartition, Partition],
        intake: Intake,
        wall_settled: Callable[[Partition], None],
    ) -> None:
        """`wall_settled` is told when a record of a partition has settled that waits for the last of them."""
        self._partitions = partitions
        self._intake = intake
        self._clock = world.clock
        self._telemetry = world.telemetry
        self._tracing = world.tracing
        self._wall_settled = wall_settled

    def settle(self, of: Ledger, record: Record, outcome: Outcome, taken_at: float) -> bool:
        """False when the ledger is not that of its partition any more. `taken_at`: monotonic seconds."""
        part = self._partitions.get(record.tp)
        if part is None or part.ledger is not of:
            self._telemetry.stale_settle()
            return False
        match of.settle(record.offset, record.epoch):
            case ledger.Settling.STALE:
                self._telemetry.stale_settle()
                return False
            case ledger.Settling.STRAY:
                self._telemetry.stray_settle()
                return False
            case ledger.Settling.SETTLED:
                pass
        part.free(record)
        trace = self._tracing.settled(record, outcome)
        self._telemetry.settled(record.topic, outcome, self._clock.monotonic() - taken_at, trace)
        if outcome == "accepted" and record.timestamp_ms is not None:
            late_s = max(0.0, self._clock.wall() - record.timestamp_ms / 1000)
            self._telemetry.accepted_latency(record.topic, late_s, trace)
        self._intake.settled(part)
        if part.walled:
            self._wall_settled(part)
        return True
