"""Files that a request only names are fetched before its turn to be sent: without a slot in flight, the key held.

What was fetched stays with the record until the request is over, so that no attempt fetches again. While one of a record's
files is waited for, and in a hold, all are given back and later fetched anew: both may last, and room is for those who go on.
A file that is late or will never come delays its own key only.
Never here: how one is fetched (`adapters/attachments`), what a failure means (`core.fetching`), the request's bytes (`core`).
"""

from asyncio import Task, TaskGroup
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, assert_never

from connector.core.dead_letter import Failure, Reason, Stage
from connector.core.dispatch import Dispatch, Slot
from connector.core.fetching import (
    FetchAgain,
    FetchAttempt,
    Have,
    NeverComes,
    Served,
    Without,
    decide_fetch,
    result_of,
)
from connector.core.file_names import of_url
from connector.core.files import FetchAnswer, Fetched, NotAllowed, RemoteFile, StoredFile
from connector.core.holds import HoldScope, ProbeScope
from connector.core.http_request import HttpRequest
from connector.core.operations import Invalid, Missing
from connector.core.outcome import RetryPolicy, Throttled
from connector.core.pacing import LimitScope
from connector.core.records import Channel, Record
from connector.pipeline.partition import Partition
from connector.pipeline.pausing import Pausing
from connector.pipeline.work import Work, coordinates
from connector.pipeline.world import World

PROBE_FETCH_S = 5.0
"""For how long one record's fetch may keep others of its scope from fetching: its file's host may hang."""
KEEPS_S = 5.0
"""A limit that Front lifts sooner makes nobody fetch anew."""
PROBE_AGAIN_S = 1.0
"""How soon a record asks again whether it may fetch, while another one of its held channel or app fetches for the probe."""


@dataclass(slots=True)
class _Tries:
    """Attempts at one file that did not bring it."""

    attempts: int = 0
    counted: int = 0
    evidence_from: float | None = None
    """When the first began, or the last one failed. Monotonic seconds."""

    def forget(self) -> None:
        """It came."""
        self.attempts = self.counted = 0
        self.evidence_from = None


@dataclass(slots=True, eq=False)
class _Gathered:
    """What became of a request's files so far."""

    tries: tuple[_Tries, ...]
    fates: list[StoredFile | Missing] = field(default_factory=list)
    http: HttpRequest | None = None
    """The request as it is sent, once all are here."""
    waiting: bool = False
    """All are here, and its turn to be sent has not come."""

    def give_back(self) -> None:
        """The files are not needed any more, or not now."""
        for file in self.fates:
            if not isinstance(file, Missing):
                file.close()
        self.fates.clear()
        self.http = None
        self.waiting = False


class Failed(Protocol):
    """Notes that an attempt failed and will be repeated."""

    def __call__(self, slot: Slot[Work], work: Work, error: str, stage: Stage, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Around:
    """What the life of a record does for its files. `go_on`: something may start now.

    `probed`: the hold or open circuit of which the next request of a channel would be the probe.
    """

    failed: Failed
    give_up: Callable[[Partition, Slot[Work], Work, Failure], object]
    go_on: Callable[[], None]
    probed: Callable[[Channel, float], ProbeScope | None]
    pausing: Pausing


class Attaching:
    """Of the whole process; on the event loop."""

    def __init__(
        self, world: World, retry: RetryPolicy, dispatch: Dispatch[Work], tasks: TaskGroup, around: Around
    ) -> None:
        self._files = world.files
        self._clock = world.clock
        self._telemetry = world.telemetry
        self._log = world.log
        self._tracing = world.tracing
        self._retry = retry
        self._dispatch = dispatch
        self._tasks = tasks
        self._around = around
        self._served = Served()
        self._gathered: dict[Work, _Gathered] = {}
        self._fetching: dict[Work, Task[None]] = {}
        self._probing: dict[ProbeScope, tuple[Work, float]] = {}
        """The record that has files, or fetches them, to be the probe; and until when the others wait for it."""

    def http(self, work: Work) -> HttpRequest | None:
        """The request whose turn it is, as it is sent; None: its files must be fetched first."""
        if work.request.form is None:
            return work.request.http
        gathered = self._gathered.get(work)
        return gathered.http if gathered is not None else None

    def starts(self, work: Work) -> bool:
        """Its turn to be sent has come: whether it can, its files being here."""
        gathered = self._gathered.get(work)
        if gathered is not None:
            gathered.waiting = False
        return self.http(work) is not None

    def fetch(self, part: Partition, slot: Slot[Work]) -> None:
        """Its files are missing: let its slot go, and queue it again when they are here. A revoke ends this at once.

        In a held scope only the probe's are fetched: what the others would get is not needed before the hold ends.
        """
        work, channel, now = slot.head, slot.head.request.channel, self._clock.monotonic()
        self._dispatch.settling(slot)
        scope = self._around.probed(channel, now)
        if scope is not None:
            prober, until = self._probing.get(scope, (work, now))
            if prober is not work and now < until:
                self._dispatch.again(slot, channel, now + PROBE_AGAIN_S)
                return
            self._probing[scope] = work, now + PROBE_FETCH_S
        task = self._fetching[work] = self._tasks.create_task(self._fetch(part, slot, work))
        part.fetches.add(task)
        task.add_done_callback(partial(self._fetched, part, work))

    def _fetched(self, part: Partition, work: Work, task: Task[None]) -> None:
        part.fetches.discard(task)
        if self._fetching.get(work) is task:
            del self._fetching[work]

    def stop(self, work: Work) -> bool:
        """Fetch nothing more for it. True if it was being fetched for: nothing else of it is under way then."""
        task = self._fetching.pop(work, None)
        if task is None or task.done():
            return False
        task.cancel()
        return True

    def give_back_waiting(self) -> None:
        """A pause may last: nobody keeps files meanwhile whose request has not begun."""
        for gathered in self._gathered.values():
            if gathered.waiting:
                gathered.give_back()

    def give_back(self, work: Work) -> None:
        """Its request is over: it needs its files no more."""
        self._probes_no_more(work)
        if (gathered := self._gathered.pop(work, None)) is not None:
            gathered.give_back()

    def throttled(self, work: Work, decision: Throttled, now: float) -> None:
        """Front's limit was hit: for a moment its scope keeps its files."""
        if decision.until - now > KEEPS_S:
            self.held(work, decision.scope)

    def held(self, work: Work, scope: HoldScope | LimitScope) -> None:
        """Its request was refused, and that may last: nobody of this scope keeps files, as others would have no room."""
        self._probes_no_more(work)
        for other, gathered in self._gathered.items():
            if other is work or (
                gathered.waiting and _near(other.request.channel, work.request.channel, scope)
            ):
                gathered.give_back()

    def forget(self, part: Partition) -> None:
        """The partition is gone, and nothing of it runs any more."""
        for work in [*self._gathered, *(prober for prober, _ in self._probing.values())]:
            if work.ledger is part.ledger:
                self.give_back(work)

    def _probes_no_more(self, work: Work) -> None:
        for scope in [scope for scope, (prober, _) in self._probing.items() if prober is work]:
            del self._probing[scope]

    async def _fetch(self, part: Partition, slot: Slot[Work], work: Work) -> None:
        form = work.request.form
        assert form is not None, "it has files to fetch"
        gathered = self._gathered.get(work)
        if gathered is None:
            gathered = self._gathered[work] = _Gathered(tuple(_Tries() for _ in form.remote))
        for number, file in enumerate(form.remote):
            if self._around.pausing.on:
                break
            room = form.room - sum(kept.size for kept in gathered.fates if not isinstance(kept, Missing))
            fate = await self._one(part, slot, work, gathered.tries[number], file, room)
            if fate is None:
                return
            gathered.fates.append(fate)
        if self._around.pausing.on:  # begun before it, and over: nobody keeps files in a pause
            gathered.give_back()
            self._dispatch.again(slot, work.request.channel, None)
            return
        http = work.request.with_files(gathered.fates)
        if isinstance(http, Invalid):
            self._give_up(part, slot, work, http.reason, f"{http.path} {http.message}")
            return
        gathered.http, gathered.waiting = http, True
        self._dispatch.again(slot, work.request.channel, None)
        self._around.go_on()

    async def _one(
        self, part: Partition, slot: Slot[Work], work: Work, tries: _Tries, file: RemoteFile, room: int
    ) -> StoredFile | Missing | None:
        """One attempt at one file: its fate, or None if nothing more of this record is fetched now."""
        if tries.evidence_from is None:
            tries.evidence_from = self._clock.monotonic()
        answer = await self._ask(work.record, file, room)
        now = self._clock.monotonic()
        host = "" if self._files is None else self._files.host(file)
        attempt = FetchAttempt(
            number=tries.attempts + 1,
            counted=tries.counted,
            evidence=self._served.since(host, tries.evidence_from),
            on_unavailable=work.request.on_attachment_unavailable,
        )
        if isinstance(answer, Fetched):
            self._served.note(host, now)
        policy = work.policy(self._retry)
        decision = decide_fetch(answer, attempt, policy, now=now, jitter=self._clock.jitter())
        match decision:
            case Have(kept):
                tries.forget()  # it may be given back, and fetched again
                return kept
            case Without(why):
                self._log.warning("attachment.left_out", **coordinates(work.record), reason=why)
                return Missing(file.name or of_url(file.url))
            case FetchAgain(counts=counts):
                tries.attempts += 1
                tries.counted += counts
                tries.evidence_from = now
                self._again(slot, work, decision)
            case NeverComes(reason=reason, message=message):
                self._give_up(part, slot, work, reason, message)
            case _:
                assert_never(decision)
        return None

    def _again(self, slot: Slot[Work], work: Work, decision: FetchAgain) -> None:
        """Whatever came meanwhile is given back: a record that waits keeps no room from others."""
        self._around.failed(slot, work, decision.error, "attach", decision.why)
        self._probes_no_more(work)
        self._gathered[work].give_back()
        self._dispatch.again(slot, work.request.channel, decision.at)
        self._around.go_on()

    async def _ask(self, record: Record, file: RemoteFile, room: int) -> FetchAnswer:
        if self._files is None:
            return NotAllowed("this process fetches no files")
        fetched = self._files.fetch(file, room)
        answer = await self._tracing.fetch(record, self._files.host(file), fetched)
        if isinstance(answer, NotAllowed):
            self._log.warning("attachment.blocked", **coordinates(record), reason=answer.why)
        size = answer.file.size if isinstance(answer, Fetched) else None
        self._telemetry.attachment(result_of(answer), size)
        return answer

    def _give_up(self, part: Partition, slot: Slot[Work], work: Work, reason: Reason, message: str) -> None:
        self.give_back(work)
        failure = Failure(
            reason=reason,
            stage="attach",
            message=f"rule {work.plan.rule!r}: {message}",
            step=f"{__name__}.Attaching",
            operation=work.request.operation,
            rule=work.plan.rule,
            mapping_hash=work.mappings_hash,
            attempts=work.tries,
            accepted=work.index,
        )
        self._around.give_up(part, slot, work, failure)


def _near(one: Channel, other: Channel, scope: HoldScope | LimitScope) -> bool:
    """Whether both lie in the same channel, company or app."""
    match scope:
        case "channel":
            return one.real_id == other.real_id
        case "company":
            return one.company == other.company
        case "app":
            return one.app == other.app
