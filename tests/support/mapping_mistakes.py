"""Mistakes in mapping files, and the page that shows what is said of each: `docs/mapping-errors.md`.

`python -m tests.support.mapping_mistakes` writes the page anew; `tests/unit/test_mapping_mistakes.py` compares it, so that no
text changes unseen.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connector.config import Problems, load
from tests.unit.config_files import folder

PAGE = Path(__file__).parents[2] / "docs" / "mapping-errors.md"

RIGHT = """\
version: 1
topics:
  calls.v1:
    start: earliest
    rules:
      - name: summary
        when: '${value.kind == "NOTE"}'
        operation: add-call-summary
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body: {content: '${value.text}'}
"""
_RULES = RIGHT[RIGHT.index("    rules:") :]
EVENT = {
    "type": "record",
    "name": "CallNoted",
    "fields": [
        {"name": "line_id", "type": "string"},
        {"name": "call_id", "type": "string"},
        {"name": "kind", "type": "string"},
        {"name": "text", "type": ["null", "string"], "default": None},
        {"name": "seconds", "type": "long"},
        {
            "name": "state",
            "type": {"type": "enum", "name": "CallState", "symbols": ["RINGING", "CONNECTED", "WRAPUP"]},
        },
    ],
}
_LOOPS = "[1]"
for _name in "abcdefgh":
    _LOOPS = f"[1,2,3,4,5,6,7,8,9,10].map({_name}, {_LOOPS})"
_BOMB = "bomb: &a [x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"bomb{index}: &{chr(98 + index)} [{', '.join([f'*{chr(97 + index)}'] * 8)}]" for index in range(6)
)
_SECOND = """\
      - {name: second, when: '${value.kind == "NOTE"}', skip: true}
"""
_TEST = """\
    tests:
      - record: {value: {line_id: line-1}}
        expect: {operation: add-call-summary}
"""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, in a few words; made of RIGHT by putting `other` in the place of `part`, or a file of its own."""

    name: str
    part: str
    other: str
    shown: str | None = None
    """How the page writes it, if not as `other`."""
    beside: str | None = None
    """The text of `calls.tests.yaml`."""

    @property
    def text(self) -> str:
        """The file with the mistake."""
        assert self.part in RIGHT, self.part
        return RIGHT.replace(self.part, self.other, 1)


def _typed(expression: str, known: str = "schemas: [event.avsc]") -> str:
    """The file with schemas at hand, and this as the content."""
    typed = RIGHT.replace("start: earliest", f"start: earliest\n    value: {{{known}}}")
    return typed.replace("value.text", expression)


def _after_start(name: str, key: str, other: str, shown: str | None = None) -> Mistake:
    return Mistake(
        name, "start: earliest\n", f"start: earliest\n    {key}: {other}\n", shown or f"{key}: {other}"
    )


def _in_rule(name: str, key: str, other: str) -> Mistake:
    return Mistake(
        name, "        operation:", f"        {key}: {other}\n        operation:", f"{key}: {other}"
    )


GROUPS: dict[str, tuple[Mistake, ...]] = {
    "YAML": (
        Mistake(
            "a nest of aliases",
            "version: 1",
            f"version: 1\n{_BOMB}",
            "bomb: &a [x, x, …], bomb0: &b [*a, *a, …], …",
        ),
        Mistake(
            "a megabyte in one expression",
            '"NOTE"',
            f'"{"N" * 1_100_000}"',
            "an expression of 1.1 million characters",
        ),
        Mistake("a key written twice", "start: earliest", "start: earliest\n    start: latest"),
        Mistake("a tab", "    start:", "\tstart:", "a tab before start:"),
        Mistake(
            "an expression without quotes, with `: `",
            "when: '${value.kind == \"NOTE\"}'",
            "when: ${value.a ? value.b : value.c}",
        ),
        Mistake(
            "an expression without quotes, with ` #`",
            "when: '${value.kind == \"NOTE\"}'",
            'when: ${value.kind == "a #1"}',
        ),
        Mistake("an expression without quotes inside {}", "'${value.call_id}'", "${value.call_id}"),
        Mistake("a single quote inside single quotes", '"NOTE"', "'NOTE'"),
        Mistake("a phone number without quotes", "content: '${value.text}'", "content: +15551234"),
        Mistake("an alias without its anchor", "{content: '${value.text}'}", "*body"),
        Mistake("a tag", "'${value.text}'", "!!binary aGVsbG8="),
        Mistake(
            "a key that is indented too much",
            "        channel:",
            "          channel:",
            "two blanks more before channel:",
        ),
        Mistake(
            "a key that is indented too little",
            "        channel:",
            "       channel:",
            "a blank less before channel:",
        ),
        Mistake(
            "a rule that is indented too little",
            RIGHT,
            RIGHT + _SECOND[1:],
            "a blank less before the second `- name:`",
        ),
        Mistake("two documents", "version: 1\n", "version: 1\n---\n"),
        Mistake("an empty file", RIGHT, "", "nothing"),
        Mistake("a list at the top", RIGHT, "- calls.v1\n"),
    ),
    "Keys of the file and of a topic": (
        Mistake("no version", "version: 1\n", "", "version: left out"),
        Mistake("another version", "version: 1", "version: 2"),
        Mistake("an unknown key", "topics:", "topic:"),
        Mistake("a topic that cannot be", "calls.v1:", "'calls v1':"),
        Mistake("no start", "    start: earliest\n", "", "start: left out"),
        Mistake("a start that is none", "start: earliest", "start: yesterday"),
        Mistake("a time without its zone", "start: earliest", "start: 2026-01-31T00:00:00"),
        Mistake("rules beside the topic", "    rules:", "  rules:", "rules: two blanks to the left"),
        Mistake("rules beside topics", RIGHT, RIGHT.replace("    rules:", "rules:"), "rules: at the left"),
        _after_start("an id that no request has", "defaults", "{path: {call: c-1}}"),
        _after_start("an unknown format", "value", "{format: json}"),
        _after_start("avro_raw without its schema", "value", "{format: avro_raw}"),
        _after_start("a schema file that is not there", "value", "{format: avro_raw, schema: evnt.avsc}"),
        _after_start("schemas that are not there", "value", "{schemas: [evnt.avsc]}"),
        _after_start("a reader that is not there", "value", "{reader: evnt.avsc}"),
        _after_start("a key's unknown format", "key", "{format: json}"),
        _after_start("an age that is no number", "max_age_s", "1 day"),
        _after_start("an age below zero", "max_age_s", "-1"),
        _after_start("an unknown policy", "on_missing_offset", "newest"),
        _after_start("an unknown policy for lines", "on_unknown_channel", "hold"),
        _after_start("an unknown policy for calls", "on_illegal_transition", "skip"),
        _after_start("an unknown policy for the rest", "otherwise", "drop"),
        _after_start("a mapper beside rules", "mapper", "acme.calls:to_front"),
        Mistake("neither rules nor a mapper", _RULES, "", "rules: left out"),
        Mistake("a mapper that is not there", _RULES, "    mapper: acme_calls:to_front\n"),
        _after_start("a let that is no text", "let", "{call: [1]}"),
        _after_start("a let that hides a name", "let", "{value: 'x'}"),
        _after_start("a let that reads itself", "let", "{a: '${a}'}"),
        _after_start("a let that uses a later one", "let", "{a: '${b}', b: x}"),
        _after_start("an unknown key of defaults", "defaults", "{chanel: cha_1}"),
        _after_start("a status that means nothing here", "defaults", "{outcomes: {422: retri}}"),
        _after_start("no list of tests", "tests", "{record: {value: 1}}"),
    ),
    "Keys of a rule": (
        Mistake("no name", "      - name: summary\n        when", "      - when", "name: left out"),
        Mistake(
            "a name twice",
            RIGHT,
            RIGHT + RIGHT[RIGHT.index("      - name") :].replace("NOTE", "TALK"),
            "name: summary, twice",
        ),
        Mistake("a name that is a number", "name: summary", "name: 5"),
        Mistake("a condition that is text", "when: '${value.kind == \"NOTE\"}'", "when: value.kind"),
        Mistake("a condition that is true", "when: '${value.kind == \"NOTE\"}'", "when: true"),
        Mistake("an operation that does not exist", "add-call-summary", "add-call-sumary"),
        Mistake("an unknown key", "channel:", "chanel:"),
        Mistake("no channel", "        channel: '${channels[value.line_id]}'\n", "", "channel: left out"),
        Mistake("a line in place of a channel", "'${channels[value.line_id]}'", "line-1"),
        Mistake("a line that is in no row", "channels[value.line_id]", 'channels["line-9"]'),
        Mistake("a channel that is a number", "'${channels[value.line_id]}'", "5"),
        Mistake("a channel without ${}", "'${channels[value.line_id]}'", "channels[value.line_id]"),
        Mistake("a text without ${}", "'${value.text}'", "value.text"),
        Mistake("an id without ${}", "'${value.call_id}'", "value.call_id"),
        Mistake("an expression in braces alone", "'${value.text}'", "'{strip_html(value.text)}'"),
        Mistake("an expression in double braces", "'${value.text}'", "'{{ value.text }}'"),
        Mistake("no path", "        path: {external_call_id: '${value.call_id}'}\n", "", "path: left out"),
        Mistake("an unknown id in the path", "external_call_id:", "call_id:"),
        Mistake("a path that is no map", "{external_call_id: '${value.call_id}'}", "c-1"),
        Mistake(
            "an unknown field of Front's beside the right one",
            "'${value.text}'",
            "'${value.text}', langage: '${value.language}'",
        ),
        Mistake("an unknown field of Front's", "content:", "contnt:"),
        Mistake("a field of the wrong kind", "'${value.text}'", "5"),
        Mistake("a body that is no map", "{content: '${value.text}'}", "[text]"),
        _in_rule("requests beside an operation", "requests", "[{operation: update-channel, channel: cha_1}]"),
        _in_rule("skip beside an operation", "skip", "true"),
        Mistake(
            "a rule that does nothing",
            RIGHT[RIGHT.index("        operation") :],
            "",
            "neither operation, requests nor skip",
        ),
        Mistake("skip: yes", RIGHT[RIGHT.index("        operation") :], "        skip: yes\n", "skip: yes"),
        _in_rule("an order key that is text", "order_by", "call"),
        _in_rule("an empty order key", "order_by", "[]"),
        _in_rule("a status that cannot be told", "outcomes", "{9000: retry}"),
        _in_rule("an outcome that does not exist", "outcomes", "{422: retri}"),
        _in_rule("what becomes of a request without its file", "on_attachment_unavailable", "send"),
        _in_rule("the same, of one that has no files", "on_attachment_unavailable", "wait"),
        _in_rule("a let with an unknown name in it", "let", "{call: '${vlue.call_id}'}"),
    ),
    "Expressions": (
        Mistake("an unknown variable", "value.text", "vlaue.text"),
        Mistake("an unknown function", "'${value.text}'", "'${strip_htm(value.text)}'"),
        Mistake("a function of another language", "'${value.text}'", "'${value.text.lstrip()}'"),
        Mistake("an operator of another language", '== "NOTE"', '= "NOTE"'),
        Mistake("an expression without its end", "'${value.text}'", "'${value.text'"),
        Mistake(
            "loops inside loops that could take for ever",
            "'${value.text}'",
            f"'${{string({_LOOPS}.size())}}'",
            "eight .map() inside one another",
        ),
        Mistake(
            "an expression nested too deeply",
            "'${value.text}'",
            "'${" + "(" * 300 + "value.text" + ")" * 300 + "}'",
            "'${((((… 300 brackets …))))}'",
        ),
        Mistake("a variable of the environment that is not listed", "value.text", "env.HOME"),
        Mistake(
            "a field that the schema does not have",
            RIGHT,
            _typed("value.txt"),
            "value: {schemas: [event.avsc]}, content: '${value.txt}'",
        ),
        Mistake(
            "a kind that the schema does not have",
            RIGHT,
            _typed('value.seconds + "s"'),
            "value: {schemas: [event.avsc]}, content: '${value.seconds + \"s\"}'",
        ),
        Mistake(
            "a symbol that the enum does not have",
            RIGHT,
            _typed('value.state == "WRAP_UP" ? "done" : "on"'),
            "value: {schemas: [event.avsc]}, content: '${value.state == \"WRAP_UP\" ? …}'",
        ),
        Mistake(
            "a table with a symbol that the enum does not have",
            RIGHT,
            _typed('{"RINGING": "rings", "CONECTED": "on"}[value.state]'),
            'value: {schemas: [event.avsc]}, content: \'${{"RINGING": …, "CONECTED": …}[value.state]}\'',
        ),
        Mistake(
            "a table with a word that Front does not have",
            RIGHT,
            RIGHT.replace("add-call-summary", "update-call").replace(
                "content: '${value.text}'", """call_status: '${{"WRAPUP": "ended"}[value.state]}'"""
            ),
            """operation: update-call, call_status: '${{"WRAPUP": "ended"}[value.state]}'""",
        ),
        Mistake(
            "a number where Front wants text",
            RIGHT,
            _typed("value.seconds"),
            "value: {schemas: [event.avsc]}, content: '${value.seconds}'",
        ),
        Mistake(
            "a field that the reader's schema does not have any more",
            RIGHT,
            _typed("value.txt", "reader: event.avsc"),
            "value: {reader: event.avsc}, content: '${value.txt}'",
        ),
    ),
    "Rules that never hold": (
        Mistake(
            "a rule after one with the same condition", RIGHT, RIGHT + _SECOND, "when: as in the rule before"
        ),
        Mistake(
            "a rule after one that always holds",
            RIGHT,
            RIGHT.replace("        when: '${value.kind == \"NOTE\"}'\n", "") + _SECOND,
            "a rule without when before it",
        ),
        Mistake(
            "operations on a call under two topics",
            RIGHT,
            RIGHT + RIGHT[RIGHT.index("  calls.v1") :].replace("calls.v1", "notes.v1"),
            "calls.v1 and notes.v1 have operations on a call",
        ),
    ),
    "Tests": (
        Mistake(
            "a test without a record",
            RIGHT,
            RIGHT + _TEST.replace("record: {value: {line_id: line-1}}", "name: a note"),
            "record: left out",
        ),
        Mistake(
            "a record of two kinds",
            RIGHT,
            RIGHT + _TEST.replace("{value: {", "{file: a.json, value: {"),
            "record: {file: a.json, value: …}",
        ),
        Mistake(
            "a row of the channels table that is no row",
            RIGHT,
            RIGHT + _TEST + "        channels: {line-1: {channel: ch_1, company: shop, app: main}}\n",
            "channels: {line-1: {channel: ch_1, …}}",
        ),
        Mistake("an unknown key of a test", RIGHT, RIGHT + _TEST.replace("expect:", "expects:"), "expects:"),
        Mistake(
            "a topic that the mapping file does not have",
            RIGHT,
            RIGHT,
            "tests: {call.v1: …} in calls.tests.yaml",
            "tests:\n  call.v1:\n    - record: {value: 1}\n      expect: {skip: true}\n",
        ),
    ),
}


def said_of(mistake: Mistake, path: Path) -> list[str]:
    """What `validate` says: problems, or warnings; without the folder's path."""
    file = folder(path, calls=mistake.text)
    (path / "mappings" / "event.avsc").write_text(json.dumps(EVENT), encoding="utf-8")
    beside = path / "mappings" / "calls.tests.yaml"
    beside.unlink(missing_ok=True)
    if mistake.beside is not None:
        beside.write_text(mistake.beside, encoding="utf-8")
    result = load(file)
    if isinstance(result, Problems):
        said = [str(problem) for problem in result.problems]
    else:
        said = [f"warning: {warning}" for warning in result.warnings]
    return [one.replace(f"{path}/", "") for one in said]


def page() -> str:
    """The page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# What `validate` says of mistakes in mapping files"
    yield ""
    yield "Each row is the file below with one mistake, and the whole of what `front-connector validate` says of it: where"
    yield "(file, line, column), what, and what to write instead. `python -m tests.support.mapping_mistakes` makes the page,"
    yield "and a test compares it: no text changes unseen."
    yield ""
    yield f"```yaml\n{RIGHT}```"
    with tempfile.TemporaryDirectory() as scratch:
        for group, mistakes in GROUPS.items():
            yield ""
            yield f"## {group}"
            yield ""
            yield "| mistake | written | said |"
            yield "|---|---|---|"
            for mistake in mistakes:
                said = "<br>".join(_cell(one) for one in said_of(mistake, Path(scratch)))
                yield f"| {mistake.name} | {_cell(mistake.shown or mistake.other)} | {said} |"


def _cell(text: str) -> str:
    """Code inside a table: `|` is the table's own, and a line of its own is shown as ⏎."""
    shown = text.strip("\n").replace("|", "\\|").replace("\n", " ⏎ ")
    fence = "``" if "`" in shown else "`"
    pad = " " if fence == "``" else ""
    return f"{fence}{pad}{shown}{pad}{fence}" if shown else "nothing"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
