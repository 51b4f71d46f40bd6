"""A shadow report's words: how kinds, sides and values are said, whatever page they stand on.

A report is pasted into reviews, so values are said by kind and length unless its reader asks for them. Whatever a record
holds, a text that comes from here is one line without control characters.
"""

import json
import unicodedata
from collections.abc import Mapping

from connector.workbench.forms import FileContent
from connector.workbench.shadow.compare import Kind, Leaf, Outcome, Side, Value

SHOWN_MAX = 300
"""Characters of a value; a message's text may have megabytes."""

KINDS: Mapping[Kind, str] = {
    "same": "same",
    "changed": "changed requests",
    "order_key": "another order key",
    "new": "new requests",
    "gone": "requests gone",
    "dead_letter": "dead letter now",
    "ending": "another end",
    "reason": "another reason",
}
"""What differs, in words."""

MEANINGS: Mapping[Kind, str] = {
    "same": "both versions do the same",
    "changed": "both send requests, and not the same",
    "order_key": "the same requests, ordered among other records",
    "new": "sends requests that were not sent before",
    "gone": "sends none of the requests that were sent before",
    "dead_letter": "becomes a dead letter, and did not before",
    "ending": "no requests in either version, and not the same end",
    "reason": "a dead letter in both, and not for the same reason",
}

OUTCOMES: Mapping[Outcome, str] = {
    "requests": "requests",
    "skip": "skip",
    "dead_letter": "dead letter",
    "wait": "waits for a channel",
    "not_mapped": "topic not mapped",
}

ABSENT = "(none)"
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def counted(number: int, noun: str) -> str:
    """1 record, 2,000 records."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def side(one: Side) -> str:
    """What a version makes of a record: its end, the rule, and the reason."""
    rule = f" by {one.rule!r}" if one.rule is not None else ""
    reason = f" ({one.reason})" if one.reason is not None and one.outcome != "requests" else ""
    return plain(f"{OUTCOMES[one.outcome]}{rule}{reason}")


def value(one: Value | None, *, shown: bool) -> str:
    """A field's value, or what kind of value it has."""
    if one is None:
        return ABSENT
    return _shown(one.content) if shown else _masked(one.content)


def plain(text: str) -> str:
    """One line, in which nothing moves a cursor or turns the direction of writing: such characters are spelt out."""
    return "".join(f"\\u{ord(char):04x}" if unicodedata.category(char) in _HIDDEN else char for char in text)


def _shown(content: Leaf) -> str:
    if isinstance(content, FileContent):
        what = f"{counted(content.size, 'byte')} of {content.content_type}, sha256 {content.sha256[:12]}"
        return plain(f"file {json.dumps(content.name, ensure_ascii=False)}, {what}")
    text = json.dumps(content, ensure_ascii=False)
    cut = text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}… ({len(text)} characters)"
    return plain(cut)


def _masked(content: Leaf) -> str:
    match content:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return f"text of {len(content)}"
        case int():
            return f"number of {counted(len(str(abs(content))), 'digit')}"
        case float():
            return "number with a fraction"
        case tuple():
            return f"key of {counted(len(content), 'part')}"
        case FileContent():
            return f"file of {counted(content.size, 'byte')}"
