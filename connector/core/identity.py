"""Ids for Front: how long they may be, and one for a record that has none.

That one is made of where the record lies, so that a repeat carries the same:

    messaging.messages.v1-3-1042-1793700025000        topic, partition, offset, timestamp
    messaging.messages.v1-3-1042-1793700025000~2      of the second request that the record becomes

A dead letter that is produced again keeps the id of the record that it was: its headers tell where that lay.
A URL takes it as it is, people can read it, and it is shorter than Front allows. Why the timestamp is in it, and Kafka's id of
the topic is not: docs/decisions/derived-ids.md.
"""

import hashlib
from functools import lru_cache
from typing import Final

from connector.core.dead_letter import FIRST_HEADER, LAST_HEADER, place_told
from connector.core.records import Record

ID_UNITS_MAX: Final = 200
"""Longest message or conversation id: Front's contract says characters, and JavaScript counts UTF-16 units."""

_NAME_MAX: Final = 100
_NAME_KEPT: Final = 60
_DIGITS: Final = 32


def record_id(record: Record) -> str:
    """Of one record, and of no other: up to 155 of the characters that RFC 3986 §2.3 calls unreserved.

    Read from its end it has one meaning, whatever the topic's name holds: three numbers, and what is before them.
    """
    told = _told(record) if record.headers else None
    if told is not None:
        return told
    return _made(record.topic, record.partition, record.offset, record.timestamp_ms)


def request_id(record: Record, index: int) -> str:
    """Of the record's request number `index`, from 0: the first has the record's own."""
    own = record_id(record)
    return own if index == 0 else f"{own}~{index + 1}"


def short_id(text: str) -> str:
    """The id as it is while Front takes it, else a stable name of 71 characters for it: `sha256-` and its hash."""
    if utf16_units(text) <= ID_UNITS_MAX:
        return text
    return f"sha256-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


def utf16_units(text: str) -> int:
    """Length as JavaScript counts it: characters above U+FFFF count twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _made(topic: str, partition: int, offset: int, timestamp_ms: int | None) -> str:
    timestamp = "none" if timestamp_ms is None else timestamp_ms
    return f"{_named(topic)}-{partition}-{offset}-{timestamp}"


def _told(record: Record) -> str | None:
    """What a dead letter's headers say of its record; None: it is no letter of ours. Of several failures, the first.

    Ours lie together and end with the count of redrives: a letter of Kafka Connect before them has the same names.
    """
    begin = 0
    for at, (name, _) in enumerate(record.headers):
        if name == FIRST_HEADER:
            begin = at
        elif name == LAST_HEADER:
            lay = place_told(dict(record.headers[begin:at]))
            return None if lay is None else _made(*lay)
    return None


@lru_cache(maxsize=1024)
def _named(topic: str) -> str:
    """The topic's name, or, of a long one, its beginning and its hash. Kafka allows 249 characters, and no `~` in them."""
    if len(topic) <= _NAME_MAX:
        return topic
    return f"{topic[:_NAME_KEPT]}~{hashlib.sha256(topic.encode()).hexdigest()[:_DIGITS]}"
