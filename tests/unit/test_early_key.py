"""Which topics tell a record's order key before its value can be read; and that the plan then has the same."""

from pathlib import Path

import pytest

from connector.core.decode import ParsedSchema, SchemaId, SchemaNeeded, SchemaRef
from connector.core.mapping import Plan, TopicMapping
from connector.core.prepare import early_key, prepare
from connector.core.records import Epoch, OrderKey, Record
from tests.support.world import SCHEMA, mappings, record
from tests.unit.config_files import folder, loaded

TOPIC = """\
version: 1
topics:
  messages:
    start: earliest
    key: {format: %s}
    rules:
%s
"""
RULE = """\
      - name: rule %s
        when: '${value.conversation == "%s"}'
        operation: sync-inbound-message
        channel: cha_1
%s        body:
          sender: {handle: h}
          body: b
          metadata: {external_id: '${value.id}', external_conversation_id: '${value.conversation}'}
"""
SKIP = """\
      - name: not ours
        when: '${value.conversation == "skipped"}'
        skip: true
"""


def topic(path: Path, *order_by: str | None, key: str = "string", skips: bool = False) -> TopicMapping:
    """A topic with a rule for each `order_by`: the first is for conversation 0, and so on."""
    rules = [
        RULE % (number, number, "" if given is None else f"        order_by: {given}\n")
        for number, given in enumerate(order_by)
    ]
    text = TOPIC % (key, "".join([*([SKIP] if skips else []), *rules]))
    return loaded(folder(path, messages=text)).mappings.topics["messages"]


def taken(conversation: str = "0", *, key: bytes | None = b"k", room: bytes | None = b"r") -> Record:
    sent = record(7, conversation)
    headers = (("room", room), ("value", b"v"))
    return Record(
        topic=sent.topic,
        partition=3,
        offset=7,
        epoch=Epoch(1),
        key=key,
        value=sent.value,
        headers=headers,
        timestamp_ms=5,
    )


def early(mapping: TopicMapping, given: Record) -> OrderKey | None:
    return early_key(given, mapping, lambda _: None)


@pytest.mark.parametrize(
    ("order_by", "key"),
    [
        ("['${headers.room}']", ("r",)),
        ("['${key}', room, '${headers.room}']", ("k", "room", "r")),
        ("['${key + headers.room}']", ("kr",)),
        ("['${topic}/${partition}', '${offset}', '${timestamp}']", ("messages/3", "7", "5")),
        ("['${channels[\"line-1\"].channel}']", ("cha_1",)),
        ("['${headers.value}', '${\"value.x\"}']", ("v", "value.x")),
        ("[one]", ("one",)),
    ],
)
def test_what_needs_no_value_is_known_early(tmp_path: Path, order_by: str, key: OrderKey) -> None:
    """And it is the key that the plan has, once the schema is there."""
    mapping = topic(tmp_path, order_by)
    assert early(mapping, taken()) == key
    plan = prepare(taken(), mapping, lambda _: SCHEMA, 0.0)
    assert isinstance(plan, Plan)
    assert plan.key == key


@pytest.mark.parametrize(
    "order_by",
    [
        "['${value.conversation}']",
        "['${headers.room}', '${value.conversation}']",
        "['${schema.name}']",
        "['${has(value.id) ? headers.room : key}']",
        "['${[headers.room].map(r, r + value.id)[0]}']",
        None,
    ],
)
def test_what_reads_the_value_or_its_schema_is_not(tmp_path: Path, order_by: str | None) -> None:
    """Not even if it would come to the same whatever the value is; nor an operation's own key."""
    assert early(topic(tmp_path, order_by), taken()) is None


def test_rules_that_order_alike_tell_it_and_others_do_not(tmp_path: Path) -> None:
    """Which rule holds is not known before the value is. One that skips has no key and does not matter."""
    room, same, key = "['${headers.room}']", "[ '${headers.room}' ]", "['${key}']"
    assert early(topic(tmp_path, room, same, skips=True), taken()) == ("r",)
    assert early(topic(tmp_path, room, key), taken()) is None
    assert early(topic(tmp_path, room, None), taken()) is None
    assert early(topic(tmp_path, None, room), taken()) is None


def test_a_record_without_what_the_key_is_made_of_has_none(tmp_path: Path) -> None:
    """No such header, no Kafka key: what becomes of it is told when it is mapped."""
    assert early(topic(tmp_path, "['${headers.room}']"), taken(room=None)) is None
    assert early(topic(tmp_path, "['${key}']"), taken(key=None)) is None


def test_a_kafka_key_that_cannot_be_read_yet_tells_nothing(tmp_path: Path) -> None:
    """It needs a schema itself; once that is known, it tells the order key."""
    mapping = topic(tmp_path, "['${key.conversation}']", key="avro")
    given = taken(key=record(0, "from-key", schema=2).value)
    assert early(mapping, given) is None
    known: dict[SchemaRef, ParsedSchema] = {SchemaId(2): SCHEMA}
    assert early_key(given, mapping, known.get) == ("from-key",)
    assert prepare(given, mapping, known.get, 0.0) == SchemaNeeded(SchemaId(1))


def test_nobody_knows_what_a_python_mapper_will_make() -> None:
    """Its key is known when it has been called."""
    assert early(mappings("messages").topics["messages"], taken()) is None
