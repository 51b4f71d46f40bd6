"""The stage for all faults, and their table at the end of the run."""

from collections.abc import Iterator

import pytest

from tests.kafka.chaos.stage import BROKER_SETTINGS, Stage, running_stage
from tests.kafka.chaos.table import Row, table
from tests.support.plugin import NewCluster

_rows = pytest.StashKey[list[Row]]()


@pytest.fixture(scope="package")
def stage(
    new_cluster: NewCluster, registry: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Three brokers and a registry, shared by all scenarios."""
    cluster = new_cluster(brokers=3, settings=BROKER_SETTINGS)
    with running_stage(cluster, registry, tmp_path_factory.mktemp("chaos")) as running:
        yield running


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> list[Row]:
    """Where a scenario notes what came of it."""
    return request.config.stash.setdefault(_rows, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table, whatever the verdict."""
    rows = config.stash.get(_rows, [])
    if rows:
        terminalreporter.section("chaos on real Kafka")
        terminalreporter.write_line(table(rows))
