"""Both carriers of requests, and how tests start and use them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from connector.adapters.front.aiohttp_carrier import AiohttpCarrier
from connector.adapters.front.carrier import Carrier, CarrierOptions
from connector.adapters.front.httpx_carrier import HttpxCarrier
from connector.core.answers import Answer

Make = type[AiohttpCarrier] | type[HttpxCarrier]
"""A kind of carrier, by its constructor."""

CARRIERS: Final[tuple[Make, ...]] = (AiohttpCarrier, HttpxCarrier)

HEADERS: Final = {
    "Authorization": "Bearer canary-token",
    "Content-Type": "application/json",
    "User-Agent": "front-connector/0",
}
PATH: Final = "/channels/alt:address:%2B49%2F30/calls/a%252Fb/%2E%2E/recording"
IMPATIENT: Final = CarrierOptions(connect_timeout_s=0.1, request_deadline_s=0.2)


@asynccontextmanager
async def started(make: Make, options: CarrierOptions | None = None) -> AsyncIterator[Carrier]:
    """A carrier of this kind, closed at the end."""
    carrier = make(CarrierOptions() if options is None else options)
    await carrier.start()
    try:
        yield carrier
    finally:
        await carrier.close()


async def post(carrier: Carrier, port: int, content: bytes = b"{}", scheme: str = "http") -> Answer:
    """One POST to a path with all kinds of escapes on loopback."""
    return await carrier.send("POST", f"{scheme}://127.0.0.1:{port}{PATH}", HEADERS, content)
