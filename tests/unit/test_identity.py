"""Ids that are made up, and ids that are too long."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.dead_letter import FIRST_HEADER, LAST_HEADER, Failure, Origin, Reason, envelope
from connector.core.identity import ID_UNITS_MAX, record_id, request_id, short_id, utf16_units
from connector.core.operations.build import segment
from connector.core.records import Epoch, Record

RECORD = Record(topic="messages.v1", partition=3, offset=42, epoch=Epoch(1), value=b"x", timestamp_ms=17)

# Kafka's rule for names of topics; few letters, so that they collide where they can.
topics = st.one_of(
    st.from_regex(r"[a-b0-1._-]{1,12}", fullmatch=True),
    st.from_regex(r"a{90,200}[ab0-1-]{1,49}", fullmatch=True),
)
records = st.builds(
    lambda topic, partition, offset, timestamp_ms: replace(
        RECORD, topic=topic, partition=partition, offset=offset, timestamp_ms=timestamp_ms
    ),
    topics,
    st.sampled_from([0, 1, 10, 11, 2**31 - 1]),
    st.sampled_from([0, 1, 10, 11, 2**63 - 1]),
    st.sampled_from([None, 0, 1, -1, 10, 2**63 - 1]),
)


def test_an_id_is_made_of_where_the_record_lies() -> None:
    """People can read it; later requests of a record have their number behind it."""
    assert record_id(RECORD) == "messages.v1-3-42-17"
    assert [request_id(RECORD, index) for index in range(3)] == [
        "messages.v1-3-42-17",
        "messages.v1-3-42-17~2",
        "messages.v1-3-42-17~3",
    ]
    assert record_id(replace(RECORD, timestamp_ms=None)) == "messages.v1-3-42-none"


def test_a_repeat_has_the_same_id_whoever_reads_it() -> None:
    """Another assignment, another leader, another process: nothing but the record itself goes in."""
    again = replace(RECORD, epoch=Epoch(9), leader_epoch=4, key=b"k", headers=(("a", b"b"),))
    assert request_id(again, 1) == request_id(RECORD, 1)


def letter(record: Record, reason: Reason = "front_rejected") -> Record:
    """A record's dead letter, produced again to the same topic by hand: another offset, another time."""
    failure = Failure(reason=reason, stage="send", message="", step="")
    made = envelope(record, failure, Origin(connector="c", instance="i", version="0"), 0)
    return replace(record, headers=made.headers, offset=record.offset + 1000, timestamp_ms=99)


@given(records.filter(lambda record: (record.timestamp_ms or 0) >= 0))
def test_a_letter_that_is_produced_again_keeps_the_id(record: Record) -> None:
    """However often it failed since; so what Front had accepted of it is known to Front when it comes again."""
    own = request_id(record, 1)
    assert request_id(letter(record), 1) == own
    assert request_id(letter(letter(record), "not_found"), 1) == own


def test_a_letter_of_kafka_connect_before_ours_does_not_count() -> None:
    """It names the place where Connect's record lay; the id was made of where ours did."""
    connects = (
        ("__connect.errors.topic", b"t"),
        ("__connect.errors.partition", b"1"),
        ("__connect.errors.offset", b"2"),
    )
    taken = replace(RECORD, headers=connects)
    assert record_id(taken) == "messages.v1-3-42-17"
    assert record_id(letter(taken)) == "messages.v1-3-42-17"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("__connect.errors.topic", b"a/b"),
        ("__connect.errors.topic", b"\xf0\x9f\x99\x82" * 60),
        ("__connect.errors.topic", b""),
        ("__connect.errors.partition", b"-1"),
        ("__connect.errors.offset", b"9" * 20),
        ("__connect.errors.offset", None),
    ],
)
def test_headers_that_nobody_of_us_wrote_are_not_believed(header: str, value: bytes | None) -> None:
    """Whoever produces may write anything: then the id is made of where the record lies."""
    forged = letter(RECORD)
    headers = tuple((name, value if name == header else told) for name, told in forged.headers)
    assert record_id(replace(forged, headers=headers)) == "messages.v1-3-1042-99"


@given(records, st.integers(0, 99), records, st.integers(0, 99))
def test_no_two_requests_have_the_same_id(one: Record, of_one: int, other: Record, of_other: int) -> None:
    """Topic, partition, offset, timestamp and number of the request can all be told from it."""

    def told(record: Record, index: int) -> tuple[object, ...]:
        return record.topic, record.partition, record.offset, record.timestamp_ms, index

    same = told(one, of_one) == told(other, of_other)
    assert (request_id(one, of_one) == request_id(other, of_other)) is same


@given(records, st.integers(0, 9999))
def test_an_id_is_short_enough_for_front_and_needs_no_escape_in_a_path(record: Record, index: int) -> None:
    """Whatever the topic is called: Kafka allows 249 characters."""
    made = request_id(record, index)
    assert utf16_units(made) <= 160 < ID_UNITS_MAX
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", made)
    assert segment(made) == made


def test_the_headers_of_a_letter_lie_between_the_two_that_are_looked_for() -> None:
    """Behind the record's own."""
    own = (("a", b"b"),)
    names = [name for name, _ in letter(replace(RECORD, headers=own)).headers]
    assert names[0] == "a"
    assert (names[1], names[-1]) == (FIRST_HEADER, LAST_HEADER)


def test_long_topics_that_begin_alike_are_told_apart() -> None:
    """By their hash, behind a sign that no topic has in its name."""
    one, other = (record_id(replace(RECORD, topic="t" * 240 + end)) for end in "ab")
    assert one != other
    assert one.startswith("t" * 60 + "~")


@pytest.mark.parametrize(("char", "units"), [("x", 1), ("漢", 1), ("🙂", 2), ("\ud800", 1)])
def test_an_id_is_hashed_only_if_front_would_not_take_it(char: str, units: int) -> None:
    """Front counts as JavaScript does."""
    fits = char * (ID_UNITS_MAX // units)
    assert short_id(fits) == fits
    assert re.fullmatch(r"sha256-[0-9a-f]{64}", short_id(fits + "x"))
    assert short_id(fits + "x") == short_id(fits + "x") != short_id(fits + "y")


@given(st.text(max_size=300))
def test_what_short_id_gives_is_taken(text: str) -> None:
    """And given it again, it is the same: rules may do it twice."""
    made = short_id(text)
    assert utf16_units(made) <= ID_UNITS_MAX
    assert short_id(made) == made
