"""CEL's operators and macros on Python values, wherever Python's own would answer otherwise.

Generated code calls these. Integers are of 64 bits and overflow is an error; a bool is no number; kinds do not mix, except
that ints and doubles compare by value. Source: the CEL language definition; where it is silent, what Google's C++ evaluator
does.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, NoReturn

from connector.core.expression.values import (
    ABSENT,
    ELEMENT_STEPS,
    INT_MAX,
    INT_MIN,
    Budget,
    BudgetExceeded,
    EvaluationError,
    NoSuchKey,
    kind_of,
)

_NUMBERS: Final = frozenset({int, float})
_ORDERED: Final = frozenset({bool, int, float, str, bytes})


def truth(value: object) -> bool:
    """A condition's value; only a bool is one."""
    if value is True or value is False:
        return value
    raise EvaluationError(f"a condition is {kind_of(value)}, not a bool")


def all_of(*operands: Callable[[], object]) -> bool:
    """`&&`: false if any operand is false, whatever the others do; else the first error; else true."""
    return _absorbing(operands, stop=False)


def any_of(*operands: Callable[[], object]) -> bool:
    """`||`: true if any operand is true, whatever the others do; else the first error; else false."""
    return _absorbing(operands, stop=True)


def _absorbing(operands: Iterable[Callable[[], object]], *, stop: bool) -> bool:
    failed = None
    for operand in operands:
        try:
            if truth(operand()) is stop:
                return stop
        except BudgetExceeded:
            raise
        except EvaluationError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return not stop


def all_items(container: Iterable[object], test: Callable[[object], object]) -> bool:
    """The macro `all`: `&&` over the elements."""
    return _absorbing((partial(test, item) for item in container), stop=False)


def any_item(container: Iterable[object], test: Callable[[object], object]) -> bool:
    """The macro `exists`: `||` over the elements."""
    return _absorbing((partial(test, item) for item in container), stop=True)


def one_item(container: Iterable[object], test: Callable[[object], object]) -> bool:
    """The macro `exists_one`: exactly one element passes; an error in any is an error."""
    return sum([truth(test(item)) for item in container]) == 1


def equals(budget: Budget, left: object, right: object) -> bool:
    """`==`: no error but the budget's; values of different kinds differ, except an int and a double of the same value."""
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return False
        budget.work(ELEMENT_STEPS * len(left))
        return all(map(partial(equals, budget), left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        if len(left) != len(right):
            return False
        budget.work(ELEMENT_STEPS * len(left))
        return all(key in right and equals(budget, left[key], right[key]) for key in left)
    if isinstance(left, str | bytes):
        budget.read(left)
    return same(left, right)


def same(left: object, right: object) -> bool:
    """`==` if one side is a bool, a number, a string or bytes of the mapping file, which bounds the work."""
    kind = type(left)
    if kind is not type(right):
        return kind in _NUMBERS and type(right) in _NUMBERS and left == right
    return left == right


def less(budget: Budget | None, left: object, right: object) -> bool:
    """`<`; without a budget if one side is a constant, which bounds the work."""
    _comparable(budget, "<", left, right)
    return left < right  # type: ignore[operator, no-any-return]


def less_or_equal(budget: Budget | None, left: object, right: object) -> bool:
    """`<=`; without a budget if one side is a constant, which bounds the work."""
    _comparable(budget, "<=", left, right)
    return left <= right  # type: ignore[operator, no-any-return]


def greater(budget: Budget | None, left: object, right: object) -> bool:
    """`>`; without a budget if one side is a constant, which bounds the work."""
    _comparable(budget, ">", left, right)
    return left > right  # type: ignore[operator, no-any-return]


def greater_or_equal(budget: Budget | None, left: object, right: object) -> bool:
    """`>=`; without a budget if one side is a constant, which bounds the work."""
    _comparable(budget, ">=", left, right)
    return left >= right  # type: ignore[operator, no-any-return]


def _comparable(budget: Budget | None, operator: str, left: object, right: object) -> None:
    kind, other = type(left), type(right)
    if (kind is other and kind in _ORDERED) or (kind in _NUMBERS and other in _NUMBERS):
        if budget is not None and isinstance(left, str | bytes):
            budget.read(left)
        return
    _refuse(operator, left, right)


def _refuse(operator: str, left: object, right: object) -> NoReturn:
    raise EvaluationError(f"{operator} cannot be applied to {kind_of(left)} and {kind_of(right)}")


def _int64(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow: the result does not fit into 64 bits")


def add(budget: Budget, left: object, right: object) -> object:
    """`+` of two ints, doubles, strings, bytes or lists."""
    kind = type(left)
    if kind is type(right):
        if isinstance(left, str) and isinstance(right, str):
            return budget.sized(left + right)
        if kind is int:
            return _int64(left + right)  # type: ignore[operator]
        if kind is float:
            return left + right  # type: ignore[operator]
        if isinstance(left, bytes) and isinstance(right, bytes):
            return budget.sized(left + right)
        if isinstance(left, list) and isinstance(right, list):
            return budget.sized(left + right)
    _refuse("+", left, right)


def subtract(left: object, right: object) -> int | float:
    """`-` of two ints or two doubles."""
    if type(left) is int and type(right) is int:
        return _int64(left - right)
    if type(left) is float and type(right) is float:
        return left - right
    _refuse("-", left, right)


def multiply(left: object, right: object) -> int | float:
    """`*` of two ints or two doubles."""
    if type(left) is int and type(right) is int:
        return _int64(left * right)
    if type(left) is float and type(right) is float:
        return left * right
    _refuse("*", left, right)


def divide(left: object, right: object) -> int | float:
    """`/`: ints truncate toward zero; doubles follow IEEE 754, so 1.0 / 0.0 is infinite."""
    if type(left) is int and type(right) is int:
        return _int64(_truncated(left, right))
    if type(left) is float and type(right) is float:
        if right != 0.0:
            return left / right
        return (
            math.nan
            if left == 0.0 or math.isnan(left)
            else math.copysign(math.inf, left) * math.copysign(1.0, right)
        )
    _refuse("/", left, right)


def modulo(left: object, right: object) -> int:
    """`%` of two ints: what truncating division leaves, so the sign is the left side's."""
    if type(left) is int and type(right) is int:
        return left - _int64(_truncated(left, right)) * right
    _refuse("%", left, right)


def _truncated(left: int, right: int) -> int:
    if right == 0:
        raise EvaluationError("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) is (right < 0) else -quotient


def negate(value: object) -> int | float:
    """Unary `-`."""
    if type(value) is int:
        return _int64(-value)
    if type(value) is float:
        return -value
    raise EvaluationError(f"- cannot be applied to {kind_of(value)}")


def contains_item(budget: Budget, item: object, container: object) -> bool:
    """`in`: an element of a list, or a key of a map."""
    if isinstance(container, list):
        budget.work(ELEMENT_STEPS * len(container))
        # A bool or a number compares without a further price, so one of Python's calls less is worth it.
        compare = partial(same, item) if isinstance(item, int | float) else partial(equals, budget, item)
        return any(map(compare, container))
    if isinstance(container, dict) and isinstance(item, str | int | float):
        return type(item) is str and item in container
    _refuse("in", item, container)


def index(container: object, key: object, path: str, whole: str) -> object:
    """`container[key]` with a computed key. `path` and `whole` are the expression's words; the key's value is never shown."""
    if isinstance(container, dict):
        if type(key) is str and key in container:
            return container[key]
        raise NoSuchKey(f"{whole}: the key is not in {path}", container, key)
    if isinstance(container, list):
        number = _list_index(key, whole)
        if 0 <= number < len(container):
            return container[number]
        raise EvaluationError(f"{whole}: the list's length is {len(container)}")
    raise EvaluationError(f"{whole}: {path} is {kind_of(container)}, which has no fields or elements")


def _list_index(key: object, whole: str) -> int:
    if type(key) is int:
        return key
    if type(key) is float and key.is_integer():
        return int(key)
    raise EvaluationError(f"{whole}: an element of a list is chosen by an int, not by {kind_of(key)}")


def has_field(container: object, name: str, path: str) -> bool:
    """`has(container.name)`."""
    if isinstance(container, dict):
        return name in container
    raise EvaluationError(f"has({path}.{name}): {path} is {kind_of(container)}, which has no fields")


def optional_field(container: object, name: str, path: str) -> object:
    """`container.?name`, or `.name` of something that may be absent: the value or ABSENT."""
    if isinstance(container, dict):
        return container.get(name, ABSENT)
    if container is ABSENT:
        return ABSENT
    raise EvaluationError(f"{path}.?{name}: {path} is {kind_of(container)}, which has no fields")


def optional_index(container: object, key: object, path: str, whole: str) -> object:
    """`container[?key]`: the value or ABSENT."""
    if isinstance(container, dict):
        return container.get(key, ABSENT) if type(key) is str else ABSENT
    if isinstance(container, list) and type(key) is int:
        return container[key] if 0 <= key < len(container) else ABSENT
    if container is ABSENT:
        return ABSENT
    return index(container, key, path, whole)


def index_of_optional(container: object, key: object, path: str, whole: str) -> object:
    """`container[key]` of something that may be absent: a key missing in a map is ABSENT, a list's bounds are kept."""
    if isinstance(container, dict) or container is ABSENT:
        return optional_index(container, key, path, whole)
    return index(container, key, path, whole)


def or_else(value: object, default: Callable[[], object]) -> object:
    """`.orValue(default)` and `.or(default)`; the default is computed only if needed."""
    return default() if value is ABSENT else value


def present(value: object, path: str) -> object:
    """`.value()` of something that may be absent."""
    if value is ABSENT:
        raise EvaluationError(
            f"{path}: there is no value; test it with hasValue() or give a default with orValue()"
        )
    return value


def build_list(items: Iterable[object]) -> list[object]:
    """A list with optional items: the absent ones are left out."""
    return [item for item in items if item is not ABSENT]


def build_map(entries: Iterable[tuple[object, object]]) -> Mapping[str, object]:
    """A map with optional entries or computed keys."""
    built: dict[str, object] = {}
    for key, value in entries:
        if value is ABSENT:
            continue
        if type(key) is not str:
            raise EvaluationError(f"a map's key is {kind_of(key)}; keys are strings here")
        if key in built:
            raise EvaluationError("a map is given the same key twice")
        built[key] = value
    return built
