"""What a record becomes, as a document in the words that tests use: requests, a skip, a dead letter, or waiting.

{"requests": [{"operation", "channel", "company", "app", "path", "body"}], "rule", "order_key"}
{"skip": {"reason", "rule"?, "words"?}}, {"dead_letter", "error", "rule"?, "operation"?}, {"waits", "rule"}

A body is what goes over the wire, read back. In a form (a request with files) every value is text and a file is shown as name,
content type, size and SHA-256. Values are JSON; nothing is compared here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeAlias, assert_never
from urllib.parse import unquote

from connector.core.dead_letter import Failure
from connector.core.http_request import HttpRequest
from connector.core.mapping import ChannelNeeded, Plan, Refusal, Result, Skip
from connector.core.operations import OPERATIONS, Request
from connector.workbench.forms import is_form, parts_of

Document: TypeAlias = dict[str, Any]

_STEP = re.compile(r"\[([^\]]*)\]")


def becomes(result: Result | Failure, words: Mapping[str, str] | None = None) -> Document:
    """`result` as a document. `words`: by rule, why it skips."""
    match result:
        case Plan():
            requests = [_request(request) for request in result.requests]
            return {"requests": requests, "rule": result.rule, "order_key": list(result.key)}
        case Skip():
            said = {
                "reason": result.reason,
                "rule": result.rule,
                "words": (words or {}).get(result.rule or ""),
            }
            return {"skip": {name: value for name, value in said.items() if value is not None}}
        case ChannelNeeded():
            return {"waits": result.message, "rule": result.rule}
        case Refusal() | Failure():
            told = {"dead_letter": result.reason, "error": result.message, "rule": result.rule}
            return {name: value for name, value in told.items() if value is not None}
        case _:
            assert_never(result)


def _request(request: Request) -> Document:
    http, channel = request.http, request.channel
    body = _form(request) if is_form(request) else json.loads(http.content or b"{}")
    shown = {
        "operation": request.operation,
        "channel": channel.real_id,
        "alias": channel.id if channel.id != channel.real_id else None,
        "company": channel.company,
        "app": channel.app,
        "url_path": http.path,
        "path": _ids(http),
        "body": body,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _ids(http: HttpRequest) -> dict[str, str]:
    """The ids in a path, by the names that the operation gives them."""
    pattern = OPERATIONS[http.operation].path.split("/")
    found = zip(pattern, http.path.split("/"), strict=True)
    ids = {name[1:-1]: unquote(segment) for name, segment in found if name.startswith("{")}
    return {name: value for name, value in ids.items() if name != "channel_id"}


def _form(request: Request) -> Document:
    body: Document = {}
    files: list[Document] = []
    for name, content in parts_of(request):
        if isinstance(content, str):
            _put(body, name, content)
        else:
            told = asdict(content)
            files.append({key: value for key, value in told.items() if value is not None})
    return {**_listed(body), "attachments": files}


def _put(body: Document, name: str, value: str) -> None:
    """`to[0][handle]`: a step deeper for each bracket."""
    first, *steps = [name.partition("[")[0], *_STEP.findall(name)]
    here = body
    for step in steps:
        here = here.setdefault(first, {})
        first = step
    here[first] = value


def _listed(value: Any) -> Any:
    """Maps whose keys are 0, 1, 2, ... are lists."""
    if not isinstance(value, dict):
        return value
    items = {name: _listed(item) for name, item in value.items()}
    numbered = bool(items) and list(items) == [str(number) for number in range(len(items))]
    return list(items.values()) if numbered else items
