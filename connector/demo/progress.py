"""How far a run has come: read from the connector's metrics and the simulator's summary, shown while it lasts.

On a terminal bars that move, elsewhere a plain line every two seconds. Decides nothing.
"""

import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from connector.demo.connector import Connector

_LINE_EVERY_S = 2.0
_RATE_OVER_S = 3.0


@dataclass(frozen=True, slots=True)
class Sight:
    """One look. `rate` is records settled a second, lately; `failed` counts requests that got a 5xx or no answer."""

    elapsed_s: float
    produced: int = 0
    settled: int = 0
    rate: float = 0.0
    in_flight: int = 0
    dead_letters: int = 0
    throttled: int = 0
    failed: int = 0

    def sentence(self) -> str:
        """All that has no bar of its own."""
        return (
            f"{self.rate:.0f}/s, in flight {self.in_flight}, 429s {self.throttled}, "
            f"failures {self.failed}, dead letters {self.dead_letters}"
        )


class Observer:
    """Looks at a running connector and its Front. Until the connector listens, and when it is gone, its part stays."""

    def __init__(self, connector: Connector, front_url: str, client: httpx.Client) -> None:
        self._connector = connector
        self._front_url = front_url
        self._client = client
        self._began = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque()
        self._settled = self._in_flight = self._dead_letters = 0

    def look(self, produced: int) -> Sight:
        """Ask both. Raises httpx.HTTPError when the simulator does not answer: it is in this process."""
        self._read_metrics()
        throttled, failed = self._read_summary()
        now = time.monotonic()
        self._recent.append((now, self._settled))
        while now - self._recent[0][0] > _RATE_OVER_S:
            self._recent.popleft()
        then, settled_then = self._recent[0]
        return Sight(
            elapsed_s=now - self._began,
            produced=produced,
            settled=self._settled,
            rate=(self._settled - settled_then) / (now - then) if now > then else 0.0,
            in_flight=self._in_flight,
            dead_letters=self._dead_letters,
            throttled=throttled,
            failed=failed,
        )

    def _read_metrics(self) -> None:
        url = self._connector.admin_url
        if url is None:
            return
        try:
            text = self._client.get(f"{url}/metrics").raise_for_status().text
        except httpx.HTTPError:
            return
        sums: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        self._settled = int(sums["front_connector_records_processed_total"])
        self._in_flight = int(sums["front_connector_records_in_flight"])
        self._dead_letters = int(sums["front_connector_dead_letter_records_total"])

    def _read_summary(self) -> tuple[int, int]:
        summary = self._client.get(f"{self._front_url}/_sim/summary").raise_for_status().json()
        throttled = failed = 0
        for outcomes in summary["operations"].values():
            for outcome, count in outcomes.items():
                throttled += count if outcome == "429" else 0
                # Other than a number: the connection was closed, or left without an answer.
                failed += count if outcome.startswith("5") or not outcome.isdecimal() else 0
        return throttled, failed


class Display(Protocol):
    """Shows each look."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, sight: Sight) -> None:
        """Show how it looks now."""


def display(console: Console, records: int) -> Display:
    """What suits this output."""
    return Bars(console, records) if console.is_interactive else Lines(console, records)


class Lines:
    """A line every two seconds and one at the end, for a pipe or a log."""

    def __init__(self, console: Console, records: int) -> None:
        self._console = console
        self._records = records
        self._next_s = 0.0
        self._untold: Sight | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._untold is not None:
            self._tell(self._untold)

    def show(self, sight: Sight) -> None:
        """Print a line when it is time."""
        self._untold = sight
        if sight.elapsed_s >= self._next_s:
            self._next_s = sight.elapsed_s + _LINE_EVERY_S
            self._tell(sight)

    def _tell(self, sight: Sight) -> None:
        self._untold = None
        self._console.print(
            f"{sight.elapsed_s:5.1f} s  produced {sight.produced} of {self._records}, settled {sight.settled}, "
            + sight.sentence(),
            soft_wrap=True,
        )


class Bars:
    """Two bars and a line under them, for a terminal."""

    def __init__(self, console: Console, records: int) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            console=console,
        )
        self._tasks: tuple[TaskID, TaskID] = (
            self._bars.add_task("produced", total=records),
            self._bars.add_task("settled", total=records),
        )
        self._live = Live(self._bars, console=console, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, sight: Sight) -> None:
        """Move the bars."""
        for task, done in zip(self._tasks, (sight.produced, sight.settled), strict=True):
            self._bars.update(task, completed=done)
        self._live.update(Group(self._bars, Text(f"{sight.elapsed_s:.0f} s, {sight.sentence()}")))
