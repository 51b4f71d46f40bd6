"""What travels through a real broker and a real registry arrives whole and in order: texts, and schemas that change."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from connector.resources import schemas_dir
from tests.kafka.conftest import CHAT, MESSAGE, Connector, Site, Topic, message

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(120)]

TEXTS = (
    "👩‍👩‍👧 ok 🇩🇪",
    "שלום, مرحبا",
    "one\ntwo\r\nthree\ttab",
    '"\\" </script> \u2028',
    "ü" * 500_000,
)


@dataclass(frozen=True, slots=True)
class Running:
    """The module's connector and its messages."""

    connector: Connector
    messages: Topic


@pytest.fixture(scope="module")
def running(site: Site) -> Iterator[Running]:
    """The module's connector, consuming."""
    messages = site.topic()
    connector = site.connector(messages)
    connector.begin_and_join()
    yield Running(connector, messages)
    assert connector.terminate() == 0


def at_front(site: Site, room: str) -> list[dict[str, object]]:
    """The fields of what Front stored of a conversation, in order of arrival."""
    inbox = site.front.state.front.accepted.of(CHAT.channel, CHAT.company)
    return [json.loads(stored.packed) for stored in inbox.conversations[room]]


def test_bad_09_text_arrives_as_it_was_written(site: Site, running: Running) -> None:
    """Emoji, right-to-left, line ends, and a megabyte, by confluent-kafka's own serializer: Front decodes the same."""
    room = site.new_id("room")
    ids = [
        site.message(running.messages, conversation_id=room, text=text, text_format="HTML") for text in TEXTS
    ]
    site.wait_accepted(*ids)
    assert [stored["body"] for stored in at_front(site, room)] == list(TEXTS)
    site.wait_committed(running.connector, running.messages)


def test_reg_04_a_schema_that_changes_under_way_maps_right_and_in_order(site: Site, running: Running) -> None:
    """Records of one conversation by writers of two versions, the newer with a field that nobody reads yet."""
    text = (schemas_dir() / "avro" / "messaging" / "MessageReceived.avsc").read_text("utf-8")
    newer = json.loads(text)
    newer["fields"].append({"name": "mood", "type": "string", "default": "calm"})
    room, ids = site.new_id("room"), [site.new_id("m") for _ in range(6)]
    for number, one in enumerate(ids):
        more = {"mood": "merry"} if number % 2 else {}
        value = message(one, conversation_id=room, text=f"text {number}", **more)
        schema = json.dumps(newer) if number % 2 else MESSAGE
        site.send(running.messages, site.encode(running.messages, schema, value), key=room.encode())
    site.wait_accepted(*ids)
    assert [stored["body"] for stored in at_front(site, room)] == [f"text {number}" for number in range(6)]
    assert site.letters.none_of(running.messages.name)
