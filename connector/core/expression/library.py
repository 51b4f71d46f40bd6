"""What an expression may name: the root variables and the functions, with their kinds. Closed: the engine may know more.

The same table declares our own functions to the engine, tells the generator what to call, and the messages how a function
is used.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector.core.expression import own_functions as own
from connector.core.expression import phones, strings, times
from connector.core.expression.values import Kind


@dataclass(frozen=True, slots=True)
class Variable:
    """A root variable; `element` is the kind of the values, if it is a map.

    `names`: the only fields that it can ever have, None if that depends on the record.
    """

    kind: Kind
    element: Kind | None = None
    names: frozenset[str] | None = None

    def can_have(self, step: str | int) -> bool:
        """Whether some record has this field."""
        return self.names is None or step in self.names


_BUILT_IN: Final[Mapping[str, Variable]] = {
    "value": Variable("dyn"),
    "key": Variable("dyn"),
    "headers": Variable("map", "string"),
    "schema": Variable("map", "dyn"),
    "topic": Variable("string"),
    "partition": Variable("int"),
    "offset": Variable("int"),
    "record_id": Variable("string"),
    "timestamp": Variable("int"),
    "env": Variable("map", "string"),
}

# CEL's reserved words, and names that mean something else at the start of an expression.
_RESERVED: Final = frozenset({
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "var", "void", "while", "bool", "bytes", "cel", "double", "dyn",
    "int", "list", "map", "optional", "string", "type", "uint",
})  # fmt: skip


def variables(
    tables: Iterable[str], env: Iterable[str] | None = None, lets: Iterable[str] = ()
) -> Mapping[str, Variable]:
    """The root variables with the tables of a mapping folder and `lets`. Raises ValueError for a name that cannot be one.

    `env`: the names under mappings.env, None if they are not known.
    """
    declared = dict(_BUILT_IN)
    if env is not None:
        declared["env"] = Variable("map", "string", frozenset(env))
    further = (("table", tables, Variable("map", "dyn")), ("let", lets, Variable("dyn")))
    for what, names, variable in further:
        for name in names:
            wrong = why_no_name(name, declared)
            if wrong is not None:
                raise ValueError(f"{what} {name!r}: {wrong}")
            declared[name] = variable
    return declared


def why_no_name(name: str, taken: Iterable[str]) -> str | None:
    """Why an expression could not name a variable so; `taken` are the variables that there are."""
    if not name.isidentifier() or not name.isascii():
        return "a name has only letters, digits and _, and no digit first"
    if name in _RESERVED or name in taken:
        return "this name is taken by the expression language; choose another one"
    return None


@dataclass(frozen=True, slots=True)
class Function:
    """A function for one number of arguments, the target of a member call being the first.

    `python` gets arguments of the kinds of `parameters` ("dyn": it checks itself), after the Budget if `budget`. `overloads`
    declares one of our own to the engine: one tuple for each combination of kinds, none for what CEL brings.
    """

    usage: str
    parameters: tuple[Kind, ...]
    result: Kind
    python: Callable[..., Any]
    budget: bool = False
    overloads: tuple[tuple[Kind, ...], ...] = ()


def _own(
    usage: str,
    parameters: tuple[Kind, ...],
    result: Kind,
    python: Callable[..., Any],
    *,
    budget: bool = False,
) -> Function:
    return Function(usage, parameters, result, python, budget, overloads=(parameters,))


_S: Final = "string"
_I: Final = "int"
_NUMBER: Final[tuple[tuple[Kind, ...], ...]] = (("int",), ("double",))
_TABLE: Final = (
    Function("size(x)", ("dyn",), "int", strings.size),
    Function("text.startsWith(prefix)", (_S, _S), "bool", strings.starts_with, budget=True),
    Function("text.endsWith(suffix)", (_S, _S), "bool", strings.ends_with, budget=True),
    Function("text.contains(part)", (_S, _S), "bool", strings.contains, budget=True),
    Function("text.matches(pattern)", (_S, _S), "bool", strings.matches, budget=True),
    Function("text.charAt(position)", (_S, _I), "string", strings.char_at),
    Function("text.indexOf(part)", (_S, _S), "int", strings.index_of, budget=True),
    Function("text.indexOf(part, start)", (_S, _S, _I), "int", strings.index_of, budget=True),
    Function("text.lastIndexOf(part)", (_S, _S), "int", strings.last_index_of, budget=True),
    Function("text.lastIndexOf(part, start)", (_S, _S, _I), "int", strings.last_index_of, budget=True),
    Function("text.substring(start)", (_S, _I), "string", strings.substring),
    Function("text.substring(start, end)", (_S, _I, _I), "string", strings.substring),
    Function("text.lowerAscii()", (_S,), "string", strings.lower_ascii, budget=True),
    Function("text.upperAscii()", (_S,), "string", strings.upper_ascii, budget=True),
    Function("text.trim()", (_S,), "string", strings.trim, budget=True),
    Function("text.replace(old, new)", (_S, _S, _S), "string", strings.replace, budget=True),
    Function("text.replace(old, new, limit)", (_S, _S, _S, _I), "string", strings.replace, budget=True),
    Function("text.split(separator)", (_S, _S), "list", strings.split, budget=True),
    Function("text.split(separator, limit)", (_S, _S, _I), "list", strings.split, budget=True),
    Function("list.join()", ("list",), "string", strings.join, budget=True),
    Function("list.join(separator)", ("list", _S), "string", strings.join, budget=True),
    Function("string(x)", ("dyn",), "string", strings.string, budget=True),
    Function("int(x)", ("dyn",), "int", strings.to_int, budget=True),
    Function("double(x)", ("dyn",), "double", strings.to_double, budget=True),
    Function("bool(x)", ("dyn",), "bool", strings.to_bool),
    Function("bytes(x)", ("dyn",), "bytes", strings.to_bytes, budget=True),
    _own("strip_html(text)", (_S,), "string", own.strip_html, budget=True),
    _own("truncate(text, length)", (_S, _I), "string", own.truncate),
    _own("html_escape(text)", (_S,), "string", own.html_escape, budget=True),
    _own("sha256(text)", (_S,), "string", own.sha256, budget=True),
    _own("short_id(text)", (_S,), "string", own.short_id, budget=True),
    Function("to_seconds(milliseconds)", ("dyn",), "int", times.to_seconds, overloads=_NUMBER),
    Function("to_millis(seconds)", ("dyn",), "int", times.to_millis, overloads=_NUMBER),
    _own("parse_time(text)", (_S,), "int", times.parse_time),
    _own("format_time(milliseconds)", (_I,), "string", times.format_time),
    _own("e164(text)", (_S,), "string", phones.e164, budget=True),
    _own("e164(text, region)", (_S, _S), "string", phones.e164, budget=True),
    _own("is_phone(text)", (_S,), "bool", phones.is_phone, budget=True),
    _own("is_phone(text, region)", (_S, _S), "bool", phones.is_phone, budget=True),
)


def _name(function: Function) -> str:
    return function.usage.partition("(")[0].rpartition(".")[2]


FUNCTIONS: Final[Mapping[tuple[str, int], Function]] = {(_name(f), len(f.parameters)): f for f in _TABLE}
"""By name and number of arguments."""

NO_NULL: Final = (
    "there is no null here: test a field with has(), give it a default with .orValue(...), "
    "or leave a field out with optional.none()"
)

# What the generator writes itself, so there is no Python function to name.
_WRITTEN: Final = (
    "has(value.field)",
    "list.all(item, condition)",
    "list.exists(item, condition)",
    "list.exists_one(item, condition)",
    "list.filter(item, condition)",
    "list.map(item, result)",
    "list.map(item, condition, result)",
    "optional.of(x)",
    "optional.none()",
    "value.?field.hasValue()",
    "value.?field.value()",
    "value.?field.orValue(default)",
    "value.?field.or(value.?other)",
    "value.?field.optMap(x, result)",
    "value.?field.optFlatMap(x, result)",
    "dyn(x)",
)


def usages() -> Mapping[str, tuple[str, ...]]:
    """How each function is written, by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for usage in (*(f.usage for f in _TABLE), *_WRITTEN):
        name = usage.partition("(")[0].rpartition(".")[2]
        found[name] = (*found.get(name, ()), usage)
    return found
