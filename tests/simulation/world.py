"""One run of one schedule: builds the world, lets records and faults happen, waits for the end, asks the last laws."""

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from connector.core.records import TopicPartition
from tests.simulation import faults, laws
from tests.simulation.classic import ClassicGroup
from tests.simulation.coordinator import Committed, Entry, Group, GroupTimes
from tests.simulation.files import FileHosts
from tests.simulation.front import Front
from tests.simulation.kernel import Kernel
from tests.simulation.laws import Bounds, Violation
from tests.simulation.log import Cluster, PartitionLog, Stored
from tests.simulation.member import Member, Surroundings
from tests.simulation.messages import ClientWorld
from tests.simulation.modern import ConsumerGroup
from tests.simulation.operator import Operator
from tests.simulation.plan import CALM_AT, Fault, Plan, Written
from tests.simulation.records import mappings, value
from tests.simulation.services import DeadLetterTopic, Registry
from tests.simulation.small import AHEAD, BATCH, small
from tests.simulation.witness import Witness

PROGRESS_S = 60.0
"""After the last fault everything must have settled within this."""
WAITS_FOR_STATE_S = 3.0
LOOK_S = 0.5
STRIKE_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a schedule. `struck`: (fault, state in which it struck) -> how often."""

    seed: int
    steps: int
    virtual_s: float
    arrivals: int
    kinds: int
    struck: dict[tuple[str, str], int]
    violation: Violation | None
    trace: list[str] = field(default_factory=list)


class Simulation:
    """A plan that is played."""

    def __init__(self, plan: Plan, *, trace: bool = False) -> None:
        config = plan.config
        self.plan = plan
        self.config = config
        self.kernel = Kernel()
        if trace:
            self.kernel.lines = []
        self.random = Random(plan.seed ^ 0x5EED)
        self.cluster = Cluster()
        for topic, partitions in config.topics:
            self.cluster.create(topic, partitions, f"{topic}0")
        self.witness = Witness(self.kernel, self.cluster, _bounds(plan))
        times = GroupTimes(session=config.session, heartbeat=config.heartbeat, rebalance=config.max_poll)
        topics = [topic for topic, _ in config.topics]
        group = ClassicGroup if config.classic else ConsumerGroup
        self.group: Group = group(self.kernel, Random(plan.seed + 1), self.cluster, times, topics)
        self.group.witness = self.witness
        self.witness.offsets = self.group.offsets
        self.group.metadata_max = config.metadata_max
        records = self.witness.records
        self.front = Front(
            self.kernel, Random(plan.seed + 2), records, self.witness, config.deadline, CALM_AT
        )
        self.letters = DeadLetterTopic(self.kernel, Random(plan.seed + 3), self.witness, records)
        self.registry = Registry(self.kernel, Random(plan.seed + 4))
        self.files = FileHosts(self.kernel, Random(plan.seed + 5), records, config.files_stuck_from)
        self.members: list[Member] = []
        self.operator = Operator(self.kernel, Random(plan.seed + 6), self.members)
        self.members += self._members(topics)
        self.struck: Counter[tuple[str, str]] = Counter()
        self.kinds: set[str] = set()
        self._ended = False
        self._halted = False
        """Everything is stopped: nobody starts before that is over."""
        self.recreated = 0
        """Topics that were made anew so far."""
        self._pending_faults = len(plan.faults)

    def _members(self, topics: list[str]) -> list[Member]:
        config = self.config
        around = Surroundings(
            kernel=self.kernel,
            random=self.random,
            config=config,
            mappings=mappings(tuple(topics), config.start, config.on_missing),
            client_world=ClientWorld(
                kernel=self.kernel,
                cluster=self.cluster,
                group=self.group,
                observer=self.witness,
                classic=config.classic,
                heartbeat=config.heartbeat,
                session=config.session,
                socket=config.session * 0.75,
                max_poll=config.max_poll,
            ),
            front=self.front,
            letters=self.letters,
            registry=self.registry,
            files=self.files,
            witness=self.witness,
            operator=self.operator,
        )
        self._around = around
        return [Member(f"m{number}", config.skews[number], around) for number in range(config.members)]

    # --- the run ----------------------------------------------------------------------------------------------

    def run(self) -> Result:
        """Play it to its end or to the first violation."""
        for written in self.plan.records:
            self.kernel.at(written.at, self._write, written)
        if self.config.foreign:
            self.kernel.at(0.0, self._inherit)
        for fault in self.plan.faults:
            self.kernel.at(fault.at, self._fault, fault, fault.at + WAITS_FOR_STATE_S)
        for member in self.members:
            self.kernel.after(self.random.uniform(0.001, 0.5), member.start)
        self.kernel.at(CALM_AT, self._calm)
        self.kernel.at(LOOK_S, self._look)
        witness = self.witness
        self.kernel.run(lambda: self._ended or witness.violation is not None, CALM_AT + 200.0)
        if witness.violation is None:
            laws.law_01_no_loss(witness)
        self._discard()
        return Result(
            seed=self.plan.seed,
            steps=self.kernel.steps,
            virtual_s=self.kernel.now,
            arrivals=len(self.front.log),
            kinds=len(self.kinds),
            struck=dict(self.struck),
            violation=witness.violation,
            trace=self.kernel.lines or [],
        )

    def _discard(self) -> None:
        """Nothing of it may run any more, however long Python keeps it."""
        for member in self.members:
            if member.alive:
                assert member.process is not None
                member.process.kill()
            if member.process is not None:
                member.thread.kill()
        for process in self.witness.watched:
            process.bury()

    def _write(self, written: Written) -> None:
        log = self.cluster.logs.get(TopicPartition(written.topic, written.partition))
        if log is None:
            return
        n = len(self.witness.records)
        if written.gap:
            log.skip(written.gap)
        stored = Stored(
            n,
            log.tp,
            log.log_id,
            0,
            0,
            written.conversation,
            written.channel,
            written.kind,
            written.schema,
            value(n, written.conversation, written.channel, written.schema, written.files),
            written.files,
        )
        self.witness.written(stored)
        log.append(stored)
        held = self.group.offsets.get(log.tp)
        unnoticed = held is not None and held.leader_epoch is None and stored.offset < held.offset
        if stored.offset < log.start or (log.cut and unnoticed):
            # Written anew below an offset that was committed without a leader epoch: nobody can notice.
            stored.gone = "policy"
        if self.kernel.lines is not None:
            self.kernel.trace("log", f"{tuple(log.tp)}@{stored.offset} = {n} {written.conversation}")

    def _inherit(self) -> None:
        """The group has offsets already, with text that somebody else wrote."""
        for number, log in enumerate(self.cluster.logs.values()):
            text = faults.foreign_text(self, log, 0, self.random.random())
            self.group.offsets[log.tp] = Committed(0, text, None)
            if self.kernel.lines is not None:
                self.kernel.trace("operator", f"{tuple(log.tp)}: 0 {text!r} ({number})")

    def rewrite(self, tp: TopicPartition, records: int, dice: float) -> None:
        """Other records of the same keys follow where some have just been cut off."""
        before = [stored for stored in self.cluster.logs[tp].records if stored.gone == "truncated"]
        for number, stored in enumerate(before[-records:]):
            at = self.kernel.now + dice * 0.4 * number
            kind = "good" if stored.kind == "rejected" else stored.kind
            name = stored.conversation if kind == stored.kind else "c"
            written = Written(at, tp.topic, tp.partition, name, stored.channel, kind, stored.schema, 0)
            self.kernel.at(at, self._write, written)

    # --- faults -----------------------------------------------------------------------------------------------

    def _fault(self, fault: Fault, until: float) -> None:
        living = [member for member in self.members if member.running]
        if not self.cluster.logs or (not living and self.kernel.now < until):
            self._again(fault, until)
            return
        living = living or self.members  # all are down: what concerns a member strikes nobody
        member = living[fault.member % len(living)]
        if fault.when is not None:
            # Whoever is in that state is the one to strike.
            ready = [other for other in living if other.is_in(fault.when)]
            if not ready and self.kernel.now < min(until, CALM_AT - 0.5):
                self._again(fault, until)
                return
            if ready:
                member = ready[fault.member % len(ready)]
        elif self.kernel.now >= CALM_AT:
            return
        states = member.states()
        for state in states:
            self.struck[fault.kind, state] += 1
        self.kinds.add(fault.kind)
        if self.kernel.lines is not None:
            name = member.process.name if member.process else member.name
            self.kernel.trace(
                "FAULT",
                f"{fault.kind} ({fault.seconds:.1f} s, {fault.dice:.3f}) at {name}, which is {states}",
            )
        faults.strike(self, fault, member)

    def _again(self, fault: Fault, until: float) -> None:
        if self.kernel.now < CALM_AT - STRIKE_AGAIN_S:
            self.kernel.steps -= 1  # waiting is no step
            self.kernel.after(STRIKE_AGAIN_S, self._fault, fault, until)

    def scale_up(self) -> None:
        """One more member, three at most... and a fourth that was never there."""
        if len(self.members) < 4:
            number = len(self.members)
            member = Member(f"m{number}", self.config.skews[number], self._around)
            self.members.append(member)
            member.start()

    def start_when_gone(self, member: Member) -> None:
        """Its deployment starts another process when the last has ended."""
        if member.alive or self._halted:
            self.kernel.after(0.2, self.start_when_gone, member)
        else:
            member.start()

    def stop_all(self, then: Callable[[], None]) -> None:
        """Everything is stopped, something is done, everything is started."""
        if self._halted:
            return
        self._halted = True
        for member in self.members:
            member.stop()

        def wait() -> None:
            if any(member.alive for member in self.members) or self.group.members:
                for member in self.members:
                    if member.alive and not member.stopping:
                        member.stop()
                self.kernel.after(0.2, wait)
                return
            self._halted = False
            then()
            for member in self.members:
                member.start()

        wait()

    # --- the end ----------------------------------------------------------------------------------------------

    def _calm(self) -> None:
        self.kernel.trace("CALM", "no more faults")
        self._calm_since = self.kernel.now
        for member in self.members:
            if not member.alive or member.stopping:
                self.start_when_gone(member)
            if member.process is not None:
                member.clock.skew = member.skew

    def _look(self) -> None:
        """From time to time: bounds, and whether everything is done."""
        most = self.config.partition_records + AHEAD * BATCH
        for member in self.members:
            if member.running and member.client is not None:
                for part in member.pipeline.partitions.values():
                    laws.law_05_buffered(self.witness, member.name, part.ledger.unsettled, most)
                laws.law_16_given_back(self.witness, member.files.watched)
        if self.kernel.now > CALM_AT:
            for member in self.members:
                if not member.alive and not self._halted:
                    member.start()  # its deployment starts again what has ended by itself
            open_ = [stored for stored in self.witness.records if not stored.resolved and stored.gone is None]
            behind = self._behind()
            if not open_ and not behind:
                self._ended = True
                return
            waited = self.kernel.now - self._calm_since
            if waited > 4.0 and self._operator():
                self._calm_since = self.kernel.now
            if self.files.stuck_from is not None:
                room, committed = self.config.partition_records, self.group.offsets
                open_, behind = self.files.others(room, committed), []
                if not open_:
                    self.kernel.trace("CALM", "the host of files is mended")
                    self.files.mend()
                    self._calm_since = self.kernel.now
            if waited > PROGRESS_S:
                laws.law_09_progress(self.witness, len(open_), behind, waited)
        self.kernel.after(LOOK_S, self._look)

    def _behind(self) -> list[str]:
        """Partitions whose committed offset is not behind their last record, or is one of the topic that was here before."""
        behind = []
        for log in self.cluster.logs.values():
            held = self.group.offsets.get(log.tp)
            wanted = max((stored.offset + 1 for stored in log.records if stored.gone is None), default=0)
            if wanted > log.start and (held is None or held.offset < wanted or self._is_former(log, held)):
                committed = "nothing" if held is None else f"{held.offset} {held.metadata}".rstrip()
                behind.append(f"{log.tp.topic}/{log.tp.partition} ({committed} instead of {wanted})")
        return behind

    def _is_former(self, log: PartitionLog, held: Committed) -> bool:
        return self.witness.is_former(log, Entry(log.tp, held.offset, held.metadata, held.leader_epoch))

    def _operator(self) -> bool:
        """Partitions that hold because their offset is gone are reset by hand, unless everything is stopped already."""
        missing = {
            tp for member in self.members if member.running for tp in member.source.assignments.missing
        }
        if not missing or self._halted:
            return False
        for tp in sorted(missing & self.cluster.logs.keys()):
            laws.law_15_a_missing_offset_is_missing(self.witness, tp, self.cluster.logs[tp])
        self.kernel.trace("operator", f"resets {sorted(missing)}")

        def reset() -> None:
            for tp in sorted(missing):
                self.group.apply(None, Entry(tp, self.cluster.logs[tp].low, "", None))
            self._calm_since = self.kernel.now

        self.stop_all(reset)
        return True


def _bounds(plan: Plan) -> Bounds:
    config = plan.config
    return Bounds(
        deadline=config.deadline,
        session=config.session,
        max_poll=config.max_poll,
        in_flight=config.in_flight,
        partition_records=config.partition_records,
        attempts=config.attempts,
        revoke=config.revoke_bound,
        whole_maps=config.map_budget is None
        and config.metadata_max >= 4096
        and all(fault.kind != "metadata limit" for fault in plan.faults),
        channel_per_second=config.channel_per_second,
        company_per_minute=config.company_per_minute,
        on_missing=config.on_missing,
        start=config.start,
    )


def play(plan: Plan, *, trace: bool = False) -> Result:
    """Run a plan. The same plan gives the same result."""
    with small(plan.config.map_budget):
        return Simulation(plan, trace=trace).run()


def settle_memory() -> None:
    """What is loaded stays: searching it for garbage would take most of the time."""
    gc.collect()
    gc.freeze()
