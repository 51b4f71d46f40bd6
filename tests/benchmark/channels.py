"""A channel directory of a million rows: how long it takes at start, how much memory, and how long a change stops the loop.

    python -m tests.benchmark.channels [rows] [--bootstrap host:port]

Each measurement in a process of its own: of the file its CPU, of the topic time as well.
The topic's needs a broker, on which it makes a compacted topic and deletes it.
"""

import argparse
import asyncio
import json
import logging
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Container
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.app.directory import TopicRows
from connector.config.channels import read_channels
from connector.core.mapping import ChannelDirectory, ChannelRow
from tests.support.world import Facts

APPS = ["main"]
MIB = 2**20


def row(number: int, company: str = "customer") -> ChannelRow:
    """A line that looks like a phone number; a company has a hundred lines."""
    name = f"{company}-{number // 100}"
    return ChannelRow(key=f"+1202{number:07d}", channel=f"cha_{number:07x}", company=name, app="main")


def memory_mib() -> float:
    """What this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def from_file(rows: int) -> dict[str, float]:
    """Parsed, and made into a directory; then the same again with one row in a hundred changed."""

    def text(company: str) -> str:
        made = (
            row(n, company if n % 100 == 0 and company != "customer" else "customer") for n in range(rows)
        )
        return "key,channel,company,app\n" + "".join(
            f"{r.key},{r.channel},{r.company},{r.app}\n" for r in made
        )

    first, second = text("customer"), text("other")
    before, began = memory_mib(), time.process_time()
    directory = ChannelDirectory.of(_rows(first), APPS)
    took = time.process_time() - began
    kept = memory_mib() - before
    began = time.process_time()
    changes = directory.difference(_rows(second))
    compared = time.process_time() - began
    began = time.process_time()
    directory.change(changes)
    changed = time.process_time() - began
    return {
        "start_cpu_s": took,
        "memory_mib": kept,
        "anew_in_a_thread_cpu_s": compared,
        "changed_rows": len(changes),
        "loop_stops_s": changed,
        "most_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _rows(text: str) -> tuple[ChannelRow, ...]:
    found = read_channels(Path("channels.csv"), text, "channels.csv", APPS)
    assert isinstance(found, tuple), found[:3]
    return found


def from_topic(rows: int, bootstrap: str) -> dict[str, float]:
    """From the first connection to the end of the topic; and the longest that the loop did not turn meanwhile."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topic = f"channels-{uuid.uuid4().hex[:8]}"
    created = NewTopic(topic, num_partitions=3, replication_factor=1, config={"cleanup.policy": "compact"})
    admin.create_topics([created])[topic].result(30)
    try:
        _produce(rows, topic, bootstrap)
        return asyncio.run(_follow(topic, bootstrap))
    finally:
        admin.delete_topics([topic])[topic].result(30)


def _produce(rows: int, topic: str, bootstrap: str) -> None:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 2_000_000}
    )
    for number in range(rows):
        made = row(number)
        producer.produce(topic, json.dumps(made.value()), made.key)
        if number % 10_000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0


async def _follow(topic: str, bootstrap: str) -> dict[str, float]:
    directory = ChannelDirectory(APPS)
    before, began, cpu = memory_mib(), time.perf_counter(), time.process_time()
    properties = {"bootstrap.servers": bootstrap, "group.id": "benchmark"}
    rows = TopicRows(directory, topic, properties, Facts(), _nothing)
    longest = 0.0
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(rows.run(_nobody_waits))
        while rows.waiting_for is not None:
            turned = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - turned)
        took = time.perf_counter() - began
        following.cancel()
    return {
        "rows": len(directory.rows),
        "start_s": took,
        "start_cpu_s": time.process_time() - cpu,
        "memory_mib": memory_mib() - before,
        "loop_stops_s": longest,
    }


def _nobody_waits(_lines: Container[str]) -> None:
    """No record waits for a row here."""


def _nothing() -> None:
    """No row is refused here."""


def main() -> None:
    """Print the figures."""
    logging.basicConfig(level=logging.ERROR)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--bootstrap")
    parser.add_argument("--one", choices=["file", "topic"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    ways: dict[str, Callable[[], dict[str, float]]] = {"file": lambda: from_file(given.rows)}
    if given.bootstrap is not None:
        ways["topic"] = lambda: from_topic(given.rows, given.bootstrap)
    if given.one is not None:
        for name, figure in ways[given.one]().items():
            print(f"{given.one:5}  {name:20} {figure:12,.2f}")
        return
    for one in ways:
        subprocess.run(
            [sys.executable, "-m", "tests.benchmark.channels", *sys.argv[1:], "--one", one], check=True
        )


if __name__ == "__main__":
    main()
