"""CEL's functions on strings and its conversions, on Python values. Positions and sizes count code points.

The caller has checked the kinds of arguments that the table in `library` names; a parameter of type `object` is checked here.
Source of the string functions: CEL's "strings" extension; where it is silent, what Google's C++ evaluator does.
"""

import math
import re
from decimal import Decimal
from typing import Final

import re2

from connector.core.expression.values import (
    INT_MAX,
    INT_MIN,
    PATTERN_STEPS,
    SHORT,
    Budget,
    EvaluationError,
    kind_of,
)

# Unicode's White_Space. Python's strip() would also take U+001C to U+001F.
_WHITESPACE: Final = "".join(
    map(
        chr,
        (
            *range(0x09, 0x0E),
            0x20,
            0x85,
            0xA0,
            0x1680,
            *range(0x2000, 0x200B),
            0x2028,
            0x2029,
            0x202F,
            0x205F,
            0x3000,
        ),
    )
)
_TO_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_TO_UPPER: Final = {lower: upper for upper, lower in _TO_LOWER.items()}
_ASCII_SPACE: Final = " \t\n\v\f\r"
_INT: Final = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_DOUBLE: Final = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE
)
_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False),
}
_SEARCHED_AT_ONCE: Final = 30_000
"""Characters from which on Python searches a text in linear time, whatever the part."""
_SHORT_PART: Final = 8
_QUIET: Final = re2.Options()
_QUIET.log_errors = False


def as_string(value: object, function: str) -> str:
    """The string that `function` needs."""
    if type(value) is str:
        return value
    raise EvaluationError(f"{function}: expected a string, found {kind_of(value)}")


def as_int(value: object, function: str) -> int:
    """The int that `function` needs."""
    if type(value) is int:
        return value
    raise EvaluationError(f"{function}: expected an int, found {kind_of(value)}")


def as_list(value: object, function: str) -> list[object]:
    """The list that `function` needs."""
    if type(value) is list:
        return value
    raise EvaluationError(f"{function}: expected a list, found {kind_of(value)}")


def size(value: object) -> int:
    """Code points of a string, bytes of bytes, elements of a list, entries of a map."""
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    raise EvaluationError(f"size: {kind_of(value)} has no size")


def starts_with(budget: Budget, text: str, prefix: str) -> bool:
    """`text.startsWith(prefix)`."""
    budget.read(prefix)
    return text.startswith(prefix)


def ends_with(budget: Budget, text: str, suffix: str) -> bool:
    """`text.endsWith(suffix)`."""
    budget.read(suffix)
    return text.endswith(suffix)


def contains(budget: Budget, text: str, part: str) -> bool:
    """`text.contains(part)`."""
    _search(budget, text, part)
    return part in text


def _search(budget: Budget, text: str, part: str) -> None:
    """Pay for looking for a part. In shorter texts Python compares a part of up to 100 characters at every position."""
    if len(text) > _SEARCHED_AT_ONCE:
        budget.work((len(text) >> 4) + (len(part) >> 4))
    elif len(text) > SHORT:
        budget.work(len(text) * min(len(part), 100) >> 6)


class Pattern:
    """A regular expression that is known when the file is loaded, so that RE2 compiles it once."""

    __slots__ = ("_regex",)

    def __init__(self, pattern: str) -> None:
        """Raises ValueError with RE2's words if the pattern is not valid."""
        try:
            self._regex = re2.compile(pattern, _QUIET)
        except re2.error as error:
            raise ValueError(_reason(error)) from None

    def found(self, budget: Budget, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        budget.read(text, shift=3)
        try:
            # As bytes: for a str the wrapper would count the characters before the match.
            return self._regex.search(text.encode()) is not None
        except UnicodeEncodeError:
            raise EvaluationError("matches: the text is not valid Unicode") from None


def matches(budget: Budget, text: str, pattern: str) -> bool:
    """`text.matches(pattern)`, anywhere in the text. A computed pattern may hold the record's values, so it is not shown."""
    # A text may also make RE2 give up its automaton and run all states side by side.
    budget.work(PATTERN_STEPS + len(text))
    try:
        return Pattern(pattern).found(budget, text)
    except (ValueError, UnicodeEncodeError):
        raise EvaluationError("matches: the pattern is not a valid regular expression (RE2 syntax)") from None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else "not valid"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def char_at(text: str, position: int) -> str:
    """The character at a position; "" right behind the last."""
    _within("charAt", position, len(text))
    return text[position : position + 1]


def index_of(budget: Budget, text: str, part: str, start: int = 0) -> int:
    """The first position of `part` at or after `start`, or -1."""
    _within("indexOf", start, len(text))
    _search(budget, text, part)
    return text.find(part, start)


def last_index_of(budget: Budget, text: str, part: str, start: int | None = None) -> int:
    """The last position of `part` at or before `start`, or -1."""
    if start is not None:
        _within("lastIndexOf", start, len(text))
    _search(budget, text, part)
    end = len(text) if start is None else min(start + len(part), len(text))
    if len(part) <= _SHORT_PART:
        return text.rfind(part, 0, end)
    # From the end Python compares every position with the whole part; from the start it takes linear time.
    found = text[:end][::-1].find(part[::-1])
    return -1 if found < 0 else end - found - len(part)


def substring(text: str, start: int, end: int | None = None) -> str:
    """Characters from `start` up to, not including, `end`."""
    stop = len(text) if end is None else end
    _within("substring", start, len(text))
    _within("substring", stop, len(text))
    if stop < start:
        raise EvaluationError("substring: the end lies before the start")
    return text[start:stop]


def _within(function: str, position: int, length: int) -> None:
    if not 0 <= position <= length:
        raise EvaluationError(f"{function}: a position lies outside the string")


def lower_ascii(budget: Budget, text: str) -> str:
    """A to Z in lower case, all else as it is."""
    budget.read(text, shift=4 if text.isascii() else 0)
    return text.lower() if text.isascii() else text.translate(_TO_LOWER)


def upper_ascii(budget: Budget, text: str) -> str:
    """a to z in upper case, all else as it is."""
    budget.read(text, shift=4 if text.isascii() else 0)
    return text.upper() if text.isascii() else text.translate(_TO_UPPER)


def trim(budget: Budget, text: str) -> str:
    """Without white space at both ends."""
    budget.read(text)
    return text.strip(_WHITESPACE)


def replace(budget: Budget, text: str, old: str, new: str, limit: int = -1) -> str:
    """`old` by `new`, the first `limit` times (all if negative)."""
    _search(budget, text, old)
    budget.read(text, shift=2)
    if len(new) > len(old):
        times = text.count(old)
        budget.spend(len(text) + (times if limit < 0 else min(times, limit)) * (len(new) - len(old)))
    return text.replace(old, new, max(limit, -1))


def split(budget: Budget, text: str, separator: str, limit: int = -1) -> list[object]:
    """Parts between separators, at most `limit` of them (all if negative); "" splits into characters."""
    if limit == 0:
        return []
    _search(budget, text, separator)
    budget.read(text, shift=1)
    if separator:
        return list(text.split(separator, limit - 1 if limit > 0 else -1))
    if limit < 0 or limit >= len(text):
        return list(text) or [""]
    return [*text[: limit - 1], text[limit - 1 :]]


def join(budget: Budget, parts: list[object], separator: str = "") -> str:
    """All strings of a list in one, with a separator between them."""
    if len(parts) > SHORT:
        budget.work(len(parts))
    texts = [as_string(part, "join") for part in parts]
    budget.spend(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def string(budget: Budget, value: object) -> str:
    """`string(value)` in an expression."""
    if isinstance(value, bytes):
        budget.read(value)
    return to_string(value)


def to_string(value: object) -> str:
    """`string(value)`: also how a value enters a larger text."""
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(_int64("string", value))
    if isinstance(value, float):
        return _double_text(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise EvaluationError("string: these bytes are not UTF-8") from None
    raise EvaluationError(f"string: {kind_of(value)} has no form as a string")


def _double_text(value: float) -> str:
    """The shortest digits that give the same double; with an exponent from a million up and below 0.0001."""
    if not math.isfinite(value):
        return str(value)
    if value == 0.0 or 1e-4 <= abs(value) < 1e6:
        return repr(value).removesuffix(".0")
    # Not by format(): from the digits that repr() found it would round once more, and not always to them.
    shortest = Decimal(repr(value)).normalize()
    first, *rest = map(str, shortest.as_tuple().digits)
    mantissa = f"{first}.{''.join(rest)}" if rest else first
    return f"{'-' if value < 0 else ''}{mantissa}e{shortest.adjusted():+03d}"


def to_int(budget: Budget, value: object) -> int:
    """`int(value)`: of a string, a bool, or a double, cut toward zero."""
    if isinstance(value, str):
        budget.read(value)
        digits = value.strip(_ASCII_SPACE)
        if _INT.fullmatch(digits) and INT_MIN <= int(digits) <= INT_MAX:
            return int(digits)
        raise EvaluationError("int: the string is not a whole number of 64 bits")
    if isinstance(value, float):
        if INT_MIN < value < INT_MAX:
            return int(value)
        raise EvaluationError("int: the double does not fit into 64 bits")
    if isinstance(value, int):  # a bool too: 0 or 1
        return int(value)
    raise EvaluationError(f"int: {kind_of(value)} cannot become an int")


def to_double(budget: Budget, value: object) -> float:
    """`double(value)`: of a string or an int."""
    if isinstance(value, str):
        budget.read(value, shift=1)
        digits = value.strip(_ASCII_SPACE)
        if _DOUBLE.fullmatch(digits):
            return float(digits)
        raise EvaluationError("double: the string is not a number")
    if isinstance(value, float):
        return value
    if type(value) is int:
        return float(_int64("double", value))
    raise EvaluationError(f"double: {kind_of(value)} cannot become a double")


def to_bool(value: object) -> bool:
    """`bool(value)`: of the strings true, t, 1, false, f and 0."""
    if value is True or value is False:
        return value
    if isinstance(value, str) and value in _BOOLS:
        return _BOOLS[value]
    what = (
        "the string is neither true nor false"
        if isinstance(value, str)
        else f"{kind_of(value)} cannot become a bool"
    )
    raise EvaluationError(f"bool: {what}")


def to_bytes(budget: Budget, value: object) -> bytes:
    """`bytes(value)`: of a string, as UTF-8."""
    if isinstance(value, bytes):
        return value
    text = as_string(value, "bytes")
    budget.read(text)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EvaluationError("bytes: the string is not valid Unicode") from None


def _int64(function: str, value: int) -> int:
    # JSON knows no bounds: a longer int is costly to print, and no double.
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError(f"{function}: the int does not fit into 64 bits")
