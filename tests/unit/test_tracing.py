"""Spans as a collector gets them, from the adapter alone: links, children, ends, headers; and a collector that fails."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connector.adapters.files import FixedSecret, SecretFile
from connector.adapters.tracing.exporting import provider
from connector.adapters.tracing.options import Server, TracingOptions
from connector.adapters.tracing.spans import Spans
from connector.core.answers import Answer, Answered, Unknown
from connector.core.dead_letter import Failure
from connector.core.files import FetchAnswer, Gone, HostFailed
from connector.core.http_request import HttpRequest
from connector.core.records import Channel, Epoch, Record, TopicPartition
from tests.support.otlp import Collector, GotSpan, collecting

PRODUCER = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
PARENT = f"00-{PRODUCER[0]}-{PRODUCER[1]}-01"
REQUEST = HttpRequest("create-call", "POST", "/channels/cha_1/calls/CANARY", b"CANARY")
CHANNEL = Channel("cha_1", "cha_1", "shop", "main")


class Heard:
    """Implements `ports.EventLog` and keeps what was said."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def debug(self, event: str, **fields: object) -> None:
        self.events.append(event)

    info = warning = error = debug


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Exports soon; and what the adapter does to loggers is undone."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    exporters = logging.getLogger("opentelemetry.exporter")
    before = exporters.level
    yield
    exporters.setLevel(before)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that takes everything."""
    with collecting() as one:
        yield one


def record(offset: int = 7, *, headers: Mapping[str, bytes | None] | None = None) -> Record:
    given = tuple((headers or {}).items())
    return Record(
        topic="calls", partition=3, offset=offset, epoch=Epoch(1), value=b"", key=b"CANARY", headers=given
    )


@asynccontextmanager
async def tracing(collector: Collector, **said: object) -> AsyncIterator[Spans]:
    """The adapter, whose spans have arrived when the block ends."""
    options = TracingOptions(
        group="connectors",
        servers={"main": Server("acme.api.frontapp.com", 443)},
        name="front-connector",
        instance="pod-1",
        version="1.2.3",
        endpoint=f"{collector.endpoint}/v1/traces",
        **said,  # type: ignore[arg-type]
    )
    spans = Spans(options, provider(options, Heard()))
    await spans.start()
    yield spans
    await spans.close()


async def answering(answer: Answer) -> Answer:
    await asyncio.sleep(0)
    return answer


async def fetching(answer: FetchAnswer) -> FetchAnswer:
    return answer


def only(collector: Collector) -> GotSpan:
    [root] = [span for span in collector.spans if not span.parent]
    return root


async def test_a_records_span_is_a_root_that_links_to_its_producers(collector: Collector) -> None:
    """Named and described as the conventions for Kafka say; a consumer's, and nobody's child."""
    async with tracing(collector) as spans:
        one = record(headers={"traceparent": PARENT.encode()})
        spans.taken(one)
        spans.mapped(one, "a call began")
        trace_id = spans.settled(one, "accepted")
    span = only(collector)
    assert span.name == "process calls"
    assert span.kind == 5  # CONSUMER
    assert span.links == (PRODUCER,)
    assert span.trace_id == trace_id != PRODUCER[0]
    assert dict(span.attributes) == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "calls",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 7,
        "messaging.consumer.group.name": "connectors",
        "front_connector.mapping": "a call began",
        "front_connector.outcome": "accepted",
    }
    assert not span.error
    assert span.resource["service.name"] == "front-connector"
    assert span.resource["service.version"] == "1.2.3"
    assert span.resource["service.instance.id"] == "pod-1"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"00-0af7651916cd43dd8448eb211c80319c",
        b"00-00000000000000000000000000000000-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01-CANARY",
        b"\xff" * 55,
        "００-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".encode(),
        PARENT.encode() + b"\n" * 1000,
        b"a" * 1_000_000,
    ],
)
async def test_a_malformed_or_hostile_traceparent_is_no_link(
    collector: Collector, value: bytes | None
) -> None:
    """The record is followed all the same."""
    async with tracing(collector) as spans:
        one = record(headers={"tracestate": b"CANARY=CANARY", "traceparent": value})
        spans.taken(one)
        spans.settled(one, "skipped")
    assert only(collector).links == ()
    assert b"CANARY" not in collector.raw


async def test_of_several_traceparents_the_last_one_counts(collector: Collector) -> None:
    """As Kafka's own clients read a header that was added again on the way."""
    older = b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01"
    one = Record(
        topic="calls", partition=3, offset=7, epoch=Epoch(1), value=None,
        headers=(("traceparent", older), ("traceparent", PARENT.encode()), ("Traceparent", older)),
    )  # fmt: skip
    async with tracing(collector) as spans:
        spans.taken(one)
        spans.settled(one, "skipped")
    assert only(collector).links == (PRODUCER,)


async def test_each_attempt_is_a_child_and_what_came_between_an_event(collector: Collector) -> None:
    """A 503, a lost answer, an acceptance: three spans of a client, with the status or the kind of failure."""
    async with tracing(collector) as spans:
        one = record()
        spans.taken(one)
        for answer in (Answered(503), Unknown("timeout"), Answered(202)):
            assert await spans.attempt(one, REQUEST, CHANNEL, answering(answer)) is answer
            if answer != Answered(202):
                spans.failed(one, "send", "503")
        spans.settled(one, "accepted")
    root = only(collector)
    first, second, third = collector.of(root)
    assert {span.name for span in (first, second, third)} == {"front create-call"}
    assert {span.kind for span in (first, second, third)} == {3}  # CLIENT
    assert dict(first.attributes) == {
        "server.address": "acme.api.frontapp.com",
        "server.port": 443,
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "error.type": "503",
        "front_connector.attempt": 1,
    }
    assert "http.response.status_code" not in second.attributes
    assert second.attributes["error.type"] == "timeout"
    assert third.attributes["http.response.status_code"] == 202
    assert "error.type" not in third.attributes
    assert [span.error for span in (first, second, third)] == [True, True, False]
    assert [(event.name, event.attributes) for event in root.events] == [
        ("retry", {"error.type": "503", "front_connector.stage": "send"})
    ] * 2
    assert b"CANARY" not in collector.raw


async def test_files_have_spans_of_their_own(collector: Collector) -> None:
    """With the host that the log names too, and never the place on it."""
    async with tracing(collector) as spans:
        one = record()
        spans.taken(one)
        await spans.fetch(one, "files.example.com", fetching(HostFailed("503", "CANARY")))
        await spans.fetch(one, "files.example.com", fetching(Gone("CANARY")))
        spans.settled(one, "dead_lettered")
    failed, gone = collector.of(only(collector))
    assert failed.name == gone.name == "fetch file"
    assert failed.attributes == {"server.address": "files.example.com", "error.type": "503"}
    assert gone.attributes["error.type"] == "gone"
    assert b"CANARY" not in collector.raw


async def test_a_dead_letters_span_has_its_reason(collector: Collector) -> None:
    """An error, with the closed word that the metric has; the message stays in the letter."""
    async with tracing(collector) as spans:
        one = record()
        spans.taken(one)
        spans.given_up(one, Failure(reason="front_rejected", stage="send", message="CANARY", step="x"))
        spans.settled(one, "dead_lettered")
    span = only(collector)
    assert span.error
    assert span.attributes["error.type"] == "front_rejected"
    assert span.attributes["front_connector.outcome"] == "dead_lettered"
    assert [event.name for event in span.events] == ["dead_letter"]
    assert b"CANARY" not in collector.raw


async def test_what_is_revoked_ends_so_and_what_was_cut_off_as_cancelled(collector: Collector) -> None:
    """The attempt that is cut off ends, too; a late answer changes nothing any more."""
    async with tracing(collector) as spans:
        one, other = record(7), record(8)
        spans.taken(one)
        spans.taken(other)
        async with asyncio.TaskGroup() as tasks:
            answer = asyncio.get_running_loop().create_future()
            sending = tasks.create_task(_awaited(spans, one, answer))
            await asyncio.sleep(0)
            spans.revoked(TopicPartition("calls", 3))
            sending.cancel()
        assert spans.settled(one, "accepted") is None
        assert spans.of("calls", 3, 7) is None
    roots = [span for span in collector.spans if not span.parent]
    assert [span.attributes["front_connector.outcome"] for span in roots] == ["revoked", "revoked"]
    [cut] = [span for span in collector.spans if span.parent]
    assert cut.attributes["error.type"] == "cancelled"


async def _awaited(spans: Spans, one: Record, answer: "asyncio.Future[Answer]") -> None:
    await spans.attempt(one, REQUEST, CHANNEL, answer)


async def test_an_attempt_knows_its_span_and_what_it_begins_does_not(collector: Collector) -> None:
    """So that exemplars and a library's lines name the right trace, and no timer inherits it."""
    seen = []

    async def look() -> Answer:
        seen.append(spans.current())
        return Answered(202)

    async with tracing(collector) as spans:
        one = record()
        spans.taken(one)
        assert spans.current() is None
        await spans.attempt(one, REQUEST, CHANNEL, look())
        assert spans.current() is None
        ids = spans.of("calls", 3, 7)
        assert ids is not None
        assert spans.settled(one, "accepted") == ids.trace_id
    [child] = collector.of(only(collector))
    assert seen == [(child.trace_id, child.span_id)]


async def test_a_record_that_is_not_sampled_costs_no_span(collector: Collector) -> None:
    """Nor an id in logs or metrics; its answers pass as they are."""
    async with tracing(collector, sample_ratio=0.0) as spans:
        one = record(headers={"traceparent": PARENT.encode()})
        spans.taken(one)
        spans.mapped(one, "rule")
        spans.failed(one, "send", "503")
        assert await spans.attempt(one, REQUEST, CHANNEL, answering(Answered(202))) == Answered(202)
        assert spans.of("calls", 3, 7) is None
        assert spans.settled(one, "accepted") is None
    assert collector.requests == 0


async def test_headers_follow_their_file(collector: Collector, tmp_path: Path) -> None:
    """A collector's token is changed without a restart; a file that makes no sense changes nothing."""
    file, now = tmp_path / "headers", [0.0]
    file.write_text("authorization=Bearer%20first,x-tenant=shop\n")

    class Silent:
        def secret_reloaded(self, path: str) -> None: ...
        def secret_kept(self, path: str, why: str) -> None: ...

    secret = SecretFile(file, lambda: now[0], Silent())
    async with tracing(collector, headers=secret) as spans:
        for text in ("", "authorization=second", "nonsense"):
            if text:
                file.write_text(text)
                now[0] += 10
            spans.taken(record())
            spans.settled(record(), "skipped")
            before = collector.requests
            async with asyncio.timeout(60):
                while collector.requests == before:
                    await asyncio.sleep(0.02)
    assert [said["authorization"] for said in collector.headers] == ["Bearer first", "second", "second"]
    assert collector.headers[0]["x-tenant"] == "shop"
    assert collector.paths[0] == "/v1/traces"


async def test_variables_say_what_the_settings_do_not(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers and the service's name: the settings win, then OTEL_*, then the connector's name."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=of-the-variable")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "of-the-variable")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    for said in ({}, {"headers": FixedSecret("x-tenant=of-the-settings"), "service_name": "of-the-settings"}):
        async with tracing(collector, **said) as spans:
            spans.taken(record())
            spans.settled(record(), "skipped")
    assert [said["x-tenant"] for said in collector.headers] == ["of-the-variable", "of-the-settings"]
    assert [span.resource["service.name"] for span in collector.spans] == [
        "of-the-variable",
        "of-the-settings",
    ]
    assert collector.spans[0].resource["deployment.environment.name"] == "test"


async def test_a_collector_that_never_answers_keeps_a_stop_two_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDK alone would wait half a minute for it; the bound here is far from both."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "120")
    with collecting(status=0) as collector:
        async with tracing(collector) as spans:
            spans.taken(record())
            spans.settled(record(), "skipped")
            began = time.monotonic()
        assert time.monotonic() - began < 20
        assert collector.requests == 1


async def test_a_full_queue_loses_the_oldest_spans_and_blocks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that stands still costs a bounded memory."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "20")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    with collecting(status=0) as collector:
        async with tracing(collector) as spans:
            for offset in range(20):
                spans.taken(record(offset))
                spans.settled(record(offset), "skipped")
            async with asyncio.timeout(60):
                while not collector.requests:
                    await asyncio.sleep(0.02)
            collector.status = 200
            for offset in range(100, 160):
                spans.taken(record(offset))
                spans.settled(record(offset), "skipped")
            collector.let_go()
    offsets = [span.attributes["messaging.kafka.offset"] for span in collector.spans]
    assert offsets[-20:] == list(range(140, 160))
    assert set(offsets[:-20]) <= set(range(20)), "those whose export was tried again"
