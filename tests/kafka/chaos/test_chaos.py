"""Three connectors, three brokers, one fault at a time under load: nothing lost, nothing overtaken, repeats explained.

CHAOS_ROUNDS (1) repeats every scenario, each time with other traffic; SEED fixes it.
"""

import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from connector.core.records import TopicPartition
from tests.kafka.chaos.faults import SCENARIOS, VICTIM, Scenario
from tests.kafka.chaos.judge import Judgement, judge_play, recovered_after_s
from tests.kafka.chaos.stage import Play, Protocol, Stage, new_play
from tests.kafka.chaos.table import Row

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.registry, pytest.mark.timeout(240)]

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
RECORDS_A_SECOND = 100
BURST = 800
"""Written at once as the fault strikes, so that it finds a queue."""
WARM_S = 0.7


@pytest.fixture(params=range(ROUNDS), ids=lambda number: f"round{number + 1}")
def seed(request: pytest.FixtureRequest) -> int:
    """Another one each round."""
    chosen = int(os.environ.get("SEED", random.randrange(10**6))) + int(request.param)
    print(f"SEED={chosen}")
    return chosen


@pytest.mark.parametrize("fault", [name for name in SCENARIOS if not SCENARIOS[name].moves])
def test_ret_15_a_fault_of_a_neighbour_harms_nothing(
    fault: str, stage: Stage, seed: int, rows: list[Row]
) -> None:
    """Brokers, Front and registry fail and come back: all arrives in order, and what repeats had lost its answer."""
    _unharmed(_happens(fault, "classic", stage, seed, rows))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_shd_05_a_killed_connector_harms_nothing(
    protocol: Protocol, stage: Stage, seed: int, rows: list[Row]
) -> None:
    """kill -9: others take over, and repeat only what no commit had recorded."""
    _unharmed(_happens("connector killed", protocol, stage, seed, rows))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_reb_14_scaling_under_load_harms_nothing(
    protocol: Protocol, stage: Stage, seed: int, rows: list[Row]
) -> None:
    """One connector becomes three and one again: partitions change hands in order, back and forth."""
    _unharmed(_happens("1 to 3 to 1", protocol, stage, seed, rows))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_reb_15_a_connector_that_is_cut_off_from_the_coordinator_starts_nothing_that_is_no_longer_its_own(
    protocol: Protocol, stage: Stage, seed: int, rows: list[Row]
) -> None:
    """Front and the other brokers go on answering it: its right to send ends by its own clock, before others take over."""
    _unharmed(_happens("coordinator cut off", protocol, stage, seed, rows))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_reb_16_a_connector_that_was_frozen_starts_nothing_that_is_no_longer_its_own(
    protocol: Protocol, stage: Stage, seed: int, rows: list[Row]
) -> None:
    """It wakes with a queue of records that another has sent meanwhile, and sends none of them."""
    _unharmed(_happens("connector frozen", protocol, stage, seed, rows))


def _happens(fault: str, protocol: Protocol, stage: Stage, seed: int, rows: list[Row]) -> Judgement:
    """Play a scenario to its end and judge it."""
    scenario = SCENARIOS[fault]
    with new_play(stage, protocol, seed) as play:
        times = _play(play, scenario)
        judgement, history = judge_play(play, times.began)
    rows.append(Row(fault, protocol, judgement, recovered_after_s(history, times.ends, times.ended)))
    assert judgement.moves[VICTIM] or not scenario.moves, "nobody has taken anything over"
    return judgement


@dataclass(frozen=True, slots=True)
class _Times:
    """When a fault struck and when it was mended (Unix seconds), and where the logs ended then."""

    began: float
    ended: float
    ends: Mapping[TopicPartition, int]


def _play(play: Play, scenario: Scenario) -> _Times:
    play.load.begin(RECORDS_A_SECOND / 5)
    play.start(*scenario.begins_with)
    play.load.begin(RECORDS_A_SECOND)
    time.sleep(WARM_S)
    play.load.burst(BURST)
    time.sleep(0.2)
    began = time.time()
    with scenario.fault(play):
        time.sleep(scenario.lasts_s)
    ended = time.time()
    times = _Times(began, ended, play.ends_again(20))
    time.sleep(0.5)
    if scenario.returns:
        play.wait_for(VICTIM, 40)
    play.load.end()
    play.wait_settled(60, *scenario.ends_with)
    play.stop(*scenario.ends_with)
    assert play.behind() == {}, "a stop may not take a commit back"
    return times


def _unharmed(found: Judgement) -> None:
    assert found.harmless, (found, found.examples)
    assert found.verdict.produced > BURST
