"""Rules that no record can ever reach: valid, and hardly meant."""

from collections.abc import Iterator, Sequence

from connector.config.mapping.file import RuleShape
from connector.config.problems import Problem
from connector.config.yaml_source import Loc, Source
from connector.core.mapping import Constant, Expression, Rule


def unreachable(
    shapes: Sequence[RuleShape], rules: Sequence[Rule], source: Source, at: Loc
) -> Iterator[Problem]:
    """A warning for each such rule, where it stands. `at`: of the topic."""
    catch_all: int | None = None
    seen: dict[str, int] = {}
    for index, (shape, rule) in enumerate(zip(shapes, rules, strict=True)):
        loc = (*at, "rules", index)
        text = None if shape.when is None else shape.when.strip()
        never = f"the rule {rule.name!r} can never be reached"
        if rule.when == Constant(False):
            yield source.problem((*loc, "when"), f"{never}: its `when` is always false")
        elif catch_all is not None:
            first = rules[catch_all].name
            where = _line(source, (*at, "rules", catch_all))
            yield source.problem(
                loc, f"{never}: the rule {first!r}{where} takes every record; move this one above it"
            )
        elif text in seen:
            first = rules[seen[text]].name
            where = _line(source, (*at, "rules", seen[text]))
            yield source.problem((*loc, "when"), f"{never}: the rule {first!r}{where} has the same `when`")
        elif rule.when is None or rule.when == Constant(True):
            catch_all = index
        elif text is not None and _means_the_same_anywhere(rule):
            seen[text] = index


def _means_the_same_anywhere(rule: Rule) -> bool:
    """Whether another rule's `when` with this text is this condition: not if it reads what only this rule names."""
    return isinstance(rule.when, Expression) and rule.lets.keys().isdisjoint(rule.when.template.roots)


def _line(source: Source, loc: Loc) -> str:
    mark = source.marks.get(loc)
    return "" if mark is None else f" in line {mark.line}"
