"""Runs checks: each as soon as those it needs have ended well, all within their time; tells them in the order of their list.

Never here: what is checked, and how it is said.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from connector.workbench.doctor.results import Examined, NotChecked, Result, Wrong

EACH_S: Final = 15.0
"""A check ends within this."""
ALL_S: Final = 55.0
"""All of them end within this, however many wait for one another."""

Look: TypeAlias = Callable[[], Awaitable[Sequence[Result]]]


@dataclass(frozen=True, slots=True)
class Check:
    """`needs`: checks, named earlier in the list, that must have ended well; `after`: those that must have ended at all."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


async def examined(
    checks: Sequence[Check], tell: Callable[[Examined], None], all_s: float = ALL_S
) -> tuple[Examined, ...]:
    """What each check found, in order; `tell` hears each as soon as all before it are told."""
    ends_at = time.monotonic() + all_s
    tasks: dict[str, asyncio.Task[Examined]] = {}
    async with asyncio.TaskGroup() as group:
        for check in checks:
            tasks[check.name] = group.create_task(_examine(check, dict(tasks), ends_at))
        found = []
        for task in tasks.values():
            found.append(await task)
            tell(found[-1])
    return tuple(found)


async def _examine(check: Check, earlier: Mapping[str, asyncio.Task[Examined]], ends_at: float) -> Examined:
    for name in check.after:
        await earlier[name]
    for name in check.needs:
        because = (await earlier[name]).in_the_way
        if because is not None:
            return Examined(check.name, (NotChecked(because),))
    rest_s = min(EACH_S, ends_at - time.monotonic())
    if rest_s <= 0:
        return Examined(check.name, (NotChecked("no time is left"),))
    try:
        async with asyncio.timeout(rest_s):
            return Examined(check.name, tuple(await check.look()))
    except TimeoutError:
        return Examined(check.name, (Wrong(f"no answer within {rest_s:.0f} s"),))
