"""From bytes to a plan: what is read first, which schema is asked for, and whose fault it is when nothing can be read."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from connector.core.dead_letter import Failure
from connector.core.decode import ParsedSchema, SchemaAbsent, SchemaId, SchemaNeeded, SchemaRef, parse_schema
from connector.core.mapping import (
    AvroFormat,
    BytesFormat,
    ChannelDirectory,
    MapperInput,
    MapperRequest,
    Plan,
    PythonMapper,
    RawAvroFormat,
    Skip,
    StringFormat,
    TopicMapping,
)
from connector.core.prepare import KnownSchemas, Prepared, prepare
from connector.core.records import Record
from tests.support.world import SCHEMA, record

VALUE = {"id": "messages-0-7", "conversation": "room", "channel": "cha_1"}
RECORD = record(7, "room")
FRAMED = RECORD.value or b""
"""Magic byte, schema id 1, body."""
SEES = {"name": "Message", "namespace": "", "id": 1}
"""What a mapper sees as the schema."""


def known(ref: SchemaRef) -> ParsedSchema | None:
    """Schema 1 and no other."""
    return SCHEMA if ref == SchemaId(1) else None


def topic(function: Callable[[MapperInput], list[MapperRequest]] = lambda _: []) -> TopicMapping:
    directory = ChannelDirectory.of((), apps=("main",))
    return TopicMapping(
        topic="messages",
        start="earliest",
        max_age_s=60.0,
        on_missing_offset="hold",
        value=AvroFormat(),
        key=AvroFormat(),
        maps=PythonMapper(name="mapper", function=function, channels=directory, table={}),
        constants={},
    )


def prepared(
    given: Record, how: TopicMapping | None = None, schemas: KnownSchemas = known, now_wall: float = 0.0
) -> Prepared:
    return prepare(given, how or topic(), schemas, now_wall)


def seen(given: Record, how: TopicMapping) -> tuple[object, object, object]:
    """Key, value and schema as a mapper sees them."""
    inputs: list[MapperInput] = []

    def keep(taken: MapperInput) -> list[MapperRequest]:
        inputs.append(taken)
        return []

    assert prepared(given, replace(how, maps=topic(keep).maps)) == Skip("rule", "mapper")
    (taken,) = inputs
    return taken.key, taken.value, taken.schema


def test_what_is_skipped_anyway_is_not_read() -> None:
    """A null value or an old record, with a key that cannot be read and a schema that nobody knows."""
    broken = replace(RECORD, key=b"\xff")
    assert prepared(replace(broken, value=None)) == Skip("null_value")
    assert prepared(broken, now_wall=61.0) == Skip("max_age")
    assert isinstance(prepared(broken, now_wall=60.0), Failure)


def test_the_keys_schema_is_asked_for_before_the_values() -> None:
    """One at a time; what has no key needs the value's only."""
    both = replace(record(7, schema=5), key=record(7, schema=4).value)
    assert prepared(both) == SchemaNeeded(SchemaId(4))
    assert prepared(replace(both, key=FRAMED)) == SchemaNeeded(SchemaId(5))
    assert prepared(replace(both, key=None)) == SchemaNeeded(SchemaId(5))


@pytest.mark.parametrize(
    ("how", "key", "as_seen"),
    [
        (AvroFormat(), FRAMED, VALUE),
        (StringFormat(), "Zürich".encode(), "Zürich"),
        (BytesFormat(), b"\xff", b"\xff"),
        (BytesFormat(), b"", b""),
        (StringFormat(), None, None),
    ],
)
def test_a_key_is_read_as_its_topic_says(
    how: AvroFormat | StringFormat | BytesFormat, key: bytes | None, as_seen: object
) -> None:
    """The value is read by itself, and the schema that is seen is the value's."""
    assert seen(replace(RECORD, key=key), replace(topic(), key=how)) == (as_seen, VALUE, SEES)


def test_a_value_without_framing_is_read_by_the_topics_schema() -> None:
    """Nobody is asked for it, and it has no id."""
    schema = parse_schema(SCHEMA.avro, None)
    assert isinstance(schema, ParsedSchema)
    raw = replace(topic(), value=RawAvroFormat(schema))
    assert seen(replace(RECORD, value=FRAMED[5:]), raw) == (None, VALUE, {**SEES, "id": 0})


def test_a_schema_header_of_its_part_wins_and_the_last_one_counts() -> None:
    """`__key_schema_id` for the key, `__value_schema_id` for the value; of several the last, as Kafka's readers do."""

    def header(part: str, number: int) -> tuple[str, bytes]:
        return f"__{part}_schema_id", b"\x00" + number.to_bytes(4, "big")

    headers = (header("value", 8), header("value", 1), header("key", 9))
    bare = replace(RECORD, value=FRAMED[5:], headers=headers)
    assert seen(bare, topic()) == (None, VALUE, SEES)
    assert prepared(replace(bare, key=b"")) == SchemaNeeded(SchemaId(9))


@pytest.mark.parametrize("part", ["key", "value"])
def test_a_schema_that_does_not_exist_is_the_records_fault(part: str) -> None:
    """The dead letter says whose schema, which, and what the registry said."""
    given = replace(RECORD, key=record(7, schema=3).value) if part == "key" else record(7, schema=3)

    def gone(ref: SchemaRef) -> ParsedSchema | SchemaAbsent:
        return SCHEMA if ref == SchemaId(1) else SchemaAbsent("deleted")

    assert prepared(given, schemas=gone) == Failure(
        reason="schema_missing",
        stage="decode",
        message=f"{part}: the registry has no schema id 3: deleted",
        step=f"connector.core.prepare.decode_{part}",
        schema_id="id 3",
        of_key=part == "key",
    )


def undecodable(part: str, message: str) -> Failure:
    return Failure(
        reason="decode_failed",
        stage="decode",
        message=message,
        step=f"connector.core.prepare.decode_{part}",
        of_key=part == "key",
    )


@pytest.mark.parametrize("part", ["key", "value"])
@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"abc", "3 bytes are too few for the schema prefix (magic byte 0 and a 4-byte id)"),
        (FRAMED + b"x", "1 bytes are left over after reading Message (id 1)"),
    ],
)
def test_bad_02_bad_03_what_cannot_be_read_says_which_part_and_why(
    part: str, payload: bytes, why: str
) -> None:
    """Without a framing, or with a body of another schema."""
    given = replace(RECORD, key=payload) if part == "key" else replace(RECORD, value=payload)
    assert prepared(given) == undecodable(part, f"{part}: {why}")


def test_a_value_that_does_not_fit_the_topics_schema_says_so() -> None:
    """A topic without framing whose records are of another schema, or framed after all."""
    raw = replace(topic(), value=RawAvroFormat(SCHEMA))
    answer = prepared(replace(RECORD, value=FRAMED[5:] + b"xy"), raw)
    assert answer == undecodable("value", "value: 2 bytes are left over after reading Message (id 1)")


def test_a_key_that_is_no_text_says_how_to_leave_it_alone() -> None:
    """Text is what a key is taken for, unless the topic says otherwise."""
    advice = "the key is not UTF-8 text; if it is not meant to be, say `key: {format: bytes}`"
    text = replace(topic(), key=StringFormat())
    assert prepared(replace(RECORD, key=b"\xff"), text) == undecodable("key", advice)


def request(**body: object) -> MapperRequest:
    return MapperRequest(operation="update-channel", channel="cha_1", body=body)


def test_what_the_mapping_refuses_is_a_failure_with_its_place() -> None:
    """The mapper's name, the operation if it came so far, and the schema the record was written by."""

    def fail(_: MapperInput) -> list[MapperRequest]:
        raise LookupError

    assert prepared(RECORD, topic(fail)) == Failure(
        reason="mapping_failed",
        stage="map",
        message="rule 'mapper', mapper: raised LookupError",
        step="connector.core.prepare.map",
        rule="mapper",
        schema_id="id 1",
        error_class="builtins.LookupError",
    )
    invalid = prepared(RECORD, topic(lambda _: [request(status=7)]))
    assert isinstance(invalid, Failure)
    assert (invalid.reason, invalid.stage, invalid.step) == (
        "request_invalid",
        "validate",
        "connector.core.prepare.validate",
    )
    assert (invalid.operation, invalid.rule, invalid.schema_id) == ("update-channel", "mapper", "id 1")
    unnamed = parse_schema(SCHEMA.avro, None)
    assert isinstance(unnamed, ParsedSchema)
    raw = replace(topic(fail), value=RawAvroFormat(unnamed))
    refused = prepared(replace(RECORD, value=FRAMED[5:]), raw)
    assert isinstance(refused, Failure)
    assert refused.schema_id is None


def test_what_the_mapping_makes_is_the_plan() -> None:
    """Nothing is added to it."""
    plan = prepared(RECORD, topic(lambda _: [request(status="ok")]))
    assert isinstance(plan, Plan)
    assert (plan.rule, plan.key, len(plan.requests)) == ("mapper", ("channel", "cha_1"), 1)
