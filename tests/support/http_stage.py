"""The scripted world with a real way to Front: our sender and its carrier, real sockets on loopback, real time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from connector.adapters.files import FixedSecret
from connector.adapters.front.aiohttp_carrier import AiohttpCarrier
from connector.adapters.front.carrier import CarrierOptions
from connector.adapters.front.sender import App, FrontSender
from connector.adapters.front.tokens import JwtTokens, Tokens
from connector.app.clock import SystemClock
from connector.core.circuit import CircuitPolicy
from connector.core.mapping import MappingSet
from connector.core.outcome import RetryPolicy
from connector.simulator.world import DEMO_APP, DEMO_SECRET
from tests.support.carriers import Make
from tests.support.world import Facts, Stage

HASTY = RetryPolicy(base_s=0.002, cap_s=0.02, attempts=100)
HURRIED = CircuitPolicy(open_s=0.01, open_cap_s=0.02)


@asynccontextmanager
async def over_http(
    base_url: str,
    maps: MappingSet | None = None,
    tokens: Tokens | None = None,
    *,
    carrier: Make = AiohttpCarrier,
    clock: SystemClock | None = None,
    **policy: Any,
) -> AsyncIterator[tuple[Stage, Facts]]:
    """A stage whose requests go to `base_url`, signed as the simulator's demo app; and what the sender told.

    `clock` is the sender's.
    """
    told = Facts()
    app = App(base_url, tokens or JwtTokens(app_uid=DEMO_APP, secret=FixedSecret(DEMO_SECRET)))
    sender = FrontSender(
        {"main": app}, carrier(CarrierOptions()), clock or SystemClock(), cast(Any, told), version="0"
    )
    await sender.start()
    try:
        settings = {"retry": HASTY, "circuit": HURRIED, "commit_interval_s": 0.02, **policy}
        async with Stage(maps=maps, sender=sender, **settings) as stage:
            yield stage, told
    finally:
        await sender.close()
