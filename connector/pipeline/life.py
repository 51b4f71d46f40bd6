"""The life of a record, from the poll to the commit. Read it top to bottom; the deciders it calls are pure (`core`).

    received -> TakingIn -> _admit -> _start_ready (<-> Attaching) -> _attempt -> _judge -> _settle       (commits.py commits)

Everything here runs on one event loop: no locks. Work whose partition has been revoked meanwhile is answered `STALE`
by its ledger and changes nothing. A defect (an exception nobody expects) ends the task group, and with it the process:
nothing is skipped.
"""

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

from connector.core.answers import Answer, Answered, Unknown
from connector.core.dead_letter import Failure, Stage
from connector.core.dispatch import Dispatch, Slot
from connector.core.key_sample import KeySample
from connector.core.lease import Lease
from connector.core.ledger import Ledger
from connector.core.mapping import MappingSet, Plan, Skip
from connector.core.outcome import (
    Accepted,
    Refused,
    Rejected,
    RetryAt,
    Throttled,
    decide,
    maybe_processed,
)
from connector.core.records import Epoch, Record, TopicPartition
from connector.pipeline.alarm import Alarm
from connector.pipeline.aside import Steps
from connector.pipeline.attaching import Around, Attaching
from connector.pipeline.by_hand import ByHand, Skipping
from connector.pipeline.calls import CallChecks
from connector.pipeline.dead_letters import DeadLetters
from connector.pipeline.ending import Ending, callback
from connector.pipeline.gates import Gates, Leave
from connector.pipeline.intake import Intake
from connector.pipeline.ownership import Ownership
from connector.pipeline.partition import Partition
from connector.pipeline.pausing import Pausing
from connector.pipeline.receiving import Receiving
from connector.pipeline.schemas import Schemas
from connector.pipeline.settling import Settling
from connector.pipeline.taking import TakingIn
from connector.pipeline.work import Work, coordinates, rejection, retry_fields
from connector.pipeline.world import Policy, World
from connector.ports import Assignment


class Pipeline:
    """Implements `ports.RecordSink`. `run` must be running while anything else is called."""

    def __init__(self, world: World, policy: Policy) -> None:
        self._world = world
        self._policy = policy
        self._clock = world.clock
        self._telemetry = world.telemetry
        self._log = world.log
        self._tracing = world.tracing
        self.dispatch: Dispatch[Work] = Dispatch(policy.in_flight)
        self.lease = Lease(policy.session_timeout_s, policy.request_deadline_s)
        self.ownership = Ownership(world, self.lease, self.dispatch, self._start_ready)
        self.partitions = self.ownership.partitions
        self.gates = Gates(world, policy, self.dispatch.wake_lanes)
        self.holds, self.circuits = self.gates.holds, self.gates.circuits
        self.dead_letters = DeadLetters(
            world.dead_letters, policy.dead_letters, world.clock, world.telemetry, world.log
        )
        self.blocked: dict[Slot[Work], float] = {}
        """Keys whose first record waits after a failure or in a hold, and the wall time since when."""
        self.pausing = Pausing()
        self._intake = Intake(world, policy, self.blocked, self.pausing)
        self.schemas = Schemas(
            world.schemas, policy.registry_retry_cap_s, world.clock, world.telemetry, world.log
        )
        steps = Steps(self.ownership.tasks, self._admit, self._start_ready, self.pausing)
        self.taking = TakingIn(world, self.schemas, steps)
        self._settling = Settling(world, self.partitions, self._intake, self.taking.settled)
        self._receiving = Receiving(world, self.partitions, self._reread)
        self._key_sample = KeySample()
        give_up = lambda part, *given: self.ownership.spawn(part, self._give_up(*given))  # noqa: E731
        around = Around(self._note_failure, give_up, self._start_ready, self.gates.probed, self.pausing)
        self._attaching = Attaching(world, policy.retry, self.dispatch, self.ownership.tasks, around)
        spawn, now = self.ownership.spawn, self._clock.monotonic
        skipping = Skipping(self._give_up, self._dead_letter, spawn, self._start_ready, now)
        self.by_hand = ByHand(self.ownership, self.dispatch, self.taking, self._attaching, skipping)
        self.ownership.gone = self._attaching.forget
        self._calls = CallChecks(world, lambda: self.taking.mappings, policy.calls_remembered)
        self.last_accepted_wall: float | None = None
        self._accepted_at: dict[str, float] = {}  # app -> when it last accepted, monotonic
        self._alarm = Alarm(self._woken)
        self._out_of_lease = False
        self._stopping = False
        self.ending = Ending()

    async def run(self) -> None:
        """Live until `stop`. A defect in any task or callback is raised here, as an exception group."""
        try:
            async with self.ownership.tasks as tasks:
                commits = tasks.create_task(self.ownership.committer.run(self._policy.commit_interval_s))
                await self.ending.wait()
                commits.cancel()
                self.ownership.end()
        finally:
            self._alarm.set(None, 0.0)  # nothing may start any more

    async def stop(self, bound_s: float) -> bool:
        """Start nothing more, drain within `bound_s`, commit as released. True when nothing had to be cut off."""
        self._stopping = True
        clean = await self.ownership.release(list(self.partitions), bound_s)
        self.ending.tell()
        return clean

    def lease_remaining(self) -> float | None:
        """Seconds for which requests may start without another acknowledged commit; None when nothing is owned."""
        return self.lease.remaining(self._clock.monotonic()) if self.partitions else None

    # --- an operator pauses and resumes -------------------------------------------------------------------------

    @callback
    def pause(self) -> None:
        """Begin nothing more, whatever partitions come; what is under way ends (see `pausing`)."""
        if not self.pausing.on:
            self.pausing.begin()
            self._attaching.give_back_waiting()
            self._intake.pause(self.partitions.values())

    @callback
    def resume(self) -> None:
        """Go on where it was paused."""
        if self.pausing.on:
            self.pausing.end()
            self._intake.resume(self.partitions.values())
            self.taking.resume(self.partitions.values())
            self._start_ready()

    # --- partitions come and go -------------------------------------------------------------------------------

    @callback
    def assigned(self, assignments: Sequence[Assignment]) -> None:
        """See `ports.RecordSink.assigned`. While stopping nothing new is taken."""
        if not self._stopping:
            self.ownership.assign(assignments, self._policy.takeover_wait_s)
            if self.pausing.on:
                self._intake.pause(self.partitions[given.tp] for given in assignments)
            self._telemetry.rebalance("assigned")

    async def revoke(self, partitions: Sequence[TopicPartition], bound_s: float) -> None:
        """See `ports.RecordSink.revoke`. Back-offs are not waited for."""
        try:
            await self.ownership.release(partitions, bound_s)
        finally:  # also when the caller waits no longer
            self._unblock(partitions)
            self._telemetry.rebalance("revoked")

    @callback
    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """See `ports.RecordSink.lost`."""
        self.ownership.lose(partitions)
        self._unblock(partitions)
        self._telemetry.rebalance("lost")

    def _unblock(self, partitions: Sequence[TopicPartition]) -> None:
        for slot in [slot for slot in self.blocked if slot.tp in partitions]:
            del self.blocked[slot]

    # --- poll -> decode -> map --------------------------------------------------------------------------------

    @callback
    def received(self, records: Sequence[Record]) -> None:
        """Take records in hand. Those of a closed epoch, and those that a former owner settled, end here."""
        for part in self._receiving.take(records):
            self.taking.take_in(part)
            self._intake.taken(part)
        self._start_ready()

    @callback
    def reached_end(self, tp: TopicPartition, epoch: Epoch, offset: int) -> None:
        """See `ports.RecordSink.reached_end`."""
        part = self.partitions.get(tp)
        if part is not None and not part.closing and part.epoch == epoch:
            part.ledger.advance(offset)
            part.heard_end(offset, self._clock.wall())

    @callback
    def passed_over(self, topic: str, records: int) -> None:
        """See `ports.RecordSink.passed_over`."""
        self._telemetry.passed_over(topic, records)

    def _reread(self, part: Partition) -> None:
        """The log was cut or rewound under us: other records may carry the numbers that we know. Repeat rather than skip."""
        self.lost([part.tp])
        self._world.offsets.reread(part.tp, part.epoch)

    @callback
    def heard_ends(self, ends: Mapping[TopicPartition, int]) -> None:
        """See `ports.RecordSink.heard_ends`."""
        for tp, end in ends.items():
            part = self.partitions.get(tp)
            if part is not None:
                part.heard_end(end, self._clock.wall())

    @callback
    def rows_came(self, lines: Container[str]) -> None:
        """The channel directory has changed, in this very step of the loop: these lines have a row."""
        self.taking.rows_came(self.partitions.values(), lines)

    def swap(self, mappings: MappingSet) -> int:
        """Map by these from the next record on. Returns how many partitions finish first what the former ones mapped."""
        return self.taking.swap(mappings, self.partitions.values())

    def _admit(
        self, part: Partition, record: Record, prepared: Plan | Skip | Failure, mappings_hash: str
    ) -> None:
        match prepared:
            case Plan():
                if self._key_sample.strays(prepared.key, part.tp):
                    self._telemetry.key_in_two_partitions()
                work = Work(record, part.ledger, prepared, self._clock.monotonic(), mappings_hash)
                self._tracing.mapped(record, prepared.rule)
                self.dispatch.add(part.tp, prepared.key, work.request.channel, work)
            case Skip(reason=reason, rule=rule):
                self._log.debug("record.skipped", **coordinates(record), reason=reason, mapping=rule)
                self._telemetry.skipped(record.topic, reason, rule)
                self._settling.settle(part.ledger, record, "skipped", self._clock.monotonic())
            case Failure():
                self._telemetry.error(record.topic, prepared.stage, prepared.reason)
                failure = replace(prepared, mapping_hash=mappings_hash)
                letter = self._dead_letter(part.ledger, record, failure, self._clock.monotonic())
                self.ownership.spawn(part, letter)

    # --- wait for its turn -> send -> judge -------------------------------------------------------------------

    def _start_ready(self) -> None:
        """Start whatever may start now, and come back when the next thing may."""
        now = self._clock.monotonic()
        if not self._may_start(now):
            return
        while (slot := self.dispatch.next(now, self.gates.wait_until)) is not None:
            work = slot.head
            if work.leaving:  # an operator settles it: its key waits for that without a slot
                self.dispatch.settling(slot)
                continue
            if not self._attaching.starts(work):
                self._attaching.fetch(self.partitions[slot.tp], slot)
                continue
            leave = self.gates.started(work.request.channel, slot.key, now)
            work.sending = self.ownership.spawn(self.partitions[slot.tp], self._attempt(slot, work, leave))
            work.sending.add_done_callback(partial(self._cut_off, slot, leave))
        self._alarm.set(self.dispatch.wake_at, now)

    def _may_start(self, now: float) -> bool:
        """Whether the lease is live, and nobody has paused; what waits meanwhile is started by what ends that."""
        live = self.lease.live(now)
        if live is self._out_of_lease and any(part.claimed for part in self.partitions.values()):
            self._out_of_lease = not live
            if live:
                self._log.info("lease.renewed")
            else:
                self._log.warning("lease.ended", queued=self.dispatch.queued)
        return live and not self.pausing.on

    @callback
    def _woken(self) -> None:
        self._start_ready()

    async def _attempt(self, slot: Slot[Work], work: Work, leave: Leave) -> None:
        """One request of one record: send it, judge the answer, act on the decision."""
        request, http = work.request, self._attaching.http(work)
        assert http is not None, "its files are here"
        now = self._clock.monotonic()
        if not self._may_start(now):  # frozen or paused between the decision and this step
            self.gates.cut_off(leave, now)
            self.dispatch.again(slot, request.channel, None)
            return
        if work.evidence_from is None:  # its first attempt
            work.evidence_from = now
            if (failure := self._calls.refused(work)) is not None:
                self.gates.cut_off(leave, now)
                await self._give_up(slot, work, failure)
                return
        if work.maybe_sent:
            self._telemetry.possible_duplicate()
        work.tries += 1
        sent = self._world.sender.send(http, request.channel)
        answer = await self._tracing.attempt(work.record, http, request.channel, sent)
        work.maybe_sent = work.maybe_sent or maybe_processed(answer)
        if isinstance(answer, Unknown):
            self._telemetry.unknown_outcome(request.operation)
        self.gates.answered(leave, answer, work.policy(self._policy.retry), self._clock.monotonic())
        await self._judge(slot, work, leave, answer)
        self._start_ready()

    @callback
    def _cut_off(self, slot: Slot[Work], leave: Leave, attempt: asyncio.Task[None]) -> None:
        """Its partition was lost, or the bound of its drain used up, perhaps before it took a step: free its slot.

        Whoever waits for the slot starts a turn of the loop later: whatever else is cut off now is gone by then.
        """
        if attempt.cancelled():
            self.dispatch.done(slot)
            now = self._clock.monotonic()
            self.gates.cut_off(leave, now)
            self._alarm.set(now, now)

    async def _judge(self, slot: Slot[Work], work: Work, leave: Leave, answer: Answer) -> None:
        now = self._clock.monotonic()
        channel = work.request.channel
        attempt = work.attempt(self._accepted_at.get(channel.app))
        policy = work.policy(self._policy.retry)
        decision = decide(answer, attempt, policy, now=now, jitter=self._clock.jitter())
        match decision:
            case Accepted():
                self._calls.accepted(work, answer)
                self._accepted(slot, work, now)
            case RetryAt(at=at, error=error, counts=counts):
                self._note_failure(slot, work, error)
                work.attempts += 1
                work.counted += counts
                work.evidence_from = now
                if isinstance(answer, Answered) and answer.status == 401:
                    work.fresh_token_tried = True
                    self._world.sender.refresh(channel.app)
                if error == "404":
                    work.not_found_waited_s += at - now
                self.dispatch.again(slot, channel, at)
            case Throttled():
                self.gates.throttled(leave, decision, now)
                self._attaching.throttled(work, decision, now)
                self.dispatch.again(slot, channel, None)
            case Refused():
                self._note_failure(slot, work, decision.reason)
                self._attaching.held(work, decision.scope)
                self.gates.refused(leave, decision, now)
                self.dispatch.again(slot, channel, None)
            case Rejected():
                await self._give_up(slot, work, rejection(work, decision, answer))
            case _:
                assert_never(decision)

    async def _give_up(self, slot: Slot[Work], work: Work, failure: Failure) -> None:
        """Nothing more of it is sent."""
        work.leaving = True
        self._calls.given_up(work)
        self._attaching.give_back(work)
        self.blocked.pop(slot, None)
        self.dispatch.settling(slot)
        self._telemetry.error(work.record.topic, failure.stage, failure.reason)
        self._start_ready()  # the slot is free while the letter travels
        await self._dead_letter(work.ledger, work.record, failure, work.taken_at)
        self.dispatch.done(slot)
        self._start_ready()

    def _accepted(self, slot: Slot[Work], work: Work, now: float) -> None:
        channel = work.request.channel
        self._accepted_at[channel.app] = now
        self.last_accepted_wall = self._clock.wall()
        self.blocked.pop(slot, None)
        self._attaching.give_back(work)
        if work.advance():
            self.dispatch.again(slot, work.request.channel, None)
            return
        record = work.record
        self._log.debug("record.accepted", **coordinates(record), mapping=work.plan.rule)
        self._settling.settle(work.ledger, record, "accepted", work.taken_at)
        self.dispatch.done(slot)

    def _note_failure(
        self, slot: Slot[Work], work: Work, error: str, stage: Stage = "send", reason: str | None = None
    ) -> None:
        record = work.record
        self._telemetry.error(record.topic, stage, error)
        self._telemetry.retried(record.topic)
        self._tracing.failed(record, stage, error)
        part = self.partitions.get(slot.tp)
        work.failed_with = error
        if part is not None:
            self.blocked.setdefault(slot, self._clock.wall())
            self._intake.blocked(part)
        self._log.info("record.retry", **retry_fields(work, error, stage, reason))

    # --- settle -----------------------------------------------------------------------------------------------

    async def _dead_letter(self, ledger: Ledger, record: Record, failure: Failure, taken_at: float) -> None:
        self._tracing.given_up(record, failure)
        await self.dead_letters.write(record, failure)
        self._settling.settle(ledger, record, "dead_lettered", taken_at)
