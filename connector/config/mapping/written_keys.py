"""Keys of the channels file that are written out in expressions, `channels["line-1"]`, and are in no row: hardly meant.

Only a key whose absence is an error counts: a question (`channels[?"x"]`, `"x" in channels`, `has(channels.x)`) may be
answered no, and an expression that asks knows what it reads.
"""

from collections.abc import Collection, Iterator

from connector.config.problems import Problem
from connector.config.yaml_source import Loc, Source
from connector.core.expression import Language
from connector.core.expression.text import Source as Written
from connector.core.expression.text import problem_at, split
from connector.core.expression.tree import Call, Const, Field, Fold, ListOf, MapOf, Name, Node
from connector.core.expression.values import Problem as Place


def unknown_keys(source: Source, language: Language, rows: Collection[str], table: str) -> Iterator[Problem]:
    """A warning for each key in a mapping file. `language` has compiled its expressions; `table`: how the file is called."""
    for loc, text in _texts(source.data, ()):
        pieces = split(text)
        for piece in () if isinstance(pieces, Place) else pieces:
            tree = language.tree(piece.expression) if isinstance(piece, Written) else None
            if tree is None:
                continue
            assert isinstance(piece, Written), "only an expression has a tree"
            found = tuple(_keys(tree))
            asked = {key for key, position in found if position is None}
            for key, position in found:
                if position is not None and key not in rows and key not in asked:
                    said = f"the key {key!r} of channels is in no row of {table}"
                    at = problem_at(text, piece.start + position, said)
                    yield source.inside(loc, said, at.line, at.column)


def _texts(value: object, loc: Loc) -> Iterator[tuple[Loc, str]]:
    match value:
        case str() if "${" in value:
            yield loc, value
        case dict():
            for name, item in value.items():
                if not (name == "tests" and len(loc) == _IN_TOPIC):
                    yield from _texts(item, (*loc, name))
        case list():
            for index, item in enumerate(value):
                yield from _texts(item, (*loc, index))


_IN_TOPIC = 2
"""topics, and the topic's name: its tests are no expressions."""


def _keys(node: Node) -> Iterator[tuple[str, int | None]]:
    """The constant keys of `channels` in an expression: where it reads them, as an offset; None: it asks for them."""
    match node:
        case Field(Name("channels"), key, True) | Call("@in", (Const(str() as key), Name("channels"))):
            yield key, None
        case Field(Name("channels"), key, False, position) | Call(
            "_[_]", (Name("channels"), Const(str() as key)), _, position
        ):
            yield key, position
        case Field(operand):
            yield from _keys(operand)
        case Call(_, arguments):
            for argument in arguments:
                yield from _keys(argument)
        case ListOf(items):
            for item in items:
                yield from _keys(item)
        case MapOf(entries):
            for entry in entries:
                yield from (*_keys(entry.key), *_keys(entry.value))
        case Fold():
            for part in (node.range, node.initial, node.condition, node.step, node.result):
                yield from _keys(part)
        case _:
            return
