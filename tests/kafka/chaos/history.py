"""What the group coordinator wrote down: every commit of a group, and who owned which partition from when to when.

What lives here: the records of the topic `__consumer_offsets`, read from its beginning. Judges nothing. Times are the
coordinator's wall clock in seconds; on one machine it is the same as everybody's.

Source: Kafka's message definitions of the group coordinator (OffsetCommitKey and -Value, GroupMetadataKey and -Value,
ConsumerGroupMemberMetadataKey and -Value, ConsumerGroupCurrentMemberAssignmentKey and -Value), and of the consumer
protocol (ConsumerProtocolAssignment).
"""

import base64
import struct
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from confluent_kafka import Message

from connector.core.offset_map import Believed, LogIdentity, read
from connector.core.records import TopicPartition
from tests.support.estates import read_topic

OFFSETS_TOPIC = "__consumer_offsets"
CLIENT_PREFIX = "front-connector-"

_COMMIT_KEYS = (0, 1)
_CLASSIC_GROUP_KEY = 2
_MEMBER_KEY = 5
_CURRENT_ASSIGNMENT_KEY = 8


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of one commit. `settled`: the runs that its map names, if the map is ours."""

    tp: TopicPartition
    at: float
    offset: int
    metadata: str
    settled: tuple[tuple[int, int], ...]

    def covers(self, offset: int) -> bool:
        """Whether it calls an offset settled."""
        return offset < self.offset or any(first <= offset < end for first, end in self.settled)


@dataclass(frozen=True, slots=True)
class Tenure:
    """A partition in the hands of one member. `owner`: the connector's name. `until` is None while it lasts."""

    tp: TopicPartition
    owner: str
    member: str
    since: float
    until: float | None

    def holds(self, at: float) -> bool:
        """Whether it lasts at that moment."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class History:
    """Of one group, each list in the order in which it happened."""

    commits: Mapping[TopicPartition, list[Commit]]
    tenures: Mapping[TopicPartition, list[Tenure]]

    def last_commit(self, tp: TopicPartition, before: float) -> Commit | None:
        """The newest entry of a partition that was written before that moment."""
        commits = self.commits.get(tp, [])
        at = bisect_right(commits, before, key=lambda commit: commit.at)
        return commits[at - 1] if at else None

    def moves(self, since: float) -> Counter[str]:
        """How often a partition went from one connector to another from that moment on, by whose it had been."""
        pairs = (pair for of in self.tenures.values() for pair in pairwise(of))
        return Counter(one.owner for one, after in pairs if after.since >= since and one.owner != after.owner)


def read_history(bootstrap: str, group: str, topic_ids: Mapping[bytes, str]) -> History:
    """The whole history of a group. `topic_ids`: names by the 16 bytes of the topic's id."""
    commits: defaultdict[TopicPartition, list[Commit]] = defaultdict(list)
    owners = _Owners()
    clients: dict[str, str] = {}
    for message in read_topic(bootstrap, OFFSETS_TOPIC):
        key, value = _Bytes(message.key() or b""), message.value()
        kind = key.number(">h")
        if key.text() != group:
            continue
        at = _at(message)
        if kind in _COMMIT_KEYS:
            if value is not None:
                tp = TopicPartition(key.text(), key.number(">i"))
                commits[tp].append(_commit(tp, at, _Bytes(value)))
        elif kind == _CLASSIC_GROUP_KEY:
            owners.replace(at, _classic(_Bytes(value)) if value is not None else {})
        elif kind == _MEMBER_KEY and value is not None:
            clients[key.text()] = _client(_Bytes(value))
        elif kind == _CURRENT_ASSIGNMENT_KEY:
            member = key.text()
            owned = _assignment(_Bytes(value), topic_ids) if value is not None else set()
            owners.update(at, member, clients.get(member, ""), owned)
    return History(commits, owners.tenures())


class Holder(NamedTuple):
    """Who has a partition: the member's id, and the connector's name."""

    member: str
    owner: str


class _Owners:
    """Turns the coordinator's successive words on who owns what into tenures."""

    def __init__(self) -> None:
        self._now: dict[TopicPartition, tuple[Holder, float]] = {}
        self._ended: list[Tenure] = []

    def replace(self, at: float, owned: Mapping[TopicPartition, Holder]) -> None:
        """The whole group is assigned anew: the classic protocol."""
        for tp, (holder, _) in list(self._now.items()):
            if owned.get(tp) != holder:
                self._end(tp, at)
        for tp, holder in owned.items():
            self._now.setdefault(tp, (holder, at))

    def update(self, at: float, member: str, owner: str, owned: set[TopicPartition]) -> None:
        """One member's partitions change: KIP-848."""
        for tp, (holder, _) in list(self._now.items()):
            if holder.member == member and tp not in owned:
                self._end(tp, at)
        for tp in owned:
            held = self._now.get(tp)
            if held is not None and held[0].member != member:
                self._end(tp, at)
            self._now.setdefault(tp, (Holder(member, owner), at))

    def tenures(self) -> dict[TopicPartition, list[Tenure]]:
        found: defaultdict[TopicPartition, list[Tenure]] = defaultdict(list)
        for tenure in self._ended:
            found[tenure.tp].append(tenure)
        for tp, (holder, since) in self._now.items():
            found[tp].append(Tenure(tp, holder.owner, holder.member, since, None))
        return found

    def _end(self, tp: TopicPartition, at: float) -> None:
        holder, since = self._now.pop(tp)
        self._ended.append(Tenure(tp, holder.owner, holder.member, since, at))


def topic_id(text: str) -> bytes:
    """A topic's id as the coordinator writes it, from the form in which clients show it (base64url, no padding)."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class _Bytes:
    """Reads Kafka's primitive types one after the other. Source: Kafka protocol guide, protocol primitive types."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, form: str) -> int:
        found: int = struct.unpack_from(form, self._data, self._at)[0]
        self._at += struct.calcsize(form)
        return found

    def varint(self) -> int:
        found = shift = 0
        while True:
            byte = self._take(1)[0]
            found |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return found

    def text(self, *, flexible: bool = False) -> str:
        """Null reads as an empty text: nobody here cares for the difference."""
        length = self.varint() - 1 if flexible else self.number(">h")
        return self._take(max(0, length)).decode()

    def blob(self, *, flexible: bool = False) -> bytes:
        length = self.varint() - 1 if flexible else self.number(">i")
        return self._take(max(0, length))

    def array(self, one: "Callable[[], object]", *, flexible: bool = False) -> None:
        """Calls `one` for each item."""
        for _ in range(self.varint() - 1 if flexible else self.number(">i")):
            one()

    def uuid(self) -> bytes:
        return self._take(16)

    def tags(self) -> None:
        """Skips tagged fields."""
        for _ in range(self.varint()):
            self.varint()
            self._take(self.varint())

    def _take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]


def _at(message: Message) -> float:
    return message.timestamp()[1] / 1000


def _commit(tp: TopicPartition, at: float, value: _Bytes) -> Commit:
    version = value.number(">h")
    offset = value.number(">q")
    if version >= 3:
        value.number(">i")  # leader epoch
    # confluent-kafka writes a NUL behind the text, and takes it off when it reads one.
    metadata = value.text(flexible=version >= 4).removesuffix("\0")
    parts = (metadata or ";;;").split(";")
    believed = read(metadata, LogIdentity(*parts[1:3]), offset) if len(parts) > 2 else None
    return Commit(tp, at, offset, metadata, believed.settled if isinstance(believed, Believed) else ())


def _classic(value: _Bytes) -> dict[TopicPartition, Holder]:
    version = value.number(">h")
    flexible = version >= 4
    value.text(flexible=flexible)  # protocol type
    value.number(">i")  # generation
    value.text(flexible=flexible)  # protocol
    value.text(flexible=flexible)  # leader
    if version >= 2:
        value.number(">q")  # since when it is in this state
    owned: dict[TopicPartition, Holder] = {}

    def member() -> None:
        name = value.text(flexible=flexible)
        if version >= 3:
            value.text(flexible=flexible)  # group instance id
        client = value.text(flexible=flexible)
        value.text(flexible=flexible)  # host
        if version >= 1:
            value.number(">i")  # rebalance time-out
        value.number(">i")  # session time-out
        value.blob(flexible=flexible)  # subscription
        holder = Holder(name, client.removeprefix(CLIENT_PREFIX))
        owned.update(dict.fromkeys(_consumer_protocol(value.blob(flexible=flexible)), holder))
        if flexible:
            value.tags()

    value.array(member, flexible=flexible)
    return owned


def _consumer_protocol(blob: bytes) -> Iterable[TopicPartition]:
    if not blob:
        return ()
    value = _Bytes(blob)
    value.number(">h")  # version
    found: list[TopicPartition] = []

    def topic() -> None:
        name = value.text()
        value.array(lambda: found.append(TopicPartition(name, value.number(">i"))))

    value.array(topic)
    return found


def _client(value: _Bytes) -> str:
    value.number(">h")  # version
    value.text(flexible=True)  # instance id
    value.text(flexible=True)  # rack
    return value.text(flexible=True).removeprefix(CLIENT_PREFIX)


def _assignment(value: _Bytes, topic_ids: Mapping[bytes, str]) -> set[TopicPartition]:
    """Assigned, and to be revoked but not yet given up: both are the member's."""
    value.number(">h")  # version
    value.number(">i")  # epoch
    value.number(">i")  # epoch before
    value.number(">b")  # state
    found: set[TopicPartition] = set()

    def topic() -> None:
        name = topic_ids.get(value.uuid(), "?")
        value.array(lambda: found.add(TopicPartition(name, value.number(">i"))), flexible=True)
        value.tags()

    value.array(topic, flexible=True)
    value.array(topic, flexible=True)
    return found
