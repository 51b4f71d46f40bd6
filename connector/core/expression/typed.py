"""A checked tree held against the types of its variables: what can never work with them, and where a value may be missing.

Google's checker has passed the tree with `value` of any type; this one knows the schemas. It follows our own evaluator, for
which a record is a map: `value["in"]`, `"a" in value` and `1 == 1.0` are fine (docs/decisions/type-check.md). It speaks only
when every record would fail, or compare in vain; what depends on the record passes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from connector.core.expression import guards, overloads
from connector.core.expression.guards import Paths, path_of, present_if
from connector.core.expression.messages import Finding
from connector.core.expression.nearest import suggestion
from connector.core.expression.shapes import (
    Bind,
    Collect,
    Macro,
    Test,
    chain,
    describe,
    flat,
    is_optional,
    recognise_macro,
)
from connector.core.expression.symbols import strange
from connector.core.expression.tree import Call, Const, Entry, Field, Fold, Foreign, ListOf, MapOf, Name, Node
from connector.core.expression.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    STRING,
    FieldType,
    Record,
    Scalar,
    Type,
    alternatives,
    in_words,
    look_up,
    one_of,
    short,
    written,
)
from connector.core.expression.types import ListOf as ListType
from connector.core.expression.types import MapOf as MapType


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known where an expression stands.

    `variables`: root variables by name; any other may be anything. `present`: paths that are surely there.
    `schemas`: names of the schemas that the value may be written by here; `all_schemas`: of those of the topic, None if they
    are not known.
    """

    variables: Mapping[str, Type]
    present: Paths = frozenset()
    schemas: tuple[str, ...] = ()
    all_schemas: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """The type of an expression's value, what is wrong in it, and what may be missing; offsets are into the expression.

    `roots`: the variables that it names. `doubts`: constants that no enum they are held against has.
    """

    type: Type
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    roots: frozenset[str]
    doubts: tuple[Finding, ...] = ()


def check(tree: Node, expression: str, known: Known, *, absent: bool = True) -> Typed:
    """Hold a tree against what is known. `absent`: the expression may be a path to something that is not there."""
    walk = _Walk(expression, known)
    scope = _Scope({}, known.present)
    base, _ = chain(tree)
    plain = absent and isinstance(base, Name)
    found = walk.read(tree, scope) if plain or is_optional(tree) else walk.value(tree, scope)
    told = _sorted(walk.errors), _sorted(walk.warnings), frozenset(walk.roots), _sorted(walk.doubts)
    return Typed(found, *told)


def _sorted(findings: dict[Finding, None]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.offset))


@dataclass(frozen=True, slots=True)
class _Scope:
    """The variables of macros, and the paths that are surely there."""

    local: Mapping[str, Type]
    present: Paths

    def knowing(self, facts: Paths) -> "_Scope":
        return replace(self, present=self.present | facts)

    def binding(self, name: str, kind: Type, facts: Paths = frozenset()) -> "_Scope":
        kept = frozenset(path for path in self.present if path[0] != name)
        return _Scope({**self.local, name: kind}, kept | facts)


_MADE: Final[Mapping[type, Type]] = {bool: BOOL, int: INT, float: DOUBLE, bytes: BYTES}


@dataclass(slots=True)
class _Walk:
    """One walk through one tree."""

    expression: str
    known: Known
    errors: dict[Finding, None] = field(default_factory=dict)
    warnings: dict[Finding, None] = field(default_factory=dict)
    doubts: dict[Finding, None] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)

    # Two ways of coming to a node: its value is needed, or it may be missing (a path alone, what stands before `.?`).

    def value(self, node: Node, scope: _Scope) -> Type:
        """The type of something that must be there."""
        found = self.read(node, scope)
        if not is_optional(node):
            self._warn_if_missing(node, scope)
        return found

    def read(self, node: Node, scope: _Scope) -> Type:
        """The type of a value, were it there."""
        match node:
            case Const(value):
                return written(value) if isinstance(value, str) else _MADE[type(value)]
            case Name(name):
                if name in scope.local:
                    return scope.local[name]
                self.roots.add(name)
                return self.known.variables.get(name, DYN)
            case Field(operand, name, test):
                # `has` asks for the last step only.
                holder = self.value(operand, scope) if test else self.read(operand, scope)
                found = self._field(holder, name, node, operand)
                return BOOL if test else found
            case Call():
                return self._call(node, scope)
            case ListOf(items):
                return ListType(one_of(self.value(item, scope) for item in items))
            case MapOf(entries):
                return self._map(entries, scope)
            case Fold() as fold:
                macro = recognise_macro(fold)
                assert macro is not None, "only macros make folds"
                return self._macro(fold, macro, scope)
            case Foreign():
                return DYN  # refused by the generator
            case never:
                assert_never(never)

    def _map(self, entries: tuple[Entry, ...], scope: _Scope) -> Type:
        values = [self.value(entry.value, scope) for entry in entries]
        keys = [entry.key.value if isinstance(entry.key, Const) else None for entry in entries]
        for entry in entries:
            self._expect(entry.key, self.value(entry.key, scope), overloads.TEXT, "a map's key")
        if any(key is None for key in keys):
            return MapType(one_of(values))
        fields = {
            str(key): FieldType(value, entry.optional)
            for key, value, entry in zip(keys, values, entries, strict=True)
        }
        return Record("", fields)

    # Paths

    def _field(self, holder: Type, step: str, node: Node, operand: Node) -> Type:
        found = look_up(holder, step)
        if found is not None:
            return found.type
        at = overloads.place_of_step(node, self.expression)
        records = [each for each in alternatives(holder) if isinstance(each, Record)]
        path = describe(operand)
        if records:
            names = {name for record in records for name in record.fields}
            self._error(at, f"{self._lacks(records, path, operand, step)}{suggestion(step, names)}")
        elif isinstance(holder, ListType):
            self._error(
                at, f"{path} is a list: take an element, as in {path}[0], or all, as in {path}.map(item, ...)"
            )
        else:
            self._error(at, f"{path} is {in_words(holder)}, which has no fields")
        return DYN

    def _lacks(self, records: list[Record], path: str, operand: Node, step: str) -> str:
        if not any(record.name for record in records):
            return f"{path} has no field {step!r}"
        base, _ = chain(operand)
        if path_of(operand) == ("value",):
            where = ""
        elif isinstance(base, Name) and base.name not in self.known.variables:
            where = f" in {path} ({in_words(one_of(records))})"
        else:
            where = f" in {path}"
        schemas = self.known.schemas
        if len(schemas) > 1:
            return f"none of the schemas {_listed(schemas)} has a field {step!r}{where}"
        whose = f"the schema {short(schemas[0])}" if schemas else "the schema"
        return f"{whose} has no field {step!r}{where}"

    def _warn_if_missing(self, node: Node, scope: _Scope) -> None:
        base, steps = chain(node)
        path = path_of(base)
        if path is None or not steps:
            return
        holder = self.read(base, scope)
        for step in steps:
            path = (*path, step)
            found = look_up(holder, step)
            if found is None:
                return
            if found.nullable and path not in scope.present:
                self._warn(node, path)
                return
            holder = found.type

    def _warn(self, node: Node, path: guards.Path) -> None:
        shown = describe(_shortened(node, path))
        before, _, name = shown.rpartition(".")
        asked = f"{before}.?{name}" if before else shown
        where = _listed(self.known.schemas) or "its schema"
        self.warnings[
            Finding(
                f"{shown} can be null ({where}), and such a record becomes a dead letter here: "
                f"read {asked} with a default, or test has({shown})",
                overloads.start(node, self.expression),
            )
        ] = None

    def _index(self, node: Call, scope: _Scope) -> Type:
        container, key = node.arguments
        if isinstance(key, Const) and isinstance(key.value, str):
            holder = self.read(container, scope)
            if node.function != "_[_]" and not is_optional(container):
                self._warn_if_missing(container, scope)
            return self._field(holder, key.value, node, container)
        constant = isinstance(key, Const) and node.function == "_[_]"
        holder = self.read(container, scope) if constant else self.value(container, scope)
        wanted = self.value(key, scope)
        self._doubt(node, [holder, wanted])
        found: list[Type] = []
        for each in alternatives(holder):
            match each:
                case ListType(item) if overloads.may_be(wanted, overloads.NUMBER):
                    found.append(item)
                case MapType(inner) if overloads.may_be(wanted, overloads.TEXT):
                    found.append(inner)
                case Record() if overloads.may_be(wanted, overloads.TEXT):
                    found.append(one_of(inner.type for inner in each.fields.values()))
                case Scalar() | ListType() | MapType() | Record():
                    continue
                case _:
                    found.append(DYN)
        if not found:
            self._error(node.position, overloads.wrong_key(container, holder, key, wanted))
        return one_of(found)

    # Calls

    def _call(self, node: Call, scope: _Scope) -> Type:
        match node:
            case Call("_&&_" | "_||_" as operator):
                operands = flat(node, operator)
                for operand in operands:
                    # An error of one is absorbed if another decides, whichever comes first.
                    facts = [
                        present_if(other, operator == "_&&_") for other in operands if other is not operand
                    ]
                    self._condition(operand, scope.knowing(frozenset().union(*facts)))
                return BOOL
            case Call("!_", (operand,)):
                self._condition(operand, scope)
                return BOOL
            case Call("_?_:_", (condition, yes, no)):
                self._condition(condition, scope)
                return one_of((
                    self.value(yes, scope.knowing(present_if(condition, True))),
                    self.value(no, scope.knowing(present_if(condition, False))),
                ))  # fmt: skip
            case Call("_[_]" | "_[?_]"):
                return self._index(node, scope)
            case Call("_?._", (operand, Const(str() as name))):
                return self._field(self.value(operand, scope), name, node, operand)
            case Call("orValue" | "or", (target, default)):
                return one_of((self.read(target, scope), self.value(default, scope)))
            case Call("hasValue", (target,)):
                self.read(target, scope)
                return BOOL
            case Call("value" | "optional.of" | "dyn" as function, (operand,)):
                found = self.value(operand, scope)
                return DYN if function == "dyn" else found
            case Call("optional.none"):
                return DYN
        types = [self.value(argument, scope) for argument in node.arguments]
        if node.function in ("_==_", "_!=_", "@in"):
            self._check_name(node)
            self._doubt(node, types)
        result = overloads.apply(node, types)
        if isinstance(result, overloads.Wrong):
            at = overloads.start(result.at, self.expression) if result.at else node.position
            self._error(at, result.message)
            return DYN
        return result

    def _check_name(self, node: Call) -> None:
        """A comparison with the name of a schema that the topic does not have holds for no record."""
        names = self.known.all_schemas
        if names is None:
            return
        for constant in guards.name_constants(*node.arguments):
            if constant.value not in names:
                message = (
                    f"the topic has no schema {constant.value!r}{suggestion(str(constant.value), names)}"
                )
                self._error(constant.position, message)

    def _doubt(self, node: Call, types: list[Type]) -> None:
        self.doubts |= dict.fromkeys(strange(node, types, _listed(self.known.schemas)))

    def _condition(self, node: Node, scope: _Scope) -> None:
        self._expect(node, self.value(node, scope), overloads.CONDITION, "a condition")

    def _expect(self, node: Node, found: Type, wanted: overloads.Kinds, what: str) -> None:
        if not overloads.may_be(found, wanted):
            at = overloads.start(node, self.expression)
            self._error(at, f"{what} must be {overloads.listed(wanted)}: {overloads.what_is(node, found)}")

    # Macros

    def _macro(self, fold: Fold, macro: Macro, scope: _Scope) -> Type:
        if isinstance(macro, Bind):
            return self.value(macro.result, scope.binding(fold.accumulator, self.value(fold.initial, scope)))
        container = self.value(fold.range, scope)
        item = self._element(container, fold)
        inner = scope.binding(fold.variable, item, guards.of_elements(fold.range, fold.variable))
        match macro:
            case Test(_, test):
                self._condition(test, inner)
                return BOOL
            case Collect(collected, condition):
                if condition is not None:
                    self._condition(condition, inner)
                    inner = inner.knowing(present_if(condition, True))
                if collected == Name(fold.variable):
                    return ListType(item)
                return ListType(self.value(collected, inner))

    def _element(self, container: Type, fold: Fold) -> Type:
        found: list[Type] = []
        for each in alternatives(container):
            match each:
                case ListType(item):
                    found.append(item)
                case MapType() | Record():
                    found.append(STRING)
                case Scalar():
                    continue
                case _:
                    found.append(DYN)
        if not found:
            at = overloads.start(fold.range, self.expression)
            self._error(at, f"{overloads.what_is(fold.range, container)}, which has no elements to loop over")
        return one_of(found)

    def _error(self, offset: int, message: str) -> None:
        self.errors[Finding(message, offset)] = None


def _shortened(node: Node, path: guards.Path) -> Node:
    """The part of a path's node that is `path`."""
    while path_of(node) != path:
        assert isinstance(node, Field | Call)
        node = node.operand if isinstance(node, Field) else node.arguments[0]
    return node


def _listed(names: tuple[str, ...]) -> str:
    shown = [short(name) for name in names[:4]]
    return ", ".join(shown) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
