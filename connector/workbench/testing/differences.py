"""Two JSON values -> where they differ, field by field. Compares; knows nothing of mappings, tests or terminals."""

import json
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """At a path such as `body.to[0].handle`. Both sides as JSON text; None: nothing is there."""

    path: str
    expected: str | None
    actual: str | None

    @property
    def lines(self) -> tuple[str, ...]:
        """As in a unified diff: what was expected behind `-`, what is behind `+`."""
        place = self.path or "(all)"
        sides = (("-", self.expected), ("+", self.actual))
        return tuple(f"{sign} {place}: {text}" for sign, text in sides if text is not None)


def differences(
    expected: object, actual: object, path: str = "", *, exact: bool = False
) -> Iterator[Difference]:
    """Where `actual` lacks what `expected` says.

    Fields that `expected` does not name are not compared, unless `exact`; a field that is null there must not be in `actual`.
    Lists are compared item by item and must be as long.
    """
    match expected, actual:
        case dict(), dict():
            names = (
                [*expected, *(name for name in actual if name not in expected)] if exact else list(expected)
            )
            for name in names:
                place = below(path, name)
                if expected.get(name) is None:
                    if name in actual:
                        yield from gone_or_new(actual[name], place, sign="+")
                elif name not in actual:
                    yield from gone_or_new(expected[name], place, sign="-")
                else:
                    yield from differences(expected[name], actual[name], place, exact=exact)
        case list(), list():
            shared = min(len(expected), len(actual))
            for index in range(shared):
                yield from differences(expected[index], actual[index], f"{path}[{index}]", exact=exact)
            for index, item in enumerate(expected[shared:], shared):
                yield from gone_or_new(item, f"{path}[{index}]", sign="-")
            for index, item in enumerate(actual[shared:], shared):
                yield from gone_or_new(item, f"{path}[{index}]", sign="+")
        case _:
            # True == 1 in Python, and not in JSON.
            if expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
                yield Difference(path, as_json(expected), as_json(actual))


def gone_or_new(value: object, path: str, *, sign: str) -> Iterator[Difference]:
    """All that stands in a value which only one side has, leaf by leaf. `sign`: "-" expected, "+" actual."""
    match value:
        case dict() if value:
            for name, item in value.items():
                yield from gone_or_new(item, below(path, name), sign=sign)
        case list() if value:
            for index, item in enumerate(value):
                yield from gone_or_new(item, f"{path}[{index}]", sign=sign)
        case _:
            text = as_json(value)
            yield Difference(path, text, None) if sign == "-" else Difference(path, None, text)


def below(path: str, name: str) -> str:
    """The path of a field."""
    return f"{path}.{name}" if path else name


def as_json(value: object) -> str:
    """On one line."""
    return json.dumps(value, ensure_ascii=False)
