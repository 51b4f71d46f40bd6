"""Runs the tests of mapping files. Reads the files that tests name; prints nothing, sends nothing.

A test's record is as old as it says itself, so `max_age_s` leaves none out: a test says the same on every day.
"""

import base64
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from connector.config import Loaded
from connector.config.mapping.tests import RecordShape, WrittenTest
from connector.core.mapping import ChannelDirectory, Input, TopicMapping, Tried
from connector.resources import schemas_dir
from connector.workbench.bounded import BoundedCalls
from connector.workbench.samples import BadSample, Beside, Sample, Shelf, from_bytes, from_file, from_parts
from connector.workbench.testing.becomes import Document, becomes
from connector.workbench.testing.coverage import Coverage, coverage_of
from connector.workbench.testing.differences import Difference
from connector.workbench.testing.expectations import compare
from connector.workbench.testing.trial import try_record

Status: TypeAlias = Literal["ok", "failed", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """How one test ended.

    failed: the record becomes something else, see `differences`, or nothing is expected yet; error: there is no record to map,
    or a Python mapper gave no answer.
    `why`: a sentence for these two. `document`: what the record becomes; None with error. `took_s`: seconds.
    """

    __test__ = False  # it is no test of pytest's

    test: WrittenTest
    status: Status
    document: Document | None = None
    differences: tuple[Difference, ...] = ()
    why: str | None = None
    tried: tuple[Tried, ...] = ()
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """All tests, in the order of the files, and what they reached."""

    results: tuple[TestResult, ...]
    coverage: Coverage

    @property
    def passed(self) -> bool:
        """Whether every test is ok."""
        return all(result.status == "ok" for result in self.results)

    def count(self, status: Status) -> int:
        """How many ended so."""
        return sum(result.status == status for result in self.results)


def run_tests(loaded: Loaded, tests: Iterable[WrittenTest] | None = None) -> Outcome:
    """Run `tests`, by default all of the configuration's. Coverage is of the topics that they are about, or of all topics."""
    topics = loaded.mappings.topics
    chosen = loaded.tests if tests is None else tuple(tests)
    with BoundedCalls(loaded.settings.mappings.mapper_timeout_s) as calls:
        results = tuple(_run(test, loaded, calls) for test in chosen)
    about = topics if tests is None else {test.topic for test in chosen}
    covered = (
        coverage_of(
            topics[name],
            [(one.tried, _decided(one.document)) for one in results if one.test.topic == name],
        )
        for name in sorted(about)
    )
    return Outcome(results, Coverage(tuple(covered)))


def _run(test: WrittenTest, loaded: Loaded, calls: BoundedCalls) -> TestResult:
    started = time.perf_counter()
    topic = _topic(test, loaded)
    sample = _sample(test, topic)
    if isinstance(sample, BadSample):
        return TestResult(test=test, status="error", why=sample.why, took_s=time.perf_counter() - started)
    stamp = sample.record.timestamp_ms if isinstance(sample, Input) else None
    trial = try_record(topic, sample, (stamp or 0) / 1000, calls)
    if trial.no_answer is not None:
        took_s = time.perf_counter() - started
        return TestResult(test=test, status="error", why=trial.no_answer, took_s=took_s)
    document = becomes(trial.result, test.words)
    expected = test.expected
    found: tuple[Difference, ...] = ()
    if expected is not None:
        found = compare(expected, document, exact=test.shape.exact)
    failed = bool(found) or expected is None
    return TestResult(
        test=test,
        status="failed" if failed else "ok",
        document=document,
        differences=found,
        why=_why(test, document, loaded) if failed else None,
        tried=trial.tried,
        took_s=time.perf_counter() - started,
    )


def _topic(test: WrittenTest, loaded: Loaded) -> TopicMapping:
    topic, rows = loaded.mappings.topics[test.topic], test.channels
    if rows is None:
        return topic
    foreign = {row.app for row in rows}
    return topic.with_channels(ChannelDirectory.of(rows, loaded.channels.apps, foreign))


def _why(test: WrittenTest, document: Document, loaded: Loaded) -> str | None:
    """What else is to be said of a test that fails."""
    no_rows = loaded.settings.front.channels_topic is not None and not loaded.channels.rows
    if no_rows and test.channels is None and "requests" not in document:
        return (
            "the channels table is in Kafka (front.channels_topic), and is not read for tests: "
            "give this test, or its file, `channels:` with the rows that it needs"
        )
    return (
        "nothing is expected yet: --update writes what the record becomes" if test.expected is None else None
    )


def _sample(test: WrittenTest, topic: TopicMapping) -> Sample:
    record = test.shape.record
    shelf = Shelf(shipped=schemas_dir(), base=test.path.parent, own=topic.schemas)
    beside = Beside(key=record.key, headers=record.headers, timestamp=record.timestamp)
    if record.file is not None:
        path = test.path.parent / record.file
        try:
            content = path.read_bytes()
        except OSError as error:
            return BadSample(f"record: cannot read {record.file}: {error.strerror or type(error).__name__}")
        shelf = replace(shelf, file_base=path.parent)
        sample = from_file(content, record.file, topic, shelf, (record.schema_, record.index, beside))
        return BadSample(f"record: {record.file}: {sample.why}") if isinstance(sample, BadSample) else sample
    if record.bytes_ is not None:
        return _from_bytes(record, topic, shelf, beside)
    parts = {
        "schema": record.schema_,
        "version": record.version,
        "key": record.key,
        "headers": record.headers,
        "timestamp": record.timestamp,
        "value": record.value,
    }
    value = from_parts(parts, topic, shelf)
    return BadSample(f"record: {value.why}") if isinstance(value, BadSample) else value


def _from_bytes(record: RecordShape, topic: TopicMapping, shelf: Shelf, beside: Beside) -> Sample:
    try:
        content = base64.b64decode(record.bytes_ or "", validate=True)
    except ValueError as error:
        return BadSample(f"record: bytes are written as base64: {error}")
    schema = None if record.schema_ is None else shelf.find(record.schema_)
    return schema if isinstance(schema, BadSample) else from_bytes(content, schema, topic, beside)


def _decided(document: Document | None) -> str | None:
    """The rule, or the mapper, that a document names."""
    if document is None:
        return None
    rule = document.get("rule") or document.get("skip", {}).get("rule")
    return rule if isinstance(rule, str) else None
