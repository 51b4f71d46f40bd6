"""Requests carried by httpx's transport: slower, and the second opinion on what a carrier must do.

Its pool looks at every connection for every request, so its cost grows with the square of the requests in
flight; it is for few in flight. Used below httpx's client, which would add cookies, redirects and the
environment. Nothing here knows Front. The rules that both carriers keep are in `carrier.py`.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpx

from connector.adapters.front.carrier import (
    BODY_MAX_BYTES,
    CarrierOptions,
    cause_of,
    cut_short,
    reason,
    tls_context,
)
from connector.core.answers import Answer, Answered, NotSent, Unknown


class HttpxCarrier:
    """`Carrier` on httpx's HTTP/1.1 transport. Raises ValueError at construction if the CA file is no use."""

    def __init__(self, options: CarrierOptions) -> None:
        self._options = options
        self._tls = tls_context(options.ca_file)
        self._transport: httpx.AsyncHTTPTransport | None = None
        connect = options.connect_timeout_s
        # Reading and writing are bounded by the deadline over all of it.
        self._timeouts = {"connect": connect, "pool": connect, "read": None, "write": None}

    async def start(self) -> None:
        """Open the pool."""
        assert self._transport is None, "started twice"
        options = self._options
        self._transport = httpx.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,
            limits=httpx.Limits(
                max_connections=options.connections_max,
                max_keepalive_connections=options.connections_max,
                keepalive_expiry=options.keepalive_idle_s,
            ),
            proxy=None if options.proxy_url is None else httpx.Proxy(options.proxy_url, ssl_context=None),
            retries=0,
        )

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """One attempt; see `Carrier.send`."""
        attempt = _Attempt()
        request = httpx.Request(
            method,
            url,
            headers={"Accept-Encoding": "identity", **headers},
            content=content,
            extensions={"timeout": self._timeouts, "trace": attempt.note},
        )
        try:
            async with asyncio.timeout(self._options.request_deadline_s):
                await self._carry(request, attempt)
        except TimeoutError:
            return attempt.ended(Unknown("timeout", "no answer in time"))
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise
        except (httpx.TransportError, httpx.DecodingError) as error:
            return attempt.ended(_lost(error))
        assert attempt.head is not None
        status, lower = attempt.head
        return Answered(status, lower, bytes(attempt.body[:BODY_MAX_BYTES]))

    async def close(self) -> None:
        """Close all connections."""
        if self._transport is not None:
            await self._transport.aclose()

    async def _carry(self, request: httpx.Request, attempt: "_Attempt") -> None:
        assert self._transport is not None, "not started"
        response = await self._transport.handle_async_request(request)
        try:
            attempt.head = (
                response.status_code,
                {name.lower(): text for name, text in response.headers.items()},
            )
            async for chunk in response.aiter_bytes():
                attempt.body += chunk
                if len(attempt.body) >= BODY_MAX_BYTES:
                    break
        finally:
            # Closes the connection, unless the body was read to its end.
            await response.aclose()


class _Attempt:
    """How far one attempt has come."""

    def __init__(self) -> None:
        self.sending = False
        self.head: tuple[int, dict[str, str]] | None = None
        self.body = bytearray()

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear the transport's trace. A CONNECT to a proxy is heard too, and is not the request."""
        if event == _FIRST_BYTE and info["request"].method != b"CONNECT":
            self.sending = True

    def ended(self, failure: NotSent | Unknown) -> Answer:
        """The answer to an attempt that failed in this way."""
        if not self.sending:
            return NotSent(failure.error, failure.detail)
        unknown = Unknown(failure.error, failure.detail)
        if self.head is None:
            return unknown
        status, headers = self.head
        return cut_short(status, headers, bytes(self.body[:BODY_MAX_BYTES]), unknown)


_FIRST_BYTE: Final = "http11.send_request_headers.started"
"""The request's first byte follows this event of httpcore's trace."""


def _lost(error: httpx.TransportError | httpx.DecodingError) -> NotSent | Unknown:
    """The one place where httpx's exceptions become answers; most specific first."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return NotSent("timeout", "no connection in time")
        case httpx.ProxyError():
            return NotSent("connect", "the proxy refused")
        case httpx.ConnectError() if isinstance(cause_of(error), ssl.SSLError):
            return NotSent("tls", reason(error))
        case httpx.ConnectError():
            return NotSent("connect", reason(error))
        case httpx.TimeoutException():
            return Unknown("timeout", "no answer in time")
        case httpx.RemoteProtocolError() | httpx.DecodingError():
            return Unknown("protocol", "the answer is not HTTP, or the connection was closed before it")
        case _:
            return Unknown("protocol", f"the connection was lost: {reason(error)}")
