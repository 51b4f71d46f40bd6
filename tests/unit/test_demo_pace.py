"""When the demo's records are produced."""

from connector.demo.events import generate
from connector.demo.pace import at_once, in_time
from connector.demo.records import DemoRecord

RECORDS = tuple(generate(seed=3, records=1_200, start_ms=1_000_000))


def test_at_once_all_come_in_parts() -> None:
    """In their order, and no part so large that nothing can be seen meanwhile."""
    parts = list(at_once(RECORDS))
    assert [len(part) for part in parts] == [500, 500, 200]
    assert tuple(record for part in parts for record in part) == RECORDS


def test_in_time_each_comes_when_it_has_happened() -> None:
    """Never before its time, never later than a look; the clock is ours, so nothing is waited for."""
    now_s = 1_000.0
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now_s
        slept.append(seconds)
        now_s += seconds

    came: list[DemoRecord] = []
    for part in in_time(RECORDS, lambda: now_s, sleep):
        for record in part:
            assert record.at_ms <= now_s * 1000 < record.at_ms + 251
        came.extend(part)
    assert tuple(came) == RECORDS
    assert set(slept) == {0.25}
