"""A dead letter read back -> the record that it was, by the headers that `core/dead_letter.py` wrote. Reads no topic."""

from connector.core.dead_letter import CONNECT, FRONT
from connector.core.records import Epoch, Record

_FIRST_OF_OURS = f"{CONNECT}topic"
"""The header with which ours begin, behind the record's own."""


def source_record(letter: Record) -> Record | None:
    """The record as it lay in its topic; None if the letter was not written by a connector.

    The record's own headers may hold those of an earlier letter, as a redriven record's do: the last begin ours.
    """
    first = max((at for at, (name, _) in enumerate(letter.headers) if name == _FIRST_OF_OURS), default=None)
    if first is None:
        return None
    told = dict(letter.headers[first:])
    topic, partition, offset = (told.get(f"{CONNECT}{name}") for name in ("topic", "partition", "offset"))
    if not topic or not _is_number(partition) or not _is_number(offset):
        return None
    timestamp = told.get(f"{FRONT}source.timestamp")
    return Record(
        topic=topic.decode("utf-8", "replace"),
        partition=int(partition or 0),
        offset=int(offset or 0),
        epoch=Epoch(0),
        value=letter.value,
        key=letter.key,
        headers=letter.headers[:first],
        timestamp_ms=int(timestamp or 0) if _is_number(timestamp) else None,
    )


def _is_number(text: bytes | None) -> bool:
    return text is not None and text.isdigit() and len(text) < 20
