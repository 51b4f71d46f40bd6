"""One connector process: the real consumer, the real pipeline, and how `connector.app.service` runs and stops them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from confluent_kafka import KafkaException

from connector.adapters.kafka.consumer import KafkaSource
from connector.adapters.kafka.options import SourceOptions
from connector.adapters.kafka.runtime import Runtime
from connector.core.circuit import CircuitPolicy
from connector.core.dead_letter import Origin
from connector.core.mapping import MappingSet
from connector.core.outcome import RetryPolicy
from connector.core.pacing import RateLimits
from connector.core.records import TopicPartition
from connector.pipeline import Pipeline, Policy, World
from connector.pipeline.dead_letters import DeadLetterPolicy
from connector.pipeline.partition import Partition
from connector.ports import StartupRefused
from tests.simulation import laws, operator_laws
from tests.simulation.client import SimClient
from tests.simulation.files import FileHosts, FileSide
from tests.simulation.front import Front
from tests.simulation.kernel import Kernel, Life, Process
from tests.simulation.log import Cluster
from tests.simulation.messages import DEAD_LETTER_TOPIC, ClientWorld
from tests.simulation.operator import Operator, failure
from tests.simulation.plan import Config
from tests.simulation.records import PAYLOAD_SECRET, TOKEN_SECRET
from tests.simulation.services import (
    DeadLetterSide,
    DeadLetterTopic,
    FrontSide,
    Lines,
    MemberClock,
    Quiet,
    Registry,
    RegistrySide,
)
from tests.simulation.thread import PollThread, SimBridge, SimFlag
from tests.simulation.watched import Watched
from tests.simulation.witness import Witness

CLOSE_S = 10.0
"""As in connector.app.service."""
COMMIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all members share."""

    kernel: Kernel
    random: Random
    config: Config
    mappings: MappingSet
    client_world: ClientWorld
    front: Front
    letters: DeadLetterTopic
    registry: Registry
    files: FileHosts
    witness: Witness
    operator: Operator


class Ids:
    """Implements `protocols.Answer`: the topics' ids as they are when the answer is made."""

    def __init__(self, thread: PollThread, cluster: Cluster, topics: Sequence[str], delay: float) -> None:
        self._thread = thread
        self._cluster = cluster
        self._topics = topics
        self._at = thread.process.kernel.now + delay

    def done(self) -> bool:
        return self._thread.process.kernel.now >= self._at

    def result(self) -> dict[str, str]:
        if not self.done():
            self._thread.block(self._at - self._thread.process.kernel.now)
        ids = self._cluster.log_ids
        return {topic: ids[topic] for topic in self._topics if topic in ids}


class Member:
    """A place for a process: started, stopped, crashed and started again."""

    def __init__(self, name: str, skew: float, around: Surroundings) -> None:
        self.name = name
        self.skew = skew
        self.around = around
        self.incarnation = 0
        self.process: Process | None = None
        self.client: SimClient | None = None
        self.pipeline: Pipeline
        self.source: KafkaSource
        self.stopping = False
        self.obeys = False
        """It has read the control setting, and hears of what comes."""
        self._stopped_at = 0.0
        self._frozen_for = 0.0

    @property
    def running(self) -> bool:
        """Its process lives and is not frozen."""
        return self.process is not None and self.process.life is Life.RUNNING

    @property
    def alive(self) -> bool:
        """Its process lives."""
        return self.process is not None and self.process.life is not Life.DEAD

    # --- life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new process."""
        if self.alive:
            return
        around = self.around
        kernel = around.kernel
        self.incarnation += 1
        process = Process(kernel, f"{self.name}.{self.incarnation}", 100.0 * self.incarnation, self._failed)
        self.process, self.client, self.stopping = process, None, False
        self.obeys = False
        # Of this process, and there before its loop has taken a step: a stop may come as soon as it was started.
        self.stop_asked = asyncio.Event()
        self._frozen_for = 0.0
        self.thread = PollThread(process)
        self.clock = MemberClock(process, around.random, self.skew)
        self.registry = RegistrySide(around.registry)
        self.files = FileSide(process, around.files, around.witness, around.config.files_room)
        around.witness.watched[process] = Watched(process, self.registry, self.files)
        lines = Lines(process, (PAYLOAD_SECRET, TOKEN_SECRET), around.witness)
        self._build(process, lines)
        kernel.trace(process.name, "starts")
        process.loop.call_soon(self._live, process)

    def _build(self, process: Process, lines: Lines) -> None:
        around, config = self.around, self.around.config
        runtime = Runtime(
            client=self._make_client,
            topic_ids=lambda _: self._ask_ids,
            bridge=lambda _: SimBridge(self.thread),
            flag=lambda: SimFlag(self.thread),
            spawn=self.thread.spawn,
            monotonic=self.clock.monotonic,
            wall=self.clock.wall,
        )
        topics = around.mappings.topics
        options = SourceOptions(
            properties={},
            connection={},
            topics={name: topic.start for name, topic in topics.items()},
            on_missing_offset={name: topic.on_missing_offset for name, topic in topics.items()},
            dead_letter_topic=DEAD_LETTER_TOPIC,
            revoke_bound_s=config.revoke_bound,
        )
        self.source = KafkaSource(options, lines, lambda _: None, runtime)
        self.world = World(
            mappings=around.mappings,
            schemas=self.registry,
            sender=FrontSide(process, around.front, self.clock, self.files),
            files=self.files,
            dead_letters=DeadLetterSide(process, around.letters),
            offsets=self.source,
            clock=self.clock,
            telemetry=Quiet(),
            log=lines,
        )
        self.policy = Policy(
            dead_letters=DeadLetterPolicy(
                Origin(connector="simulated", instance=process.name, version="0"), base_s=0.1, cap_s=1.0
            ),
            in_flight=config.in_flight,
            partition_records=config.partition_records,
            request_deadline_s=config.deadline,
            session_timeout_s=config.session,
            commit_interval_s=config.commit_interval,
            probe_interval_s=1.5,
            registry_retry_cap_s=1.0,
            retry=RetryPolicy(base_s=0.1, cap_s=1.5, attempts=config.attempts, not_found_grace_s=2.0),
            rate_limits=RateLimits(
                company_per_minute=config.company_per_minute, channel_per_second=config.channel_per_second
            ),
            circuit=CircuitPolicy(
                failing_keys=2,
                window_s=6.0,
                open_s=0.3,
                open_cap_s=2.0,
                closes_after=2,
                probe_patience_s=2 * config.deadline,
            ),
            base_urls={"main": "https://front.simulated"},
        )

    def _make_client(self, properties: Any) -> SimClient:
        around = self.around
        self.client = SimClient(properties, self.thread, around.client_world, around.random)
        return self.client

    def _ask_ids(self, topics: Sequence[str]) -> Ids:
        return Ids(
            self.thread, self.around.client_world.cluster, topics, self.around.random.uniform(0.002, 0.03)
        )

    def _live(self, process: Process) -> None:
        process.loop.create_task(self._main(process)).add_done_callback(self._ended)

    async def _main(self, process: Process) -> None:
        """See `connector.app.service._Service._run`."""
        self.pipeline = pipeline = Pipeline(self.world, self.policy)
        self.obeys = True
        self.obey()
        source = self.source
        async with asyncio.TaskGroup() as outer:
            consuming = outer.create_task(source.run(pipeline))
            try:
                async with asyncio.TaskGroup() as tasks:
                    living = tasks.create_task(pipeline.run())
                    stopping = tasks.create_task(self.stop_asked.wait())
                    await asyncio.wait((living, consuming, stopping), return_when=asyncio.FIRST_COMPLETED)
                    if consuming.done():
                        await pipeline.stop(0.0)
                    else:
                        source.pause_all()
                        clean = await pipeline.stop(self.around.config.drain)
                        self.around.witness.stopped(process, clean=clean)
                    stopping.cancel()
            except Exception as error:
                self._ends_with(error)
                source.abandon()
                await self._left(consuming)
                raise
            source.close()
            await self._left(consuming)

    async def _left(self, consuming: "asyncio.Task[None]") -> None:
        await asyncio.wait((consuming,), timeout=CLOSE_S)
        if not consuming.done():
            self.around.kernel.trace(self.name, "the client does not close: the process exits")
            loop = asyncio.get_running_loop()
            loop.call_soon(self._exit)
            await loop.create_future()

    def _ended(self, main: "asyncio.Task[None]") -> None:
        error = None if main.cancelled() else main.exception()
        if error is not None:
            self._ends_with(error)
        elif self.stopping:
            config = self.around.config
            took = self.around.kernel.now - self._stopped_at - self._frozen_for
            bound = config.drain + COMMIT_S + CLOSE_S + 1.0
            laws.law_09_a_stop_ends(self.around.witness, self.name, took, bound)
        self._exit()

    def _ends_with(self, error: BaseException) -> None:
        if not self.alive:
            return
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self.around.kernel.trace(self.name, f"ends: {error!r}")
        if not isinstance(error, StartupRefused | KafkaException | asyncio.CancelledError):
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        if self.around.kernel.lines is not None:
            import traceback

            self.around.kernel.lines.extend(traceback.format_exception(error))
        self.around.witness.broken(0, f"a defect in {self.name}: {error!r}")

    # --- what is done to it -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """SIGTERM."""
        if self.alive and not self.stopping:
            assert self.process is not None
            self.stopping = True
            self._stopped_at = self.around.kernel.now
            self.around.witness.watched[self.process].stopping = self._stopped_at
            self.process.after(0.0, self.stop_asked.set)

    def crash(self) -> None:
        """kill -9. The kernel sends what was handed to it; the coordinator hears nothing more."""
        if self.alive:
            self._exit()

    def _exit(self) -> None:
        process = self.process
        if process is None or process.life is Life.DEAD:
            return
        self.around.kernel.trace(process.name, "is dead")
        process.kill()
        if self.client is not None:
            self.client.die()
        # Not from within its own loop: its thread is thrown away from outside.
        self.around.kernel.after(0.0, self.thread.kill)

    def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        process = self.process
        if process is None or process.life is not Life.RUNNING:
            return
        process.freeze()
        self._frozen_for += seconds
        if self.client is not None:
            self.client.was_frozen = True
            self.client.world.group.silent(self.client)
        self.around.kernel.after(seconds, self._thaw, process)

    def _thaw(self, process: Process) -> None:
        if process.life is Life.FROZEN:
            process.thaw()
            self.around.kernel.trace(process.name, "thaws")
            if self.client is not None:
                self.client.thawed()

    def obey(self) -> None:
        """What the control setting says now."""
        assert self.process is not None
        watched = self.around.witness.watched[self.process]
        if self.around.operator.paused:
            self.pipeline.pause()
            watched.paused_at = self.around.kernel.now if watched.paused_at is None else watched.paused_at
        else:
            watched.paused_at = None
            self.pipeline.resume()

    def asked(self, task: "asyncio.Task[None]") -> None:
        """A defect of it is one of the product."""
        task.add_done_callback(
            lambda ended: None if (error := failure(ended)) is None else self._failed(error)
        )

    async def settle(self, tp: TopicPartition, offset: int) -> None:
        """An operator has asked this process to."""
        assert self.process is not None
        watched = self.around.witness.watched[self.process]
        watched.by_hand.add((tp, offset))
        answer = await self.pipeline.by_hand.settle(tp, offset, "by an operator", 3.0)
        self.around.kernel.trace(self.process.name, f"{tuple(tp)}@{offset} by hand: {answer}")
        operator_laws.law_17_settled_by_hand(self.around.witness, watched, tp, offset, answer)

    # --- what it is doing -------------------------------------------------------------------------------------

    def states(self) -> list[str]:
        """Which of `plan.STATES` it is in now: "idle" if in no other."""
        return [state for state in BUSY if self.is_in(state)] or [self._rest()]

    def is_in(self, state: str) -> bool:
        """Whether it is in that state now."""
        if not self.alive or not self.source.joined or self.client is None:
            return state == "starting"
        busy = BUSY.get(state)
        if busy is not None:
            return busy(self)
        return state == self._rest() == "idle" and not any(busy(self) for busy in BUSY.values())

    def _rest(self) -> str:
        started = self.alive and self.source.joined and self.client is not None
        return "idle" if started else "starting"


def _some(member: Member, what: Callable[[Partition], object]) -> bool:
    return any(what(part) for part in member.pipeline.partitions.values())


BUSY: dict[str, Callable[[Member], bool]] = {
    "stopping": lambda member: member.stopping,
    "draining": lambda member: member.client is not None and member.client.in_callback == "revoke",
    "committing": lambda member: member.client is not None and member.client.in_commit,
    "claiming": lambda member: _some(member, lambda part: not part.claimed),
    "awaiting owner": lambda member: _some(member, lambda part: part.claimed and not part.opened),
    "in flight": lambda member: member.pipeline.dispatch.in_flight > 0,
    "backing off": lambda member: bool(member.pipeline.blocked),
    "held": lambda member: bool(member.pipeline.holds.active),
    "circuit open": lambda member: bool(member.pipeline.circuits.active(member.clock.monotonic())),
    "paused": lambda member: _some(member, lambda part: part.paused),
    "dead-lettering": lambda member: member.pipeline.dead_letters._writing > 0,
    "awaiting schema": lambda member: _some(member, lambda part: part.fetching is not None),
    "fetching": lambda member: _some(member, lambda part: part.fetches),
}
"""How each of `plan.STATES` but the first two is seen."""
