"""What one record becomes by two versions of the mappings, compared by structure. Pure: no Kafka, no files, no printing.

Bodies are compared field by field, JSON and multipart alike: a boundary, or the order of a map, is no difference.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

from connector.core.dead_letter import Failure
from connector.core.mapping import ChannelNeeded, Plan, Skip
from connector.core.operations import Request
from connector.core.operations.build import segment
from connector.core.prepare import Prepared
from connector.workbench.forms import FileContent, is_form, parts_of

Outcome: TypeAlias = Literal["requests", "skip", "dead_letter", "wait", "not_mapped"]
"""What becomes of a record. wait: for a row of the channel directory. not_mapped: this version does not read its topic."""

Kind: TypeAlias = Literal["same", "changed", "order_key", "new", "gone", "dead_letter", "ending", "reason"]
"""What differs. changed: the requests. order_key: only what they are ordered by. new: requests now, none before. gone: the
other way round. dead_letter: one now, not before. ending: no requests in either, and not the same end. reason: a dead letter
in both, for another reason.
"""

_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
_STEP = re.compile(r"[^\[\]]+")


@dataclass(frozen=True, slots=True)
class Side:
    """What one version makes of a record. `reason`: of a skip or a dead letter. `message`: our own words about it."""

    outcome: Outcome
    rule: str | None = None
    reason: str | None = None
    message: str | None = field(default=None, compare=False)


Leaf: TypeAlias = str | int | float | bool | FileContent | tuple[str, ...] | None
"""A value without parts; of texts a tuple is an order key. Empty objects and lists stand as "{}" and "[]"."""


@dataclass(frozen=True, slots=True)
class Value:
    """A field that is there, whatever it holds."""

    content: Leaf


@dataclass(frozen=True, slots=True)
class Diff:
    """A field of the requests that is not the same. `operation`: of the request it is in. None: the field is not there."""

    operation: str
    path: str
    old: Value | None
    new: Value | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides, what differs, and for the kinds `changed` and `order_key` where."""

    kind: Kind
    old: Side
    new: Side
    diffs: tuple[Diff, ...] = ()


def compare(old: Prepared | None, new: Prepared | None) -> Comparison:
    """None: the version does not map the record's topic."""
    before, after = _side(old), _side(new)
    if isinstance(old, Plan) and isinstance(new, Plan):
        diffs = () if old.requests == new.requests else tuple(_diffs(old.requests, new.requests))
        if old.key == new.key:
            return Comparison("changed" if diffs else "same", before, after, diffs)
        keys = Diff(new.requests[0].operation, "order key", Value(old.key), Value(new.key))
        return Comparison("changed" if diffs else "order_key", before, after, (*diffs, keys))
    return Comparison(_kind(before, after), before, after)


def _side(prepared: Prepared | None) -> Side:
    match prepared:
        case None:
            return Side("not_mapped")
        case Plan():
            return Side("requests", prepared.rule)
        case Skip():
            return Side("skip", prepared.rule, prepared.reason)
        case Failure():
            return Side("dead_letter", prepared.rule, prepared.reason, prepared.message)
        case ChannelNeeded():
            return Side("wait", prepared.rule, "unknown_channel", prepared.message)
        case _:
            raise AssertionError("schemas are fetched before anything is compared")


def _kind(old: Side, new: Side) -> Kind:
    match old.outcome, new.outcome:
        case "dead_letter", "dead_letter":
            return "same" if _why(old) == _why(new) else "reason"
        case _, "requests":
            return "new"
        case _, "dead_letter":
            return "dead_letter"
        case "requests", _:
            return "gone"
        case before, after:
            return "same" if before == after else "ending"


def _why(side: Side) -> tuple[str | None, str]:
    """Reason and message without the rule's name: a rule that only got another one is no difference."""
    return side.reason, (side.message or "").replace(f"rule {side.rule!r}", "rule")


# --- requests, field by field -----------------------------------------------------------------------------------------


def _diffs(old: tuple[Request, ...], new: tuple[Request, ...]) -> Iterator[Diff]:
    """Requests of one operation are compared in their order; one that has no counterpart is a difference itself."""
    before, after = _numbered(old), _numbered(new)
    for place in dict.fromkeys((*before, *after)):
        name = _name(place, before, after)
        one, other = before.get(place), after.get(place)
        if one is None or other is None:
            there = Value(place[0])
            yield Diff(
                name, "(whole request)", None if one is None else there, None if other is None else there
            )
        elif one != other:
            yield from _fields(name, one, other)
    common = [place for place in before if place in after]
    if common != [place for place in after if place in before]:
        texts = [", ".join(operation for operation, _ in places) for places in (before, after)]
        yield Diff(new[0].operation, "order of requests", Value(texts[0]), Value(texts[1]))


_Place: TypeAlias = tuple[str, int]
"""An operation, and the how manieth of it a request is among a record's."""


def _numbered(requests: tuple[Request, ...]) -> dict[_Place, Request]:
    found: dict[_Place, Request] = {}
    for request in requests:
        number = sum(operation == request.operation for operation, _ in found)
        found[request.operation, number] = request
    return found


def _name(place: _Place, *sides: Mapping[_Place, Request]) -> str:
    operation, number = place
    return f"{operation} {number + 1}" if any((operation, 1) in side for side in sides) else operation


def _fields(name: str, old: Request, new: Request) -> Iterator[Diff]:
    forms = [is_form(request) for request in (old, new)]
    before, after = (_leaves(request, as_text=any(forms)) for request in (old, new))
    for path in dict.fromkeys((*before, *after)):
        one, other = before.get(path), after.get(path)
        # 1 and True are equal and yet two values of JSON.
        if one != other or type(one and one.content) is not type(other and other.content):
            yield Diff(name, path, one, other)


def _leaves(request: Request, *, as_text: bool) -> dict[str, Value]:
    channel, http = request.channel, request.http
    leaves: dict[str, Leaf] = {
        "channel": channel.id,
        "channel.real_id": channel.real_id,
        "channel.company": channel.company,
        "channel.app": channel.app,
        "method": http.method,
        # Without the channel, which would be a second difference at every one of its requests.
        "path": http.path.replace(segment(channel.id), "{channel}", 1),
    }
    for status, word in sorted(request.outcomes.items()):
        leaves[f"outcomes.{status}"] = str(word)
    if request.on_attachment_unavailable != "dead_letter":
        leaves["on_attachment_unavailable"] = request.on_attachment_unavailable
    if is_form(request):
        leaves.update(_form(request))
    elif http.content:
        for path, leaf in _json("body", json.loads(http.content)):
            leaves[path] = _text(leaf) if as_text else leaf
    return {path: Value(leaf) for path, leaf in leaves.items()}


def _json(path: str, value: object) -> Iterator[tuple[str, Leaf]]:
    match value:
        case {} if value:
            for name, item in value.items():
                step = f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{json.dumps(name)}]"
                yield from _json(path + step, item)
        case [_, *_]:
            for index, item in enumerate(value):
                yield from _json(f"{path}[{index}]", item)
        case dict() | list():
            yield path, json.dumps(value)
        case _:
            assert value is None or isinstance(value, str | int | float | bool), "JSON has no other values"
            yield path, value


def _form(request: Request) -> Iterator[tuple[str, Leaf]]:
    """The parts under the paths that the same body has as JSON; files by their number."""
    files = 0
    for name, content in parts_of(request):
        if isinstance(content, str):
            yield _path_of(name), content
            continue
        at = f"body.attachments[{files}]"
        files += 1
        if isinstance(content, FileContent):
            yield at, content
        else:
            told = asdict(content)
            yield from ((f"{at}.{key}", value) for key, value in told.items() if value is not None)


def _path_of(name: str) -> str:
    """The field's name in a form -> its path: to[0][handle] is body.to[0].handle."""
    steps = _STEP.findall(name)
    return "body" + "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps)


def _text(leaf: Leaf) -> Leaf:
    """A value of JSON as a form writes it."""
    match leaf:
        case bool():
            return "true" if leaf else "false"
        case int() | float():
            return str(leaf)
        case _:
            return leaf
