"""Bad records in the pipeline: each is given up at once, with its reason, and harms nobody. In virtual time."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from connector.core.answers import Answered
from connector.core.decode import ParsedSchema, SchemaId, parse_schema
from connector.core.outcome import Accepted, Attempt, RetryPolicy, decide
from tests.support.framing import framed
from tests.support.operation_world import SCHEMA, wanted, wanting
from tests.support.requests import VALID, sent
from tests.support.virtual_time import in_virtual_time, run
from tests.support.world import TP, Stage, record
from tests.unit.config_files import folder, loaded

FIRST = Attempt(
    number=1,
    counted=0,
    fresh_token_tried=False,
    not_found_waited_s=0.0,
    awaits_creation=False,
    evidence=False,
)


def committed(stage: Stage) -> int:
    entry = stage.coordinator.committed()
    assert entry is not None
    return entry.offset


def told(stage: Stage) -> list[tuple[int, str, str]]:
    """Offset, reason and words of each dead letter."""
    found = []
    for letter in stage.letters.letters:
        headers = {name: (value or b"").decode() for name, value in letter.headers}
        message = headers["__connect.errors.exception.message"]
        found.append((letter.source.offset, headers["front.reason"], message))
    return found


def contract() -> dict[str, tuple[str, str, set[int]]]:
    """Method, path and success statuses of each operation, as Front publishes them."""
    file = Path(__file__).parents[2] / "connector/simulator/contract/front-channel-api.json"
    found = {}
    for path, methods in json.loads(file.read_text("utf-8"))["paths"].items():
        for method, operation in methods.items():
            statuses = {int(status) for status in operation["responses"] if status.startswith("2")}
            found[operation["operationId"]] = (method.upper(), path, statuses)
    return found


def test_bad_01_every_success_of_the_contract_is_an_acceptance() -> None:
    """Eleven operations, each with a success status of its own kind; all of them end their record."""
    published = contract()
    assert set(published) == {name for name, *_ in VALID}
    for name, (method, _, statuses) in published.items():
        assert sent(name).http.method == method
        assert statuses
        for status in statuses:
            assert decide(Answered(status), FIRST, RetryPolicy(), now=0.0, jitter=0.0) == Accepted()


@pytest.mark.parametrize("value", [b"no framing", b"\x00\x00\x01", b"", b"\x01\x00\x00\x00\x01x"])
def test_bad_02_what_is_not_our_framing_is_given_up_without_asking_anybody(value: bytes) -> None:
    """Undecodable: neither the registry nor Front hears of it, and the commit passes it."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            stage.schemas.known.clear()
            stage.assign()
            stage.pipeline.received([replace(record(0), value=value)])
            await stage.quiet()
            assert [reason for _, reason, _ in told(stage)] == ["decode_failed"]
            assert (stage.schemas.asked, stage.front.sent) == (0, [])
            assert committed(stage) == 1

    play()


@pytest.mark.parametrize("damage", [lambda body: body[:-3], lambda body: body + b"xyz"])
def test_bad_03_a_damaged_body_leaves_its_neighbours_alone(damage: Any) -> None:
    """Cut short, or with bytes left over, between two records of its key: they are accepted in order."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            stage.assign()
            whole = record(1)
            assert whole.value is not None
            stage.pipeline.received([record(0), replace(whole, value=damage(whole.value)), record(2)])
            await stage.quiet()
            assert [(offset, reason) for offset, reason, _ in told(stage)] == [(1, "decode_failed")]
            assert stage.front.ids == ["0", "2"]
            assert committed(stage) == 3

    play()


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("update-call", {"call_status": "asleep"}, "body.call_status"),
    ("add-call-transcript", {"lines": []}, "body.lines"),
    ("add-call-summary", {"content": ""}, "body.content"),
    ("sync-inbound-message", {"sender": {}}, "body.sender.handle"),
    ("sync-inbound-message", {"metadata": {"external_id": "m"}}, "body.metadata.external_conversation_id"),
    ("sync-inbound-message", {"undreamt": "of"}, "body.undreamt"),
]


@pytest.mark.parametrize(("operation", "wrong", "field"), BROKEN)
def test_bad_05_a_record_that_breaks_the_contract_is_given_up_here_with_its_field(
    operation: str, wrong: dict[str, Any], field: str
) -> None:
    """Front is not asked; the dead letter names the field; what lies behind it of the same key is sent."""

    @in_virtual_time
    async def play() -> None:
        async with Stage(maps=wanted("messages")) as stage:
            stage.schemas.known[SchemaId(50)] = SCHEMA
            stage.assign()
            stage.pipeline.received([wanting(0, operation, **wrong), wanting(1, operation)])
            await stage.quiet()
            ((offset, reason, message),) = told(stage)
            assert (offset, reason) == (0, "request_invalid")
            assert field in message
            assert len(stage.front.sent) == 1
            assert committed(stage) == 2

    play()


@pytest.mark.parametrize(("char", "most"), [("x", 200), ("🙂", 100)])
def test_bad_06_an_id_at_the_limit_is_sent_whole_and_one_above_it_is_given_up(char: str, most: int) -> None:
    """200 units of UTF-16, in which an emoji counts twice; nothing is ever cut."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            stage.assign()
            stage.pipeline.received([record(0, char * most), record(1, char * (most + 1))])
            await stage.quiet()
            assert [one.key for one in stage.front.sent] == [char * most]
            ((offset, reason, message),) = told(stage)
            assert (offset, reason) == (1, "request_invalid")
            assert "body.metadata.external_conversation_id" in message

    play()


@in_virtual_time
async def test_bad_10_a_record_without_a_key_costs_its_neighbours_neither_order_nor_time() -> None:
    """Undecodable between two records of A and two of B, and its letter takes two seconds: nobody waits for it."""
    async with Stage() as stage:
        stage.letters.delay = 2.0
        stage.assign()
        keyless = replace(record(2), value=b"nothing of ours")
        batch = [record(0, "a"), record(1, "b"), keyless, record(3, "a"), record(4, "b")]
        stage.pipeline.received(batch)
        await stage.quiet(1.9)
        assert stage.front.ids == ["0", "1", "3", "4"]
        assert all(one.at < 0.1 for one in stage.front.sent)
        assert committed(stage) == 2
        await stage.quiet(1.5)
        assert committed(stage) == 5
        assert [offset for offset, _, _ in told(stage)] == [2]


LOGICAL: list[dict[str, Any]] = [
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "millis", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "micros", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "exact", "type": "double"},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "side", "type": {"type": "enum", "name": "Side", "symbols": ["IN", "OUT"]}},
    {"name": "subject", "type": ["null", "string"], "default": None},
    {"name": "nick", "type": ["null", "string"], "default": None},
]
BY_TYPE = """\
version: 1
topics:
  messages:
    start: earliest
    rules:
      - name: message
        when: '${value.side == "IN"}'
        operation: sync-inbound-message
        channel: cha_1
        body:
          sender: {handle: '${value.price}', name: '${value.nick}'}
          subject: '${value.subject}'
          body: '${value.side}'
          delivered_at: '${to_seconds(value.micros)}'
          metadata: {external_id: '${value.id}', external_conversation_id: room}
      - name: call
        operation: create-call
        channel: cha_1
        body:
          external_call_id: '${value.id}'
          parent_external_call_id: '${value.id}'
          initial_status: ringing
          direction: inbound
          from: {handle: '${value.price}'}
          started_at: '${value.exact}'
"""


def test_bad_08_logical_types_arrive_as_front_wants_them(tmp_path: Path) -> None:
    """Seconds are whole, milliseconds keep their fraction, decimals and UUIDs are text, and what is null is left out."""
    schema = parse_schema({"type": "record", "name": "Typed", "fields": LOGICAL}, SchemaId(8))
    assert isinstance(schema, ParsedSchema)
    value = {
        "id": UUID(int=7),
        "millis": 1_789_000_042_999,
        "micros": 1_789_000_042_999_999,
        "exact": 1_789_000_007_900.5,
        "price": Decimal("12.50"),
        "side": "IN",
        "subject": None,
        "nick": "Ines",
    }
    maps = loaded(folder(tmp_path, messages=BY_TYPE)).mappings

    async def play() -> list[Any]:
        async with Stage(maps=maps) as stage:
            stage.schemas.known[SchemaId(8)] = schema
            stage.assign()
            for offset, side in enumerate(("IN", "OUT")):
                stage.pipeline.received([framed(TP, offset, schema, {**value, "side": side}, schema_id=8)])
            await stage.quiet()
            assert told(stage) == []
            return [json.loads(one.content) for one in stage.front.sent]

    message, call = run(play())
    assert message == {
        "sender": {"handle": "12.50", "name": "Ines"},
        "body": "IN",
        "delivered_at": 1_789_000_042,
        "metadata": {"external_id": str(UUID(int=7)), "external_conversation_id": "room"},
    }
    assert isinstance(message["delivered_at"], int)
    assert call["started_at"] == 1_789_000_007_900.5
