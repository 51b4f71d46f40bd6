"""The text beside a committed offset: who wrote it, whether the partition was released, and the map.

The map names settled offsets above the committed one, so that after a crash or a takeover they are not sent again.
It is believed only with its identity: version, cluster id, topic id, the offset it was written for and a checksum.
Whatever differs (a mirrored group, a recreated topic, an operator's reset, another program) makes it refused, and the
records are sent again: repeating is safe, skipping is not.

Form, ASCII, at most `MAX_METADATA` characters (Kafka's offset.metadata.max.bytes is 4096 by default):

    fc1;<cluster id>;<topic id>;<committed offset>;<r|o>;<map>;<crc32 of all before, 8 hex digits>

r = released (nothing was in flight when it was written), o = owned. The map is base64url of varint pairs
(unsettled gap, settled run). What it does not name is unsettled, so cutting it anywhere between pairs only repeats work.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from connector.core.ledger import Ledger, Runs
from connector.core.records import Epoch, TopicPartition

VERSION = "fc1"
MAX_METADATA = 4000
"""Characters; below the broker's default limit of 4096 bytes."""


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Which log an offset belongs to. Empty ids mean that the broker does not tell (older brokers)."""

    cluster_id: str = ""
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class CommitEntry:
    """One partition's part of a commit. An entry whose epoch has closed must not reach the client."""

    tp: TopicPartition
    epoch: Epoch
    offset: int
    metadata: str
    leader_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Believed:
    """The text is ours and was written for exactly this offset of this log."""

    released: bool
    settled: Runs


MapRefusal: TypeAlias = Literal["version", "cluster", "topic", "offset", "checksum", "foreign"]


@dataclass(frozen=True, slots=True)
class Refused:
    """The text is not to be believed; the offset beside it still counts."""

    reason: MapRefusal


def entry(tp: TopicPartition, ledger: Ledger, log: LogIdentity, *, released: bool) -> CommitEntry:
    """What may be committed of a partition now."""
    offset = ledger.frontier
    text = write(log, offset, ledger.settled_above(), released=released)
    return CommitEntry(tp, ledger.epoch, offset, text, ledger.leader_epoch)


def write(log: LogIdentity, offset: int, settled: Runs, *, released: bool, limit: int = MAX_METADATA) -> str:
    """The metadata text; runs that do not fit into `limit` characters are left out from the top."""
    head = f"{VERSION};{log.cluster_id};{log.topic_id};{offset};{'r' if released else 'o'};"
    room = limit - len(head) - 9
    packed = _pack(offset, settled, max_bytes=max(0, room) * 3 // 4)
    body = head + base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=") + ";"
    return body + _checksum(body)


def read(text: str | None, log: LogIdentity, offset: int) -> Believed | Refused | None:
    """What a committed text says; None when there is none. Never raises: anybody may have written it."""
    if not text:
        return None
    if not text.startswith(VERSION + ";"):
        return Refused("version" if text.startswith("fc") else "foreign")
    parts = text.split(";")
    if len(parts) != 7 or not text.isascii():
        return Refused("foreign")
    _, cluster, topic, written_for, state, packed, checksum = parts
    if _checksum(text[: -len(checksum)] if checksum else text) != checksum:
        return Refused("checksum")
    if cluster != log.cluster_id:
        return Refused("cluster")
    if topic != log.topic_id:
        return Refused("topic")
    if written_for != str(offset):
        return Refused("offset")
    runs = _unpack(offset, packed)
    if runs is None or state not in ("r", "o"):
        return Refused("foreign")
    return Believed(released=state == "r", settled=runs)


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def _pack(offset: int, runs: Runs, max_bytes: int) -> bytes:
    packed = bytearray()
    position = offset
    for first, end in runs:
        pair = _varint(first - position) + _varint(end - first)
        if len(packed) + len(pair) > max_bytes:
            break
        packed += pair
        position = end
    return bytes(packed)


def _unpack(offset: int, packed: str) -> Runs | None:
    try:
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    numbers: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    if shift or len(numbers) % 2:
        return None
    runs: list[tuple[int, int]] = []
    position = offset
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        if length == 0:
            return None
        runs.append((position + gap, position + gap + length))
        position += gap + length
    return tuple(runs)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
