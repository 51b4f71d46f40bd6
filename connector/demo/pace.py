"""When the demo's records are produced: as fast as it goes, or each when its time has come. Produces nothing itself."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from connector.demo.records import DemoRecord

_BATCH = 500
_LOOK_EVERY_S = 0.25


def at_once(records: Iterable[DemoRecord]) -> Iterator[tuple[DemoRecord, ...]]:
    """All of them, in parts that leave time to look between two."""
    waiting = iter(records)
    while batch := tuple(itertools.islice(waiting, _BATCH)):
        yield batch


def in_time(
    records: Iterable[DemoRecord],
    now_s: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[DemoRecord, ...]]:
    """Four times a second those whose time has come, which may be none. `now_s`: Unix seconds. `records` in order of time."""
    waiting = deque(records)
    while waiting:
        now_ms = now_s() * 1000
        due: list[DemoRecord] = []
        while waiting and waiting[0].at_ms <= now_ms:
            due.append(waiting.popleft())
        yield tuple(due)
        sleep(_LOOK_EVERY_S)
