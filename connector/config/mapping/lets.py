"""`let:` of a file, a topic or a rule -> the names that its expressions may use, or what is wrong with them.

A let reads what stands above it: lets around its own, and earlier ones of its own. So none can go round in a circle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connector.config.mapping.forgotten import doubt
from connector.config.problems import Problem
from connector.config.yaml_source import Loc, Source
from connector.core.expression import EvaluationError, Language, Template
from connector.core.mapping import Let, Lets

LETS_MAX = 100
"""Lets that one expression may see: a chain of them is evaluated one inside the other."""

FRAMES_MAX = 600
"""Depth of Python's stack for such a chain, of the 1,000 that Python has; the rest is for what stands around it."""

_LET_FRAMES = 3
"""Between an expression and that of a let that it reads."""


@dataclass(frozen=True, slots=True)
class Names:
    """What an expression at one place of a file may name. `lets` are those of this place and around it."""

    language: Language
    lets: Lets = field(default_factory=dict)

    def behind(self, roots: Iterable[str]) -> frozenset[str]:
        """The variables that are read when these are: what lets read counts too, and the lets themselves."""
        found: set[str] = set()
        rest = list(roots)
        while rest:
            name = rest.pop()
            if name not in found:
                found.add(name)
                let = self.lets.get(name)
                rest.extend(let.roots if isinstance(let, Template) else ())
        return frozenset(found)


def add_lets(
    around: Names, shape: Mapping[str, Let | str], source: Source, at: Loc
) -> tuple[Names, list[Problem]]:
    """The names inside of `at`, where `let:` says `shape`; and every problem in it."""
    if not shape:
        return around, []
    problems: list[Problem] = []
    usable = [name for name in shape if _usable(name, around, source, (*at, "let", name), problems)]
    names = Names(around.language.with_lets(usable), {**around.lets})
    if len(names.lets) + len(usable) > LETS_MAX:
        message = (
            f"at most {LETS_MAX} lets can be seen at one place, and here are {len(names.lets) + len(usable)}"
        )
        problems.append(source.problem((*at, "let"), message, at_key=True))
    lets = dict(names.lets)
    for name in usable:
        let = _compiled(name, shape[name], names.language, source, (*at, "let", name), problems)
        later = usable[usable.index(name) :]
        if isinstance(let, Template) and (early := sorted(let.roots.intersection(later))):
            which = "itself" if early == [name] else f"{early[0]}, which is not above it: move it up"
            problems.append(source.problem((*at, "let", name), f"let {name}: it reads {which}"))
        elif let is not None:
            lets[name] = let
    problems += _too_deep(lets, usable, source, at)
    return Names(names.language, lets), problems


def _too_deep(lets: Lets, of: Iterable[str], source: Source, at: Loc) -> list[Problem]:
    """The first of these lets whose evaluation, with the lets that it is built from, would fill Python's stack."""
    depths: dict[str, int] = {}
    for name, let in lets.items():
        roots = let.roots if isinstance(let, Template) else ()
        own = let.frames if isinstance(let, Template) else 0
        depths[name] = own + _LET_FRAMES + max((depths[root] for root in roots if root in depths), default=0)
    for name in of:
        if depths.get(name, 0) > FRAMES_MAX:
            message = f"let {name}: too many lets are built from one another here: join some, or nest their expressions less"
            return [source.problem((*at, "let", name), message)]
    return []


def doubtful(
    shape: Mapping[str, Let | str], names: Names, read: Iterable[str], source: Source, at: Loc
) -> list[Problem]:
    """A warning for each let of `at` that is never needed, or looks like an expression and is none.

    `read`: what expressions other than lets name.
    """
    needed = names.behind(read)
    found: list[Problem] = []
    for name, let in shape.items():
        loc = (*at, "let", name)
        if name not in needed:
            found.append(source.problem(loc, f"let {name}: no expression uses it", at_key=True))
        if isinstance(let, str) and (message := doubt(f"let {name}", let)) is not None:
            found.append(source.problem(loc, message))
    return found


def _usable(name: str, around: Names, source: Source, loc: Loc, problems: list[Problem]) -> bool:
    """Whether it is a name, and a new one: the same name would mean two things in one file."""
    wrong = around.language.why_no_name(name)
    if name in around.lets:
        wrong = "a let around it has this name already; choose another one"
    if wrong is not None:
        problems.append(source.problem(loc, f"let {name!r}: {wrong}", at_key=True))
    return wrong is None


def _compiled(
    name: str, let: Let | str, language: Language, source: Source, loc: Loc, problems: list[Problem]
) -> Let | None:
    if not isinstance(let, str):
        return let
    compiled = language.compile(let)
    if isinstance(compiled, tuple):
        problems.extend(
            source.inside(loc, f"let {name}: {problem.message}", problem.line, problem.column)
            for problem in compiled
        )
        return None
    if compiled.is_constant:
        try:
            compiled.evaluate({})
        except EvaluationError as error:
            problems.append(source.problem(loc, f"let {name}: {error}"))
            return None
    return compiled
