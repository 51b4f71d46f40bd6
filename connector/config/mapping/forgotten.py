"""Texts that look like an expression and are none, since their `${` is forgotten: `value.x`, `{value.x}`, `{{ value.x }}`.

They would go to Front as they stand. Doubts and no errors: Front takes any text.
"""

import re
from typing import Final

from connector.core.expression import library

_STEP: Final = r"(?:\.\??[A-Za-z_]\w*|\[\??[^\[\]]+\])"
_FIELD: Final = rf"(?:(?:value|key|headers|env){_STEP}+|channels\[.+\]|schema\.(?:name|namespace|id))"
_PATH: Final = re.compile(rf"\s*({_FIELD})\s*")
_INSIDE: Final = re.compile(rf"(?<![\w.]){_FIELD}")
_CALL: Final = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\(.*\)", re.DOTALL)
_BRACES: Final = re.compile(r"\s*\{(.*)\}\s*", re.DOTALL)
_SHOWN_MAX: Final = 60


def meant(text: str) -> str | None:
    """What to write instead of a text without `${`, in quotes; None: it looks like a text."""
    if "${" in text:
        return None
    if path := _PATH.fullmatch(text):
        expression = path[1]
    elif (braces := _BRACES.fullmatch(text)) and _like_expression(braces[1]):
        expression = braces[1].strip().removeprefix("{").removesuffix("}").strip()
    else:
        return None
    shown = expression if len(expression) <= _SHOWN_MAX and "\n" not in expression else "..."
    quote = '"' if "'" in shown and '"' not in shown else "'"
    return f"{quote}${{{shown}}}{quote}"


def doubt(place: str, text: str) -> str | None:
    """The warning about a text at `place`, if it looks like an expression."""
    instead = meant(text)
    return (
        None
        if instead is None
        else f"{place}: this is a text, as it stands: write {instead} for the expression's value"
    )


def _like_expression(text: str) -> bool:
    call = _CALL.search(text)
    return _INSIDE.search(text) is not None or (call is not None and call[1] in library.usages())
