"""CPU of both carriers for one request: 64 in flight, a 1 KB body, answers after 20 ms, a server in another process.

Run `python -m tests.benchmark.carriers [requests]`. Prints microseconds of user and system time of this process for
each request (median of interleaved rounds), and how many times aiohttp's cost httpx has. Loopback without TLS: use the
ratio, not the absolute numbers.
"""

import asyncio
import itertools
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from aiohttp import web

from connector.adapters.front.aiohttp_carrier import AiohttpCarrier
from connector.adapters.front.carrier import CarrierOptions
from connector.adapters.front.httpx_carrier import HttpxCarrier
from connector.core.answers import Answered

IN_FLIGHT = 64
ANSWER_AFTER_S = 0.02
ROUNDS = 3
BODY = b'{"body": "' + b"x" * 1000 + b'"}'
HEADERS = {
    "Authorization": "Bearer " + "t" * 200,
    "Accept": "application/json",
    "Content-Type": "application/json",
    "User-Agent": "front-connector/0",
}
ANSWER_HEADERS = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "49", "x-ratelimit-reset": "1789000060"}


def serve(ready: Connection) -> None:
    """The far side: reads the body and answers like Front after a while; ends with its parent."""

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(ANSWER_AFTER_S)
        return web.json_response(
            {"status": "accepted", "message_uid": "u1"}, status=202, headers=ANSWER_HEADERS
        )

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.get_running_loop().run_in_executor(None, ready.poll, None)

    asyncio.run(main())


@contextmanager
def server() -> Iterator[int]:
    """The far side's port, while it runs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


async def measure(
    make: type[AiohttpCarrier] | type[HttpxCarrier], port: int, requests: int
) -> tuple[float, float]:
    """CPU microseconds for a request, and requests in a second; connections are open before the clock starts."""
    carrier = make(CarrierOptions())
    await carrier.start()
    url = f"http://127.0.0.1:{port}/channels/cha_1/inbound_messages"

    async def worker(turns: Iterator[int]) -> None:
        for _ in turns:
            answer = await carrier.send("POST", url, HEADERS, BODY)
            assert isinstance(answer, Answered)
            assert answer.status == 202

    async def run(count: int) -> None:
        turns = iter(range(count))
        await asyncio.gather(*(worker(turns) for _ in range(IN_FLIGHT)))

    try:
        await run(IN_FLIGHT * 2)
        wall, cpu = time.perf_counter(), time.process_time()
        await run(requests)
        return (time.process_time() - cpu) / requests * 1e6, requests / (time.perf_counter() - wall)
    finally:
        await carrier.close()


def main() -> None:
    """Measure both in turn and print."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    kinds = (AiohttpCarrier, HttpxCarrier)
    found: dict[str, list[tuple[float, float]]] = {kind.__name__: [] for kind in kinds}
    with server() as port:
        for _, kind in itertools.product(range(ROUNDS), kinds):
            found[kind.__name__].append(asyncio.run(measure(kind, port, requests)))
    cpu = {name: statistics.median(one for one, _ in rounds) for name, rounds in found.items()}
    for name, rounds in found.items():
        rate = statistics.median(each for _, each in rounds)
        print(f"{name}: {cpu[name]:.0f} us of CPU a request, {rate:.0f} requests/s")
    print(f"httpx costs {cpu['HttpxCarrier'] / cpu['AiohttpCarrier']:.1f} times what aiohttp does")


if __name__ == "__main__":
    main()
