"""What all stories are told with: chance, ids, companies, and a thread of events that only moves forward.

The generator of random numbers is seeded by the caller. No clock, no other randomness.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from connector.demo.companies import Company, Line
from connector.demo.records import Accepted, Event, Skipped

CALLS = "telephony.calls.v1"
MESSAGES = "messaging.messages.v1"
TEMPLATES = "messaging.templates.v1"
CHANNELS = "messaging.channels.v1"


@dataclass(slots=True)
class Teller:
    """Where stories get their chances, their companies and their ids. Ids are unique per seed, and name it."""

    rng: Random
    seed: int
    companies: tuple[Company, ...]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _outages: Iterator[Line] | None = None

    def new_id(self, kind: str) -> str:
        """An id that no other thing of this seed, or of another seed, has."""
        return f"{kind}-{self.seed}-{next(self._numbers)}"

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.rng.random() < share

    def next_outage(self) -> Line:
        """Lines take turns, so that two outages of one line cannot overlap."""
        if self._outages is None:
            lines = [line for company in self.companies for line in (*company.voice, *company.chat)]
            self.rng.shuffle(lines)
            self._outages = itertools.cycle(lines)
        return next(self._outages)


class Thread:
    """The events of one entity, collected in order; time only moves on."""

    def __init__(self, teller: Teller, line: Line, topic: str, key: str, at_ms: int) -> None:
        self.teller = teller
        self.line = line
        self.at_ms = at_ms
        self.events: list[Event] = []
        self._topic = topic
        self._key = key

    def wait(self, low_s: float, high_s: float) -> None:
        """Let some time pass, at least a millisecond."""
        self.at_ms += 1 + round(self.teller.rng.uniform(low_s, high_s) * 1000)

    def add(self, schema_name: str, expected: Accepted | Skipped, **fields: object) -> None:
        head = {"event_id": self.teller.new_id("evt"), "occurred_at": self.at_ms, "line_id": self.line.id}
        event = Event(
            topic=self._topic, key=self._key, schema_name=schema_name, value=head | fields, at_ms=self.at_ms,
            company=self.line.company, channel=self.line.channel, expected=expected,
        )  # fmt: skip
        self.events.append(event)
