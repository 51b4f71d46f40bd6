"""A shadow report as one HTML file, for a browser and for a review: no script, nothing loaded from elsewhere.

Every text passes through a tree of elements and is escaped when that is written: what records hold cannot become markup.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring

from connector.workbench.shadow.report import Group, Report, Sample, totals
from connector.workbench.shadow.style import STYLE
from connector.workbench.shadow.text import headline, passed_over
from connector.workbench.shadow.words import KINDS, MEANINGS, OUTCOMES, counted, plain, side, value

# A browser loads nothing and runs nothing, whatever stands in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_html(report: Report, *, show_values: bool) -> str:
    """The whole page."""
    style = Element("style")
    style.text = STYLE
    page = _el(
        "html",
        _el(
            "head",
            _el("meta", charset="utf-8"),
            _el("meta", **{"http-equiv": "Content-Security-Policy", "content": _POLICY}),
            _el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            _el("meta", name="color-scheme", content="light dark"),
            _el("title", f"Shadow: {headline(report)}"),
            style,
        ),
        _el("body", _el("main", *_sections(report, show_values))),
        lang="en",
    )
    return f"<!doctype html>\n{tostring(page, encoding='unicode', method='html')}\n"


def _el(tag: str, *children: Element | str, **attributes: str) -> Element:
    """An element. The names of Python's own words, such as class, are written with a last underscore."""
    made = Element(tag, {name.rstrip("_"): plain(text) for name, text in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + plain(child)
        else:
            last.tail = (last.tail or "") + plain(child)
    return made


def _sections(report: Report, show_values: bool) -> Iterable[Element]:
    yield _header(report, show_values)
    if report.records:
        yield _el("section", _el("h2", "What becomes of the records"), _outcomes(report), _topics(report))
    if report.groups:
        groups = [_group(group, show_values, first=number == 0) for number, group in enumerate(report.groups)]
        yield _el("section", _el("h2", "Differences by rule"), *groups)
    if report.fields:
        yield _el("section", _el("h2", "Differences by field"), _fields(report))


def _header(report: Report, show_values: bool) -> Element:
    facts = [
        ("old", f"{report.old.name} ({report.old.hash[:12]})"),
        ("new", f"{report.new.name} ({report.new.hash[:12]})"),
        ("of", report.source),
        ("values", "shown" if show_values else "masked: kind and length only (--show-values shows them)"),
    ]
    if report.passed_over:
        facts.append(("note", passed_over(report)))
    listed = [part for name, text in facts for part in (_el("dt", name), _el("dd", text))]
    mood = "alike" if report.records and not report.differing else "differs" if report.differing else "empty"
    return _el(
        "header",
        _el("p", "front-connector shadow", class_="eyebrow"),
        _el("h1", headline(report), class_=mood),
        _el("dl", *listed),
    )


def _outcomes(report: Report) -> Element:
    rows = [
        (OUTCOMES[outcome], f"{old:,}", f"{new:,}", f"{new - old:+,}" if new != old else "")
        for outcome, old, new in totals(report)
    ]
    return _table(("outcome", "old", "new", "difference"), rows, numbers=(1, 2, 3))


def _topics(report: Report) -> Element:
    kinds = [kind for kind in KINDS if any(topic.kinds.get(kind) for topic in report.topics)]
    rows = [
        (
            topic.topic,
            f"{topic.records:,}",
            *(f"{topic.kinds[kind]:,}" if topic.kinds.get(kind) else "" for kind in kinds),
        )
        for topic in report.topics
    ]
    columns = ("topic", "records", *(KINDS[kind] for kind in kinds))
    return _table(columns, rows, numbers=range(1, len(columns)))


def _fields(report: Report) -> Element:
    rows = [(f"{one.records:,}", one.topic, one.operation, one.path) for one in report.fields]
    return _table(("records", "topic", "request", "field"), rows, numbers=(0,))


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], numbers: Iterable[int]) -> Element:
    """A table that scrolls by itself where it is wider than the page."""
    right = set(numbers)

    def cells(tag: str, texts: tuple[str, ...]) -> Element:
        made = (
            _el(tag, text, class_="number") if at in right else _el(tag, text)
            for at, text in enumerate(texts)
        )
        return _el("tr", *made)

    body = _el("tbody", *(cells("td", row) for row in rows))
    table = _el("table", _el("thead", cells("th", columns)), body)
    return _el("div", table, class_="wide", tabindex="0")


def _group(group: Group, show_values: bool, *, first: bool) -> Element:
    summary = _el(
        "summary",
        _el("span", f"{group.records:,}", class_="count"),
        _el("span", KINDS[group.kind], class_=f"kind {group.kind}", title=MEANINGS[group.kind]),
        _el("span", group.topic, class_="topic"),
        _sides(side(group.old), side(group.new)),
    )
    samples = [_sample(sample, show_values) for sample in group.samples]
    said = f"{counted(len(samples), 'sample')} of {counted(group.records, 'record')}; {MEANINGS[group.kind]}"
    opened = {"open": "open"} if first else {}
    return _el("details", summary, _el("p", said, class_="meaning"), *samples, **opened)


def _sides(old: str, new: str) -> Element:
    if old == new:
        return _el("span", _el("span", new), class_="sides")
    return _el("span", _el("del", old), " ", _el("ins", new), class_="sides")


def _sample(sample: Sample, show_values: bool) -> Element:
    parts = [_el("h3", f"{sample.topic} {sample.partition}:{sample.offset}")]
    messages = [
        _el("p", _el(tag, one.message))
        for tag, one in (("del", sample.old), ("ins", sample.new))
        if one.message is not None
    ]
    parts += messages
    for diff in sample.diffs:
        old, new = (value(one, shown=show_values) for one in (diff.old, diff.new))
        name = _el("dt", _el("span", diff.operation, class_="operation"), " ", diff.path)
        parts.append(_el("dl", name, _el("dd", _el("del", old)), _el("dd", _el("ins", new)), class_="diff"))
    if sample.more:
        parts.append(_el("p", f"and {counted(sample.more, 'more field')}", class_="meaning"))
    return _el("article", *parts)
