"""Requests carried by httpx's transport: slower, and the second opinion on what a carrier must do.

Its pool looks at every connection for every request, so its cost grows with the square of the requests in
flight; it is for few in flight. Used below httpx's client, which would add cookies, redirects and the
environment. Nothing here knows Front. The rules that both carriers keep are in `carrier.py`.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

from connector.adapters.front.carrier import (
    BODY_MAX_BYTES,
    CarrierOptions,
    cause_of,
    cut_short,
    judged_by_proxy,
    reason,
    tls_context,
)
from connector.adapters.front.streaming import body_of
from connector.adapters.tls import WatchTls, once
from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.core.http_encoding import Content


class HttpxCarrier:
    """`Carrier` on httpx's HTTP/1.1 transport. Raises ValueError at construction if the CA file is no use."""

    def __init__(self, options: CarrierOptions, watch: WatchTls = once) -> None:
        self._options = options
        self._tls = watch(lambda: tls_context(options), options.tls_files)
        self._pool: _Pool | None = None
        self._former: set[_Pool] = set()

    async def start(self) -> None:
        """Open the pool."""
        assert self._pool is None, "started twice"
        self._pool = _Pool(self._options, self._tls())

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: Content) -> Answer:
        """One attempt; see `Carrier.send`."""
        attempt = _Attempt(self._options)
        body, headers = body_of(content, headers)
        request = httpx.Request(
            method,
            url,
            headers={"Accept-Encoding": "identity", **headers},
            content=body,
            extensions={"timeout": attempt.timeouts, "trace": attempt.note},
        )
        proxy = self._options.proxies.of(url)
        try:
            async with asyncio.timeout(self._options.request_deadline_s):
                await self._carry(request, attempt, proxy)
        except TimeoutError:
            return attempt.ended(Unknown("timeout", "no answer in time"))
        except OSError as error:  # the disk, where a body lies
            return attempt.ended(Unknown("protocol", reason(error)))
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise
        except (httpx.TransportError, httpx.DecodingError) as error:
            return attempt.ended(_lost(error))
        assert attempt.head is not None
        status, lower = attempt.head
        return judged_by_proxy(Answered(status, lower, bytes(attempt.body[:BODY_MAX_BYTES])), proxy)

    async def close(self) -> None:
        """Close all connections."""
        for pool in (*self._former, *([self._pool] if self._pool else [])):
            await pool.close()
        self._former.clear()

    async def _carry(self, request: httpx.Request, attempt: "_Attempt", proxy: str | None) -> None:
        pool = await self._young_pool()
        pool.users += 1
        try:
            try:
                response = await pool.transport(proxy).handle_async_request(request)
            except BaseException:
                # httpcore 1.0 never frees the place of a tunnel in which TLS was not finished: in the end none is left.
                pool.spoilt |= proxy is not None and not attempt.sending
                raise
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
        finally:
            pool.users -= 1
            if pool is not self._pool and pool.users == 0:
                self._former.discard(pool)
                await pool.close()

    async def _young_pool(self) -> "_Pool":
        """httpx's pool knows no age. So another takes its place in time, and it ends with its last request."""
        assert self._pool is not None, "not started"
        tls, old = self._tls(), time.monotonic() - self._pool.made_at > self._options.keepalive_age_s
        if self._pool.spoilt or old or tls is not self._pool.tls:
            former, self._pool = self._pool, _Pool(self._options, tls)
            if former.users:
                self._former.add(former)
            else:
                await former.close()
        return self._pool


class _Pool:
    """Connections that are no older than `made_at`: one transport for each proxy, and one for none."""

    def __init__(self, options: CarrierOptions, tls: ssl.SSLContext) -> None:
        self.made_at = time.monotonic()
        self.users = 0
        self.spoilt = False
        self._options = options
        self.tls = tls
        self._transports: dict[str | None, httpx.AsyncHTTPTransport] = {}

    def transport(self, proxy: str | None) -> httpx.AsyncHTTPTransport:
        """The way by this proxy; made when first asked for."""
        if proxy not in self._transports:
            tls = self.tls if proxy is not None and proxy.startswith("https:") else None
            self._transports[proxy] = httpx.AsyncHTTPTransport(
                verify=self.tls,
                trust_env=False,
                limits=httpx.Limits(
                    max_connections=self._options.connections_max,
                    max_keepalive_connections=self._options.connections_max,
                    keepalive_expiry=self._options.keepalive_idle_s,
                ),
                proxy=None if proxy is None else httpx.Proxy(proxy, ssl_context=tls),
                retries=0,
            )
        return self._transports[proxy]

    async def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()


class _Attempt:
    """How far one attempt has come."""

    def __init__(self, options: CarrierOptions) -> None:
        self.sending = False
        self._read_timeout_s = options.read_timeout_s
        connect = options.connect_timeout_s
        # Until the request is sent, what is read is a proxy's answer to CONNECT.
        self.timeouts = {
            "pool": connect,
            "connect": connect,
            "read": connect,
            "write": options.write_timeout_s,
        }
        self.head: tuple[int, dict[str, str]] | None = None
        self.body = bytearray()

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear the transport's trace. A CONNECT to a proxy is heard too, and is not the request."""
        if event == _FIRST_BYTE and info["request"].method != b"CONNECT":
            self.sending = True
            self.timeouts["read"] = self._read_timeout_s

    def ended(self, failure: NotSent | Unknown) -> Answer:
        """The answer to an attempt that failed in this way."""
        if not self.sending:
            if failure.error == "timeout":
                return NotSent("timeout", "no connection in time")
            if failure.error == "protocol":
                return NotSent("connect", "the proxy's answer is not HTTP, or it closed the connection")
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
        case httpx.ProxyError():
            # httpx gives the status in its text only.
            status = str(error).partition(" ")[0]
            return NotSent(
                "connect", "the proxy refused" + (f" with status {status}" if status.isdigit() else "")
            )
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
