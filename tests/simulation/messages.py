"""What passes between the connector and the model of its client: values, errors, and what both are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from confluent_kafka import KafkaError

from connector.core.records import TopicPartition
from tests.simulation.coordinator import Entry, Group
from tests.simulation.kernel import Kernel, Process
from tests.simulation.log import Cluster, PartitionLog, Stored

if TYPE_CHECKING:
    from tests.simulation.client import SimClient

INVALID = -1001
"""librdkafka's offset for none."""
DEAD_LETTER_TOPIC = "dead-letters"

_ERRORS: dict[int, Any] = {}


def kafka_error(code: int) -> Any:
    """librdkafka's error of this code."""
    if code not in _ERRORS:
        _ERRORS[code] = KafkaError(code)
    return _ERRORS[code]


def leader_epoch(place: Any) -> int | None:
    epoch: int | None = place.leader_epoch
    return None if epoch is None or epoch < 0 else epoch


@dataclass(slots=True)
class Place:
    """`confluent_kafka.TopicPartition`, which does not let its error be set."""

    topic: str
    partition: int
    offset: int = INVALID
    metadata: str | None = None
    leader_epoch: int | None = None
    error: Any = None


class Message:
    """`confluent_kafka.Message`."""

    __slots__ = ("_error", "_offset", "_stored", "tp", "version")

    def __init__(
        self, tp: TopicPartition, version: int, offset: int, stored: Stored | None, error: Any = None
    ) -> None:
        self.tp = tp
        self.version = version
        self._offset = offset
        self._stored = stored
        self._error = error

    def topic(self) -> str:
        return self.tp.topic

    def partition(self) -> int:
        return self.tp.partition

    def offset(self) -> int:
        return self._offset

    def error(self) -> Any:
        return self._error

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_790_000_000_000)

    def headers(self) -> None:
        return None

    def key(self) -> None:
        return None

    def value(self) -> bytes | None:
        return self._stored.value if self._stored else None

    def leader_epoch(self) -> int | None:
        return self._stored.leader_epoch if self._stored else None


@dataclass(slots=True, eq=False)
class Fetch:
    """A partition that is fetched: `position` of the fetcher, `app` of what was handed out."""

    tp: TopicPartition
    log: PartitionLog
    position: int
    app: int
    leader_epoch: int | None
    version: int
    start: int
    under_way: bool = False
    stopped: bool = False
    told_end: int | None = None
    high: int = INVALID


@dataclass(slots=True, eq=False)
class Rebalance:
    """A callback that waits in the queue for somebody to poll."""

    kind: Literal["assign", "revoke", "lost"]
    partitions: list[TopicPartition]


class Observer(Protocol):
    """Told what passes between the connector's code and its client."""

    def handed(self, client: "SimClient", entries: Sequence[Entry]) -> None: ...
    def committed(self, process: Process, entries: Sequence[Entry], sent_at: float) -> None: ...
    def assigned(self, process: Process, fetch: Fetch) -> None: ...
    def unassigned(self, process: Process, tp: TopicPartition) -> None: ...
    def read_committed(self, process: Process, tp: TopicPartition, offset: int, metadata: str) -> None: ...
    def read_end(self, process: Process, tp: TopicPartition, end: int) -> None: ...
    def offset_missing(self, process: Process, tp: TopicPartition) -> None: ...
    def polled(self, client: "SimClient", after: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientWorld:
    """What a client is given. Seconds."""

    kernel: Kernel
    cluster: Cluster
    group: Group
    observer: Observer
    classic: bool
    heartbeat: float
    session: float
    socket: float
    max_poll: float
