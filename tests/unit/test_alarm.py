"""The alarm: one time, the newest, and no timer left behind."""

import asyncio
from typing import cast

from connector.pipeline.alarm import Alarm
from tests.support.virtual_time import VirtualLoop, in_virtual_time


@in_virtual_time
async def test_only_the_time_that_was_set_last_rings() -> None:
    """A thousand settings leave one timer; None leaves none."""
    loop = cast(VirtualLoop, asyncio.get_running_loop())
    rung: list[float] = []
    alarm = Alarm(lambda: rung.append(loop.time()))
    for number in range(1000):
        alarm.set(loop.time() + 100.0 + number, loop.time())
    alarm.set(loop.time() + 5.0, loop.time())
    ends = loop.time() + 5.0
    await asyncio.sleep(2000.0)
    assert rung == [ends]
    alarm.set(loop.time() + 5.0, loop.time())
    alarm.set(None, loop.time())
    await asyncio.sleep(10.0)
    assert rung == [ends]
