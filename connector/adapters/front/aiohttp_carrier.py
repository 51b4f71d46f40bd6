"""Requests carried by aiohttp: the fast one, and the default (tests/benchmark/carriers.py measures both).

Nothing here knows Front. The rules that both carriers keep are in `carrier.py`.
"""

import math
from collections.abc import Mapping
from typing import Final

import aiohttp
from yarl import URL

from connector.adapters.front.carrier import BODY_MAX_BYTES, CarrierOptions, cut_short, reason, tls_context
from connector.core.answers import Answer, Answered, NotSent, Unknown


class AiohttpCarrier:
    """`Carrier` on an aiohttp session. Raises ValueError at construction if the CA file is no use."""

    def __init__(self, options: CarrierOptions) -> None:
        self._options = options
        self._tls = tls_context(options.ca_file)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool."""
        assert self._session is None, "started twice"
        options = self._options
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._tls, limit=options.connections_max, keepalive_timeout=options.keepalive_idle_s
            ),
            timeout=aiohttp.ClientTimeout(
                total=options.request_deadline_s,
                connect=options.connect_timeout_s,
                # Else aiohttp rounds times above 5 s up to whole seconds, and the two might meet.
                ceil_threshold=math.inf,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            proxy=options.proxy_url,
            trust_env=False,
        )

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """One attempt; see `Carrier.send`."""
        assert self._session is not None, "not started"
        try:
            # `encoded`: yarl would otherwise decode and quote the path again; %2F is not a slash.
            response = await self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                skip_auto_headers=None if headers.keys() >= _AUTO_HEADERS else _AUTO_HEADERS,
                data=content or None,
                allow_redirects=False,
                middlewares=() if method in _NEVER_REPEATED else (_once,),
            )
        except _LostError as lost:
            return _lost(lost.error)
        except _FAILURES as error:
            return _lost(error)
        try:
            return await _read(response)
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
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _LostError(error) from error


def _lost(error: BaseException) -> NotSent | Unknown:
    """The one place where aiohttp's exceptions become answers; most specific first."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return NotSent("timeout", "no connection in time")
        case aiohttp.ClientConnectorCertificateError():
            return NotSent("tls", reason(error.certificate_error))
        case aiohttp.ClientConnectorSSLError():
            return NotSent("tls", reason(error.os_error))
        case aiohttp.ClientConnectorError():
            return NotSent("connect", reason(error.os_error))
        case aiohttp.ClientHttpProxyError():
            return NotSent("connect", f"the proxy refused with status {error.status}")
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
        failure = _lost(error)
        assert isinstance(failure, Unknown), "an answer began, so the request was sent"
        return cut_short(response.status, headers, body, failure)
    return Answered(response.status, headers, body)
