"""How many requests a second the simulator takes, beside a sink that does nothing: it must not slow what it measures.

`python -m tests.benchmark.simulator [--requests N] [--output json]`. Each far side is a process of its own, asked by bare
sockets over connections that stay open: messages of a hundred conversations, each with its own token. The ratio to the
sink says how much of an answer is Front's work; CPU is that of the far side's process alone.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jwt

from connector.simulator.world import DEMO_APP, DEMO_SECRET
from tests.benchmark.sink import running_sink

IN_FLIGHT = 32
CONVERSATIONS = 100
CHANNEL = "cha_shop_chat"


@dataclass(frozen=True, slots=True)
class Row:
    """One far side. `cpu_us`: microseconds of its CPU for a request; None where it is not looked at."""

    name: str
    requests_per_s: float
    cpu_us: float | None
    of_the_sink: float


def requests(count: int, offset: int = 0) -> list[bytes]:
    """Whole requests, ready to be written: the load's own work is not to be seen."""
    made = []
    exp = int(time.time()) + 3_000
    for number in range(offset, offset + count):
        claims = {"iss": DEMO_APP, "sub": CHANNEL, "jti": f"{number:016x}", "exp": exp}
        body = json.dumps(
            {
                "sender": {"handle": "+4930555010", "name": "Nadia Ferrand"},
                "body": "Friday would be better. " * 10,
                "delivered_at": 1_789_000_042,
                "metadata": {
                    "external_id": f"m-{number}",
                    "external_conversation_id": f"room-{number % CONVERSATIONS}",
                },
            }
        ).encode()
        head = (
            f"POST /channels/{CHANNEL}/inbound_messages HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"authorization: Bearer {jwt.encode(claims, DEMO_SECRET)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class _Asking(asyncio.Protocol):
    """Writes the next request when the answer to the last is whole, until there are none left."""

    def __init__(self, left: Iterator[bytes], ended: "asyncio.Future[None]", refused: list[bytes]) -> None:
        self._left = left
        self._ended = ended
        self._refused = refused
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if not found or len(body) < int(length or 0):
            return
        if not head.startswith(b"HTTP/1.1 202"):
            self._refused.append(self._seen)
        self._seen = b""
        self._ask()

    def _ask(self) -> None:
        request = next(self._left, None)
        if request is not None:
            self._transport.write(request)
            return
        self._transport.close()
        if not self._ended.done():
            self._ended.set_result(None)


async def _load(port: int, made: Sequence[bytes]) -> float:
    """Seconds until all are answered with 202."""
    loop = asyncio.get_running_loop()
    left, refused = iter(made), list[bytes]()
    ended = [loop.create_future() for _ in range(IN_FLIGHT)]
    start = time.perf_counter()
    for future in ended:
        await loop.create_connection(partial(_Asking, left, future, refused), "127.0.0.1", port)
    await asyncio.gather(*ended)
    took = time.perf_counter() - start
    assert not refused, refused[0][:300]
    return took


@contextmanager
def simulator(*options: str) -> Iterator[tuple[int, int]]:
    """A simulator in a process of its own: its port and its process id."""
    command = [sys.executable, "-m", "connector", "simulate", "--port", "0", *options]
    command += ["--switch", "jwt_max_ttl_s=100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, "the simulator did not start"
            yield int(line.strip().rpartition(":")[2]), process.pid
        finally:
            process.terminate()
            process.wait()


def _cpu_s(pid: int) -> float | None:
    """User and system time so far (proc(5)); None where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / 100


def run(count: int) -> list[Row]:
    """The sink, the simulator, and the simulator that keeps what it knows in a file."""
    warm, made = requests(count // 10 + 1), requests(count, offset=10_000_000)
    with running_sink((0.0,)) as (sink,):
        asyncio.run(_load(sink.port, warm))
        bare = count / asyncio.run(_load(sink.port, made))
    rows = [Row("bare sink", bare, None, 1.0)]
    with tempfile.TemporaryDirectory() as folder:
        kept = ("--keep", str(Path(folder) / "front.sqlite"))
        for name, options in (("simulator", ()), ("simulator, kept in a file", kept)):
            with simulator(*options) as (port, pid):
                asyncio.run(_load(port, warm))
                before = _cpu_s(pid)
                rate = count / asyncio.run(_load(port, made))
                after = _cpu_s(pid)
            cpu = (after - before) / count * 1e6 if before is not None and after is not None else None
            rows.append(Row(name, rate, cpu, rate / bare))
    return rows


def table(rows: Sequence[Row]) -> str:
    """For people."""
    lines = [f"{'far side':<28}{'requests/s':>12}{'CPU, µs':>10}{'of the sink':>13}"]
    for row in rows:
        cpu = f"{row.cpu_us:.0f}" if row.cpu_us is not None else "-"
        lines.append(f"{row.name:<28}{row.requests_per_s:>12,.0f}{cpu:>10}{row.of_the_sink:>13.2f}")
    return "\n".join(lines)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--output", choices=("text", "json"), default="text")
    wanted = parser.parse_args()
    rows = run(wanted.requests)
    print(json.dumps([asdict(row) for row in rows]) if wanted.output == "json" else table(rows))


if __name__ == "__main__":
    main()
