"""A compiled text of a mapping file held against schemas: its type, what is wrong and what may be missing, with places."""

from dataclasses import dataclass

from connector.core.expression.language import Language
from connector.core.expression.text import Source, problem_at, split
from connector.core.expression.typed import Known, check
from connector.core.expression.types import DYN, STRING, Type
from connector.core.expression.values import Problem


@dataclass(frozen=True, slots=True)
class Examined:
    """`type` is the value's, if there is one; `roots` the variables that are named; places are in the text.

    `doubts`: constants that no enum they are held against has.
    """

    type: Type
    roots: frozenset[str] = frozenset()
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    doubts: tuple[Problem, ...] = ()


def examine(language: Language, text: str, known: Known) -> Examined:
    """Hold a text that `language` compiles against what is known; of another one nothing is said."""
    pieces = split(text)
    if isinstance(pieces, Problem):
        return Examined(DYN)
    whole = len(pieces) == 1
    kind: Type = STRING
    roots: frozenset[str] = frozenset()
    errors: list[Problem] = []
    warnings: list[Problem] = []
    doubts: list[Problem] = []
    for piece in pieces:
        if not isinstance(piece, Source):
            continue
        tree = language.tree(piece.expression)
        if tree is None:
            return Examined(DYN)
        typed = check(tree, piece.expression, known, absent=whole)
        errors += (problem_at(text, piece.start + found.offset, found.message) for found in typed.errors)
        warnings += (problem_at(text, piece.start + found.offset, found.message) for found in typed.warnings)
        doubts += (problem_at(text, piece.start + found.offset, found.message) for found in typed.doubts)
        roots |= typed.roots
        kind = typed.type if whole else STRING
    return Examined(kind, roots, tuple(errors), tuple(warnings), tuple(doubts))
