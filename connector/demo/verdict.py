"""Was anything lost, out of order, or sent twice? Judged from outside: what was produced, what Front's raw log and the
dead-letter topic hold. The connector is not asked.

What a record should become is computed by its mapping from the bytes that were produced; a request is recognised in the
log by operation, ids in the path, and the hash of its body.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

from connector.core.dead_letter import Failure
from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaRef
from connector.core.mapping import MappingSet, Plan, Skip
from connector.core.operations import OPERATIONS, Request
from connector.core.prepare import prepare
from connector.core.records import OrderKey, Record

Coordinates: TypeAlias = tuple[str, int, int]
"""Topic, partition, offset."""


class Fingerprint(NamedTuple):
    """What identifies a request in Front's log."""

    operation: str
    path_ids: tuple[str, ...]
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as its headers tell."""

    source: Coordinates
    reason: str


@dataclass(slots=True)
class Verdict:
    """Counts, and a few examples for a person to look at."""

    produced: int = 0
    skipped: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    """Records by operation of their last request; each counted once."""
    dead_lettered: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    duplicates: int = 0
    """Requests that Front accepted beyond the first of each."""
    duplicate_letters: int = 0
    lost: int = 0
    out_of_order: int = 0
    unexpected: int = 0
    """Requests that Front accepted although no produced record asks for them."""
    examples: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing lost, nothing out of order, nothing that nobody asked for."""
        return self.lost == self.out_of_order == self.unexpected == 0

    def line(self) -> str:
        """The last line of the demo."""
        return f"verdict: lost={self.lost} out_of_order={self.out_of_order} duplicates={self.duplicates}"

    def note(self, text: str) -> None:
        """Keep an example, at most twenty."""
        if len(self.examples) < 20:
            self.examples.append(text)


def fingerprint(request: Request) -> Fingerprint:
    """How a request appears in the log."""
    template = OPERATIONS[request.operation].path.split("/")
    given = request.http.path.split("/")
    ids = tuple(unquote(part) for name, part in zip(template, given, strict=True) if name.startswith("{"))
    return Fingerprint(request.operation, ids, hashlib.sha256(request.http.content).hexdigest())


def judge(
    produced: Sequence[Record],
    mappings: MappingSet,
    schemas: Mapping[SchemaRef, ParsedSchema],
    log: Sequence[Mapping[str, Any]],
    letters: Iterable[Letter],
) -> Verdict:
    """The verdict. `log`: rows of the simulator's raw log in order of arrival."""
    verdict = Verdict(produced=len(produced))
    first_arrival, first_acceptance, acceptances = _read_log(log)
    written = Counter(letter.source for letter in letters_seen(letters, verdict))
    known = lambda ref: schemas.get(ref) or SchemaAbsent("not registered")  # noqa: E731
    wanted: Counter[Fingerprint] = Counter()
    by_key: dict[tuple[str, int, OrderKey], list[tuple[Record, Plan]]] = defaultdict(list)
    for record in sorted(produced, key=lambda record: (record.topic, record.partition, record.offset)):
        topic = mappings.topics[record.topic]
        prepared = prepare(record, topic, known, (record.timestamp_ms or 0) / 1000)
        at = (record.topic, record.partition, record.offset)
        match prepared:
            case Skip():
                verdict.skipped += 1
            case Plan():
                wanted.update(fingerprint(request) for request in prepared.requests)
                by_key[record.topic, record.partition, prepared.key].append((record, prepared))
                if not written[at]:
                    verdict.accepted[prepared.requests[-1].operation] += 1
            case Failure(reason=reason):
                if not written[at]:
                    verdict.lost += 1
                    verdict.note(f"lost: {at} should have been dead-lettered ({reason})")
    _count(verdict, wanted, acceptances, by_key, written)
    for records in by_key.values():
        _order(verdict, records, written, (first_arrival, first_acceptance), wanted)
    return verdict


def letters_seen(letters: Iterable[Letter], verdict: Verdict) -> list[Letter]:
    """Each source record's first letter; the rest are counted as repeats (dead letters are at least once)."""
    seen: dict[Coordinates, Letter] = {}
    for letter in letters:
        if letter.source in seen:
            verdict.duplicate_letters += 1
        else:
            seen[letter.source] = letter
            verdict.dead_lettered[letter.reason] += 1
    return list(seen.values())


def _read_log(
    log: Sequence[Mapping[str, Any]],
) -> tuple[dict[Fingerprint, int], dict[Fingerprint, int], Counter[Fingerprint]]:
    arrival: dict[Fingerprint, int] = {}
    acceptance: dict[Fingerprint, int] = {}
    counts: Counter[Fingerprint] = Counter()
    for row in log:
        if row["operation"] is None or row["body_sha256"] is None:
            continue
        mark = Fingerprint(row["operation"], tuple(row["path_ids"]), row["body_sha256"])
        arrival.setdefault(mark, row["seq"])
        if row["accepted"]:
            acceptance.setdefault(mark, row["seq"])
            counts[mark] += 1
    return arrival, acceptance, counts


def _count(
    verdict: Verdict,
    wanted: Counter[Fingerprint],
    acceptances: Counter[Fingerprint],
    by_key: Mapping[Any, Sequence[tuple[Record, Plan]]],
    written: Counter[Coordinates],
) -> None:
    verdict.requests = sum(acceptances.values())
    excused: Counter[Fingerprint] = Counter()
    for records in by_key.values():
        for record, plan in records:
            if written[record.topic, record.partition, record.offset]:
                excused.update(fingerprint(request) for request in plan.requests)
    for mark, count in wanted.items():
        missing = count - excused[mark] - acceptances[mark]
        if missing > 0:
            verdict.lost += missing
            verdict.note(f"lost: {mark.operation} {'/'.join(mark.path_ids)}")
        verdict.duplicates += max(0, acceptances[mark] - count)
    for mark, count in acceptances.items():
        if mark not in wanted:
            verdict.unexpected += count
            verdict.note(f"nobody asked for: {mark.operation} {'/'.join(mark.path_ids)}")


def _order(
    verdict: Verdict,
    records: Sequence[tuple[Record, Plan]],
    written: Counter[Coordinates],
    seen: tuple[Mapping[Fingerprint, int], Mapping[Fingerprint, int]],
    wanted: Counter[Fingerprint],
) -> None:
    """A request must not arrive before the one before it, in its key's order, was accepted."""
    first_arrival, first_acceptance = seen
    before: int | None = None
    for record, plan in records:
        if written[record.topic, record.partition, record.offset]:
            continue
        for request in plan.requests:
            mark = fingerprint(request)
            if wanted[mark] > 1 or mark not in first_acceptance:
                continue  # the same request is asked for twice: which is which cannot be told; or it is lost
            if before is not None and first_arrival[mark] < before:
                verdict.out_of_order += 1
                verdict.note(f"out of order: {mark.operation} {'/'.join(mark.path_ids)}")
            before = first_acceptance[mark]
