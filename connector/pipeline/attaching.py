"""Files that a request only names are fetched before its turn to be sent: without a slot in flight, the key held.

What was fetched stays with the record until the request is over, so that no attempt fetches again; in a hold it is given back,
as that may last, and fetched anew. A file that is late or will never come delays its own key only.
Never here: how one is fetched (`adapters/attachments`), what a failure means (`core.fetching`), the request's bytes (`core`).
"""

from asyncio import TaskGroup
from collections.abc import Callable
from dataclasses import dataclass, field
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
from connector.core.files import FetchAnswer, Fetched, NotAllowed, RemoteFile, StoredFile
from connector.core.http_request import HttpRequest
from connector.core.operations import Invalid, Missing
from connector.core.outcome import RetryPolicy
from connector.pipeline.partition import Partition
from connector.pipeline.work import Work, coordinates
from connector.pipeline.world import World


@dataclass(slots=True, eq=False)
class Gathered:
    """What became of a request's files so far. Monotonic seconds."""

    fates: list[StoredFile | Missing] = field(default_factory=list)
    http: HttpRequest | None = None
    """The request as it is sent, once all are here."""
    attempts: int = 0
    counted: int = 0
    evidence_from: float | None = None
    """When the present file's first attempt began, or the last one failed."""

    def next_file(self) -> None:
        """The present one has its fate."""
        self.attempts = self.counted = 0
        self.evidence_from = None

    def give_back(self) -> None:
        """The files are not needed any more, or not now."""
        for file in self.fates:
            if not isinstance(file, Missing):
                file.close()
        self.fates.clear()
        self.http = None


class Failed(Protocol):
    """Notes that an attempt failed and will be repeated."""

    def __call__(self, slot: Slot[Work], work: Work, error: str, stage: Stage) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the life of a record does for its files. `go_on`: something may start now."""

    failed: Failed
    give_up: Callable[[Partition, Slot[Work], Work, Failure], None]
    go_on: Callable[[], None]


class Attaching:
    """Of the whole process; on the event loop."""

    def __init__(
        self, world: World, retry: RetryPolicy, dispatch: Dispatch[Work], tasks: TaskGroup, around: Around
    ) -> None:
        self._files = world.files
        self._clock = world.clock
        self._telemetry = world.telemetry
        self._log = world.log
        self._retry = retry
        self._dispatch = dispatch
        self._tasks = tasks
        self._around = around
        self._served = Served()
        self._gathered: dict[Work, Gathered] = {}

    def http(self, work: Work) -> HttpRequest | None:
        """The request whose turn it is, as it is sent; None: its files must be fetched first."""
        if work.request.form is None:
            return work.request.http
        gathered = self._gathered.get(work)
        return gathered.http if gathered is not None else None

    def fetch(self, part: Partition, slot: Slot[Work]) -> None:
        """Its files are missing: let its slot go, and queue it again when they are here. A revoke ends this at once."""
        self._dispatch.settling(slot)
        task = self._tasks.create_task(self._fetch(part, slot, slot.head))
        part.fetches.add(task)
        task.add_done_callback(part.fetches.discard)

    def give_back(self, work: Work) -> None:
        """Its request is over, or held: it needs its files no more, or not now."""
        if (gathered := self._gathered.pop(work, None)) is not None:
            gathered.give_back()

    def forget(self, part: Partition) -> None:
        """The partition is gone, and nothing of it runs any more."""
        for work in [work for work in self._gathered if work.ledger is part.ledger]:
            self.give_back(work)

    async def _fetch(self, part: Partition, slot: Slot[Work], work: Work) -> None:
        gathered = self._gathered.setdefault(work, Gathered())
        form = work.request.form
        assert form is not None, "it has files to fetch"
        for file in form.remote[len(gathered.fates) :]:
            room = form.room - sum(kept.size for kept in gathered.fates if not isinstance(kept, Missing))
            if not await self._one(part, slot, work, gathered, file, room):
                return
        http = work.request.with_files(gathered.fates)
        if isinstance(http, Invalid):
            self._give_up(part, slot, work, http.reason, f"{http.path} {http.message}")
            return
        gathered.http = http
        self._dispatch.again(slot, work.request.channel, None)
        self._around.go_on()

    async def _one(
        self, part: Partition, slot: Slot[Work], work: Work, gathered: Gathered, file: RemoteFile, room: int
    ) -> bool:
        """One attempt at one file. False: nothing more of this record is fetched now."""
        if gathered.evidence_from is None:
            gathered.evidence_from = self._clock.monotonic()
        answer = await self._ask(file, room)
        now = self._clock.monotonic()
        host = "" if self._files is None else self._files.host(file)
        attempt = FetchAttempt(
            number=gathered.attempts + 1,
            counted=gathered.counted,
            evidence=self._served.since(host, gathered.evidence_from),
            on_unavailable=work.request.on_attachment_unavailable,
        )
        if isinstance(answer, Fetched):
            self._served.note(host, now)
        decision = decide_fetch(
            answer, attempt, work.policy(self._retry), now=now, jitter=self._clock.jitter()
        )
        match decision:
            case Have(kept):
                gathered.fates.append(kept)
                gathered.next_file()
                return True
            case Without(why):
                self._log.warning("attachment.left_out", **coordinates(work.record), reason=why)
                gathered.fates.append(Missing(file.name))
                gathered.next_file()
                return True
            case FetchAgain(at=at, error=error, counts=counts):
                self._around.failed(slot, work, error, "attach")
                gathered.attempts += 1
                gathered.counted += counts
                gathered.evidence_from = now
                if error == "no_room":
                    gathered.give_back()
                self._dispatch.again(slot, work.request.channel, at)
                self._around.go_on()
            case NeverComes(reason=reason, message=message):
                self._give_up(part, slot, work, reason, message)
            case _:
                assert_never(decision)
        return False

    async def _ask(self, file: RemoteFile, room: int) -> FetchAnswer:
        if self._files is None:
            return NotAllowed("this process fetches no files")
        answer = await self._files.fetch(file, room)
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
