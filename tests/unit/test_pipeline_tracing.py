"""What the pipeline tells of a record's span: begun when it is taken, ended once, by its fate or by its partition's end."""

import asyncio

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connector.adapters.tracing.options import Server, TracingOptions
from connector.adapters.tracing.spans import Spans
from connector.core.answers import Answered
from connector.core.offset_map import write
from tests.support.virtual_time import in_virtual_time
from tests.support.world import LOG, TP, Stage, record


class Traced:
    """The adapter over an SDK that keeps spans in memory."""

    def __init__(self) -> None:
        self.kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        options = TracingOptions(
            group="g", servers={"main": Server("front", 443)}, name="n", instance="i", version="0"
        )
        self.spans = Spans(options, provider)

    def told(self) -> list[tuple[object, object]]:
        """Offset and outcome of each record's span that has ended, in that order."""
        return [
            (_said(span, "messaging.kafka.offset"), _said(span, "front_connector.outcome"))
            for span in self.kept.get_finished_spans()
            if span.parent is None
        ]

    def attempts(self) -> list[object]:
        """How each attempt that has ended ended."""
        return [
            _said(span, "http.response.status_code") or _said(span, "error.type")
            for span in self.kept.get_finished_spans()
            if span.parent is not None
        ]


def _said(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {}).get(name)


@in_virtual_time
async def test_each_fate_ends_the_span_of_its_record_once() -> None:
    """Accepted, skipped, a dead letter of the mapping, and what the map said to be settled before: nothing of that."""
    traced = Traced()
    async with Stage(tracing=traced.spans) as stage:
        stage.assign(5, metadata=write(LOG, 5, ((6, 7),), released=True), end=10)
        stage.pipeline.received(
            [record(5, "a"), record(6, "b"), record(7, "skip"), record(8, "bad"), record(9, "three")]
        )
        await stage.quiet()
        assert sorted(traced.told(), key=str) == [
            (5, "accepted"),
            (7, "skipped"),
            (8, "dead_lettered"),
            (9, "accepted"),
        ]
        assert traced.attempts() == [202] * 4
        assert traced.spans._open[TP] == {}


@in_virtual_time
async def test_what_is_revoked_ends_so_and_its_next_owner_begins_anew() -> None:
    """What is in flight when the bound ends is cut off; what waits never began."""
    traced = Traced()
    async with Stage(tracing=traced.spans) as stage:
        stage.front.delay = lambda _sent: 60.0
        stage.assign()
        stage.pipeline.received([record(0), record(1)])
        await stage.quiet(1.0)
        await stage.pipeline.revoke([TP], 5.0)
        await stage.quiet(1.0)
        assert traced.told() == [(0, "revoked"), (1, "revoked")]
        assert traced.attempts() == ["cancelled"]
        stage.front.delay = lambda _sent: 0.0
        stage.assign(epoch=2)
        stage.pipeline.received([record(0, epoch=2), record(1, epoch=2)])
        await stage.quiet(30.0)
        assert traced.told()[2:] == [(0, "accepted"), (1, "accepted")]


@in_virtual_time
async def test_what_is_lost_ends_at_once_and_a_late_answer_changes_nothing() -> None:
    """Another member has the partition already."""
    traced = Traced()
    async with Stage(tracing=traced.spans) as stage:
        stage.front.delay = lambda _sent: 2.0
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(1.0)
        stage.pipeline.lost([TP])
        assert traced.told() == [(0, "revoked")]
        await stage.quiet(5.0)
        assert traced.told() == [(0, "revoked")]


@in_virtual_time
async def test_a_dead_letter_that_cannot_be_written_keeps_its_span_open() -> None:
    """Until the broker has acknowledged it: that is when the record is settled."""
    traced = Traced()
    async with Stage(tracing=traced.spans) as stage:
        stage.front.script = lambda _sent, _n: Answered(422)
        gone = asyncio.Event()
        write_letter = stage.letters.write

        async def slowly(letter: object) -> object:
            await gone.wait()
            return await write_letter(letter)  # type: ignore[arg-type]

        stage.letters.write = slowly  # type: ignore[method-assign,assignment]
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        assert traced.told() == []
        assert traced.spans.of("messages", 0, 0) is not None
        gone.set()
        await stage.quiet()
        assert traced.told() == [(0, "dead_lettered")]
