"""What generated code finds when it runs: the names that it may use, and how much of Python's stack it takes."""

from collections.abc import Mapping
from types import CodeType, FunctionType
from typing import Final

from connector.core.expression import operators, strings
from connector.core.expression.values import ABSENT, Budget

RUNTIME: Final[Mapping[str, object]] = {
    # Every operator under its own name.
    **{
        name: thing
        for name, thing in vars(operators).items()
        if getattr(thing, "__module__", "") == operators.__name__
    },
    "ABSENT": ABSENT,
    "Budget": Budget,
    "as_string": strings.as_string,
    "as_int": strings.as_int,
    "as_list": strings.as_list,
}

_FRAMES: Final = 4
"""A lambda in the generated code, and what calls it: an operator, and what that is made of."""


def frames_of(function: object) -> int:
    """How deep an evaluation by this generated function stands in Python's stack, at most, before it reads a variable."""
    assert isinstance(function, FunctionType)
    return 2 + _FRAMES * _nested(function.__code__)


def _nested(code: CodeType) -> int:
    """How many lambdas stand inside one another."""
    return max((1 + _nested(each) for each in code.co_consts if isinstance(each, CodeType)), default=0)
