"""What becomes of records -> spans of OpenTelemetry, under its semantic conventions for Kafka and HTTP.

A record's span is a root that links to the span its producer wrote into the header `traceparent`: with redeliveries and
batches it is nobody's child. Below it lies one span for each attempt. A span holds coordinates and words of closed lists:
never a key, a payload, a handle, a path with ids, or a header's value; nothing is written into requests to Front.
"""

from collections.abc import Awaitable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from connector.adapters.tracing import exporting
from connector.adapters.tracing.options import Server, TracingOptions
from connector.core.answers import Answer, Answered
from connector.core.dead_letter import Failure
from connector.core.fetching import result_of
from connector.core.files import FetchAnswer, Fetched, HostFailed
from connector.core.http_request import HttpRequest
from connector.core.records import Channel, Record, TopicPartition
from connector.ports import Outcome, Stage, TraceIds

T = TypeVar("T")

_TRACEPARENT: Final = "traceparent"
_TRACEPARENT_MAX: Final = 256
"""Version 00 has 55 characters; a later one may have more (W3C Trace Context, "Versioning of traceparent")."""
_ROOT: Final = Context()
_FAILED: Final = Status(StatusCode.ERROR)
OURS: Final = "front_connector."
"""Begins the attributes for which there is no convention."""

_current: ContextVar[TraceIds | None] = ContextVar("attempt", default=None)
"""Only while an attempt's answer is awaited, and so of no use to what the task begins afterwards."""


@dataclass(slots=True)
class _Followed:
    """A record in hand whose span is kept."""

    span: Span
    ids: TraceIds
    attempts: int = 0


class Spans:
    """Implements `ports.Tracing`."""

    def __init__(self, options: TracingOptions, provider: TracerProvider) -> None:
        self._provider = provider
        self._servers: Mapping[str, Server] = options.servers
        self._tracer = provider.get_tracer("front-connector", options.version)
        self._propagator = TraceContextTextMapPropagator()
        self._common = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.consumer.group.name": options.group,
        }
        self._open: dict[TopicPartition, dict[int, _Followed]] = {}

    async def start(self) -> None:
        """Nothing is opened before there are spans."""

    def taken(self, record: Record) -> None:
        """See `ports.Tracing`."""
        span = self._tracer.start_span(
            f"process {record.topic}",
            _ROOT,
            SpanKind.CONSUMER,
            {
                **self._common,
                "messaging.destination.name": record.topic,
                "messaging.destination.partition.id": str(record.partition),
                "messaging.kafka.offset": record.offset,
            },
            links=self._links(record),
        )
        if span.is_recording():
            followed = _Followed(span, _ids(span))
            self._open.setdefault(record.tp, {})[record.offset] = followed

    def mapped(self, record: Record, rule: str) -> None:
        """See `ports.Tracing`."""
        if (followed := self._followed(record)) is not None:
            followed.span.set_attribute(OURS + "mapping", rule)
            followed.span.add_event("mapped")

    def attempt(
        self, record: Record, request: HttpRequest, channel: Channel, answer: Awaitable[Answer]
    ) -> Awaitable[Answer]:
        """See `ports.Tracing`."""
        followed = self._followed(record)
        return answer if followed is None else self._attempt(followed, request, channel, answer)

    def fetch(self, record: Record, host: str, answer: Awaitable[FetchAnswer]) -> Awaitable[FetchAnswer]:
        """See `ports.Tracing`."""
        followed = self._followed(record)
        return answer if followed is None else self._fetch(followed, host, answer)

    def failed(self, record: Record, stage: Stage, error: str) -> None:
        """See `ports.Tracing`."""
        if (followed := self._followed(record)) is not None:
            followed.span.add_event("retry", {"error.type": error, OURS + "stage": stage})

    def given_up(self, record: Record, failure: Failure) -> None:
        """See `ports.Tracing`."""
        if (followed := self._followed(record)) is not None:
            said = {"error.type": failure.reason, OURS + "stage": failure.stage}
            followed.span.set_attributes(said)
            followed.span.set_status(_FAILED)
            followed.span.add_event("dead_letter", said)

    def settled(self, record: Record, outcome: Outcome) -> str | None:
        """See `ports.Tracing`."""
        followed = self._open.get(record.tp, {}).pop(record.offset, None)
        if followed is None:
            return None
        _end(followed, outcome)
        return followed.ids.trace_id

    def revoked(self, tp: TopicPartition) -> None:
        """See `ports.Tracing`."""
        for followed in self._open.pop(tp, {}).values():
            _end(followed, "revoked")

    def current(self) -> TraceIds | None:
        """See `ports.Tracing`."""
        return _current.get()

    def of(self, topic: str, partition: int, offset: int) -> TraceIds | None:
        """See `ports.Tracing`. From any thread."""
        followed = self._open.get(TopicPartition(topic, partition), {}).get(offset)
        return None if followed is None else followed.ids

    async def close(self) -> None:
        """See `ports.Tracing`."""
        for tp in list(self._open):
            self.revoked(tp)
        await exporting.close(self._provider)

    def _followed(self, record: Record) -> _Followed | None:
        return self._open.get(record.tp, {}).get(record.offset)

    async def _attempt(
        self, followed: _Followed, request: HttpRequest, channel: Channel, answer: Awaitable[Answer]
    ) -> Answer:
        followed.attempts += 1
        server = self._servers[channel.app]
        span = self._child(followed, f"front {request.operation}", server.address)
        span.set_attribute("server.port", server.port)
        span.set_attribute("http.request.method", request.method)
        span.set_attribute(OURS + "attempt", followed.attempts)
        got = await _within(span, answer)
        if isinstance(got, Answered):
            span.set_attribute("http.response.status_code", got.status)
            # "error.type" is the status where there is one (semantic conventions, "HTTP client span").
            _close(span, str(got.status) if got.status >= 400 else None)
        else:
            _close(span, got.error)
        return got

    async def _fetch(self, followed: _Followed, host: str, answer: Awaitable[FetchAnswer]) -> FetchAnswer:
        span = self._child(followed, "fetch file", host)
        got = await _within(span, answer)
        if isinstance(got, Fetched):
            _close(span, None)
        else:
            _close(span, got.error if isinstance(got, HostFailed) else result_of(got))
        return got

    def _child(self, followed: _Followed, name: str, address: str) -> Span:
        context = trace.set_span_in_context(followed.span, _ROOT)
        return self._tracer.start_span(name, context, SpanKind.CLIENT, {"server.address": address})

    def _links(self, record: Record) -> tuple[Link, ...]:
        """To the span that produced it; none if the header is missing or is not as the W3C says."""
        for name, value in reversed(record.headers):
            if name == _TRACEPARENT:
                if value is None or len(value) > _TRACEPARENT_MAX or not value.isascii():
                    return ()
                carrier = {_TRACEPARENT: value.decode("ascii")}
                found = trace.get_current_span(self._propagator.extract(carrier, _ROOT)).get_span_context()
                return (Link(found),) if found.is_valid else ()
        return ()


async def _within(span: Span, answer: Awaitable[T]) -> T:
    """The answer, awaited while `span` is the task's; cut off, it ends so."""
    before = _current.set(_ids(span))
    try:
        return await answer
    except BaseException:
        _close(span, "cancelled")
        raise
    finally:
        _current.reset(before)


def _close(span: Span, error: str | None) -> None:
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(_FAILED)
    span.end()


def _end(followed: _Followed, outcome: str) -> None:
    followed.span.set_attribute(OURS + "outcome", outcome)
    followed.span.end()


def _ids(span: Span) -> TraceIds:
    context = span.get_span_context()
    return TraceIds(trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id))
