"""A connector that runs, gets into trouble and out of it, with a Prometheus that watches: what the dashboard is tried on.

All is real but Front, which is the simulator, and the broker, which is the embedded one. The phases end when something is
seen, not after a time; `linger_s` is only how long each state is looked at.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS, BadRecord, DemoRecord, channels_table, generate
from connector.demo.registry import EmbeddedRegistry, running_registry
from connector.demo.traffic import Publisher
from connector.simulator.server import running
from connector.simulator.switches import Switches
from tests.dashboard.ask import JOB, NAMESPACE, Phase
from tests.support.certificates import make_certificates
from tests.support.estates import world
from tests.support.prometheus import Prometheus, Target
from tests.support.service import Service, eventually

WITHIN_S = 90.0
"""For each wait. Generous: a machine may be many times slower than the one that this was written on."""
_EVERY_S = 0.08
_FC = "front_connector_"


@dataclass(slots=True)
class Scene:
    """What runs, and the phases that are over."""

    service: Service
    prometheus: Prometheus
    registry: EmbeddedRegistry
    front_url: str
    traffic: "Traffic"
    linger_s: float
    phases: list[Phase] = field(default_factory=list)

    def play(self) -> None:
        """Calm, fault, recovery."""
        self._phase("calm", self._calm)
        self._phase("fault", self._fault)
        self._phase("recovery", self._recovery)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's series, as the connector says now."""
        return self.service.metric(_FC + name, **labels)

    def _phase(self, name: str, play: Callable[[], None]) -> None:
        begin = time.time()
        play()
        self.prometheus.wait_scraped(2, WITHIN_S)
        self.phases.append(Phase(name, begin, time.time()))

    def _calm(self) -> None:
        self.traffic.start()
        eventually(
            lambda: self.metric("records_processed_total", outcome="accepted") > 50, WITHIN_S, "traffic"
        )
        self._linger()

    def _fault(self) -> None:
        # All requests fail: the circuit opens, and what had been taken in hand waits.
        self._faults({"effect": "status", "status": 503})
        self._seen('front_circuit_state{state="open"}', "an open circuit")
        self._seen('state{state="circuit_open"}', "the state circuit_open")
        self._seen("consumer_unsettled_records", "records that wait")
        self._linger()
        # One channel is refused; bad records come; the registry fails while a record names a schema that nobody has seen.
        self._faults(
            {"effect": "status", "status": 401, "channel": self.traffic.busiest},
            {"effect": "status", "status": 500, "share": 0.05},
        )
        self.traffic.bad()
        self._seen('holds{scope="channel"}', "a held channel")
        self._seen("dead_letter_records_total", "dead letters")
        self.traffic.unseen(self.registry)
        self._seen('schema_registry_requests_total{status="503"}', "a registry that fails")
        self._seen("blocked_keys", "blocked keys")
        self._linger()

    def _recovery(self) -> None:
        self._faults()
        self.registry.fault = None
        eventually(lambda: self.metric("holds") == 0, WITHIN_S, "the end of the hold")
        eventually(
            lambda: self.metric("front_circuit_state", state="closed") > 0, WITHIN_S, "a closed circuit"
        )
        eventually(lambda: self.metric("blocked_keys") == 0, WITHIN_S, "no blocked key")
        eventually(lambda: self.metric("consumer_unsettled_records") < 5, WITHIN_S, "the end of the backlog")
        self._linger()
        # What is increased over a window is 0 again once the window lies behind the trouble.
        self.prometheus.wait_scraped(7, WITHIN_S)
        self.traffic.stop()
        eventually(lambda: self.metric("consumer_unsettled_records") == 0, WITHIN_S, "nothing that waits")

    def _seen(self, selector: str, what: str) -> None:
        """Until a scrape has caught it since the fault began: what nobody scraped, no panel can show."""
        query = f"max(max_over_time({_FC}{selector}[10m]))"
        eventually(lambda: any(found.value > 0 for found in self.prometheus.query(query)), WITHIN_S, what)

    def _linger(self) -> None:
        self.prometheus.wait_scraped(max(3, round(self.linger_s)), WITHIN_S)

    def _faults(self, *rules: dict[str, Any]) -> None:
        answer = httpx.put(f"{self.front_url}/_sim/faults", json=list(rules), trust_env=False)
        answer.raise_for_status()


def _settings(folder: Path) -> dict[str, Any]:
    """Limits low enough to be felt, back-off short enough to be waited for, and a certificate that has an end."""
    return {
        "front": {
            "rate_limit": {"company_per_minute": 600, "channel_per_second": 3},
            "retry": {"base_s": 0.05, "cap_s": 0.5},
            "hold_probe_s": 2.0,
            "ca_file": str(make_certificates(folder).ca),
        },
    }


class Traffic:
    """Good records without end, a dozen a second, in a thread of its own; others when told."""

    def __init__(self, bootstrap: str, registry_url: str) -> None:
        self._publisher = Publisher(bootstrap, registry_url)
        self._good = generate(seed=5, records=1_000_000, calm=True)
        wrong = [record for record in generate(seed=6, records=400) if isinstance(record, BadRecord)]
        # A record of a type that nobody has seen yet: the connector must ask for its schema.
        self._unseen = next(record for record in wrong if record.kind == "unknown_record")
        self._wrong = [record for record in wrong if record is not self._unseen]
        self.busiest = self._warmed()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def bad(self) -> None:
        """One of each kind of bad record, but the one of an unseen schema."""
        for record in self._wrong:
            self._publish(record, self._publisher.encoded(record))

    def unseen(self, registry: EmbeddedRegistry) -> None:
        """A record by a schema that the connector does not know, from when on the registry answers nothing but 503."""
        value = self._publisher.encoded(self._unseen)
        registry.fault = 503
        self._publish(self._unseen, value)

    def stop(self) -> None:
        """No more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(WITHIN_S)

    def _warmed(self) -> str:
        """Register every schema, so that later no registry is needed; the channel that gets the most."""
        lines: Counter[object] = Counter()
        for record in generate(seed=5, records=2_000, calm=True):
            self._publisher.encoded(record)
            lines[record.value.get("line_id")] += 1
        channels = {row["key"]: row["channel"] for row in channels_table()}
        return next(channels[str(line)] for line, _ in lines.most_common() if str(line) in channels)

    def _run(self) -> None:
        for record in self._good:
            if self._over.wait(_EVERY_S):
                return
            self._publish(record, self._publisher.encoded(record))

    def _publish(self, record: DemoRecord, value: bytes) -> None:
        now_ms = round(time.time() * 1000)
        with self._lock:
            self._publisher.publish_raw(record.topic, record.key.encode(), value, timestamp_ms=now_ms)


@contextmanager
def played(folder: Path, prometheus: Path, linger_s: float = 3.0) -> Iterator[Scene]:
    """The scene when all its phases are over; everything still runs and can be asked. `prometheus`: the program."""
    with (
        EmbeddedBroker() as broker,
        running_registry() as registry,
        running(world(), Switches(dedupe="off", rpm=600, tier_rps=3)) as front,
    ):
        for topic in TOPICS:
            broker.create_topic(topic, 3)
        broker.create_topic(DEAD_LETTER_TOPIC, 1)
        estate = Estate(
            bootstrap=broker.bootstrap,
            registry_url=registry.url,
            front_url=front.base_url,
            settings=_settings(folder),
        )
        service = Service(estate.write(folder))
        traffic = Traffic(broker.bootstrap, registry.url)
        service.start()
        try:
            eventually(lambda: _started(service), WITHIN_S, "the connector's start")
            target = Target(
                address=f"127.0.0.1:{service.events('connector.started')[-1]['port']}",
                namespace=NAMESPACE,
                job=JOB,
                instance="10.0.3.17:8080",
            )
            with Prometheus(prometheus, folder / "prometheus", targets=(target,)) as watching:
                scene = Scene(service, watching, registry, front.base_url, traffic, linger_s)
                eventually(lambda: service.metric(f"{_FC}ready") == 1, WITHIN_S, "readiness")
                watching.wait_scraped(1, WITHIN_S)
                scene.play()
                yield scene
        finally:
            traffic.stop()
            service.stop()


def _started(service: Service) -> bool:
    assert service.running, f"it has ended: {service.lines()[-1]}"
    return bool(service.events("connector.started"))
