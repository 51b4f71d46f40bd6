"""Trees of templates: a request's body, path and channel before a record is put in.

A leaf is a constant or a compiled expression that knows its place in the file, so that a failure at run time
says where. An absent leaf leaves its field or list item out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from connector.core.expression import ABSENT, EvaluationError, Template

Scope: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same for every record."""

    value: object


@dataclass(frozen=True, slots=True)
class Expression:
    """A text with `${...}`. `place` is where it stands in its rule, such as "body.from.handle"."""

    template: Template
    place: str


@dataclass(frozen=True, slots=True)
class Fields:
    """A map, in the order written."""

    fields: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list, in the order written."""

    items: tuple["Node", ...]


Node: TypeAlias = Constant | Expression | Fields | Items


class Failed(Exception):
    """An expression gave an error, or something that cannot stand at its place."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place = place
        self.why = why


def evaluate(node: Node, scope: Scope) -> object:
    """The node's value for one record, or ABSENT. Raises `Failed`."""
    match node:
        case Expression(template, place):
            try:
                return template.evaluate(scope)
            except EvaluationError as error:
                raise Failed(place, str(error)) from error
        case Constant(value):
            return value
        case Fields(fields):
            return {name: value for name, child in fields if (value := evaluate(child, scope)) is not ABSENT}
        case Items(items):
            return [value for item in items if (value := evaluate(item, scope)) is not ABSENT]


def evaluate_text(node: Node, scope: Scope, place: str) -> str:
    """A value that must be text: whole numbers are written out. Raises `Failed`."""
    value = evaluate(node, scope)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is ABSENT:
        raise Failed(place, "is absent in this record, but needed")
    raise Failed(place, f"must be text, but is {describe(value)}")


def evaluate_flag(node: Node, scope: Scope, place: str) -> bool:
    """A condition; absent does not hold. Raises `Failed` for anything but true, false or absent."""
    value = evaluate(node, scope)
    if value is ABSENT:
        return False
    if isinstance(value, bool):
        return value
    raise Failed(place, f"must be true or false, but is {describe(value)}")


def describe(value: object) -> str:
    """The kind of a value in the words of mapping files; never the value."""
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case bytes():
            return "bytes"
        case Mapping():
            return "a map"
        case list() | tuple():
            return "a list"
        case None:
            return "null"
        case _:
            return "absent" if value is ABSENT else f"a {type(value).__name__}"
