"""What a condition says about a record: which paths are there if it holds, and which schemas wrote the value.

Facts only: a path that is not among them may be there as well. Nothing is reported here (`typed.py`).
"""

from collections.abc import Iterable
from functools import reduce
from typing import Final, TypeAlias

from connector.core.expression.paths import Step
from connector.core.expression.shapes import Collect, flat, is_optional, recognise_macro
from connector.core.expression.tree import Call, Const, Field, Fold, ListOf, Name, Node

Path: TypeAlias = tuple[Step, ...]
"""A variable's name and constant steps."""

Paths: TypeAlias = frozenset[Path]

_NONE: Final[Paths] = frozenset()
_READ: Final = frozenset({"_[_]", "_?._", "_[?_]"})
_LAZY: Final = frozenset({"_?_:_", "orValue", "or", "hasValue", "optional.none", "_?._", "_[?_]"})
"""Calls that need not read what is written in them."""


def path_of(node: Node) -> Path | None:
    """The path that a node reads or asks for, however it is written: `value.a`, `value["a"]`, `value.?a`; None: no path."""
    match node:
        case Name(name):
            return (name,)
        case Field(operand, name):
            step: Step = name
        case Call(function, (operand, Const(str() | int() as key))) if function in _READ:
            step = key
        case Call("value", (target,), True):
            return path_of(target)
        case _:
            return None
    before = path_of(operand)
    return None if before is None else (*before, step)


def present_if(node: Node, holds: bool) -> Paths:
    """The paths that are there once the condition `node` came out as `holds`, and not as an error."""
    match node:
        case Call("!_", (operand,)):
            return present_if(operand, not holds)
        case Call("_&&_" | "_||_" as operator):
            facts = [present_if(operand, holds) for operand in flat(node, operator)]
            # `a && b` true: both hold. False: one of them does not, and nobody knows which.
            return _union(facts) if holds == (operator == "_&&_") else reduce(frozenset.__and__, facts)
        case Field(test=True) | Call("hasValue") if holds:
            asked = node.arguments[0] if isinstance(node, Call) else node
            return _with_prefixes(path_of(asked))
        case Call("_==_" | "_!=_" as operator, (left, right)):
            told = _default_excluded(left, right, holds == (operator == "_==_"))
            return told | read_by(left) | read_by(right)
        case _:
            return read_by(node)


def read_by(node: Node) -> Paths:
    """The paths that are there once `node` has a value."""
    match node:
        case Field(operand, _, True):
            return read_by(operand)
        case Field() | Call("_[_]", (_, Const())) if not is_optional(node):
            return _with_prefixes(path_of(node))
        case Call(function, arguments) if function not in _LAZY | {"_&&_", "_||_"}:
            return _union(read_by(argument) for argument in arguments)
        case _:
            return _NONE


def of_elements(container: Node, variable: str) -> Paths:
    """What `list.filter(item, condition)` says of the elements it leaves, as facts about `variable`."""
    if isinstance(container, Fold):
        macro = recognise_macro(container)
        if (
            isinstance(macro, Collect)
            and macro.item == Name(container.variable)
            and macro.condition is not None
        ):
            facts = present_if(macro.condition, True) | of_elements(container.range, container.variable)
            return frozenset((variable, *path[1:]) for path in facts if path[0] == container.variable)
    return _NONE


def narrowed(node: Node, names: frozenset[str]) -> frozenset[str]:
    """Of the schemas' names those by which a value can be written if the condition holds."""
    match node:
        case Call("_&&_"):
            return reduce(lambda left, operand: narrowed(operand, left), flat(node, "_&&_"), names)
        case Call("_||_"):
            return frozenset().union(*(narrowed(operand, names) for operand in flat(node, "_||_")))
        case Call("_!=_", (left, right)):
            return names - named_in(left, right)
        case Call("_==_" | "@in", (left, right)) if named := named_in(left, right):
            return names & named
        case _:
            return names


def named_in(left: Node, right: Node) -> frozenset[str]:
    """The constants that `schema.name` is compared with; none if it is not."""
    return frozenset(
        constant.value for constant in name_constants(left, right) if isinstance(constant.value, str)
    )


def name_constants(left: Node, right: Node) -> tuple[Const, ...]:
    """The same, as they stand in the expression."""
    if path_of(right) == ("schema", "name"):
        left, right = right, left
    if path_of(left) != ("schema", "name"):
        return ()
    constants = right.items if isinstance(right, ListOf) else (right,)
    return (
        tuple(each for each in constants if isinstance(each, Const))
        if all(isinstance(each, Const) for each in constants)
        else ()
    )


def _default_excluded(left: Node, right: Node, equal: bool) -> Paths:
    """`value.?queue.orValue("") != ""` says that there is a queue."""
    match left, right:
        case (Call("orValue", (target, Const() as default)), Const() as other) | (
            Const() as other,
            Call("orValue", (target, Const() as default)),
        ) if (default == other) is not equal:
            return _with_prefixes(path_of(target))
        case _:
            return _NONE


def _with_prefixes(path: Path | None) -> Paths:
    return _NONE if path is None else frozenset(path[:end] for end in range(2, len(path) + 1))


def _union(facts: Iterable[Paths]) -> Paths:
    return frozenset().union(*facts)
