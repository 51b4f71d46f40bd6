"""Schemas for tools that wait: asked of the registry once, an absent one is an answer, and an outage a sentence."""

import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from connector.config.registry import RegistrySettings
from connector.core.dead_letter import Failure
from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaId
from connector.core.mapping import AvroFormat, RawAvroFormat, Skip, StringFormat
from connector.core.prepare import MapperNeeded
from connector.demo.registry import Credentials, EmbeddedRegistry, running_registry
from connector.workbench.registry_schemas import NoSchemas, RegistrySchemas
from tests.support.world import SCHEMA, record
from tests.unit.test_prepare import topic


@pytest.fixture(scope="module")
def registry() -> Iterator[EmbeddedRegistry]:
    with running_registry(credentials=Credentials("u", "p")) as running:
        yield running


@pytest.fixture
def schemas(registry: EmbeddedRegistry) -> Iterator[RegistrySchemas]:
    registry.fault = None
    with RegistrySchemas(RegistrySettings(url=registry.url, username="u", password="p")) as made:
        yield made


def register(registry: EmbeddedRegistry, name: str) -> SchemaId:
    schema = json.dumps({"type": "record", "name": name, "fields": [{"name": "id", "type": "string"}]})
    answer = httpx.post(
        f"{registry.url}/subjects/{name}/versions", json={"schema": schema}, auth=("u", "p"), trust_env=False
    )
    return SchemaId(answer.raise_for_status().json()["id"])


def test_a_schema_is_asked_for_once(registry: EmbeddedRegistry, schemas: RegistrySchemas) -> None:
    """With the configured user; what is known needs no registry any more."""
    ref = register(registry, "Once")
    assert schemas.known(ref) is None
    schemas.fetch(ref)
    registry.fault = 503
    schemas.fetch(ref)
    known = schemas.known(ref)
    assert isinstance(known, ParsedSchema)
    assert known.name == "Once"


def test_an_absent_schema_is_an_answer(schemas: RegistrySchemas) -> None:
    """A bad record, not an outage: it is prepared as the service would, and becomes a dead letter."""
    ref = SchemaId(999_999)
    schemas.fetch(ref)
    assert isinstance(schemas.known(ref), SchemaAbsent)
    framed = replace(record(1, "k"), value=b"\x00" + ref.id.to_bytes(4, "big") + b"x", key=None)
    found = schemas.begun(framed, topic(), 0.0)
    assert isinstance(found, Failure)
    assert found.reason == "schema_missing"


def test_a_record_is_begun_with_what_it_names(registry: EmbeddedRegistry, schemas: RegistrySchemas) -> None:
    """Never the answer that a schema is needed."""
    ref = register(registry, "Named")
    framed = replace(record(1, "k"), value=b"\x00" + ref.id.to_bytes(4, "big") + b"\x02x", key=None)
    begun = schemas.begun(framed, topic(), 0.0)
    assert isinstance(begun, MapperNeeded)
    assert begun.call() == Skip("rule", "mapper")


def test_an_outage_is_a_sentence(registry: EmbeddedRegistry, schemas: RegistrySchemas) -> None:
    """With the registry's address and what it said."""
    registry.fault = 503
    with pytest.raises(NoSchemas) as raised:
        schemas.fetch(SchemaId(424_242))
    assert str(raised.value) == (
        f"no schema {SchemaId(424_242)} from the registry at {registry.url}: the registry answered with status 503"
    )


def test_without_a_registry_topics_that_need_none_work() -> None:
    """And one that needs it is told so."""
    with RegistrySchemas(None) as schemas:
        bare = replace(topic(), value=RawAvroFormat(SCHEMA), key=StringFormat())
        body = replace(record(1, "k"), value=(record(1, "k").value or b"")[5:], key=b"k")
        begun = schemas.begun(body, bare, 0.0)
        assert isinstance(begun, MapperNeeded)
        assert begun.call() == Skip("rule", "mapper")
        with pytest.raises(NoSchemas) as raised:
            schemas.begun(record(1, "k"), replace(topic(), value=AvroFormat()), 0.0)
    assert str(raised.value) == "the record names schema id 1, and no registry is configured: add `registry`"
