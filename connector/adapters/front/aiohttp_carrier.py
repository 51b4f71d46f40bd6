"""Requests carried by aiohttp: the fast one, and the default (tests/benchmark/carriers.py measures both).

Nothing here knows Front. The rules that both carriers keep are in `carrier.py`.
"""

import asyncio
import math
import select
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from connector.adapters.front.carrier import (
    BODY_MAX_BYTES,
    HEAD_MAX_BYTES,
    CarrierOptions,
    cut_short,
    judged_by_proxy,
    reason,
    tls_context,
)
from connector.adapters.front.streaming import body_of, watched
from connector.adapters.tls import WatchTls, once
from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.core.http_encoding import Content


class AiohttpCarrier:
    """`Carrier` on an aiohttp session. Raises ValueError at construction if the CA file is no use."""

    def __init__(self, options: CarrierOptions, watch: WatchTls = once) -> None:
        self._options = options
        self._tls = watch(lambda: tls_context(options), options.tls_files)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool."""
        assert self._session is None, "started twice"
        options = self._options
        self._session = aiohttp.ClientSession(
            connector=_Connector(
                options.keepalive_age_s,
                limit=options.connections_max,
                keepalive_timeout=options.keepalive_idle_s,
            ),
            timeout=aiohttp.ClientTimeout(
                total=options.request_deadline_s,
                connect=options.connect_timeout_s,
                sock_read=options.read_timeout_s,
                # Else aiohttp rounds times above 5 s up to whole seconds, and the two might meet.
                ceil_threshold=math.inf,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            trust_env=False,
            max_line_size=HEAD_MAX_BYTES,
            max_field_size=HEAD_MAX_BYTES,
        )

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: Content) -> Answer:
        """One attempt; see `Carrier.send`."""
        assert self._session is not None, "not started"
        proxy = self._options.proxies.of(url)
        body, headers = body_of(content, headers)
        writing: AbstractAsyncContextManager[object] = _UNBOUNDED
        if not isinstance(body, bytes) and self._options.write_timeout_s is not None:
            writing = limit = asyncio.timeout(None)
            body = watched(body, limit, self._options.write_timeout_s)
        try:
            async with writing:
                # `encoded`: yarl would otherwise decode and quote the path again; %2F is not a slash.
                response = await self._session.request(
                    method,
                    URL(url, encoded=True),
                    headers=headers,
                    skip_auto_headers=None if headers.keys() >= _AUTO_HEADERS else _AUTO_HEADERS,
                    data=body or None,
                    allow_redirects=False,
                    proxy=proxy,
                    # Connections of another context stay with it, and end by their age.
                    ssl=self._tls(),
                    middlewares=() if method in _NEVER_REPEATED else (_once,),
                )
        except _UnsentError as unsent:
            return _not_sent(unsent.error)
        except _LostError as lost:
            return _lost(lost.error)
        except _FAILURES as error:
            return _lost(error)
        try:
            return judged_by_proxy(await _read(response), proxy)
        finally:
            # Closes the connection, unless the body was read to its end: then it is back in the pool already.
            response.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


_FAILURES: Final = (
    TimeoutError,
    aiohttp.ClientConnectionError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientResponseError,
)
"""What the network can bring; not InvalidURL and its kin, which are defects."""


_AUTO_HEADERS: Final = frozenset({"Accept", "Content-Type", "User-Agent"})
"""What aiohttp would add of its own. Skipping costs a tenth of a request's CPU, hence only where one is not given."""


_NEVER_REPEATED: Final = frozenset({"POST", "PATCH"})
"""Methods that aiohttp leaves alone, as RFC 9110 §9.2.2 does not call them idempotent."""


_UNBOUNDED: Final = nullcontext()
"""Around a body that goes out in one piece, or for whose writing only the deadline counts."""


class _UnsentError(Exception):
    """Carries a failed connect past aiohttp, which would tell it apart by its type only."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Connector(aiohttp.TCPConnector):
    """aiohttp's pool, which knows no age: a connection that is too old is closed where it would be reused.

    Everything that fails in here failed before the request's first byte.
    """

    def __init__(self, age_max_s: float, **options: Any) -> None:
        super().__init__(**options)
        self._age_max_s = age_max_s
        self._made_at: WeakKeyDictionary[object, float] = WeakKeyDictionary()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A connection from the pool that is young enough, or a new one."""
        while True:
            try:
                connection = await super().connect(req, traces, timeout)
            except (*_FAILURES, OSError) as error:
                raise _UnsentError(error) from error
            now = time.monotonic()
            made_at = self._made_at.setdefault(connection.protocol, now)
            if made_at == now or (now - made_at <= self._age_max_s and not _spoke_unasked(connection)):
                return connection
            connection.close()


def _spoke_unasked(connection: Connection) -> bool:
    """Whether a connection's peer has said something while it was idle: aiohttp would take it for the next answer.

    A stray 202 would make a record accepted that nobody has. Source: RFC 9112 §9.3, which calls such an answer unreliable.
    """
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or protocol.should_close:
        return True
    waiting = select.poll()
    waiting.register(transport.get_extra_info("socket"), select.POLLIN)
    return bool(waiting.poll(0))


class _LostError(Exception):
    """Carries a lost connection past aiohttp's own second try."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__()
        self.error = error


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps aiohttp from repeating PUT and its like on a new connection when one was lost.

    It would do so with the same token, unseen by the pipeline; there is no public switch for it. Costs a tenth
    of a request's CPU, hence not for the methods that need no keeping.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _LostError(error) from error


def _not_sent(error: BaseException) -> NotSent:
    """What was raised while a connection was made; most specific first."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return NotSent("tls", reason(error.certificate_error))
        case aiohttp.ClientConnectorSSLError():
            return NotSent("tls", reason(error.os_error))
        case aiohttp.ClientConnectorError():
            return NotSent("connect", reason(error.os_error))
        case aiohttp.ClientHttpProxyError():
            return NotSent("connect", f"the proxy refused with status {error.status}")
        case TimeoutError():
            return NotSent("timeout", "no connection in time")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return NotSent("connect", "the proxy's answer is not HTTP, or it closed the connection")
        case _:
            return NotSent("connect", f"the connection was lost: {reason(error)}")


def _lost(error: BaseException) -> Unknown:
    """What was raised later; most specific first."""
    match error:
        case TimeoutError():
            return Unknown("timeout", "no answer in time")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return Unknown("protocol", "the answer is not HTTP")
        case _:
            return Unknown("protocol", f"the connection was lost: {reason(error)}")


async def _read(response: aiohttp.ClientResponse) -> Answer:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    stream = response.content
    body = b""
    try:
        while len(body) < BODY_MAX_BYTES and not stream.at_eof():
            body += await stream.read(BODY_MAX_BYTES - len(body))
    except _FAILURES as error:
        return cut_short(response.status, headers, body, _lost(error))
    return Answered(response.status, headers, body)
