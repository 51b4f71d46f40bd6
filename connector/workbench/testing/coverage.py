"""Which rules and branches the tests reached.

A rule is hit by a test in which it is the one that holds, whatever it then makes of the record. Branches are: of a rule with
`when`, that it held and that it did not; of a rule without, that it was reached; and `otherwise`, where a record can come to
it. Choices inside expressions (`?:`, `&&`, translations) and inside Python mappers are not seen and not counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connector.core.mapping import PythonMapper, TopicMapping, Tried


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """How many tests a rule held in, and in how many it was asked and did not. `has_when` False: it always holds."""

    rule: str
    hits: int
    passed_over: int
    has_when: bool

    @property
    def branches(self) -> tuple[bool, ...]:
        """Each branch: whether it was reached."""
        return (self.hits > 0, self.passed_over > 0) if self.has_when else (self.hits > 0,)


@dataclass(frozen=True, slots=True)
class TopicCoverage:
    """`otherwise`: how many tests no rule held in; None: a rule without `when` takes whatever comes."""

    topic: str
    rules: tuple[RuleCoverage, ...]
    otherwise: int | None

    @property
    def branches(self) -> tuple[bool, ...]:
        """Each branch: whether it was reached."""
        own = tuple(branch for rule in self.rules for branch in rule.branches)
        return own if self.otherwise is None else (*own, self.otherwise > 0)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of all topics that were tested."""

    topics: tuple[TopicCoverage, ...]

    @property
    def rules(self) -> tuple[int, int]:
        """How many rules were hit, of how many."""
        hits = [rule.hits > 0 for topic in self.topics for rule in topic.rules]
        return sum(hits), len(hits)

    @property
    def branches(self) -> tuple[int, int]:
        """How many branches were reached, of how many."""
        reached = [branch for topic in self.topics for branch in topic.branches]
        return sum(reached), len(reached)

    @property
    def percent(self) -> float:
        """Of the rules; 100 where there are none."""
        hit, there = self.rules
        return 100.0 * hit / there if there else 100.0

    @property
    def never_hit(self) -> tuple[tuple[str, str], ...]:
        """Topic and rule."""
        return tuple(
            (topic.topic, rule.rule) for topic in self.topics for rule in topic.rules if not rule.hits
        )


def coverage_of(topic: TopicMapping, trials: Iterable[tuple[tuple[Tried, ...], str | None]]) -> TopicCoverage:
    """Of one topic. `trials`: of each test, the rules that were asked, and who decided."""
    seen = tuple(trials)
    if isinstance(topic.maps, PythonMapper):
        name = topic.maps.name
        own = RuleCoverage(name, sum(rule == name for _, rule in seen), 0, has_when=False)
        return TopicCoverage(topic.topic, (own,), None)
    held: dict[str, int] = {}
    missed: dict[str, int] = {}
    for tried, _ in seen:
        for one in tried:
            counts = {True: held, False: missed}.get(one.held) if one.held is not None else None
            if counts is not None:
                counts[one.rule] = counts.get(one.rule, 0) + 1
    rules = tuple(
        RuleCoverage(rule.name, held.get(rule.name, 0), missed.get(rule.name, 0), rule.when is not None)
        for rule in topic.maps.rules
    )
    none_held = sum(bool(tried) and all(one.held is False for one in tried) for tried, _ in seen)
    return TopicCoverage(topic.topic, rules, none_held if all(rule.has_when for rule in rules) else None)


def as_value(coverage: Coverage) -> Mapping[str, object]:
    """As JSON values."""
    hit, rules = coverage.rules
    reached, branches = coverage.branches
    return {
        "rules": {"hit": hit, "of": rules},
        "branches": {"reached": reached, "of": branches},
        "never_hit": [{"topic": topic, "rule": rule} for topic, rule in coverage.never_hit],
        "topics": [
            {
                "topic": topic.topic,
                "otherwise": topic.otherwise,
                "rules": [
                    {"rule": rule.rule, "hits": rule.hits, "passed_over": rule.passed_over}
                    for rule in topic.rules
                ],
            }
            for topic in coverage.topics
        ],
    }
