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
    arrivals = _read_log(log)
    lettered = {letter.source for letter in letters_seen(letters, verdict)}
    known = lambda ref: schemas.get(ref) or SchemaAbsent("not registered")  # noqa: E731
    wanted: Counter[Fingerprint] = Counter()
    by_key: dict[tuple[str, int, OrderKey], list[_Sent]] = defaultdict(list)
    for record in sorted(produced, key=lambda record: (record.topic, record.partition, record.offset)):
        topic = mappings.topics[record.topic]
        at = (record.topic, record.partition, record.offset)
        match prepare(record, topic, known, (record.timestamp_ms or 0) / 1000):
            case Skip():
                verdict.skipped += 1
            case Plan() as plan:
                requests = tuple(fingerprint(request) for request in plan.requests)
                wanted.update(requests)
                if at not in lettered:
                    by_key[record.topic, record.partition, plan.key].append(_Sent(at, requests))
            case Failure(reason=reason):
                if at not in lettered:
                    verdict.lost += 1
                    verdict.note(f"lost: {_place(at)} should have been dead-lettered ({reason})")
    _repeats(verdict, wanted, arrivals)
    left = Counter(arrivals.acceptances)
    for sent in by_key.values():
        _losses(verdict, sent, left)
        _order(verdict, sent, wanted, arrivals)
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


@dataclass(frozen=True, slots=True)
class _Sent:
    """A record without a dead letter, and the requests that Front must have accepted of it, in order."""

    at: Coordinates
    requests: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """What the log says of each request: sequence numbers of its first arrival and first acceptance; how often accepted."""

    first: dict[Fingerprint, int] = field(default_factory=dict)
    first_accepted: dict[Fingerprint, int] = field(default_factory=dict)
    acceptances: Counter[Fingerprint] = field(default_factory=Counter)


def _read_log(log: Sequence[Mapping[str, Any]]) -> _Arrivals:
    arrivals = _Arrivals()
    for row in log:
        if row["operation"] is None or row["body_sha256"] is None:
            continue
        mark = Fingerprint(row["operation"], tuple(row["path_ids"]), row["body_sha256"])
        arrivals.first.setdefault(mark, row["seq"])
        if row["accepted"]:
            arrivals.first_accepted.setdefault(mark, row["seq"])
            arrivals.acceptances[mark] += 1
    return arrivals


def _repeats(verdict: Verdict, wanted: Counter[Fingerprint], arrivals: _Arrivals) -> None:
    verdict.requests = arrivals.acceptances.total()
    for mark, count in arrivals.acceptances.items():
        if mark in wanted:
            verdict.duplicates += max(0, count - wanted[mark])
        else:
            verdict.unexpected += count
            verdict.note(f"nobody asked for: {_request(mark)}")


def _losses(verdict: Verdict, sent: Sequence[_Sent], left: Counter[Fingerprint]) -> None:
    """`left`: acceptances that no record has used up yet; equal requests of several records need one each."""
    for record in sent:
        lost = 0
        for mark in record.requests:
            if left[mark] > 0:
                left[mark] -= 1
            else:
                lost += 1
                verdict.note(f"lost: {_place(record.at)}: {_request(mark)}")
        verdict.lost += lost
        if not lost:
            verdict.accepted[record.requests[-1].operation] += 1


def _order(
    verdict: Verdict, sent: Sequence[_Sent], wanted: Counter[Fingerprint], arrivals: _Arrivals
) -> None:
    """A request must not arrive before the one before it, in its key's order, was accepted."""
    before: int | None = None
    for record in sent:
        for mark in record.requests:
            if wanted[mark] > 1 or mark not in arrivals.first_accepted:
                continue  # the same request is asked for twice: which is which cannot be told; or it is lost
            if before is not None and arrivals.first[mark] < before:
                verdict.out_of_order += 1
                verdict.note(f"out of order: {_place(record.at)}: {_request(mark)}")
            before = arrivals.first_accepted[mark]


def _place(at: Coordinates) -> str:
    topic, partition, offset = at
    return f"{topic} partition {partition} offset {offset}"


def _request(mark: Fingerprint) -> str:
    return f"{mark.operation} {'/'.join(mark.path_ids)}"
