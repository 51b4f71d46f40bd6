"""The demo's traffic: thousands of events of many companies, as telephony and messaging platforms publish them.

The same seed gives the same records. Every record says what must become of it, so that a verdict can be
computed without asking the connector. Nothing here reads a clock, a file or a network.

  companies.py   who calls and writes, and on which lines
  stories.py     what happens to one entity, in order (with call_story.py, conversation_story.py and teller.py)
  faults.py      records that are wrong, each in its own way
  records.py     the values that come out
"""

import heapq
import io
import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

from fastavro import schemaless_writer

from connector.demo.companies import APP, companies_of
from connector.demo.faults import REASONS, bad_record
from connector.demo.records import (
    Accepted,
    BadKind,
    BadRecord,
    DeadLettered,
    DemoRecord,
    Event,
    Expected,
    Skipped,
)
from connector.demo.stories import STORIES
from connector.demo.teller import CALLS, CHANNELS, MESSAGES, TEMPLATES, Teller

__all__ = [
    "COMPANIES_DEFAULT",
    "START_MS",
    "TOPICS",
    "Accepted",
    "BadKind",
    "BadRecord",
    "DeadLettered",
    "DemoRecord",
    "Event",
    "Expected",
    "Skipped",
    "channels_table",
    "generate",
    "payload",
]

TOPICS = (CALLS, MESSAGES, TEMPLATES, CHANNELS)
COMPANIES_DEFAULT = 24
START_MS = 1_793_692_800_000
"""When the traffic begins unless the caller says otherwise: 3 November 2026, 08:00 UTC, in milliseconds."""

_STORY_EVERY_MS = 900
"""Mean time between the beginnings of two stories; they last minutes, so a few dozen run side by side."""
_FAULTS_FROM = 100
"""Fewer records than this are all good: among them, every fault would be a flood."""
_ABSENT_SCHEMA_ID = 2_147_483_647
_PREFIX_BYTES = 5


def generate(
    *,
    seed: int,
    records: int,
    companies: int = COMPANIES_DEFAULT,
    calm: bool = False,
    start_ms: int = START_MS,
) -> Iterator[DemoRecord]:
    """Exactly `records` records in the order of their time; those of one key are in the order they happened.

    Unless `calm`, each kind of bad record appears once for every two thousand records, and at least once from a
    hundred records on. `companies` is at least 1. Stories that are not over when the number is reached are cut.
    Lazy: memory holds only the stories that are going on.
    """
    assert companies >= 1
    assert records >= 0
    # Not a secret: the seed is printed, and the same seed must give the same traffic.
    teller = Teller(Random(seed), seed, companies_of(companies))  # noqa: S311
    faults = [] if calm or records < _FAULTS_FROM else _fault_plan(teller.rng, records)
    return _with_faults(_traffic(teller, start_ms), teller, faults, records)


def channels_table(companies: int = COMPANIES_DEFAULT) -> tuple[dict[str, str], ...]:
    """The rows of the channels table for `generate(companies=...)`, whatever its seed: columns by name."""
    return tuple(
        {"key": line.id, "channel": line.channel, "company": line.company, "app": APP}
        for company in companies_of(companies)
        for line in (*company.voice, *company.chat)
    )


def payload(record: DemoRecord, schema: Any, schema_id: int) -> bytes:
    """The record's value in Kafka: magic byte 0, the schema's id, the Avro body; or what a fault makes of it.

    `schema` comes from `fastavro.parse_schema` (of `BadRecord.definition` where there is one), `schema_id` from
    the registry.
    Source: Confluent wire format.
    """
    kind = record.kind if isinstance(record, BadRecord) else None
    if kind == "not_framed":
        return b'{"this": "is JSON, not Avro"}'
    stream = io.BytesIO()
    stream.write(b"\x00" + (_ABSENT_SCHEMA_ID if kind == "missing_schema" else schema_id).to_bytes(4, "big"))
    schemaless_writer(stream, schema, dict(record.value))
    whole = stream.getvalue()
    return whole[: (_PREFIX_BYTES + len(whole)) // 2] if kind == "truncated" else whole


def _traffic(teller: Teller, start_ms: int) -> Iterator[Event]:
    """Stories without end, woven by time. Their beginnings are a Poisson process."""
    kinds = [story for story, _ in STORIES]
    shares = [share for _, share in STORIES]
    waiting: list[tuple[int, int, Event]] = []
    order = itertools.count()
    next_start_ms = float(start_ms)
    while True:
        while not waiting or waiting[0][0] >= next_start_ms:
            [story] = teller.rng.choices(kinds, shares)
            for event in story(teller, round(next_start_ms)):
                heapq.heappush(waiting, (event.at_ms, next(order), event))
            next_start_ms += 1 + teller.rng.expovariate(1 / _STORY_EVERY_MS)
        yield heapq.heappop(waiting)[2]


def _fault_plan(rng: Random, records: int) -> list[BadKind]:
    kinds = list(REASONS) * max(1, round(records / 2000))
    rng.shuffle(kinds)
    return kinds


def _with_faults(
    events: Iterator[Event], teller: Teller, faults: list[BadKind], records: int
) -> Iterator[DemoRecord]:
    """Bad records stand evenly among the good ones, so that they never look like a flood."""
    spacing = records / (len(faults) + 1)
    due = {round(spacing * number): kind for number, kind in enumerate(faults, 1)}
    at_ms = 0
    for index in range(records):
        kind = due.get(index)
        if kind is None:
            event = next(events)
            at_ms = event.at_ms
            yield event
        else:
            yield bad_record(kind, teller, at_ms)
