"""Shapes in a checked tree: macros, paths, chains of `&&`, values that may be absent. Nothing is generated here.

CEL's macros arrive expanded to one general fold. Only the folds below can be written in a mapping file, so nothing else needs a
meaning.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from connector.core.expression.paths import Step, extend
from connector.core.expression.tree import Call, Const, Field, Fold, ListOf, MapOf, Name, Node


@dataclass(frozen=True, slots=True)
class Test:
    """`all`, `exists` or `exists_one`: `test` of each element."""

    macro: Literal["all", "exists", "exists_one"]
    test: Node


@dataclass(frozen=True, slots=True)
class Collect:
    """`map` and `filter`: `item` of each element for which `condition` holds (None: of every one)."""

    item: Node
    condition: Node | None


@dataclass(frozen=True, slots=True)
class Bind:
    """`optMap` and `optFlatMap`: `result` with the accumulator as a variable that holds the initial value."""

    result: Node


Macro: TypeAlias = Test | Collect | Bind


def recognise_macro(fold: Fold) -> Macro | None:
    """Which macro a fold was."""
    so_far = Name(fold.accumulator)
    if fold.condition == Const(False) and fold.range == ListOf(()) and fold.step == so_far:
        return Bind(fold.result)
    match fold.step:
        case Call("_&&_", (accumulated, test)) if accumulated == so_far and fold.initial == Const(True):
            return Test("all", test)
        case Call("_||_", (accumulated, test)) if accumulated == so_far and fold.initial == Const(False):
            return Test("exists", test)
        case Call("_?_:_", (test, Call("_+_", (accumulated, Const(1))), other)) if (
            accumulated == other == so_far
        ):
            return Test("exists_one", test)
        case Call("_?_:_", (condition, collected, other)) if other == so_far:
            return _collect(collected, condition, so_far)
        case collected:
            return _collect(collected, None, so_far)


def _collect(collected: Node, condition: Node | None, so_far: Name) -> Collect | None:
    match collected:
        case Call("_+_", (accumulated, ListOf((item,), optional))) if accumulated == so_far and not optional:
            return Collect(item, condition)
        case _:
            return None


def is_optional(node: Node) -> bool:
    """Whether a value may be absent, in the sense of CEL's optional."""
    match node:
        case Call("_?._" | "_[?_]" | "optional.of" | "optional.none"):
            return True
        case Call("or", (target, *_), True):
            return is_optional(target)
        case Call("_?_:_", (_, yes, no)):
            return is_optional(yes) or is_optional(no)
        case Field(operand, _, False) | Call("_[_]", (operand, _)):
            return is_optional(operand)
        case Fold() as fold:
            macro = recognise_macro(fold)
            return isinstance(macro, Bind) and is_optional(macro.result)
        case _:
            return False


def chain(node: Node) -> tuple[Node, tuple[Step, ...]]:
    """A path's base and its constant steps; ((node), ()) of what is no path. Steps of an optional are not constant steps."""
    steps: list[Step] = []
    while not is_optional(node):
        match node:
            case Field(operand, name, False):
                steps.append(name)
            case Call("_[_]", (operand, Const(str() as key))):
                steps.append(key)
            case Call("_[_]", (operand, Const(int() as key))) if (
                key is not False and key is not True and key >= 0
            ):
                steps.append(key)
            case _:
                break
        node = operand
    return node, tuple(reversed(steps))


def results(node: Node) -> Iterator[Node]:
    """What a value may come from: branches of `? :`, defaults, the values of tables that are written out; else the node."""
    match node:
        case Call("_?_:_", (_, *rest)) | Call("orValue" | "or", rest) | Call("value" | "optional.of", rest):
            for each in rest:
                yield from results(each)
        case Field(operand, step, False) | Call("_[_]" | "_[?_]" | "_?._", (operand, Const(step))):
            yield from _chosen(node, operand, step)
        case Call("_[_]" | "_[?_]", (operand, _)):
            yield from _chosen(node, operand, None)
        case _:
            yield node


def _chosen(node: Node, operand: Node, step: object) -> Iterator[Node]:
    """The results of a step, None: any, into what may be a table."""
    for holder in results(operand):
        match holder:
            case MapOf(entries):
                for entry in entries:
                    if step is None or not isinstance(entry.key, Const) or entry.key.value == step:
                        yield from results(entry.value)
            case ListOf(items):
                for item in items:
                    yield from results(item)
            case _:
                yield node


def flat(node: Node, operator: str) -> list[Node]:
    """The operands of a chain of `&&` or of `||`, which CEL's parser balances into a tree."""
    match node:
        case Call(function, operands) if function == operator:
            return [leaf for operand in operands for leaf in flat(operand, operator)]
        case _:
            return [node]


def describe(node: Node) -> str:
    """A tree in the words of the expression, for messages: `channels[value.line_id]`. What is no path is cut to "..."."""
    match node:
        case Name(name):
            return name
        case Field(operand, name, False):
            return extend(describe(operand), name)
        case Call("_?._", (operand, Const(str() as name))):
            return f"{describe(operand)}.?{name}"
        case Call("_[_]", (operand, Const(str() | int() as key))):
            return extend(describe(operand), key)
        case Call("_[_]" | "_[?_]" as function, (operand, key)):
            return f"{describe(operand)}[{'?' if '?' in function else ''}{describe(key)}]"
        case Call(function, (target, *_), True):
            return f"{describe(target)}.{function}(...)"
        case Call(function) if function.isidentifier():
            return f"{function}(...)"
        case Const(value):
            return repr(value)
        case MapOf():
            return "{...}"
        case ListOf():
            return "[...]"
        case _:
            return "..."
