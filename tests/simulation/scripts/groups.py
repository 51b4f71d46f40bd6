"""Scripts about membership: when callbacks come and in which order, what a pause outlives, who is told that all is lost."""

from tests.simulation.scripts.actor import (
    Actor,
    divided,
    joined,
    poll_for,
    poll_until,
    tell_held,
    two_members,
)
from tests.simulation.scripts.stage import MAX_POLL_S, SESSION_S, Script, Stage


def _come_and_go(stage: Stage) -> None:
    """A second member joins and leaves."""
    one, two, _, _ = two_members(stage)
    poll_for(1.0, one, two)
    two.close()
    joined(one, partitions=2)
    one.poll_for(1.0)
    one.close()


def _only_when_polled(stage: Stage) -> None:
    """Nobody polls while the group changes: nothing is told; then everything at the next call."""
    one = Actor(stage, "one")
    one.subscribe()
    joined(one, partitions=2)
    one.reads_to_the_end()
    two = Actor(stage, "two")
    two.subscribe()
    stage.pass_time(1.5)
    one.mark("nobody has polled")
    divided(one, two)
    poll_for(1.0, one, two)


def _in_a_batch(stage: Stage) -> None:
    """Records of both partitions lie in the client when one is taken away: those of the other are given out."""
    one = Actor(stage, "one")
    one.subscribe()
    joined(one, partitions=2)
    one.reads_to_the_end()
    stage.produce(0, 5)
    stage.produce(1, 5)
    stage.pass_time(1.0)
    two = Actor(stage, "two")
    two.subscribe()
    stage.pass_time(1.5)
    one.consume(100)
    kept, moved = divided(one, two)
    one.read_to(4, kept)
    two.read_to(4, moved)
    poll_for(1.0, one, two)


def _pause_stays(stage: Stage) -> None:
    """Paused, given away, and got back: it is paused still."""
    one = Actor(stage, "one")
    one.subscribe()
    joined(one, partitions=2)
    one.reads_to_the_end()
    one.pause(0, 1)
    two = Actor(stage, "two")
    two.subscribe()
    _, moved = divided(one, two)
    stage.produce(moved, 3)
    two.read_to(2, moved)
    two.close()
    joined(one, partitions=2)
    one.poll_for(0.5)
    one.resume(moved)
    one.hears("end", "@3")


def _cut_off(stage: Stage) -> None:
    """The only owner is cut off from the coordinator alone, for longer than a session, then not any more."""
    one, two = Actor(stage, "one"), Actor(stage, "two")
    one.subscribe()
    joined(one)
    two.subscribe()
    poll_for(1.0, one, two)
    stage.cut("one")
    poll_until(lambda: two.owned, one, two)
    poll_for(SESSION_S / 2, one, two)
    stage.produce(0, 2)
    two.hears("end", "@2")
    one.poll_for(1.0)
    one.mark("is mended")
    stage.mend("one")
    poll_until(lambda: any(event.what == "lost" for event in one.heard), one, two)


def _not_polled(stage: Stage) -> None:
    """Nobody polls for longer than max.poll.interval."""
    one = Actor(stage, "one")
    one.subscribe()
    joined(one)
    one.read_to(2)
    stage.pass_time(MAX_POLL_S + 1.0)
    one.mark("polls again")
    one.hears("lost")
    joined(one)
    one.read_to(2)
    one.commit((0, 3, "back"))
    tell_held(stage, 0)


SCRIPTS = (
    Script(name="a second member comes and goes", play=_come_and_go, partitions=2),
    Script(name="callbacks only when polled", play=_only_when_polled, partitions=2),
    Script(name="a revoke in the middle of a batch", play=_in_a_batch, partitions=2),
    Script(name="a pause outlives its assignment", play=_pause_stays, partitions=2),
    Script(name="cut off from the coordinator", play=_cut_off),
    Script(name="not polled for too long", play=_not_polled, records=3),
)
