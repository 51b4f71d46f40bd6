"""A Schema Registry inside this process, for the demo and for tests: what producers and consumers need of it.

What lives here: an HTTP server in a thread, and the schemas it was given, in memory. It judges that a schema
is Avro, not that a version is compatible with the one before, and deletes nothing.
`tests/contract/test_schema_registry.py` holds it against a real one.

Source of routes, bodies and error codes: Confluent's Schema Registry API reference, v1 content types.
"""

import base64
import json
import socket
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import fastavro
import uvicorn
from fastavro.schema import SchemaParseException, UnknownType
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"

_STOP_WITHIN_S: Final = 5.0
_GUIDS: Final = uuid.UUID(
    "a9d4f1c6-5f0e-4f5e-9d3c-0c1f6c2b7e55"
)  # a namespace of our own: equal schemas, equal GUIDs, in every run

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What every request must carry as HTTP basic authentication."""

    user: str
    password: str = field(repr=False)


class EmbeddedRegistry:
    """A running registry, as `running_registry` gives it."""

    def __init__(self, url: str) -> None:
        """`url`: what clients are configured with, without a slash at its end."""
        self.url = url
        self.fault: int | None = None
        """An HTTP status to answer every request with, as a registry in trouble does. None: answer well."""


@contextmanager
def running_registry(*, port: int = 0, credentials: Credentials | None = None) -> Iterator[EmbeddedRegistry]:
    """Serve on 127.0.0.1 until the block ends. `port` 0: one that the system chooses.

    Raises OSError when the port is taken.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        # From here on connections wait in the system's queue, so nobody has to wait for the server to be
        # ready.
        listener.listen()
        registry = EmbeddedRegistry(f"http://127.0.0.1:{listener.getsockname()[1]}")
        guard = _Guard(_application(), registry, credentials)
        options = uvicorn.Config(
            guard, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1, ws="none"
        )
        server = uvicorn.Server(options)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="embedded-registry", daemon=True
        )
        thread.start()
        try:
            yield registry
        finally:
            server.should_exit = True
            thread.join(_STOP_WITHIN_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schema:
    """A schema under its id. `text` is as it was first given; `references` name the schemas that it uses."""

    id: int
    guid: str
    text: str
    references: tuple[JsonObject, ...]

    def as_json(self) -> JsonObject:
        """As in answers. Like Confluent's, it leaves out Avro's type, and references where there are none."""
        named = {"references": list(self.references)} if self.references else {}
        return {"guid": self.guid, "schema": self.text, **named}


class _RefusedError(Exception):
    """A request to answer with an error. The first three digits of the registry's `code`: HTTP's status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def response(self) -> Response:
        return _json({"error_code": self.code, "message": self.message}, int(str(self.code)[:3]))


class _Store:
    """Schemas by id and GUID, and the versions of each subject. Used by the server's thread only."""

    def __init__(self) -> None:
        self._by_identity: dict[str, _Schema] = {}
        self._by_id: dict[int, _Schema] = {}
        self._by_guid: dict[str, _Schema] = {}
        self._subjects: dict[str, list[_Schema]] = {}

    def register(self, subject: str, body: JsonObject) -> _Schema:
        """The schema under its id; a new version of the subject unless it has that schema already."""
        text, references = self._checked(body)
        identity = _identity(text, references)
        schema = self._by_identity.get(identity)
        if schema is None:
            schema = _Schema(
                id=len(self._by_id) + 1,
                guid=str(uuid.uuid5(_GUIDS, identity)),
                text=text,
                references=references,
            )
            self._by_identity[identity] = self._by_id[schema.id] = self._by_guid[schema.guid] = schema
        versions = self._subjects.setdefault(subject, [])
        if schema not in versions:
            versions.append(schema)
        return schema

    def look_up(self, subject: str, body: JsonObject) -> JsonObject:
        """The version under which a subject has this schema."""
        versions = self.versions(subject)
        schema = self._by_identity.get(_identity(*self._checked(body)))
        if schema not in versions:
            raise _RefusedError(40403, "Schema not found")
        return _version(subject, versions.index(schema) + 1, schema)

    def subjects(self) -> list[str]:
        return sorted(self._subjects)

    def versions(self, subject: str) -> list[_Schema]:
        if subject not in self._subjects:
            raise _RefusedError(40401, f"Subject '{subject}' not found.")
        return self._subjects[subject]

    def version(self, subject: str, named: str) -> JsonObject:
        """A version by its number or as `latest`."""
        versions = self.versions(subject)
        if named == "latest":
            return _version(subject, len(versions), versions[-1])
        if not (named.isascii() and named.isdigit()) or int(named) < 1:
            raise _RefusedError(
                42202,
                f"The specified version '{named}' is not valid: a number from 1, or the word latest.",
            )
        number = int(named)
        if number > len(versions):
            raise _RefusedError(40402, f"Version {number} not found.")
        return _version(subject, number, versions[number - 1])

    def by_id(self, schema_id: int) -> _Schema:
        if schema_id not in self._by_id:
            raise _RefusedError(40403, f"Schema {schema_id} not found")
        return self._by_id[schema_id]

    def by_guid(self, guid: str) -> _Schema:
        if guid not in self._by_guid:
            raise _RefusedError(40403, f"Schema {guid} not found")
        return self._by_guid[guid]

    def _checked(self, body: JsonObject) -> tuple[str, tuple[JsonObject, ...]]:
        """The text and references of a request, once Avro's rules accept them."""
        if body.get("schemaType", "AVRO") != "AVRO":
            raise _RefusedError(
                42201, f"Invalid schema: type {body['schemaType']!r} is not served here, only AVRO"
            )
        text = body.get("schema")
        if not isinstance(text, str) or not text:
            raise _RefusedError(42201, "Empty schema")
        references = tuple(body.get("references") or ())
        named: dict[str, Any] = {}
        self._add_names(references, named)
        _parse(text, named)
        return text, references

    def _add_names(self, references: Sequence[JsonObject], named: dict[str, Any]) -> None:
        """Add the types that referenced schemas define, theirs first; one reached twice is read once."""
        for reference in references:
            if reference.get("name") in named:
                continue
            try:
                found = self.version(str(reference.get("subject")), str(reference.get("version")))
            except _RefusedError as refused:
                raise _RefusedError(
                    42201, f"Invalid schema: no schema for the reference {reference}: {refused.message}"
                ) from None
            self._add_names(found.get("references", ()), named)
            _parse(found["schema"], named)


class _Guard:
    """Stands before the routes: the fault that was set, then the password."""

    def __init__(self, app: Starlette, registry: EmbeddedRegistry, credentials: Credentials | None) -> None:
        self._app = app
        self._registry = registry
        pair = f"{credentials.user}:{credentials.password}" if credentials else None
        self._authorization = f"Basic {base64.b64encode(pair.encode()).decode()}" if pair else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        fault = self._registry.fault
        if fault is not None:
            answer = _json({"error_code": fault, "message": "a fault that was asked for"}, fault)
            await answer(scope, receive, send)
        elif self._authorization and Request(scope).headers.get("authorization") != self._authorization:
            answer = _json({"error_code": 401, "message": "Unauthorized"}, 401)
            answer.headers["WWW-Authenticate"] = 'Basic realm="registry"'
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _application() -> Starlette:
    store = _Store()

    async def register(request: Request) -> Response:
        return _json({"id": store.register(request.path_params["subject"], await _body(request)).id})

    async def look_up(request: Request) -> Response:
        return _json(store.look_up(request.path_params["subject"], await _body(request)))

    async def subjects(_: Request) -> Response:
        return _json(store.subjects())

    async def versions(request: Request) -> Response:
        return _json(list(range(1, len(store.versions(request.path_params["subject"])) + 1)))

    async def version(request: Request) -> Response:
        return _json(store.version(request.path_params["subject"], request.path_params["version"]))

    async def by_id(request: Request) -> Response:
        return _json(store.by_id(request.path_params["id"]).as_json())

    async def text_by_id(request: Request) -> Response:
        return PlainTextResponse(store.by_id(request.path_params["id"]).text, media_type=CONTENT_TYPE)

    async def by_guid(request: Request) -> Response:
        return _json(store.by_guid(request.path_params["guid"]).as_json())

    async def config(_: Request) -> Response:
        return _json({"compatibilityLevel": "NONE"})

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, _RefusedError)
        return error.response()

    async def no_route(_: Request, __: Exception) -> Response:
        return _json({"error_code": 404, "message": "HTTP 404 Not Found"}, 404)

    return Starlette(
        routes=[
            Route("/subjects", subjects),
            Route("/subjects/{subject}", look_up, methods=["POST"]),
            Route("/subjects/{subject}/versions", register, methods=["POST"]),
            Route("/subjects/{subject}/versions", versions),
            Route("/subjects/{subject}/versions/{version}", version),
            Route("/schemas/ids/{id:int}", by_id),
            Route("/schemas/ids/{id:int}/schema", text_by_id),
            Route("/schemas/guids/{guid}", by_guid),
            Route("/config", config),
        ],
        exception_handlers={_RefusedError: refused, 404: no_route},
    )


async def _body(request: Request) -> JsonObject:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise _RefusedError(400, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise _RefusedError(400, "The body is not a JSON object")
    return body


def _parse(text: str, named: dict[str, Any]) -> None:
    try:
        fastavro.parse_schema(json.loads(text), named_schemas=named)
    except (ValueError, SchemaParseException, UnknownType) as error:
        raise _RefusedError(42201, f"Invalid schema: {error}") from None


def _identity(text: str, references: Sequence[JsonObject]) -> str:
    """Equal for schemas that differ in white space or in the order of attributes only; those share an id."""
    return json.dumps([json.loads(text), list(references)], sort_keys=True, separators=(",", ":"))


def _version(subject: str, number: int, schema: _Schema) -> JsonObject:
    return {"subject": subject, "version": number, "id": schema.id, **schema.as_json()}


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, media_type=CONTENT_TYPE)
