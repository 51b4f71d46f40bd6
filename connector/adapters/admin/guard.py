"""Who may ask on loopback, and with how much: before any route sees a request, and behind every answer.

A port-forward brings the listener onto somebody's machine, where a browser runs pages of strangers. A page's own requests
carry an `Origin`; its images and forms say `Sec-Fetch-Site: cross-site`; and a name that its owner points at 127.0.0.1
(DNS rebinding) stands in `Host`. None of them is answered, and nothing here ever allows another origin (no CORS).
"""

import re
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.adapters.admin.refusals import refusal

BODY_BYTES: Final = 4096
"""What a body may have: the longest that anything here reads names a record, and why it is settled."""

_HEADERS_BYTES: Final = 16 * 1024
"""Of a request's line and headers. The parser bounds only what has not come whole yet."""
_LOOPBACK: Final = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_LENGTH: Final = re.compile(r"[0-9]{1,9}")
_FOREIGN: Final = ("cross-site", "same-site")
_HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """ASGI middleware. Also takes the slash off a path's end: clients of Connect are not of one mind about it."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        problem = _too_long(scope) or _problem(scope["method"], Headers(scope=scope))
        if problem is not None:
            await problem(scope, receive, with_headers)
            return
        path = scope["path"].rstrip("/") or "/"
        await self._application({**scope, "path": path}, receive, with_headers)


def _too_long(scope: Scope) -> Response | None:
    line = len(scope["raw_path"]) + len(scope["query_string"])
    if line + sum(len(name) + len(value) for name, value in scope["headers"]) <= _HEADERS_BYTES:
        return None
    return refusal(431, f"The request's headers have at most {_HEADERS_BYTES} bytes here.", close=True)


def _problem(method: str, headers: Headers) -> Response | None:
    hosts = headers.getlist("host")
    if len(hosts) != 1 or _LOOPBACK.fullmatch(hosts[0]) is None:
        return refusal(
            403,
            "The Host header must be localhost, 127.0.0.1 or [::1]: this listener is for whoever is on the same machine, "
            "by exec or port-forward.",
            close=True,
        )
    if "origin" in headers or (
        headers.get("sec-fetch-site") in _FOREIGN and headers.get("sec-fetch-mode") != "navigate"
    ):
        return refusal(403, "No web page may ask here (Origin, Sec-Fetch-Site).", close=True)
    length, chunked = headers.get("content-length", "0"), "transfer-encoding" in headers
    if method in ("GET", "HEAD") and (length != "0" or chunked):
        return refusal(400, f"A {method} has no body here.", close=True)
    if chunked and "content-length" in headers:
        return refusal(400, "A body has one length: Content-Length, or Transfer-Encoding.", close=True)
    if _LENGTH.fullmatch(length) is None or int(length) > BODY_BYTES:
        return refusal(413, f"A body has at most {BODY_BYTES} bytes here.", close=True)
    return None
