"""YAML text -> plain values that remember where they stood.

YAML 1.2 (`no`, `on` and `yes` are texts), one document, read node by node: every duplicate key is found, dates stay
texts, aliases are expanded within a bound, and each value's line and column is kept by its path. What YAML does to an
unquoted `${...}` is recognised and explained. Never here: what the values mean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from connector.config import indentation
from connector.config.problems import Problem

Loc: TypeAlias = tuple[str | int, ...]

FILE_BYTES_MAX = 1024 * 1024
VALUES_MAX = 50_000
"""Values after aliases are expanded: far above any mapping file, far below what a nest of aliases can make."""
DEPTH_MAX = 40
_TOO_MUCH = "the file is too deeply nested, has too many values, or its aliases expand to too many: write it out, or split it"

QUOTE_IT = "put the expression in single quotes: '${...}'"
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = (_TAG + "str", _TAG + "timestamp")
_NUMBER_TAGS = (_TAG + "int", _TAG + "float")
_LOST_AS_NUMBER = re.compile(r"\+\d+|0\d+")
_OPEN_MAX = 500
_BRACKET = re.compile(r"[\[\]{}]")
_TAIL_COMMENT = re.compile(r"[ \t]+#")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value begins. `line` and `column` count from 1; `style` is its quote or block sign, "" for none."""

    line: int
    column: int
    style: str = ""


def value_at(data: object, loc: Loc) -> object:
    """What stands at a path in a file's values; None if nothing does."""
    here = data
    for step in loc:
        match here:
            case dict():
                here = here.get(step)
            case list() if isinstance(step, int) and step < len(here):
                here = here[step]
            case _:
                return None
    return here


@dataclass(slots=True)
class Source:
    """A file's values, the marks of values and of keys by path, and what was wrong with it."""

    file: str
    lines: tuple[str, ...]
    data: object = None
    marks: dict[Loc, Mark] = field(default_factory=dict)
    keys: dict[Loc, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, loc: Loc, message: str, *, at_key: bool = False) -> Problem:
        """A problem at a path, or at the nearest thing around it that stands in the file."""
        marks = self.keys if at_key else self.marks
        for end in range(len(loc), -1, -1):
            mark = marks.get(loc[:end]) or self.marks.get(loc[:end])
            if mark is not None:
                return Problem(self.file, message, mark.line, mark.column)
        return Problem(self.file, message)

    def inside(self, loc: Loc, message: str, line: int, column: int) -> Problem:
        """A problem at a line and column (from 1) of the text at `loc`."""
        mark = self.marks.get(loc)
        if mark is None:
            return self.problem(loc, message)
        at_line, at_column = self._place_in(mark, line, column)
        return Problem(self.file, message, at_line, at_column)

    def _place_in(self, mark: Mark, line: int, column: int) -> tuple[int, int]:
        if mark.style == "|":
            # A block's text begins on the line after its sign, behind its indentation.
            return mark.line + line, self._indent(mark.line + 1) + column
        # Everywhere else YAML joined the lines of a text by one space: walk them until the column is used up.
        at, indent = mark.line, mark.column - 1 + (1 if mark.style in ("'", '"') else 0)
        if mark.style == ">":
            at, indent = at + 1, self._indent(at + 1)
        while at < len(self.lines) and column > (length := len(self.lines[at - 1].rstrip()) - indent) + 1:
            column -= length + 1
            at += 1
            indent = self._indent(at)
        return at, indent + column

    def _indent(self, line: int) -> int:
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return len(text) - len(text.lstrip(" "))


def read_yaml(text: str, file: str) -> Source:
    """Parse a file. `file` is how problems call it. Never raises for what a file can hold."""
    source = Source(file, tuple(text.splitlines()))
    opened = _too_many_open(text)
    if opened is not None:
        before = text[:opened]
        line, column = before.count("\n") + 1, opened - before.rfind("\n")
        source.problems.append(Problem(file, _TOO_MUCH, line, column))
        return source
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _BoundedComposer
    try:
        node = yaml.compose(text)
    except _TooManyNodes as error:
        source.problems.append(Problem(file, _TOO_MUCH, error.line, error.column))
        return source
    except MarkedYAMLError as error:
        source.problems.append(_syntax(source, error))
        return source
    except (YAMLError, RecursionError) as error:
        source.problems.append(Problem(file, f"is not YAML text ({type(error).__name__})"))
        return source
    if node is not None:
        source.data = _Reader(source).read(node, (), 0)
    return source


def _too_many_open(text: str) -> int | None:
    """Where more brackets are open than any file has: reading on takes time with the square of their number.

    Those inside of quotes are counted too: that many are never left open in a text.
    """
    depth = 0
    for found in _BRACKET.finditer(text):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        if depth > _OPEN_MAX:
            return found.start()
    return None


class _TooManyNodes(Exception):
    def __init__(self, line: int, column: int) -> None:
        super().__init__(line, column)
        self.line, self.column = line, column


class _BoundedComposer(Composer):
    """Stops at what `_Reader` would refuse anyway: a MiB of commas takes half a minute to read."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self.warn_double_anchors = False  # YAML allows it: the nearest one above counts
        self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """One node and all below it."""
        self._nodes += 1
        if self._nodes > VALUES_MAX:
            mark = self.parser.peek_event().start_mark
            raise _TooManyNodes(mark.line + 1, mark.column + 1)
        return super().compose_node(parent, index)


class _Reader:
    """Walks the nodes of one file once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scalars = YAML(typ="safe", pure=True).constructor
        self._values = 0
        self._full = False

    def read(self, node: Node, loc: Loc, depth: int) -> object:
        if self._too_much(node, depth):
            return None
        self._source.marks[loc] = _mark(node)
        match node:
            case MappingNode():
                return self._mapping(node, loc, depth)
            case SequenceNode():
                return [self.read(item, (*loc, index), depth + 1) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node)
            case _:
                raise AssertionError("YAML has no other nodes")

    def _mapping(self, node: MappingNode, loc: Loc, depth: int) -> dict[str, object]:
        result: dict[str, object] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in self._pairs(node, depth):
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str):
                self._say(key_node, "a key must be a text")
                continue
            if key in lines:
                self._say(key_node, f"the key {key!r} is here twice; first in line {lines[key]}")
                continue
            lines[key] = key_node.start_mark.line + 1
            self._source.keys[(*loc, key)] = _mark(key_node)
            result[key] = self.read(value_node, (*loc, key), depth + 1)
        return result

    def _pairs(self, node: MappingNode, depth: int) -> Iterator[tuple[Node, Node]]:
        """Keys and values as written, then those of `<<` that are not written; of two bases the first counts."""
        if self._too_much(node, depth):
            return
        written = [(key, value) for key, value in node.value if key.tag != _TAG + "merge"]
        yield from written
        names = {key.value for key, _ in written if isinstance(key, ScalarNode)}
        for sign, given in node.value:
            if sign.tag != _TAG + "merge":
                continue
            for base in given.value if isinstance(given, SequenceNode) else [given]:
                if not isinstance(base, MappingNode):
                    self._say(sign, "`<<` takes an alias of a map: `<<: *name`")
                    continue
                for key, value in self._pairs(base, depth + 1):
                    if key.value not in names:
                        names.add(key.value)
                        yield key, value

    def _too_much(self, node: Node, depth: int) -> bool:
        self._values += 1
        if (self._values > VALUES_MAX or depth > DEPTH_MAX) and not self._full:
            self._full = True
            self._say(node, _TOO_MUCH)
        return self._full

    def _scalar(self, node: ScalarNode) -> object:
        text: str = node.value
        tag = str(node.tag)
        if tag in _TEXT_TAGS:
            self._check_expression(node)
            return text
        if tag in _NUMBER_TAGS and node.style is None and _LOST_AS_NUMBER.fullmatch(text):
            self._say(node, f"{text} is read as a number and loses its first sign: write '{text}' in quotes")
            return None
        if tag in (*_NUMBER_TAGS, _TAG + "bool", _TAG + "null"):
            value: Any = self._scalars.construct_object(node, deep=True)
            return value
        self._say(
            node,
            f"the tag {tag.replace(_TAG, '!!')} is not taken: only texts, numbers, true, false and null are",
        )
        return None

    def _check_expression(self, node: ScalarNode) -> None:
        """An unquoted `${... #...}` loses its end: YAML takes it for a comment."""
        if node.style is not None or "${" not in node.value or "}" in node.value:
            return
        end = node.end_mark
        line = self._source.lines[end.line] if end.line < len(self._source.lines) else ""
        if _TAIL_COMMENT.match(line[end.column :]):
            self._say(
                node,
                f"YAML takes everything after ` #` for a comment, so the expression has no end: {QUOTE_IT}",
            )

    def _say(self, node: Node, message: str) -> None:
        mark = _mark(node)
        self._source.problems.append(Problem(self._source.file, message, mark.line, mark.column))


def _mark(node: Node) -> Mark:
    style = node.style if isinstance(node, ScalarNode) else None
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1, style or "")


_WORDS = (
    (
        "mapping values are not allowed",
        "a `: ` stands where no value can begin: put the value in quotes, or mend the indentation",
    ),
    ("found character '\\t'", "a tab cannot indent YAML: use spaces"),
    ("found unexpected end of stream", "a quoted text has no closing quote"),
    ("found another document", "only one document a file: remove the `---`"),
    ("found undefined alias", "this alias has no anchor (`&name`) before it"),
    ("cannot start any token", "this character cannot begin an unquoted value: put it in quotes"),
)


def _syntax(source: Source, error: MarkedYAMLError) -> Problem:
    """The parser's first error (it cannot go on after one), in words for who writes mapping files."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(source.file, f"is not YAML: {error.problem}")
    line = source.lines[mark.line] if mark.line < len(source.lines) else ""
    said = str(error.problem or error.context)
    message = next(
        (words for start, words in _WORDS if start in said.replace("\t", "\\t")), f"not YAML: {said}"
    )
    trap = _trap(line, mark.column) or indentation.advice(source.lines, mark.line, mark.column, said)
    return Problem(source.file, trap or message, mark.line + 1, mark.column + 1)


def _trap(line: str, column: int) -> str | None:
    """What YAML made of a `${...}` on this line, if one begins before the error."""
    start = line.rfind("${", 0, column + 2)
    if start < 0:
        return None
    before = line[:start].rstrip()
    if before.endswith("'"):
        return "the expression's single quote ends the quoted text: use double quotes inside it, or write '' for '"
    if before.endswith('"'):
        return "the expression's double quote ends the quoted text: put single quotes around it: '${...}'"
    if line[column : column + 1] == ":":
        return f"YAML takes `: ` inside an unquoted expression for a key: {QUOTE_IT}"
    return f"YAML reads the braces, brackets or commas of an unquoted expression as its own here: {QUOTE_IT}"
