"""What expressions are made of: kinds of values, what can go wrong, and how much one evaluation may do.

A value is a dict with string keys, list, str, int, float, bool or bytes; there is no null. Nothing here knows CEL's syntax.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar


class Absent(Enum):
    """The one value that is not there; a field that gets it is left out."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

Scope: TypeAlias = Mapping[str, object]
"""Root variables by name."""

Kind: TypeAlias = Literal["dyn", "bool", "int", "double", "string", "bytes", "list", "map"]
"""What is known of a value before there is one; "dyn": nothing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text cannot be compiled. `line` and `column` are 1-based, in characters, and point into that text."""

    message: str
    line: int
    column: int


class EvaluationError(Exception):
    """This record cannot be mapped by this expression. The message names the path and holds no value of the record."""


class NoSuchKey(EvaluationError):
    """A computed key that a map has not: `container[key]`. Neither is in the message."""

    def __init__(self, message: str, container: object, key: object) -> None:
        super().__init__(message)
        self.container = container
        self.key = key


class BudgetExceeded(EvaluationError):
    """An evaluation did too much. Unlike other errors, `&&` and `||` do not absorb it."""


_KINDS: Final[Mapping[type, str]] = {
    bool: "a bool",
    int: "an int",
    float: "a double",
    str: "a string",
    bytes: "bytes",
    list: "a list",
    dict: "a map",
}

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1


def kind_of(value: object) -> str:
    """A value's kind in words, for messages: "a string"."""
    return _KINDS.get(type(value), "a value of an unknown kind")


ELEMENTS_MAX: Final = 10_000
"""Elements that all loops of one evaluation may visit together."""

SIZE_MAX: Final = 2**20
"""Characters of one built string, or items of one built list."""

PHONES_MAX: Final = 1_000
"""Phone numbers that one evaluation may read: each may take some 0.2 ms."""

_TOTAL_MAX: Final = 16 * SIZE_MAX
_SMALL: Final = 256

Built = TypeVar("Built", str, bytes, "list[object]")


class Budget:
    """What one evaluation has left. Mutable, made anew for each evaluation, so no two threads share one."""

    __slots__ = ("_elements", "_phones", "_total")

    def __init__(self) -> None:
        self._elements = ELEMENTS_MAX
        self._phones = PHONES_MAX
        self._total = _TOTAL_MAX

    def each(self, container: object, path: str) -> "list[object] | dict[str, object]":
        """The elements of a list or the keys of a map, paid for before the loop starts."""
        if type(container) is not list and type(container) is not dict:
            raise EvaluationError(
                f"{path}: cannot loop over {kind_of(container)}; only lists and maps have elements"
            )
        self._elements -= len(container)
        if self._elements < 0:
            raise BudgetExceeded(
                f"{path}: one evaluation may loop over {ELEMENTS_MAX} elements, and this is more"
            )
        return container

    def read_phone(self) -> None:
        """Pay for one phone number, before it is read."""
        self._phones -= 1
        if self._phones < 0:
            raise BudgetExceeded(f"one evaluation may read {PHONES_MAX} phone numbers, and this is more")

    def sized(self, built: Built) -> Built:
        """`built` itself, if it is not too large. Small results are free: loops already bound their number."""
        if len(built) > _SMALL:
            self.spend(len(built))
        return built

    def spend(self, size: int) -> None:
        """Pay for a result of `size` characters or items, before it is built where it could be huge."""
        self._total -= size
        if size > SIZE_MAX or self._total < 0:
            raise BudgetExceeded(
                f"the expression builds a result of more than {SIZE_MAX} characters, or {_TOTAL_MAX} in all"
            )
