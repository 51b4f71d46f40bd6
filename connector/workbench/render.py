"""What mapping makes of a record, as JSON for people: requests, a skip, or why it would be a dead letter. Sends nothing."""

import json
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import assert_never

from connector.core.http_request import HttpRequest
from connector.core.mapping import Plan, Refusal, Result, Skip


def rendered(result: Result) -> dict[str, object]:
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
        case Refusal():
            return {
                "result": "dead_letter",
                "reason": result.reason,
                "stage": result.stage,
                "message": result.message,
                "rule": result.rule,
                "operation": result.operation,
            }
        case _:
            assert_never(result)


def _request(http: HttpRequest) -> dict[str, object]:
    shown: dict[str, object] = {"operation": http.operation, "method": http.method, "path": http.path}
    if http.content_type is not None:
        shown["content_type"] = http.content_type
    if http.content_type is not None and http.content_type.startswith("multipart/"):
        shown["parts"] = _parts(http.content_type, http.content)
    elif http.content:
        shown["body"] = json.loads(http.content)
    return shown


def _parts(content_type: str, content: bytes) -> list[dict[str, object]]:
    header = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(EmailMessage, policy=HTTP).parsebytes(header + content)
    parts: list[dict[str, object]] = []
    for part in message.iter_parts():
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes), "a part of bytes decodes to bytes"
        name = part.get_param("name", header="content-disposition")
        filename = part.get_filename()
        if filename is None:
            parts.append({"name": name, "value": payload.decode("utf-8", "replace"), "size": len(payload)})
        else:
            content_type = part.get_content_type()
            parts.append(
                {"name": name, "filename": filename, "content_type": content_type, "size": len(payload)}
            )
    return parts
