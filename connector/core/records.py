"""What travels: a record, where it lies, and who may act on it.

Values only. Times are named by their clock: `timestamp_ms` is Kafka's (wall, milliseconds since 1970);
seconds of the monotonic clock are plain floats called `now` or `*_at`.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple, NewType, TypeAlias


class TopicPartition(NamedTuple):
    """A partition of a topic; also the identity under which ledgers and queues are kept."""

    topic: str
    partition: int


Epoch = NewType("Epoch", int)
"""Counts assignments of partitions in this process. Work and commits of an older epoch are stale."""

OrderKey: TypeAlias = tuple[str, ...]
"""Parts of the entity whose records keep their order, e.g. ("conversation", "cha_1", "room-9").

A tuple, not a joined string: ("a", "b:c") and ("a:b", "c") must differ whatever characters ids hold.
"""


def key_hash(key: OrderKey) -> str:
    """A key as it may be logged and shown: the same for the same key in every process, so that lines can be compared.

    Not readable, but no secret: keys may be phone numbers, and whoever has the hash can try numbers until one fits.
    """
    return hashlib.sha256(repr(tuple(key)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as Kafka gave it. `key`, `value` and header values are raw bytes, or None for null."""

    topic: str
    partition: int
    offset: int
    epoch: Epoch
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_ms: int | None = None
    leader_epoch: int | None = None

    @property
    def tp(self) -> TopicPartition:
        """The partition it came from."""
        return TopicPartition(self.topic, self.partition)

    @property
    def size(self) -> int:
        """Bytes of it that are kept in memory: key, value and headers."""
        size = len(self.value or b"") + len(self.key or b"")
        for name, value in self.headers:
            size += len(name) + len(value or b"")
        return size


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a request goes, and the three scopes it belongs to.

    `id` is what stands in the path: a `cha_…` id or, for some operations, an alias (`alt:address:…`).
    `real_id` is the `cha_…` id that the token's `sub` needs.
    app: who signs (uid + secret, base URL). company: whose rate limit. channel: the real id.
    """

    id: str
    real_id: str
    company: str
    app: str
