"""CEL's checked tree: the protobuf that the engine serialises, read into nodes of our own.

The message descriptors are declared here (names and numbers from cel.expr's checked.proto and syntax.proto), since no installed
package brings them; only the fields that we read. Protobuf itself decodes: its limit of 100 nested messages is also ours.
"""

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError


def _position() -> Any:
    """Where a node stands, as an offset into the expression; two nodes are equal wherever they stand."""
    return field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: bool | int | float | str | bytes
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Name:
    """A variable: a root, or one that a macro made."""

    name: str
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Field:
    """`operand.field`, or `has(operand.field)` if `test`."""

    operand: "Node"
    field: str
    test: bool = False
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator. The target of a call written `target.function(...)` is the first argument."""

    function: str
    arguments: "tuple[Node, ...]"
    member: bool = False
    position: int = _position()


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; `optional` holds the numbers of the items written `?item`."""

    items: "tuple[Node, ...]"
    optional: frozenset[int] = frozenset()
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a map, or `?key: value`."""

    key: "Node"
    value: "Node"
    optional: bool


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map, in the order written."""

    entries: tuple[Entry, ...]
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Fold:
    """What every macro with a loop becomes: for each `variable` of `range`, while `condition`, `accumulator` = `step`."""

    variable: str
    range: "Node"
    accumulator: str
    initial: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something of CEL that mapping files do not have; `what` names it."""

    what: str
    position: int = _position()


Node: TypeAlias = Const | Name | Field | Call | ListOf | MapOf | Fold | Foreign


@dataclass(frozen=True, slots=True)
class TooDeep:
    """The tree is nested deeper than protobuf reads."""


def read_checked(serialized: bytes) -> Node | TooDeep:
    """The nodes of a serialised CheckedExpr (packed in an Any, as the engine gives it)."""
    packed = AnyMessage.FromString(serialized)
    assert packed.type_url.endswith("/cel.expr.CheckedExpr")
    try:
        checked = _CHECKED_EXPR.FromString(packed.value)
    except DecodeError:
        return TooDeep()
    positions = {entry.key: entry.value for entry in checked.source_info.positions}
    return _node(checked.expr, positions)


def _node(expr: Any, positions: dict[int, int]) -> Node:
    at = positions.get(expr.id, 0)
    if expr.HasField("const_expr"):
        return _constant(expr.const_expr, at)
    if expr.HasField("ident_expr"):
        return Name(expr.ident_expr.name, at)
    if expr.HasField("select_expr"):
        select = expr.select_expr
        return Field(_node(select.operand, positions), select.field, select.test_only, at)
    if expr.HasField("call_expr"):
        call = expr.call_expr
        target = (_node(call.target, positions),) if call.HasField("target") else ()
        return Call(
            call.function, target + tuple(_node(arg, positions) for arg in call.args), bool(target), at
        )
    if expr.HasField("list_expr"):
        items = tuple(_node(item, positions) for item in expr.list_expr.elements)
        return ListOf(items, frozenset(expr.list_expr.optional_indices), at)
    if expr.HasField("struct_expr"):
        struct = expr.struct_expr
        if struct.message_name:
            return Foreign(f"the message type {struct.message_name}", at)
        return MapOf(
            tuple(
                Entry(_node(e.map_key, positions), _node(e.value, positions), e.optional_entry)
                for e in struct.entries
            ),
            at,
        )
    if expr.HasField("comprehension_expr"):
        return _fold(expr.comprehension_expr, at, positions)
    return Foreign("an empty expression", at)


def _fold(loop: Any, at: int, positions: dict[int, int]) -> Node:
    if loop.iter_var2:
        return Foreign("a loop with two variables", at)
    return Fold(
        variable=loop.iter_var,
        range=_node(loop.iter_range, positions),
        accumulator=loop.accu_var,
        initial=_node(loop.accu_init, positions),
        condition=_node(loop.loop_condition, positions),
        step=_node(loop.loop_step, positions),
        result=_node(loop.result, positions),
        position=at,
    )


def _constant(constant: Any, at: int) -> Node:
    for name in ("bool_value", "int64_value", "double_value", "string_value", "bytes_value"):
        if constant.HasField(name):
            return Const(getattr(constant, name), at)
    if constant.HasField("uint64_value"):
        return Foreign("an unsigned number", at)
    return Foreign("null", at)


_F: Final = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "bool": _F.TYPE_BOOL,
    "int32": _F.TYPE_INT32,
    "int64": _F.TYPE_INT64,
    "uint64": _F.TYPE_UINT64,
    "double": _F.TYPE_DOUBLE,
    "string": _F.TYPE_STRING,
    "bytes": _F.TYPE_BYTES,
}
# name:number:type, "*" for repeated. proto2, because there a scalar knows whether it was sent.
_MESSAGES: Final = {
    "CheckedExpr": "expr:4:Expr source_info:5:SourceInfo",
    "SourceInfo": "positions:4:Position*",
    "Position": "key:1:int64 value:2:int32",
    "Expr": "id:2:int64 const_expr:3:Constant ident_expr:4:Ident select_expr:5:Select call_expr:6:Call "
    "list_expr:7:CreateList struct_expr:8:CreateStruct comprehension_expr:9:Comprehension",
    "Constant": "null_value:1:int32 bool_value:2:bool int64_value:3:int64 uint64_value:4:uint64 double_value:5:double "
    "string_value:6:string bytes_value:7:bytes",
    "Ident": "name:1:string",
    "Select": "operand:1:Expr field:2:string test_only:3:bool",
    "Call": "target:1:Expr function:2:string args:3:Expr*",
    "CreateList": "elements:1:Expr* optional_indices:2:int32*",
    "CreateStruct": "message_name:1:string entries:2:Entry*",
    "Entry": "map_key:3:Expr value:4:Expr optional_entry:5:bool",
    "Comprehension": "iter_var:1:string iter_range:2:Expr accu_var:3:string accu_init:4:Expr loop_condition:5:Expr "
    "loop_step:6:Expr result:7:Expr iter_var2:8:string",
}


def _declare() -> Any:
    """The message class of CheckedExpr, in a pool of its own: another package may declare the real one."""
    file = descriptor_pb2.FileDescriptorProto(name="checked.proto", package="cel.expr", syntax="proto2")
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        for text in fields.split():
            name, number, kind = text.split(":")
            repeated = kind.endswith("*")
            kind = kind.rstrip("*")
            added = declared.field.add(name=name, number=int(number))
            added.label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
            added.type = _SCALARS.get(kind, _F.TYPE_MESSAGE)
            if kind not in _SCALARS:
                added.type_name = f".cel.expr.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("cel.expr.CheckedExpr"))


_CHECKED_EXPR: Final = _declare()
