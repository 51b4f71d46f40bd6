"""What mapping makes of a record, as JSON for people: requests, a skip, or why it would be a dead letter. Sends nothing."""

import json
from collections.abc import Sequence
from typing import assert_never

from connector.core.dead_letter import Failure
from connector.core.mapping import ChannelNeeded, Plan, Refusal, Result, Skip, Tried
from connector.core.operations import Request
from connector.workbench.forms import FileAtUrl, FileContent, Part, is_form, parts_of


def rendered(result: Result | Failure) -> dict[str, object]:
    """`result` as JSON values; files are shown by name, type and size."""
    match result:
        case Plan():
            requests = [_request(request) for request in result.requests]
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


def _request(request: Request) -> dict[str, object]:
    http = request.http
    shown: dict[str, object] = {"operation": http.operation, "method": http.method, "path": http.path}
    if http.content_type is not None:
        shown["content_type"] = http.content_type
    if is_form(request):
        shown["parts"] = [_part(part) for part in parts_of(request)]
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
    name, content = part
    if isinstance(content, FileContent):
        about = {"filename": content.name, "content_type": content.content_type, "size": content.size}
        return {"name": name, **about}
    if isinstance(content, FileAtUrl):
        told = {"url": content.url, "filename": content.name, "content_type": content.content_type}
        return {"name": name, **{key: value for key, value in told.items() if value is not None}}
    return {"name": name, "value": content, "size": len(content.encode())}
