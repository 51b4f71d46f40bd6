"""What a shadow run found: counts, and a few records of every kind of difference. How it is shown is none of its business.

Memory is bounded by the mapping files, not by the records: one count a pair of rules, and a fixed number of samples of each.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from connector.core.records import Record
from connector.workbench.shadow.compare import Comparison, Diff, Kind, Outcome, Side

FIELDS_MAX = 500
"""Fields that are counted each; what comes after them is counted together. A free map's names come from records."""
DIFFS_MAX = 40
"""Fields of one sample."""
OTHER_FIELDS = "(other fields)"

_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Sample:
    """One record, and what differs of it. `more`: fields beyond `DIFFS_MAX`."""

    topic: str
    partition: int
    offset: int
    old: Side
    new: Side
    diffs: tuple[Diff, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Records of a topic that differ in one way: the same kind, and the same end by the same rule on each side.

    The messages of the sides are those of the first record: each sample has its own.
    """

    topic: str
    kind: Kind
    old: Side
    new: Side
    records: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class FieldCount:
    """In how many records a field of an operation differs. `path`: with [] for every index."""

    topic: str
    operation: str
    path: str
    records: int


@dataclass(frozen=True, slots=True)
class TopicCount:
    """A topic's records by kind of difference, and by outcome in each version."""

    topic: str
    kinds: Mapping[Kind, int]
    old: Mapping[Outcome, int]
    new: Mapping[Outcome, int]

    @property
    def records(self) -> int:
        """All that were compared."""
        return sum(self.kinds.values())


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the mappings, as its user named it.

    `hash`: of the mapping files and the schema files that they name (hex). Two versions of one hash may have other channels.
    """

    name: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was found, the most frequent first. `passed_over`: letters that no connector wrote."""

    old: Version
    new: Version
    source: str
    topics: tuple[TopicCount, ...]
    groups: tuple[Group, ...]
    fields: tuple[FieldCount, ...]
    passed_over: int = 0

    @property
    def records(self) -> int:
        """All that were compared."""
        return sum(topic.records for topic in self.topics)

    @property
    def differing(self) -> int:
        """Those that the two versions do not treat alike."""
        return sum(group.records for group in self.groups)


_Key = tuple[str, Kind, Side, Side]


@dataclass(slots=True)
class Tally:
    """Counts comparisons. `samples_each`: how many records of every group are kept."""

    samples_each: int
    _kinds: dict[str, Counter[Kind]] = field(default_factory=dict)
    _old: dict[str, Counter[Outcome]] = field(default_factory=dict)
    _new: dict[str, Counter[Outcome]] = field(default_factory=dict)
    _groups: Counter[_Key] = field(default_factory=Counter)
    _samples: dict[_Key, list[Sample]] = field(default_factory=dict)
    _fields: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, record: Record, found: Comparison) -> None:
        """Count one record."""
        topic = record.topic
        self._kinds.setdefault(topic, Counter())[found.kind] += 1
        self._old.setdefault(topic, Counter())[found.old.outcome] += 1
        self._new.setdefault(topic, Counter())[found.new.outcome] += 1
        if found.kind == "same":
            return
        key = (topic, found.kind, found.old, found.new)
        self._groups[key] += 1
        for place in {(topic, diff.operation, _INDEX.sub("[]", diff.path)) for diff in found.diffs}:
            known = place in self._fields or len(self._fields) < FIELDS_MAX
            self._fields[place if known else (topic, place[1], OTHER_FIELDS)] += 1
        samples = self._samples.setdefault(key, [])
        if len(samples) < self.samples_each:
            shown, more = found.diffs[:DIFFS_MAX], max(0, len(found.diffs) - DIFFS_MAX)
            samples.append(Sample(topic, record.partition, record.offset, found.old, found.new, shown, more))

    def report(self, old: Version, new: Version, source: str, passed_over: int = 0) -> Report:
        """What was counted."""
        return Report(
            old=old,
            new=new,
            source=source,
            topics=tuple(
                TopicCount(topic, self._kinds[topic], self._old[topic], self._new[topic])
                for topic in sorted(self._kinds)
            ),
            groups=tuple(
                Group(*key, records, tuple(self._samples[key])) for key, records in self._groups.most_common()
            ),
            fields=tuple(FieldCount(*place, records) for place, records in self._fields.most_common()),
            passed_over=passed_over,
        )


def totals(report: Report) -> Iterator[tuple[Outcome, int, int]]:
    """Every outcome that occurs, with its records in the old and in the new version."""
    old: Counter[Outcome] = Counter()
    new: Counter[Outcome] = Counter()
    for topic in report.topics:
        old.update(topic.old)
        new.update(topic.new)
    for outcome in _OUTCOMES:
        if old[outcome] or new[outcome]:
            yield outcome, old[outcome], new[outcome]


_OUTCOMES: tuple[Outcome, ...] = ("requests", "skip", "dead_letter", "wait", "not_mapped")
