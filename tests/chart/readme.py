"""The chart's README: its tables of values and of refusals, written from values.yaml and from `refusals/`.

A comment that begins with `# --` says what the key below it is for; it may go on in the next lines. A key so described is a
row with its whole value, unless keys inside it are described too.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.chart.refusals import REFUSALS
from tests.chart.rendering import CHART

PAGE = CHART / "README.md"
VALUES = CHART / "values.yaml"
_LONG = 60
_KEY = re.compile(r"^( *)([A-Za-z0-9_./-]+):")
_PLACES = re.compile(r"(<!-- (values|refusals) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Value:
    """A described value: its dotted path, its default, and what it is for."""

    path: tuple[str, ...]
    default: Any
    meaning: str


def renewed() -> str:
    """README.md as it should be."""
    tables = {"values": _values_table(), "refusals": _refusals_table()}
    page = PAGE.read_text(encoding="utf-8")
    return _PLACES.sub(lambda found: f"{found[1]}{tables[found[2]]}{found[3]}", page)


def described() -> Sequence[Value]:
    """Every value that has a comment of its own, in the file's order."""
    text = VALUES.read_text(encoding="utf-8")
    defaults = yaml.safe_load(text)
    return [Value(path, _at(defaults, path), meaning) for path, meaning in _comments(text)]


def leaves(values: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all values that are no maps with something in them."""
    if values is None and not path:
        values = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    if isinstance(values, dict) and values:
        for key, child in values.items():
            yield from leaves(child, (*path, key))
    else:
        yield path


def _comments(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    above: list[tuple[int, str]] = []
    meaning: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            meaning = [stripped.removeprefix("# -- ")]
        elif stripped.startswith("#"):
            if meaning:
                meaning.append(stripped.lstrip("# "))
        elif found := _KEY.match(line):
            indent = len(found[1])
            above = [*(outer for outer in above if outer[0] < indent), (indent, found[2])]
            if meaning:
                yield tuple(key for _, key in above), " ".join(meaning)
            meaning = []
        else:
            meaning = []


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


def _values_table() -> str:
    rows = ["| value | default | meaning |", "| --- | --- | --- |"]
    rows += [f"| `{'.'.join(v.path)}` | {_shown(v.default)} | {_cell(v.meaning)} |" for v in described()]
    return "\n".join(rows) + "\n"


def _refusals_table() -> str:
    rows = ["| about | values | sentence |", "| --- | --- | --- |"]
    rows += [
        f"| {about} | `{_cell(json.dumps(refusal.values))}` | {_cell(refusal.sentence)} |"
        for about, refusals in REFUSALS.items()
        for refusal in refusals
    ]
    return "\n".join(rows) + "\n"


def _shown(default: Any) -> str:
    text = json.dumps(default, ensure_ascii=False)
    return f"`{_cell(text)}`" if len(text) <= _LONG else "see values.yaml"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
