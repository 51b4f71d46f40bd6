"""The text beside a committed offset: who wrote it, whether the partition was released, and the map.

The map names settled offsets above the committed one, so that after a crash or a takeover they are not sent again.
It is believed only with its identity: version, cluster id, topic id, the offset it was written for and a checksum.
Whatever differs (a mirrored group, a recreated topic, an operator's reset, another program) makes it refused, and the
records are sent again: repeating is safe, skipping is not.

Form, ASCII, at most `MAX_METADATA` characters (Kafka's offset.metadata.max.bytes is 4096 by default):

    fc2;<cluster id>;<topic id>;<committed offset>;<r|o>;<leader epoch>;<map>;<crc32 of all before, 8 hex digits>

r = released (nothing was in flight when it was written), o = owned. The leader epoch, empty if unknown, is at least that of
every record the map names: a record that carries a newer one was written after the log had been cut, and is another one.
The map is base64url of raw deflate (RFC 1951) of numbers, 7 bits a byte, low ones first: for each run of settled offsets the
gap before it, then, in the same order, for each run its length. docs/decisions/offset-map.md has the figures behind it.
What the map does not name is unsettled, so leaving out its last runs only repeats work.
"""

import base64
import zlib
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from connector.core.ledger import Ledger, Runs
from connector.core.records import Epoch, TopicPartition

VERSION = "fc2"
MAX_METADATA = 4000
"""Characters; below the broker's default limit of 4096 bytes."""
MAX_PACKED = 64 * 1024
"""Bytes of numbers before they are deflated: bounds what reading a stranger's text may cost. Half as many runs at most."""
MAX_OFFSET = 2**63 - 1
"""Kafka's offsets are signed 64-bit numbers."""


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Which log an offset belongs to: ASCII words without semicolon. Empty if the broker does not tell (older brokers)."""

    cluster_id: str = ""
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class CommitEntry:
    """One partition's part of a commit. An entry whose epoch has closed must not reach the client.

    `shed` and `fill` tell about the text as in `Written`; entries that say the same to the coordinator are equal.
    """

    tp: TopicPartition
    epoch: Epoch
    offset: int
    metadata: str
    leader_epoch: int | None = None
    shed: int = field(default=0, compare=False)
    fill: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Written:
    """A metadata text; empty when not even the identity was allowed."""

    text: str
    shed: int
    """Settled offsets that the text has no room for: after a crash their records are sent again."""
    fill: float
    """What the whole map needs, as a share of its budget: above 1.0 something is shed.

    Always of the full budget, whatever `limit` was given: no map fits into a broker's limit of 0, and intake that waited
    for it to fit would wait for ever.
    """


@dataclass(frozen=True, slots=True)
class Believed:
    """The text is ours and was written for exactly this offset of this log.

    `leader_epoch`: a record that carries a newer one is not the one that `settled` names at its offset (KIP-320).
    """

    released: bool
    settled: Runs
    leader_epoch: int | None = None


MapRefusal: TypeAlias = Literal[
    "version", "cluster", "topic", "offset", "checksum", "end", "rewritten", "foreign"
]


@dataclass(frozen=True, slots=True)
class Refused:
    """The text is not to be believed; the offset beside it still counts."""

    reason: MapRefusal


def entry(
    tp: TopicPartition, ledger: Ledger, log: LogIdentity, *, released: bool, limit: int = MAX_METADATA
) -> CommitEntry:
    """What may be committed of a partition now, with at most `limit` characters of text."""
    offset = ledger.frontier
    newest = ledger.map_leader_epoch
    made = fit(log, offset, ledger.settled_above(), released=released, limit=limit, leader_epoch=newest)
    return CommitEntry(tp, ledger.epoch, offset, made.text, ledger.leader_epoch, made.shed, made.fill)


def write(
    log: LogIdentity, offset: int, settled: Runs, *, released: bool, leader_epoch: int | None = None
) -> str:
    """The text of `fit` within the whole budget, for those who do not ask what was left out."""
    return fit(log, offset, settled, released=released, leader_epoch=leader_epoch).text


def fit(
    log: LogIdentity,
    offset: int,
    settled: Runs,
    *,
    released: bool,
    limit: int = MAX_METADATA,
    leader_epoch: int | None = None,
) -> Written:
    """The metadata text of at most `limit` characters (0 to `MAX_METADATA`); runs that do not fit are shed from the top.

    `leader_epoch`: the newest among the records that `settled` names, or of any record known to stand in the same log.
    """
    assert 0 <= limit <= MAX_METADATA, limit
    state = "r" if released else "o"
    known = "" if leader_epoch is None else leader_epoch
    head = f"{VERSION};{log.cluster_id};{log.topic_id};{offset};{state};{known};"

    def form(runs: int) -> tuple[str, int]:
        packed = _pack(offset, settled[:runs])
        body = f"{head}{_armour(packed)};"
        return body + _checksum(body), len(packed)

    def too_long(runs: int) -> bool:
        text, packed = form(runs)
        return len(text) > limit or packed > MAX_PACKED

    text, packed = form(len(settled))
    fill = max(len(text) / MAX_METADATA, packed / MAX_PACKED)
    if len(text) <= limit and packed <= MAX_PACKED:
        return Written(text, 0, fill)
    # Deflate may need less for more, so this need not be the longest that fits; but the one before it was seen to fit.
    kept = bisect_left(range(len(settled)), True, key=too_long) - 1
    text = form(kept)[0] if kept >= 0 else ""
    return Written(text, sum(end - first for first, end in settled[max(kept, 0) :]), fill)


def read(
    text: str | None, log: LogIdentity, offset: int, end: int | None = None
) -> Believed | Refused | None:
    """What a committed text says; None when there is none. Never raises: anybody may have written it.

    `end`: of the log, asked for after the text was read. A map that names offsets beyond it was written before the log was
    cut, and below it cannot be told what was written anew. The end that a leader tells does not fall otherwise (KIP-207).
    """
    if not text:
        return None
    if not text.startswith(VERSION + ";"):
        return Refused("version" if text.startswith("fc") else "foreign")
    parts = text.split(";")
    if len(parts) != 8 or len(text) > MAX_METADATA or not text.isascii():
        return Refused("foreign")
    if _checksum(text[:-8]) != text[-8:]:
        return Refused("checksum")
    _, cluster, topic, written_for, state, known, armoured, _ = parts
    if cluster != log.cluster_id:
        return Refused("cluster")
    if topic != log.topic_id:
        return Refused("topic")
    if written_for != str(offset):
        return Refused("offset")
    runs = _unpack(offset, armoured)
    if (
        runs is None
        or state not in ("r", "o")
        or not (known == "" or (known.isdecimal() and len(known) <= 10))
    ):
        return Refused("foreign")
    if end is not None and runs and runs[-1][1] > end:
        return Refused("end")
    return Believed(released=state == "r", settled=runs, leader_epoch=int(known) if known else None)


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode('ascii', 'replace')):08x}"


def _pack(offset: int, runs: Runs) -> bytes:
    """Gaps before lengths: numbers of one kind are alike, and deflate makes most of what is alike and near."""
    ends = [offset, *(end for _, end in runs)]
    gaps = [first - before for (first, _), before in zip(runs, ends, strict=False)]
    packed = bytearray()
    for number in (*gaps, *(end - first for first, end in runs)):
        while number >= 0x80:
            packed.append(number & 0x7F | 0x80)
            number >>= 7  # noqa: PLW2901
        packed.append(number)
    return bytes(packed)


def _unpack(offset: int, armoured: str) -> Runs | None:
    """The runs, or None if the text is no map. Bounded in time and memory whatever the text."""
    try:
        deflated = base64.b64decode(armoured + "=" * (-len(armoured) % 4), altchars=b"-_", validate=True)
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        packed = inflate.decompress(deflated, MAX_PACKED + 1)
    except (ValueError, zlib.error):
        return None
    numbers = _numbers(packed)
    if not inflate.eof or inflate.unused_data or numbers is None or len(numbers) % 2:
        return None
    half = len(numbers) // 2
    runs: list[tuple[int, int]] = []
    position = offset
    for gap, length in zip(numbers[:half], numbers[half:], strict=True):
        runs.append((position + gap, position + gap + length))
        position += gap + length
    return None if position > MAX_OFFSET or 0 in numbers[half:] else tuple(runs)


def _numbers(packed: bytes) -> list[int] | None:
    """None if the last one is cut off or one takes more than nine bytes, which no offset does."""
    numbers: list[int] = []
    value = shift = 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
        elif shift == 63:
            return None
    return None if shift else numbers


def _armour(packed: bytes) -> str:
    """Deflated and in ASCII. Repeats of one byte only (Z_RLE): as short as a full search on real maps, and 25 times as fast."""
    deflate = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return base64.urlsafe_b64encode(deflate.compress(packed) + deflate.flush()).decode("ascii").rstrip("=")
