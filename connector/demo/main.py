"""The verb `demo`: Kafka, a registry and Front embedded, the real connector between them, and a verdict at the end.

  events.py      the records                      broker.py, registry.py, front.py   what is embedded
  traffic.py     puts them into Kafka             estate.py     the folder that a user would write
  connector.py   runs `front-connector run` on it progress.py   what is seen meanwhile
  pace.py        when each record is produced
  evidence.py    what Front and the dead-letter topic hold      verdict.py, table.py   what that proves

Here is only their order: start, produce, wait, stop, judge, tell.
"""

import os
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx
from confluent_kafka import KafkaException
from rich.console import Console

from connector.config import Loaded, load
from connector.config.environment import ours
from connector.demo import front
from connector.demo.broker import EmbeddedBroker, EmbeddedBrokerError
from connector.demo.connector import LOG_NAME, Connector
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import COMPANIES_DEFAULT, START_MS, TOPICS, generate
from connector.demo.evidence import letters, raw_log
from connector.demo.interrupt import Interrupted, Interrupts
from connector.demo.pace import at_once, in_time
from connector.demo.progress import Observer, display
from connector.demo.records import DemoRecord
from connector.demo.registry import running_registry
from connector.demo.table import Fate, fates_table, met, planned
from connector.demo.traffic import Publisher
from connector.demo.verdict import Verdict, judge
from connector.simulator.server import ListenError, running

EXIT_FAILED = 1
EXIT_UNAVAILABLE = 69

_PARTITIONS = dict(zip(TOPICS, (4, 4, 2, 1), strict=True))
_LOOK_EVERY_S = 0.25
_STALLED_AFTER_S = 60.0
_LIVE_SCALE = 2_000
"""In live traffic limits and faults are those of so many records: they are in proportion to what comes a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to see."""

    calm: bool = False
    records: int = 4_000
    seed: int = 1
    live: bool = False
    """Each record when its time has come, some five a second, instead of as fast as it goes."""
    metrics_port: int = 0
    """Where the connector's metrics are, on loopback; 0: wherever a port is free."""

    @property
    def scale(self) -> int:
        """By how many records limits and faults are sized."""
        return min(self.records, _LIVE_SCALE) if self.live else self.records


@dataclass(frozen=True, slots=True)
class _Run:
    """What was asked for, and where it happens."""

    asked: Asked
    traffic: tuple[DemoRecord, ...]
    folder: Path
    console: Console
    interrupts: Interrupts


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How it ended. `settled`: the connector said so of every record."""

    settled: bool
    exit_code: int
    verdict: Verdict
    plan: Counter[Fate]

    def complaints(self) -> list[str]:
        """Why this is no success, one sentence each; what the verdict's line says is not repeated."""
        said = []
        if not self.settled:
            said.append(
                f"not every record was settled: for {_STALLED_AFTER_S:.0f} s, or to its end, nothing moved"
            )
        if self.exit_code != 0:
            said.append(f"the connector ended with exit code {self.exit_code} instead of 0")
        if met(self.verdict) != self.plan:
            said.append("the fates of the records are not as planned: see the table")
        return said


def run(asked: Asked) -> int:
    """Run the demo on the terminal or pipe that stdout is; the exit code. Takes less than a minute, unless it is live.

    0: nothing lost, nothing out of order, all as planned. 1: not so. 69: something embedded does not work here.
    130, 143: Ctrl-C, SIGTERM.
    """
    # The user's settings for a connector of their own are not meant for this one.
    for name in ours(os.environ):
        del os.environ[name]
    # rich would colour a pipe too if FORCE_COLOR is set.
    console = Console(force_terminal=sys.stdout.isatty(), highlight=False, markup=False)
    problem = _port_problem(asked.metrics_port)
    if problem is not None:
        _say(console, f"the demo cannot go on: {problem}")
        return EXIT_UNAVAILABLE
    with Interrupts() as interrupts:
        folder = Path(tempfile.mkdtemp(prefix="front-connector-demo-"))
        begins = round(time.time() * 1000) if asked.live else START_MS
        traffic = tuple(generate(seed=asked.seed, records=asked.records, calm=asked.calm, start_ms=begins))
        try:
            outcome = _play(_Run(asked, traffic, folder, console, interrupts))
        except Interrupted as interrupted:
            console.print("interrupted; everything is stopped")
            shutil.rmtree(folder)
            return interrupted.exit_code
        except (EmbeddedBrokerError, ListenError, KafkaException, httpx.HTTPError, OSError) as error:
            _say(console, f"the demo cannot go on: {error}")
            _tell_where(console, folder)
            return EXIT_UNAVAILABLE
    return _conclude(outcome, folder, console)


def _play(run: _Run) -> _Outcome:
    asked = run.asked
    with (
        EmbeddedBroker() as broker,
        running_registry() as registry,
        running(front.world(), front.switches(asked.scale, asked.seed, calm=asked.calm)) as simulator,
    ):
        for topic, partitions in _PARTITIONS.items():
            broker.create_topic(topic, partitions)
        broker.create_topic(DEAD_LETTER_TOPIC)
        config = Estate(
            bootstrap=broker.bootstrap,
            registry_url=registry.url,
            front_url=simulator.base_url,
            settings={
                "front": {"rate_limit": front.rate_limit(asked.scale, calm=asked.calm)},
                "telemetry": {"port": asked.metrics_port},
            },
        ).write(run.folder)
        rules = front.trouble(asked.scale, calm=asked.calm)
        httpx.put(f"{simulator.base_url}/_sim/faults", json=rules, trust_env=False).raise_for_status()
        _announce(run, simulator.base_url)
        publisher = Publisher(broker.bootstrap, registry.url)
        with Connector(config) as connector:
            settled = _watch(run, publisher, connector, simulator.base_url)
            exit_code = connector.stop()
        loaded = load(config)
        assert isinstance(loaded, Loaded), "the connector has run on it"
        verdict = judge(
            publisher.produced,
            loaded.mappings,
            publisher.schemas,
            raw_log(simulator.base_url),
            letters(broker.bootstrap),
        )
    return _Outcome(settled, exit_code, verdict, planned(run.traffic))


def _announce(run: _Run, front_url: str) -> None:
    asked = run.asked
    faults = "without faults" if asked.calm else "with faults"
    _say(
        run.console,
        f"{len(run.traffic)} records of {COMPANIES_DEFAULT} companies through an embedded Kafka to a simulated Front, "
        f"{faults} (seed {asked.seed})",
    )
    _say(run.console, f"what Front receives, while this runs: {front_url}/")
    if asked.metrics_port:
        _say(run.console, f"the connector's metrics: http://127.0.0.1:{asked.metrics_port}/metrics")


def _watch(run: _Run, publisher: Publisher, connector: Connector, front_url: str) -> bool:
    """Produce everything and wait until it is settled. False: the connector ended, or nothing moved for too long."""
    records = len(run.traffic)
    with (
        httpx.Client(trust_env=False, timeout=5.0) as client,
        display(run.console, records) as shown,
    ):
        observer = Observer(connector, front_url, client)
        for batch in in_time(run.traffic) if run.asked.live else at_once(run.traffic):
            run.interrupts.check()
            publisher.publish(batch)
            shown.show(observer.look(len(publisher.produced)))
            if not connector.alive:
                return False
        settled, moved_at = 0, time.monotonic()
        while True:
            run.interrupts.check()
            sight = observer.look(len(publisher.produced))
            shown.show(sight)
            if sight.settled >= records:
                return True
            if sight.settled > settled:
                settled, moved_at = sight.settled, time.monotonic()
            if not connector.alive or time.monotonic() - moved_at > _STALLED_AFTER_S:
                return False
            time.sleep(_LOOK_EVERY_S)


def _conclude(outcome: _Outcome, folder: Path, console: Console) -> int:
    """The table, and the verdict's line as the last one."""
    verdict = outcome.verdict
    console.print()
    console.print(fates_table(verdict, outcome.plan))
    console.print()
    complaints = outcome.complaints()
    good = verdict.ok and not complaints
    if good:
        shutil.rmtree(folder)
    else:
        for text in (*complaints, *verdict.examples):
            _say(console, text)
        _tell_where(console, folder)
    _say(console, verdict.line(), style="bold green" if good else "bold red")
    return 0 if good else EXIT_FAILED


def _port_problem(port: int) -> str | None:
    """Why a port that was asked for is not to be had; 0 asks for none."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            return f"port {port} of --metrics-port: {error.strerror}; name another"
    return None


def _tell_where(console: Console, folder: Path) -> None:
    _say(console, f"kept for you to look at: {folder} (the connector's log: {folder / LOG_NAME})")


def _say(console: Console, text: str, style: str | None = None) -> None:
    """A line that is not broken where the terminal ends, so that addresses in it stay whole."""
    console.print(text, style=style, soft_wrap=True)
