"""What a dead letter carries: the record untouched, and why it failed."""

from dataclasses import replace
from typing import Any

import pytest

from connector.core.dead_letter import (
    DETAILS_BYTES_MAX,
    REASONS,
    TEXT_BYTES_MAX,
    DeadLetter,
    Failure,
    Origin,
    Stage,
    envelope,
    smaller,
)
from connector.core.records import Epoch, Record

_HEADERS = (("trace", b"\x00\xff"), ("empty", b""), ("null", None), ("trace", b"again"))
_RECORD = Record(
    topic="telephony.calls.v1",
    partition=3,
    offset=1042,
    epoch=Epoch(7),
    key=b"\x00key",
    value=b"\x00\x00\x00\x00\x09value",
    headers=_HEADERS,
    timestamp_ms=1789000000123,
)
_FAILURE = Failure(
    reason="front_rejected",
    stage="send",
    message="Front refused the request with 400",
    step="connector.core.outcome.judge",
    operation="create-call",
    rule="call started",
    mapping_hash="9f2c",
    schema_id="41",
    http_status=400,
    request_id="req-5",
    attempts=2,
    accepted=1,
    details=("body.from.handle: missing", "body.metadata.external_conversation_id: too long"),
)
_ORIGIN = Origin(connector="calls-to-front", instance="front-connector-2", version="1.4.0")
_FAILED_AT_MS = 1789001600250


def _letter(record: Record = _RECORD, origin: Origin = _ORIGIN, **changes: Any) -> DeadLetter:
    return envelope(record, replace(_FAILURE, **changes), origin, _FAILED_AT_MS)


def _last(letter: DeadLetter) -> dict[str, bytes | None]:
    """Headers as a reader sees it who takes the last of each name."""
    return dict(letter.headers)


def test_dlq_01_the_record_is_untouched() -> None:
    """Key, value and original headers, in their order, with duplicates and nulls."""
    letter = _letter()
    assert (letter.key, letter.value) == (_RECORD.key, _RECORD.value)
    assert letter.headers[: len(_HEADERS)] == _HEADERS
    assert letter.source is _RECORD


def test_dlq_01_the_headers_tell_where_and_why() -> None:
    """Kafka Connect's names for what Connect knows, ours for the rest; all UTF-8 text."""
    assert _letter().headers[len(_HEADERS) :] == (
        ("__connect.errors.topic", b"telephony.calls.v1"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"1042"),
        ("__connect.errors.connector.name", b"calls-to-front"),
        ("__connect.errors.task.id", b"2"),
        ("__connect.errors.stage", b"TASK_PUT"),
        ("__connect.errors.class.name", b"connector.core.outcome.judge"),
        ("__connect.errors.exception.class.name", b"front_connector.front_rejected"),
        ("__connect.errors.exception.message", b"Front refused the request with 400"),
        ("front.reason", b"front_rejected"),
        ("front.source.timestamp", b"1789000000123"),
        ("front.http.status", b"400"),
        ("front.request.id", b"req-5"),
        ("front.attempts", b"2"),
        ("front.requests.accepted", b"1"),
        ("front.operation", b"create-call"),
        ("front.mapping", b"call started"),
        ("front.mapping.hash", b"9f2c"),
        ("front.schema.id", b"41"),
        ("front.details", b"body.from.handle: missing\nbody.metadata.external_conversation_id: too long"),
        ("front.failed.at", b"2026-09-10T00:53:20.250Z"),
        ("front.instance", b"front-connector-2"),
        ("front.version", b"1.4.0"),
        ("front.redrive.count", b"0"),
    )


def test_what_is_not_known_has_no_header() -> None:
    """A record that could not be decoded has no operation, status or rule to tell of."""
    failure = Failure(
        reason="decode_failed", stage="decode", message="too short", step="connector.core.decode.frame"
    )
    names = {name for name, _ in envelope(_RECORD, failure, _ORIGIN, 0).headers if name.startswith("front.")}
    assert names == {
        "front.reason",
        "front.source.timestamp",
        "front.attempts",
        "front.requests.accepted",
        "front.failed.at",
        "front.instance",
        "front.version",
        "front.redrive.count",
    }


def test_a_record_without_a_timestamp_names_none() -> None:
    """Messages of the oldest format have no time; no text stands in for it."""
    assert "front.source.timestamp" not in dict(_letter(replace(_RECORD, timestamp_ms=None)).headers)


@pytest.mark.parametrize(
    ("stage", "connect"),
    [
        ("decode", b"VALUE_CONVERTER"),
        ("map", b"TRANSFORMATION"),
        ("validate", b"TRANSFORMATION"),
        ("attach", b"TASK_PUT"),
        ("send", b"TASK_PUT"),
    ],
)
def test_a_stage_has_kafka_connects_name(stage: Stage, connect: bytes) -> None:
    """Tools made for Connect's dead letter queues group by these."""
    assert _last(_letter(stage=stage))["__connect.errors.stage"] == connect


@pytest.mark.parametrize(
    ("instance", "task"),
    [
        ("front-connector-0", b"0"),
        ("front-connector-12", b"12"),
        ("front-connector-7d9f-24567", b"0"),
        ("laptop", b"0"),
    ],
)
def test_the_task_is_the_ordinal_of_a_stateful_pod(instance: str, task: bytes) -> None:
    """Other names, the random ending of a Deployment's pod among them, count as task 0."""
    origin = replace(_ORIGIN, instance=instance)
    assert _last(_letter(origin=origin))["__connect.errors.task.id"] == task


def test_the_reasons_are_one_closed_list() -> None:
    """Dashboards, alerts and the runbook name exactly these."""
    assert REASONS == (
        "decode_failed",
        "schema_missing",
        "no_rule",
        "mapping_failed",
        "request_invalid",
        "attachment_rejected",
        "attachment_unavailable",
        "front_rejected",
        "not_found",
        "retries_exhausted",
        "unexpected_status",
        "predecessor_dead_lettered",
        "too_large",
        "illegal_transition",
        "operator_skip",
    )


def test_dlq_05_originals_with_our_names_stay_and_the_last_is_ours() -> None:
    """A record that comes from a dead-letter topic keeps its old story; ours is told behind it."""
    first = _letter()
    second = _letter(replace(_RECORD, headers=first.headers), reason="not_found", http_status=404)
    assert second.headers[: len(first.headers)] == first.headers
    assert _last(second)["front.reason"] == b"not_found"
    assert _last(second)["front.http.status"] == b"404"


def test_dlq_05_an_old_story_does_not_show_through() -> None:
    """What this failure has nothing to say about is null, not what an earlier one said."""
    second = _letter(
        replace(_RECORD, headers=_letter().headers), reason="no_rule", http_status=None, details=()
    )
    assert _last(second)["front.http.status"] is None
    assert _last(second)["front.details"] is None
    assert _last(second)["front.operation"] == b"create-call"


@pytest.mark.parametrize(
    ("carried", "count"),
    [(b"0", b"0"), (b"3", b"3"), (b"", b"0"), (None, b"0"), (b"-1", b"0"), (b"9" * 40, b"0")],
)
def test_the_redrive_count_is_carried_on(carried: bytes | None, count: bytes) -> None:
    """Only a redrive adds to it; failing again does not. What is no count is 0."""
    headers = (("front.redrive.count", b"8"), ("front.redrive.count", carried))
    assert _last(_letter(replace(_RECORD, headers=headers)))["front.redrive.count"] == count


def test_dlq_06_no_text_is_an_empty_header() -> None:
    """A failure without words still has its header."""
    assert _last(_letter(message=""))["__connect.errors.exception.message"] == b""


@pytest.mark.parametrize("lead", ["", "x", "xx", "xxx"])
def test_dlq_06_too_much_text_is_cut_to_valid_utf8(lead: str) -> None:
    """A megabyte of four-byte characters is cut between characters, wherever the limit falls."""
    flood = lead + "🙂" * 250_000
    last = _last(_letter(message=flood, details=(flood,)))
    for name, most in (
        ("__connect.errors.exception.message", TEXT_BYTES_MAX),
        ("front.details", DETAILS_BYTES_MAX),
    ):
        value = last[name]
        assert value is not None
        assert most - 4 < len(value) <= most
        assert flood.startswith(value.decode())


def test_dlq_06_half_a_surrogate_pair_does_not_fail() -> None:
    """JSON can bring one into Front's details; UTF-8 cannot carry it."""
    assert _last(_letter(details=("a\ud800b",)))["front.details"] == b"a?b"


_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhcHBfeCIsInN1YiI6ImNoYV94In0.MWR3wK4xhgsDXAJPApcpuGW6GCdTMOF"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"token {_JWT} is bad", "token [removed] is bad"),
        (f"Authorization: Bearer {_JWT}", "Authorization: [removed]"),
        ("authorization: bearer opaque-token-1, x", "authorization: [removed] x"),
        (f"token={_JWT}", "token=[removed]"),
        (f'{{"jwt":"{_JWT}"}}', '{"jwt":"[removed]"}'),
        (f"cut {_JWT[:50]}", "cut [removed]"),
        (f"cut {_JWT[:20]}", "cut [removed]"),
        ("Zm9vYmFyYmF6cXV4Zm9v.Zm9vYmFyYmF6cXV4Zm9v.Zm9vYmFyYmF6cXV4Zm9v", "[removed]"),
        (
            "body.metadata.external_conversation_id: missing",
            "body.metadata.external_conversation_id: missing",
        ),
        ("to.0.handle, v1.2.3, 10.0.0.1", "to.0.handle, v1.2.3, 10.0.0.1"),
    ],
)
def test_dlq_07_no_token_reaches_a_header(said: str, kept: str) -> None:
    """Front may echo the request; field paths, which have dots as well, stay readable."""
    last = _last(_letter(details=(said,), message=said, request_id=said))
    for name in ("front.details", "__connect.errors.exception.message", "front.request.id"):
        assert last[name] == kept.encode()


def test_dlq_07_a_token_at_the_cut_is_gone_too() -> None:
    """Tokens are removed before the text is cut, so that no piece of one is left at its end."""
    value = _last(_letter(details=("x" * (DETAILS_BYTES_MAX - 30) + " " + _JWT,)))["front.details"]
    assert value is not None
    assert b"eyJ" not in value


def test_dlq_07_a_hostile_answer_takes_linear_time() -> None:
    """A megabyte of almost-tokens is no worse than a megabyte of text; quadratic would take hours."""
    for flood in ("a" * 1_000_000, "aaaaaaaaaaaaaaaa." * 60_000, "eyJ" * 300_000, "bearer " * 150_000):
        value = _last(_letter(details=(flood,)))["front.details"]
        assert value is not None
        assert len(value) <= DETAILS_BYTES_MAX


@pytest.mark.parametrize("key", [None, b"", b"k"])
@pytest.mark.parametrize("value", [None, b"", b"v"])
def test_dlq_11_null_stays_null_and_empty_stays_empty(key: bytes | None, value: bytes | None) -> None:
    """A null key is not an empty key, and the same for values."""
    letter = _letter(replace(_RECORD, key=key, value=value))
    assert (letter.key, letter.value) == (key, value)


def test_a_smaller_letter_lacks_only_the_long_headers() -> None:
    """Coordinates, reason and the record itself stay; a second time changes nothing."""
    letter = _letter()
    small = smaller(letter)
    assert set(letter.headers) - set(small.headers) == {
        ("__connect.errors.exception.message", b"Front refused the request with 400"),
        ("front.details", b"body.from.handle: missing\nbody.metadata.external_conversation_id: too long"),
    }
    assert replace(small, headers=()) == replace(letter, headers=())
    assert smaller(small) == small


def test_a_smaller_letter_keeps_the_originals_and_does_not_let_them_speak_for_us() -> None:
    """The record's own headers are never dropped; the last of a clashing name is null."""
    first = _letter()
    letter = _letter(replace(_RECORD, headers=first.headers))
    small = smaller(letter)
    assert small.headers[: len(first.headers)] == first.headers
    assert _last(small)["front.details"] is None
    assert _last(small)["__connect.errors.exception.message"] is None
    assert smaller(small) == small


def test_a_key_that_cannot_be_read_is_connects_key_converter() -> None:
    """Connect tells keys from values; so do we."""
    failure = Failure(reason="decode_failed", stage="decode", message="not UTF-8", step="x.y", of_key=True)
    assert _last(envelope(_RECORD, failure, _ORIGIN, 0))["__connect.errors.stage"] == b"KEY_CONVERTER"
