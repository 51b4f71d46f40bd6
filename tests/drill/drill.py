"""The drill: every stage at once, calm first, then each fault, and what Prometheus says of it.

What lives here: the order of it, and the record of what fired where and when. Nothing is judged.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.drill.faults import FAULTS, Fault, certificate
from tests.drill.scaled import scaled
from tests.drill.stage import Sleeper, Stage, Traffic, begin, staged
from tests.support.kafka import Kafka
from tests.support.prometheus import Alert, Prometheus, Target

RULES = Path(__file__).parents[2] / "helm" / "front-connector" / "rules" / "front-connector.yaml"
PREFIX = "FrontConnector"
CALM, ORDINARY = "calm", "ordinary"
CALM_S = 30.0
"""How long every stage runs well before its fault; the calm one goes on to the end."""
PATIENCE_S = 300.0
"""How long is waited for alerts; the slowest takes a minute."""
_LOOK_EVERY_S = 0.5


@dataclass(slots=True)
class Seen:
    """What was seen. Alerts without their prefix, by namespace."""

    fired: dict[tuple[str, str], float] = field(default_factory=dict)
    """When each fired first, seconds after its stage's fault struck."""
    early: set[tuple[str, str]] = field(default_factory=set)
    """What fired in a stage before its fault, or in one that has none."""
    texts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """The annotations of each alert that fired, as people get them."""
    broken: dict[str, str] = field(default_factory=dict)
    """Rules that Prometheus could not evaluate."""
    calm_s: float = 0.0
    """For how long the stages without a fault were watched."""
    failed: list[str] = field(default_factory=list)
    """Faults that could not be injected, and why."""
    late_s: float = 0.0
    """By how much something that only sleeps woke late at worst: whether this machine had a CPU for everybody."""

    def note(self, alert: Alert, stage: Stage) -> None:
        """An alert fires now."""
        at = (stage.name, alert.name.removeprefix(PREFIX))
        self.texts.setdefault(at[1], alert.annotations)
        if stage.struck_at is None:
            self.early.add(at)
        elif at not in self.early:
            self.fired.setdefault(at, time.time() - stage.struck_at)

    def missing(self, faults: Mapping[str, Fault]) -> set[tuple[str, str]]:
        """What should fire and has not."""
        return {(name, alert) for name, fault in faults.items() for alert in fault.alerts} - self.fired.keys()


class Watch:
    """The servers: one at a sixtieth of the times, others for what would take too long, or a busy machine would bring about."""

    def __init__(self, servers: Mapping[int, Prometheus], stages: Mapping[str, Stage]) -> None:
        self._servers = servers
        self._stages = stages
        self._targets: dict[int, tuple[Target, ...]] = {}

    def targets(self) -> None:
        """Tell each who is there now: a process that was started again may have another port."""
        for pace, server in self._servers.items():
            those = [stage for name, stage in self._stages.items() if _pace(name) == pace]
            now = tuple(target for stage in those for target in stage.targets())
            if now != self._targets.get(pace):
                self._targets[pace] = now
                server.watch(*now)

    def look(self, seen: Seen) -> None:
        """Note what fires."""
        self.targets()
        for server in self._servers.values():
            for alert in server.alerts():
                if alert.state == "firing" and (stage := self._stages.get(alert.labels.get("namespace", ""))):
                    seen.note(alert, stage)
            seen.broken |= server.broken_rules()


def _pace(name: str) -> int:
    return 10 if name == ORDINARY else FAULTS[name].pace if name in FAULTS else 60


def play(program: Path, kafka: Kafka, folder: Path, faults: Mapping[str, Fault] = FAULTS) -> Seen:
    """All of it; some three minutes."""
    seen = Seen()
    with ExitStack() as stack:
        stages = {
            name: stack.enter_context(
                staged(
                    name,
                    folder,
                    partitions=fault.partitions,
                    kafka=kafka if fault.kafka == "real" else None,
                    **fault.mapping,
                )
            )
            for name, fault in faults.items()
        }
        stages[CALM] = stack.enter_context(staged(CALM, folder))
        stages[ORDINARY] = stack.enter_context(staged(ORDINARY, folder, kafka=kafka))
        _backlog(stages[ORDINARY])
        begin(
            [
                *(
                    stages[name].add(fault.settings(stages[name]))
                    for name, fault in faults.items()
                    if fault.starts
                ),
                stages[CALM].add(certificate(stages[CALM], days=365)),
                stages[ORDINARY].add(),
                stages[ORDINARY].add(),
            ]
        )
        servers = {pace: stack.enter_context(_server(program, folder, pace)) for pace in (240, 60, 10)}
        watch = Watch(servers, stages)
        watch.targets()
        for server in servers.values():
            server.wait_scraped()
        traffic = stack.enter_context(Traffic(stages))
        sleeper = stack.enter_context(Sleeper())
        for name, stage in stages.items():
            if name not in faults or faults[name].traffic:
                stage.tick = stage.message
        began = time.monotonic()
        while time.monotonic() < began + CALM_S:
            _look(watch, seen, traffic)
        with _struck(stages, faults, seen):
            until = time.monotonic() + PATIENCE_S
            while seen.missing(faults) and time.monotonic() < until:
                _look(watch, seen, traffic)
            seen.calm_s = time.monotonic() - began
        seen.late_s = sleeper.late_s
    return seen


def _look(watch: Watch, seen: Seen, traffic: Traffic) -> None:
    assert traffic.failed is None, traffic.failed
    watch.look(seen)
    time.sleep(_LOOK_EVERY_S)


def _backlog(stage: Stage) -> None:
    """Records from before its first start."""
    for _ in range(500):
        stage.message()


def _server(program: Path, folder: Path, pace: int) -> Prometheus:
    rules = folder / f"rules-{pace}.yaml"
    rules.write_text(yaml.safe_dump(scaled(RULES, pace)), "utf-8")
    return Prometheus(program, folder / f"prometheus-{pace}", rules=rules)


@contextmanager
def _struck(stages: Mapping[str, Stage], faults: Mapping[str, Fault], seen: Seen) -> Iterator[None]:
    """Each fault in a thread of its own, and the ordinary life of a release; all have ended with the block."""

    def strike(name: str) -> None:
        try:
            if name == ORDINARY:
                _restart_in_turn(stages[name])
            else:
                stages[name].struck_at = time.time()
                faults[name].strike(stages[name])
        except Exception as error:
            if not stages[name].ended.is_set():
                seen.failed.append(f"{name}: {error!r}")

    threads = [threading.Thread(target=strike, args=(name,), name=name) for name in (*faults, ORDINARY)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for stage in stages.values():
            stage.ended.set()
        for thread in threads:
            thread.join(60)


def _restart_in_turn(stage: Stage) -> None:
    """A rollout: one process after the other ends and is started again, and each waits until the other is ready."""
    for connector in stage.connectors:
        connector.terminate()
        begin([connector])
