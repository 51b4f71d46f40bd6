"""Values of a YAML text replaced where they stand; every other character of the text stays: comments, layout, anchors, quotes.

A parser tells where a value begins and ends; only that piece is written anew. What cannot be written in place,
because it comes from an alias or from `<<`, is written out with the nearest value around it. Texts only: no files.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from connector.config.yaml_source import Loc

_LINE_END: Final = re.compile(r"\r?\n")
LINE_MAX: Final = 100
"""A value is written on one line if it then ends before this column."""


@dataclass(slots=True)
class _Piece:
    """A value in the text: from `start` to before `end`. `children` by key or number; None for what is no collection."""

    start: int
    end: int
    column: int
    flow: bool
    alias: bool = False
    anchor: str | None = None
    children: dict[str | int, "_Piece"] | None = None
    keys: dict[str | int, tuple[int, int]] = field(default_factory=dict)
    """Where the key of a child, or the child of a list, begins: in the text, and its column."""


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def replace_values(text: str, changes: Mapping[Loc, tuple[object, object]]) -> str | None:
    """The text in which the values at these places are others; None if the map around one of them is an alias.

    changes: place -> (what stands there now, what shall stand there). The text must be valid YAML that holds the former.
    A value that is None now may be absent: then its key is added to the map around it.
    """
    root = _Builder(text).build()
    if not all(_is_written(root, loc[:-1]) for loc in changes):
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    edits: list[_Edit] = []
    for loc, (now, wanted) in changes.items():
        edits += _edits(text, root, loc, now, wanted)
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        text = text[: edit.start] + edit.text.replace("\n", newline) + text[edit.end :]
    return text


def first_difference(one: object, other: object, loc: Loc = ()) -> Loc | None:
    """Where two files' values are not the same, as YAML tells them apart: true is not 1. None: nowhere."""
    pairs: Iterable[tuple[str | int, object, object]]
    match one, other:
        case dict(), dict():
            if uneven := one.keys() ^ other.keys():
                return (*loc, min(uneven))
            pairs = ((name, item, other[name]) for name, item in one.items())
        case list(), list() if len(one) == len(other):
            pairs = ((index, *both) for index, both in enumerate(zip(one, other, strict=True)))
        case _:
            return None if one == other and type(one) is type(other) else loc
    found = (first_difference(left, right, (*loc, step)) for step, left, right in pairs)
    return next((each for each in found if each is not None), None)


def _is_written(root: _Piece, loc: Loc) -> bool:
    here: _Piece | None = root
    for step in loc:
        here = ((here and here.children) or {}).get(step)
    return here is not None and not here.alias


def _edits(text: str, root: _Piece, loc: Loc, now: object, wanted: object) -> Iterator[_Edit]:
    around, piece = root, root
    for step in loc:
        found = (piece.children or {}).get(step)
        if found is None:
            assert step == loc[-1], "all but the last step stand in the text"
            yield _added(text, piece, str(step), wanted)
            return
        around, piece = piece, found
    yield from _changed(text, around, loc[-1], piece, (now, wanted))


def _changed(
    text: str, around: _Piece, step: str | int, piece: _Piece, values: tuple[object, object]
) -> Iterator[_Edit]:
    """The smallest edits that make the one value of `values` the other."""
    now, wanted = values
    if first_difference(now, wanted) is None:
        return
    inner = piece.children
    match now, wanted:
        case dict(), dict() if inner is not None and now.keys() == wanted.keys() == inner.keys():
            for name, item in now.items():
                yield from _changed(text, piece, name, inner[name], (item, wanted[name]))
        case dict(), dict() if _only_less(piece, now, wanted) and (
            gone := _without(text, piece, now, wanted)
        ):
            yield from gone
            for name, item in wanted.items():
                assert inner is not None, "a map has values"
                yield from _changed(text, piece, name, inner[name], (now[name], item))
        case list(), list() if inner is not None and len(now) == len(wanted) == len(inner):
            for index, item in enumerate(now):
                yield from _changed(text, piece, index, inner[index], (item, wanted[index]))
        case _:
            yield _replaced(text, around, step, piece, wanted)


def _replaced(text: str, around: _Piece, step: str | int, piece: _Piece, wanted: object) -> _Edit:
    anchor = "" if piece.anchor is None else f"&{piece.anchor} "
    line = _one_line(wanted, in_flow=around.flow)
    is_block = piece.children is not None and not piece.flow
    if around.flow or (not _is_map_or_list(wanted)) or (not is_block and piece.column + len(line) < LINE_MAX):
        # What stood in block style on lines of its own comes behind its key.
        start = _behind_colon(text, piece.start) if is_block and isinstance(step, str) else piece.start
        space = " " if start and text[start - 1] == ":" else ""
        return _Edit(start, piece.end, f"{space}{anchor}{line}")
    key = _column(around, step)
    # A list may stand right below its key; anything else must stand further in.
    stays = is_block and not anchor and (piece.column > key or isinstance(step, int))
    indent = piece.column if stays else key + 2
    block = _block(wanted, indent)
    if stays:
        return _Edit(piece.start, piece.end, block)
    start = _behind_colon(text, piece.start)
    return _Edit(start, piece.end, f" {anchor}".rstrip() + f"\n{' ' * indent}{block}")


def _added(text: str, piece: _Piece, name: str, wanted: object) -> _Edit:
    """A key behind the last one of a map."""
    line = _one_line(wanted, in_flow=piece.flow)
    if piece.flow:
        at = piece.end - 1
        comma = ", " if piece.children else ""
        return _Edit(at, at, f"{comma}{name}: {line}")
    indent = " " * piece.column
    fits = not _is_map_or_list(wanted) or piece.column + len(name) + len(line) + 2 < LINE_MAX
    value = f" {line}" if fits else f"\n{indent}  {_block(wanted, piece.column + 2)}"
    # Behind the comment that may end the last line of the map.
    line_end = _LINE_END.search(text, piece.end)
    at = len(text) if line_end is None else line_end.start()
    return _Edit(at, at, f"\n{indent}{name}:{value}")


def _behind_colon(text: str, start: int) -> int:
    """Where the line of the key before a block value ends, if nothing but a comment or space is between them."""
    at = len(text[:start].rstrip())
    return at if at and text[at - 1] == ":" else start


def _column(around: _Piece, step: str | int) -> int:
    return around.keys[step][1] if step in around.keys else around.column


def _only_less(piece: _Piece, now: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    """Whether some keys of a block are gone, none is new, and each stands in the text."""
    there = piece.children or {}
    return not piece.flow and bool(wanted) and wanted.keys() < now.keys() and now.keys() == there.keys()


def _without(
    text: str, piece: _Piece, now: Mapping[str, object], wanted: Mapping[str, object]
) -> tuple[_Edit, ...]:
    """The lines of the keys that are gone taken out; none if one of them shares its first line with something else."""
    edits: list[_Edit] = []
    for name in now:
        if name in wanted:
            continue
        key, child = piece.keys[name][0], (piece.children or {})[name]
        start = text.rfind("\n", 0, key) + 1
        end = text.find("\n", child.end)
        if text[start:key].strip():
            return ()
        edits.append(_Edit(start, len(text) if end < 0 else end + 1, ""))
    return tuple(edits)


def _is_map_or_list(value: object) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _one_line(value: object, *, in_flow: bool) -> str:
    if in_flow and not isinstance(value, dict | list):  # a comma or a bracket ends an unquoted text there
        return _dumped([value], flow=True)[1:-1].replace("\n", " ")
    written = _dumped(value, flow=True)
    return written.removesuffix("\n...").replace("\n", " ")


def _block(value: object, indent: int) -> str:
    return _dumped(value, flow=False).replace("\n", "\n" + " " * indent)


def _dumped(value: object, *, flow: bool) -> str:
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.sort_base_mapping_type_on_output = False
    yaml.representer.ignore_aliases = lambda *_: True
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().rstrip("\n")


class _Builder:
    """The pieces of a text, from the parser's events."""

    def __init__(self, text: str) -> None:
        self._text = text
        # The loose type is ruamel's.
        self._events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)

    def build(self) -> _Piece:
        for event in self._events:
            if isinstance(event, NodeEvent):
                return self._piece(event)
        raise AssertionError("the file was read before: it is not empty")

    def _piece(self, event: Event) -> _Piece:
        start, end = event.start_mark.index, event.end_mark.index
        match event:
            case AliasEvent():
                return _Piece(start, end, event.start_mark.column, flow=False, alias=True)
            case ScalarEvent():
                end = start + len(self._text[start:end].rstrip())
                return _Piece(start, end, event.start_mark.column, flow=False, anchor=event.anchor)
        assert isinstance(event, MappingStartEvent | SequenceStartEvent), "YAML has no other nodes"
        piece = _Piece(
            start, end, event.start_mark.column, flow=bool(event.flow_style), anchor=event.anchor, children={}
        )
        self._fill(piece, isinstance(event, MappingStartEvent))
        return piece

    def _fill(self, piece: _Piece, is_map: bool) -> None:
        assert piece.children is not None, "a collection has some"
        for first in self._events:
            if isinstance(first, CollectionEndEvent):
                piece.end = first.end_mark.index if piece.flow else piece.end
                return
            column = first.start_mark.column
            if not piece.children and piece.anchor is not None and not piece.flow:
                piece.column = column  # an anchor stands before a block, not in it
            step: str | int = getattr(first, "value", "") if is_map else len(piece.children)
            child = self._piece(next(self._events) if is_map else first)
            piece.children[step] = child
            piece.keys[step] = (first.start_mark.index, column)
            piece.end = child.end
