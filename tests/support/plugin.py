"""What pytest does with tests that need a Kafka, a Schema Registry, promtool or Chromium, and the fixtures that give them one.

What lives here: the rule and the fixtures, loaded by `tests/conftest.py`. How a Kafka is found and started is
not known here.

The rule: where the needed thing is missing, its tests are deselected and one line says how to get them; with
CI set, its absence ends the run, so that no green run has left them out. A skip was refused: nobody reads
skips. `kafka(java=True)` marks a test that stops, freezes or kills brokers, or writes with the Java producer:
it needs Java, whatever Kafka was given.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.support import chromium as chromiums
from tests.support import debian
from tests.support import kafka as kafkas
from tests.support import kube_score as kube_scores
from tests.support import prometheus as prometheuses
from tests.support import promtool as promtools
from tests.support import registry as registries
from tests.support.java import Missing
from tests.support.kafka import Cluster, Jars, Kafka

GUIDE = "docs/testing.md"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that marked tests need, how it is looked for, and how a person gets it."""

    name: str
    look: Callable[[], object]
    how: str


KAFKA = Need("a Kafka broker", kafkas.find_kafka, kafkas.NEEDED)
JARS = Need("Java with Kafka's jars", kafkas.find_jars, kafkas.JARS_NEEDED)
REGISTRY = Need("a Schema Registry", registries.find_registry, registries.NEEDED)
PROMTOOL = Need("promtool", promtools.find_promtool, promtools.NEEDED)
PROMETHEUS = Need("Prometheus", prometheuses.find_prometheus, prometheuses.NEEDED)
KUBE_SCORE = Need("kube-score", kube_scores.find_kube_score, kube_scores.NEEDED)
AMTOOL = Need(
    "amtool", lambda: debian.find_programs("prometheus-alertmanager", "amtool"), promtools.AMTOOL_NEEDED
)
BROWSER = Need("Chromium", chromiums.find_chromium, chromiums.NEEDED)

_left_out = pytest.StashKey[dict[Need, tuple[int, str]]]()


class NewCluster(Protocol):
    """What the fixture `new_cluster` gives."""

    def __call__(self, *, brokers: int = 1, settings: Mapping[str, str] | None = None) -> Cluster:
        """Brokers that do not run yet: `with new_cluster() as cluster`. One takes 2 s to start, three 6 s."""


def pytest_configure(config: pytest.Config) -> None:
    """Markers that pyproject.toml does not name."""
    config.addinivalue_line("markers", "prometheus: needs a Prometheus; promtool comes with it")
    config.addinivalue_line("markers", "kube_score: needs kube-score, which Go builds")
    config.addinivalue_line("markers", "amtool: needs amtool, which comes with Alertmanager")
    config.addinivalue_line("markers", "browser: needs Chromium (every test in tests/browser has it)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here. Last: `-m` and `-k` have chosen, and nothing is looked for in vain."""
    wanted: dict[Need, list[pytest.Item]] = {}
    for item in items:
        for need in _needs(item):
            wanted.setdefault(need, []).append(item)
    left_out: dict[Need, tuple[int, str]] = {}
    for need, waiting in wanted.items():
        found = need.look()
        if isinstance(found, Missing):
            left_out[need] = (len(waiting), found.reason)
            # A test that lacks two things is told of twice and deselected once.
            config.hook.pytest_deselected(items=[item for item in items if item in waiting])
            items[:] = [item for item in items if item not in waiting]
    if left_out and os.environ.get("CI"):
        told = (_told(need, *what) for need, what in left_out.items())
        raise pytest.UsageError("\n".join(["CI is set, so no test may be left out.", *told]))
    config.stash[_left_out] = left_out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for each thing that was missing."""
    for need, what in config.stash.get(_left_out, {}).items():
        terminalreporter.write_line(_told(need, *what), yellow=True)


def _needs(item: pytest.Item) -> Iterator[Need]:
    mark = item.get_closest_marker("kafka")
    if mark is not None:
        # Who has the jars has a Kafka too.
        yield JARS if mark.kwargs.get("java") else KAFKA
    if item.get_closest_marker("registry") is not None:
        yield REGISTRY
    if item.get_closest_marker("promtool") is not None:
        yield PROMTOOL
    if item.get_closest_marker("prometheus") is not None:
        yield PROMETHEUS
    if item.get_closest_marker("kube_score") is not None:
        yield KUBE_SCORE
    if item.get_closest_marker("amtool") is not None:
        yield AMTOOL
    if item.get_closest_marker("browser") is not None:
        yield BROWSER


def _told(need: Need, count: int, reason: str) -> str:
    tests = "1 test is" if count == 1 else f"{count} tests are"
    return f"{tests} left out for want of {need.name} ({reason}): {need.how}. See {GUIDE}."


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A Kafka for the whole run, started when first asked for; tests use topics and groups of their own."""
    source = kafkas.find_kafka()
    assert not isinstance(source, Missing), "the test lacks the marker `kafka`"
    with kafkas.running_kafka(source, tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def new_cluster(tmp_path_factory: pytest.TempPathFactory) -> NewCluster:
    """Makes clusters of a test's own, whose brokers it may stop, freeze and kill."""
    jars = kafkas.find_jars()
    assert isinstance(jars, Jars), "the test lacks the marker `kafka(java=True)`"

    def new(*, brokers: int = 1, settings: Mapping[str, str] | None = None) -> Cluster:
        return Cluster(jars, tmp_path_factory.mktemp("cluster"), brokers=brokers, settings=settings)

    return new


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Schema Registry for the whole run."""
    source = registries.find_registry()
    assert not isinstance(source, Missing), "the test lacks the marker `registry`"
    with registries.running_registry(source, tmp_path_factory.mktemp("registry")) as url:
        yield url


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The program."""
    found = promtools.find_promtool()
    assert not isinstance(found, Missing), "the test lacks the marker `promtool`"
    return found


@pytest.fixture(scope="session")
def kube_score() -> Path:
    """The program."""
    found = kube_scores.find_kube_score()
    assert not isinstance(found, Missing), "the test lacks the marker `kube_score`"
    return found


@pytest.fixture(scope="session")
def prometheus_program() -> Path:
    """The server's program; `tests.support.prometheus.Prometheus` runs it."""
    found = prometheuses.find_prometheus()
    assert not isinstance(found, Missing), "the test lacks the marker `prometheus`"
    return found


@pytest.fixture(scope="session")
def amtool() -> Path:
    """The program; it is asked as promtool is."""
    found = debian.find_programs("prometheus-alertmanager", "amtool")
    assert not isinstance(found, Missing), "the test lacks the marker `amtool`"
    return found[0]
