"""What the witness of a run remembers: who was assigned what and when, who sent what, what was answered.

It sees only what passes between the connector's code and the world, never the connector's own books. Each fact is told to the
laws that it concerns, at the moment in which it happens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.core.answers import Answer, Answered
from connector.core.dead_letter import DeadLetter
from connector.core.ledger import Runs
from connector.core.offset_map import Believed, LogIdentity, Refused, read
from connector.core.records import Channel, TopicPartition
from tests.simulation import laws, operator_laws
from tests.simulation.client import SimClient
from tests.simulation.coordinator import Committed, Entry, Member
from tests.simulation.front import Attempt
from tests.simulation.kernel import Kernel, Process
from tests.simulation.laws import Bounds, Violation
from tests.simulation.log import Cluster, PartitionLog, Stored
from tests.simulation.messages import INVALID, Fetch
from tests.simulation.records import SCHEMAS
from tests.simulation.watched import Assigned, Read, Tried, Watched

RELEASE_S = 1.0
"""A revoke gives its last commit that long at least."""


@dataclass(slots=True)
class Witness:
    """Implements the observers of client, coordinator, Front, dead letters and logs."""

    kernel: Kernel
    cluster: Cluster
    bounds: Bounds
    records: list[Stored] = field(default_factory=list)
    by_key: dict[object, list[Stored]] = field(default_factory=dict)
    last: dict[object, tuple[int, int, int]] = field(default_factory=dict)
    """Per key the newest (assignment, record, request) that arrived."""
    watched: dict[Process, Watched] = field(default_factory=dict)
    offsets: Mapping[TopicPartition, Committed] = field(default_factory=dict)
    """The coordinator's."""
    sound: dict[TopicPartition, tuple[PartitionLog, int, int]] = field(default_factory=dict)
    """The log, how often it was cut, and the offset: of commits by those who knew of all its cuts."""
    serials: int = 0
    violation: Violation | None = None

    def broken(self, law: int, text: str) -> None:
        """Remember the first violation; the run ends with it."""
        if self.violation is None:
            self.violation = Violation(law, text, self.kernel.now)
            self.kernel.trace("WITNESS", f"law {law}: {text}")

    # --- records ----------------------------------------------------------------------------------------------

    def written(self, stored: Stored) -> None:
        """A record is in the log."""
        self.records.append(stored)
        self.by_key.setdefault(stored.key, []).append(stored)
        stored.resolved = stored.kind == "skip" and stored.schema in {ref.id for ref in SCHEMAS}

    # --- the client -------------------------------------------------------------------------------------------

    def handed(self, client: SimClient, entries: Sequence[Entry]) -> None:
        laws.law_07_nothing_of_a_closed_epoch(self, client, entries)
        for entry in entries:
            given = self.watched[client.process].assigned.get(entry.tp)
            if given is not None:
                given.handed = entry

    def committed(self, process: Process, entries: Sequence[Entry], sent_at: float) -> None:
        watched = self.watched[process]
        watched.renewed = max(sent_at, watched.renewed or sent_at)
        for entry in entries:
            given = watched.assigned.get(entry.tp)
            if given is not None and given.claimed_at is None:
                given.claimed_at = self.kernel.now

    def read_committed(self, process: Process, tp: TopicPartition, offset: int, metadata: str) -> None:
        log = self.cluster.logs.get(tp)
        self.watched[process].read[tp] = Read(offset, metadata, log.stable if log is not None else 0)

    def read_end(self, process: Process, tp: TopicPartition, end: int) -> None:
        watched = self.watched[process]
        if tp in watched.read:
            watched.read[tp] = replace(watched.read[tp], end=end)

    def assigned(self, process: Process, fetch: Fetch) -> None:
        watched, log = self.watched[process], fetch.log
        held = watched.read.get(fetch.tp, Read(INVALID, "", 0))
        identity = LogIdentity(self.cluster.cluster_id, log.log_id)
        believed = read(held.text, identity, held.offset, held.end)
        missing = watched.missing.pop(fetch.tp, 0) is None
        covered: Runs = ()
        epoch: int | None = None
        if isinstance(believed, Believed) and held.offset == fetch.start and not missing:
            covered, epoch = believed.settled, believed.leader_epoch
        ended = watched.ended.get(fetch.tp)
        if ended is not None and ended[0] == self.kernel.now and log.cut:
            covered = ()  # begun again because the log was cut: with an empty map
        self.serials += 1
        given = watched.assigned[fetch.tp] = Assigned(
            self.serials, fetch.tp, log, fetch.start, held.text, covered, epoch, self.kernel.now
        )
        given.rewound, given.leader_epoch = log.cut, log.leader_epoch
        given.sound = not log.cut or self.sound.get(fetch.tp) == (log, log.cut, fetch.start)
        if held.offset >= 0 and held.offset != fetch.start and self._still(fetch.tp, held):
            laws.law_15_a_missing_offset_is_missing(self, fetch.tp, log)
        # By the end that was told: until the answer about a slower partition has come, the log may have grown past the offset.
        useless = missing or not log.low <= held.offset <= held.end or believed == Refused("topic")
        first_start = held.offset < 0 and self.bounds.start == "latest"
        if first_start or (useless and self.bounds.on_missing == "latest"):
            self.begin(log, fetch.start)

    def unassigned(self, process: Process, tp: TopicPartition) -> None:
        watched = self.watched[process]
        given = watched.assigned.pop(tp, None)
        if given is None:
            return
        watched.ended[tp] = (self.kernel.now, given)
        client = watched.client
        if watched.files.kept:  # what the loop is told now it does in this instant
            process.after(0.001, laws.law_16_given_back, self, watched)
        # A thread that was away for a second may not have heard of the last commit.
        heard = self.kernel.now - watched.polled_at < RELEASE_S
        if client is not None and client.in_callback == "revoke" and heard and watched.stopping is None:
            self._released(watched, given, given.handed, watched.polled_at)

    def stopped(self, process: Process, *, clean: bool) -> None:
        """It has given everything back and says whether all of it was acknowledged."""
        watched = self.watched[process]
        laws.law_16_nothing_is_left(self, watched.files)
        if not clean or watched.stopping is None:
            return
        client = watched.client
        # What a revoke gave back before the stop began is the revoke's, whose commit may never be answered.
        revoking = (
            client is not None and client.in_callback == "revoke" and watched.polled_at < watched.stopping
        )
        for tp, given in () if revoking else watched.assigned.items():
            held = self.offsets.get(tp)
            entry = Entry(tp, held.offset, held.metadata, held.leader_epoch) if held is not None else None
            self._released(watched, given, entry, watched.stopping)

    def _released(self, watched: Watched, given: Assigned, entry: Entry | None, began: float) -> None:
        """`began`: while a claim is out letters are written already; acknowledged after that, no other commit follows it."""
        lost = given.tp in watched.missing or self.cluster.logs.get(given.tp) is not given.log
        # Made anew between two questions of a look-up: it ends without a last commit as soon as the new id is heard of.
        lost = lost or (given.handed is not None and self.is_former(given.log, given.handed))
        claimed = given.claimed_at is not None and given.claimed_at <= began
        if claimed and given.sound_yet and not lost:
            whole = self.bounds.whole_maps and not given.told_too_large
            laws.law_14_the_last_commit_names_all(self, given, entry, whole=whole)

    def _still(self, tp: TopicPartition, read_before: Read) -> bool:
        held = self.offsets.get(tp)
        return held is not None and (held.offset, held.metadata) == (read_before.offset, read_before.text)

    def offset_missing(self, process: Process, tp: TopicPartition) -> None:
        self.watched[process].missing[tp] = None

    def polled(self, client: SimClient, after: float) -> None:
        laws.law_09_polls_are_never_late(self, client, after)
        watched = self.watched[client.process]
        watched.client, watched.polled_at = client, self.kernel.now

    def begin(self, log: PartitionLog, offset: int) -> None:
        """A policy says that nothing below this offset is wanted."""
        log.start = max(log.start, offset)
        for stored in log.records:
            if stored.offset < offset and stored.gone is None and not stored.resolved:
                stored.gone = "policy"

    # --- the coordinator --------------------------------------------------------------------------------------

    def applied(self, client: Member | None, entry: Entry) -> None:
        assert client is None or isinstance(client, SimClient)
        log = self.cluster.logs.get(entry.tp)
        if log is None:
            return
        if client is None:
            self.begin(log, entry.offset)  # an operator may pass over what he likes
            self.sound[entry.tp] = (log, log.cut, entry.offset)
            return
        watched = self.watched[client.process]
        given = watched.given(entry.tp)
        if given is None:
            if self.bounds.start == "latest" and client.epoch == -1:
                self.begin(log, entry.offset)
            return
        # A claim repeats what was committed before the log was cut; the first fetch will tell.
        repeated = not given.sound and entry.offset == given.start
        if given.log is not log or repeated or self.is_former(log, entry):
            return
        laws.law_02_a_commit_is_true(self, given, log, entry)
        if given.sound_yet:
            self.sound[entry.tp] = (log, log.cut, entry.offset)

    def too_large(self, client: Member, entry: Entry) -> None:
        assert isinstance(client, SimClient)
        given = self.watched[client.process].given(entry.tp)
        if given is not None:
            given.told_too_large = True

    def is_former(self, log: PartitionLog, entry: Entry) -> bool:
        """Its text names the topic that was here before: whoever reads it knows that the offset means nothing."""
        identity = LogIdentity(self.cluster.cluster_id, log.log_id)
        return read(entry.metadata, identity, entry.offset) == Refused("topic")

    # --- Front ------------------------------------------------------------------------------------------------

    def starts(self, process: Process, stored: Stored, index: int, channel: Channel) -> int:
        watched = self.watched[process]
        given = watched.present(stored.tp, self.kernel.now)
        laws.law_10_claim_and_lease(self, watched, given, stored)
        operator_laws.law_17_nothing_begins_in_a_pause(self, watched, f"{stored.tp}@{stored.offset}")
        if given is None:
            return 0
        laws.law_04_a_second_send_has_a_cause(self, given, stored, index)
        operator_laws.law_17_nothing_is_sent_behind_its_letter(self, given, stored)
        laws.law_06_pace(self, watched, channel)
        laws.law_11_an_unknown_key_is_a_wall(self, watched, given, stored)
        given.outcomes[stored.n, index] = "in flight"
        tried = given.tried.get(stored.n)
        if tried is None or tried.index != index:
            given.tried[stored.n] = Tried(index, self.kernel.now)
        return given.serial

    def sent(self, attempt: Attempt) -> None:
        """The same, once it is an attempt."""
        watched = self.watched[attempt.process]
        given = watched.given(attempt.stored.tp)
        attempt.former = given is not None and given.log.log_id != attempt.stored.log_id
        watched.in_flight[id(attempt)] = attempt
        laws.law_05_in_flight(self, watched)

    def arrived(self, attempt: Attempt) -> None:
        laws.law_03_order(self, attempt)
        stored = attempt.stored
        if attempt.status == 202 and attempt.index == stored.accepted:
            stored.accepted += 1
            if stored.accepted == stored.requests:
                stored.resolved = True

    def answered(self, attempt: Attempt, answer: Answer) -> None:
        watched = self._ended(attempt)
        status = answer.status if isinstance(answer, Answered) else 0
        self._outcome(attempt, "accepted" if status == 202 else "refused")
        stored = attempt.stored
        for given in self._assignments(attempt):
            tried = given.tried[stored.n]
            if status == 202 and attempt.index == stored.requests - 1:
                given.settled.add(stored.n)
            elif status == 0 or status >= 500:
                tried.counted += watched.accepted_at is not None and watched.accepted_at > tried.since
                tried.since = self.kernel.now
        watched.answers.setdefault(stored.n, set()).add(status)
        if status == 202:
            watched.accepted_at = self.kernel.now
        if status == 429:
            assert isinstance(answer, Answered)
            scope = "channel" if "x-ratelimit-remaining" in answer.headers else "company"
            name = attempt.channel.real_id if scope == "channel" else attempt.channel.company
            watched.closed[scope, name] = self.kernel.now + laws.RETRY_AFTER_S

    def cancelled(self, attempt: Attempt) -> None:
        watched = self._ended(attempt)
        self._outcome(attempt, "cancelled")
        if watched.client is not None and watched.client.in_callback == "revoke":
            # Only if it goes with the revoke: what was lost in this instant is cut off.
            for given in self._assignments(attempt) if attempt.stored.tp in watched.assigned else ():
                laws.law_14_a_revoke_drains(self, watched, given, attempt.stored)

    def _ended(self, attempt: Attempt) -> Watched:
        watched = self.watched[attempt.process]
        watched.in_flight.pop(id(attempt), None)
        return watched

    def _outcome(self, attempt: Attempt, outcome: str) -> None:
        for given in self._assignments(attempt):
            given.outcomes[attempt.stored.n, attempt.index] = outcome

    def _assignments(self, attempt: Attempt) -> list[Assigned]:
        given = self.watched[attempt.process].present(attempt.stored.tp, self.kernel.now)
        return [given] if given is not None and given.serial == attempt.assignment else []

    # --- dead letters and log lines ---------------------------------------------------------------------------

    def letter(self, process: Process, letter: DeadLetter, stored: Stored) -> None:
        reasons: Mapping[str, bytes | None] = dict(letter.headers)
        watched = self.watched[process]
        reason = (reasons["front.reason"] or b"").decode()
        laws.law_08_dead_letters(self, watched, stored, reason)
        if reason in ("mapping_failed", "schema_missing") and stored.n not in watched.letters:
            what = f"the letter of {stored.tp}@{stored.offset}"
            operator_laws.law_17_nothing_begins_in_a_pause(self, watched, what)
        watched.letters.add(stored.n)

    def acknowledged(self, process: Process, stored: Stored) -> None:
        stored.lettered = stored.resolved = True
        given = self.watched[process].assigned.get(stored.tp)
        if given is not None:
            given.settled.add(stored.n)
            given.lettered.add(stored.n)

    def leaked(self, event: str) -> None:
        self.broken(13, f"the log line {event} shows a payload or a token")
