"""A text that differs between two versions of a topic's mapping if a record may have different order keys under them.

It compares what is written, and not what it means: two ways to say the same differ. That costs no more than a short wait when
mapping files are reloaded (`pipeline/taking.py`); taking different keys for the same would cost the order.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from connector.config.mapping.file import DefaultsShape, RequestShape, RuleShape, TopicShape
from connector.core.operations import OPERATIONS

_IN_PATH = {"call": "external_call_id", "conversation": "conv_ext_id"}
_IN_BODY = {"call": ("external_call_id",), "conversation": ("metadata", "external_conversation_id")}
"""Where the id of what a request is about stands: the default key's part besides the channel (`core/operations/build.py`)."""
_NAME = re.compile(r"[A-Za-z_]\w*")


def order_signature(shape: TopicShape, file_lets: Mapping[str, object]) -> str:
    """Of one topic; `file_lets` are those of its file."""
    if shape.mapper is not None:
        return f"mapper {shape.mapper}"
    around = {**file_lets, **shape.let}
    defaults = shape.defaults or DefaultsShape()
    rules = [rule for rule in shape.rules or () if rule.skip is None]
    keys = [_key(rule, defaults, {**around, **rule.let}) for rule in rules]
    if all(key == keys[0] for key in keys):
        return _text(keys[:1])
    # Which rule a record comes to decides about its key.
    whens = [[rule.when, _behind(rule.when, {**around, **rule.let})] for rule in rules]
    return _text([whens, keys])


def _key(rule: RuleShape, defaults: DefaultsShape, lets: Mapping[str, object]) -> object:
    """What makes the key of a rule's records: `order_by`, or what their first request is about."""
    order_by = rule.order_by or defaults.order_by
    made: object = order_by
    if order_by is None:
        request: RequestShape | RuleShape = rule if rule.requests is None else rule.requests[0]
        assert request.operation is not None, "the shape has one of skip, requests and operation"
        channel = request.channel if request.channel is not None else defaults.channel
        made = [OPERATIONS[request.operation].entity, channel, _id(request, defaults)]
    return [made, _behind(made, lets)]


def _id(request: RequestShape | RuleShape, defaults: DefaultsShape) -> object:
    """The text that gives the id. A body that is one expression is given whole, as nobody knows what is in it."""
    assert request.operation is not None
    operation = OPERATIONS[request.operation]
    if operation.entity == "channel":
        return None
    in_path = _IN_PATH[operation.entity]
    if in_path in operation.params:
        return (request.path or {}).get(in_path, defaults.path.get(in_path))
    own = _dig(request.body, _IN_BODY[operation.entity])
    return own if own is not None else _dig(defaults.body, _IN_BODY[operation.entity])


def _dig(fields: object, names: Iterable[str]) -> object:
    for name in names:
        if not isinstance(fields, Mapping):
            break
        fields = fields.get(name)
    return fields


def _behind(written: object, lets: Mapping[str, object]) -> dict[str, object]:
    """The lets that these texts may read, and those behind them. A word in a literal counts too."""
    found: dict[str, object] = {}
    rest = list(_words(written))
    while rest:
        name = rest.pop()
        if name in lets and name not in found:
            found[name] = lets[name]
            rest.extend(_words(lets[name]))
    return found


def _words(written: object) -> Iterator[str]:
    match written:
        case str():
            yield from _NAME.findall(written)
        case Mapping():
            for value in written.values():
                yield from _words(value)
        case list() | tuple():
            for value in written:
                yield from _words(value)


def _text(parts: object) -> str:
    return json.dumps(parts, sort_keys=True, default=repr)
