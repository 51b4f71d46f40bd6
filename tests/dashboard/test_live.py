"""Every query of the dashboard on a real Prometheus that scrapes a real connector: in calm, in trouble, and after it."""

import json
from collections.abc import Iterator

import pytest

from connector.demo.events import TOPICS
from tests.dashboard.ask import JOB, NAMESPACE, Line, Panel, at_end, highest, panels, substituted
from tests.dashboard.build import FILE
from tests.dashboard.scene import Scene, played
from tests.dashboard.seen import Seen, table
from tests.support.java import Missing
from tests.support.prometheus import find_prometheus

pytestmark = pytest.mark.prometheus

PANELS = panels()
RISES: dict[str, str | None] = {
    "Health": None,
    "What to do": None,
    "Behind by": None,
    "Records that wait": None,
    "Held now": "channel: unauthorized",
    "Blocked keys": None,
    "Oldest blocked for": None,
    "State of each process": None,
    "Time to catch up": None,
    "In flight and queued": "queued",
    "Retries and what may have happened twice": "retries",
    "Requests by status": "503",
    "Share that fails or is refused": "failed",
    "Circuit of each app": None,
    "Unsettled, by topic": None,
    "Behind by, ten worst partitions": None,
    "Dead letters, by reason": "decode_failed",
    "Dead letters and failed writes, in all": "dead letters",
    "Errors, by step and kind": "send",
    "Holds, by scope and reason": "channel: unauthorized",
    "Longest hold, by scope": "channel",
    "Blocked keys and missing channels": "blocked keys",
    "Requests to the registry": "by_id 503",
}
"""Panels that the faults must move, and which of their series; None: any."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All phases are over; Prometheus still answers."""
    program = find_prometheus()
    assert not isinstance(program, Missing), "the test lacks the marker `prometheus`"
    with played(tmp_path_factory.mktemp("dashboard"), program) as scene:
        yield scene


@pytest.fixture(scope="module")
def seen(scene: Scene) -> Seen:
    """What every panel showed, phase by phase."""
    return Seen.of(scene, PANELS)


@pytest.mark.timeout(600)
def test_all_phases_were_played(seen: Seen) -> None:
    """Calm, fault, recovery; and what each panel showed, for who reads the log of a run."""
    assert [phase.name for phase in seen.phases] == ["calm", "fault", "recovery"]
    print("\n".join(table(seen, PANELS)))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_a_panel_shows_something_while_all_is_well(seen: Seen, panel: Panel) -> None:
    """No panel is empty on a healthy system."""
    assert seen.lines(panel, "calm")


@pytest.mark.parametrize("title", RISES)
def test_a_panel_shows_the_trouble_and_its_end(seen: Seen, title: str) -> None:
    """It rises above what it was in calm, and is back at the end."""
    panel = next(panel for panel in PANELS if panel.title == title)
    name = RISES[title]
    calm = highest(seen.lines(panel, "calm"), name)
    assert highest(seen.lines(panel, "fault"), name) > calm
    end = seen.phase("recovery").end
    assert at_end(seen.lines(panel, "recovery"), end, name) <= max(calm, _small(panel))


def test_the_first_panel_says_what_was_wrong(seen: Seen) -> None:
    """HEALTHY, then FRONT IS DOWN and PARTLY HELD, then HEALTHY."""
    words = {phase.name: _words(seen, phase.name) for phase in seen.phases}
    # Not: nothing else. A scrape may fail on a machine that is busy, and then NOT SEEN is the truth.
    assert "HEALTHY" in words["calm"]
    assert {"FRONT IS DOWN", "PARTLY HELD"} <= set(words["fault"])
    assert "HEALTHY" in words["recovery"]


def test_the_error_budget_is_spent_by_dead_letters(seen: Seen) -> None:
    """It does not come back by itself."""
    panel = next(panel for panel in PANELS if panel.title == "Error budget left, 30 days")
    assert seen.lines(panel, "calm")[0].values[-1] == 1
    assert seen.lines(panel, "recovery")[0].values[-1] < 1


def test_the_annotations_are_answered(scene: Scene) -> None:
    """Settings and version are marked where they first appear; nothing was restarted, so that one finds nothing."""
    dashboard = json.loads(FILE.read_text(encoding="utf-8"))
    begin, end = scene.phases[0].begin - 10, scene.phases[-1].end
    found = {
        each["name"]: scene.prometheus.query_range(substituted(each["expr"]), begin, end, 1)
        for each in dashboard["annotations"]["list"]
    }
    assert {name: bool(series) for name, series in found.items()} == {
        "Restarts": False,
        "Settings or mappings changed": True,
        "Another version": True,
    }


def test_the_variables_find_the_release_and_its_topics(scene: Scene) -> None:
    """What each of them lists is on the series that it asks for."""
    labels = [series.labels for series in scene.prometheus.query("front_connector_build_info")]
    assert [(each["namespace"], each["job"]) for each in labels] == [(NAMESPACE, JOB)]
    topics = {
        each.labels["topic"] for each in scene.prometheus.query("front_connector_records_processed_total")
    }
    assert topics == set(TOPICS)


def _words(seen: Seen, phase: str) -> list[str]:
    """What the first panel said, one after another, each time once."""
    health = PANELS[0]
    mapping = health.raw["fieldConfig"]["defaults"]["mappings"][0]["options"]
    lines: tuple[Line, ...] = seen.lines(health, phase)
    said = [mapping[str(int(value))]["text"] for value in lines[0].values]
    return [word for before, word in zip([None, *said], said, strict=False) if word != before]


def _small(panel: Panel) -> float:
    """What is as good as none: a record that is just on its way."""
    return 1.0 if panel.raw["fieldConfig"]["defaults"]["unit"] == "s" else 0.0
