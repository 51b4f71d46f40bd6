"""What is remembered of one process: what it was assigned and under which offset, what it sent, what it was answered.

Facts only: what follows from them is said by the laws, and `witness.py` writes them down as they happen.
"""

from dataclasses import dataclass, field

from connector.core.ledger import Runs
from connector.core.records import TopicPartition
from tests.simulation.client import SimClient
from tests.simulation.coordinator import Entry
from tests.simulation.files import FileSide
from tests.simulation.front import Attempt
from tests.simulation.kernel import Process
from tests.simulation.log import PartitionLog, Stored
from tests.simulation.services import RegistrySide


@dataclass(slots=True)
class Tried:
    """The attempts at one request of a record. `since`: what is accepted after it speaks against the record."""

    index: int
    since: float
    counted: int = 0


@dataclass(slots=True, eq=False)
class Assigned:
    """One assignment of one partition to one process. `serial` counts all of them, over all owners."""

    serial: int
    tp: TopicPartition
    log: PartitionLog
    start: int
    text: str
    """The metadata that was read beside the offset."""
    covered: Runs
    """What a map with a true identity says is settled, of records that `map_epoch` or an earlier leader wrote."""
    map_epoch: int | None
    began: float
    claimed_at: float | None = None
    committed: int | None = None
    """The last offset that the coordinator applied for it."""
    outcomes: dict[tuple[int, int], str] = field(default_factory=dict)
    """(record, request) -> what its last attempt under this assignment came to."""
    tried: dict[int, Tried] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    """Records whose last request was answered, or whose letter was acknowledged, under it."""
    lettered: set[int] = field(default_factory=set)
    told_too_large: bool = False
    """A commit of it was refused as too large, by a coordinator that takes whole maps otherwise: part of its map is shed."""
    handed: Entry | None = None
    """The last that was handed to the client for it."""
    rewound: int = 0
    """How often the log had been cut when it began."""
    leader_epoch: int = 0
    """The log's, when it began."""
    sound: bool = False
    """The offset that it began from was committed since the log was cut."""

    @property
    def sound_yet(self) -> bool:
        """The log was not cut since it began."""
        return self.rewound == self.log.cut

    def cannot_know(self, stored: Stored) -> bool:
        """It was written by a leader who came after a cut of which this assignment may not have heard."""
        return not self.sound_yet and stored.leader_epoch > self.leader_epoch

    def covers(self, stored: Stored) -> bool:
        """The text that it began from says that it is settled."""
        meant = self.map_epoch is not None and stored.leader_epoch <= self.map_epoch
        return meant and any(first <= stored.offset < end for first, end in self.covered)


@dataclass(frozen=True, slots=True)
class Read:
    """A committed offset as it was read, and where the log ended when that was asked for behind it."""

    offset: int
    text: str
    end: int


@dataclass(slots=True, eq=False)
class Watched:
    """One process, as seen from outside."""

    process: Process
    registry: RegistrySide
    files: FileSide
    assigned: dict[TopicPartition, Assigned] = field(default_factory=dict)
    ended: dict[TopicPartition, tuple[float, Assigned]] = field(default_factory=dict)
    read: dict[TopicPartition, Read] = field(default_factory=dict)
    missing: dict[TopicPartition, None] = field(default_factory=dict)
    renewed: float | None = None
    """When the newest acknowledged commit was sent."""
    in_flight: dict[int, Attempt] = field(default_factory=dict)
    accepted_at: float | None = None
    answers: dict[int, set[int]] = field(default_factory=dict)
    closed: dict[tuple[str, str], float] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)
    client: SimClient | None = None
    polled_at: float = 0.0
    paused_at: float | None = None
    """When it was told that an operator has paused the group; None while nobody has."""
    by_hand: set[tuple[TopicPartition, int]] = field(default_factory=set)
    """Places of the records that it was asked to settle."""
    letters: set[int] = field(default_factory=set)
    """Records whose letter it has begun to write."""
    stopping: float | None = None
    """When it was asked to stop."""

    def given(self, tp: TopicPartition) -> Assigned | None:
        """The present assignment of a partition, or the last one."""
        ended = self.ended.get(tp)
        return self.assigned.get(tp) or (ended[1] if ended is not None else None)

    def present(self, tp: TopicPartition, now: float) -> Assigned | None:
        """The present one, or one that ended just now: what the loop is told and what it does in one instant have no order."""
        ended = self.ended.get(tp)
        return self.assigned.get(tp) or (ended[1] if ended is not None and ended[0] == now else None)
