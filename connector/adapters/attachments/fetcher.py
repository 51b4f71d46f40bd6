"""Fetches files over HTTP: `ports.FileSource`. One attempt a call, redirects followed by hand, every hop guarded anew.

Nothing here is logged, and no answer holds more of a URL than its host.
"""

import asyncio
import math
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from connector.adapters.attachments.addresses import refused_address
from connector.adapters.attachments.connecting import AddressRefusedError, MakeResolver, connector
from connector.adapters.attachments.guard import Guard, Target, read_url
from connector.adapters.attachments.judging import REFUSAL_BYTES, Refusal, judge, may_be_expired
from connector.adapters.attachments.network import FAILURES, failed, tls_context
from connector.adapters.attachments.options import FetchOptions
from connector.adapters.attachments.receiving import receive
from connector.adapters.attachments.resolving import ApartResolver
from connector.adapters.attachments.spool import Spool
from connector.adapters.attachments.turns import Turns
from connector.core.files import FetchAnswer, HostFailed, NotAllowed, RemoteFile
from connector.ports import Clock

REDIRECTS_MAX: Final = 5

NO_HOST: Final = "unreadable"
"""The host of what is no URL: such files are `NotAllowed` and fail no host."""

_READ_BYTES: Final = 64 * 1024
"""What is read ahead of a body before the host is made to wait: memory of each fetch under way."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str = field(repr=False)


class AttachmentSource:
    """`ports.FileSource`. Raises ValueError at construction if the CA file is no use; `start` raises StartupRefused if the
    spool's folder is not.

    `make_resolver`: asked for names; called once, when the loop runs.
    """

    def __init__(
        self,
        options: FetchOptions,
        clock: Clock,
        *,
        version: str,
        make_resolver: MakeResolver = ApartResolver,
    ) -> None:
        self._options = options
        self._clock = clock
        self._agent = f"front-connector/{version}"
        self._tls = tls_context(options.ca_file)
        self._make_resolver = make_resolver
        self._guard = Guard(options.hosts, options.allow_private)
        self._turns = Turns(options.concurrent, options.concurrent_per_host)
        self._spool = Spool(options.spool)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Try the spool's folder, unless nothing will be fetched anyway; no connection is made yet."""
        assert self._session is None, "started twice"
        pool = connector(self._options, self._tls, self._make_resolver)
        self._session = aiohttp.ClientSession(
            connector=pool,
            timeout=aiohttp.ClientTimeout(
                total=None,  # over all hops: see `fetch`
                connect=self._options.connect_timeout_s,
                sock_read=self._options.idle_timeout_s,
                ceil_threshold=math.inf,  # else aiohttp rounds times above 5 s up
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": self._agent},
            auto_decompress=False,
            read_bufsize=_READ_BYTES,
            proxy=self._options.proxy_url,
            trust_env=False,  # it would also send what ~/.netrc holds
        )
        try:
            if self._options.hosts:
                await self._spool.start()
        except BaseException:
            await self._session.close()
            raise

    def host(self, file: RemoteFile) -> str:
        """As `files.example.com:443`; `NO_HOST` if the URL cannot be read."""
        place = read_url(file.url)
        return NO_HOST if isinstance(place, NotAllowed) else place.host_and_port

    async def fetch(self, file: RemoteFile, most: int) -> FetchAnswer:
        """One attempt; see `FileSource.fetch`. The total time limit counts exchanges, not the wait for a turn."""
        assert most >= 0, "not even an empty file"
        target = self._guard.admit(file.url)
        if isinstance(target, NotAllowed):
            return target
        first, known, left = target, True, self._options.total_timeout_s
        loop = asyncio.get_running_loop()
        for _ in range(REDIRECTS_MAX + 1):
            # Once it has led elsewhere, others decide what is asked: nobody's credentials go along from then on.
            known = known and target.place.origin == first.place.origin
            async with self._turns.of(target.place.host_and_port):
                began = loop.time()
                try:
                    async with asyncio.timeout(left):
                        answer = await self._exchange(target, file, most, known=known)
                except TimeoutError:
                    limit = self._options.total_timeout_s
                    return HostFailed("timeout", f"{target.shown}: no whole file within {limit:g} s")
                left -= loop.time() - began
            if not isinstance(answer, _Redirect):
                return answer
            found = self._guard.admit_redirect(target, answer.location)
            if isinstance(found, NotAllowed):
                return found
            target = found
        return HostFailed("protocol", f"{first.shown} redirects more than {REDIRECTS_MAX} times")

    async def close(self) -> None:
        """Close all connections and end the spool's threads; idempotent. Files on disk can be read no longer."""
        if self._session is not None:
            await self._session.close()
            await self._spool.close()

    async def _exchange(
        self, target: Target, file: RemoteFile, most: int, *, known: bool
    ) -> FetchAnswer | _Redirect:
        """One request and its answer."""
        assert self._session is not None, "not started"
        credentials = target.options.credentials if known and target.place.scheme == "https" else None
        try:
            response = await self._session.get(
                target.place.url,
                headers=None if credentials is None else dict([credentials.header()]),
                allow_redirects=False,
            )
        except FAILURES as error:
            return _failed(target, error)
        try:
            if response.status == 200:
                return await receive(response, target.shown, file, most, self._spool)
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location is not None:
                return _Redirect(location)
            if response.status in (401, 403) and credentials is not None:
                credentials.secret.refresh()
            return await self._refusal(response, target, asked_as=credentials is not None)
        finally:
            response.close()

    async def _refusal(
        self, response: aiohttp.ClientResponse, target: Target, *, asked_as: bool
    ) -> FetchAnswer:
        body = bytearray()
        if may_be_expired(response.status):
            try:
                async for piece in response.content.iter_any():
                    body += piece
                    if len(body) >= REFUSAL_BYTES:
                        break
            except FAILURES as error:
                return failed(target.shown, error)
        refusal = Refusal(
            shown=target.shown,
            url=target.place.url,
            status=response.status,
            body=bytes(body),
            date=response.headers.get("Date"),
            retry_after=response.headers.get("Retry-After"),
            asked_as=asked_as,
        )
        return judge(refusal, self._clock.wall())


def _failed(target: Target, error: BaseException) -> NotAllowed | HostFailed:
    """A request without an answer. That its address was refused is the cause of a failed connection."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressRefusedError):
        return NotAllowed(refused_address(target.shown, error.os_error.kind))
    return failed(target.shown, error)
