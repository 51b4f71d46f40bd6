"""How the service is, as one value: read from the moving parts when somebody asks."""

import asyncio
import time
from dataclasses import dataclass

from connector.adapters.kafka import KafkaSource
from connector.core.status import HoldStatus, PartitionStatus, Snapshot, State
from connector.pipeline import Pipeline
from connector.ports import SchemaSource


@dataclass(slots=True)
class Status:
    """Makes snapshots. `apps` are the configured apps' names."""

    pipeline: Pipeline
    source: KafkaSource
    schemas: SchemaSource
    apps: tuple[str, ...]
    draining: bool = False
    turned_at: float = 0.0
    """When the event loop last turned, monotonic."""

    async def beat(self) -> None:
        """Show that the event loop turns, for ever."""
        while True:
            self.turned_at = time.monotonic()
            await asyncio.sleep(1.0)

    def snapshot(self) -> Snapshot:
        """Now."""
        state, reasons = self._state()
        pipeline = self.pipeline
        blocked = pipeline.blocked.values()
        return Snapshot(
            state=state,
            ready=state in ("running", "paused", "circuit_open"),
            reasons=reasons,
            in_flight=pipeline.dispatch.in_flight,
            queued=pipeline.dispatch.queued,
            requests_in_flight=pipeline.dispatch.in_flight,
            blocked_keys=len(blocked),
            oldest_blocked_wall=min(blocked, default=None),
            holds=self._holds(),
            partitions=tuple(self._partitions()),
            last_accepted_wall=pipeline.last_accepted_wall,
            last_poll_wall=self.source.last_poll_wall,
            schema_cache_entries=self.schemas.entries,
        )

    def _state(self) -> tuple[State, tuple[str, ...]]:
        if self.draining:
            return "draining", ("stopping: what is in flight is awaited",)
        holds = [hold for hold in self.pipeline.holds.active if hold.scope == "app"]
        if holds and {hold.name for hold in holds}.issuperset(self.apps):
            why = [f"Front refuses every request of app {hold.name}: {hold.reason}" for hold in holds]
            return "held_auth", tuple(sorted(why))
        if not self.source.joined:
            return "starting", (self.source.waiting_for,)
        waiting = len(self.pipeline.without_schema)
        return "running", (f"{waiting} partitions wait for the schema registry",) if waiting else ()

    def _holds(self) -> tuple[HoldStatus, ...]:
        since_wall = time.time() - time.monotonic()
        holds = [
            HoldStatus(hold.scope, hold.reason, hold.name, hold.since + since_wall)
            for hold in self.pipeline.holds.active
        ]
        if self.pipeline.dead_letters.held_since is not None:
            held = self.pipeline.dead_letters.held_since
            holds.append(HoldStatus("dead_letter", "unwritable", "dead-letter topic", held))
        for tp, since in list(self.source.missing.items()):
            holds.append(HoldStatus("partition", "offset_missing", f"{tp.topic}-{tp.partition}", since))
        return tuple(holds)

    def _partitions(self) -> list[PartitionStatus]:
        made = [
            PartitionStatus(
                part.tp.topic,
                part.tp.partition,
                committed=part.committed.offset if part.committed else None,
                position=part.ledger.position,
                end=part.end,
                unsettled=part.ledger.unsettled,
                paused_reason="backpressure" if part.paused else None,
            )
            for part in self.pipeline.partitions.values()
        ]
        made += [
            PartitionStatus(tp.topic, tp.partition, paused_reason="hold") for tp in list(self.source.missing)
        ]
        return made
