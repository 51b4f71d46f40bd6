"""The laws, one function each (two for the ninth), checked in the moment of the event that may break them.

1 no loss · 2 a commit is true · 3 order per key by arrival · 4 a second send has a cause · 5 bounds · 6 pace · 7 nothing of a
closed epoch · 8 dead letters · 9 progress · 10 claim and lease · 11 an unknown key is a wall · 12 a map is believed only with
its identity · 13 no payload or token in a log line (in `services.Lines`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.core.decode import SchemaId
from connector.core.offset_map import Believed, LogIdentity, read
from connector.core.records import Channel
from tests.simulation.records import SCHEMAS

if TYPE_CHECKING:
    from tests.simulation.client import SimClient
    from tests.simulation.coordinator import Entry
    from tests.simulation.front import Attempt
    from tests.simulation.log import PartitionLog, Stored
    from tests.simulation.witness import Assigned, Watched, Witness

TINY = 1e-6


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
    """When it is applied: all below the offset, and all that the map names, is settled; the sequence never falls."""
    if given.committed is not None and entry.offset < given.committed:
        witness.broken(2, f"{entry.tp}: committed {entry.offset} after {given.committed} in one assignment")
    given.committed = entry.offset
    believed = read(entry.metadata, LogIdentity(witness.cluster.cluster_id, log.log_id), entry.offset)
    runs, newest = (believed.settled, believed.leader_epoch) if isinstance(believed, Believed) else ((), None)
    for stored in log.records:
        if stored.gone is not None or stored.resolved:
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
    """By arrival: a key's requests come in the order of assignments, then records, then requests."""
    stored = attempt.stored
    assert attempt.arrived_at is not None
    if attempt.assignment == 0 or attempt.arrived_at > attempt.sent_at + witness.bounds.deadline + TINY:
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
    if given.log.log_id != stored.log_id or given.rewound != given.log.cut:
        return
    outcome = given.outcomes.get((stored.n, index))
    if outcome in ("accepted", "in flight"):
        witness.broken(4, f"{stored.tp}@{stored.offset}: request {index} is sent again while {outcome}")
    below = stored.offset < given.start
    if below or any(first <= stored.offset < end for first, end in given.covered):
        witness.broken(4, f"{stored.tp}@{stored.offset} is sent though the commit it began from says settled")


def law_05_in_flight(witness: Witness, watched: Watched) -> None:
    """Never more requests at once than configured."""
    if len(watched.in_flight) > witness.bounds.in_flight:
        witness.broken(5, f"{watched.process.name} has {len(watched.in_flight)} requests in flight")


def law_05_buffered(witness: Witness, name: str, unsettled: int, most: int) -> None:
    """Never more records in memory than configured, and what one poll brings before the pause is done."""
    if unsettled > most:
        witness.broken(5, f"{name} keeps {unsettled} records of a partition, {most} at most")


def law_06_pace(witness: Witness, watched: Watched, channel: Channel) -> None:
    """Spacing per channel, count per company and minute, and nothing of a scope that a 429 has closed."""
    now = witness.kernel.now
    bounds = witness.bounds
    for scope, name in (("channel", channel.real_id), ("company", channel.company)):
        until = watched.closed.get((scope, name))
        if until is not None and now < until - TINY:
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
        elif entry.offset > max(fetch.app, fetch.start) and fetch.start >= 0:
            witness.broken(7, f"{entry.tp}@{entry.offset} is committed, but read only to {fetch.app}")


def law_08_dead_letters(witness: Witness, watched: Watched, stored: Stored, reason: str) -> None:
    """A letter has a reason that is true; a failure of the far side only with evidence that the far side works."""
    answers = watched.answers.get(stored.n, set())
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
            given = watched.given(stored.tp)
            first = given.first_tried.get(stored.n) if given is not None else None
            true = first is not None and watched.accepted_at is not None and watched.accepted_at > first
        case _:
            true = False
    if not true:
        witness.broken(8, f"{stored.tp}@{stored.offset} ({stored.kind}) is dead-lettered as {reason}")


def law_09_polls_are_never_late(witness: Witness, client: SimClient, after: float) -> None:
    """A member that is not frozen polls within max.poll.interval."""
    if after > witness.bounds.max_poll and not client.was_frozen:
        witness.broken(9, f"{client.name} did not poll for {after:.1f} s")
    client.was_frozen = False


def law_09_a_stop_ends(witness: Witness, name: str, took: float, bound: float) -> None:
    """Within its deadline."""
    if took > bound:
        witness.broken(9, f"{name} took {took:.1f} s to stop, {bound:.1f} s at most")


def law_09_progress(witness: Witness, unsettled: int, waited: float) -> None:
    """Once faults have ended everything settles and is committed."""
    witness.broken(
        9, f"{unsettled} records are not settled and committed {waited:.0f} s after the last fault"
    )


def law_10_claim_and_lease(
    witness: Witness, watched: Watched, given: Assigned | None, stored: Stored
) -> None:
    """A request starts only under an assignment whose claim was acknowledged, and while a commit's lease lives."""
    where = f"{stored.tp}@{stored.offset} by {watched.process.name}"
    if given is None:
        witness.broken(10, f"{where} is sent though its partition is not assigned")
        return
    if not given.claimed:
        witness.broken(10, f"{where} is sent before its claim")
    lease = witness.bounds.session - witness.bounds.deadline
    if watched.renewed is None or witness.kernel.now > watched.renewed + lease + TINY:
        witness.broken(10, f"{where} is sent without a lease, renewed last at {watched.renewed}")


def law_11_an_unknown_key_is_a_wall(
    witness: Witness, watched: Watched, given: Assigned, stored: Stored
) -> None:
    """Nothing starts behind a record whose key nobody can know yet."""
    if given.rewound != given.log.cut:
        return
    for before in given.log.records:
        if (
            given.start <= before.offset < stored.offset
            and not before.resolved
            and before.gone is None
            and SchemaId(before.schema) not in watched.registry.known
            and SchemaId(before.schema) not in watched.registry.asked
            and not any(first <= before.offset < end for first, end in given.covered)
        ):
            witness.broken(
                11, f"{stored.tp}@{stored.offset} starts before the key at {before.offset} is known"
            )
            return
