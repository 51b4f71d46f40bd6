"""Lines on their way out: a reader that is slow, gone or never was, a full disk; and what was held back is told late."""

import errno
import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

import pytest
import structlog

from connector.adapters.telemetry import Logs, configure_logging
from connector.adapters.telemetry.lines import KEPT_BYTES, Lines
from connector.adapters.telemetry.repeats import Repeats
from connector.ports import NoTracing, TraceIds

LONG = "x" * 1000


@pytest.fixture
def pipe() -> Iterator[tuple[IO[bytes], TextIO]]:
    """A reader and a writer."""
    read, write = os.pipe()
    with os.fdopen(read, "rb", buffering=0) as reader, os.fdopen(write, "w") as writer:
        yield reader, writer


@pytest.fixture
def logs() -> Iterator[tuple[Logs, io.StringIO]]:
    """Logging as the service configures it, into memory; undone afterwards."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    yield configure_logging("info", "json", "pod-1", stream), stream
    structlog.reset_defaults()
    root.handlers[:], root.level = before, level


def parsed(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def filled(lines: Lines) -> int:
    """Write until it goes no further; how many lines that took."""
    for number in range(2000):
        lines.write(f"{number} {LONG}")
        if lines._waiting:
            return number + 1
    raise AssertionError("the pipe takes everything")


def everything(reader: IO[bytes], lines: Lines) -> list[str]:
    """Read and let it write by turns, until nothing is left."""
    got = b""
    while True:
        lines.drain()
        os.set_blocking(reader.fileno(), False)
        piece = reader.read(1 << 20)
        if not piece and not lines._waiting:
            return got.decode().splitlines()
        got += piece or b""


def test_a_pipe_that_is_full_holds_nobody_up_and_gets_its_lines_later(
    pipe: tuple[IO[bytes], TextIO],
) -> None:
    """In order, whole, and none twice."""
    reader, writer = pipe
    lines = Lines(writer)
    written = filled(lines)
    for number in range(written, written + 100):
        lines.write(f"{number} {LONG}")
    assert everything(reader, lines) == [f"{number} {LONG}" for number in range(written + 100)]
    assert lines.take_lost() == 0


def test_a_line_longer_than_a_pipe_takes_at_once_comes_whole(pipe: tuple[IO[bytes], TextIO]) -> None:
    """Written in pieces, as a pipe takes them, with what follows behind it."""
    reader, writer = pipe
    lines = Lines(writer)
    long = "ä" * 200_000
    lines.write(long)
    lines.write("next")
    assert everything(reader, lines) == [long, "next"]


def test_what_is_kept_is_bounded_and_what_is_lost_is_counted(pipe: tuple[IO[bytes], TextIO]) -> None:
    """A reader that never reads costs a megabyte, not all memory."""
    reader, writer = pipe
    lines = Lines(writer)
    written = filled(lines)
    for number in range(written, 3000):
        lines.write(f"{number} {LONG}")
    assert lines._waiting_bytes <= KEPT_BYTES
    got = everything(reader, lines)
    assert [int(line.split()[0]) for line in got] == list(range(len(got)))
    assert lines.take_lost() == 3000 - len(got) > 0
    assert lines.take_lost() == 0


def test_a_reader_that_is_gone_a_full_disk_and_no_stdout_lose_lines_only(
    pipe: tuple[IO[bytes], TextIO],
) -> None:
    """Nothing is raised, and each line is counted."""
    reader, writer = pipe
    reader.close()
    with Path("/dev/full").open("w") as full:
        for lines in (Lines(writer), Lines(full), Lines(None)):
            lines.write("one")
            lines.write("two")
            lines.drain(0.01)
            assert lines.take_lost() == 2
    closed = io.StringIO()
    closed.close()
    lines = Lines(closed)
    lines.write("one")
    assert lines.take_lost() == 1


def test_after_a_line_that_was_cut_the_next_one_begins_on_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full in the middle of a line, and has room again."""
    pieces, path, really = 0, tmp_path / "log", os.write

    def ten_bytes_and_no_more(descriptor: int, data: bytes) -> int:
        nonlocal pieces
        pieces += 1
        if pieces > 1:
            raise OSError(errno.ENOSPC, "no space")
        return really(descriptor, data[:10])

    with path.open("w") as stream:
        lines = Lines(stream)
        lines.write("first")
        monkeypatch.setattr(os, "write", ten_bytes_and_no_more)
        lines.write("second, which is long")
        monkeypatch.setattr(os, "write", really)
        lines.write("third")
    assert path.read_text().splitlines() == ["first", "second, wh", "third"]
    assert lines.take_lost() == 1


def test_a_line_that_is_said_while_another_is_written_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finalizer may fail anywhere, and is told: neither a deadlock nor a line in the middle of another."""
    path, really = tmp_path / "log", os.write
    nested: list[bool] = []

    def interrupted(descriptor: int, data: bytes) -> int:
        if not nested:
            nested.append(True)
            lines.write("from within")
        return really(descriptor, data)

    with path.open("w") as stream:
        lines = Lines(stream)
        monkeypatch.setattr(os, "write", interrupted)
        lines.write("outer")
        monkeypatch.setattr(os, "write", really)
    assert path.read_text().splitlines() == ["outer", "from within"]


def test_lost_lines_are_told_once_there_is_room(logs: tuple[Logs, io.StringIO]) -> None:
    """With their number, whatever else repeats."""
    made, stream = logs
    made.lines._lost = 3
    made._tell_late()
    made._tell_late()
    [line] = parsed(stream)
    assert (line["event"], line["records"], line["level"]) == ("log.lost", 3, "warning")


def test_the_last_of_a_burst_is_told_when_nothing_follows(logs: tuple[Logs, io.StringIO]) -> None:
    """As it was said, with how many stay hidden; nothing is held back for good."""
    made, stream = logs
    now = [0.0]
    made.repeats._now = lambda: now[0]
    for offset in range(5):
        made.levels.log.warning("record.retry", error_type="503", topic="calls", offset=offset)
    now[0] = 9.0
    made.repeats.tell_late()
    assert [line["offset"] for line in parsed(stream)] == [0]
    now[0] = 10.0
    made.repeats.tell_late()
    made.repeats.tell_late()
    first, last = parsed(stream)
    assert (last["offset"], last["suppressed"], last["level"], last["logger"]) == (
        4,
        3,
        "warning",
        "front-connector",
    )
    assert "suppressed" not in first


def test_the_end_of_the_process_tells_what_is_held_back(logs: tuple[Logs, io.StringIO]) -> None:
    """Without waiting for the ten seconds."""
    made, stream = logs
    for offset in range(2):
        made.levels.log.warning("record.retry", error_type="503", offset=offset)
    made.end()
    assert [line["offset"] for line in parsed(stream)] == [0, 1]
    assert "suppressed" not in parsed(stream)[1]


def test_a_library_that_repeats_is_told_late_too(logs: tuple[Logs, io.StringIO]) -> None:
    """Under its own name and level, whatever the level of ours."""
    made, stream = logs
    made.levels.set("front-connector", "error")
    for number in range(2):
        logging.getLogger("librdkafka").warning("broker %s", number)
    made.end()
    told = [line for line in parsed(stream) if line["logger"] == "librdkafka"]
    assert [line["message"] for line in told] == ["broker 0", "broker 1"]


def test_what_comes_in_time_has_the_count_and_nothing_is_told_late() -> None:
    """The count goes with the next line, as before."""
    now = [0.0]
    repeats = Repeats(now=lambda: now[0])
    event = {"event": "record.retry", "level": "info", "logger": "x"}
    repeats(None, "info", dict(event))
    with pytest.raises(structlog.DropEvent):
        repeats(None, "info", dict(event))
    now[0] = 11.0
    assert repeats(None, "info", dict(event))["suppressed"] == 1
    now[0] = 30.0
    repeats.tell_late()


def test_a_line_has_the_trace_of_its_record_or_of_the_attempt_it_was_said_in(
    logs: tuple[Logs, io.StringIO],
) -> None:
    """A record's by its coordinates; another's by the task; none where there is none."""

    class Traced(NoTracing):
        within: TraceIds | None = None

        def of(self, topic: str, partition: int, offset: int) -> TraceIds | None:
            return TraceIds("a" * 32, "b" * 16) if (topic, partition, offset) == ("calls", 0, 7) else None

        def current(self) -> TraceIds | None:
            return self.within

    made, stream = logs
    made.spans.tracing = traced = Traced()
    log = made.levels.log
    log.info("record.retry", topic="calls", partition=0, offset=7)
    log.info("commit.failed")
    traced.within = TraceIds("c" * 32, "d" * 16)
    log.info("front.throttled")
    ids = [(line.get("trace_id"), line.get("span_id")) for line in parsed(stream)]
    assert ids == [("a" * 32, "b" * 16), (None, None), ("c" * 32, "d" * 16)]
