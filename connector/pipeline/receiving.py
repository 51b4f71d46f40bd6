"""Records that were polled: which of them are this assignment's, and new.

Those of a closed epoch are the next owner's, those that a former owner settled end here, and a log that was cut or rewound
is read again. Never here: what becomes of a record (`taking`, `life`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from connector.core.ledger import Taken
from connector.core.records import Record, TopicPartition
from connector.pipeline.partition import Partition
from connector.pipeline.work import coordinates
from connector.pipeline.world import World


class Receiving:
    """Puts records into the inboxes of their partitions."""

    def __init__(
        self,
        world: World,
        partitions: Mapping[TopicPartition, Partition],
        rewound: Callable[[Partition], None],
    ) -> None:
        """`rewound` is told of a partition whose log is another one now."""
        self._partitions = partitions
        self._telemetry = world.telemetry
        self._log = world.log
        self._tracing = world.tracing
        self._rewound = rewound

    def take(self, records: Sequence[Record]) -> Iterable[Partition]:
        """Returns the partitions that have more in their inboxes now."""
        touched: dict[TopicPartition, Partition] = {}
        for record in records:
            part = self._partitions.get(record.tp)
            if part is None or part.closing or part.epoch != record.epoch:
                continue  # fetched before the revoke, delivered after it: the next owner reads it again
            self._telemetry.received(record.topic, record.partition, 1)
            match part.ledger.take(record.offset, record.leader_epoch):
                case Taken.SETTLED_BEFORE:
                    self._telemetry.settled(record.topic, "duplicate", 0.0)
                    continue
                case Taken.REWOUND:
                    touched.pop(record.tp, None)
                    self._log.error("log.rewound", **coordinates(record))
                    self._rewound(part)
                    continue
                case Taken.REWRITTEN:
                    self._telemetry.map_refused("rewritten")
                    self._log.warning("map.refused", reason="rewritten", **coordinates(record))
                case Taken.NEW:
                    pass
            part.admit(record)
            self._tracing.taken(record)
            part.inbox.append(record)
            touched[record.tp] = part
        return touched.values()
