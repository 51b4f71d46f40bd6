"""Logs as a collector sees them: real lines, without payloads, tokens or the texts of exceptions."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from connector.adapters.telemetry import configure_logging
from connector.adapters.telemetry.logs import ALLOWED_KEYS
from connector.adapters.telemetry.repeats import Repeats

CANARY = "+15550100-canary"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Logging as the service configures it, into memory; undone afterwards."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logging("info", "json", "pod-1", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = before, level


def _parsed(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_the_time_in_utc_milliseconds(lines: io.StringIO) -> None:
    """The shape that collectors are configured for."""
    structlog.get_logger("connector.pipeline").warning("record.retry", topic="calls", offset=7)
    (line,) = _parsed(lines)
    assert line["event"] == "record.retry"
    assert line["level"] == "warning"
    assert line["logger"] == "connector.pipeline"
    assert line["instance"] == "pod-1"
    assert (line["topic"], line["offset"]) == ("calls", 7)
    assert str(line["timestamp"])[-5:-1].startswith(".")
    assert str(line["timestamp"]).endswith("Z")


def test_a_key_that_is_not_allowed_is_dropped_with_its_value(lines: io.StringIO) -> None:
    """A careless caller loses a key; a handle never reaches a line."""
    structlog.get_logger().error(
        "record.retry", value=CANARY, handle=CANARY, url=CANARY, message=CANARY, topic="t"
    )
    (line,) = _parsed(lines)
    assert CANARY not in lines.getvalue()
    assert set(line) <= ALLOWED_KEYS


def test_a_hold_names_what_holds_and_other_events_have_no_names(lines: io.StringIO) -> None:
    """The name of an app or channel is what the operator needs; a name elsewhere may be a person's."""
    structlog.get_logger().error("hold.started", scope="channel", reason="forbidden", name="cha_1")
    structlog.get_logger().error("record.retry", topic="calls", name=CANARY)
    hold, retry = _parsed(lines)
    assert hold["name"] == "cha_1"
    assert "name" not in retry


def test_an_exception_is_logged_by_type_and_frames_without_its_text(lines: io.StringIO) -> None:
    """Exception texts quote data; where it happened is enough to find the fault."""
    try:
        raise ValueError(CANARY)
    except ValueError:
        structlog.get_logger().exception("commit.failed")
    (line,) = _parsed(lines)
    assert line["error_type"] == "ValueError"
    assert "test_telemetry_logs.py" in str(line["stack"])
    assert CANARY not in lines.getvalue()


def test_lines_below_the_level_are_not_written(lines: io.StringIO) -> None:
    """The accepted record's line is for debugging only."""
    structlog.get_logger().debug("record.accepted", topic="calls")
    assert lines.getvalue() == ""


def test_another_librarys_text_is_kept_only_where_it_names_no_data(lines: io.StringIO) -> None:
    """librdkafka speaks of brokers; asyncio quotes the exceptions of tasks."""
    logging.getLogger("librdkafka").warning("broker %s is down", "kafka-1:9092")
    logging.getLogger("asyncio").error("Task exception was never retrieved: %r", CANARY)
    kafka, aio = _parsed(lines)
    assert kafka["message"] == "broker kafka-1:9092 is down"
    assert (aio["event"], aio["logger"], aio["level"]) == ("library.log", "asyncio", "error")
    assert CANARY not in lines.getvalue()


def test_configuring_twice_writes_each_foreign_line_once(lines: io.StringIO) -> None:
    """A second configuration replaces the first, handlers included."""
    configure_logging("info", "json", "pod-1", lines)
    logging.getLogger("librdkafka").warning("once")
    assert len(_parsed(lines)) == 1


def test_the_console_format_is_for_people(lines: io.StringIO) -> None:
    """Readable, with the same keys; not JSON."""
    configure_logging("info", "console", "pod-1", lines)
    structlog.get_logger().info("record.retry", topic="calls", value=CANARY)
    assert "record.retry" in lines.getvalue()
    assert "topic=calls" in lines.getvalue()
    assert CANARY not in lines.getvalue()


def test_a_failure_in_the_console_format_says_where_and_not_what(lines: io.StringIO) -> None:
    """Frames below the line, as in JSON; never the exception's own text."""
    configure_logging("info", "console", "pod-1", lines)
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        structlog.get_logger().error("connector.failed", exc_info=error, code=70)
    head, *frames = lines.getvalue().splitlines()
    assert "connector.failed" in head
    assert "error_type=ValueError" in head
    assert frames[-1].endswith("test_a_failure_in_the_console_format_says_where_and_not_what")
    assert CANARY not in lines.getvalue()


def test_repeats_within_ten_seconds_are_hidden_and_counted() -> None:
    """One line per event and error type; the next one says how many were not written."""
    clock = [0.0]
    repeats = Repeats(now=lambda: clock[0])

    def shown(**event: object) -> dict[str, object] | None:
        try:
            return dict(repeats(None, "warning", dict(event)))
        except structlog.DropEvent:
            return None

    assert shown(event="record.retry", error_type="timeout") is not None
    assert shown(event="record.retry", error_type="timeout") is None
    assert shown(event="record.retry", error_type="connect") is not None
    clock[0] = 9.9
    assert shown(event="record.retry", error_type="timeout") is None
    clock[0] = 10.0
    assert shown(event="record.retry", error_type="timeout") == {
        "event": "record.retry",
        "error_type": "timeout",
        "suppressed": 2,
    }


def test_the_fate_of_a_record_is_never_hidden() -> None:
    """Each dead letter is worth its line: its coordinates stand nowhere else in the log."""
    repeats = Repeats(now=lambda: 0.0)
    for offset in range(3):
        event = {"event": "record.dead_lettered", "offset": offset}
        assert repeats(None, "warning", dict(event)) == event


def test_what_the_limiter_remembers_is_bounded() -> None:
    """Error types without end do not fill the memory; the oldest is forgotten."""
    repeats = Repeats(now=lambda: 0.0)
    for n in range(3000):
        repeats(None, "warning", {"event": "record.retry", "error_type": f"kind-{n}"})
    assert len(repeats._kinds) == 1000
