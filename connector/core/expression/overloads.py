"""Which kinds operators and functions take, and what they give: what `operators.py` and `library.py` do, without a record."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from connector.core.expression import library
from connector.core.expression.shapes import describe
from connector.core.expression.text import name_of_call
from connector.core.expression.tree import Call, Field, Fold, Node
from connector.core.expression.types import (
    BOOL,
    BYTES,
    DYN,
    INT,
    STRING,
    Dyn,
    ListOf,
    Scalar,
    Type,
    alternatives,
    in_words,
    kinds,
    one_of,
)
from connector.core.expression.values import Kind

Kinds: TypeAlias = frozenset[Kind]

TEXT: Final[Kinds] = frozenset({"string"})
NUMBER: Final[Kinds] = frozenset({"int", "double"})
CONDITION: Final[Kinds] = frozenset({"bool"})
_ORDERED: Final[Kinds] = frozenset({"bool", "int", "double", "string", "bytes"})

# Two operands of one of these kinds; the result is of it too.
_SAME: Final[Mapping[str, Kinds]] = {
    "_+_": frozenset({"int", "double", "string", "bytes", "list"}),
    "_-_": NUMBER,
    "_*_": NUMBER,
    "_/_": NUMBER,
    "_%_": frozenset({"int"}),
}
_COMPARED: Final = frozenset({"_<_", "_<=_", "_>_", "_>=_"})
# What the functions take that are declared for anything.
_ANY: Final[Mapping[str, Kinds]] = {
    "size": frozenset({"string", "bytes", "list", "map"}),
    "string": _ORDERED,
    "int": frozenset({"string", "bool", "int", "double"}),
    "double": frozenset({"string", "int", "double"}),
    "bool": frozenset({"string", "bool"}),
    "bytes": frozenset({"string", "bytes"}),
}
_RESULTS: Final[Mapping[Kind, Type]] = {"list": ListOf(DYN), "map": DYN, "dyn": DYN}
_WORDS: Final[Mapping[Kind, str]] = {
    "bool": "true or false",
    "int": "an int",
    "double": "a double",
    "string": "a string",
    "bytes": "bytes",
    "list": "a list",
    "map": "a map",
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """No record can make this work. `at`: the argument that is wrong, None: the call itself."""

    message: str
    at: Node | None = None


def may_be(found: Type, wanted: Kinds) -> bool:
    """Whether a value of this type may be of a wanted kind."""
    return not kinds(found).isdisjoint(wanted | {"dyn"})


def apply(node: Call, types: Sequence[Type]) -> Type | Wrong:
    """The result of a call of an operator or of a function of the library, given the types of its arguments."""
    operator = node.function
    if operator in _SAME:
        return _same(node, types, _SAME[operator])
    if operator in ("_==_", "_!=_"):
        return _equal(node, types)
    if operator in _COMPARED:
        return BOOL if _comparable(*types) else _cannot(node, types)
    if operator == "@in":
        return _contains(node, types)
    if operator == "-_":
        return types[0] if may_be(types[0], NUMBER) else _cannot(node, types)
    function = library.FUNCTIONS.get((operator, len(types)))
    return DYN if function is None else _function(node, function, types)


def _same(node: Call, types: Sequence[Type], wanted: Kinds) -> Type | Wrong:
    left, right = (kinds(each) if "dyn" not in kinds(each) else wanted for each in types)
    common = left & right & wanted
    if not common:
        return _cannot(node, types)
    items = [
        each.item if isinstance(each, ListOf) else DYN
        for both in types
        for each in alternatives(both)
        if isinstance(each, ListOf | Dyn)
    ]
    return one_of(ListOf(one_of(items)) if kind == "list" else Scalar(kind) for kind in sorted(common))


def _equal(node: Call, types: Sequence[Type]) -> Type | Wrong:
    left, right = (kinds(each) | (NUMBER if kinds(each) & NUMBER else frozenset()) for each in types)
    if "dyn" in left | right or left & right:
        return BOOL
    (one, other), (first, second) = node.arguments, types
    return Wrong(f"{what_is(one, first)}, {what_is(other, second)}: they are never equal")


def _comparable(left: Type, right: Type) -> bool:
    if not may_be(left, _ORDERED) or not may_be(right, _ORDERED):
        return False
    one, other = (kinds(each) | (NUMBER if kinds(each) & NUMBER else frozenset()) for each in (left, right))
    return "dyn" in one | other or bool(one & other & _ORDERED)


def _contains(node: Call, types: Sequence[Type]) -> Type | Wrong:
    item, container = types
    if not may_be(container, frozenset({"list", "map"})):
        return Wrong(
            f"{what_is(node.arguments[1], container)}, and `in` looks into a list or the keys of a map"
        )
    lists = [each for each in alternatives(container) if isinstance(each, ListOf)]
    if len(lists) == len(alternatives(container)):
        found = kinds(one_of(each.item for each in lists))
        mine = kinds(item) | (NUMBER if kinds(item) & NUMBER else frozenset())
        if "dyn" not in found | mine and found.isdisjoint(mine):
            elements = in_words(one_of(each.item for each in lists))
            return Wrong(
                f"{what_is(node.arguments[0], item)}, and each element of the list {elements}: it is never in it"
            )
    elif kinds(container) == {"map"} and not may_be(item, TEXT):
        return Wrong(
            f"{what_is(node.arguments[0], item)}, and the keys of a map are strings: it is never in it"
        )
    return BOOL


def _function(node: Call, function: library.Function, types: Sequence[Type]) -> Type | Wrong:
    name = node.function
    for position, (argument, found) in enumerate(zip(node.arguments, types, strict=True)):
        wanted = _wanted(name, function, position)
        if wanted is not None and not may_be(found, wanted):
            takes = f"{what_is(argument, found)}, and {name} takes {listed(wanted)}"
            return Wrong(f"{takes}: write {function.usage}", argument)
    if name == "join" and isinstance(types[0], ListOf) and not may_be(types[0].item, TEXT):
        path = describe(node.arguments[0])
        return Wrong(
            f"each element of {path} is {in_words(types[0].item)}, and join takes strings: "
            f"write {path}.map(item, string(item)).join(...)",
            node.arguments[0],
        )
    if name == "split":
        return ListOf(STRING)
    return _RESULTS.get(function.result) or Scalar(function.result)


def _wanted(name: str, function: library.Function, position: int) -> Kinds | None:
    """The kinds that an argument may have; None: anything."""
    if function.parameters[position] != "dyn":
        return frozenset({function.parameters[position]})
    if function.overloads:
        declared = frozenset(each[position] for each in function.overloads)
        return None if "dyn" in declared else declared
    return _ANY.get(name)


def _cannot(node: Call, types: Sequence[Type]) -> Wrong:
    sign = node.function.strip("_")
    both = " and ".join(
        f"{in_words(found)}{'' if (path := describe(argument)) == '...' else f' ({path})'}"
        for argument, found in zip(node.arguments, types, strict=True)
    )
    hint = ""
    if sign == "+" and len(types) == 2:
        others = [
            argument
            for argument, found, other in zip(node.arguments, types, reversed(types), strict=True)
            if kinds(other) == {"string"} and isinstance(found, Scalar) and found != BYTES
        ]
        hint = "".join(f": write string({describe(each)})" for each in others if describe(each) != "...")
        if not hint and set(types) == {INT, Scalar("double")}:
            whole = node.arguments[list(types).index(INT)]
            hint = f": write double({describe(whole)})"
    return Wrong(f"{sign} cannot be applied to {both}{hint}")


def wrong_key(container: Node, holder: Type, key: Node, found: Type) -> str:
    """Why `container[key]` can never be."""
    path = describe(container)
    match kinds(holder):
        case held if held == {"list"}:
            return f"{path} is a list: an element is chosen by an int, and {what_is(key, found)}"
        case held if held == {"map"}:
            return f"{path} is {in_words(holder)}: a field is chosen by a string, and {what_is(key, found)}"
        case _:
            return f"{path} is {in_words(holder)}, which has no fields or elements"


def what_is(node: Node, found: Type) -> str:
    """`value.count is an int`."""
    path = describe(node)
    return f"{'this' if path == '...' else path} is {in_words(found)}"


def listed(wanted: Kinds) -> str:
    """`a string, bytes, a list or a map`."""
    words = [words for kind, words in _WORDS.items() if kind in wanted]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


# Places: the engine points at dots, brackets, operators and parentheses; a person looks for names.

_STEP_SIGN: Final = re.compile(r"\.\s*\??\s*|\[\s*\??\s*")


def place_of_step(node: Node, expression: str) -> int:
    """Where the name of the last step of a path stands."""
    at = node.position
    if isinstance(node, Field) and node.test:  # the engine points at `has`
        named = re.compile(rf"\.\s*(?={re.escape(node.field)})").search(expression, node.operand.position + 1)
        return at if named is None else named.end()
    sign = _STEP_SIGN.match(expression, at)
    return at if sign is None else sign.end()


def start(node: Node, expression: str) -> int:
    """Where a part of an expression begins."""
    match node:
        case Field(operand, _, False):
            return start(operand, expression)
        case Call(function, (first, *_), member) if member or not function.isidentifier():
            if function not in ("!_", "-_", "optional.of"):
                return start(first, expression)
        case Fold(range=container) if container.position < node.position:
            return start(container, expression)
    return name_of_call(expression, node.position)
