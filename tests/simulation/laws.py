"""The laws, a function each (some have more), checked in the moment of the event that may break them.

1 no loss · 2 a commit is true · 3 order per key by arrival · 4 a second send has a cause · 5 bounds · 6 pace · 7 nothing of a
closed epoch · 8 dead letters · 9 progress · 10 claim and lease · 11 an unknown key is a wall · 12 a map is believed only with
its identity · 13 no payload or token in a log line (in `services.Lines`) · 14 a revoke drains, and the last commit of an
assignment names all that it settled · 15 an offset is called missing only if it is · 16 files are here while their request is
sent, fetched once, and given back. Law 17, about operators, is in `operator_laws`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.core.decode import SchemaId
from connector.core.mapping import OnMissingOffset, Start
from connector.core.offset_map import Believed, LogIdentity, read
from connector.core.records import Channel, TopicPartition
from tests.simulation.kernel import Life
from tests.simulation.records import SCHEMAS

if TYPE_CHECKING:
    from tests.simulation.client import SimClient
    from tests.simulation.coordinator import Entry
    from tests.simulation.files import FileSide, Place, Tally
    from tests.simulation.front import Attempt
    from tests.simulation.log import PartitionLog, Stored
    from tests.simulation.watched import Assigned, Watched
    from tests.simulation.witness import Witness

TINY = 1e-6
RETRY_AFTER_S = 1.0
"""What Front says with every 429."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the connector was configured to keep to. Seconds, unless the name says otherwise."""

    deadline: float
    session: float
    max_poll: float
    in_flight: int
    partition_records: int
    attempts: int
    """Failures that must count before a record is given up."""
    revoke: float
    """What a revoke may wait for requests in flight."""
    whole_maps: bool
    """The coordinator takes all that a map can say."""
    channel_per_second: int
    company_per_minute: int
    on_missing: OnMissingOffset
    start: Start


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that was broken, and when."""

    law: int
    text: str
    at: float


def law_01_no_loss(witness: Witness) -> None:
    """At the end: every record that is in the log, or was until it was deleted after delivery, has its fate."""
    for stored in witness.records:
        if stored.gone is None and not stored.resolved:
            witness.broken(1, f"record {stored.n} at {stored.tp}@{stored.offset} ({stored.kind}) has no fate")
            return


def law_02_a_commit_is_true(witness: Witness, given: Assigned, log: PartitionLog, entry: Entry) -> None:
    """When it is applied: all below the offset, and all that the map names, is settled; the sequence never falls.

    Of a log that was cut under the assignment only what later leaders wrote cannot be known to it.
    """
    if given.committed is not None and entry.offset < given.committed:
        witness.broken(2, f"{entry.tp}: committed {entry.offset} after {given.committed} in one assignment")
    given.committed = entry.offset
    believed = read(entry.metadata, LogIdentity(witness.cluster.cluster_id, log.log_id), entry.offset)
    runs, newest = (believed.settled, believed.leader_epoch) if isinstance(believed, Believed) else ((), None)
    for stored in log.records:
        if stored.gone is not None or stored.resolved or given.cannot_know(stored):
            continue
        # A map means no record that a later leader wrote than the one it names.
        meant = newest is not None and stored.leader_epoch <= newest
        named = meant and any(first <= stored.offset < end for first, end in runs)
        if stored.offset >= entry.offset and not named:
            continue
        foreign = _claims(given, stored.offset)
        witness.broken(
            12 if foreign else 2,
            f"{entry.tp}: {'a map' if named else 'an offset'} at {entry.offset} passes record {stored.n}"
            f"@{stored.offset} ({stored.kind}), which is not settled",
        )
        return


def _claims(given: Assigned, offset: int) -> bool:
    """The text that came with the assignment's offset names it, but its identity is false."""
    parts = given.text.split(";")
    if given.covered or len(parts) < 5 or not parts[3].isdigit():
        return False
    believed = read(given.text, LogIdentity(parts[1], parts[2]), int(parts[3]))
    return isinstance(believed, Believed) and any(first <= offset < end for first, end in believed.settled)


def law_03_order(witness: Witness, attempt: Attempt) -> None:
    """By arrival: a key's requests come in the order of assignments, then records, then requests.

    Not while a topic that was made anew is read on at the old one's position, as a client does that nobody tells: that begins
    in the middle, and ends when the new id is heard of: then the topic's policy says where its order begins.
    """
    stored = attempt.stored
    assert attempt.arrived_at is not None
    too_late = attempt.arrived_at > attempt.sent_at + witness.bounds.deadline + TINY
    if attempt.former or attempt.assignment == 0 or too_late:
        return
    order = (attempt.assignment, stored.n, attempt.index)
    last = witness.last.get(stored.key)
    if last is not None and order < last and stored.gone is None:
        witness.broken(3, f"key {stored.conversation} of {stored.tp}: {order} arrived after {last}")
    witness.last[stored.key] = max(order, last or order)
    if attempt.status != 202:
        return
    for before in witness.by_key[stored.key]:
        if before.n >= stored.n:
            break
        # What cannot even be decoded has no key.
        if not before.resolved and before.gone is None and SchemaId(before.schema) in SCHEMAS:
            witness.broken(
                3, f"{stored.tp}: record {stored.n} was accepted before {before.n} of its key was settled"
            )
            return


def law_04_a_second_send_has_a_cause(witness: Witness, given: Assigned, stored: Stored, index: int) -> None:
    """Within an assignment a refusal or an unknown outcome; over assignments that no commit told of the acceptance."""
    outcome = given.outcomes.get((stored.n, index))
    if outcome in ("accepted", "in flight"):
        witness.broken(4, f"{stored.tp}@{stored.offset}: request {index} is sent again while {outcome}")
    if given.log.log_id != stored.log_id:
        return
    if stored.offset < given.start or given.covers(stored):
        witness.broken(4, f"{stored.tp}@{stored.offset} is sent though the commit it began from says settled")


def law_05_in_flight(witness: Witness, watched: Watched) -> None:
    """Never more requests at once than configured."""
    if len(watched.in_flight) > witness.bounds.in_flight:
        witness.broken(5, f"{watched.process.name} has {len(watched.in_flight)} requests in flight")


def law_05_buffered(witness: Witness, name: str, unsettled: int, most: int) -> None:
    """Never more records in memory than configured, and what the polls bring before the pause is done."""
    if unsettled > most:
        witness.broken(5, f"{name} keeps {unsettled} records of a partition, {most} at most")


def law_06_pace(witness: Witness, watched: Watched, channel: Channel) -> None:
    """Spacing per channel, count per company and minute, and nothing of a scope that a 429 has closed."""
    now = witness.kernel.now
    bounds = witness.bounds
    for scope, name in (("channel", channel.real_id), ("company", channel.company)):
        until = watched.closed.get((scope, name))
        if until is None or until - now <= TINY:
            continue
        # After a thaw all is due at once: what is heard in that very instant may have come after the decision to send.
        if until - now < RETRY_AFTER_S - TINY or watched.process.thawed_at != now:
            witness.broken(6, f"{name} is asked {until - now:.3f} s before its Retry-After ends")
    if bounds.channel_per_second:
        starts = watched.starts.setdefault(channel.real_id, [])
        if starts and now - starts[-1] < 1 / bounds.channel_per_second - TINY:
            witness.broken(6, f"{channel.real_id}: two starts {now - starts[-1]:.3f} s apart")
        starts.append(now)
    if bounds.company_per_minute:
        starts = watched.starts.setdefault(channel.company, [])
        starts.append(now)
        if sum(start > now - 60.0 for start in starts) > bounds.company_per_minute:
            witness.broken(6, f"{channel.company}: too many starts within a minute")


def law_07_nothing_of_a_closed_epoch(witness: Witness, client: SimClient, entries: Sequence[Entry]) -> None:
    """What is handed to the client is assigned to it now, and no further than it was read."""
    if not client.subscribed:
        return  # a first start's offsets, before the group is joined
    for entry in entries:
        fetch = client.assigned.get(entry.tp)
        if fetch is None:
            witness.broken(7, f"{entry.tp}@{entry.offset} is committed though it is not assigned")
        elif entry.tp in witness.watched[client.process].missing and client.in_callback is None:
            # Told between two polls; a callback in the same batch comes before the app has looked at it.
            witness.broken(7, f"{entry.tp}@{entry.offset} is committed though its position is gone")
        elif entry.offset > max(fetch.app, fetch.start) and fetch.start >= 0:
            witness.broken(7, f"{entry.tp}@{entry.offset} is committed, but read only to {fetch.app}")


def law_08_dead_letters(witness: Witness, watched: Watched, stored: Stored, reason: str) -> None:
    """A letter has a reason that is true; a failure of the far side only with evidence that the far side works."""
    answers = watched.answers.get(stored.n, set())
    given = watched.given(stored.tp)
    if given is not None and stored.n in given.lettered:
        witness.broken(8, f"{stored.tp}@{stored.offset} is dead-lettered again, though that was acknowledged")
    match reason:
        case "mapping_failed":
            true = stored.kind == "bad"
        case "schema_missing":
            true = SchemaId(stored.schema) in watched.registry.asked
        case "front_rejected":
            true = 400 in answers
        case "not_found":
            true = 404 in answers
        case "retries_exhausted":
            tried = given.tried.get(stored.n) if given is not None else None
            true = tried is not None and tried.counted >= witness.bounds.attempts
        case "operator_skip":
            true = (stored.tp, stored.offset) in watched.by_hand
        case "attachment_unavailable" | "attachment_rejected":
            true = _will_not_come(watched.files, stored, reason)
        case _:
            true = False
    if not true:
        witness.broken(8, f"{stored.tp}@{stored.offset} ({stored.kind}) is dead-lettered as {reason}")


def _will_not_come(side: FileSide, stored: Stored, reason: str) -> bool:
    """This process has heard so of a file, in a way in which its rule does not wait or go on without it."""
    if stored.files is None or stored.files.rule == "send_without":
        return False
    words: tuple[str, ...] = ("TooLarge",)
    if reason == "attachment_unavailable":
        words = ("NotAllowed",) if stored.files.rule == "wait" else ("Gone", "NotAllowed", "HostFailed")
    return any(side.lacks(stored, which, words) for which in range(len(stored.files.kinds)))


def law_09_polls_are_never_late(witness: Witness, client: SimClient, after: float) -> None:
    """A member that is not frozen polls within max.poll.interval."""
    if after > witness.bounds.max_poll and not client.was_frozen:
        witness.broken(9, f"{client.name} did not poll for {after:.1f} s")
    client.was_frozen = False


def law_09_a_stop_ends(witness: Witness, name: str, took: float, bound: float) -> None:
    """Within its deadline."""
    if took > bound:
        witness.broken(9, f"{name} took {took:.1f} s to stop, {bound:.1f} s at most")


def law_09_progress(witness: Witness, unsettled: int, behind: Sequence[str], waited: float) -> None:
    """Once faults have ended everything settles and is committed. `behind`: partitions that are not committed."""
    missing = f"{unsettled} records are not settled" if unsettled else "everything is settled"
    commits = f"; not committed: {', '.join(behind)}" if behind else ""
    witness.broken(9, f"{missing}{commits}, {waited:.0f} s after the last fault")


def law_10_claim_and_lease(
    witness: Witness, watched: Watched, given: Assigned | None, stored: Stored
) -> None:
    """A request starts only under an assignment whose claim was acknowledged, and while a commit's lease lives."""
    where = f"{stored.tp}@{stored.offset} by {watched.process.name}"
    if given is None:
        witness.broken(10, f"{where} is sent though its partition is not assigned")
        return
    if given.claimed_at is None:
        witness.broken(10, f"{where} is sent before its claim")
    lease = witness.bounds.session - witness.bounds.deadline
    if watched.renewed is None or witness.kernel.now > watched.renewed + lease + TINY:
        witness.broken(10, f"{where} is sent without a lease, renewed last at {watched.renewed}")


def law_11_an_unknown_key_is_a_wall(
    witness: Witness, watched: Watched, given: Assigned, stored: Stored
) -> None:
    """Nothing starts behind a record whose key nobody can know yet."""
    for before in given.log.records:
        if (
            given.start <= before.offset < stored.offset
            and not before.resolved
            and before.gone is None
            and not given.cannot_know(before)
            and SchemaId(before.schema) not in watched.registry.known
            and SchemaId(before.schema) not in watched.registry.asked
            and not given.covers(before)
        ):
            witness.broken(
                11, f"{stored.tp}@{stored.offset} starts before the key at {before.offset} is known"
            )
            return


def law_14_a_revoke_drains(witness: Witness, watched: Watched, given: Assigned, stored: Stored) -> None:
    """Within its bound it ends no request. That ends also what a cut has made another log, and what a stop ends."""
    took = witness.kernel.now - watched.polled_at
    if took < witness.bounds.revoke - TINY and given.sound_yet and watched.stopping is None:
        witness.broken(
            14, f"{stored.tp}@{stored.offset} is cut off by a revoke {took:.3f} s after it began, or sooner"
        )


def law_14_the_last_commit_names_all(
    witness: Witness, given: Assigned, entry: Entry | None, *, whole: bool
) -> None:
    """All that was settled under an assignment is below the offset of its last commit, or named by its map.

    `whole`: the coordinator takes the whole map. Otherwise only what lies below the first that is not settled counts.
    """
    offset = entry.offset if entry is not None else given.start
    identity = LogIdentity(witness.cluster.cluster_id, given.log.log_id)
    believed = read(entry.metadata, identity, entry.offset) if entry is not None else None
    runs = believed.settled if isinstance(believed, Believed) else ()
    for stored in given.log.records:
        if stored.offset < given.start:
            continue
        if stored.n not in given.settled:
            if not whole and not given.covers(stored):
                return
            continue
        if stored.offset >= offset and not any(first <= stored.offset < end for first, end in runs):
            witness.broken(
                14, f"{given.tp}@{stored.offset} was settled, but its last commit ({offset}) does not say so"
            )
            return


def law_15_a_missing_offset_is_missing(witness: Witness, tp: TopicPartition, log: PartitionLog) -> None:
    """An offset that the log holds under its leader epoch, with a text of ours, is not given up. Call when it was."""
    held = witness.offsets.get(tp)
    if held is None or held.leader_epoch is None or not log.low <= held.offset <= log.stable:
        return
    ours = read(held.metadata, LogIdentity(witness.cluster.cluster_id, log.log_id), held.offset)
    if isinstance(ours, Believed) and log.end_of_epoch(held.leader_epoch) >= held.offset:
        witness.broken(15, f"{tp}: the committed offset {held.offset} is given up, though the log holds it")


def law_16_sent_with_its_files(witness: Witness, side: FileSide, place: Place, fates: str | None) -> None:
    """When a request leaves, and when its answer is there: its process keeps each of its files, or it goes without, rightly.

    `place`: of its first file. `fates`: a letter for each (see `records.CheapForm`); None: none came.
    """
    stored = witness.records[place.n]
    if stored.files is None or place.request != stored.with_files:
        return
    where = f"{stored.tp}@{stored.offset} by {side.process.name}"
    if fates is None or len(fates) != len(stored.files.kinds):
        witness.broken(16, f"{where} is sent before its files are here")
        return
    words = ("Gone", "NotAllowed", "TooLarge", "HostFailed")
    for which, fate in enumerate(fates):
        if fate == "h" and place._replace(which=which) not in side.kept:
            witness.broken(16, f"{where} is sent though its file {which} is not kept")
        left_out = stored.files.rule == "send_without" and side.lacks(stored, which, words)
        if fate == "m" and not left_out:
            witness.broken(16, f"{where} is sent without its file {which}")


def law_16_fetched_once(witness: Witness, side: FileSide, place: Place, tally: Tally | None) -> None:
    """Not while it is kept or under way, and no sooner than its host wants. `tally`: under a claimed assignment, if it is."""
    where = f"file {tuple(place)} by {side.process.name}"
    if tally is None:
        witness.broken(16, f"{where} is fetched though its partition is not assigned and claimed")
    elif witness.kernel.now < tally.not_before - TINY:
        witness.broken(16, f"{where} is fetched before its Retry-After ends")
    if place in side.kept or place in side.under_way:
        again = "kept" if place in side.kept else "under way"
        witness.broken(16, f"{where} is fetched again, though it is {again}")


def law_16_given_back(witness: Witness, watched: Watched) -> None:
    """Nothing is kept of a request that is over, nor of a partition that is gone."""
    process, now = watched.process, witness.kernel.now
    if process.life is not Life.RUNNING or process.thawed_at == now:
        return
    for place, file in watched.files.kept.items():
        stored = witness.records[place.n]
        given = watched.present(stored.tp, now)
        where = f"file {tuple(place)} of {stored.tp}@{stored.offset} is kept by {process.name}"
        if given is None or file.opened_at < given.began:
            witness.broken(16, f"{where}, though its partition is gone")
        elif given.outcomes.get(place[:2]) == "accepted" or place.n in given.lettered:
            witness.broken(16, f"{where}, though its request is over")


def law_16_nothing_is_left(witness: Witness, side: FileSide) -> None:
    """When a process has stopped."""
    if side.kept:
        witness.broken(16, f"{side.process.name} has stopped and keeps {len(side.kept)} files")
