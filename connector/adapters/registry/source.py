"""Schemas by id and by GUID, kept for ever: both name the same schema always. Never decodes a record.

A schema may build on versions of other subjects; those are fetched first, and parsed with it into one.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import fastavro
from fastavro.schema import SchemaParseException

from connector.adapters.registry.client import Client, Document, Reference, RegistryObserver, RegistryOptions
from connector.adapters.tls import WatchTls, once
from connector.core.decode import (
    ParsedSchema,
    SchemaAbsent,
    SchemaGuid,
    SchemaId,
    SchemaRef,
    Undecodable,
    parse_schema,
)
from connector.ports import Clock, RegistryUnavailable, SchemaAnswer

ABSENT_FOR_S: Final = 60.0
"""How long a firm "no such schema" is believed: somebody may register it late."""

ABSENT_MAX: Final = 10_000
"""References remembered as absent; beyond it the oldest is forgotten. They come from records: any number may."""

_FULL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")

REFERENCES_MAX: Final = 200
"""Schemas that one schema may build on, counted through all levels."""


class Registry:
    """`ports.SchemaSource`. Raises ValueError at construction if a TLS file is no use."""

    def __init__(
        self, options: RegistryOptions, clock: Clock, observer: RegistryObserver, watch: WatchTls = once
    ) -> None:
        """`watch`: what makes TLS contexts."""
        self._client = Client(options, clock, observer, watch)
        self._clock = clock
        self._known: dict[SchemaRef, ParsedSchema] = {}
        self._absent: dict[SchemaRef, tuple[float, SchemaAbsent]] = {}
        self._asking: dict[SchemaRef, asyncio.Future[SchemaAnswer | None]] = {}

    async def start(self) -> None:
        """Open the pool; no connection is made yet."""
        await self._client.start()

    @property
    def entries(self) -> int:
        """How many schemas are cached."""
        return len(self._known)

    def cached(self, ref: SchemaRef) -> ParsedSchema | None:
        """The schema if it is known already: a look into a dict."""
        return self._known.get(ref)

    async def fetch(self, ref: SchemaRef) -> SchemaAnswer:
        """The schema, asked for once however many callers wait; see `ports.SchemaSource`.

        If the caller that asks is cancelled, one of the waiting asks in its place.
        """
        while (asking := self._asking.get(ref)) is not None:
            # Shielded: a waiting caller that is cancelled must not cancel the future of the others.
            if (answer := await asyncio.shield(asking)) is not None:
                return answer
        if (known := self._known.get(ref)) is not None:
            return known
        if (absent := self._still_absent(ref)) is not None:
            return absent
        shared = self._asking[ref] = asyncio.get_running_loop().create_future()
        answer = None
        try:
            answer = await self._ask(ref)
        finally:
            del self._asking[ref]
            shared.set_result(answer)
        return answer

    async def of_topic(self, topic: str) -> tuple[ParsedSchema, ...] | RegistryUnavailable:
        """The latest schemas of a topic's values, as far as subjects tell their topic; for checks, not for records.

        Those are TopicNameStrategy's `<topic>-value` and TopicRecordNameStrategy's `<topic>-<full name of the record>`. A
        subject of RecordNameStrategy names no topic. What is no Avro, or cannot be resolved, is left out.
        """
        subjects = await self._client.subjects(f"{topic}-")
        if isinstance(subjects, RegistryUnavailable):
            return subjects
        found: list[ParsedSchema] = []
        for subject in subjects:
            # A registry that cannot choose by prefix sends all; another topic's name may go on where this one ends.
            record = subject.removeprefix(f"{topic}-")
            if record in (subject, "key") or not _FULL_NAME.fullmatch(record):
                continue
            path = f"/subjects/{quote(subject, safe='')}/versions/latest"
            reply = await self._client.get("by_subject", path)
            answer = await self._parsed(None, reply) if isinstance(reply, Document) else reply
            match answer:
                case RegistryUnavailable():
                    return answer
                case ParsedSchema() if record in ("value", f"{answer.namespace}.{answer.name}".lstrip(".")):
                    found.append(answer)
        return tuple(found)

    async def close(self) -> None:
        """Close all connections; idempotent."""
        await self._client.close()

    def _still_absent(self, ref: SchemaRef) -> SchemaAbsent | None:
        found = self._absent.get(ref)
        if found is None:
            return None
        until, absent = found
        if self._clock.monotonic() < until:
            return absent
        del self._absent[ref]
        return None

    async def _ask(self, ref: SchemaRef) -> SchemaAnswer:
        match ref:
            case SchemaId():
                reply = await self._client.get("by_id", f"/schemas/ids/{ref.id}")
            case SchemaGuid():
                reply = await self._client.get("by_guid", f"/schemas/guids/{quote(ref.guid, safe='')}")
        answer = await self._parsed(ref, reply) if isinstance(reply, Document) else reply
        match answer:
            case ParsedSchema():
                self._known[ref] = answer
            case SchemaAbsent():
                if len(self._absent) >= ABSENT_MAX:
                    del self._absent[next(iter(self._absent))]
                self._absent[ref] = (self._clock.monotonic() + ABSENT_FOR_S, answer)
        return answer

    async def _parsed(self, ref: SchemaRef | None, document: Document) -> SchemaAnswer:
        references = _References()
        failure = await self._resolve(document, references)
        if failure is not None:
            return failure
        definition = _definition(document, str(ref))
        if isinstance(definition, SchemaAbsent):
            return definition
        parsed = parse_schema(definition.value, ref, references.named)
        return SchemaAbsent(parsed.why) if isinstance(parsed, Undecodable) else parsed

    async def _resolve(
        self, document: Document, found: "_References"
    ) -> SchemaAbsent | RegistryUnavailable | None:
        """Fetch and parse what a schema builds on, the deepest first, into `found`; or why that failed."""
        for reference in document.references:
            if reference in found.begun:
                continue
            if len(found.begun) >= REFERENCES_MAX:
                return SchemaAbsent(f"it builds on more than {REFERENCES_MAX} other schemas")
            found.begun.add(reference)
            # A subject may be deleted softly while schemas still refer to it.
            path = f"/subjects/{quote(reference.subject, safe='')}/versions/{reference.version}?deleted=true"
            reply = await self._client.get("by_subject", path)
            if isinstance(reply, SchemaAbsent):
                return SchemaAbsent(f"{reply.detail}: {reference}")
            if isinstance(reply, RegistryUnavailable):
                return reply
            failure = await self._resolve(reply, found)
            if failure is not None:
                return failure
            definition = _definition(reply, str(reference))
            if isinstance(definition, SchemaAbsent):
                return definition
            try:
                fastavro.parse_schema(definition.value, named_schemas=found.named)
            except (SchemaParseException, KeyError, TypeError, ValueError) as error:
                return SchemaAbsent(f"the schema of {reference} is not valid Avro: {type(error).__name__}")
        return None


@dataclass(frozen=True, slots=True)
class _Definition:
    """A schema, JSON-decoded."""

    value: Any


@dataclass(slots=True)
class _References:
    """The named schemas so far, by full name, as fastavro keeps them; and what was begun, against circles."""

    named: dict[str, Any] = field(default_factory=dict)
    begun: set[Reference] = field(default_factory=set)


def _definition(document: Document, whose: str) -> _Definition | SchemaAbsent:
    if document.kind.upper() != "AVRO":
        return SchemaAbsent(f"the schema of {whose} is of type {document.kind}, not AVRO")
    try:
        return _Definition(json.loads(document.text))
    except (ValueError, RecursionError):
        return SchemaAbsent(f"the schema of {whose} is not JSON")
