"""The hosts of the files that records name, a member's own side of them, and what is seen of its files from outside.

A host answers late, or not before a hang ends, or not at all; what it served is kept by the process that asked, in its own
little room, and is gone with the process. Laws are told of each attempt, of each file kept and given back, and of each request.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from connector.core.fetching import result_of
from connector.core.files import (
    FetchAnswer,
    Fetched,
    Gone,
    HostFailed,
    NoRoom,
    NotAllowed,
    RemoteFile,
    TooLarge,
)
from connector.core.http_request import HttpRequest
from connector.core.records import TopicPartition
from tests.simulation import laws, operator_laws
from tests.simulation.coordinator import Committed
from tests.simulation.kernel import Kernel, Process
from tests.simulation.log import FileKind, Stored
from tests.simulation.plan import CALM_AT
from tests.simulation.records import HOSTS, ROOM, host_of

if TYPE_CHECKING:
    from tests.simulation.watched import Watched
    from tests.simulation.witness import Witness

FileSpellKind = Literal["down", "hangs", "slow", "gone", "fails"]
_SIZES: dict[FileKind, int] = {"here": 3, "gone": 3, "broken": 3, "large": ROOM + 1, "refused": 3}


class Place(NamedTuple):
    """A file, as its URL says: of which record and request, and which of its files."""

    n: int
    request: int
    which: int


def _place(file: RemoteFile) -> Place:
    n, request, which = file.url.split("/")[3:6]
    return Place(int(n), int(request), int(which))


@dataclass(frozen=True, slots=True)
class FileSpell:
    """For a time, a share of a host's answers (None: of both hosts') are so."""

    kind: FileSpellKind
    until: float
    share: float
    host: str | None


@dataclass(slots=True)
class FileHosts:
    """All members' hosts. `stuck_from`: the first host hangs from then on, also after all faults, until `mend`."""

    kernel: Kernel
    random: Random
    records: Sequence[Stored]
    stuck_from: float | None
    spells: list[FileSpell] = field(default_factory=list)

    def mend(self) -> None:
        """It hangs no more."""
        self.stuck_from = None

    def waits(self, stored: Stored) -> bool:
        """A file of it lies, for all that is known, where nobody answers."""
        if self.stuck_from is None or stored.files is None:
            return False
        return any(host_of(stored.n, which) == HOSTS[0] for which in range(len(stored.files.kinds)))

    def others(self, room: int, committed: Mapping[TopicPartition, Committed]) -> list[Stored]:
        """Records without a fate that wait for no host that hangs: not themselves, nor behind one of their key, nor for room in
        a partition's intake, which is `room` records.

        Waited for is also what the log holds no more, and what was accepted of a former owner who did not commit it.
        """
        keys: set[object] = set()
        free, waiting = [], []
        for stored in self.records:
            held = committed.get(stored.tp)
            read = not stored.resolved or held is None or stored.offset >= held.offset
            if read and (stored.key in keys or self.waits(stored)):
                keys.add(stored.key)
                waiting.append(stored.tp)
            elif not stored.resolved and stored.gone is None:
                free.append(stored)
        # A partition that was paused goes on below half of its bound.
        return [stored for stored in free if waiting.count(stored.tp) < max(1, room // 2)]

    async def answer(self, host: str, place: Place, most: int) -> FileKind | FetchAnswer:
        """What it says, or that it serves the file."""
        random, kernel, named = self.random, self.kernel, self.records[place.n].files
        assert named is not None, "nobody asks for what no record names"
        kind = named.kinds[place.which]
        if kind == "refused":  # nobody is asked
            return NotAllowed(f"{host} is not listed")
        while self.stuck_from is not None and kernel.now >= self.stuck_from and host == HOSTS[0]:
            await asyncio.sleep(1.0)
        late = random.random() < 0.05
        await asyncio.sleep(random.uniform(0.3, 2.0) if late else random.uniform(0.005, 0.1))
        match self._spell(host):
            case FileSpell("slow"):
                await asyncio.sleep(random.uniform(0.3, 3.0))
            case FileSpell("hangs", until):
                await asyncio.sleep(random.uniform(0.5, 1.2) * max(0.5, until - kernel.now))
                return HostFailed("timeout", f"{host}: no whole file")
            case FileSpell("gone"):
                return Gone(f"{host} answered 404")
            case FileSpell(failure):
                error = "connect" if failure == "down" else "503"
                return HostFailed(error, f"{host} failed", 1.0 if random.random() < 0.2 else None)
        # Once the faults are over a broken file is whole, and one that is waited for is uploaded.
        calm = kernel.now >= CALM_AT
        if kind == "gone" and not (calm and named.rule == "wait"):
            return Gone(f"{host} answered 410")
        if kind == "broken" and not calm:
            return HostFailed("500", f"{host} answered 500")
        return TooLarge(_SIZES[kind]) if _SIZES[kind] > most else kind

    def _spell(self, host: str) -> FileSpell | None:
        for spell in self.spells:
            ours = self.kernel.now < spell.until and spell.host in (None, host)
            if ours and (spell.share >= 1.0 or self.random.random() < spell.share):
                return spell
        return None


@dataclass(slots=True, eq=False)
class SimFile:
    """Implements `core.files.StoredFile`: a file that its process keeps."""

    side: "FileSide"
    place: Place
    size: int
    opened_at: float
    name: str = "a.wav"
    content_type: str = "audio/wav"
    sha256: str = ""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Nobody reads it here: a request's content is its record's number."""
        yield b""

    def close(self) -> None:
        """It is given back."""
        if self.side.kept.get(self.place) is self:
            del self.side.kept[self.place]


@dataclass(slots=True)
class Tally:
    """The failures at one file under one assignment. `since`: what its host serves after it speaks against the file.

    `not_before`: its host has asked to be left alone until then.
    """

    since: float
    counted: int = 0
    not_before: float = 0.0


@dataclass(slots=True, eq=False)
class FileSide:
    """Implements `ports.FileSource` for one process, and remembers what passed. `room`: files that it keeps at most."""

    process: Process
    hosts: FileHosts
    witness: "Witness"
    room: int
    full_until: float = 0.0
    kept: dict[Place, SimFile] = field(default_factory=dict)
    under_way: set[Place] = field(default_factory=set)
    served: dict[str, float] = field(default_factory=dict)
    """Host -> when it last served a file to this process."""
    tallies: dict[tuple[int, Place], Tally] = field(default_factory=dict)
    """(assignment, file) -> how it failed."""
    told: dict[Place, set[str]] = field(default_factory=dict)
    """What was ever said of a file that says that it will not come."""

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    def host(self, file: RemoteFile) -> str:
        return file.url.split("/")[2]

    async def fetch(self, file: RemoteFile, most: int) -> FetchAnswer:
        place, host = _place(file), self.host(file)
        kernel = self.process.kernel
        stored = self.hosts.records[place.n]
        given = self.watched.present(stored.tp, kernel.now)
        given = given if given is not None and given.claimed_at is not None else None
        tally = None if given is None else self.tallies.setdefault((given.serial, place), Tally(kernel.now))
        laws.law_16_fetched_once(self.witness, self, place, tally)
        operator_laws.law_17_nothing_begins_in_a_pause(
            self.witness, self.watched, f"the fetch of {tuple(place)}"
        )
        self.under_way.add(place)
        try:
            answer = await self.hosts.answer(host, place, most)
        finally:
            self.under_way.discard(place)
        if isinstance(answer, str):
            answer = self._keep(place, _SIZES[answer])
        self._heard(host, place, tally, answer)
        if kernel.lines is not None:
            kernel.trace(self.process.name, f"file {tuple(place)} of {host}: {result_of(answer)}")
        return answer

    def _keep(self, place: Place, size: int) -> FetchAnswer:
        now = self.process.kernel.now
        if now < self.full_until or len(self.kept) >= self.room:
            return NoRoom("full")
        file = self.kept[place] = SimFile(self, place, size, now)
        return Fetched(file)

    def _heard(self, host: str, place: Place, tally: Tally | None, answer: FetchAnswer) -> None:
        now = self.process.kernel.now
        match answer:
            case Fetched():
                self.served[host] = now
            case HostFailed() if tally is not None:
                tally.counted += self.served.get(host, -1.0) > tally.since
                tally.not_before = now + (answer.retry_after_s or 0.0)
            case Gone() | NotAllowed() | TooLarge():
                self.told.setdefault(place, set()).add(type(answer).__name__)
        if tally is not None:
            tally.since = now

    @property
    def watched(self) -> "Watched":
        """Its process."""
        return self.witness.watched[self.process]

    def lacks(self, stored: Stored, which: int, words: Sequence[str]) -> bool:
        """Whether this process has heard that the file will not come, by one of these words or by its failures."""
        place = Place(stored.n, stored.with_files, which)
        given = self.watched.given(stored.tp)
        tally = self.tallies.get((given.serial, place)) if given is not None else None
        failed = tally is not None and tally.counted >= self.witness.bounds.attempts
        return any(word in self.told.get(place, ()) for word in words) or ("HostFailed" in words and failed)

    # --- requests ---------------------------------------------------------------------------------------------

    def sends(self, request: HttpRequest) -> None:
        """A request leaves the connector's code, or its answer is there: its files are here."""
        if request.content and request.content_type is None:
            return  # a request without files
        if not request.content:
            self.witness.broken(16, f"a request of {self.process.name} is sent before its body is made")
            return
        n, index, _, *fates = request.content.split(b"|")
        place = Place(int(n), int(index), 0)
        laws.law_16_sent_with_its_files(self.witness, self, place, fates[0].decode() if fates else None)
