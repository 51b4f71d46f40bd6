"""What tracing costs a record: the pipeline of `steps.py` with tracing off, on for none, for one in a hundred, for all.

    python -m tests.benchmark.tracing

Half a minute. CPU of the whole process in microseconds, best of many rounds: with it the encoding of the spans, which the SDK
does on a thread of its own. Nobody is sent anything. "calls alone" is what the pipeline pays where tracing is off.
"""

import asyncio
import json
import os
import time
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from connector.adapters.telemetry import configure_logging
from connector.adapters.tracing.options import Server, TracingOptions
from connector.adapters.tracing.spans import Spans
from connector.core.answers import Answer, Answered
from connector.core.decode import ParsedSchema, SchemaId, parse_schema
from connector.core.http_request import HttpRequest
from connector.core.records import Channel, Record
from connector.ports import NoTracing, Tracing
from connector.resources import schemas_dir
from tests.benchmark.steps import configured, pipeline, records

CALLS = 20_000


class Encoding(SpanExporter):
    """Does everything but send."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


def spans(ratio: float, apps: Sequence[str]) -> Spans:
    """The adapter over an SDK that keeps this share."""
    provider = TracerProvider(sampler=TraceIdRatioBased(ratio), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Encoding()))
    servers = {app: Server("front", 443) for app in apps}
    options = TracingOptions(group="g", servers=servers, name="n", instance="i", version="0")
    return Spans(options, provider)


async def alone(tracing: Tracing, record: Record) -> float:
    """Microseconds of what the pipeline asks of it for one record that is accepted at once."""
    request, channel = HttpRequest("create-call", "POST", "/"), Channel("cha", "cha", "shop", "demo")

    async def answer() -> Answer:
        return Answered(202)

    async def loop(*, traced: bool) -> float:
        began = time.process_time()
        for _ in range(CALLS):
            if traced:
                tracing.taken(record)
                tracing.mapped(record, "rule")
                await tracing.attempt(record, request, channel, answer())
                tracing.settled(record, "accepted")
            else:
                await answer()
        return time.process_time() - began

    rounds = [await loop(traced=True) - await loop(traced=False) for _ in range(7)]
    return min(rounds) / CALLS * 1e6


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("OTEL_BSP_MAX_QUEUE_SIZE", "100000")
    configure_logging("info", "json", "benchmark")
    loaded = configured()
    definition = json.loads((schemas_dir() / "avro" / "messaging" / "MessageReceived.avsc").read_text())
    schema = parse_schema(definition, SchemaId(1))
    assert isinstance(schema, ParsedSchema)
    taken = records(schema)
    apps = tuple(loaded.settings.front.apps)
    made: dict[str, Tracing] = {"off": NoTracing()}
    made |= {f"on, {ratio:.0%} sampled": spans(ratio, apps) for ratio in (0.0, 0.01, 1.0)}
    print(f"{'':24}{'a record':>12}{'calls alone':>14}")
    for name, tracing in made.items():
        whole = asyncio.run(pipeline(loaded, schema, taken, tracing))
        print(f"{name:24}{whole:12.1f}{asyncio.run(alone(tracing, taken[0])):14.2f}")


if __name__ == "__main__":
    main()
