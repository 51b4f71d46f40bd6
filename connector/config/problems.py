"""Problems of a configuration: where, what, what to do. Values only; every check adds to a list, none stops at the first."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`file` is a path, or "environment"; `line` and `column` count from 1, None where there is no such place."""

    file: str
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = [self.file, *(str(number) for number in (self.line, self.column) if number is not None)]
        return f"{':'.join(place)}: {self.message}"


@dataclass(frozen=True, slots=True)
class Problems:
    """At least one problem, sorted by file, line and column, each once."""

    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> "Problems":
        """Sort them; there is at least one."""
        found = sorted(set(problems), key=lambda p: (p.file, p.line or 0, p.column or 0, p.message))
        assert found, "no problems are no Problems"
        return cls(tuple(found))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def counted(number: int, noun: str) -> str:
    """1 topic, 2 topics."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not among `known`: the nearest, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1) if isinstance(name, str) else []
    if near:
        return f"did you mean {near[0]!r}?"
    return f"choose from {', '.join(names)}" if names else "there are none"
