"""A line of YAML that begins in another column than its neighbours, in words: the parser speaks of blocks and their ends."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_BEGINNING: Final = re.compile(r"( *)((?:- +)*)(-$|[^\s#].*)?")
_SIMPLE_KEY: Final = re.compile(r" *(?:- +)*[\w.<-]+")


@dataclass(frozen=True, slots=True)
class _Begin:
    """Something that begins in a line (from 1), behind so many characters: an entry of a list, or else a key."""

    line: int
    indent: int
    entry: bool


def advice(lines: Sequence[str], line: int, column: int, said: str) -> str | None:
    """What is wrong with how `line` is indented, if that is what the parser complains of; both count from 0."""
    text = lines[line] if line < len(lines) else ""
    indent = len(text) - len(text.lstrip(" "))
    if "mapping values are not allowed" in said:
        if not _SIMPLE_KEY.fullmatch(text[:column].rstrip()):
            return None
    elif "expected <block end>" not in said or column != indent:
        return None
    above = [begin for number in range(line) for begin in _begins(lines[number], number + 1)]
    here = _begins(text, line + 1)
    if not here:
        return None
    mine = here[0]
    open_above = _open(above)
    alike = [begin for begin in open_above if begin.entry == mine.entry]
    if not alike or any(begin.indent == mine.indent for begin in alike):
        return None
    beside = min(alike, key=lambda begin: (abs(begin.indent - mine.indent), -begin.line))
    what, whole = ("entry (`- `)", "list") if mine.entry else ("key", "map")
    return (
        f"this {what} is indented by {mine.indent}, its neighbours (line {beside.line}) by {beside.indent}: "
        f"what belongs to one {whole} begins in the same column"
    )


def _begins(text: str, line: int) -> list[_Begin]:
    """The entries that begin in a line, and the key behind them."""
    found = _BEGINNING.fullmatch(text.rstrip())
    if found is None or found[3] is None:
        return []
    begins = [_Begin(line, len(found[1]) + dash.start(), True) for dash in re.finditer("-", found[2])]
    return [*begins, _Begin(line, len(found[1]) + len(found[2]), found[3] == "-")]


def _open(begins: Sequence[_Begin]) -> list[_Begin]:
    """Those whose list or map is not ended yet by something further to the left; of one column the last."""
    found: list[_Begin] = []
    for begin in begins:
        found = [
            each
            for each in found
            if each.indent < begin.indent
            or (each.indent == begin.indent and each.entry != begin.entry and begin.entry)
        ]
        found.append(begin)
    return found
