"""What mapping makes of a record, as JSON for people: requests, a skip, or why it would be a dead letter. Sends nothing."""

import json
from collections.abc import Sequence
from typing import assert_never

from connector.core.dead_letter import Failure
from connector.core.http_request import HttpRequest
from connector.core.mapping import ChannelNeeded, Plan, Refusal, Result, Skip, Tried
from connector.workbench.testing.becomes import Part, is_form, parts_of


def rendered(result: Result | Failure) -> dict[str, object]:
    """`result` as JSON values; files are shown by name, type and size."""
    match result:
        case Plan():
            requests = [_request(request.http) for request in result.requests]
            return {
                "result": "requests",
                "rule": result.rule,
                "order_key": list(result.key),
                "requests": requests,
            }
        case Skip():
            return {"result": "skip", "reason": result.reason, "rule": result.rule}
        case Refusal() | Failure():
            return {
                "result": "dead_letter",
                "reason": result.reason,
                "stage": result.stage,
                "message": result.message,
                "rule": result.rule,
                "operation": result.operation,
            }
        case ChannelNeeded():
            return {
                "result": "wait",
                "reason": "unknown_channel",
                "message": result.message,
                "rule": result.rule,
            }
        case _:
            assert_never(result)


def _request(http: HttpRequest) -> dict[str, object]:
    shown: dict[str, object] = {"operation": http.operation, "method": http.method, "path": http.path}
    if http.content_type is not None:
        shown["content_type"] = http.content_type
    if is_form(http):
        shown["parts"] = [_part(part) for part in parts_of(http)]
    elif http.content:
        shown["body"] = json.loads(http.content)
    return shown


def explained(tried: Sequence[Tried]) -> list[dict[str, object]]:
    """The rules that were asked, in order; `why` says of one that failed what is wrong."""
    return [
        {"rule": one.rule, "holds": one.held, **({} if one.why is None else {"why": one.why})}
        for one in tried
    ]


def _part(part: Part) -> dict[str, object]:
    size = len(part.content)
    if part.filename is None:
        return {"name": part.name, "value": part.content.decode("utf-8", "replace"), "size": size}
    return {"name": part.name, "filename": part.filename, "content_type": part.content_type, "size": size}
