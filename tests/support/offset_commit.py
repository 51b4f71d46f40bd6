"""The request OffsetCommit as librdkafka writes it, read and answered by a test in the coordinator's place.

What lives here: versions 8 and 9, the ones with compact fields. Source: Kafka protocol guide, OffsetCommit; KIP-482.
"""

import struct
from dataclasses import dataclass

from tests.support.wire import Request


@dataclass(frozen=True, slots=True)
class Entry:
    """One partition of a commit."""

    topic: bytes
    partition: int
    offset: int
    leader_epoch: int
    metadata: bytes | None


@dataclass(frozen=True, slots=True)
class Commit:
    """What a member wants committed. `epoch`: its generation, or under KIP-848 its member epoch."""

    epoch: int
    entries: tuple[Entry, ...]


def read(request: Request) -> Commit:
    """What a client asks for."""
    assert request.version in {8, 9}, f"OffsetCommit version {request.version} is not known here"
    body = Reader(request.body)
    body.varint()  # the header's tags
    body.text()  # group
    epoch = body.number("i")
    body.text()  # member
    body.text()  # instance
    entries = []
    for _ in range(body.varint() - 1):
        topic = body.text()
        assert topic is not None
        for _ in range(body.varint() - 1):
            partition, offset, leader_epoch = body.number("i"), body.number("q"), body.number("i")
            entries.append(Entry(topic, partition, offset, leader_epoch, body.text()))
            body.varint()
        body.varint()
    return Commit(epoch, tuple(entries))


def refusal(request: Request, error: int) -> bytes:
    """The answer that gives every partition of a request this error."""
    answer = bytearray(b"\0" + struct.pack(">i", 0))  # the header's tags, throttle time
    by_topic: dict[bytes, list[int]] = {}
    for entry in read(request).entries:
        by_topic.setdefault(entry.topic, []).append(entry.partition)
    answer += varint(len(by_topic) + 1)
    for topic, partitions in by_topic.items():
        answer += varint(len(topic) + 1) + topic + varint(len(partitions) + 1)
        for partition in partitions:
            answer += struct.pack(">ih", partition, error) + b"\0"
        answer += b"\0"
    return bytes(answer + b"\0")


class Reader:
    """Reads Kafka's compact types one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, kind: str) -> int:
        """A number of the struct module's kind, big-endian."""
        (value,) = struct.unpack_from(f">{kind}", self._data, self._at)
        self._at += struct.calcsize(kind)
        return int(value)

    def varint(self) -> int:
        """An unsigned one."""
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def text(self) -> bytes | None:
        """A compact string."""
        length = self.varint()
        if length == 0:
            return None
        self._at += length - 1
        return self._data[self._at - length + 1 : self._at]


def varint(value: int) -> bytes:
    """An unsigned number, seven bits a byte, low ones first."""
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])
