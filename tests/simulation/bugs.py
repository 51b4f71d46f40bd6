"""Bugs seeded on purpose, by name: each must be caught by a law, and we know by which and after how many schedules.

A bug replaces methods of the product for as long as its context lasts. None of them is in the product.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from connector.adapters.kafka import client as real_client
from connector.adapters.kafka.assignments import Assignments
from connector.adapters.kafka.consumer import KafkaSource
from connector.adapters.kafka.starts import Position
from connector.core import offset_map
from connector.core.decode import SchemaNeeded
from connector.core.dispatch import Dispatch
from connector.core.fetching import Served
from connector.core.lease import Lease
from connector.core.ledger import Ledger, Settling
from connector.core.mapping import ChannelNeeded, Plan
from connector.core.offset_map import LogIdentity
from connector.core.operations import Missing
from connector.core.pacing import Pacing
from connector.core.prepare import prepare
from connector.core.records import Epoch
from connector.pipeline import life, ownership, settling
from connector.pipeline.attaching import Attaching
from connector.pipeline.dead_letters import DeadLetters
from connector.pipeline.intake import Intake
from connector.pipeline.life import Pipeline
from connector.pipeline.ownership import Ownership
from connector.pipeline.partition import Partition, drained
from connector.pipeline.taking import TakingIn
from connector.pipeline.work import Work
from connector.ports import CommitFailed, Committed

Replacement = tuple[object, str, object]


def _two_commits_in_flight() -> Sequence[Replacement]:
    """Handed over without waiting for the answer; the client retries the first behind the second."""

    def commit(consumer: Any, entries: Sequence[Any]) -> Committed | CommitFailed:
        consumer.commit(offsets=[real_client.committable(entry) for entry in entries], asynchronous=True)
        return Committed()

    return [(real_client, "commit", commit)]


def _map_without_identity() -> Sequence[Replacement]:
    """Whatever log and offset a map was written for."""
    true = offset_map.read

    def believe(text: str | None, log: LogIdentity, offset: int, end: int | None = None) -> object:
        parts = (text or "").split(";")
        if len(parts) < 5 or not parts[3].isdecimal():
            return true(text, log, offset, end)
        return true(text, LogIdentity(parts[1], parts[2]), int(parts[3]))

    return [(ownership, "read", believe)]


def _map_of_the_unsettled_cut() -> Sequence[Replacement]:
    """A map that lists what is unsettled: what was cut off it counts as settled."""
    true = offset_map.fit

    def fit(log: LogIdentity, offset: int, settled: Any, **options: Any) -> object:
        made = true(log, offset, settled, **options)
        if not made.shed:
            return made
        return true(
            log, offset, ((offset + 1, settled[-1][1]),), **{**options, "limit": offset_map.MAX_METADATA}
        )

    return [(offset_map, "fit", fit)]


def _pause_not_reset_on_assign() -> Sequence[Replacement]:
    true = Assignments.assigned

    def assigned(self: Assignments, consumer: Any, partitions: Any) -> None:
        with patch.object(consumer, "resume", lambda _: None):
            true(self, consumer, partitions)

    return [(Assignments, "assigned", assigned)]


def _unknown_key_passed() -> Sequence[Replacement]:
    """Records behind one whose schema is not there yet are let through."""

    def take_in(self: TakingIn, part: Partition) -> None:
        waiting = []
        while part.inbox:
            record = part.inbox.popleft()
            topic = self.mappings.topics[record.topic]
            prepared = prepare(record, topic, self._schemas.known, self._world.clock.wall())
            if isinstance(prepared, SchemaNeeded):
                waiting.append(record)
                if part.fetching is None:
                    part.fetching = self._tasks.create_task(self._fetch(part, prepared.ref))
            else:
                assert not isinstance(prepared, ChannelNeeded), "its mapper waits for no row"
                self._admit(part, record, prepared, self.mappings.hash)
        part.inbox.extend(waiting)

    return [(TakingIn, "take_in", take_in)]


def _settle_without_epoch() -> Sequence[Replacement]:
    """Work of a former assignment settles in the ledger that is there now."""

    def settle(self: settling.Settling, ledger: Ledger, record: Any, outcome: Any, taken_at: float) -> bool:
        part = self._partitions.get(record.tp)
        if part is None:
            return False
        part.ledger.settle(record.offset, part.ledger.epoch)
        part.free(record)
        self._intake.settled(part)
        return True

    def cut(self: Partition) -> None:
        """Nothing of the former assignment is ended either: else there would be nobody to settle late."""

    return [(settling.Settling, "settle", settle), (Partition, "cut", cut)]


def _requests_in_a_pause() -> Sequence[Replacement]:
    """Nothing is taken in, but what was goes on."""
    return [(Pipeline, "_may_start", lambda self, now: self.lease.live(now))]


def _commit_entry_without_epoch() -> Sequence[Replacement]:
    async def commit(self: KafkaSource, entries: Sequence[Any]) -> Committed | CommitFailed:
        answer: asyncio.Future[Committed | CommitFailed] = asyncio.get_running_loop().create_future()

        def tell(result: Committed | CommitFailed) -> None:
            if not answer.done():
                answer.set_result(result)

        def do(consumer: Any) -> None:
            self._bridge.tell_loop(tell, real_client.commit(consumer, entries))

        self._bridge.tell_thread(do)
        return await answer

    return [(KafkaSource, "commit", commit)]


def _send_before_the_claim() -> Sequence[Replacement]:
    true = Ownership.assign

    def assign(self: Ownership, assignments: Sequence[Any], wait_s: float) -> None:
        true(self, assignments, wait_s)
        for given in assignments:
            self.partitions[given.tp].opened = True
            self._dispatch.open(given.tp)
        self._may_start()

    return [(Ownership, "assign", assign), (Ownership, "_open", lambda self, part: self._may_start())]


def _highest_settled_plus_one() -> Sequence[Replacement]:
    settle, frontier = Ledger.settle, Ledger.frontier
    highest: dict[int, tuple[Ledger, int]] = {}

    def settled(self: Ledger, offset: int, epoch: Epoch) -> Settling:
        answer = settle(self, offset, epoch)
        if answer is Settling.SETTLED:
            highest[id(self)] = (self, max(offset, highest.get(id(self), (self, offset))[1]))
        return answer

    def top(self: Ledger) -> int:
        true: int = frontier.fget(self)  # type: ignore[attr-defined]
        return max(true, highest[id(self)][1] + 1) if id(self) in highest else true

    return [
        (Ledger, "settle", settled),
        (Ledger, "frontier", property(top)),
        (Ledger, "settled_above", lambda self: ()),
        (Ledger, "settled_so_far", lambda self: ()),
    ]


def _key_freed_before_the_letter() -> Sequence[Replacement]:
    true = Dispatch.done
    freed: list[object] = []

    def settling(self: Dispatch[Any], slot: Any) -> None:
        freed.append(slot)
        true(self, slot)

    def done(self: Dispatch[Any], slot: Any) -> None:
        if any(one is slot for one in freed):
            freed[:] = [one for one in freed if one is not slot]
        else:
            true(self, slot)

    return [(Dispatch, "settling", settling), (Dispatch, "done", done)]


def _429_stops_only_its_own_key() -> Sequence[Replacement]:
    return [(Pacing, "throttle", lambda *_: None)]


def _second_request_skipped_after_restart() -> Sequence[Replacement]:
    """A record of several requests begins behind the first where it was seen before."""
    seen: set[tuple[object, int]] = set()

    def begin(record: Any, ledger: Ledger, plan: Plan, taken_at: float, mappings_hash: str) -> Work:
        work = Work(record, ledger, plan, taken_at, mappings_hash)
        place = (record.value, record.offset)
        if len(plan.requests) > 1 and place in seen:
            work.index = 2
        seen.add(place)
        return work

    return [(life, "Work", begin)]


def _counted_without_evidence() -> Sequence[Replacement]:
    true = Work.attempt

    def attempt(self: Work, accepted_at: float | None) -> object:
        return true(self, float("inf"))

    return [(Work, "attempt", attempt)]


def _no_lease() -> Sequence[Replacement]:
    return [(Lease, "live", lambda self, now: self.remaining(now) is not None)]


def _no_wait_for_the_former_owner() -> Sequence[Replacement]:
    true = Ownership.assign
    return [(Ownership, "assign", lambda self, assignments, _: true(self, assignments, 0.0))]


def _no_last_commit() -> Sequence[Replacement]:
    async def release(self: Ownership, claimed: Sequence[Partition]) -> bool:
        return True

    return [(Ownership, "_release", release)]


def _no_drain() -> Sequence[Replacement]:
    return [(ownership, "drained", lambda parts, _: drained(parts, 0.0))]


def _given_up_at_the_first_failure() -> Sequence[Replacement]:
    """With evidence, but at the first attempt that counts."""
    true = Work.attempt

    def attempt(self: Work, accepted_at: float | None) -> object:
        return replace(true(self, accepted_at), counted=100)

    return [(Work, "attempt", attempt)]


def _letters_twice() -> Sequence[Replacement]:
    true = DeadLetters.write

    async def write(self: DeadLetters, record: Any, failure: Any) -> None:
        await true(self, record, failure)
        await true(self, record, failure)

    return [(DeadLetters, "write", write)]


def _no_pause() -> Sequence[Replacement]:
    return [(Intake, "taken", lambda self, part: None)]


def _no_map() -> Sequence[Replacement]:
    return [(Ledger, "settled_above", lambda self: ())]


def _every_cut_is_a_missing_offset() -> Sequence[Replacement]:
    """Whatever is found where a partition is begun again, it is taken to have led back there."""
    true = Assignments.cut

    def cut(self: Assignments, consumer: Any, tp: Any, seen_by: Any) -> None:
        self._begun_again.setdefault(tp, {})[seen_by] = Position(0, None, None, 0, 0)
        true(self, consumer, tp, seen_by)

    return [(Assignments, "cut", cut)]


def _held_under_the_old_epoch() -> Sequence[Replacement]:
    """A partition that holds since its position is gone: what was asked for before is done all the same."""
    true = Assignments._end_and_begin

    def end_and_begin(self: Assignments, consumer: Any, tp: Any, seen_by: Any) -> None:
        before = self._epochs.get(tp)
        true(self, consumer, tp, seen_by)
        if tp in self.missing and before is not None:
            self._epochs[tp] = before

    return [(Assignments, "_end_and_begin", end_and_begin)]


def _sent_before_its_files() -> Sequence[Replacement]:
    """What failed once is left out, whatever its rule says."""
    true = Attaching.http

    def http(self: Attaching, work: Work) -> object:
        gathered = self._gathered.get(work)
        if gathered is None or gathered.http is not None or work.request.form is None:
            return true(self, work)
        missing = [Missing(file.name) for file in work.request.form.remote[len(gathered.fates) :]]
        return work.request.with_files([*gathered.fates, *missing])

    return [(Attaching, "http", http)]


def _files_kept_after_a_revoke() -> Sequence[Replacement]:
    return [(Attaching, "forget", lambda self, part: None)]


def _host_failures_without_evidence() -> Sequence[Replacement]:
    return [(Served, "since", lambda self, host, at: True)]


def _a_fetch_keeps_its_slot() -> Sequence[Replacement]:
    true = Attaching.fetch

    def fetch(self: Attaching, part: Partition, slot: Any) -> None:
        with patch.object(Dispatch, "settling", lambda self, slot: None):
            true(self, part, slot)

    return [(Attaching, "fetch", fetch)]


BUGS: dict[str, Callable[[], Sequence[Replacement]]] = {
    "two commits in flight": _two_commits_in_flight,
    "a map without identity": _map_without_identity,
    "a map of the unsettled, cut": _map_of_the_unsettled_cut,
    "pause not reset on assign": _pause_not_reset_on_assign,
    "unknown key passed": _unknown_key_passed,
    "requests begin in a pause": _requests_in_a_pause,
    "settle without epoch": _settle_without_epoch,
    "commit entry without epoch": _commit_entry_without_epoch,
    "send before the claim": _send_before_the_claim,
    "commit = highest settled + 1": _highest_settled_plus_one,
    "key freed before the letter": _key_freed_before_the_letter,
    "429 stops only its own key": _429_stops_only_its_own_key,
    "second request skipped after a restart": _second_request_skipped_after_restart,
    "an attempt counted without evidence": _counted_without_evidence,
    "no lease": _no_lease,
    "no wait for the former owner": _no_wait_for_the_former_owner,
    "no last commit": _no_last_commit,
    "no drain": _no_drain,
    "given up at the first failure": _given_up_at_the_first_failure,
    "letters twice": _letters_twice,
    "no pause": _no_pause,
    "no map": _no_map,
    "every cut is a missing offset": _every_cut_is_a_missing_offset,
    "held under the old epoch": _held_under_the_old_epoch,
    "sent before its files are here": _sent_before_its_files,
    "files kept after a revoke": _files_kept_after_a_revoke,
    "host failures without evidence": _host_failures_without_evidence,
    "a fetch keeps its slot": _a_fetch_keeps_its_slot,
}


@contextmanager
def seeded(name: str) -> Iterator[None]:
    """The product with this bug."""
    with ExitStack() as stack:
        for target, attribute, replacement in BUGS[name]():
            stack.enter_context(patch.object(target, attribute, replacement))
        yield
