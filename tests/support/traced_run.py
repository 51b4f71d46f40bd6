"""One run of the service that is watched from all sides: what it did to a dozen records, and everything that it said.

Each record is wrong in its own way, or fine; each carries the word CANARY wherever a record, an answer or a secret can
carry a word. Broker and registry are the embedded ones, Front is the simulator, the collector decodes real OTLP.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from confluent_kafka import Message, Producer

from connector.demo.broker import EmbeddedBroker
from connector.demo.companies import companies_of
from connector.demo.estate import DEAD_LETTER_TOPIC, SECRET, Estate
from connector.demo.events import TOPICS
from connector.demo.events import Accepted as Expected
from connector.demo.records import Event
from connector.demo.registry import running_registry
from connector.simulator.server import Simulator, running
from connector.simulator.switches import Switches
from tests.support.estates import Publisher, read_topic, world
from tests.support.otlp import Collector, collecting
from tests.support.service import Service, eventually

TOPIC: Final = "messaging.messages.v1"
CANARY: Final = "CANARY"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"

GOOD, PLAIN, MALFORMED, RETRIED, LOST, NOISE = "good", "plain", "malformed", "retried", "lost", "noise"
REJECTED, UNKNOWN_SCHEMA, CUT, NO_LINE, NO_FILE = "rejected", "unknown-schema", "cut", "no-line", "no-file"
HELD: Final = "held"
DEAD: Final = (REJECTED, UNKNOWN_SCHEMA, CUT, NO_LINE, NO_FILE)
KINDS: Final = (GOOD, PLAIN, MALFORMED, RETRIED, LOST, NOISE, *DEAD, HELD)
"""In the order of their offsets. HELD is the only one that is not settled when the run ends."""

_FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"effect": "status", "status": 503, "external_id": f"^{CANARY}-{RETRIED}", "times": 2},
    {"effect": "drop_after", "external_id": f"^{CANARY}-{LOST}", "times": 1},
    {"effect": "garbage_body", "external_id": f"^{CANARY}-{NOISE}", "times": 1},
    {"effect": "status", "status": 422, "external_id": f"^{CANARY}-{REJECTED}",
     "body": {"_error": {"message": f"{CANARY} is no message", "details": [CANARY]}}},
    {"effect": "status", "status": 403, "external_id": f"^{CANARY}-{HELD}", "body": CANARY},
)  # fmt: skip


def traceparent(offset: int) -> tuple[str, str]:
    """The trace and span of whoever produced the record at this offset."""
    return f"{offset + 1:032x}", f"{offset + 1:016x}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What is left of a run."""

    collector: Collector
    log: str
    """All that it wrote on stdout and stderr."""
    lines: list[dict[str, Any]]
    metrics: str
    openmetrics: str
    pages: str
    """What its other routes said."""
    letters: list[Message]
    exit_code: int


def run(folder: Path, collector: Collector) -> Ran:
    """Play it. Takes some seconds."""
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker())
        registry = stack.enter_context(running_registry())
        front = stack.enter_context(running(world(), Switches(dedupe="off")))
        for fault in _FAULTS:
            httpx.post(f"{front.base_url}/_sim/faults", json=fault, trust_env=False).raise_for_status()
        for topic in TOPICS:
            broker.create_topic(topic, 1)
        broker.create_topic(DEAD_LETTER_TOPIC, 1)
        publisher = stack.enter_context(Publisher(broker.bootstrap, registry.url))
        _produce(broker.bootstrap, publisher)
        service = Service(_written(folder, broker.bootstrap, registry.url, front, collector))
        service.start()
        try:
            eventually(lambda: _started(service), 60, "start")
            eventually(lambda: _settled(service) == len(KINDS) - 1, 90, lambda: _said(service))
            eventually(lambda: bool(service.events("hold.started")), 60, "the hold")
            metrics = service.get("/metrics").text
            openmetrics = _openmetrics(service)
            pages = "".join(
                httpx.get(f"{service.admin_url}{path}", trust_env=False).text
                for path in ("/status", "/status.json", "/connectors?expand=status&expand=info")
            )
            pages += service.get("/readyz").text + service.get("/healthz").text
            # States are looked at once a second.
            eventually(lambda: _said_to_run(service), 60, "that it runs is told")
            code = service.terminate()
        finally:
            service.stop()
        letters = read_topic(broker.bootstrap, DEAD_LETTER_TOPIC)
    return Ran(
        collector, service.log.read_text(), service.lines(), metrics, openmetrics, pages, letters, code
    )


@contextmanager
def played(folder: Path) -> Iterator[Ran]:
    """A run, with its collector still there to be asked."""
    with collecting() as collector:
        yield run(folder, collector)


def _written(folder: Path, bootstrap: str, registry: str, front: Simulator, collector: Collector) -> Path:
    (folder / "otlp-headers").write_text(f"authorization=Bearer%20{CANARY}\n")
    tracing = {"enabled": True, "endpoint": collector.endpoint, "headers_file": "otlp-headers"}
    settings = {
        "tracing": tracing,
        "telemetry": {"log_level": "debug"},
        "front": {"hold_probe_s": 3600},
        "attachments": {"hosts": {"allowed.example.com": {}}},
    }
    estate = Estate(bootstrap=bootstrap, registry_url=registry, front_url=front.base_url, settings=settings)
    return estate.write(folder)


def _produce(bootstrap: str, publisher: Publisher) -> None:
    lines = [line for company in companies_of(24) for line in company.chat]
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for offset, kind in enumerate(KINDS):
        value = publisher.encoded(_event(kind, lines[offset].id, lines[offset].channel))
        headers: list[tuple[str, str | bytes | None]] = [(f"x-{CANARY}", CANARY), (CANARY, None)]
        if kind == MALFORMED:
            headers.append(("traceparent", f"00-{CANARY}"))
        elif kind != PLAIN:
            headers.append(("traceparent", "00-{}-{}-01".format(*traceparent(offset))))
        headers.append(("tracestate", f"{CANARY}={CANARY}"))
        payload = {UNKNOWN_SCHEMA: f"\x00\x00{CANARY}".encode(), CUT: value[:-8]}.get(kind, value)
        producer.produce(
            TOPIC, payload, f"{CANARY}-{kind}", headers=headers, timestamp=int(time.time() * 1000)
        )
        producer.flush()


def _event(kind: str, line: str, channel: str) -> Event:
    url = f"https://files.example.com/{CANARY}/file.jpg?signature={CANARY}"
    file = {"name": f"{CANARY}.jpg", "content_type": "image/jpeg", "content": None, "url": url}
    value = {
        "event_id": f"{CANARY}-{kind}",
        "occurred_at": 1_793_692_800_000,
        "line_id": f"{CANARY}-line" if kind == NO_LINE else line,
        "conversation_id": f"{CANARY}-{kind}",
        "message_id": f"{CANARY}-{kind}",
        "subject": f"{CANARY} subject",
        "text": f"{CANARY} text",
        "text_format": "PLAIN",
        "in_reply_to": None,
        "sender": {"address": f"+1555{CANARY}", "display_name": CANARY, "email": f"{CANARY}@mail.example"},
        "attachments": [file] if kind == NO_FILE else [],
    }
    return Event(
        topic=TOPIC, key=kind, schema_name="messaging.MessageReceived", value=value, at_ms=0,
        company="", channel=channel, expected=Expected(()),
    )  # fmt: skip


def _said_to_run(service: Service) -> bool:
    return any(one["state"] == "running" for one in service.events("state.changed"))


def _started(service: Service) -> bool:
    return service.log.exists() and bool(service.events("connector.started"))


def _settled(service: Service) -> float:
    assert service.running, service.log.read_text()[-3000:]
    return service.metric("front_connector_records_processed_total")


def _said(service: Service) -> str:
    return f"{_settled(service)} of {len(KINDS) - 1} settled: {service.log.read_text()[-3000:]}"


def _openmetrics(service: Service) -> str:
    port = service.events("connector.started")[-1]["port"]
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": OPENMETRICS}, trust_env=False)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    return answer.text


def leaks(text: str) -> list[str]:
    """Where the word, or Front's secret, stands in a text: some characters around each."""
    found = []
    for word in (CANARY, CANARY.lower(), SECRET):
        at = text.find(word)
        while at >= 0:
            found.append(text[max(0, at - 80) : at + 40])
            at = text.find(word, at + 1)
    return found


def headers_of(letter: Message) -> dict[str, str]:
    """What we wrote beside a dead letter; what the record itself carried is left out."""
    own = ("__connect.errors.", "front.")
    # What Front said stands in the letter on purpose: docs/dead-letters.md.
    pairs: Any = letter.headers() or ()
    return {
        name: json.dumps((value or b"").decode()) if isinstance(value, bytes) else str(value)
        for name, value in pairs
        if name.startswith(own) and name != "front.details"
    }
