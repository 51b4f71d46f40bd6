"""A dead letter read back -> the record that it was, by the headers that `core/dead_letter.py` wrote. Reads no topic."""

from connector.core.dead_letter import FIRST_HEADER, place_told
from connector.core.records import Epoch, Record


def source_record(letter: Record) -> Record | None:
    """The record as it lay in its topic; None if the letter was not written by a connector.

    The record's own headers may hold those of an earlier letter, as a redriven record's do: the last begin ours.
    """
    first = max((at for at, (name, _) in enumerate(letter.headers) if name == FIRST_HEADER), default=None)
    if first is None:
        return None
    lay = place_told(dict(letter.headers[first:]))
    if lay is None:
        return None
    return Record(
        topic=lay.topic,
        partition=lay.partition,
        offset=lay.offset,
        epoch=Epoch(0),
        value=letter.value,
        key=letter.key,
        headers=letter.headers[:first],
        timestamp_ms=lay.timestamp_ms,
    )
