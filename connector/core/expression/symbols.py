"""Constants that stand beside an enum and are none of its symbols: a comparison, a list, the keys of a table.

They are doubts and no errors: a newer version of the schema may have the symbol. Never here: what a value's type is
(`typed.py`).
"""

from collections.abc import Iterator, Sequence

from connector.core.expression.messages import Finding
from connector.core.expression.nearest import suggestion
from connector.core.expression.shapes import describe
from connector.core.expression.tree import Call, Const, ListOf, MapOf, Node
from connector.core.expression.types import ListOf as ListType
from connector.core.expression.types import Texts, Type, short, texts_of


def strange(node: Call, types: Sequence[Type], schemas: str) -> Iterator[Finding]:
    """A finding for each constant in a comparison, `in` or `[...]`, given its operands' types; `schemas`: their names."""
    (left, right), (one, other) = node.arguments, types
    match node.function:
        case "_==_" | "_!=_":
            pairs = [(left, right, other), (right, left, one)]
        case "@in":
            elements = other.item if isinstance(other, ListType) else None
            pairs = [(each, left, one) for each in _listed(right)]
            pairs += [] if elements is None else [(left, right, elements)]
        case _:
            pairs = [(each, right, other) for each in _listed(left)]
    for constant, beside, kind in pairs:
        texts = texts_of(kind)
        if isinstance(constant, Const) and isinstance(constant.value, str) and texts is not None:
            yield from _doubt(constant, constant.value, beside, texts, schemas)


def _doubt(constant: Const, text: str, beside: Node, texts: Texts, schemas: str) -> Iterator[Finding]:
    if not texts.enums or text in texts.symbols | texts.written:
        return
    path = describe(beside)
    enums = " or ".join(short(name) for name in texts.enums)
    where = f" ({schemas})" if schemas else ""
    yield Finding(
        f"{'this' if path == '...' else path} is an enum {enums}{where}, which has no symbol {text!r}"
        f"{suggestion(text, texts.symbols)}",
        constant.position,
    )


def _listed(node: Node) -> tuple[Node, ...]:
    """The elements of a list that an expression writes, or the keys of a map."""
    match node:
        case ListOf(items):
            return items
        case MapOf(entries):
            return tuple(entry.key for entry in entries)
        case _:
            return ()
