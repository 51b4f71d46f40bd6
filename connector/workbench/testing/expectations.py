"""An expectation against what a record becomes: where they differ, and how the expectation would have to read.

Expectations come in the forms that `TestShape` allows, as plain values from the file. `document` is what `becomes` gives.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connector.workbench.testing.becomes import Document
from connector.workbench.testing.differences import Difference, differences, gone_or_new

_KINDS: Final = ("requests", "skip", "dead_letter", "waits")
_AROUND: Final = ("rule", "order_key")
"""What may stand beside any kind."""


def compare(written: object, document: Document, *, exact: bool) -> tuple[Difference, ...]:
    """Where the record does not become what is written; none: it does."""
    expected = _whole(written)
    kind = _kind(expected)
    if kind is not None and kind not in document:
        return (*_leaves(expected, "-"), *_leaves(_plain(document), "+"))
    found = _said_as(expected, document)
    return tuple(_compared(expected, found, exact=exact))


def renewed(written: object, document: Document, *, exact: bool) -> object:
    """The expectation as it must read, in the form and with the fields that it has; of another kind, everything."""
    expected = _whole(written)
    kind = _kind(expected)
    if kind is not None and kind not in document:
        return in_full(document)
    found = _said_as(expected, document)
    several = expected.get("requests")
    if several is not None and len(several) != len(found["requests"]):
        return in_full(document)
    return _rewritten(written, found, exact=exact)


def _whole(written: object) -> Document:
    """One form for all: requests in a list, skip as a map."""
    if isinstance(written, list):
        return {"requests": written}
    assert isinstance(written, dict), "the shape was checked when the file was read"
    around = {name: written[name] for name in _AROUND if name in written}
    if "skip" in written:
        skip = written["skip"]
        return {"skip": {} if skip is True else {"reason": skip} if isinstance(skip, str) else skip, **around}
    if "dead_letter" in written or "error" in written:
        return {"dead_letter": written.get("dead_letter", True), **written}
    if "requests" in written or "waits" in written or written.keys() <= set(_AROUND):
        return dict(written)
    return {"requests": [{name: item for name, item in written.items() if name not in _AROUND}], **around}


def _kind(expected: Document) -> str | None:
    return next((kind for kind in _KINDS if kind in expected), None)


def _said_as(expected: Document, document: Document) -> Document:
    """The document in the expectation's words, where several words are right for the same thing."""
    found = dict(document)
    if "requests" in expected and "requests" in found:
        wanted = [*expected["requests"], *({} for _ in found["requests"][len(expected["requests"]) :])]
        found["requests"] = [
            _request_as(want, have) for want, have in zip(wanted, found["requests"], strict=False)
        ]
    if "skip" in expected and "skip" in found:
        skip = dict(found["skip"])
        reason = expected["skip"].get("reason")
        words = skip.pop("words", None)
        if reason is not None and (reason == words or (words is not None and reason != skip["reason"])):
            skip["reason"] = words
        found = {**found, "skip": skip, **({"rule": skip["rule"]} if "rule" in skip else {})}
    for kind in ("dead_letter", "waits"):
        if expected.get(kind) is True:
            found[kind] = True
    for text in ("error", "waits"):
        part = expected.get(text)
        if isinstance(part, str) and part in str(found.get(text, "")):
            found[text] = part
    return found


def _request_as(want: Mapping[str, Any], have: Document) -> Document:
    found = {name: value for name, value in have.items() if name not in ("alias", "url_path")}
    if want.get("channel") is not None and want["channel"] == have.get("alias"):
        found["channel"] = have["alias"]
    if isinstance(want.get("path"), str):
        found["path"] = have["url_path"]
    return found


def _compared(expected: Document, found: Document, *, exact: bool) -> Iterator[Difference]:
    for name, value in expected.items():
        if name != "requests":
            yield from differences({name: value}, found)
            continue
        wanted, has = value, found["requests"]
        alone = len(wanted) == len(has) == 1
        for index, (want, have) in enumerate(zip(wanted, has, strict=False)):
            yield from _request_compared(want, have, "" if alone else f"requests[{index}]", exact=exact)
        for index, item in enumerate(wanted[len(has) :], len(has)):
            yield from gone_or_new(item, f"requests[{index}]", sign="-")
        for index, item in enumerate(has[len(wanted) :], len(wanted)):
            yield from gone_or_new(item, f"requests[{index}]", sign="+")


def _request_compared(
    want: Mapping[str, Any], have: Document, place: str, *, exact: bool
) -> Iterator[Difference]:
    inside = ("path", "body")
    outer = {name: value for name, value in want.items() if not (exact and name in inside)}
    yield from differences(outer, have, place)
    if exact:
        for name in inside:
            at = f"{place}.{name}" if place else name
            yield from differences(want.get(name, {}), have[name], at, exact=True)


def _leaves(document: Document, sign: str) -> Iterator[Difference]:
    for name, value in document.items():
        requests = value if name == "requests" else None
        if isinstance(requests, list) and len(requests) == 1:
            yield from gone_or_new(requests[0], "", sign=sign)
        else:
            yield from gone_or_new(value if value != {} else True, name, sign=sign)


def _plain(document: Document) -> Document:
    """What is shown of a record that becomes something of another kind."""
    if "requests" in document:
        return {**document, "requests": [_request_as({}, request) for request in document["requests"]]}
    return document


# --- what it would have to say ------------------------------------------------------------------------------------


def _rewritten(written: object, found: Document, *, exact: bool) -> object:
    if isinstance(written, list):
        pairs = zip(written, found["requests"], strict=True)
        return [_request_rewritten(one, have, exact=exact) for one, have in pairs]
    assert isinstance(written, dict), "the shape was checked when the file was read"
    several = written.get("requests")
    result: Document = {}
    if several is not None:
        pairs = zip(several, found["requests"], strict=True)
        result["requests"] = [_request_rewritten(one, have, exact=exact) for one, have in pairs]
    elif "requests" in found:
        single = {name: value for name, value in written.items() if name not in _AROUND}
        result = _request_rewritten(single, found["requests"][0], exact=exact) if single else {}
    for name in written:
        if name == "skip":
            result[name] = _skip_rewritten(written[name], found["skip"])
        elif name in (*_AROUND, "dead_letter", "error", "waits") and name in found:
            result[name] = _followed(written[name], found[name], exact=False)
    return {name: result[name] for name in [*written, *result] if name in result}


def _skip_rewritten(written: object, found: Document) -> object:
    if isinstance(written, str):
        return found["reason"]
    return _followed(written, found, exact=False) if isinstance(written, dict) else written


def _request_rewritten(written: Mapping[str, Any], have: Document, *, exact: bool) -> Document:
    result = {
        name: _followed(value, have[name], exact=exact and name in ("path", "body"))
        for name, value in written.items()
        if name in have
    }
    missing = [name for name in ("path", "body") if exact and name not in written and have[name]]
    return {**result, **{name: have[name] for name in missing}}


def _followed(written: object, found: object, *, exact: bool) -> object:
    """What is found, cut down to the fields that are written."""
    match written, found:
        case dict(), dict():
            kept = {
                name: _followed(value, found[name], exact=exact) if name in found else None
                for name, value in written.items()
                if name in found or value is None
            }
            return {**found, **kept} if exact else kept
        case list(), list() if len(written) == len(found):
            return [_followed(one, other, exact=exact) for one, other in zip(written, found, strict=True)]
        case _:
            return found


def in_full(document: Document) -> object:
    """An expectation that says everything about the requests, and which rule skips or gives up."""
    if "requests" not in document:
        named = {name: value for name, value in document.items() if name != "operation"}
        if "waits" in named:
            return {**named, "waits": True}
        if "skip" in named:
            skip = named["skip"]
            return {"skip": {"rule": skip["rule"]} if "rule" in skip else skip["reason"]}
        return named
    shown = [
        {
            name: value
            for name, value in _request_as({}, request).items()
            if name in ("operation", "channel", "path", "body") and value
        }
        for request in document["requests"]
    ]
    return shown[0] if len(shown) == 1 else shown
