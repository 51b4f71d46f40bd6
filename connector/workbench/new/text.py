"""The text of a first mapping file: lines of YAML with comments, in the manner of the files that ship."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connector.workbench.new.parts import LEFT_OUT, DraftRule, Entry, Value, code

WIDTH: Final = 110
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NOT_PLAIN: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_TABLE: Final = re.compile(r"\{(.*)\}\[(.*)\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Written:
    """A rule and the made-up record of its test, None if no record reaches it. `line`: the row that the record asks for."""

    rule: DraftRule
    sample: Mapping[str, object] | None
    line: str | None = None


def file_text(modeline: str, topic: str, files: Sequence[str | None], rules: Sequence[Written]) -> str:
    """The whole file. `files`: the schemas' files, as they are named from the mapping file."""
    return "\n".join(_lines(modeline, topic, [name for name in files if name is not None], rules)) + "\n"


def _lines(modeline: str, topic: str, files: Sequence[str], rules: Sequence[Written]) -> Iterator[str]:
    yield modeline
    yield "# A first draft: its fields were guessed from names and types. Look at every TODO."
    yield "version: 1"
    yield "topics:"
    yield f"  {_key(topic)}:"
    yield "    # TODO: earliest sends the whole history of the topic to Front; latest begins with what comes now"
    yield "    start: latest"
    if files:
        yield f"    value: {{format: avro, schemas: [{', '.join(json.dumps(name) for name in files)}]}}"
    yield "    rules:"
    for written in rules:
        yield from _rule(written.rule)
    tested = [written for written in rules if written.sample is not None]
    if tested:
        yield "    # The records are made up from the schema: put real ones in their place."
        yield "    tests:"
        for written in tested:
            yield from _test(written)


def _rule(rule: DraftRule) -> Iterator[str]:
    if rule.todo:
        yield f"      # TODO: {_one_line(rule.todo)}"
    yield f"      - name: {rule.name}"
    if rule.when:
        yield f"        when: {code(' && '.join(rule.when))}"
    yield f"        operation: {rule.operation}"
    yield from _entries(rule.entries, "        ")


def _entries(entries: Sequence[Entry], pad: str) -> Iterator[str]:
    for entry in entries:
        if entry.todo:
            yield f"{pad}# TODO: {_one_line(entry.todo)}"
        if entry.value != LEFT_OUT:
            yield from _value(entry.name, entry.value, pad)


def _value(name: str, value: Value, pad: str) -> Iterator[str]:
    match value:
        case str():
            line = f"{pad}{name}: {value}"
            table = _TABLE.fullmatch(value.removeprefix("'${").removesuffix("}'"))
            if len(line) <= WIDTH or table is None or not value.startswith("'${{"):
                yield line
                return
            yield f"{pad}{name}: '${{{{"
            yield from (f"{pad}  {row}" for row in table[1].replace('", "', '",\n"').split("\n"))
            yield f"{pad}  }}[{table[2]}]}}'"
        case tuple():
            yield f"{pad}{name}:"
            yield from _entries(value, f"{pad}  ")
        case list():
            yield f"{pad}{name}:"
            for item in value:
                lines = list(_entries(item, f"{pad}    "))
                first = next(index for index, line in enumerate(lines) if not line.lstrip().startswith("#"))
                lines[first] = f"{pad}  - {lines[first].removeprefix(f'{pad}    ')}"
                yield from lines


def _test(written: Written) -> Iterator[str]:
    yield f"      - name: {written.rule.name}, made up"
    yield "        record:"
    for name, value in (written.sample or {}).items():
        yield from _json(name, value, "          ")
    if written.line is not None:
        row = "{channel: cha_1, company: made-up, app: made-up}"
        yield f"        channels: {{{json.dumps(written.line)}: {row}}}"
    yield f"        expect: {{operation: {written.rule.operation}}}"


def _json(name: str, value: object, pad: str) -> Iterator[str]:
    """A value of JSON as YAML in blocks."""
    match value:
        case dict() if value:
            yield f"{pad}{_key(name)}:"
            for key, item in value.items():
                yield from _json(key, item, f"{pad}  ")
        case _:
            # JSON is YAML, and lists of made-up values are short.
            yield f"{pad}{_key(name)}: {json.dumps(value, ensure_ascii=False)}"


def _key(name: str) -> str:
    plain = _PLAIN_KEY.fullmatch(name) is not None and name.lower() not in _NOT_PLAIN
    return name if plain else json.dumps(name, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
