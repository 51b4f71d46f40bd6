"""Calls that may never return, on real threads: each is bounded, and so is how many threads they may keep."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from connector.adapters.workers import AT_ONCE, LEFT_BEHIND_MAX, Workers
from connector.ports import GaveUp, RestartNeeded
from tests.support.world import Facts

SOON = 0.2


@pytest.fixture
def hang() -> Iterator[Callable[[], None]]:
    """A call that does not return before the test has ended."""
    ended = threading.Event()

    def call() -> None:
        ended.wait(30.0)

    yield call
    ended.set()


def workers(timeout_s: float = SOON) -> tuple[Workers, Facts]:
    facts = Facts()
    return Workers("a mapper", timeout_s, facts), facts


async def test_a_call_runs_on_a_thread_of_its_own_and_gives_its_result() -> None:
    """The event loop's thread is never the one that runs it; a thread is used again."""
    calls, _ = workers(5.0)
    names = [await calls.run(lambda: threading.current_thread().name) for _ in range(3)]
    assert names == ["a mapper 1"] * 3
    calls.close()


async def test_what_a_call_raises_is_raised_to_whoever_asked() -> None:
    """As if there were no thread."""

    def fail() -> None:
        raise LookupError("why")

    calls, _ = workers(5.0)
    with pytest.raises(LookupError, match="why"):
        await calls.run(fail)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
async def test_what_would_end_the_loop_is_given_up_with_its_name(error: type[BaseException]) -> None:
    """It ends neither the thread's process nor the loop that waits."""

    def fail() -> None:
        raise error

    calls, _ = workers(5.0)
    assert await calls.run(fail) == GaveUp(f"raised {error.__name__}")
    assert await calls.run(lambda: 1) == 1


async def test_a_call_that_hangs_is_given_up_and_others_go_on(hang: Callable[[], None]) -> None:
    """Its thread is left behind and told of; the next call has another one."""
    calls, facts = workers()
    hanging = asyncio.create_task(calls.run(hang))
    assert await calls.run(lambda: 1) == 1
    assert await hanging == GaveUp("did not return within 0.2 s")
    assert await calls.run(lambda: 2) == 2
    [(_, (event,), fields)] = [seen for seen in facts.seen if seen[0] == "error"]
    assert event == "call.given_up"
    assert fields == {"reason": "a mapper did not return within 0.2 s", "threads": 1}


async def test_a_call_that_waits_for_a_thread_is_not_late_yet(hang: Callable[[], None]) -> None:
    """The time counts from its own beginning, not from behind those that hang."""
    calls, _ = workers()
    hanging = [asyncio.create_task(calls.run(hang)) for _ in range(AT_ONCE)]
    assert await calls.run(lambda: 1) == 1
    assert await asyncio.gather(*hanging) == [GaveUp("did not return within 0.2 s")] * AT_ONCE


async def test_a_call_that_returns_late_frees_its_thread_and_is_heard_by_nobody() -> None:
    """Slow is not stuck: what came back does not count towards the end of the process."""
    calls, facts = workers(0.02)
    for count in range(LEFT_BEHIND_MAX + 2):
        gate = threading.Event()
        assert isinstance(await calls.run(gate.wait), GaveUp)
        gate.set()
        await _until(lambda: calls._left_behind == 0)
        assert facts.seen[-1][2]["threads"] == 1, count


async def test_too_many_calls_that_hang_need_a_restart(hang: Callable[[], None]) -> None:
    """The ninth is refused with a sentence that says what to do, and so is every call after it."""
    calls, _ = workers(0.01)
    for _ in range(LEFT_BEHIND_MAX):
        assert isinstance(await calls.run(hang), GaveUp)
    for _ in range(2):
        with pytest.raises(RestartNeeded) as raised:
            await calls.run(hang)
        assert raised.value.exit_code == 70
        assert str(raised.value) == (
            "9 threads hang in calls that did not return within 0.01 s (a mapper): threads cannot be ended, so the "
            "process ends; mend the mapper, or raise mappings.mapper_timeout_s"
        )


async def test_whoever_waits_no_longer_leaves_nothing_behind(hang: Callable[[], None]) -> None:
    """A partition may be revoked meanwhile: a call that waits is never made, one that runs is still watched."""
    calls, facts = workers()
    hanging = [asyncio.create_task(calls.run(hang)) for _ in range(AT_ONCE)]
    made: list[int] = []
    waiting = asyncio.create_task(calls.run(lambda: made.append(1)))
    await asyncio.sleep(0)
    for task in [*hanging, waiting]:
        task.cancel()
    await asyncio.gather(*hanging, waiting, return_exceptions=True)
    await _until(lambda: facts.count("error", "call.given_up") == AT_ONCE)
    assert await calls.run(lambda: 1) == 1
    assert made == []


def test_the_process_ends_though_a_call_hangs() -> None:
    """The interpreter joins the threads of a pool when it ends; ours are left."""
    code = (
        "import asyncio, time\n"
        "from connector.adapters.workers import Workers\n"
        "from tests.support.world import Facts\n"
        "print(asyncio.run(Workers('a mapper', 0.01, Facts()).run(lambda: time.sleep(60))))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "GaveUp(why='did not return within 0.01 s')\n"


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not holds():
            await asyncio.sleep(0.005)
