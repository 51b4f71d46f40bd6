"""Which schemas of a registry belong to a topic, by the names of their subjects."""

from collections.abc import Iterator

import pytest

from connector.demo.registry import EmbeddedRegistry, running_registry
from connector.ports import RegistryUnavailable
from tests.contract.test_registry_adapter import NOT_FOUND, PARTY, Hand, at, register, started
from tests.support.http_peer import always, answer, listening


@pytest.fixture
def hand() -> Hand:
    """A clock and an observer."""
    return Hand()


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedRegistry]:
    """A registry."""
    with running_registry() as registry:
        yield registry


async def test_the_schemas_of_a_topic_are_those_of_its_subjects(
    embedded: EmbeddedRegistry, hand: Hand
) -> None:
    """The newest version under either name that tells the topic; keys, other topics and other records' names are not its."""
    other = {**PARTY, "name": "Other"}
    register(embedded.url, "of.v1-value", other)
    register(embedded.url, "of.v1-value", {**other, "doc": "newer"})
    register(embedded.url, "of.v1-shop.v1.Party", PARTY)
    register(embedded.url, "of.v1-key", {**PARTY, "name": "Key"})
    register(embedded.url, "of.v1-eu-value", {**PARTY, "name": "Eu"})
    register(embedded.url, "of.v1-shop.v1.Misnamed", PARTY)
    async with started(embedded.url, hand) as registry:
        found = await registry.of_topic("of.v1")
        assert isinstance(found, tuple)
        assert sorted(schema.name for schema in found) == ["Other", "Party"]
        assert "newer" in [schema.avro.get("doc") for schema in found]
        assert await registry.of_topic("unheard.of.v1") == ()


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"{}", "200 OK"),
        answer(b"[1]", "200 OK"),
        answer(b"<html>", "200 OK"),
        answer(b"[]", "500 Oh"),
        NOT_FOUND,
    ],
)
async def test_no_list_of_subjects_is_an_outage(hand: Hand, reply: bytes) -> None:
    """Whatever else answers than a registry's list: nothing is known of the topic then."""
    async with listening(always(reply)) as peer, started(at(peer.port), hand) as registry:
        assert isinstance(await registry.of_topic("t"), RegistryUnavailable)
