"""Law 17: what an operator has paused begins nothing, and what he settles by hand is a dead letter, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.core.records import TopicPartition
from connector.core.skipping import Lettered, Skipped

if TYPE_CHECKING:
    from tests.simulation.log import Stored
    from tests.simulation.watched import Assigned, Watched
    from tests.simulation.witness import Witness


def law_17_nothing_begins_in_a_pause(witness: Witness, watched: Watched, what: str) -> None:
    """Neither a request, nor a fetch, nor the letter of a record that was not in hand.

    What the loop is told in one instant has no order: a member that thaws hears of its records and of the pause at once.
    """
    if watched.paused_at is not None and watched.paused_at < witness.kernel.now:
        witness.broken(17, f"{what} begins while {watched.process.name} is paused")


def law_17_nothing_is_sent_behind_its_letter(witness: Witness, given: Assigned, stored: Stored) -> None:
    """Whoever gave it up: its owner knows."""
    if stored.n in given.lettered:
        witness.broken(17, f"{stored.tp}@{stored.offset} is sent though its letter was acknowledged")


def law_17_settled_by_hand(
    witness: Witness, watched: Watched, tp: TopicPartition, offset: int, answer: Skipped
) -> None:
    """Who is told that a record is a dead letter can find it there."""
    given = watched.given(tp)
    if isinstance(answer, Lettered) and given is not None and given.sound_yet:
        here = [stored for stored in given.log.records if stored.offset == offset]
        if not any(stored.lettered for stored in here):
            witness.broken(17, f"{tp}@{offset} is said to be settled by hand, and has no letter")
