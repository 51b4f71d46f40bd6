"""A collector of traces: a real HTTP server on loopback that decodes what comes by OTLP's own protobuf definitions.

It knows nothing of the SDK that sends. Source: OpenTelemetry protocol specification, "OTLP/HTTP".
"""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Value: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened within a span."""

    name: str
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class GotSpan:
    """A span as it arrived. Ids are hexadecimal; `parent` is "" for a root. `links`: (trace id, span id)."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent: str
    links: tuple[tuple[str, str], ...]
    attributes: Mapping[str, Value]
    events: tuple[Event, ...]
    error: bool
    start_ns: int
    end_ns: int
    resource: Mapping[str, Value]


@dataclass(slots=True)
class Collector:
    """What came, and how it answers from now on. `status` 0: never."""

    port: int
    status: int = 200
    spans: list[GotSpan] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    """All bodies, in which a text would be readable."""
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    _let_go: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        """As it is configured."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> int:
        """How many came, whatever was answered."""
        return len(self.paths)

    def of(self, span: GotSpan) -> list[GotSpan]:
        """The children of a span, in the order in which they began."""
        children = [one for one in self.spans if (one.trace_id, one.parent) == (span.trace_id, span.span_id)]
        return sorted(children, key=lambda one: one.start_ns)

    def record(self, topic: str, offset: int, partition: int = 0) -> list[GotSpan]:
        """The spans of one record: one for each time that it was taken in hand."""
        place = {
            "messaging.destination.name": topic,
            "messaging.destination.partition.id": str(partition),
            "messaging.kafka.offset": offset,
        }
        return [span for span in list(self.spans) if place.items() <= dict(span.attributes).items()]

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """One request came; the status to answer with."""
        self.headers.append(headers)
        content = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        status = self.status
        if status == 200:
            self.raw += content
            self.spans += _spans(ExportTraceServiceRequest.FromString(content))
        self.paths.append(path)
        if status == 0:
            self._let_go.wait()
        return status

    def let_go(self) -> None:
        """Who is waiting for an answer waits no longer."""
        self._let_go.set()


@contextmanager
def collecting(port: int = 0, status: int = 200) -> Iterator[Collector]:
    """A collector that listens until the end of the block."""
    collector = Collector(port, status)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """One export."""
            body = self.rfile.read(int(self.headers["content-length"]))
            said = {name.lower(): value for name, value in self.headers.items()}
            status = collector.take(self.path, said, body)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    collector.port = server.server_address[1]
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield collector
    finally:
        collector.let_go()
        server.shutdown()
        server.server_close()
        serving.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[GotSpan]:
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope in resource_spans.scope_spans:
            for span in scope.spans:
                yield GotSpan(
                    name=span.name,
                    kind=span.kind,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    attributes=_attributes(span.attributes),
                    events=tuple(Event(one.name, _attributes(one.attributes)) for one in span.events),
                    error=span.status.code == 2,
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                    resource=resource,
                )


def _attributes(pairs: Any) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Value:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
