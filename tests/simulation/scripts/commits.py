"""Scripts about commits: what is hidden from the caller, what he is told, and what the coordinator then holds."""

from functools import partial

from tests.simulation.scripts.actor import Actor, joined, poll_for, tell_applied, tell_held, two_members
from tests.simulation.scripts.stage import LOST_ANSWER, METADATA_MAX, Script, Stage

PASSING = (7, 14, 15, 16)
"""REQUEST_TIMED_OUT, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR."""
OVERTAKEN = (7, 14)
"""After 15 and 16 chance decides whether the second commit is sent once more, and which one is the last."""


def _one(stage: Stage, partitions: int = 1) -> Actor:
    one = Actor(stage, "one")
    one.subscribe()
    joined(one, partitions=partitions)
    return one


def _repeated(stage: Stage, error: int | None) -> None:
    """The first of two commits meets an error that passes, or loses its answer."""
    one = _one(stage)
    tell_held(stage, 0)
    stage.answer_next_commit(error)
    one.commit((0, 5, "first"))
    tell_held(stage, 0)
    one.commit((0, 9, ""))
    tell_held(stage, 0)
    tell_applied(stage)
    one.close()


def _overtaken(stage: Stage, error: int) -> None:
    """Two commits without waiting: which one is the last."""
    one = _one(stage)
    stage.answer_next_commit(error)
    one.commit_and_go_on(0, 5)
    one.commit_and_go_on(0, 9)
    one.reads_to_the_end()
    one.poll_until(lambda: len(stage.applied()) == 2)
    tell_applied(stage)
    tell_held(stage, 0)
    one.close()


def _refused(stage: Stage, error: int, lost: bool = False) -> None:
    """A refusal that is final: told at once; some of them end the assignment."""
    one = _one(stage)
    one.read_to(2)
    stage.answer_next_commit(error)
    one.commit((0, 3, "refused"))
    if lost:
        one.hears("lost")
    else:
        one.poll_for(1.0)
    joined(one)
    one.reads_to_the_end()
    one.commit((0, 2, "taken"))
    tell_applied(stage)
    tell_held(stage, 0)
    one.close()


def _too_long(stage: Stage) -> None:
    """Text that is as long as may be, one longer, and beside a partition whose text is not."""
    one = _one(stage, 2)
    one.commit((0, 1, "m" * (METADATA_MAX - 1)))
    one.commit((0, 2, "m" * METADATA_MAX))
    one.commit((0, 3, "short"), (1, 3, "m" * METADATA_MAX))
    tell_held(stage, 1)
    one.commit((1, 4, "m" * METADATA_MAX), (0, 4, "short"))
    tell_held(stage, 0, 1)
    one.close()


def _too_large(stage: Stage) -> None:
    """Each text may be as long as it is, but not all of them in one commit."""
    one = _one(stage, 16)
    one.reads_to_the_end()
    one.commit(*((number, 1, "m" * 4000) for number in range(16)))
    tell_held(stage, 0, 15)
    one.commit(*((number, 2, "m" * 4000) for number in range(8)))
    tell_held(stage, 0, 15)
    one.close()


def _neighbours(stage: Stage) -> None:
    """A member commits what is another's, and so does the other."""
    one, two, kept, moved = two_members(stage)
    poll_for(1.0, one, two)
    one.commit((moved, 3, "not mine"))
    tell_held(stage, kept, moved)
    two.commit((moved, 1, "mine"))
    tell_held(stage, moved)


SCRIPTS = (
    *(Script(name=f"a commit answered {code}", play=partial(_repeated, error=code)) for code in PASSING),
    Script(name="a commit whose answer is lost", play=partial(_repeated, error=LOST_ANSWER)),
    *(
        Script(name=f"two commits in flight, {code}", play=partial(_overtaken, error=code))
        for code in OVERTAKEN
    ),
    *(
        Script(
            name=f"a commit refused, {code}",
            play=partial(_refused, error=code, lost=code in (22, 25)),
            records=5,
            protocols=("classic",),
        )
        for code in (22, 25, 27, 28)
    ),
    *(
        Script(
            name=f"a commit refused, {code}",
            play=partial(_refused, error=code),
            records=5,
            protocols=("consumer",),
        )
        for code in (25, 113)
    ),
    Script(name="metadata too long", play=_too_long, partitions=2),
    Script(name="a commit too large", play=_too_large, partitions=16),
    Script(name="a neighbour's partition", play=_neighbours, partitions=2),
)
