"""A real process, a dozen records that carry traceparents, and a collector that decodes what comes: who says what of them."""

import re
from collections.abc import Iterator

import pytest

from connector.adapters.telemetry.logs import ALLOWED_KEYS, EXTRA_KEYS
from tests.support.otlp import GotSpan
from tests.support.traced_run import (
    CANARY,
    CUT,
    DEAD,
    GOOD,
    HELD,
    KINDS,
    LOST,
    MALFORMED,
    NO_FILE,
    NO_LINE,
    NOISE,
    PLAIN,
    REJECTED,
    RETRIED,
    TOPIC,
    UNKNOWN_SCHEMA,
    Ran,
    headers_of,
    leaks,
    played,
    traceparent,
)

OUTCOME = "front_connector.outcome"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """One run for all tests here."""
    with played(tmp_path_factory.mktemp("traced")) as it:
        yield it


def span(ran: Ran, kind: str) -> GotSpan:
    [found] = ran.collector.record(TOPIC, KINDS.index(kind))
    return found


def attempts(ran: Ran, kind: str) -> list[GotSpan]:
    return ran.collector.of(span(ran, kind))


def test_every_record_has_one_span_and_its_outcome(ran: Ran) -> None:
    """What the metrics count, record by record; the one that waited in a hold ended with its partition."""
    assert ran.exit_code == 0, ran.log[-3000:]
    outcomes = {kind: span(ran, kind).attributes[OUTCOME] for kind in KINDS}
    expected = dict.fromkeys(KINDS, "accepted") | dict.fromkeys(DEAD, "dead_lettered") | {HELD: "revoked"}
    assert outcomes == expected
    assert {span(ran, kind).parent for kind in KINDS} == {""}
    assert {one.resource["service.name"] for one in ran.collector.spans} == {"front-connector"}


def test_a_span_links_to_the_producers_and_to_nothing_where_that_is_not_readable(ran: Ran) -> None:
    """By the record's own header; one that is missing or malformed is no obstacle."""
    for offset, kind in enumerate(KINDS):
        expected = () if kind in (PLAIN, MALFORMED) else (traceparent(offset),)
        assert span(ran, kind).links == expected, kind


def test_each_attempt_at_front_is_a_child(ran: Ran) -> None:
    """Two 503 and an acceptance are three; a lost answer is told as what it was."""
    assert [one.attributes["http.response.status_code"] for one in attempts(ran, RETRIED)] == [503, 503, 202]
    lost, again = attempts(ran, LOST)
    assert lost.attributes["error.type"] == "protocol"
    assert again.attributes["http.response.status_code"] == 202
    assert len(attempts(ran, GOOD)) == len(attempts(ran, NOISE)) == 1
    assert [event.name for event in span(ran, RETRIED).events] == ["mapped", "retry", "retry"]
    assert {one.name for one in attempts(ran, RETRIED)} == {"front sync-inbound-message"}
    assert {one.attributes["server.address"] for one in attempts(ran, RETRIED)} == {"127.0.0.1"}
    root = span(ran, RETRIED)
    assert all(root.start_ns <= one.start_ns <= one.end_ns <= root.end_ns for one in attempts(ran, RETRIED))


def test_a_dead_letter_is_an_error_with_its_reason(ran: Ran) -> None:
    """The word of the metric and of the letter; what never became a request has no attempt."""
    reasons = {
        REJECTED: "front_rejected",
        UNKNOWN_SCHEMA: "schema_missing",
        CUT: "decode_failed",
        NO_LINE: "mapping_failed",
        NO_FILE: "attachment_unavailable",
    }
    assert {kind: span(ran, kind).attributes["error.type"] for kind in DEAD} == reasons
    assert all(span(ran, kind).error for kind in DEAD)
    assert attempts(ran, CUT) == attempts(ran, NO_LINE) == []
    assert [one.name for one in attempts(ran, NO_FILE)] == ["fetch file"]
    assert [one.attributes["http.response.status_code"] for one in attempts(ran, REJECTED)] == [422]


def test_a_hold_is_seen_in_the_span_of_the_record_that_met_it(ran: Ran) -> None:
    """The 403, and that it waited from then on."""
    assert [one.attributes["http.response.status_code"] for one in attempts(ran, HELD)] == [403]
    assert [dict(event.attributes) for event in span(ran, HELD).events if event.name == "retry"] == [
        {"error.type": "forbidden", "front_connector.stage": "send"}
    ]


def test_a_line_of_the_log_about_a_record_has_its_trace(ran: Ran) -> None:
    """From the line one comes to the trace, and back."""
    told = {"record.retry": RETRIED, "record.dead_lettered": REJECTED, "record.accepted": GOOD}
    for event, kind in told.items():
        lines = [one for one in ran.lines if one["event"] == event and one["offset"] == KINDS.index(kind)]
        assert lines, event
        for line in lines:
            assert (line["trace_id"], line["span_id"]) == (span(ran, kind).trace_id, span(ran, kind).span_id)
    assert not [one for one in ran.lines if one["event"] == "connector.started" and "trace_id" in one]


def test_a_file_that_the_guard_refuses_is_told_and_so_is_the_state(ran: Ran) -> None:
    """With the record's place and the host; and that the process became running and was told to stop."""
    [line] = [one for one in ran.lines if one["event"] == "attachment.blocked"]
    assert line["offset"] == KINDS.index(NO_FILE)
    assert "files.example.com" in line["reason"]
    states = [one["state"] for one in ran.lines if one["event"] == "state.changed"]
    assert states == ["running", "draining"]


def test_histograms_of_latency_have_exemplars_in_openmetrics_only(ran: Ran) -> None:
    """Each is the trace of a record that was counted there; the text format is as it was."""
    traces = {one.trace_id for one in ran.collector.spans}
    for name in (
        "record_end_to_end_latency_seconds",
        "record_processing_duration_seconds",
        "front_request_duration_seconds",
    ):
        pattern = rf'^front_connector_{name}_bucket\{{.*\}} \S+ # \{{trace_id="(\w+)"\}} '
        found = re.findall(pattern, ran.openmetrics, re.MULTILINE)
        assert found, name
        assert set(found) <= traces
    assert "trace_id" not in ran.metrics
    assert ran.openmetrics.endswith("# EOF\n")


def test_nothing_that_a_record_an_answer_or_a_secret_says_is_said_by_us(ran: Ran) -> None:
    """Payload, key, headers, handle, subject, token, secret and URL: in no line, metric, page, span or header of a letter."""
    assert len(ran.letters) == len(DEAD)
    assert any(line["event"] == "record.accepted" for line in ran.lines), "also what is told for debugging"
    assert leaks(ran.log) == []
    assert leaks(ran.metrics + ran.openmetrics) == []
    assert leaks(ran.pages) == []
    assert leaks(ran.collector.raw.decode("utf-8", "replace")) == []
    for letter in ran.letters:
        assert leaks("".join(headers_of(letter).values())) == []


def test_every_line_on_stdout_and_stderr_is_one_of_ours(ran: Ran) -> None:
    """Libraries' too: nothing is printed past the chain that drops what is not on the list."""
    assert [line for line in ran.log.splitlines() if not line.startswith('{"timestamp": ')] == []
    allowed = ALLOWED_KEYS.union(*EXTRA_KEYS.values())
    assert {key for line in ran.lines for key in line} <= allowed


def test_the_collector_got_its_header(ran: Ran) -> None:
    """What is secret reaches whom it is for."""
    assert {said["authorization"] for said in ran.collector.headers} == {f"Bearer {CANARY}"}
