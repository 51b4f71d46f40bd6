"""Settling records by hand on a pipeline in virtual time: how it is asked for, and what there must be in the end."""

from connector.core.dead_letter import DeadLetter
from connector.core.skipping import Skipped
from tests.support.world import TP, Stage


async def ready(stage: Stage) -> None:
    stage.assign()
    await stage.quiet(1.0)


async def settle(stage: Stage, offset: int, within_s: float = 30.0) -> Skipped:
    return await stage.pipeline.by_hand.settle(TP, offset, "the caller hung up", within_s)


def header(letter: DeadLetter, name: str) -> str:
    value = dict(letter.headers)[name]
    assert value is not None
    return value.decode()


def skipped(stage: Stage) -> list[int]:
    """Offsets of the letters; each says that an operator skipped it, and why."""
    for letter in stage.letters.letters:
        assert header(letter, "front.reason") == "operator_skip"
        assert header(letter, "__connect.errors.exception.message") == "the caller hung up"
    return [int(header(letter, "__connect.errors.offset")) for letter in stage.letters.letters]


def all_settled(stage: Stage) -> None:
    part = stage.pipeline.partitions[TP]
    assert part.ledger.unsettled == 0
    assert part.buffered_bytes == 0
    assert not part.by_hand
    assert (stage.pipeline.dispatch.queued, stage.pipeline.dispatch.in_flight) == (0, 0)
    assert not stage.pipeline.blocked
