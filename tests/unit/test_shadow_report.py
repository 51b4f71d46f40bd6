"""The report of a shadow run: what is counted and kept, and how it reads as text, JSON and a page."""

import io
import json
from html.parser import HTMLParser
from typing import Any

from rich.console import Console

from connector.core.records import Epoch, Record
from connector.workbench.forms import FileContent
from connector.workbench.shadow.compare import Comparison, Diff, Kind, Leaf, Side, Value
from connector.workbench.shadow.html import as_html
from connector.workbench.shadow.json import as_json
from connector.workbench.shadow.report import DIFFS_MAX, FIELDS_MAX, OTHER_FIELDS, Report, Tally, Version
from connector.workbench.shadow.text import print_report
from connector.workbench.shadow.words import plain, value

OLD, NEW = Version("main/mappings", "a" * 64), Version("connector.yaml", "b" * 64)
HOSTILE = "</style><script>alert(1)</script>\x1b[31m\u202e&\"'"


def record(offset: int, topic: str = "calls.v1") -> Record:
    return Record(topic=topic, partition=2, offset=offset, epoch=Epoch(0), value=b"")


def changed(
    path: str = "body.text", old: Leaf = "secret", new: Leaf = "secrets", rule: str = "r"
) -> Comparison:
    sides = Side("requests", rule), Side("requests", rule)
    return Comparison("changed", *sides, (Diff("create-call", path, Value(old), Value(new)),))


def ended(kind: Kind, old: Side, new: Side) -> Comparison:
    return Comparison(kind, old, new)


SAME = ended("same", Side("requests", "r"), Side("requests", "r"))
GONE = ended("gone", Side("requests", "r"), Side("skip", "s", "rule"))
LETTER = ended(
    "dead_letter",
    Side("requests", "r"),
    Side("dead_letter", "r", "mapping_failed", "rule 'r': no such field"),
)


def report(*found: Comparison, samples: int = 3, passed_over: int = 0) -> Report:
    tally = Tally(samples)
    for offset, one in enumerate(found):
        tally.add(record(offset), one)
    return tally.report(OLD, NEW, "the last 10 records of each topic", passed_over)


def text(one: Report, *, show_values: bool = False) -> str:
    stream = io.StringIO()
    print_report(one, Console(file=stream, width=110, color_system=None), show_values=show_values)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def test_records_that_differ_alike_are_one_group_with_its_first_samples() -> None:
    """Topic, kind, and outcome, rule and reason of both sides make a group; the most frequent comes first."""
    found = report(GONE, SAME, *[changed()] * 5, changed(rule="q"), samples=2)
    assert [(group.kind, group.old.rule, group.records) for group in found.groups] == [
        ("changed", "r", 5),
        ("gone", "r", 1),
        ("changed", "q", 1),
    ]
    assert [sample.offset for sample in found.groups[0].samples] == [2, 3]
    assert (found.records, found.differing) == (8, 7)


def test_a_field_is_counted_once_a_record_and_without_its_index() -> None:
    """Two entries of one list are one field of one record."""
    both = [Diff("o", f"body.to[{index}].handle", Value("a"), Value("b")) for index in range(2)]
    sides = Side("requests", "r"), Side("requests", "r")
    found = report(Comparison("changed", *sides, tuple(both)), changed("body.to[7].handle"))
    assert [(one.operation, one.path, one.records) for one in found.fields] == [
        ("o", "body.to[].handle", 1),
        ("create-call", "body.to[].handle", 1),
    ]


def test_what_is_kept_is_bounded_whatever_the_records_hold() -> None:
    """Names of fields may come from records: beyond the bound they are counted together; a sample's fields are cut."""
    sides = Side("requests", "r"), Side("requests", "r")
    many = [changed(f"body.a{number}") for number in range(FIELDS_MAX + 50)]
    found = report(*many)
    assert len(found.fields) == FIELDS_MAX + 1
    assert (found.fields[0].path, found.fields[0].records) == (OTHER_FIELDS, 50)
    wide = [Diff("o", f"body.b{number}", Value(1), Value(2)) for number in range(DIFFS_MAX + 7)]
    (sample,) = report(Comparison("changed", *sides, tuple(wide))).groups[0].samples
    assert (len(sample.diffs), sample.more) == (DIFFS_MAX, 7)


def test_the_whole_report_as_text() -> None:
    """As it is pasted into a review: values masked, everything else in words."""
    shown = text(report(SAME, SAME, changed(), GONE, LETTER, passed_over=2))
    assert shown == TEXT.strip("\n")


TEXT = """
3 of 5 records differ
  old: main/mappings (aaaaaaaaaaaa)
  new: connector.yaml (bbbbbbbbbbbb)
  of:  the last 10 records of each topic
  2 letters passed over: not written by a connector

  outcome       old   new
  ───────────────────────
  requests        5     3
  skip            0     1
  dead letter     0     1

By rule
  records   topic      what               old               new
  ─────────────────────────────────────────────────────────────────────────────────────────────
        1   calls.v1   changed requests   requests by 'r'   requests by 'r'
        1   calls.v1   requests gone      requests by 'r'   skip by 's' (rule)
        1   calls.v1   dead letter now    requests by 'r'   dead letter by 'r' (mapping_failed)

By field
  records   topic      request       field
  ────────────────────────────────────────────
        1   calls.v1   create-call   body.text

Samples

  calls.v1 2:2  changed requests
    old  requests by 'r'
    new  requests by 'r'
    create-call: body.text
      - text of 6
      + text of 7

  calls.v1 2:3  requests gone
    old  requests by 'r'
    new  skip by 's' (rule)

  calls.v1 2:4  dead letter now
    old  requests by 'r'
    new  dead letter by 'r' (mapping_failed): rule 'r': no such field
"""


def test_nothing_different_and_nothing_there_are_told_apart() -> None:
    """An empty topic proves nothing."""
    assert text(report(SAME)).startswith("no difference in 1 record\n")
    assert text(report()).startswith("nothing to compare: there are no such records\n")


def test_values_are_masked_unless_they_are_asked_for() -> None:
    """By kind and length, on every page alike."""
    masked: dict[Leaf, str] = {
        "a text": "text of 6",
        1_700_000_000: "number of 10 digits",
        -7: "number of 1 digit",
        1.5: "number with a fraction",
        True: "true or false",
        None: "null",
        ("conversation", "cha_1", "room-9"): "key of 3 parts",
        FileContent("secret.pdf", "application/pdf", 1200, "ab" * 32): "file of 1,200 bytes",
    }
    for content, words in masked.items():
        assert value(Value(content), shown=False) == words
    assert value(None, shown=False) == value(None, shown=True) == "(none)"
    found = report(changed(old="Nadia Ferrand", new="+12025550100"))
    for page in (
        text(found),
        json.dumps(as_json(found, show_values=False)),
        as_html(found, show_values=False),
    ):
        assert "Nadia" not in page
        assert "2025550100" not in page
    for page in (text(found, show_values=True), as_html(found, show_values=True)):
        assert "Nadia Ferrand" in page


def test_values_that_are_shown_are_one_line_and_cut() -> None:
    """As JSON writes them; nothing in them moves the cursor, turns the direction, or fills the screen."""
    assert value(Value("a\nb"), shown=True) == '"a\\nb"'
    assert value(Value(HOSTILE), shown=True).isprintable()
    assert plain("\x1b[31m\u202e\u2028é") == "\\u001b[31m\\u202e\\u2028é"
    long = value(Value("x" * 5000), shown=True)
    assert (len(long) < 400, long.endswith("… (5002 characters)")) == (True, True)
    file = FileContent('a".pdf', "application/pdf", 1, "ab" * 32)
    assert value(Value(file), shown=True) == 'file "a\\".pdf", 1 byte of application/pdf, sha256 abababababab'


def test_the_whole_report_as_json() -> None:
    """Names that programs may rely on."""
    assert as_json(report(SAME, changed(), LETTER, samples=1), show_values=True) == {
        "records": 3,
        "differing": 2,
        "old": {"name": "main/mappings", "hash": "a" * 64},
        "new": {"name": "connector.yaml", "hash": "b" * 64},
        "source": "the last 10 records of each topic",
        "values": "shown",
        "passed_over": 0,
        "outcomes": {"requests": {"old": 3, "new": 2}, "dead_letter": {"old": 0, "new": 1}},
        "topics": [{"topic": "calls.v1", "records": 3, "kinds": {"same": 1, "changed": 1, "dead_letter": 1}}],
        "rules": [
            {
                "topic": "calls.v1",
                "kind": "changed",
                "old": {"outcome": "requests", "rule": "r", "reason": None},
                "new": {"outcome": "requests", "rule": "r", "reason": None},
                "records": 1,
                "samples": [
                    {
                        "partition": 2,
                        "offset": 1,
                        "old_message": None,
                        "new_message": None,
                        "diffs": [
                            {
                                "operation": "create-call",
                                "path": "body.text",
                                "old": '"secret"',
                                "new": '"secrets"',
                            }
                        ],
                        "more_diffs": 0,
                    }
                ],
            },
            {
                "topic": "calls.v1",
                "kind": "dead_letter",
                "old": {"outcome": "requests", "rule": "r", "reason": None},
                "new": {"outcome": "dead_letter", "rule": "r", "reason": "mapping_failed"},
                "records": 1,
                "samples": [
                    {
                        "partition": 2,
                        "offset": 2,
                        "old_message": None,
                        "new_message": "rule 'r': no such field",
                        "diffs": [],
                        "more_diffs": 0,
                    }
                ],
            },
        ],
        "fields": [{"topic": "calls.v1", "operation": "create-call", "path": "body.text", "records": 1}],
    }


class Page(HTMLParser):
    """Reads a page as a browser would: which elements it has, and what they say."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_holds_no_markup_but_its_own() -> None:
    """Values, paths, rules, topics and the names of files are hostile: each arrives as text, and nothing runs or loads."""
    hostile: Any = ended("gone", Side("requests", HOSTILE), Side("dead_letter", HOSTILE, HOSTILE, HOSTILE))
    tally = Tally(3)
    tally.add(record(0, HOSTILE), changed(HOSTILE, HOSTILE, HOSTILE, HOSTILE))
    tally.add(record(1, HOSTILE), hostile)
    found = tally.report(Version(HOSTILE, HOSTILE), Version(HOSTILE, HOSTILE), HOSTILE)
    page = as_html(found, show_values=True)
    harmless = Page(as_html(report(changed(), LETTER), show_values=True))
    read = Page(page)
    assert set(read.tags) == set(harmless.tags)
    assert "script" not in read.tags
    assert {name for name, _ in read.attributes} == {name for name, _ in harmless.attributes}
    assert "</style><script>alert(1)</script>" in read.text
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_page_stands_alone() -> None:
    """One file: it names no other, and forbids the browser to load any; both themes are in it."""
    page = as_html(report(changed(), GONE, LETTER), show_values=False)
    read = Page(page)
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert not {"src", "href"} & {name for name, _ in read.attributes}
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert "prefers-color-scheme: dark" in page
    assert "url(" not in page
    for word in (
        "3 of 3 records differ",
        "calls.v1 2:0",
        "body.text",
        "text of 6",
        "no such field",
        "masked",
    ):
        assert word in read.text


def test_a_page_of_no_difference_says_so() -> None:
    """And has no empty tables."""
    read = Page(as_html(report(SAME), show_values=False))
    assert "no difference in 1 record" in read.text
    assert "Differences" not in read.text
    assert "there are no such records" in Page(as_html(report(), show_values=False)).text
