"""The model of the client against the client: the same scripts are played by both, and both are told the same.

A test that fails after an upgrade of the client or broker is news, not noise: see docs/decisions/kafka-facts.md. One that
fails after a change in `tests/simulation` says that the model has left the client.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeAlias

import pytest

from tests.kafka.member import GROUP_SETTINGS, new_topic, write
from tests.kafka.real_stage import Plays
from tests.simulation.scripts import SCRIPTS
from tests.simulation.scripts.simulated import SimStage
from tests.simulation.scripts.stage import COMMIT_MAX, EPOCH_ENDS, GroupProtocol, Script
from tests.support.kafka import Cluster
from tests.support.plugin import NewCluster

pytestmark = pytest.mark.kafka(java=True)

SETTINGS = {**GROUP_SETTINGS, "message.max.bytes": str(COMMIT_MAX)}
Told: TypeAlias = Mapping[str, Sequence[str]]
Play: TypeAlias = tuple[str, GroupProtocol]


def _id(script: Script, protocol: GroupProtocol) -> str:
    return f"{script.name} ({protocol})"


PLAYED = [(script, protocol) for script in SCRIPTS for protocol in script.protocols]


@pytest.fixture(scope="module")
def cluster(new_cluster: NewCluster) -> Iterator[Cluster]:
    with new_cluster(settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def two_leaders(cluster: Cluster) -> str:
    """A topic whose leader's epoch changed: to who remembers the first epoch, it is a log that was cut and written anew."""
    topic = new_topic(cluster, records=EPOCH_ENDS)
    cluster.stop(1)
    cluster.start(1)
    write(cluster, topic, [b"value"] * 20)
    return topic


@pytest.fixture(scope="module")
def played(
    cluster: Cluster, two_leaders: str, request: pytest.FixtureRequest
) -> Iterator[Mapping[Play, Future[Told]]]:
    """Everything that the chosen tests ask for, begun at once."""
    wanted = {item.name for item in request.session.items if item.path == request.path}
    with Plays(cluster, two_leaders) as plays:
        yield {
            (script.name, protocol): plays.begin(script, protocol)
            for script, protocol in PLAYED
            if any(_id(script, protocol) in name for name in wanted)
        }


@pytest.mark.parametrize(("script", "protocol"), PLAYED, ids=[_id(*one) for one in PLAYED])
def test_the_model_is_told_what_the_client_is_told(
    played: Mapping[Play, Future[Told]], script: Script, protocol: GroupProtocol
) -> None:
    """Callbacks, records, ends, errors, answers to commits, and what the coordinator holds: the same, in the same order."""
    told = played[script.name, protocol].result()
    assert SimStage(script, protocol).run() == told
