"""A checked tree -> a Python function from a scope to a value.

The function is one Python expression. In its source `s` is the scope, `m` the Budget, `v1`, `v2` ... the variables of macros;
every other name is an operator, a library function or a prepared reader. What is not on the closed list of `library` is refused
here, and so is a value that may be absent where a value must be.

A value that may be absent ("optional" in CEL) is itself or ABSENT in the generated code. It never enters a list, a map or a
function, so no wrapper is needed to tell "present but absent inside" from "absent".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from connector.core.expression import library, phones, strings
from connector.core.expression.library import Function, Variable
from connector.core.expression.paths import Step, define, extend, reader
from connector.core.expression.runtime import RUNTIME, frames_of
from connector.core.expression.shapes import (
    Bind,
    Macro,
    Test,
    chain,
    describe,
    flat,
    is_optional,
    recognise_macro,
)
from connector.core.expression.tree import Call, Const, Entry, Field, Fold, Foreign, ListOf, MapOf, Name, Node
from connector.core.expression.values import Kind, Scope


@dataclass(frozen=True, slots=True)
class Generated:
    """`evaluate` gives a value or ABSENT and raises EvaluationError; `roots` are the variables it reads."""

    evaluate: Callable[[Scope], object]
    roots: frozenset[str]
    frames: int
    """How deep an evaluation stands in Python's stack, at most, before it reads a variable."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Valid CEL, but not for mapping files. `position` is an offset into the expression."""

    message: str
    position: int


@dataclass(frozen=True, slots=True)
class _Code:
    """A Python expression and the kind of its value."""

    text: str
    kind: Kind = "dyn"
    constant: bool = False


class _Refusal(Exception):
    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.refused = Refused(message, node.position)


_Locals = Mapping[str, str]
"""Names of macro variables -> their Python names."""

_COMPARISONS: Final = {"_<_": "less", "_<=_": "less_or_equal", "_>_": "greater", "_>=_": "greater_or_equal"}
_ARITHMETIC: Final = {"_-_": "subtract", "_*_": "multiply", "_/_": "divide", "_%_": "modulo", "-_": "negate"}
_TYPES: Final = {"string": "as_string", "int": "as_int", "list": "as_list"}


def generate(tree: Node, variables: Mapping[str, Variable], *, absent: bool = True) -> Generated | Refused:
    """Write and compile the function of a tree. A pure path to something missing gives ABSENT if `absent`, else an error."""
    generator = _Generator(variables)
    try:
        code = generator.whole(tree, absent=absent)
    except _Refusal as refusal:
        return refusal.refused
    budget = " m = Budget(s)\n" if generator.uses_budget else ""
    function = define(
        f"def evaluate(s):\n{budget} return {code}\n", "evaluate", {**RUNTIME, **generator.names}
    )
    return Generated(function, frozenset(generator.roots), frames_of(function))


def _check_region(region: tuple[Node, ...]) -> None:
    """A phone number's region that is written in the file must be one; one from the record is checked with the record."""
    match region:
        case (Const(str() as name) as node,) if (wrong := phones.why_no_region(name)) is not None:
            raise _Refusal(f"{wrong}, not {name!r}", node)


@dataclass(slots=True)
class _Generator:
    """Writes one function; collects what it needs on the way."""

    variables: Mapping[str, Variable]
    names: dict[str, object] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)
    uses_budget: bool = False
    macro_variables: int = 0

    def whole(self, node: Node, *, absent: bool) -> str:
        """The expression itself: here, and only here, a value may be absent."""
        base, steps = chain(node)
        if isinstance(base, Name) and base.name in self.variables:
            return self._path(base, steps, {}, absent=absent).text
        return self._optional(node, {}) if is_optional(node) else self._value(node, {}).text

    def _name(self, thing: object) -> str:
        name = f"n{len(self.names)}"
        self.names[name] = thing
        return name

    def _value(self, node: Node, local: _Locals) -> _Code:
        """Code of something that must have a value."""
        if is_optional(node):
            raise _Refusal(f"{describe(node)} may be absent here: give it a default with .orValue(...)", node)
        match node:
            case Const(value):
                return self._constant(value)
            case Name() | Field(test=False) | Call("_[_]"):
                return self._read(node, local)
            case Field(operand, name):
                return self._has(operand, name, local)
            case Call():
                return self._call(node, local)
            case ListOf(items, optional):
                texts = [
                    self._optional(item, local) if number in optional else self._value(item, local).text
                    for number, item in enumerate(items)
                ]
                text = f"[{', '.join(texts)}]"
                return _Code(f"build_list({text})" if optional else text, "list")
            case MapOf(entries):
                return _Code(self._map(entries, local), "map")
            case Fold() as fold:
                return self._macro(fold, local)
            case Foreign("null"):
                raise _Refusal(library.NO_NULL, node)
            case Foreign(what):
                raise _Refusal(f"mapping files do not have {what}", node)
            case never:
                assert_never(never)

    def _constant(self, value: bool | int | float | str | bytes) -> _Code:
        if isinstance(value, bool):
            return _Code(str(value), "bool", constant=True)
        kinds: Mapping[type, Kind] = {int: "int", float: "double", str: "string", bytes: "bytes"}
        # By name: Python warns of `is` beside a literal, and the file's own texts stay out of the source.
        return _Code(self._name(value), kinds[type(value)], constant=True)

    # Paths

    def _read(self, node: Node, local: _Locals) -> _Code:
        base, steps = chain(node)
        if isinstance(base, Name):
            return self._path(base, steps, local, absent=False)
        if steps:
            read = self._name(reader(describe(base), steps))
            return _Code(f"{read}({self._value(base, local).text})")
        assert isinstance(base, Call)
        container, key = base.arguments
        return _Code(
            self._indexed("index", base, self._value(container, local).text, self._value(key, local).text)
        )

    def _path(self, base: Name, steps: tuple[Step, ...], local: _Locals, *, absent: bool) -> _Code:
        if base.name in local:
            variable = local[base.name]
            return _Code(f"{self._name(reader(base.name, steps))}({variable})") if steps else _Code(variable)
        if base.name not in self.variables:
            raise _Refusal(f"mapping files do not have {base.name}", base)
        if steps and not self.variables[base.name].can_have(steps[0]):
            # Only `env` has names that are known now. `env.?NAME` and has() ask, and may ask for any.
            path = extend(base.name, steps[0])
            raise _Refusal(f"{path}: {steps[0]} is not under mappings.{base.name}", base)
        self.roots.add(base.name)
        return _Code(f"{self._name(reader('', (base.name, *steps), absent=absent))}(s)")

    def _indexed(self, function: str, node: Call, container: str, key: str) -> str:
        return f"{function}({container}, {key}, {describe(node.arguments[0])!r}, {describe(node)!r})"

    def _has(self, operand: Node, name: str, local: _Locals) -> _Code:
        path = describe(operand)
        if is_optional(operand):
            return _Code(
                f"(optional_field({self._optional(operand, local)}, {name!r}, {path!r}) is not ABSENT)",
                "bool",
            )
        return _Code(f"has_field({self._value(operand, local).text}, {name!r}, {path!r})", "bool")

    # Calls

    def _call(self, node: Call, local: _Locals) -> _Code:
        match node:
            case Call("_&&_" | "_||_" as operator):
                operands = [f"lambda: {self._value(operand, local).text}" for operand in flat(node, operator)]
                return _Code(f"{'all_of' if operator == '_&&_' else 'any_of'}({', '.join(operands)})", "bool")
            case Call("!_", (operand,)):
                return _Code(f"(not {self._condition(operand, local)})", "bool")
            case Call("_?_:_", (condition, yes, no)):
                first, second = self._value(yes, local), self._value(no, local)
                text = f"({first.text} if {self._condition(condition, local)} else {second.text})"
                return _Code(text, first.kind if first.kind == second.kind else "dyn")
            case Call("_==_" | "_!=_" as operator, (left, right)):
                text = self._equal(self._value(left, local), self._value(right, local))
                return _Code(text if operator == "_==_" else f"(not {text})", "bool")
            case Call("@in", (item, container)):
                self.uses_budget = True
                return _Code(
                    f"contains_item(m, {self._value(item, local).text}, {self._value(container, local).text})",
                    "bool",
                )
            case Call("dyn", (operand,)):
                return _Code(self._value(operand, local).text)
            case Call("_+_", (left, right)):
                return self._sum(self._value(left, local), self._value(right, local))
            case Call("hasValue", (target,)):
                return _Code(f"({self._target(node, target, local)} is not ABSENT)", "bool")
            case Call("value", (target,)):
                return _Code(f"present({self._target(node, target, local)}, {describe(target)!r})")
            case Call("orValue", (target, default)):
                return _Code(
                    f"or_else({self._target(node, target, local)}, lambda: {self._value(default, local).text})"
                )
        return self._simple_call(node, [self._value(argument, local) for argument in node.arguments])

    def _simple_call(self, node: Call, arguments: list[_Code]) -> _Code:
        if node.function in _COMPARISONS:
            budget = self._unless_constant(*arguments)
            return _Code(
                f"{_COMPARISONS[node.function]}({budget}, {', '.join(a.text for a in arguments)})", "bool"
            )
        if node.function in _ARITHMETIC:
            return _Code(f"{_ARITHMETIC[node.function]}({', '.join(a.text for a in arguments)})")
        function = library.FUNCTIONS.get((node.function, len(arguments)))
        if function is None:
            raise _Refusal(f"mapping files do not have the function {node.function}", node)
        if node.function == "matches" and isinstance(pattern := node.arguments[1], Const):
            return self._matches(arguments[0], pattern)
        if function.python in (phones.e164, phones.is_phone):
            _check_region(node.arguments[1:])
        return self._library_call(node.function, function, arguments)

    def _library_call(self, name: str, function: Function, arguments: list[_Code]) -> _Code:
        texts = [
            argument.text if kind in ("dyn", argument.kind) else f"{_TYPES[kind]}({argument.text}, {name!r})"
            for kind, argument in zip(function.parameters, arguments, strict=True)
        ]
        if function.budget:
            self.uses_budget = True
            texts.insert(0, "m")
        text = f"{self._name(function.python)}({', '.join(texts)})"
        return (
            self._sized(text, function.result)
            if function.result in ("string", "list")
            else _Code(text, function.result)
        )

    def _sized(self, text: str, kind: Kind) -> _Code:
        self.uses_budget = True
        return _Code(f"m.sized({text})", kind)

    def _matches(self, text: _Code, pattern: Const) -> _Code:
        try:
            compiled = strings.Pattern(str(pattern.value))
        except ValueError as error:
            raise _Refusal(f"not a valid regular expression (RE2 syntax): {error}", pattern) from None
        argument = text.text if text.kind == "string" else f"as_string({text.text}, 'matches')"
        self.uses_budget = True
        return _Code(f"{self._name(compiled.found)}(m, {argument})", "bool")

    def _condition(self, node: Node, local: _Locals) -> str:
        code = self._value(node, local)
        return code.text if code.kind == "bool" else f"truth({code.text})"

    def _equal(self, left: _Code, right: _Code) -> str:
        # A string equals nothing but a string and True is one object: Python's own comparison is right, and four times as fast.
        if any(each.kind == "string" and each.constant for each in (left, right)):
            return f"({left.text} == {right.text})"
        for one, other in ((left, right), (right, left)):
            if one.text in ("True", "False"):
                return f"({other.text} is {one.text})"
        if left.constant or right.constant:
            return f"same({left.text}, {right.text})"
        self.uses_budget = True
        return f"equals(m, {left.text}, {right.text})"

    def _unless_constant(self, *arguments: _Code) -> str:
        if any(argument.constant for argument in arguments):
            return "None"
        self.uses_budget = True
        return "m"

    def _sum(self, left: _Code, right: _Code) -> _Code:
        self.uses_budget = True
        kinds = {left.kind, right.kind} & {"string", "int", "double"}
        return _Code(f"add(m, {left.text}, {right.text})", min(kinds) if len(kinds) == 1 else "dyn")

    def _map(self, entries: tuple[Entry, ...], local: _Locals) -> str:
        keys = [entry.key.value if isinstance(entry.key, Const) else None for entry in entries]
        for number, (entry, key) in enumerate(zip(entries, keys, strict=True)):
            if key is not None and not isinstance(key, str):
                raise _Refusal("a map's key is a string here: put it in quotes", entry.key)
            if key is not None and key in keys[:number]:
                raise _Refusal(f"the key {key!r} is given twice", entry.key)
        pairs = [
            (
                self._value(e.key, local).text,
                self._optional(e.value, local) if e.optional else self._value(e.value, local).text,
            )
            for e in entries
        ]
        if None in keys or any(entry.optional for entry in entries):
            return f"build_map([{', '.join(f'({key}, {value})' for key, value in pairs)}])"
        return f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"

    # Values that may be absent

    def _target(self, node: Call, target: Node, local: _Locals) -> str:
        if is_optional(target):
            return self._optional(target, local)
        raise _Refusal(
            f"{node.function}() is for a value that may be absent: write .?field or [?key] before it", node
        )

    def _optional(self, node: Node, local: _Locals) -> str:
        """Code of something that is a value or ABSENT."""
        if not is_optional(node):
            raise _Refusal(
                f"{describe(node)} always has a value: leave the ? away, or write optional.of(...)", node
            )
        match node:
            case Call("optional.none"):
                return "ABSENT"
            case Call("optional.of", (value,)):
                return self._value(value, local).text
            case Call("_?._", (operand, Const(str() as name))):
                return f"optional_field({self._either(operand, local)}, {name!r}, {describe(operand)!r})"
            case Field(operand, name):
                return f"optional_field({self._optional(operand, local)}, {name!r}, {describe(operand)!r})"
            case Call("_[?_]", (operand, key)):
                return self._indexed(
                    "optional_index", node, self._either(operand, local), self._value(key, local).text
                )
            case Call("_[_]", (operand, key)):
                return self._indexed(
                    "index_of_optional", node, self._optional(operand, local), self._value(key, local).text
                )
            case Call("or", (target, other)):
                return f"or_else({self._optional(target, local)}, lambda: {self._target(node, other, local)})"
            case Call("_?_:_", (condition, yes, no)) if is_optional(yes) and is_optional(no):
                first, second = self._optional(yes, local), self._optional(no, local)
                return f"({first} if {self._condition(condition, local)} else {second})"
            case Call("_?_:_"):
                raise _Refusal(
                    "one side of ? : may be absent and the other not: write optional.of(...) around the other",
                    node,
                )
            case Fold() as fold:
                return self._bind(fold, recognise_macro(fold), local)
        raise AssertionError(f"{node} is optional and has no code")

    def _either(self, node: Node, local: _Locals) -> str:
        return self._optional(node, local) if is_optional(node) else self._value(node, local).text

    # Macros

    def _macro(self, fold: Fold, local: _Locals) -> _Code:
        macro = recognise_macro(fold)
        if isinstance(macro, Bind):
            return _Code(self._bind(fold, macro, local))
        assert macro is not None, "only macros make folds"
        self.uses_budget = True
        each = f"m.each({self._value(fold.range, local).text}, {describe(fold.range)!r})"
        variable = self._variable()
        inner = {**local, fold.variable: variable}
        if isinstance(macro, Test):
            function = {"all": "all_items", "exists": "any_item", "exists_one": "one_item"}[macro.macro]
            return _Code(
                f"{function}({each}, lambda {variable}: {self._value(macro.test, inner).text})", "bool"
            )
        condition = f" if {self._condition(macro.condition, inner)}" if macro.condition is not None else ""
        return _Code(f"[{self._value(macro.item, inner).text} for {variable} in {each}{condition}]", "list")

    def _bind(self, fold: Fold, macro: Macro | None, local: _Locals) -> str:
        assert isinstance(macro, Bind)
        variable = self._variable()
        result = self._either(macro.result, {**local, fold.accumulator: variable})
        return f"(lambda {variable}: {result})({self._value(fold.initial, local).text})"

    def _variable(self) -> str:
        self.macro_variables += 1
        return f"v{self.macro_variables}"
