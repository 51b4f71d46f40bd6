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

STEPS_MAX: Final = 10_000_000
"""Work of all expressions of one record together. A step is some 0.1 µs at worst, so this is about a second."""

ELEMENT_STEPS: Final = 2
"""Comparing one element of a list, or one entry of a map, with another."""

LOOP_STEPS: Final = 5
"""One turn of a loop."""

SHORT: Final = 64
"""Texts and lists up to here are free to look through: the loops around them are paid for."""

PHONE_STEPS: Final = 2_000
PATTERN_STEPS: Final = 200_000
"""A regular expression that a record brings: RE2 compiles it anew, which may take 25 ms."""

_TOTAL_MAX: Final = 16 * SIZE_MAX
_SMALL: Final = 256

Built = TypeVar("Built", str, bytes, "list[object]")


class Work:
    """The steps that one record's expressions have left together. Mutable; one for each record, used by one thread."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = STEPS_MAX


WORK: Final = ""
"""Where a record's scope holds its Work: no expression can write this name. Without it an evaluation has one of its own."""


class Budget:
    """What one evaluation has left. Mutable, made anew for each evaluation, so no two threads share one."""

    __slots__ = ("_elements", "_phones", "_scope", "_total", "_work")

    def __init__(self, scope: Scope | None = None) -> None:
        """`scope` is the record's, which says what its other expressions have left."""
        self._elements = ELEMENTS_MAX
        self._phones = PHONES_MAX
        self._total = _TOTAL_MAX
        self._scope = scope
        self._work: Work | None = None

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
        self.work(LOOP_STEPS * len(container))
        return container

    def work(self, steps: int) -> None:
        """Pay for what takes `steps`, before it is done."""
        work = self._work
        if work is None:
            found = None if self._scope is None else self._scope.get(WORK)
            work = self._work = found if isinstance(found, Work) else Work()
        work.left -= steps
        if work.left < 0:
            raise BudgetExceeded(
                "the expressions of this record take too much work: long lists or texts are looked through again and again"
            )

    def read(self, text: str | bytes, *, shift: int = 4) -> None:
        """Pay for reading a text from end to end, 2**-shift steps a character. A short one costs less than a turn of a loop."""
        if len(text) > SHORT:
            self.work(len(text) >> shift)

    def read_phone(self) -> None:
        """Pay for one phone number, before it is read."""
        self._phones -= 1
        if self._phones < 0:
            raise BudgetExceeded(f"one evaluation may read {PHONES_MAX} phone numbers, and this is more")
        self.work(PHONE_STEPS)

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
        if size > _SMALL:
            self.work(size >> 5)
