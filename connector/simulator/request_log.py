"""The raw log: every request that arrived, in order of arrival, whatever was answered.

It is the witness in tests of order and loss, so it is written at arrival and completed at the answer. It holds
ids and hashes, never a body, a handle, a token or a secret.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, TypeAlias

Ending: TypeAlias = Literal["dropped", "hung", "gone"]
"""An end without an answer: closed by a fault, left hanging by one, or given up by the client half-way."""

Outcome: TypeAlias = int | Ending
"""The status answered, or the end without one."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request. `at` and `answered_at` are monotonic seconds, `wall` Unix seconds at arrival."""

    seq: int
    at: float
    wall: float
    method: str
    operation: str | None
    path_ids: tuple[str, ...] = ()
    """As in the path, decoded: the channel first, as it was written (a `cha_` id or an alias)."""
    channel: str | None = None
    """The real id, where the channel is known."""
    company: str | None = None
    external_id: str | None = None
    """Of a message or a template."""
    conversation_id: str | None = None
    call_id: str | None = None
    jti: str | None = None
    body_sha256: bytes | None = None
    body_bytes: int = 0
    outcome: Outcome | None = None
    """None while the request is under way."""
    accepted: bool = False
    """Carried out, or taken in and dropped, with a success; true also if a fault then hid that from the client."""
    stored: bool = False
    """Something new is in the store: false for a repeat that was accepted and dropped."""
    remark: str | None = None
    """Why it was refused or dropped, in a few words."""
    details: tuple[str, ...] = ()
    """The first places of a body that did not do, as in the answer; no values."""
    dropped_keys: tuple[str, ...] = ()
    """The first places of keys that Front does not know and left out without a word."""
    fault: str | None = None
    """The effect of the fault rule that struck it."""
    answered_at: float | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The external ids found, for the fault rules."""
        return tuple(one for one in (self.external_id, self.conversation_id, self.call_id) if one is not None)

    def shown(self) -> dict[str, Any]:
        """As JSON; `status` is the outcome."""
        return {
            "seq": self.seq,
            "at": self.at,
            "wall": self.wall,
            "answered_at": self.answered_at,
            "method": self.method,
            "operation": self.operation,
            "path_ids": list(self.path_ids),
            "channel": self.channel,
            "company": self.company,
            "external_id": self.external_id,
            "conversation_id": self.conversation_id,
            "call_id": self.call_id,
            "jti": self.jti,
            "body_sha256": self.body_sha256.hex() if self.body_sha256 is not None else None,
            "body_bytes": self.body_bytes,
            "status": self.outcome,
            "accepted": self.accepted,
            "stored": self.stored,
            "remark": self.remark,
            "details": list(self.details),
            "dropped_keys": list(self.dropped_keys),
            "fault": self.fault,
        }


@dataclass(slots=True)
class RequestLog:
    """The newest `kept_max` entries, and counts over all of them ever.

    A hung request counts as in flight until the fault strikes, not until its client gives up.
    """

    kept_max: int = 500_000
    entries: deque[Entry] = field(default_factory=deque)
    arrived: int = 0
    in_flight: int = 0
    in_flight_peak: int = 0
    counts: Counter[tuple[str | None, Outcome]] = field(default_factory=Counter)

    def open(self, entry: Entry) -> None:
        """Write a request that has just arrived; its `seq` must be `arrived + 1`."""
        self.in_flight += 1
        self.in_flight_peak = max(self.in_flight_peak, self.in_flight)
        self.add_past(entry)

    def add_past(self, entry: Entry) -> None:
        """Put in a request that is not, or not any more, under way: of an earlier run."""
        assert entry.seq == self.arrived + 1
        self.arrived += 1
        self.entries.append(entry)
        if len(self.entries) > self.kept_max:
            self.entries.popleft()

    def close(self, entry: Entry, outcome: Outcome, now: float) -> None:
        """Complete it."""
        entry.outcome = outcome
        entry.answered_at = now
        self.in_flight -= 1
        self.counts[entry.operation, outcome] += 1

    def after(self, seq: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries that arrived after number `seq`, in order of arrival."""
        first = self.arrived - len(self.entries)
        start = max(0, seq - first)
        return tuple(islice(self.entries, start, start + limit))

    def newest(self, limit: int) -> Sequence[Entry]:
        """The last `limit` entries, in order of arrival."""
        return self.after(max(0, self.arrived - limit), limit)
