"""Values of a mapping file -> nodes: texts with `${...}` are compiled, everything around them is kept as it stands."""

from connector.config.mapping.forgotten import doubt
from connector.config.mapping.lets import Names
from connector.config.problems import Problem
from connector.config.yaml_source import Loc, Source
from connector.core.expression import EvaluationError, Template
from connector.core.mapping import Constant, Expression, Fields, Items, Node


class Open:
    """Stands for what an expression will give."""


class Nodes:
    """Compiles what stands below `at` and sees `names`. Collects problems, warnings, and in `read` the variables."""

    def __init__(self, source: Source, at: Loc, names: Names) -> None:
        self._source = source
        self._at = at
        self.names = names
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.read: set[str] = set()

    def node(self, value: object, loc: Loc, place: str) -> Node:
        """The node of a value at `loc` (below `at`). `place` is how errors of a record call it, such as "body.to[0]"."""
        match value:
            case str() if "${" in value:
                return self._expression(value, loc, place)
            case str() if (message := doubt(place, value)) is not None:
                self.warnings.append(self._source.problem((*self._at, *loc), message))
                return Constant(value)
            case dict():
                return Fields(tuple(self._field(name, child, loc, place) for name, child in value.items()))
            case list():
                items = enumerate(value)
                return Items(tuple(self.node(item, (*loc, at), f"{place}[{at}]") for at, item in items))
            case _:
                return Constant(value)

    def say(self, loc: Loc, message: str, *, at_key: bool = False) -> None:
        """Add a problem at `loc` (below `at`)."""
        self.problems.append(self._source.problem((*self._at, *loc), message, at_key=at_key))

    def _field(self, name: str, child: object, loc: Loc, place: str) -> tuple[str, Node]:
        if "${" in name:
            self.say((*loc, name), "a field's name cannot hold an expression", at_key=True)
        return name, self.node(child, (*loc, name), f"{place}.{name}")

    def _expression(self, text: str, loc: Loc, place: str) -> Node:
        compiled = self.names.language.compile(text)
        if not isinstance(compiled, tuple):
            self.read |= compiled.roots
            return (
                self._constant(compiled, loc, place) if compiled.is_constant else Expression(compiled, place)
            )
        for problem in compiled:
            at = (*self._at, *loc)
            self.problems.append(
                self._source.inside(at, f"{place}: {problem.message}", problem.line, problem.column)
            )
        return Constant(Open())

    def _constant(self, template: Template, loc: Loc, place: str) -> Node:
        try:
            return Constant(template.evaluate({}))
        except EvaluationError as error:
            self.say(loc, f"{place}: {error}")
            return Constant(Open())


def outline(node: Node) -> object:
    """The node's value with an `Open` for each expression."""
    match node:
        case Constant(value):
            return value
        case Expression():
            return Open()
        case Fields(fields):
            return {name: outline(child) for name, child in fields}
        case Items(items):
            return [outline(item) for item in items]


def is_open(value: object) -> bool:
    """Whether some of an outline is not known before there is a record."""
    match value:
        case dict():
            return any(is_open(item) for item in value.values())
        case list():
            return any(is_open(item) for item in value)
        case _:
            return isinstance(value, Open)


def reaches_open(outlined: object, where: Loc) -> bool:
    """Whether what is wrong at `where` may be put right by an expression there or above."""
    here = outlined
    for step in where:
        match here:
            case dict() if step in here:
                here = here[step]
            case list() if isinstance(step, int) and step < len(here):
                here = here[step]
            case dict() if step == 0:
                pass  # one map in place of a list of one, as a recording's file may be written
            case _:
                break
    return isinstance(here, Open)
