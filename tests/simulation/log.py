"""The topics and what becomes of their records: gaps, transactions, compaction, retention, truncation, recreation.

A record keeps its number `n` whatever happens to the log: an offset may carry another record after a truncation or a
recreation. `gone` says why a record is not to be delivered any more.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from connector.core.files import OnUnavailable
from connector.core.records import TopicPartition

Kind = Literal["good", "bad", "skip", "three", "rejected", "poison"]
"""What its mapping or Front makes of it: `rejected` is refused by Front with 400, `poison` makes Front answer 500."""


FileKind = Literal["here", "gone", "broken", "large", "refused"]
"""What becomes of a file that a record names: `gone` answers 404, `broken` 500, both until the faults end; `large` is larger
than a request may be, `refused` lies where nothing is fetched from."""


@dataclass(frozen=True, slots=True)
class Named:
    """The files that a record names. `rule`: what its rule says of those that do not come."""

    kinds: tuple[FileKind, ...]
    rule: OnUnavailable


@dataclass(slots=True, eq=False)
class Stored:
    """One record that was written. `schema`: the id in its value."""

    n: int
    tp: TopicPartition
    log_id: str
    offset: int
    leader_epoch: int
    conversation: str
    channel: str
    kind: Kind
    schema: int
    value: bytes
    files: Named | None = None
    gone: str | None = None
    accepted: int = 0
    """Its requests that Front has accepted, in order, counted once each."""
    lettered: bool = False
    """The dead-letter topic has acknowledged it to somebody."""
    resolved: bool = False
    """Its fate is durable; kept by the witness."""

    @property
    def requests(self) -> int:
        """How many requests Front must accept."""
        return {"skip": 0, "three": 3}.get(self.kind, 1)

    @property
    def with_files(self) -> int:
        """Which of its requests has the files that it names."""
        return self.requests // 2

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """The entity whose records keep their order: a key is ordered within its partition's log."""
        return (self.log_id, self.channel, self.conversation, self.tp.partition, self.tp.topic)


class PartitionLog:
    """One partition of one incarnation of a topic."""

    def __init__(self, tp: TopicPartition, log_id: str) -> None:
        self.tp = tp
        self.log_id = log_id
        self.low = 0
        self.end = 0
        self.stable = 0
        """Last stable offset: what read_committed may read."""
        self.leader_epoch = 0
        self.records: list[Stored] = []
        """All that were ever written, in order of writing."""
        self.start = 0
        """Below it nothing is to be delivered: where the group began, or where a policy moved it."""
        self.readable_from = 0.0
        """Its leader is down until then."""
        self.cut = 0
        """How often it was truncated."""
        self._offsets: list[int] = []
        self._live: dict[int, Stored] = {}
        self._epochs: list[tuple[int, int]] = [(0, 0)]
        self._open: list[Stored] | None = None
        self.watchers: dict[int, Callable[[], None]] = {}

    def append(self, stored: Stored) -> None:
        """At the end; inside the open transaction if there is one."""
        stored.offset, stored.leader_epoch = self.end, self.leader_epoch
        self.records.append(stored)
        self._live[stored.offset] = stored
        self._offsets.append(stored.offset)
        self.end += 1
        if self._open is None:
            self.stable = self.end
            self.changed()
        else:
            self._open.append(stored)

    def skip(self, offsets: int) -> None:
        """Offsets that carry no record: a control record, or what compaction has left."""
        self.end += offsets
        if self._open is None:
            self.stable = self.end
            self.changed()

    def begin(self) -> None:
        """A transaction: what follows cannot be read before it ends."""
        if self._open is None:
            self._open = []

    def finish(self, *, commit: bool) -> None:
        """Its marker takes an offset. Aborted records are never delivered."""
        if self._open is None:
            return
        opened, self._open = self._open, None
        if not commit:
            for stored in opened:
                self._remove(stored, "aborted")
        self.skip(1)

    def retain(self, low: int) -> None:
        """Retention: nothing below `low` is left."""
        self.low = max(self.low, min(low, self.stable))
        for stored in list(self._live.values()):
            if stored.offset < self.low:
                self._remove(stored, "retention")

    def compact(self) -> None:
        """Of each key only the last record is left, in the part that is stable. The newest record always stays."""
        last: dict[str, Stored] = {}
        for offset in self._offsets:
            if offset < self.stable:
                stored = self._live[offset]
                before = last.get(stored.conversation)
                if before is not None:
                    self._remove(before, "compacted")
                last[stored.conversation] = stored

    def truncate(self, to: int) -> None:
        """An unclean election: what was written from `to` on is gone, and other records will have these offsets."""
        self.finish(commit=False)
        to = max(self.low, min(to, self.end))
        for stored in list(self._live.values()):
            if stored.offset >= to:
                self._remove(stored, "truncated")
        self.end = self.stable = to
        self.leader_epoch += 1
        self._epochs = [(epoch, start) for epoch, start in self._epochs if start < to]
        self._epochs.append((self.leader_epoch, to))
        self.cut += 1
        self.changed()

    def drop(self) -> None:
        """The topic is deleted."""
        for stored in list(self._live.values()):
            self._remove(stored, "deleted")
        self._open = None

    def end_of_epoch(self, leader_epoch: int) -> int:
        """Where the records of that leader epoch end (KIP-320)."""
        return next((start for epoch, start in self._epochs if epoch > leader_epoch), self.end)

    def epoch_of(self, offset: int) -> int:
        """The leader epoch of whatever stands at an offset."""
        return next(epoch for epoch, start in reversed(self._epochs) if start <= offset)

    def read(self, position: int, most: int) -> tuple[list[Stored], int]:
        """Up to `most` records from `position` on that read_committed shows, and where to read on."""
        first = bisect_left(self._offsets, position)
        found: list[Stored] = []
        for offset in self._offsets[first : first + most]:
            if offset >= self.stable:
                break
            found.append(self._live[offset])
        if len(found) == most:
            return found, found[-1].offset + 1
        return found, self.stable

    def changed(self) -> None:
        """Tell whoever waits at the end."""
        for watcher in list(self.watchers.values()):
            watcher()

    def _remove(self, stored: Stored, why: str) -> None:
        stored.gone = why
        del self._live[stored.offset]
        self._offsets.remove(stored.offset)


@dataclass(slots=True)
class Cluster:
    """The topics that exist now. `log_ids` are Kafka's topic ids."""

    cluster_id: str = "simulated"
    logs: dict[TopicPartition, PartitionLog] = field(default_factory=dict)
    log_ids: dict[str, str] = field(default_factory=dict)
    past: list[PartitionLog] = field(default_factory=list)

    def create(self, topic: str, partitions: int, log_id: str) -> None:
        """A topic, or another one of the same name in place of the old."""
        old = [tp for tp in self.logs if tp.topic == topic]
        for tp in old:
            log = self.logs.pop(tp)
            log.drop()
            self.past.append(log)
        self.log_ids[topic] = log_id
        for number in range(partitions):
            tp = TopicPartition(topic, number)
            self.logs[tp] = PartitionLog(tp, log_id)
        for log in self.past:
            log.changed()

    def add_partition(self, topic: str) -> None:
        """One more."""
        if topic not in self.log_ids:
            return
        number = sum(tp.topic == topic for tp in self.logs)
        tp = TopicPartition(topic, number)
        self.logs[tp] = PartitionLog(tp, self.log_ids[topic])

    def partitions(self, topic: str) -> list[int]:
        """Numbers of a topic's partitions."""
        return [tp.partition for tp in self.logs if tp.topic == topic]
