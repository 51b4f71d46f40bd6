"""Waiting for what happens in real time, on the event loop; `virtual_time` is for everything that needs no socket."""

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Return as soon as it is true; fails when it does not become so."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not come true"
        await asyncio.sleep(0.005)
