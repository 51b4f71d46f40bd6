"""A mapping file's text, cut into literals and the expressions between `${` and `}`.

Knows just enough of CEL's lexis to find the closing brace: strings (plain, triple, raw), comments, nested braces.
"$${" is a literal "${"; a lone "$" is itself. Whether an expression is right is not decided here.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from connector.core.expression.values import Problem


@dataclass(frozen=True, slots=True)
class Source:
    """An expression and the offset in the whole text where it starts."""

    expression: str
    start: int


Piece: TypeAlias = str | Source

_OPENING: Final = re.compile(r"\$\$\{|\$\{")
_RAW_PREFIX: Final = re.compile(r"(?<!\w)(?:[rR][bB]?|[bB][rR])\Z")


def problem_at(text: str, offset: int, message: str) -> Problem:
    """A problem whose place is given as an offset into the text."""
    before = text[:offset]
    return Problem(message, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def split(text: str) -> tuple[Piece, ...] | Problem:
    """Literals and expressions in order; neighbouring literals are joined, so "" is no piece."""
    pieces: list[Piece] = []
    literal = ""
    at = 0
    while found := _OPENING.search(text, at):
        literal += text[at : found.start()]
        at = found.end()
        if found.group() == "$${":
            literal += "${"
            continue
        end = _closing_brace(text, at)
        if end is None:
            return problem_at(
                text, found.start(), "this ${ is never closed: a } is missing; write $${ for a literal ${"
            )
        if not text[at:end].strip():
            return problem_at(text, found.start(), "there is no expression between ${ and }")
        if literal:
            pieces.append(literal)
            literal = ""
        pieces.append(Source(text[at:end], at))
        at = end + 1
    literal += text[at:]
    if literal:
        pieces.append(literal)
    return tuple(pieces)


def _closing_brace(text: str, at: int) -> int | None:
    """The offset of the brace that ends the expression starting at `at`; None without one."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            at = _after_string(text, at)
            continue
        if text.startswith("//", at):
            newline = text.find("\n", at)
            at = len(text) if newline < 0 else newline
        elif char == "{":
            depth += 1
        elif char == "}":
            if depth == 0:
                return at
            depth -= 1
        at += 1
    return None


def _after_string(text: str, at: int) -> int:
    """The offset behind the string that opens at `at`. An unclosed one ends at the quote: CEL will complain of it."""
    raw = _RAW_PREFIX.search(text, max(0, at - 3), at) is not None
    quote = text[at] * 3 if text.startswith(text[at] * 3, at) else text[at]
    end = at + len(quote)
    while end < len(text):
        if text.startswith(quote, end):
            return end + len(quote)
        if len(quote) == 1 and text[end] == "\n":
            break
        end += 2 if text[end] == "\\" and not raw else 1
    return at + 1


def name_of_call(expression: str, offset: int) -> int:
    """CEL places a call at its parenthesis; a person looks for its name."""
    if not expression.startswith("(", offset):
        return offset
    while offset > 0 and (expression[offset - 1].isalnum() or expression[offset - 1] in "_."):
        offset -= 1
        if expression[offset] == ".":
            return offset + 1
    return offset
