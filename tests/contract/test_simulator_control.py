"""What may change while the simulator runs: clock, channels, switches as a whole; and what it may start with."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from connector import cli
from connector.simulator.clock import Clock
from connector.simulator.control import Control
from connector.simulator.profiles import PROFILES, ProfileError, Settings, settings
from connector.simulator.server import running
from connector.simulator.state import State
from connector.simulator.switches import Switches
from tests.benchmark.simulator import run, table
from tests.contract.test_simulator_client import NOW, FrontClient, Hands, simulating, small_world


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    with simulating() as client:
        yield client


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    return simulated.fresh()


# --- the clock -------------------------------------------------------------------------------------------------


def test_time_is_advanced_over_the_control_route(front: FrontClient) -> None:
    """Limits open, tokens end, messages are processed: without anybody waiting."""
    front.switch(rpm=1, processing_delay_ms=30_000)
    uid = front.message().json()["message_uid"]
    assert front.message("m-2").status_code == 429
    old = front.token("cha_1")
    shown = front.control("PATCH", "/_sim/clock", {"advance_s": 60})
    assert (shown["wall"], shown["advanced_s"]) == (NOW + 60, 60)
    front.hands.moved_s = 60.0  # for the client's tokens
    front.control("PATCH", "/_sim/clock", {"advance_s": 0})
    assert front.send("GET", f"/messages/alt:uid:{uid}", token=old).status_code == 401
    front.control("DELETE", "/_sim")
    assert front.control("GET", "/_sim/clock")["advanced_s"] == 0


def test_front_may_have_another_time_than_we(front: FrontClient) -> None:
    """Its `Date` tells, and a token of ours is past."""
    front.control("PATCH", "/_sim/clock", {"skew_s": 3600})
    answer = front.message()
    assert answer.status_code == 401
    assert front.log()[-1]["remark"] == "token: exp is past"
    assert answer.headers["date"].startswith("Thu, 10 Sep 2026 01:")


def test_a_frozen_clock_moves_only_by_hand() -> None:
    """And goes on where it stood."""
    given = [100.0]
    clock = Clock(monotonic=lambda: given[0], wall=lambda: NOW + given[0])
    clock.freeze()
    given[0] = 150.0
    assert (clock.monotonic(), clock.wall()) == (100.0, NOW + 100.0)
    clock.advance(5.0)
    clock.freeze()
    assert (clock.monotonic(), clock.frozen) == (105.0, True)
    clock.thaw()
    given[0] = 151.0
    assert clock.monotonic() == 106.0
    assert clock.wall() == NOW + 106.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"advance_s": -1}, "advance_s: Input should be greater than or equal to 0"),
        ({"advance": 1}, "advance: unknown name; did you mean 'advance_s'?"),
        ([], "not an object"),
    ],
)
def test_a_wrong_change_of_the_clock_is_told(front: FrontClient, change: Any, told: str) -> None:
    """No clock runs backwards."""
    answer = front.http.patch("/_sim/clock", json=change)
    assert (answer.status_code, answer.json()) == (400, {"errors": [told]})


# --- channels --------------------------------------------------------------------------------------------------


def test_a_channel_is_made_while_the_simulator_runs(front: FrontClient) -> None:
    """With a company of its own, and its aliases."""
    made = front.control("POST", "/_sim/channels", {"id": "cha_9", "company": "initech", "aliases": ["a@b"]})
    assert (made["id"], made["app"]) == ("cha_9", "app_test")
    assert front.message(channel="cha_9").status_code == 202
    path = "/channels/alt:address:a@b"
    assert front.send("PATCH", path, json={}, token=front.token("cha_9")).status_code == 204
    assert front.log()[-1]["company"] == "initech"
    world = front.control("GET", "/_sim/world")
    assert world["companies"] == ["acme", "globex", "initech"]
    assert world["channels"]["cha_9"]["aliases"] == ["a@b"]
    assert "secret" not in str(world)


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        ({"company": "acme"}, "id: Field required"),
        ({"id": "cha_1", "company": "acme"}, "id: there is a channel 'cha_1' already"),
        (
            {"id": "cha_8", "company": "acme", "app": "app_tst"},
            "app: no app 'app_tst' in this world; did you mean 'app_test'?",
        ),
        (
            {"id": "cha_8", "company": "acme", "aliases": ["+4930555010"]},
            "aliases: '+4930555010' already names cha_1",
        ),
        ({"id": "cha_8", "compny": "acme"}, "compny: unknown name; did you mean 'company'?"),
    ],
)
def test_a_wrong_channel_is_told(front: FrontClient, channel: Any, told: str) -> None:
    """And none is made."""
    answer = front.http.post("/_sim/channels", json=channel)
    assert answer.status_code == 400
    assert told in answer.json()["errors"]
    assert "cha_8" not in front.control("GET", "/_sim/world")["channels"]


# --- profiles --------------------------------------------------------------------------------------------------


def test_the_profile_front_has_the_limits_and_the_delay_of_front() -> None:
    """What is believed of the real one."""
    front = PROFILES["front"]
    assert (front.processing_delay_ms, front.rpm, front.burst, front.tier_rps) == (1500, 50, 25, 5)
    assert PROFILES["quick"] == Switches()


def test_all_switches_are_replaced_by_those_of_a_profile(front: FrontClient) -> None:
    """PUT forgets what PATCH has set; what is given beside the profile goes over it."""
    front.switch(dedupe="off")
    shown = front.control("PUT", "/_sim/switches", {"profile": "front", "rpm": 100})
    assert (shown["dedupe"], shown["rpm"], shown["tier_rps"]) == ("accept_then_drop", 100, 5)
    assert shown.keys() == Switches.model_fields.keys()
    assert front.control("GET", "/_sim/profiles")["front"]["rpm"] == 50
    wrong = front.http.put("/_sim/switches", json={"profile": "fornt"})
    assert wrong.json() == {"errors": ["profile: not one of quick, front"]}


def test_switches_of_the_command_line_go_over_the_profile(tmp_path: Path) -> None:
    """A name or a file, then name=value; texts become what the switch wants."""
    (tmp_path / "ours.yaml").write_text(
        "extends: front\nswitches: {dedupe: off, processing_delay_ms: never}\nfaults: [{effect: drop, times: 1}]\n"
    )
    start = settings(str(tmp_path / "ours.yaml"), ["rpm=7", "strict_body=schema_only", "call_202_body={}"])
    chosen = start.switches
    assert (chosen.dedupe, chosen.rpm, chosen.burst) == ("off", 7, 25)
    assert (chosen.strict_body, chosen.call_202_body, chosen.processing_delay_ms) == (False, "{}", "never")
    assert [fault.effect for fault in start.faults] == ["drop"]


def test_a_new_start_has_the_switches_and_faults_of_the_profile(tmp_path: Path) -> None:
    """What was there at the start comes back."""
    (tmp_path / "ours.yaml").write_text(
        "switches: {dedupe: off}\nfaults: [{effect: status, status: 500, times: 1}]\n"
    )
    start = settings(str(tmp_path / "ours.yaml"))
    with running(small_world(), start.switches, faults=start.faults) as simulator:
        client = FrontClient(simulator.base_url, Hands(time.time() - NOW))
        for _ in range(2):
            assert client.message().status_code == 500
            assert client.message().status_code == 202
            client.control("DELETE", "/_sim")
        assert client.control("GET", "/_sim/switches")["dedupe"] == "off"
        client.http.close()


@pytest.mark.parametrize(
    ("profile", "assignments", "told"),
    [
        (
            "fornt",
            [],
            "--profile fornt: no profile (quick, front) and no file of this name; did you mean 'front'?",
        ),
        ("quick", ["rpm"], "--switch rpm: not of the form name=value"),
        ("quick", ["rmp=1"], "--switch rmp: unknown name; did you mean 'rpm'?"),
        ("quick", ["rpm=many"], "--switch rpm: Input should be a valid integer"),
        ("FILE", [], "switches.dedup: unknown name; did you mean 'dedupe'?"),
    ],
)
def test_a_wrong_start_is_told(tmp_path: Path, profile: str, assignments: list[str], told: str) -> None:
    """Where, what, and the name that was probably meant."""
    (tmp_path / "wrong.yaml").write_text("switches: {dedup: off}\n")
    with pytest.raises(ProfileError) as raised:
        settings(profile.replace("FILE", str(tmp_path / "wrong.yaml")), assignments)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", "Input should be a valid dictionary"),
        ("{", "not YAML or JSON"),
        ("switch: {}", "switch: unknown name"),
    ],
)
def test_a_wrong_profile_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    """With its name first."""
    (tmp_path / "wrong.yaml").write_text(text)
    with pytest.raises(ProfileError) as raised:
        settings(str(tmp_path / "wrong.yaml"))
    assert str(raised.value).startswith(str(tmp_path / "wrong.yaml"))
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--profile", "fornt"], "did you mean 'front'?"),
        (["--switch", "rmp=1"], "did you mean 'rpm'?"),
        (["--keep", "FOLDER"], "cannot be used"),
    ],
)
def test_the_verb_tells_a_wrong_start(tmp_path: Path, options: list[str], told: str) -> None:
    """A usage error, in words."""
    arguments = [option.replace("FOLDER", str(tmp_path)) for option in options]
    result = CliRunner().invoke(cli.app, ["simulate", "--port", "0", *arguments])
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


# --- the page of the documentation --------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def test_the_documentation_lists_the_control_routes_that_there_are() -> None:
    """No more and no fewer; those of the inbox page are its own."""
    table = PAGE.partition("<!-- control -->")[2].partition("\nThe page asks")[0]
    listed = set(re.findall(r"^\| `([A-Z]+ /_sim[a-z/]*)", table, re.MULTILINE))
    routes = Control(State(small_world(), Settings(Switches()), Clock()))._routes
    there = {f"{method} {path}" for method, path in routes if not path.startswith("/_sim/inbox/")}
    assert listed == there | {"GET /_sim/files/"}


def test_the_profile_of_the_documentation_is_one(tmp_path: Path) -> None:
    """It loads, and changes what it says."""
    text = PAGE.partition("<!-- profile -->")[2].partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "ours.yaml").write_text(text)
    start = settings(str(tmp_path / "ours.yaml"))
    assert (start.switches.rpm, start.switches.tier_rps, start.switches.dedupe) == (100, 5, "same_uid")
    assert [fault.effect for fault in start.faults] == ["drop_after"]


def test_the_documentation_names_every_value_of_every_switch() -> None:
    """In the row of the switch."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*)$", PAGE.partition("<!-- switches -->")[2], re.MULTILINE))
    for name, field in Switches.model_fields.items():
        members = (field.annotation, *get_args(field.annotation))
        for value in {each for member in members for each in (member, *get_args(member))}:
            assert not isinstance(value, str) or f"`{value}`" in rows[name], f"{name}: {value}"


def test_the_benchmark_of_the_simulator_runs() -> None:
    """In a size that says nothing of speed."""
    rows = run(40)
    assert [row.name for row in rows] == ["bare sink", "simulator", "simulator, kept in a file"]
    assert all(row.requests_per_s > 0 for row in rows)
    assert "of the sink" in table(rows)
