"""Scripts about reading: pauses, ends, transactions, offsets that are gone, logs that were cut."""

from tests.simulation.scripts.actor import Actor, joined
from tests.simulation.scripts.stage import EPOCH_ENDS, Script, Stage

QUIET_S = 0.4
"""What does not come within this does not come."""
FETCHED_S = 1.0
"""What there is lies in the client."""
GONE = "_AUTO_OFFSET_RESET"


def _one(stage: Stage) -> Actor:
    one = Actor(stage, "one")
    one.subscribe()
    joined(one)
    return one


def _pause(stage: Stage) -> None:
    """Paused with much in hand: nothing comes, and after the resume no gap and no repeat."""
    one = _one(stage)
    one.read_to(4)
    stage.pass_time(FETCHED_S)
    one.pause(0)
    one.poll_for(QUIET_S)
    one.resume(0)
    one.hears("end")
    one.pause(0)
    one.resume(0)
    one.hears("end")


def _pause_keeps(stage: Stage) -> None:
    """An end and an error that wait in the client when the partition is paused."""
    one = _one(stage)
    one.hears("end")
    one.move(0, 20)
    stage.pass_time(FETCHED_S)
    one.pause(0)
    one.poll_for(QUIET_S)
    one.resume(0)
    one.hears("end")
    one.move(0, 50)
    stage.pass_time(FETCHED_S)
    one.pause(0)
    one.hears(GONE)
    one.resume(0)
    one.poll_for(QUIET_S)


def _ends(stage: Stage) -> None:
    """Ends are told once; what an open or aborted transaction wrote is not read; markers move the end."""
    one = _one(stage)
    one.hears("end", "@3")
    one.poll_for(QUIET_S)
    finish = stage.transaction(0, 2)
    one.poll_for(QUIET_S)
    one.mark("it commits")
    finish(True)
    one.hears("end", "@6")
    one.mark("another one is aborted")
    stage.transaction(0, 2)(False)
    one.hears("end", "@9")
    one.mark("a record")
    stage.produce(0, 1)
    one.hears("end", "@10")
    one.commit((0, 10, ""))
    one.poll_for(QUIET_S)


def _out_of_range(stage: Stage) -> None:
    """An offset below the log, and one beyond it: an error, no record; a seek is refused, another assignment is not."""
    one = _one(stage)
    one.hears("end")
    stage.delete_records(0, 10)
    for gone in (5, 50):
        one.move(0, gone)
        one.hears(GONE)
        one.seek(0, 12)
        one.poll_for(QUIET_S)
        one.move(0, 18)
        one.hears("end")
    one.seek(0, 19)
    one.hears("end")
    one.seek(0, 5)
    one.hears(GONE)


def _deleted_ahead(stage: Stage) -> None:
    """Retention passes a paused reader."""
    one = _one(stage)
    one.read_to(2)
    one.pause(0)
    stage.delete_records(0, 10)
    one.poll_for(QUIET_S)
    one.resume(0)
    one.hears(GONE)
    one.move(0, 10)
    one.hears("end")


def _cut_log(stage: Stage) -> None:
    """Positions held to the first leader's epoch, before its end and behind it: assigned, and sought."""
    one = _one(stage)
    one.hears("end")
    one.move(0, 20, leader_epoch=0)
    one.hears("end")
    one.seek(0, 20, leader_epoch=0)
    one.hears(GONE)
    one.seek(0, 25)
    one.move(0, 28)
    one.hears("end")
    one.seek(0, EPOCH_ENDS - 1, leader_epoch=0)
    one.hears("end")
    one.seek(0, EPOCH_ENDS, leader_epoch=0)
    one.hears("end")
    one.seek(0, EPOCH_ENDS + 1, leader_epoch=0)
    one.hears(GONE)


def _moved_in_pause(stage: Stage) -> None:
    """Assigned and sought in one breath, paused and not."""
    one = _one(stage)
    one.hears("end")
    one.pause(0)
    one.begin_at(0, 26, one.leader_epoch)
    one.poll_for(QUIET_S)
    one.resume(0)
    one.hears("end")
    one.pause(0)
    one.begin_at(0, 20, 0)
    one.hears(GONE)
    one.resume(0)
    one.poll_for(QUIET_S)


SCRIPTS = (
    Script(name="a pause throws away what was fetched", play=_pause, records=40),
    Script(name="what was told before a pause", play=_pause_keeps, records=20),
    Script(name="ends, markers and transactions", play=_ends, records=3),
    Script(name="offsets out of range", play=_out_of_range, records=20),
    Script(name="retention passes a paused reader", play=_deleted_ahead, records=20),
    Script(name="a log with two leaders", play=_cut_log, records=10, two_leaders=True),
    Script(name="moved while paused", play=_moved_in_pause, records=10, two_leaders=True),
)
