"""The engine's complaints in words that help: what is wrong, and what to write instead.

Its own are about grammar rules ("no viable alternative at input"), call a wrong number of arguments an unknown name, and point
at the dot behind an unknown variable. A complaint that is not known here passes through as it is.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from connector.core.expression import library


@dataclass(frozen=True, slots=True)
class Complaint:
    """What the engine said, and the offset into the expression that it said it of."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What we say instead."""

    message: str
    offset: int


TOO_DEEP: Final = Finding("the expression is nested too deeply; split it, or list texts with [...].join()", 0)

_TYPES: Final = {"optional_type": "a value that may be absent", "dyn": "any value"}
_OTHER_NAMES: Final = {
    "len": "size", "length": "size", "count": "size", "str": "string", "float": "double", "lower": "lowerAscii",
    "toLowerCase": "lowerAscii", "downcase": "lowerAscii", "upper": "upperAscii", "toUpperCase": "upperAscii", "strip": "trim",
    "lstrip": "trim", "rstrip": "trim", "uppercase": "upperAscii", "lowercase": "lowerAscii", "casefold": "lowerAscii",
    "find": "indexOf", "any": "exists", "some": "exists", "select": "filter", "collect": "map", "default": "orValue",
    "or_value": "orValue", "startswith": "startsWith", "endswith": "endsWith", "escape": "html_escape",
}  # fmt: skip
_CONSTANTS: Final = {"True": "true", "False": "false"}
_WORDS: Final = {
    "and": "'and' is no operator: write &&",
    "or": "'or' is no operator: write ||",
    "not": "'not' is no operator: write ! before the condition",
    "is": "'is' is no operator: write ==",
    "if": "there is no 'if': write condition ? this : that",
    "then": "there is no 'then': write condition ? this : that",
    "else": "there is no 'else': write condition ? this : that",
}
_QUOTES: Final = "typographic quotes do not make a string: write plain ones"
_SIGNS: Final = {
    "=": "a single = does not compare: write ==",
    "===": "=== is no operator: write ==",
    "!==": "!== is no operator: write !=",
    "<>": "<> is no operator: write !=",
    "&": "a single & is no operator: write &&",
    "|": "a single | is no operator: write || for 'or'; a function is written strip_html(value.body)",
    "??": "?? is no operator: write value.?field.orValue(default)",
    "?.": "?. is no operator: the question mark follows the dot, as in value.?field",
    "“": _QUOTES,
    "”": _QUOTES,
    "‘": _QUOTES,
    "’": _QUOTES,
}
_SIGN: Final = re.compile(r"[=!<>&|?]+\.?|[“”‘’]")
_OPERATORS: Final = {"_[_]": "[ ]", "_[?_]": "[? ]", "@in": "in", "_?_:_": "? :", "_?._": ".?"}
_OF_OPTIONALS: Final = frozenset({"orValue", "or", "value", "hasValue", "optMap", "optFlatMap"})
_EXPECTED: Final = re.compile(r"(?:missing|expecting) '([^'<]+)'")
_UNDECLARED: Final = re.compile(r"undeclared reference to '(.*)' \(in container '.*'\)")
_NO_OVERLOAD: Final = re.compile(r"found no matching overload for '(.*)' applied to '\((.*)\)'")
_NO_FIELDS: Final = re.compile(r"expression of type '(.*)' cannot be the operand of a select operation")
_NO_ELEMENTS: Final = re.compile(r"expression of type '(.*)' cannot be the range of a comprehension .*")
_NOT_OPTIONAL: Final = re.compile(r"expected type 'optional_type\(.*\)' but found '(.*)'")
_RESERVED: Final = re.compile(r"reserved identifier: (\w+)")


def translate(
    expression: str, complaints: tuple[Complaint, ...], variables: tuple[str, ...]
) -> tuple[Finding, ...]:
    """Our findings for the engine's complaints, in order of place."""
    syntax = [complaint for complaint in complaints if complaint.text.startswith("Syntax error")]
    if syntax:  # what follows the first is confusion
        return (_syntax(expression, syntax[0]),)
    # A macro that is called wrongly is not expanded, so its variables are unknown too: that says nothing.
    calls = [complaint for complaint in complaints if _of_call(expression, complaint)]
    findings = {_finding(expression, complaint, variables) for complaint in calls or complaints}
    return tuple(sorted(findings, key=lambda finding: finding.offset))


def _of_call(expression: str, complaint: Complaint) -> bool:
    return expression.startswith("(", complaint.offset) and _UNDECLARED.fullmatch(complaint.text) is not None


def _finding(expression: str, complaint: Complaint, variables: tuple[str, ...]) -> Finding:
    text, offset = complaint.text, complaint.offset
    if match := _UNDECLARED.fullmatch(text):
        if _of_call(expression, complaint):
            return _unknown_function(match[1], offset)
        return _unknown_variable(expression, match[1].partition(".")[0], offset, variables)
    if match := _NO_OVERLOAD.fullmatch(text):
        return Finding(_no_overload(match[1], match[2]), offset)
    if match := _NO_FIELDS.fullmatch(text):
        return Finding(f"a value of type {match[1]} has no fields", offset)
    if match := _NO_ELEMENTS.fullmatch(text):
        if match[1].startswith("optional_type"):
            return Finding(
                "cannot loop over a value that may be absent: give it a default, as in .orValue([])", offset
            )
        return Finding(f"a value of type {match[1]} has no elements to loop over", offset)
    if _NOT_OPTIONAL.fullmatch(text):
        return Finding(
            "after a ? stands a value that may be absent: leave the ? away, or write optional.of(...)", offset
        )
    if match := _RESERVED.fullmatch(text):
        return Finding(
            _WORDS.get(match[1], f"{match[1]!r} is a word of the language and cannot be a name"), offset
        )
    if "recursion" in text or "node count" in text:  # each optMap doubles what it stands behind
        return TOO_DEEP
    if text == "has() argument must be a field selection":
        return Finding("has() asks for a field: write has(value.field)", offset)
    if text == "invalid int literal":
        return Finding("this whole number does not fit into 64 bits", offset)
    return Finding(f"not a valid expression: {text}", offset)


def _unknown_function(name: str, offset: int) -> Finding:
    name = name.rpartition(".")[2]
    usages = library.usages()
    if name in usages:
        return Finding(f"{name} is not used like this: write {' or '.join(usages[name])}", offset - len(name))
    suggestion = _suggestion(name, tuple(usages), _OTHER_NAMES.get(name))
    return Finding(f"unknown function {name!r}{suggestion}", offset - len(name))


def _unknown_variable(expression: str, name: str, offset: int, variables: tuple[str, ...]) -> Finding:
    # The engine points at a dot behind the name.
    places = (match.start() for match in re.finditer(rf"(?<![\w.]){re.escape(name)}(?!\w)", expression))
    start = max((place for place in places if place <= offset), default=offset)
    if name in library.usages():
        return Finding(f"{name} is a function: write {library.usages()[name][0]}", start)
    if expression[:start].rstrip().endswith("{"):
        return Finding(f'a map\'s key is a string: write "{name}"', start)
    if name in ("None", "nil", "undefined"):
        return Finding(library.NO_NULL, start)
    if re.search(r"\w-\Z", expression[:start]):
        return Finding(f'unknown variable {name!r}; a field with - in its name is written ["..."]', start)
    known = ", ".join(sorted(variables))
    suggestion = _suggestion(name, variables, _CONSTANTS.get(name)) or f"; there are {known}"
    return Finding(f"unknown variable {name!r}{suggestion}", start)


def _suggestion(name: str, names: tuple[str, ...], alias: str | None) -> str:
    lower = {known.lower(): known for known in names}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.7)
    meant = alias or (lower[close[0]] if close else None)
    return f"; did you mean {meant!r}?" if meant else ""


def _no_overload(function: str, types: str) -> str:
    usages = library.usages().get(function)
    name = function if usages else _OPERATORS.get(function, function.strip("_"))
    if "optional_type" in types and function not in _OF_OPTIONALS:
        return f"{name} cannot take a value that may be absent: give it a default with .orValue(...)"
    if function in ("_==_", "_!=_"):
        return f"{name} compares {types.replace(', ', ' with ')}: they are never equal"
    if function == "_?_:_":
        return f"? : takes a condition and two values of one type, not ({types})"
    return f"{name} cannot be applied to ({types}){': write ' + ' or '.join(usages) if usages else ''}"


def _syntax(expression: str, complaint: Complaint) -> Finding:
    offset = complaint.offset
    for word in re.finditer(r"\w+", expression):
        between = expression[word.end() : offset]
        # "not x" is complained of at x.
        if word[0] in _WORDS and (word.start() == offset or between.isspace()):
            return Finding(_WORDS[word[0]], word.start())
    for sign in _SIGN.finditer(expression):
        if sign.start() <= offset <= sign.end() and sign[0] in _SIGNS:
            return Finding(_SIGNS[sign[0]], sign.start())
    if expression[offset : offset + 1] in ("'", '"') and "token recognition" in complaint.text:
        return Finding("the string that opens here is not closed, or has an unknown \\ escape", offset)
    if re.search(r"\.\s*\Z", expression[:offset]) and (field := re.match(r"\w+", expression[offset:])):
        return Finding(f'a field with this name is written ["{field[0]}"], without the dot', offset)
    end = len(expression.rstrip())
    if offset >= end or "<EOF>" in complaint.text.partition(" expecting ")[0]:
        missing = _EXPECTED.search(complaint.text)
        if missing and missing[1] == ":" and "?." in expression:
            return Finding(_SIGNS["?."], expression.index("?."))
        return Finding(
            f"the expression ends too early{f': a {missing[1]} is missing' if missing else ''}",
            max(end - 1, 0),
        )
    token = re.match(r"\w+|.", expression[offset:])
    return Finding(f"the expression cannot be read from {token[0] if token else 'here'!r} on", offset)
