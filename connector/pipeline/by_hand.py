"""An operator settles a record: nothing more of it is sent, its dead letter is written, and what is behind it goes on.

An attempt that is under way is awaited first, as Front may accept it after all. Until the letter is acknowledged the record
keeps its place: nothing of its key passes it, nor, while its key is not known, anything of its partition. A process that
ended in between would read it again, and send it behind what had passed. A pause does not matter here.
Never here: who may ask, and in which words (`adapters.admin`).
"""

import asyncio
from asyncio import Future, Task
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from connector.core.dead_letter import Failure
from connector.core.dispatch import Dispatch, Slot
from connector.core.ledger import Ledger
from connector.core.records import Record, TopicPartition
from connector.core.skipping import Lettered, NotNow, NotThisOne, Skipped
from connector.pipeline.attaching import Attaching
from connector.pipeline.ownership import Ownership
from connector.pipeline.partition import Partition
from connector.pipeline.taking import TakingIn
from connector.pipeline.work import Work

STEP = "operator"
LEAVING = NotNow("its partition is leaving this process: ask its next owner")
LETTER = NotThisOne("its dead letter is being written already")
ASKED = NotThisOne("another request is settling it")


class DeadLetter(Protocol):
    """Writes the letter until it is acknowledged, and settles its record."""

    def __call__(
        self, ledger: Ledger, record: Record, failure: Failure, taken_at: float
    ) -> Coroutine[Any, Any, None]: ...


@dataclass(frozen=True, slots=True)
class Skipping:
    """What the life of a record does when one is given up."""

    give_up: Callable[[Slot[Work], Work, Failure], Coroutine[Any, Any, None]]
    """Of the head of a key."""
    dead_letter: DeadLetter
    spawn: Callable[[Partition, Coroutine[Any, Any, None]], Task[None]]
    may_start: Callable[[], None]
    now: Callable[[], float]


class ByHand:
    """Of the whole process; on the event loop."""

    def __init__(
        self,
        ownership: Ownership,
        dispatch: Dispatch[Work],
        taking: TakingIn,
        attaching: Attaching,
        skipping: Skipping,
    ) -> None:
        self._partitions = ownership.partitions
        self._dispatch = dispatch
        self._taking = taking
        self._attaching = attaching
        self._do = skipping

    async def settle(self, tp: TopicPartition, offset: int, reason: str, within_s: float) -> Skipped:
        """Answers within these seconds. What was begun goes on, whether somebody waits for the answer or not."""
        part = self._partitions.get(tp)
        if part is None:
            return NotThisOne("its partition is not this process's: ask the process that has it (/status)")
        if part.closing:
            return LEAVING
        if not part.ledger.is_unsettled(offset):
            return _unknown(part, offset)
        if not part.opened:
            return NotNow("its partition is just being taken over: ask again in a moment")
        if offset in part.by_hand:
            return ASKED
        part.by_hand.add(offset)
        answer: Future[Skipped] = asyncio.get_running_loop().create_future()
        task = self._do.spawn(part, self._settle(part, offset, reason, answer))
        task.add_done_callback(partial(_over, part, offset, answer))
        await asyncio.wait((answer,), timeout=within_s)
        if answer.done():
            return answer.result()
        return NotNow(
            f"it is being settled, and that is not done within {within_s:g} s: it goes on, ask again"
        )

    async def _settle(self, part: Partition, offset: int, reason: str, answer: Future[Skipped]) -> None:
        found = self._dispatch.find(part.tp, lambda work: work.record.offset == offset)
        if found is not None:
            answer.set_result(await self._mapped(part, *found, reason))
            return
        record = self._taking.unmapped(part, offset)
        if record is None or part.closing:
            answer.set_result(LEAVING if part.closing else LETTER)
            return
        await self._unmapped(part, record, reason)
        answer.set_result(Lettered())

    async def _mapped(self, part: Partition, slot: Slot[Work], work: Work, reason: str) -> Skipped:
        if work.leaving:
            return LETTER
        work.leaving = True
        if work.sending is not None and not work.sending.done():
            await asyncio.wait((work.sending,))
            if not part.ledger.is_unsettled(work.record.offset):
                accepted = work.index == len(work.plan.requests)
                became = "was accepted" if accepted else "became a dead letter"
                return NotThisOne(f"it {became} meanwhile")
        if part.closing:
            return LEAVING
        self._attaching.stop(work)
        failure = Failure(
            reason="operator_skip",
            stage="send",
            message=reason,
            step=STEP,
            operation=work.request.operation,
            rule=work.plan.rule,
            mapping_hash=work.mappings_hash,
            attempts=work.tries,
            accepted=work.index,
        )
        if slot.head is work:
            await self._do.give_up(slot, work, failure)
        else:
            await self._do.dead_letter(work.ledger, work.record, failure, work.taken_at)
            self._dispatch.withdraw(slot, work)
            self._do.may_start()
        return Lettered()

    async def _unmapped(self, part: Partition, record: Record, reason: str) -> None:
        """Its key is not known, or what it needs to be mapped is missing: it has no queue to stand in."""
        failure = Failure(reason="operator_skip", stage="map", message=reason, step=STEP)
        self._taking.hold_back(part, record)
        await self._do.dead_letter(part.ledger, record, failure, self._do.now())
        self._taking.take_out(part, record)
        self._taking.go_on(part)


def _unknown(part: Partition, offset: int) -> NotThisOne:
    if offset >= part.ledger.position:
        return NotThisOne(f"it was not read yet: the next one is {part.ledger.position}")
    return NotThisOne("it has settled already, or the log has no such record")


def _over(part: Partition, offset: int, answer: Future[Skipped], _task: Task[None]) -> None:
    """However it ended: cut off with its partition, it is the next owner's."""
    part.by_hand.discard(offset)
    if not answer.done():
        answer.set_result(LEAVING)
