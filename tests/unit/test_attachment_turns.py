"""Turns: who waits for whom, and that nobody is remembered for ever."""

import asyncio

import pytest

from connector.adapters.attachments.turns import Turns


async def test_a_host_that_nobody_asks_is_forgotten() -> None:
    """Else every name under a pattern would stay for as long as the process lives."""
    turns = Turns(2, 1)
    async with turns.of("a"), turns.of("b"):
        assert set(turns._hosts) == {"a", "b"}
    with pytest.raises(LookupError):
        async with turns.of("a"):
            raise LookupError
    assert turns._hosts == {}


async def test_one_who_no_longer_waits_takes_no_turn() -> None:
    """Cancelled while it waits; the next in line gets the turn."""
    turns = Turns(1, 1)
    order: list[str] = []

    async def take(name: str) -> None:
        async with turns.of("host"):
            order.append(name)
            await asyncio.sleep(0)

    async with turns.of("host"):
        waiting = [asyncio.ensure_future(take(name)) for name in ("first", "second")]
        await asyncio.sleep(0)
        waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == ["second"]
    assert turns._hosts == {}
