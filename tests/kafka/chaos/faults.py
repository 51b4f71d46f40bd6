"""The faults, each a context manager over a running scenario: struck when the block begins, mended when it ends.

What lives here: what is done to whom. How long it lasts is in `SCENARIOS`; what must hold afterwards, in `judge.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.kafka.chaos.stage import NAMES, SESSION_S, Play

Fault: TypeAlias = Callable[[Play], AbstractContextManager[None]]
VICTIM = NAMES[0]


@contextmanager
def broker_killed(play: Play) -> Iterator[None]:
    """kill -9 of the group's coordinator, which also leads a third of the partitions; started again."""
    node = play.coordinator()
    play.stage.cluster.kill(node)
    yield
    play.stage.cluster.start(node)


@contextmanager
def broker_frozen(play: Play) -> Iterator[None]:
    """The same broker hangs: its connections stay open, and nobody answers."""
    node = play.coordinator()
    play.stage.cluster.freeze(node)
    try:
        yield
    finally:
        play.stage.cluster.thaw(node)


@contextmanager
def connector_killed(play: Play) -> Iterator[None]:
    """kill -9 of a connector; started again as a new member."""
    play.connectors[VICTIM].kill()
    yield
    play.connectors[VICTIM].start()


@contextmanager
def connector_frozen(play: Play) -> Iterator[None]:
    """SIGSTOP of a connector beyond its session: others take its partitions over, then it wakes and knows nothing."""
    play.connectors[VICTIM].freeze()
    yield
    play.connectors[VICTIM].thaw()


@contextmanager
def coordinator_cut(play: Play) -> Iterator[None]:
    """One connector hears nothing of the group's coordinator any more, while the other brokers and Front answer it."""
    wire = play.stage.wires[play.coordinator()]
    # So slow that what it has queued lasts until others have taken over.
    play.front.misbehave({"effect": "delay", "delay_ms": 250})
    wire.cut()
    try:
        yield
    finally:
        wire.mend()
        play.front.misbehave()


@contextmanager
def front_refuses(play: Play) -> Iterator[None]:
    """503 to everything; a third is carried out all the same, and only the answer says otherwise."""
    with _misbehaving(
        play, {"effect": "status_after", "status": 503, "share": 0.3}, {"effect": "status", "status": 503}
    ):
        yield


@contextmanager
def front_hangs(play: Play) -> Iterator[None]:
    """No answer to anything; a third is carried out."""
    with _misbehaving(play, {"effect": "hang_after", "share": 0.3}, {"effect": "hang"}):
        yield


@contextmanager
def front_hangs_up(play: Play) -> Iterator[None]:
    """Every connection is closed instead of an answer; a third is carried out."""
    with _misbehaving(play, {"effect": "drop_after", "share": 0.3}, {"effect": "drop"}):
        yield


@contextmanager
def registry_gone(play: Play) -> Iterator[None]:
    """The registry is gone for the connectors, while records come that are written by schemas which they have never seen."""
    play.stage.registry_proxy.cut()
    play.load.new_schemas = True
    try:
        yield
    finally:
        play.stage.registry_proxy.mend()


@contextmanager
def scaled(play: Play) -> Iterator[None]:
    """From one connector to three, and back to one."""
    play.start(*NAMES[1:])
    yield
    play.stop(*NAMES[1:])


@contextmanager
def _misbehaving(play: Play, *faults: Mapping[str, Any]) -> Iterator[None]:
    struck = len(play.front.requests())
    play.front.misbehave(*faults)
    yield
    play.front.misbehave()
    effects = {fault["effect"] for fault in faults}
    assert any(row["fault"] in effects for row in play.front.requests()[struck:]), (
        "the fault has struck nobody"
    )


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, how long it lasts, and who runs before and after.

    `moves`: partitions must change hands; `returns`: the victim must come back to work by itself.
    """

    fault: Fault
    lasts_s: float
    begins_with: tuple[str, ...] = NAMES
    ends_with: tuple[str, ...] = NAMES
    moves: bool = False
    returns: bool = False


SCENARIOS: Mapping[str, Scenario] = {
    "broker killed": Scenario(broker_killed, 2.0),
    "broker frozen": Scenario(broker_frozen, 6.0),
    "connector killed": Scenario(connector_killed, 1.5 * SESSION_S, moves=True, returns=True),
    "connector frozen": Scenario(connector_frozen, 2 * SESSION_S, moves=True, returns=True),
    "coordinator cut off": Scenario(coordinator_cut, 2.5 * SESSION_S, moves=True, returns=True),
    "Front answers 503": Scenario(front_refuses, 3.0),
    "Front hangs": Scenario(front_hangs, 3.0),
    "Front hangs up": Scenario(front_hangs_up, 3.0),
    "registry gone": Scenario(registry_gone, 3.0),
    "1 to 3 to 1": Scenario(scaled, 2.0, begins_with=NAMES[:1], ends_with=NAMES[:1], moves=True),
}
