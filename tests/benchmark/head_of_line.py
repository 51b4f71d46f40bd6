"""What one failing conversation costs the others: their throughput while it fails, against a connector where nothing fails.

    python -m tests.benchmark.head_of_line                  failing for 60 s at each pace: some three minutes
    python -m tests.benchmark.head_of_line --seconds 12     shorter

One partition, a thousand conversations in equal shares. Two connectors, each with a broker and a listener of its own, take
turns of a few seconds, so that what disturbs one disturbs the other; at one of them one conversation is answered with 503
from the first turn to the last. Paces: 500 records/s offered, and as many as there is room for (some thousands always
wait). The figure is the ratio of the others' accepted requests a second.

The bound: the failing conversation keeps its records in memory, `limits.partition_records` at most; then its partition
waits, and with it everybody in it. The table says after how long that would be.
"""

import argparse
import contextlib
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.registry import running_registry
from tests.benchmark.head_of_line_sink import Listener, running_sink
from tests.benchmark.takeover import shipped_mapping
from tests.benchmark.throughput import COMPANIES, KEYS, TOPIC, encoded
from tests.support.service import Service, eventually

SECONDS = 60.0
TURN_S = 5.0
OFFERED = 500.0
WAITING = 3000
"""Records that wait at full speed; the embedded broker forgets the oldest beyond 5 MiB."""
POOL = 5000
ANSWER_S = 0.02
PARTITION_RECORDS = 1000
SICK = b"conversation-00000007"
TICK_S = 0.005


@dataclass(frozen=True, slots=True)
class Measured:
    """The others' requests a second at one pace. `offered` is None at full speed."""

    offered: float | None
    healthy: float
    failing: float
    refused: int
    kept: int
    """Records that the failing conversation kept waiting at the end."""

    @property
    def ratio(self) -> float:
        """Of the throughput without a failing conversation."""
        return self.failing / self.healthy

    @property
    def full_after_s(self) -> float:
        """How long the conversation may fail before its partition waits."""
        return PARTITION_RECORDS * KEYS / self.failing


class Side:
    """A connector with its broker and its listener."""

    def __init__(self, listener: Listener, pool: Sequence[tuple[bytes, bytes]]) -> None:
        self.listener = listener
        self._pool = itertools.cycle(pool)
        self.others = 0
        self.sick = 0

    @contextlib.contextmanager
    def running(self, registry_url: str, folder: Path) -> Iterator[None]:
        """Started and warm; in the end, everything has arrived and it stops in order."""
        with EmbeddedBroker() as broker:
            for topic in (TOPIC, DEAD_LETTER_TOPIC):
                broker.create_topic(topic)
            self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5, "log_level": 0})
            service = Service(_estate(broker.bootstrap, registry_url, self.listener.url, folder))
            service.start()
            try:
                self._produce(300)
                self.drain()
                yield
                self.listener.refuse(False)
                eventually(lambda: self.listener.sick == self.sick, 60, "the conversation that failed")
                assert service.terminate() == 0
            finally:
                service.stop()

    def turn(self, seconds: float, offered: float | None) -> float:
        """The others' requests a second, in a turn of so many seconds."""
        began, before, produced = time.monotonic(), self.listener.others, 0.0
        while (passed := time.monotonic() - began) < seconds:
            waiting = self.others - self.listener.others
            wanted = offered * passed - produced if offered is not None else WAITING - waiting
            if wanted >= 1:
                self._produce(int(wanted))
                produced += int(wanted)
            time.sleep(TICK_S)
        rate = (self.listener.others - before) / (time.monotonic() - began)
        self.drain()
        return rate

    def drain(self) -> None:
        """Until all the others have arrived: the next turn is another's."""
        eventually(lambda: self.listener.others == self.others, 60, "the other conversations")

    def _produce(self, count: int) -> None:
        for key, value in itertools.islice(self._pool, count):
            self._producer.produce(TOPIC, value, key)
            self.sick += key == SICK
            self.others += key != SICK
        self._producer.poll(0)


def run(seconds: float, turn_s: float = TURN_S) -> list[Measured]:
    """Both paces, each with fresh connectors."""
    return [_pace(offered, seconds, turn_s) for offered in (OFFERED, None)]


def _pace(offered: float | None, seconds: float, turn_s: float) -> Measured:
    rates: tuple[list[float], list[float]] = ([], [])
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        registry = stack.enter_context(running_registry())
        listeners = stack.enter_context(running_sink(2, SICK, ANSWER_S))
        pool = encoded(registry.url, POOL)
        sides = [Side(listener, pool) for listener in listeners]
        for name, side in zip(("healthy", "failing"), sides, strict=True):
            stack.enter_context(side.running(registry.url, folder / name))
        failing = sides[1]
        failing.listener.refuse(True)
        for _ in range(max(1, round(seconds / (2 * turn_s)))):
            for side, found in zip(sides, rates, strict=True):
                found.append(side.turn(turn_s, offered))
        kept = failing.sick - failing.listener.sick
        refused = failing.listener.refused
    means = [sum(found) / len(found) for found in rates]
    return Measured(offered, means[0], means[1], refused, kept)


def _estate(bootstrap: str, registry_url: str, front_url: str, folder: Path) -> Path:
    estate = Estate(
        bootstrap=bootstrap,
        registry_url=registry_url,
        front_url=front_url,
        companies=COMPANIES,
        mapping_files=shipped_mapping(folder),
        settings={
            # The failing conversation must go on failing: others are accepted, so it would become dead letters.
            "front": {"retry": {"base_s": 0.5, "cap_s": 5.0, "attempts": 1000}},
            "limits": {"in_flight": 64, "commit_interval_s": 1.0, "partition_records": PARTITION_RECORDS},
        },
    )
    return estate.write(folder)


def table(rows: Sequence[Measured]) -> str:
    """For people."""
    lines = [
        f"one conversation of {KEYS:,} fails, limits.partition_records {PARTITION_RECORDS:,}; "
        "the others' requests/s:",
        f"{'offered':>12}{'nothing fails':>15}{'one fails':>12}{'ratio':>8}{'kept waiting':>14}"
        f"{'partition waits after':>24}",
    ]
    for row in rows:
        offered = f"{row.offered:,.0f}/s" if row.offered is not None else "full speed"
        lines.append(
            f"{offered:>12}{row.healthy:>15,.0f}{row.failing:>12,.0f}{row.ratio:>8.3f}{row.kept:>14,}"
            f"{row.full_after_s:>22,.0f} s"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long it fails at each pace")
    parser.add_argument("--turn", type=float, default=TURN_S, help="seconds of a turn")
    arguments = parser.parse_args()
    print(table(run(arguments.seconds, arguments.turn)))


if __name__ == "__main__":
    main()
