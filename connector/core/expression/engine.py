"""Google's CEL as parser and type checker: an expression -> its checked tree, or its complaints in our words.

The only module that knows `cel_expr_python`. Nothing is evaluated here and no record comes near: release 0.1.3 loses memory and
crashes on records (docs/decisions/expressions.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

from connector.core.expression import library, messages
from connector.core.expression.library import Variable
from connector.core.expression.messages import Complaint, Finding
from connector.core.expression.tree import Node, TooDeep, read_checked
from connector.core.expression.values import Kind

_KINDS: Final[Mapping[Kind, Any]] = {
    "dyn": cel.Type.DYN,
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
    "bytes": cel.Type.BYTES,
    "list": cel.Type.LIST,
    "map": cel.Type.MAP,
}
_COMPLAINT: Final = re.compile(
    r"^(?:[A-Z_]+: )?ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?: \[[A-Z_]+\])?$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Invalid:
    """What is wrong, at least one finding; offsets are into the expression."""

    findings: tuple[Finding, ...]


class Engine:
    """Parses and checks against one set of variables. Making one takes a millisecond or so; checking is pure."""

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._variables = variables
        self._env = cel.NewEnv(
            variables={name: _type(variable) for name, variable in variables.items()},
            extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()],
            functions=_declarations(),
        )

    def check(self, expression: str) -> Node | Invalid:
        """The checked tree of an expression."""
        try:
            checked = self._env.compile(expression)
        except RuntimeError as error:
            return Invalid(
                messages.translate(expression, _complaints(expression, str(error)), tuple(self._variables))
            )
        tree = read_checked(checked.serialize())
        return Invalid((messages.TOO_DEEP,)) if isinstance(tree, TooDeep) else tree


def _type(variable: Variable) -> Any:
    if variable.element is None:
        return _KINDS[variable.kind]
    return cel.Type.Map(cel.Type.STRING, _KINDS[variable.element])


def _declarations() -> list[Any]:
    """Our own functions without an implementation: the engine never calls them. One declaration has all forms of a name."""
    overloads: dict[str, list[Any]] = {}
    for (name, _), function in library.FUNCTIONS.items():
        for kinds in function.overloads:
            parameters = [_KINDS[kind] for kind in kinds]
            overload = cel.Overload(f"{name}_{'_'.join(kinds)}", _KINDS[function.result], parameters, False)
            overloads.setdefault(name, []).append(overload)
    return [cel.FunctionDecl(name, forms) for name, forms in overloads.items()]


def _complaints(expression: str, error: str) -> tuple[Complaint, ...]:
    """The engine's errors with their places as offsets. One without a place stands at the start."""
    lines = expression.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    found = [
        Complaint(text, starts[int(line) - 1] + int(column) - 1 if 0 < int(line) <= len(lines) else 0)
        for line, column, text in _COMPLAINT.findall(error)
        if text != "<<nil>> parsetree"
    ]
    return tuple(found) or (Complaint(error.partition("\n")[0], 0),)
