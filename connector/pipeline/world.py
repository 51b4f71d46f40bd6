"""What a pipeline is given: the adapters it acts through, and its bounds and waits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.core.circuit import CircuitPolicy
from connector.core.mapping import MappingSet
from connector.core.outcome import RetryPolicy
from connector.core.pacing import RateLimits
from connector.pipeline.dead_letters import DeadLetterPolicy
from connector.ports import (
    Clock,
    DeadLetterSink,
    EventLog,
    FileSource,
    MapperCalls,
    NoTracing,
    Offsets,
    SchemaSource,
    Sender,
    Telemetry,
    Tracing,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The adapters, started by `app` before the first call and closed after the last."""

    mappings: MappingSet
    """Those of the start: see `Pipeline.swap`."""
    schemas: SchemaSource
    sender: Sender
    dead_letters: DeadLetterSink
    offsets: Offsets
    clock: Clock
    telemetry: Telemetry
    log: EventLog
    files: FileSource | None = None
    """Fetches what records only name; None: nothing is fetched, as in tests of other things."""
    tracing: Tracing = field(default_factory=NoTracing)
    mapper_calls: MapperCalls | None = None
    """Where Python mappers are called; None: in place, on the event loop, as tests of other things do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Bounds and waits. Seconds, unless the name says otherwise; bounds are per partition, if nothing else is said."""

    dead_letters: DeadLetterPolicy
    in_flight: int = 64
    """Of the whole process."""
    partition_records: int = 1000
    partition_bytes: int = 16 * 2**20
    request_deadline_s: float = 15.0
    """A request may still arrive for so long after it was cut off."""
    takeover_s: float | None = None
    """See `takeover_wait_s`; None: a request deadline."""
    session_timeout_s: float = 45.0
    """How long the group's coordinator keeps a member that is silent."""
    calls_remembered: int = 50_000
    """Of the whole process too: calls whose state is known, so that a change that Front drops is noticed."""
    commit_interval_s: float = 1.0
    probe_interval_s: float = 60.0
    registry_retry_cap_s: float = 10.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    rate_limits: RateLimits = field(default_factory=RateLimits)
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    base_urls: Mapping[str, str] = field(default_factory=dict)
    """App -> its base URL: apps with the same one share a circuit."""

    @property
    def takeover_wait_s(self) -> float:
        """From the claim of a partition that was not released to its first request: the former owner's have ended by then."""
        return self.request_deadline_s if self.takeover_s is None else self.takeover_s
