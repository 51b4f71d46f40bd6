"""Which records share a key: what the mapping makes of a record's content, and what dispatch takes for the same."""

from itertools import combinations
from pathlib import Path

import pytest

from connector.core.dispatch import Dispatch
from connector.core.mapping import Input, Plan, TopicMapping
from connector.core.records import Channel, Epoch, OrderKey, Record, TopicPartition
from tests.support.requests import INBOUND, sent
from tests.unit.config_files import folder, loaded

CHANNEL = Channel("cha_1", "cha_1", "acme", "main")
ODD = [
    ("a", "b:c"),
    ("a:b", "c"),
    ("a", "b/c"),
    ("a/b", "c"),
    ("a", "b|c"),
    ("a|b", "c"),
    ("a", "b\0c"),
    ("a\0b", "c"),
]
ODD += [("", "abc"), ("abc", ""), ("", ""), ("a", "b','c"), ("a','b", "c")]

RULES = """\
version: 1
topics:
  calls.v1:
    start: earliest
    rules:
      - name: summary
        operation: add-call-summary
        channel: cha_1
        path: {external_call_id: '${value.call}'}
        body: {content: said}
        ORDER
"""


class Text(str):
    """A string of another type."""

    __slots__ = ()


def topic(path: Path, order_by: str = "") -> TopicMapping:
    text = RULES.replace("ORDER", order_by)
    return loaded(folder(path, calls=text)).mappings.topics["calls.v1"]


def mapped(mapping: TopicMapping, kafka_key: str, value: object) -> Plan:
    record = Record(
        topic="calls.v1", partition=0, offset=1, epoch=Epoch(1), value=b"x", key=kafka_key.encode()
    )
    plan = mapping.map(Input(record=record, value=value, key=kafka_key, schema=None))
    assert isinstance(plan, Plan), plan
    return plan


def started(keys: list[OrderKey]) -> int:
    """How many of these keys' records are under way together."""
    made: Dispatch[OrderKey] = Dispatch(100)
    made.assign(TopicPartition("calls.v1", 0))
    made.open(TopicPartition("calls.v1", 0))
    for key in keys:
        made.add(TopicPartition("".join(["calls", ".v1"]), 0), key, CHANNEL, key)
    count = 0
    while made.next(0.0, lambda _channel, _now: None) is not None:
        count += 1
    return count


def test_ord_04_the_key_comes_from_the_payload_and_not_from_kafka(tmp_path: Path) -> None:
    """One Kafka key, two calls: both at once. Two Kafka keys, one call: one after the other."""
    calls = topic(tmp_path)
    assert started([mapped(calls, "same", {"call": call}).key for call in ("c-1", "c-2")]) == 2
    assert started([mapped(calls, key, {"call": "c-1"}).key for key in ("one", "two")]) == 1


def test_ord_08_no_two_pairs_make_the_same_default_key() -> None:
    """Channel and conversation stay apart whatever characters they hold; so do a call and a conversation of one name."""
    filled = [(channel, name) for channel, name in ODD if channel and name]
    keys = []
    for channel_id, name in filled:
        channel = Channel(channel_id, channel_id, "acme", "main")
        ids = {"external_id": "m", "external_conversation_id": name}
        keys.append(sent("sync-inbound-message", INBOUND | {"metadata": ids}, channel=channel).order_key)
        keys.append(sent("add-call-summary", params={"external_call_id": name}, channel=channel).order_key)
    assert started(keys) == len(keys) == len(set(keys))


def test_ord_08_no_two_pairs_make_the_same_order_by_key(tmp_path: Path) -> None:
    """The parts of `order_by` are not joined; empty ones count."""
    calls = topic(tmp_path, "order_by: ['${value.a}', '${value.b}']")
    keys = [mapped(calls, "k", {"call": "c", "a": first, "b": second}).key for first, second in ODD]
    assert all(one != other for one, other in combinations(keys, 2))
    assert started(keys) == len(ODD)


@pytest.mark.parametrize("pair", ODD)
def test_ord_08_equal_pairs_are_one_key_whatever_objects_they_are(pair: tuple[str, str]) -> None:
    """Equal text of another string type and another object for the partition: the same queue."""
    copies: list[OrderKey] = [
        pair,
        tuple(Text(part) for part in pair),
        tuple("".join(list(part)) for part in pair),
    ]
    assert started(copies) == 1
