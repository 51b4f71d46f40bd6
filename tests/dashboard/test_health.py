"""The first panel's word, at full size of its windows: promtool plays series of ten minutes and asks the panel's query."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.dashboard.ask import JOB, NAMESPACE, panels, substituted
from tests.support.java import Missing
from tests.support.promtool import find_promtool, promtool

pytestmark = pytest.mark.promtool

HEALTH, NEXT_STEP, *_ = panels()
WORDS = HEALTH.raw["fieldConfig"]["defaults"]["mappings"][0]["options"]
CATCH_UP = next(panel for panel in panels() if panel.title == "Time to catch up")
STATES = ("failed", "draining", "held_auth", "paused", "circuit_open", "starting", "running")
_NONE = "0x10"


@dataclass(frozen=True, slots=True)
class Pod:
    """Ten minutes of a process, a sample a minute, in promtool's notation."""

    state: str = "running"
    settled: str = "0+60x10"
    waiting: str = _NONE
    unread: str = _NONE
    blocked: str = _NONE
    blocked_since: str = _NONE
    held: str = _NONE
    partitions: Mapping[str, str] = field(default_factory=dict)

    def series(self, name: str) -> dict[str, str]:
        """By selector."""
        of = f'namespace="{NAMESPACE}",job="{JOB}",pod="{name}",instance="{name}:8080"'
        at = f'{of},topic="t",partition="{name[-1]}"'
        return {
            **{
                f'front_connector_state{{{of},state="{s}"}}': "1x10" if s == self.state else _NONE
                for s in STATES
            },
            f'front_connector_records_processed_total{{{of},topic="t",outcome="accepted"}}': self.settled,
            f"front_connector_consumer_lag_records{{{at}}}": self.waiting,
            f"front_connector_consumer_unsettled_records{{{at}}}": self.waiting,
            f"front_connector_consumer_position_offset{{{at}}}": "100x10",
            f"front_connector_consumer_end_offset{{{at}}}": f"{100 + int(self.unread[0])}x10",
            f"front_connector_blocked_keys{{{of}}}": self.blocked,
            f"front_connector_oldest_blocked_key_timestamp_seconds{{{of}}}": self.blocked_since,
            f'front_connector_holds{{{of},scope="channel",reason="forbidden"}}': self.held,
        }


NOTHING = "0x10"
SAID: dict[str, tuple[tuple[Pod, ...], str]] = {
    "no process": ((), "NOT SEEN"),
    "records flow": ((Pod(waiting="3x10"),), "HEALTHY"),
    "a quiet night": ((Pod(settled=NOTHING),), "HEALTHY"),
    "the first record after a quiet night": ((Pod(settled=NOTHING, waiting="0x9 1"),), "HEALTHY"),
    "one of two starts": ((Pod(), Pod(state="starting")), "STARTING"),
    "paused, with a backlog": ((Pod(state="paused", settled=NOTHING, waiting="9x10"),), "PAUSED"),
    "one of two stops": ((Pod(), Pod(state="draining")), "STOPPING"),
    "a channel is held": ((Pod(held="1x10"),), "PARTLY HELD"),
    "a key fails now and then": ((Pod(blocked="1x10", blocked_since="590x10"),), "HEALTHY"),
    "a key has failed for minutes": ((Pod(blocked="1x10", blocked_since="60x10"),), "PARTLY HELD"),
    "only a held key waits": (
        (Pod(settled=NOTHING, waiting="4x10", blocked="1x10", blocked_since="60x10"),),
        "PARTLY HELD",
    ),
    "nothing is settled although records wait": ((Pod(settled=NOTHING, waiting="4x10"),), "NOTHING MOVES"),
    "and keys are blocked, and more is unread": (
        (Pod(settled=NOTHING, waiting="4x10", blocked="1x10", blocked_since="60x10", unread="5x10"),),
        "NOTHING MOVES",
    ),
    "Front is down": ((Pod(state="circuit_open", settled=NOTHING, waiting="4x10"),), "FRONT IS DOWN"),
    "one of two is refused": ((Pod(), Pod(state="held_auth")), "SECRET REFUSED"),
    "one of two has failed": ((Pod(held="1x10"), Pod(state="failed")), "FAILED"),
}


def verdict(folder: Path, pods: tuple[Pod, ...], expr: str, value: float) -> str:
    """What promtool says against this value after ten minutes; nothing if it is right."""
    series = {
        name: text for number, pod in enumerate(pods) for name, text in pod.series(f"pod-{number}").items()
    }
    test = {
        "rule_files": [],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {"expr": expr, "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": value}]}
                ],
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump(test, width=10_000), encoding="utf-8")
    found = find_promtool()
    assert not isinstance(found, Missing), "the test lacks the marker `promtool`"
    code, said = promtool(found, "test", "rules", file)
    return "" if code == 0 else said


@pytest.mark.parametrize("case", SAID)
def test_the_word_is_right(tmp_path: Path, case: str) -> None:
    """Each state, alone and beside a healthy process, and what a quiet topic must not look like."""
    pods, word = SAID[case]
    number = next(int(number) for number, each in WORDS.items() if each["text"] == word)
    assert verdict(tmp_path, pods, substituted(HEALTH.queries[0][1], shorter=False), number) == ""


def test_the_sentence_beside_it_is_for_the_same_number() -> None:
    """Both ask the same."""
    assert HEALTH.queries[0][1] == NEXT_STEP.queries[0][1]


@pytest.mark.parametrize(
    ("pod", "seconds"),
    [
        (Pod(), 0),
        (Pod(waiting="120x10"), 120),
        (Pod(settled=NOTHING), 0),
        (Pod(settled=NOTHING, waiting="0x9 1"), 0),
        (Pod(settled=NOTHING, waiting="5x10"), 1e9),
    ],
)
def test_the_time_to_catch_up_is_right(tmp_path: Path, pod: Pod, seconds: float) -> None:
    """One record a second is settled; 1e9 is shown as: not moving."""
    assert verdict(tmp_path, (pod,), substituted(CATCH_UP.queries[0][1], shorter=False), seconds) == ""
