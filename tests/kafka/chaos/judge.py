"""Was anything harmed? Judged from outside: what was produced, Front's raw log, the dead letters, the coordinator's records.

What lives here: one pass over a scenario that is over. The demo's verdict says what was lost, and what came out of order on
its way to Front for the first time; here is added what only several owners can do wrong (a former owner that goes on
sending), what commits may not say, and the cause of every repeat. The connectors and their logs are not asked.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from connector.config import Loaded, load
from connector.core.mapping import MappingSet, Plan
from connector.core.offset_map import MAX_METADATA
from connector.core.prepare import prepare
from connector.core.records import OrderKey, Record, TopicPartition
from connector.demo.evidence import letters
from connector.demo.verdict import Fingerprint, Verdict, fingerprint, judge
from tests.kafka.chaos.history import History, Tenure, read_history
from tests.kafka.chaos.stage import DEADLINE_S, Play

CLOCK_S = 0.05
"""Front's and the coordinator's clock are this machine's; times are cut to milliseconds, and a request takes its time."""

ANSWER_LOST = "answer lost"
MOVED = "moved before a commit"
RECORDED = "recorded already"
UNEXPLAINED = "unexplained"

At: TypeAlias = tuple[TopicPartition, int]


@dataclass(slots=True)
class Judgement:
    """Counts; `faults_found` are examples for a person to look at. Everything up to `unexplained` must be 0."""

    verdict: Verdict
    planned_letters: int
    stale: int = 0
    """Requests of a connector for a partition that the coordinator had given to another."""
    backwards: int = 0
    """Requests of one tenure for a record before one that the same tenure had sent, in the same key."""
    premature: int = 0
    """Offsets that a commit called settled before they were."""
    fallen: int = 0
    """Commits of a partition below the one before."""
    odd_metadata: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    """Repeated acceptances by cause."""
    bound: Counter[str] = field(default_factory=Counter)
    """How often each of these causes can have repeated something at most."""
    moves: Counter[str] = field(default_factory=Counter)
    """Partitions that went from a connector to another since the fault struck, by whose they had been."""
    examples: list[str] = field(default_factory=list)

    @property
    def out_of_order(self) -> int:
        """Over all owners."""
        return self.verdict.out_of_order + self.stale + self.backwards

    @property
    def unplanned_letters(self) -> int:
        """Dead letters of records that were good."""
        return self.verdict.dead_lettered.total() - self.planned_letters

    @property
    def unexplained(self) -> int:
        """Repeats that nothing excuses: a commit had recorded the record, or nothing had happened at all."""
        return self.causes[RECORDED] + self.causes[UNEXPLAINED]

    @property
    def among_equals(self) -> int:
        """Repeats of requests that several records ask for alike (a channel's status): their causes cannot be told."""
        return self.verdict.duplicates - self.causes.total()

    @property
    def harmless(self) -> bool:
        """Nothing lost, out of order, repeated without need, dead-lettered without reason or committed too early."""
        harm = (
            self.out_of_order,
            self.premature,
            self.fallen,
            self.odd_metadata,
            self.unplanned_letters,
            self.unexplained,
        )
        return (
            self.verdict.ok
            and not any(harm)
            and self.causes <= self.bound
            and self.among_equals <= 10 + self.bound.total()
        )

    def note(self, text: str) -> None:
        """Keep an example, at most twenty."""
        if len(self.examples) < 20:
            self.examples.append(text)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A record that asks for requests."""

    at: At
    key: OrderKey
    marks: tuple[Fingerprint, ...]


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A request as Front saw it, with the record that asked for it, and whose tenure it fell into."""

    sent: _Sent
    door: str
    at: float
    answered_at: float
    accepted: bool
    heard: bool
    """The client has heard of the acceptance: a success, answered so early that the client cannot have given up."""
    mark: Fingerprint
    tenure: Tenure | None


def judge_play(play: Play, fault_at: float) -> tuple[Judgement, History]:
    """Everything about a scenario that is over. `fault_at`: when it struck, Unix seconds."""
    loaded = load(play.config)
    assert isinstance(loaded, Loaded)
    rows = play.front.requests()
    bootstrap = play.stage.cluster.bootstrap
    found = judge(
        play.load.produced, loaded.mappings, play.load.schemas, rows, letters(bootstrap, play.letters_topic)
    )
    history = read_history(bootstrap, play.group, play.topic_ids())
    judgement = Judgement(
        found, play.load.planned_letters, moves=history.moves(fault_at), examples=found.examples
    )
    sent = _asked_for(play.load.produced, loaded.mappings, play)
    arrivals = _arrivals(rows, sent, history)
    _owners(judgement, arrivals, history)
    _repeats(judgement, arrivals, history)
    _allow(judgement, arrivals, history)
    _commits(judgement, sent.values(), arrivals, history)
    return judgement, history


def _asked_for(produced: Iterable[Record], mappings: MappingSet, play: Play) -> Mapping[Fingerprint, _Sent]:
    """Who asked for which request. A request that two records ask for is left out: which is which cannot be told."""
    found: dict[Fingerprint, _Sent] = {}
    twice: set[Fingerprint] = set()
    for record in produced:
        topic = mappings.topics[record.topic]
        made = prepare(record, topic, play.load.schemas.get, (record.timestamp_ms or 0) / 1000)
        if isinstance(made, Plan):
            marks = tuple(fingerprint(request) for request in made.requests)
            sent = _Sent((record.tp, record.offset), made.key, marks)
            twice.update(mark for mark in marks if mark in found)
            found.update(dict.fromkeys(marks, sent))
    return {mark: sent for mark, sent in found.items() if mark not in twice}


def _arrivals(
    rows: Sequence[Mapping[str, Any]], sent: Mapping[Fingerprint, _Sent], history: History
) -> list[_Arrival]:
    found = []
    for row in rows:
        if row["operation"] is None or row["body_sha256"] is None:
            continue
        mark = Fingerprint(row["operation"], tuple(row["path_ids"]), row["body_sha256"])
        if mark not in sent:
            continue
        tp, _ = sent[mark].at
        status = row["status"]
        took = (row["answered_at"] or row["at"]) - row["at"]
        heard = isinstance(status, int) and status < 300 and took < DEADLINE_S / 2
        tenure = _tenure(history.tenures.get(tp, ()), row["door"], row["wall"])
        found.append(
            _Arrival(
                sent[mark],
                row["door"],
                row["wall"],
                row["wall"] + took,
                bool(row["accepted"]),
                heard,
                mark,
                tenure,
            )
        )
    return found


def _tenure(tenures: Sequence[Tenure], door: str, at: float) -> Tenure | None:
    """The newest tenure of this connector that had begun."""
    own = [tenure for tenure in tenures if tenure.owner == door and tenure.since <= at + CLOCK_S]
    return own[-1] if own else None


def _owners(judgement: Judgement, arrivals: Sequence[_Arrival], history: History) -> None:
    newest: dict[tuple[Tenure | None, OrderKey], int] = {}
    for arrival in arrivals:
        tp, offset = arrival.sent.at
        mine = arrival.tenure is not None and arrival.tenure.holds(arrival.at - CLOCK_S)
        others = [
            tenure
            for tenure in history.tenures.get(tp, ())
            if tenure.owner != arrival.door
            and tenure.holds(arrival.at - CLOCK_S)
            and tenure.holds(arrival.at)
        ]
        if others and not mine:
            judgement.stale += 1
            late = arrival.at - others[0].since
            judgement.note(
                f"stale: {arrival.door} sent {tp} {offset}, {late:.2f} s after it was {others[0].owner}'s"
            )
        key = (arrival.tenure, arrival.sent.key)
        if offset < newest.get(key, 0):
            judgement.backwards += 1
            judgement.note(f"backwards: {arrival.door} sent {tp} {offset} after {newest[key]}")
        newest[key] = max(newest.get(key, 0), offset)


def _repeats(judgement: Judgement, arrivals: Sequence[_Arrival], history: History) -> None:
    """Each acceptance beyond a request's first has a cause."""
    before: dict[Fingerprint, _Arrival] = {}
    for arrival in arrivals:
        if not arrival.accepted:
            continue
        first = before.get(arrival.mark)
        before[arrival.mark] = arrival
        if first is None:
            continue
        cause = _cause(first, arrival, history)
        judgement.causes[cause] += 1
        if cause in (RECORDED, UNEXPLAINED):
            judgement.note(f"{cause}: {arrival.door} sent {arrival.sent.at} again, first by {first.door}")


def _cause(first: _Arrival, again: _Arrival, history: History) -> str:
    tp, offset = again.sent.at
    told = history.last_commit(tp, again.at - CLOCK_S)
    if told is not None and told.covers(offset):
        return RECORDED
    if not first.heard:
        return ANSWER_LOST
    return MOVED if first.tenure != again.tenure else UNEXPLAINED


def _allow(judgement: Judgement, arrivals: Sequence[_Arrival], history: History) -> None:
    """Answers that were lost; and acceptances of each tenure that no commit had named when the next one began."""
    accepted: defaultdict[tuple[TopicPartition, Tenure | None], dict[Fingerprint, _Arrival]] = defaultdict(
        dict
    )
    for arrival in arrivals:
        if arrival.accepted:
            judgement.bound[ANSWER_LOST] += not arrival.heard
            accepted[arrival.sent.at[0], arrival.tenure][arrival.mark] = arrival
    for tp, tenures in history.tenures.items():
        for one, after in pairwise(tenures):
            told = history.last_commit(tp, after.since + CLOCK_S)
            judgement.bound[MOVED] += sum(
                arrival.heard and not (told is not None and told.covers(arrival.sent.at[1]))
                for arrival in accepted[tp, one].values()
            )


def _commits(
    judgement: Judgement, sent: Iterable[_Sent], arrivals: Sequence[_Arrival], history: History
) -> None:
    """What a commit calls settled has been accepted; frontiers never fall; metadata stays within its limits."""
    accepted: dict[Fingerprint, float] = {}
    for arrival in arrivals:
        if arrival.accepted:
            accepted.setdefault(arrival.mark, arrival.answered_at)
    first_told = _first_told(history)
    for one in set(sent):
        marks = [accepted.get(mark) for mark in one.marks]
        done = max((at for at in marks if at is not None), default=None) if None not in marks else None
        told = first_told.get(one.at)
        if told is not None and (done is None or done > told + CLOCK_S):
            judgement.premature += 1
            judgement.note(f"premature: {one.at} was committed at {told:.3f}, accepted at {done}")
    for tp, commits in history.commits.items():
        for commit, after in pairwise(commits):
            if after.offset < commit.offset:
                judgement.fallen += 1
                judgement.note(f"fallen: {tp} from {commit.offset} to {after.offset}")
        judgement.odd_metadata += sum(
            not commit.metadata.isascii() or len(commit.metadata) > MAX_METADATA for commit in commits
        )


def _first_told(history: History) -> dict[At, float]:
    """When a commit first called an offset settled."""
    found: dict[At, float] = {}
    for tp, commits in history.commits.items():
        frontier = commits[0].offset
        for commit in commits:
            for first, end in ((frontier, commit.offset), *commit.settled):
                for offset in range(first, end):
                    found.setdefault((tp, offset), commit.at)
            frontier = max(frontier, commit.offset)
    return found


def recovered_after_s(history: History, ends: Mapping[TopicPartition, int], since: float) -> float:
    """Seconds from the end of the fault until all that had been written by then was committed."""
    latest = since
    for tp, end in ends.items():
        commits = history.commits.get(tp, [])
        at = bisect_right([commit.offset for commit in commits], end - 1)
        if at < len(commits):
            latest = max(latest, commits[at].at)
    return latest - since
