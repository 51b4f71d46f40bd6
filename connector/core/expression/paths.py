"""Plain paths: a variable and constant steps, such as `value.caller.number` or `channels["main"].id`.

Two thirds of a mapping file's expressions are plain paths. They are recognised here without CEL's parser, and the generated
code reads its own paths through the same readers, so both give the same value and the same error.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from connector.core.expression.library import Variable
from connector.core.expression.tree import Call, Const, Field, Name, Node
from connector.core.expression.values import ABSENT, EvaluationError, kind_of

Step: TypeAlias = str | int
"""A field of a map, or the number of a list's element."""

Reader: TypeAlias = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Path:
    """`root` is a variable's name."""

    root: str
    steps: tuple[Step, ...]


_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_STEP: Final = rf"""\.({_NAME})|\["([^"\\\x00-\x1f]*)"\]|\['([^'\\\x00-\x1f]*)'\]|\[([0-9]{{1,9}})\]"""
_PLAIN: Final = re.compile(rf"\s*({_NAME})((?:{_STEP})*)\s*", re.ASCII)
_EACH_STEP: Final = re.compile(_STEP, re.ASCII)
_IDENTIFIER: Final = re.compile(_NAME)

_NO_FIELDS: Final = frozenset({"in", "true", "false", "null"})  # CEL's grammar refuses these after a dot
_STEPS_MAX: Final = 24  # CEL's own limit is 31; longer ones are left to it


def recognise(expression: str, variables: Mapping[str, Variable]) -> Path | None:
    """The plain path that an expression is, or None: then CEL decides what it is.

    Only what surely passes CEL's type check is taken.
    """
    match = _PLAIN.fullmatch(expression)
    if match is None or match[1] not in variables:
        return None
    steps: list[Step] = []
    for name, double_quoted, single_quoted, number in _EACH_STEP.findall(match[2]):
        if name in _NO_FIELDS:
            return None
        steps.append(int(number) if number else name or double_quoted or single_quoted)
    variable = variables[match[1]]
    if variable.kind == "map" and steps and (isinstance(steps[0], int) or not variable.can_have(steps[0])):
        return None
    depth = _STEPS_MAX if "dyn" in (variable.kind, variable.element) else 1 if variable.kind == "map" else 0
    return Path(match[1], tuple(steps)) if len(steps) <= depth else None


def path_tree(expression: str) -> Node:
    """The tree of a plain path, as CEL would give it: the place of a step is its dot or bracket."""
    match = _PLAIN.fullmatch(expression)
    assert match is not None, "it was recognised"
    node: Node = Name(match[1], match.start(1))
    for step in _EACH_STEP.finditer(match[2]):
        at = match.start(2) + step.start()
        name, double_quoted, single_quoted, number = step.groups()
        if name is not None:
            node = Field(node, name, False, at)
        else:
            key = int(number) if number is not None else double_quoted or single_quoted or ""
            node = Call("_[_]", (node, Const(key, at + 1)), position=at)
    return node


def extend(path: str, step: Step) -> str:
    """The text of a path one step longer."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    if not path:
        return step
    return f"{path}.{step}" if _IDENTIFIER.fullmatch(step) else f'{path}["{step}"]'


def reader(path: str, steps: tuple[Step, ...], *, absent: bool = False) -> Reader:
    """A function from a container to what lies at `steps` in it.

    `path` is how the container is written in the expression, "" for the scope itself. What is missing gives ABSENT if `absent`,
    else an EvaluationError; a step into something that is neither map nor list is an error in both.
    """
    read = "root"
    for step in steps:
        read = f"{read}[{step!r}]" if isinstance(step, str) else f"item({read}, {step})"
    missing = "return ABSENT" if absent else "raise explain(root) from None"
    source = (
        f"def read(root):\n try:\n  return {read}\n except (KeyError, IndexError):\n  {missing}\n"
        f" except TypeError:\n  raise explain(root) from None\n"
    )
    return define(
        source, "read", {"item": _item, "ABSENT": ABSENT, "explain": lambda root: _explain(root, path, steps)}
    )


def define(source: str, name: str, names: Mapping[str, object]) -> Reader:
    """The function `name` of a generated source, which sees `names` and no builtins."""
    space: dict[str, object] = {
        "__builtins__": {"KeyError": KeyError, "IndexError": IndexError, "TypeError": TypeError},
        **names,
    }
    # This package writes the source from a checked tree; of a mapping file's texts only paths enter it, as repr() literals.
    exec(compile(source, "<expression>", "exec"), space)  # noqa: S102
    function = space[name]
    assert callable(function)
    return function


def _item(container: object, number: int) -> object:
    """An element of a list. Strings and bytes have none in CEL, though Python would give one."""
    if type(container) is list:
        return container[number]
    raise KeyError if type(container) is dict else TypeError


def _explain(container: object, path: str, steps: tuple[Step, ...]) -> EvaluationError:
    """Walk a failed path again and say where it ends."""
    for step in steps:
        longer = extend(path, step)
        match container:
            case dict() if isinstance(step, str) and step in container:
                container = container[step]
            case dict() if not path:
                return EvaluationError(f"{longer}: this record has none")
            case dict():
                return EvaluationError(f"{longer}: no such field {step!r}")
            case list() if isinstance(step, int) and step < len(container):
                container = container[step]
            case list() if isinstance(step, int):
                return EvaluationError(f"{longer}: the list's length is {len(container)}")
            case list():
                return EvaluationError(
                    f"{longer}: {path} is a list; take an element by its number, as in {path}[0]"
                )
            case _:
                return EvaluationError(
                    f"{longer}: {path} is {kind_of(container)}, which has no fields or elements"
                )
        path = longer
    raise AssertionError("a path failed and then did not")
