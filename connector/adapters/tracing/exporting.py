"""Spans -> a collector, by OTLP over HTTP, on the SDK's own thread. What fails there is told once in a while and forgotten.

The queue is the SDK's (`OTEL_BSP_MAX_QUEUE_SIZE`, 2,048 spans): full, it loses the oldest. Nothing here waits on the event
loop, and nothing that a collector does reaches a record.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from connector.adapters.tracing.options import TracingOptions
from connector.config.tracing import read_headers
from connector.ports import EventLog

CLOSE_S: Final = 2.0
"""How long a stop waits for the last spans."""


def provider(options: TracingOptions, log: EventLog) -> TracerProvider:
    """The SDK as configured. Starts its thread, which makes no connection before there are spans."""
    # It tells each failure in its own words, some with what the collector answered. We tell it in ours.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    sampler = None if options.sample_ratio is None else ParentBased(TraceIdRatioBased(options.sample_ratio))
    made = TracerProvider(sampler=sampler, resource=_resource(options), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(Exporter(options, log)))
    return made


async def close(made: TracerProvider) -> None:
    """Hand over what is left, but wait no longer than `CLOSE_S`: the SDK itself waits for half a minute."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def end() -> None:
        made.shutdown()
        with suppress(RuntimeError):  # nobody waits any more, and the loop is closed
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=end, name="last spans", daemon=True).start()
    with suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), CLOSE_S)


class Exporter(SpanExporter):
    """OTLP with headers that may change, as the SDK's keeps those of its beginning; and lines in our log when it fails."""

    def __init__(self, options: TracingOptions, log: EventLog) -> None:
        self._options = options
        self._log = log
        self._failing = False
        self._headers: dict[str, str] | None = None
        self._headers = self._now()
        self._inner = self._made()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """One batch, on the SDK's thread. A batch that is not taken is lost."""
        if (now := self._now()) != self._headers:
            self._inner.shutdown()  # type: ignore[no-untyped-call]
            self._headers = now
            self._inner = self._made()
        result = self._inner.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed:
            self._log.warning("tracing.failed", records=len(spans))
        elif self._failing:
            self._log.info("tracing.works")
        self._failing = failed
        return result

    def _now(self) -> dict[str, str] | None:
        """The headers as of now; None if variables give them. A file that makes no sense changes nothing."""
        if self._options.headers is None:
            return None
        found = read_headers(self._options.headers.value())
        return self._headers if isinstance(found, str) else found

    def _made(self) -> OTLPSpanExporter:
        ca = self._options.ca_file
        return OTLPSpanExporter(
            self._options.endpoint, None if ca is None else str(ca), headers=self._headers
        )

    def shutdown(self) -> None:
        """The connection is not needed any more."""
        self._inner.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        return self._inner.force_flush(timeout_millis)


def _resource(options: TracingOptions) -> Resource:
    said: dict[str, str] = {SERVICE_VERSION: options.version}
    environment = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if f"{SERVICE_INSTANCE_ID}=" not in environment:
        said[SERVICE_INSTANCE_ID] = options.instance
    if options.service_name is not None:
        said[SERVICE_NAME] = options.service_name
    elif not os.environ.get("OTEL_SERVICE_NAME") and f"{SERVICE_NAME}=" not in environment:
        said[SERVICE_NAME] = options.name
    return Resource.create(said)
