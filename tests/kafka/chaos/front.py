"""One Front with a door for each connector, so that its raw log tells who sent what.

What lives here: several listeners that share one simulator's store, faults and raw log. What is sent and what is
answered is not touched: the doors only note by which of them a request came.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from anyio.from_thread import start_blocking_portal

from connector.simulator.request_log import Entry, Outcome, RequestLog
from connector.simulator.server import Simulator
from connector.simulator.switches import Switches
from tests.support.estates import raw_log, world

SLOW: tuple[Mapping[str, Any], ...] = (
    {"effect": "delay", "delay_ms": 250, "share": 0.03},
    {"effect": "delay", "delay_ms": 40, "share": 0.6},
)
"""A Front that takes its time, so that there is always something in flight and something queued."""


class _DoorLog:
    """The shared raw log, as one door writes into it."""

    def __init__(self, shared: RequestLog, came_by: dict[int, str], name: str) -> None:
        self._shared = shared
        self._came_by = came_by
        self._name = name

    @property
    def arrived(self) -> int:
        return self._shared.arrived

    def open(self, entry: Entry) -> None:
        self._shared.open(entry)
        self._came_by[entry.seq] = self._name

    def close(self, entry: Entry, outcome: Outcome, now: float) -> None:
        self._shared.close(entry, outcome, now)


class _DoorState:
    """The shared state, with the door's log in the place of the log."""

    def __init__(self, shared: Any, log: _DoorLog) -> None:
        self.clock = shared.clock
        self.front = shared.front
        self.faults = shared.faults
        self.log = log


@dataclass(slots=True)
class Doors:
    """A running Front. `urls`: where each connector finds it."""

    main: Simulator
    urls: Mapping[str, str]
    _came_by: dict[int, str] = field(default_factory=dict)

    def requests(self) -> list[dict[str, Any]]:
        """The raw log in order of arrival; `door` names who sent each."""
        return [{**row, "door": self._came_by[row["seq"]]} for row in raw_log(self.main)]

    def arrived_by(self, name: str) -> int:
        """How many requests have come by a door so far."""
        return sum(door == name for door in list(self._came_by.values()))

    def misbehave(self, *faults: Mapping[str, Any]) -> None:
        """Do this wrong from now on, and be slow."""
        rules = [*faults, *SLOW]
        httpx.put(f"{self.main.base_url}/_sim/faults", json=rules, trust_env=False).raise_for_status()


@contextmanager
def running_front(names: Sequence[str], seed: int) -> Iterator[Doors]:
    """A Front without de-duplication (one that hides repeats proves nothing about them) in a thread of its own."""
    main = Simulator(world(), Switches(dedupe="off", seed=seed))
    came_by: dict[int, str] = {}
    doors = {name: Simulator(world()) for name in names}
    for name, door in doors.items():
        shared: Any = _DoorState(main.state, _DoorLog(main.state.log, came_by, name))
        door.state = shared
    with start_blocking_portal() as portal:
        every = [main, *doors.values()]
        try:
            for one in every:
                portal.call(one.start)
            front = Doors(main, {name: door.base_url for name, door in doors.items()}, came_by)
            front.misbehave()
            yield front
        finally:
            for one in every:
                portal.call(one.close)
