"""`let`: values with a name that the expressions of a file, a topic or a rule share.

A let is evaluated when an expression first reads it, so at most once a record, and not at all for a record whose rule does not
need it. What is absent stays absent, and an error is told with the let's name. Which names there are is checked at load.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from connector.core.expression import ABSENT, BudgetExceeded, EvaluationError, NoSuchKey, Template
from connector.core.mapping.templates import Scope

Let: TypeAlias = Template | bool | int | float
"""A text, with or without `${...}`, or a number, true or false as they stand in the file."""

Lets: TypeAlias = Mapping[str, Let]
"""By name; each reads earlier ones only."""

PARTS_MAX: Final = 100_000
"""Values inside a let that is built from other lets: each could hold the one before many times."""


class LetScope(dict[str, object]):
    """A record's scope in which lets are variables. One for each record, used by one thread."""

    __slots__ = ("_ended", "_lets", "_outer")

    def __init__(self, scope: Scope, lets: Lets) -> None:
        """`scope` may be a LetScope: its lets then are evaluated and kept there, so that they are shared."""
        super().__init__(scope)
        self._outer = scope
        self._lets = lets
        self._ended: dict[str, Callable[[], EvaluationError] | None] = {}

    def __missing__(self, name: str) -> object:
        """Called when an expression reads what is not there yet. KeyError: it is absent."""
        let = self._lets.get(name)
        if let is None:
            found = self._outer[name] if isinstance(self._outer, LetScope) else ABSENT
        elif isinstance(let, Template):
            found = self._evaluated(name, let)
        else:
            found = let
        if found is ABSENT:
            raise KeyError(name)
        self[name] = found
        return found

    def _evaluated(self, name: str, let: Template) -> object:
        if name in self._ended:
            self._tell(name)
            return ABSENT
        try:
            value = let.evaluate(self)
            if type(value) in (list, dict) and not self._lets.keys().isdisjoint(let.roots):
                _check_parts(value)
        except EvaluationError as error:
            # Not kept itself: its traceback would hold this scope, and with it the record.
            message = f"let {name}: {error}"
            if isinstance(error, NoSuchKey):
                self._ended[name] = partial(NoSuchKey, message, error.container, error.key)
            else:
                kind = BudgetExceeded if isinstance(error, BudgetExceeded) else EvaluationError
                self._ended[name] = partial(kind, message)
            self._tell(name)
        if value is ABSENT:
            self._ended[name] = None
        return value

    def _tell(self, name: str) -> None:
        ended = self._ended[name]
        if ended is not None:
            raise ended() from None


def _check_parts(value: object) -> None:
    """Refuse what would fill the memory once it is written out. It takes PARTS_MAX steps at most."""
    parts, rest = 0, [value]
    while rest:
        here = rest.pop()
        inside = here.values() if isinstance(here, dict) else here if isinstance(here, list) else ()
        parts += len(inside)
        if parts > PARTS_MAX:
            raise BudgetExceeded(f"it is built from other lets and has more than {PARTS_MAX} values inside")
        rest.extend(inside)
