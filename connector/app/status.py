"""How the service is, as one value: read from the moving parts when somebody asks."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from connector.adapters.kafka import KafkaSource
from connector.app.clock import SystemClock
from connector.app.control import Control, NoControl
from connector.app.detail import detail
from connector.app.directory import FixedRows, Rows
from connector.app.kafka_files import KafkaFiles
from connector.app.reload import MappingReload
from connector.app.secrets import Secrets
from connector.core.certificates import CertificateName
from connector.core.rolling import RollingMaximum
from connector.core.status import (
    CircuitStatus,
    Detail,
    HoldReason,
    HoldStatus,
    PartitionStatus,
    PauseStatus,
    Snapshot,
    State,
)
from connector.pipeline import Pipeline
from connector.ports import Clock, SchemaSource

BEAT_S = 0.1
LAG_WINDOW_S = 30.0
"""Above the usual interval of scrapes, so that each lag is seen by some scrape."""


@dataclass(slots=True)
class Status:
    """Makes snapshots. `apps` are the configured apps' names."""

    pipeline: Pipeline
    source: KafkaSource
    schemas: SchemaSource
    apps: tuple[str, ...]
    rows: Rows = field(default_factory=FixedRows)
    control: Control = field(default_factory=NoControl)
    config_hash: str = ""
    reload: MappingReload | None = None
    """None: mapping files are read at start only."""
    secrets: Secrets | None = None
    kafka_files: KafkaFiles | None = None
    certificates: Callable[[], tuple[tuple[CertificateName, float], ...]] = lambda: ()
    """See `Snapshot.certificates`."""
    draining: bool = False
    turned_at: float = 0.0
    """When the event loop last turned, monotonic."""
    clock: Clock = field(default_factory=SystemClock)
    """The pipeline's: times of holds and circuits are read against it."""
    late: RollingMaximum = field(default_factory=lambda: RollingMaximum(LAG_WINDOW_S))

    async def beat(self) -> None:
        """Show that the event loop turns, and how late, for ever."""
        while True:
            self.turned_at = time.monotonic()
            await asyncio.sleep(BEAT_S)
            now = time.monotonic()
            self.late.add(self._late(now), now)

    def _late(self, now: float) -> float:
        """By how much the turn that is awaited is late."""
        return max(0.0, now - self.turned_at - BEAT_S) if self.turned_at else 0.0

    def _loop_lag(self) -> float:
        """The worst within the window; a turn that is late while the scrape comes first counts already."""
        now = time.monotonic()
        return max(self.late.over(now) or 0.0, self._late(now))

    def snapshot(self) -> Snapshot:
        """Now."""
        circuits = self._circuits()
        state, reasons = self._state(circuits)
        pipeline = self.pipeline
        parts = pipeline.partitions.values()
        blocked = pipeline.blocked.values()
        return Snapshot(
            state=state,
            ready=state in ("running", "paused", "circuit_open"),
            reasons=reasons,
            in_flight=pipeline.dispatch.in_flight,
            queued=pipeline.dispatch.queued,
            requests_in_flight=pipeline.dispatch.in_flight,
            oldest_in_flight_wall=self._oldest_in_flight(),
            blocked_keys=len(blocked),
            oldest_blocked_wall=min(blocked, default=None),
            holds=self._holds(),
            circuits=circuits,
            paused=self._paused(),
            partitions=tuple(self._partitions()),
            last_accepted_wall=pipeline.last_accepted_wall,
            last_poll_wall=self.source.last_poll_wall,
            connected_brokers=self.source.connected_brokers,
            throttle_wait_s=pipeline.gates.pacing.held_back.seconds(self.clock.monotonic()),
            loop_lag_s=self._loop_lag(),
            certificates=self.certificates(),
            schema_cache_entries=self.schemas.entries,
            channel_rows=self.rows.count,
            unknown_lines=sum(len(part.lines) for part in parts),
            records_without_line=sum(part.records_without_line for part in parts),
            config_hash=self.config_hash,
            mappings_hash=pipeline.taking.mappings.hash,
            mappings_since_wall=None if self.reload is None else self.reload.taken_wall,
            reloaded=tuple(self._reloaded()),
            lease_remaining_s=pipeline.lease_remaining(),
        )

    def detail(self) -> Detail:
        """Now, key by key; see there what it costs."""
        return detail(self.pipeline, self.clock)

    def _state(self, circuits: tuple[CircuitStatus, ...]) -> tuple[State, tuple[str, ...]]:
        if self.draining:
            return "draining", ("stopping: what is in flight is awaited",)
        if self.source.replacing:
            return "draining", ("new credentials need a new Kafka client: what is in flight is awaited",)
        holds = [hold for hold in self.pipeline.holds.active if hold.scope == "app"]
        if holds and {hold.name for hold in holds}.issuperset(self.apps):
            why = [f"Front refuses every request of app {hold.name}: {hold.reason}" for hold in holds]
            return "held_auth", tuple(sorted(why))
        if self.control.paused is not None:
            return "paused", ("an operator has paused every process of the group",)
        if circuits and all(circuit.state != "closed" for circuit in circuits):
            return "circuit_open", (
                "Front does not answer, or fails: one request at a time asks whether it is back",
            )
        for waiting_for in (self.control.waiting_for, self.rows.waiting_for):
            if waiting_for is not None:
                return "starting", (waiting_for,)
        if not self.source.joined:
            return "starting", (self.source.waiting_for, *self._credentials())
        return "running", tuple(self._waits())

    def _waits(self) -> Iterator[str]:
        if silent := self.pipeline.schemas.silent_for:
            why = "; ".join(sorted(set(silent.values())))
            yield f"{len(silent)} partitions wait for the schema registry: {why}"
        remaining = self.pipeline.lease_remaining()
        if remaining is not None and remaining <= 0:
            yield "nothing new is sent: no commit was acknowledged in time (lease)"
        if self.source.heard.refusal is not None:
            yield self.source.heard.refusal
        yield from self._credentials()

    def _credentials(self) -> Iterator[str]:
        """New files of Kafka's that are not in use."""
        if self.kafka_files is not None and self.kafka_files.waiting_for is not None:
            yield self.kafka_files.waiting_for

    def _paused(self) -> PauseStatus | None:
        if (said := self.control.paused) is None:
            return None
        return PauseStatus(said.at_wall, said.by, said.reason)

    def _holds(self) -> tuple[HoldStatus, ...]:
        since_wall = self._since_wall()
        holds = [
            HoldStatus(hold.scope, hold.reason, hold.name, hold.since + since_wall)
            for hold in self.pipeline.holds.active
        ]
        if self.pipeline.dead_letters.held_since is not None:
            held = self.pipeline.dead_letters.held_since
            holds.append(HoldStatus("dead_letter", "unwritable", "dead-letter topic", held))
        assignments = self.source.assignments
        for tp, missing in list(assignments.missing.items()):
            name = f"{tp.topic}-{tp.partition}"
            reason: HoldReason = "another_topic" if missing.fault == "another_topic" else "offset_missing"
            holds.append(HoldStatus("partition", reason, name, missing.since))
        for topic, since in list(assignments.absent.items()):
            holds.append(HoldStatus("topic", "topic_missing", topic, since))
        for topic, since in sorted(self._unknown_lines().items()):
            holds.append(HoldStatus("topic", "unknown_channel", topic, since))
        return tuple(holds)

    def _reloaded(self) -> Iterator[tuple[str, bool]]:
        if self.rows.reloaded is not None:
            yield "channels", self.rows.reloaded
        if self.reload is not None:
            yield "mapping", self.reload.successful
        kinds = dict(self.kafka_files.reloaded) if self.kafka_files is not None else {}
        if self.secrets is not None and self.secrets.reloaded is not None:
            kinds["secret"] = self.secrets.reloaded and kinds.get("secret", True)
        if self.secrets is not None and self.secrets.tls_reloaded_all is not None:
            kinds["ca"] = self.secrets.tls_reloaded_all and kinds.get("ca", True)
        yield from kinds.items()

    def _unknown_lines(self) -> Mapping[str, float]:
        """Topics in which records wait for the row of a line, and since when. Lines are never shown."""
        since: dict[str, float] = {}
        for part in self.pipeline.partitions.values():
            for wait in part.lines.values():
                topic = part.tp.topic
                since[topic] = min(wait.since_wall, since.get(topic, wait.since_wall))
        return since

    def _circuits(self) -> tuple[CircuitStatus, ...]:
        circuits, now = self.pipeline.circuits, self.clock.monotonic()
        opened = {app: circuit for circuit in circuits.active(now) for app in circuit.apps}
        return tuple(
            CircuitStatus(app, opened[app].state, opened[app].since + self._since_wall())
            if app in opened
            else CircuitStatus(app, "closed")
            for app in self.apps
        )

    def _since_wall(self) -> float:
        """To be added to a time of the pipeline's clock."""
        return self.clock.wall() - self.clock.monotonic()

    def _oldest_in_flight(self) -> float | None:
        """Those that a failure or a hold keeps waiting are shown as blocked instead."""
        blocked = self.pipeline.blocked
        begun = (since for slot, since in self.pipeline.dispatch.begun.items() if slot not in blocked)
        oldest = next(begun, None)
        return None if oldest is None else oldest + self._since_wall()

    def _partitions(self) -> list[PartitionStatus]:
        wall = self.clock.wall()
        made = [
            PartitionStatus(
                part.tp.topic,
                part.tp.partition,
                committed=part.committed.offset if part.committed else None,
                position=part.ledger.position,
                end=part.end,
                unsettled=part.ledger.unsettled,
                paused_reason="manual" if self.pipeline.pausing.on else part.paused,
                lag_s=part.lag_s(wall),
            )
            for part in self.pipeline.partitions.values()
        ]
        made += [
            PartitionStatus(tp.topic, tp.partition, paused_reason="hold")
            for tp in list(self.source.assignments.missing)
        ]
        return made
