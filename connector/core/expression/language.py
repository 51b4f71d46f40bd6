"""Texts of a mapping file -> templates, or every problem in them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from connector.core.expression import library
from connector.core.expression.engine import Engine, Invalid
from connector.core.expression.generate import Refused, generate
from connector.core.expression.messages import Finding
from connector.core.expression.paths import path_tree, reader, recognise
from connector.core.expression.strings import to_string
from connector.core.expression.text import Source, name_of_call, problem_at, split
from connector.core.expression.tree import Node
from connector.core.expression.values import ABSENT, SIZE_MAX, EvaluationError, Problem, Scope

EXPRESSION_MAX: Final = 16 * 1024
"""Characters of one expression."""

EXPRESSIONS_MAX: Final = 200
"""Expressions of one text: each takes some 0.3 ms to compile, and a file may have a million characters."""

BINDS_MAX: Final = 8
"""Uses of optMap and optFlatMap in one expression: each doubles what stands before it, at load and at every evaluation."""

_BIND: Final = re.compile(r"\.\s*opt(?:Flat)?Map\s*\(")

_TEXT_FRAMES: Final = 4
"""Between a larger text and an expression in it."""

_Evaluate: TypeAlias = Callable[[Scope], object]


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled text. Immutable and without state, so any number of threads may evaluate it."""

    roots: frozenset[str]
    _evaluate: _Evaluate
    frames: int = 1
    """How deep an evaluation stands in Python's stack, at most, before it reads a variable."""

    @property
    def is_constant(self) -> bool:
        """Whether the value is the same for every record."""
        return not self.roots

    def evaluate(self, scope: Scope) -> object:
        """The value for one record, or ABSENT: then the field is left out.

        `scope` holds root variables by name as plain values (dict, list, str, int, float, bool, bytes; nulls pruned); one that
        a record does not have is not in it. The value may share parts with the scope: change neither. Raises EvaluationError
        only.
        """
        try:
            return self._evaluate(scope)
        except RecursionError:
            raise EvaluationError("the record is nested too deeply to be compared") from None


@dataclass(frozen=True, slots=True)
class _Part:
    """One compiled expression of a text, and how it is written."""

    roots: frozenset[str]
    evaluate: _Evaluate
    written: str
    frames: int


class Language:
    """The expression language with the tables of one mapping folder. Compiling takes some 0.3 ms an expression."""

    def __init__(
        self, tables: Iterable[str] = (), env: Iterable[str] | None = None, lets: Iterable[str] = ()
    ) -> None:
        """`tables` are the names of further map variables, such as "channels". Raises ValueError for an unusable name.

        `env`: the only names that `env` has, so that any other is a problem; None takes every name. `lets` are variables of
        which nothing is known but the name.
        """
        self._tables, self._env, self._lets = tuple(tables), None if env is None else tuple(env), tuple(lets)
        self._variables = library.variables(self._tables, self._env, self._lets)
        self._engine = Engine(self._variables)
        self._trees: dict[str, Node] = {}

    def why_no_name(self, name: str) -> str | None:
        """Why no further variable can have this name; None: it can."""
        return library.why_no_name(name, self._variables)

    def with_lets(self, names: Iterable[str]) -> "Language":
        """This language with further lets, for each of which `why_no_name` has no reason."""
        wider = Language(self._tables, self._env, (*self._lets, *names))
        wider._trees = self._trees
        return wider

    def compile(self, text: str) -> Template | tuple[Problem, ...]:
        """The template of a text: literal, `${expression}`, which keeps its type, or both mixed, which is a string.

        `$${` is a literal `${`. Otherwise all problems, at least one, in order of place.
        """
        pieces = split(text)
        if isinstance(pieces, Problem):
            return (pieces,)
        if (count := sum(isinstance(piece, Source) for piece in pieces)) > EXPRESSIONS_MAX:
            return (Problem(f"a text has at most {EXPRESSIONS_MAX} expressions, this one has {count}", 1, 1),)
        whole = len(pieces) == 1
        parts = [
            piece if isinstance(piece, str) else self._part(piece, text, absent=whole) for piece in pieces
        ]
        problems = [problem for part in parts if isinstance(part, tuple) for problem in part]
        if problems:
            return tuple(problems)
        compiled = tuple(part for part in parts if not isinstance(part, tuple))
        roots = frozenset[str]().union(*(part.roots for part in compiled if isinstance(part, _Part)))
        match compiled:
            case ():
                return Template(roots, lambda _: "")
            case (str() as literal,):
                return Template(roots, lambda _: literal)
            case (_Part() as part,):
                return Template(roots, part.evaluate, part.frames)
        frames = _TEXT_FRAMES + max(part.frames for part in compiled if isinstance(part, _Part))
        return Template(roots, lambda scope: _interpolate(compiled, scope), frames)

    def tree(self, expression: str) -> Node | None:
        """The checked tree of an expression that this language, or a wider one made of it, has compiled; None: of no other."""
        return self._trees.get(expression)

    def _part(self, source: Source, text: str, *, absent: bool) -> _Part | tuple[Problem, ...]:
        """One expression compiled. In a larger text (not `absent`) a path to something missing is an error."""
        found = self._compile(source.expression, absent=absent)
        if isinstance(found, _Part):
            return found
        return tuple(problem_at(text, source.start + finding.offset, finding.message) for finding in found)

    def _compile(self, expression: str, *, absent: bool) -> _Part | tuple[Finding, ...]:
        if len(expression) > EXPRESSION_MAX:
            return (
                Finding(
                    f"an expression has at most {EXPRESSION_MAX} characters, this one has {len(expression)}",
                    0,
                ),
            )
        if len(_BIND.findall(expression)) > BINDS_MAX:
            message = (
                f"an expression has at most {BINDS_MAX} optMap and optFlatMap; put a part of it into a let"
            )
            return (Finding(message, 0),)
        path = recognise(expression, self._variables)
        if path is not None:
            self._trees[expression] = path_tree(expression)
            read = reader("", (path.root, *path.steps), absent=absent)
            return _Part(frozenset({path.root}), read, expression.strip(), 2)
        for offset, char in enumerate(expression):
            if char == "\0" or "\ud800" <= char <= "\udfff":
                return (
                    Finding("this character cannot stand in an expression: write it as an escape", offset),
                )
        tree = self._engine.check(expression)
        if isinstance(tree, Invalid):
            return tree.findings
        self._trees[expression] = tree
        generated = generate(tree, self._variables, absent=absent)
        if isinstance(generated, Refused):
            return (Finding(generated.message, name_of_call(expression, generated.position)),)
        return _Part(generated.roots, generated.evaluate, expression.strip(), generated.frames)


def _interpolate(parts: tuple[str | _Part, ...], scope: Scope) -> str:
    built = "".join(part if isinstance(part, str) else _text(part, scope) for part in parts)
    if len(built) > SIZE_MAX:
        raise EvaluationError(f"the text becomes longer than {SIZE_MAX} characters")
    return built


def _text(part: _Part, scope: Scope) -> str:
    value = part.evaluate(scope)
    if value is ABSENT:
        raise EvaluationError(
            f'{part.written}: it is absent, and a larger text needs a value; add .orValue("")'
        )
    try:
        return to_string(value)
    except EvaluationError as error:
        raise EvaluationError(f"{part.written}: {error}") from None
