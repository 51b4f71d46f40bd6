"""One request to a Schema Registry and what its answer means. Caches nothing, never decodes a record.

Two answers that must not be mixed: the registry says that a schema does not exist (`SchemaAbsent`, a bad
record), and the registry says nothing usable (`RegistryUnavailable`, an outage: the record waits). Only the
registry's own error codes are the first; any other 404 may come from a proxy, a wrong base path, or a registry
that is too old for GUIDs. Why not the client of confluent-kafka: docs/decisions/registry-client.md.

Source of routes and codes: Confluent's Schema Registry API reference, v1; others speak it too.
"""

import asyncio
import json
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias
from urllib.parse import quote

import httpx

from connector.adapters.tls import WatchTls, once
from connector.core.decode import SchemaAbsent
from connector.ports import Clock, RegistryUnavailable

BODY_MAX_BYTES: Final = 16 * 1024 * 1024
"""Registries refuse far smaller schemas; this only bounds what a broken far side can make us hold."""

Operation: TypeAlias = Literal["by_id", "by_guid", "by_subject"]


class RegistryObserver(Protocol):
    """Hears each request to the registry."""

    def registry_request(self, operation: Operation, status: str, took_s: float) -> None:
        """One request ended. `status`: the HTTP code, or timeout, connect, tls, protocol."""


class Secret(Protocol):
    """Where a password or token comes from: fixed, or a watched file."""

    def value(self) -> str:
        """The secret as it is now."""

    def refresh(self) -> None:
        """It was refused: look again at once for a newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """HTTP basic authentication."""

    user: str
    password: Secret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerAuth:
    """A bearer token, for instance one that a sidecar renews in a file."""

    token: Secret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """How to reach the registry. TLS is always verified and at least 1.2. The environment is not asked."""

    url: str
    """Scheme, host and perhaps a path; without credentials, as it appears in logs."""

    auth: BasicAuth | BearerAuth | None = None

    ca_file: Path | None = None
    """PEM file of the only authorities to trust; None: the system's."""

    client_certificate: tuple[Path, Path] | None = None
    """PEM files of our certificate and its unencrypted key, for mutual TLS."""

    timeout_s: float = 10.0
    """For one request, connecting and the body included."""

    proxy_url: str | None = field(default=None, repr=False)

    @property
    def tls_files(self) -> tuple[Path, ...]:
        """The files that a TLS context is made of."""
        return tuple(path for path in (self.ca_file, *(self.client_certificate or ())) if path is not None)

    def __post_init__(self) -> None:
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL:
            url = httpx.URL("")
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("the registry's URL must look like https://registry.example:8081")
        if url.userinfo:
            raise ValueError(
                "the registry's URL holds credentials: give user and password on their own, URLs are logged"
            )
        if self.timeout_s <= 0:
            raise ValueError(f"the registry's timeout_s must be above 0, not {self.timeout_s}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A version of a subject that a schema builds on."""

    subject: str
    version: int

    def __str__(self) -> str:
        return f"subject {self.subject}, version {self.version}"


@dataclass(frozen=True, slots=True)
class Document:
    """What the registry holds under an id, a GUID or a version. `text` is JSON if `kind` is AVRO."""

    kind: str
    text: str
    references: tuple[Reference, ...]


@dataclass(eq=False, slots=True)
class _Pool:
    """Connections made with one TLS context; closed when its last user has gone and another took its place."""

    client: httpx.AsyncClient
    tls: ssl.SSLContext
    users: int = 0


class Client:
    """The registry over HTTP. Raises ValueError at construction if a TLS file is no use."""

    def __init__(
        self, options: RegistryOptions, clock: Clock, observer: RegistryObserver, watch: WatchTls = once
    ) -> None:
        self._options = options
        self._url = options.url.removesuffix("/")
        self._clock = clock
        self._observer = observer
        self._tls = watch(lambda: _tls_context(options), options.tls_files)
        self._http: _Pool | None = None
        self._former: set[_Pool] = set()

    async def start(self) -> None:
        """Open the pool; no connection is made yet."""
        assert self._http is None, "started twice"
        self._http = self._pool(self._tls())

    def _pool(self, tls: ssl.SSLContext) -> "_Pool":
        client = httpx.AsyncClient(
            verify=tls,
            timeout=self._options.timeout_s,
            follow_redirects=False,
            proxy=self._options.proxy_url,
            trust_env=False,
            headers={"Accept": "application/vnd.schemaregistry.v1+json, application/json"},
        )
        return _Pool(client, tls)

    async def get(self, operation: Operation, path: str) -> Document | SchemaAbsent | RegistryUnavailable:
        """One request, judged; ended within `timeout_s`. Does not retry."""
        reply = await self._asked(operation, path)
        return reply if isinstance(reply, RegistryUnavailable) else _judge(*reply)

    async def subjects(self, prefix: str) -> tuple[str, ...] | RegistryUnavailable:
        """The names of all subjects that begin with `prefix`; a registry that cannot choose sends all, so look again."""
        reply = await self._asked("by_subject", f"/subjects?subjectPrefix={quote(prefix, safe='')}")
        if isinstance(reply, RegistryUnavailable):
            return reply
        status, body = reply
        if status == 200:
            try:
                names = json.loads(body)
            except (ValueError, RecursionError):
                names = None
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return tuple(names)
            return RegistryUnavailable("the registry's answer is no list of subjects: is its URL right?")
        judged = _judge(status, body)
        assert not isinstance(judged, Document), "only 200 gives one"
        return RegistryUnavailable(judged.detail)

    async def _asked(self, operation: Operation, path: str) -> tuple[int, bytes] | RegistryUnavailable:
        """One request, counted; a secret that was refused is read again."""
        began = self._clock.monotonic()
        reply = await self._exchange(path)
        took = self._clock.monotonic() - began
        if isinstance(reply, _Failure):
            self._observer.registry_request(operation, reply.status, took)
            return RegistryUnavailable(reply.detail)
        status, body = reply
        self._observer.registry_request(operation, str(status), took)
        if status in (401, 403):
            self._refresh_secret()
        return status, body

    async def close(self) -> None:
        """Close all connections; idempotent."""
        for pool in (*self._former, *([self._http] if self._http else [])):
            await pool.client.aclose()

    async def _exchange(self, path: str) -> "tuple[int, bytes] | _Failure":
        """Status and body, by a connection that knows the certificates of now."""
        assert self._http is not None, "not started"
        if self._http.tls is not (tls := self._tls()):
            self._former.add(self._http)
            self._http = self._pool(tls)
        pool = self._http
        pool.users += 1
        try:
            return await self._exchanged(pool.client, path)
        finally:
            pool.users -= 1
            for former in [former for former in self._former if not former.users]:
                self._former.discard(former)
                await former.client.aclose()

    async def _exchanged(self, client: httpx.AsyncClient, path: str) -> "tuple[int, bytes] | _Failure":
        """The one place where httpx's exceptions become a value."""
        request = client.build_request("GET", self._url + path)
        try:
            async with asyncio.timeout(self._options.timeout_s):
                response = await client.send(request, auth=self._auth(), stream=True)
                try:
                    return response.status_code, await _read(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            return _Failure("timeout", f"the registry gave no answer within {self._options.timeout_s:g} s")
        except httpx.ConnectError as error:
            if _is_tls(error):
                return _Failure(
                    "tls", "no TLS connection to the registry: its certificate, or ours, was not accepted"
                )
            return _Failure("connect", "no connection to the registry")
        except (httpx.TransportError, httpx.DecodingError) as error:
            return _Failure("protocol", f"the registry's answer broke off: {type(error).__name__}")

    def _auth(self) -> httpx.Auth | None:
        """Made for each request: a file's secret may have changed."""
        match self._options.auth:
            case BasicAuth() as basic:
                return httpx.BasicAuth(basic.user, basic.password.value())
            case BearerAuth() as bearer:
                return _Bearer(bearer.token.value())
            case None:
                return None

    def _refresh_secret(self) -> None:
        match self._options.auth:
            case BasicAuth() as basic:
                basic.password.refresh()
            case BearerAuth() as bearer:
                bearer.token.refresh()


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._header
        yield request


@dataclass(frozen=True, slots=True)
class _Failure:
    """No answer. `status` is the label under which it is counted."""

    status: Literal["timeout", "connect", "tls", "protocol"]
    detail: str


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            # Cut: it will not parse, and counts as garbage.
            break
    return bytes(body)


def _judge(status: int, body: bytes) -> Document | SchemaAbsent | RegistryUnavailable:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    match status:
        case 200:
            return _document(fields) or RegistryUnavailable(
                "the registry's answer holds no schema: is its URL right?"
            )
        case 404 if fields.get("error_code") in _FIRM:
            return SchemaAbsent(f"the registry knows no such schema (code {fields['error_code']})")
        case 404:
            return RegistryUnavailable("404 without the registry's own error code: is its URL right?")
        case 401 | 403:
            return RegistryUnavailable(f"the registry refuses us with status {status}: check its credentials")
        case _:
            return RegistryUnavailable(f"the registry answered with status {status}")


_FIRM: Final = (40401, 40402, 40403)
"""Subject, version, schema not found. The first two come for references only."""


def _document(fields: Mapping[str, Any]) -> Document | None:
    """None if it is not one: then somebody else answered for the registry."""
    text, kind = fields.get("schema"), fields.get("schemaType") or "AVRO"
    listed = fields.get("references") or []
    if not (isinstance(text, str) and isinstance(kind, str) and isinstance(listed, list)):
        return None
    references = []
    for item in listed:
        match item:
            case {"subject": str(subject), "version": int(version)}:
                references.append(Reference(subject, version))
            case _:
                return None
    return Document(kind, text, tuple(references))


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _tls_context(options: RegistryOptions) -> ssl.SSLContext:
    what: object = f"CA file {options.ca_file}"
    try:
        context = ssl.create_default_context(cafile=None if options.ca_file is None else str(options.ca_file))
        if options.client_certificate is not None:
            what = (
                f"client certificate {options.client_certificate[0]} with key {options.client_certificate[1]}"
            )
            # Without a password it would ask for one on the terminal.
            context.load_cert_chain(*options.client_certificate, password="")
    except OSError as error:
        # ssl.SSLError is an OSError too: unreadable and malformed files end here alike.
        raise ValueError(f"the registry's {what} cannot be used: it must exist and be PEM") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
