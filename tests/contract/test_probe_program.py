"""The probe against the simulator, over sockets: what it sends and tidies up, its pace, large files; and as a program."""

import asyncio
import json
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.files import FixedSecret
from connector.adapters.front.tokens import StaticToken
from connector.simulator.profiles import settings
from connector.simulator.server import Simulator, running
from connector.simulator.switches import Switches
from connector.simulator.world import DEMO_APP, DEMO_SECRET, demo_world
from connector.workbench.probe.beliefs import BELIEFS
from connector.workbench.probe.findings import Finding, Measured, NotDecidable
from connector.workbench.probe.items import PREFIX
from connector.workbench.probe.trials import Ended
from tests.support.probing import (
    CHANNEL,
    Hasty,
    asked,
    missed,
    probed,
    right,
    wrong_claims,
)
from tests.unit.config_files import CONFIG, folder


def found(ended: Ended) -> dict[str, Finding]:
    return dict(ended.report.findings)


# --- what is sent, and tidied up -------------------------------------------------------------------------------------


async def test_everything_that_is_created_is_marked_and_calls_are_ended() -> None:
    """By ids that begin with the prefix and the run, and by texts; messages share one conversation."""
    hasty = Hasty()
    async with hasty.simulator(Switches(strict_body=False)) as front:
        ended, asker = await asked(front.base_url, hasty, run="4c9e9360")
        inbox = front.state.front.accepted.of(CHANNEL, "corner-shop")
        marked = f"{PREFIX}-4c9e9360-"
        assert list(inbox.conversations) == [ended.report.conversation]
        assert all(name.startswith(marked) for name in (*inbox.messages, *inbox.calls))
        bodies = [message.shown()["fields"]["body"] for message in inbox.messages.values()]
        assert all("A test by front-connector probe, run 4c9e9360" in body for body in bodies)
        assert inbox.calls
        assert {call.status for call in inbox.calls.values()} == {"abandoned"}
        assert not inbox.templates
        assert inbox.status == front.state.front.accepted.of("cha_untouched", "corner-shop").status
        assert len(front.state.log.entries) == asker.sent == ended.report.requests
        nothing_to_store = 4
        assert ended.report.messages == len(inbox.messages) + nothing_to_store


async def test_the_pace_stays_below_the_limits_of_the_configuration() -> None:
    """Four a second at most, and four fifths of the company's fifty in any minute."""
    hasty = Hasty()
    async with hasty.simulator(Switches()) as front:
        ended, _ = await asked(front.base_url, hasty)
        times = [entry.at for entry in front.state.log.entries]
    assert len(times) > 50
    assert ended.report.took_s > len(times) / 4
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.05, "not all at once"
    assert max(sum(start <= at < start + 59.5 for at in times) for start in times) <= 40


async def test_a_run_of_its_own_company_yields_to_others() -> None:
    """When a tenth of the minute's requests is left, it waits for the next minute."""
    hasty = Hasty()
    async with hasty.simulator(Switches(rpm=20)) as front:
        ended, _ = await asked(front.base_url, hasty)
    assert "429" not in ended.report.answers


async def test_ctrl_c_tidies_up_and_tells_what_was_found() -> None:
    """Cancelled between two requests of a call: the call is ended all the same."""
    hasty = Hasty()
    async with hasty.simulator(Switches()) as front:
        run = asyncio.ensure_future(asked(front.base_url, hasty))
        while not front.state.front.accepted.of(CHANNEL, "corner-shop").calls:
            await asyncio.sleep(0)
        run.cancel()
        ended, _ = await run
        calls = front.state.front.accepted.of(CHANNEL, "corner-shop").calls.values()
    assert ended.interrupted
    assert {call.status for call in calls} == {"abandoned"}
    assert isinstance(found(ended)["unknown_keys"], Measured)
    assert found(ended)["jti_replay"] == NotDecidable("it was interrupted")


async def test_an_app_with_an_api_token_is_told_that_it_is_taken() -> None:
    """Nothing can be said of JWTs then."""
    hasty = Hasty()
    tokens = StaticToken(token=FixedSecret("an-api-token"))
    async with hasty.simulator(Switches(static_token="an-api-token")) as front:
        ended, _ = await asked(front.base_url, hasty, tokens=tokens)
    assert found(ended)["static_token"] == Measured("taken", "every request of this run had one")
    assert found(ended)["jti_replay"] == NotDecidable("the app has a fixed API token")
    assert found(ended)["unknown_keys"] == Measured("drop", "answered 202", rests_on=frozenset({202}))


async def test_a_ceiling_below_the_configured_life_is_found_too() -> None:
    """The usual tokens are made shorter until Front takes them."""
    switches = Switches(jwt_max_ttl_s=5)
    ended = await probed(switches)
    assert wrong_claims(switches, found(ended)) == missed(switches, found(ended)) == []


async def test_a_wrong_clock_of_ours_changes_no_finding() -> None:
    """Front's time is told by its answers."""
    for skew in (-40.0, 3.4, 250.0):
        hasty = Hasty()
        switches = Switches(jwt_max_ttl_s=31, jwt_leeway_s=2)
        async with hasty.simulator(switches) as front:
            front.state.clock.skew_s = skew
            ended, _ = await asked(front.base_url, hasty)
        assert ended.report.ahead_s == pytest.approx(skew, abs=0.2)
        assert wrong_claims(switches, found(ended)) == missed(switches, found(ended)) == []


# --- large files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "switches",
    [
        Switches(),
        Switches(size_limit_per="file", size_limit_status="413", attachment_names="attachments"),
        Switches(size_limit=20_000_000),
        Switches(size_limit=26_500_000),
    ],
)
async def test_the_limit_of_uploads_is_found_on_request(switches: Switches) -> None:
    """By requests of 25 MB and of a byte more, or by files; a lower limit is not found, a higher one told as such."""
    hasty = Hasty()
    async with hasty.simulator(switches) as front:
        ended, _ = await asked(front.base_url, hasty, large=True, deadline_s=30.0)
    names = ("size_limit", "size_limit_per", "size_limit_status")
    sizes = {name: found(ended)[name] for name in names}
    if switches.size_limit == 25_000_000:
        assert all(isinstance(one, Measured) and right(switches, name, one) for name, one in sizes.items()), (
            sizes
        )
    elif switches.size_limit < 25_000_000:
        assert set(map(type, sizes.values())) == {NotDecidable}
    else:
        assert sizes["size_limit"].why == "a request of 25,000,001 bytes was taken: the limit is higher"


# --- the program ---------------------------------------------------------------------------------------------------


QUICK = Switches(dedupe="same_uid")
"""No look-up has to be waited for to see that."""


def config(tmp_path: Path, base_url: str) -> Path:
    app = f"main: {{uid: {DEMO_APP}, secret: {DEMO_SECRET}, base_url: '{base_url}'}}"
    fast = f"{app}\n  rate_limit: {{company_per_minute: 0, channel_per_second: 0}}"
    text = CONFIG.replace("main: {uid: app-1, secret: hush}", fast)
    return folder(tmp_path, config=text)


def program(file: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "connector", "probe", "-c", str(file), "--channel", CHANNEL, *arguments]


def test_the_program_probes_and_shows_no_secret(tmp_path: Path) -> None:
    """As JSON; one belief is refuted by this simulator, and the exit code says so."""
    with running(demo_world(), QUICK) as front:
        out = tmp_path / "front.yaml"
        done = subprocess.run(
            program(
                config(tmp_path, front.base_url),
                "--confirm",
                CHANNEL,
                "-o",
                "json",
                "--profile-out",
                str(out),
            ),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    assert done.returncode == 1, done.stderr
    shown = json.loads(done.stdout)
    assert [row["belief"] for row in shown["beliefs"]] == list(BELIEFS)
    assert [row["belief"] for row in shown["beliefs"] if row["result"] == "refuted"] == ["dedupe"]
    assert shown["requests"] == sum(shown["answers"].values())
    everything = done.stdout + done.stderr + out.read_text()
    assert DEMO_SECRET not in everything
    assert "eyJ" not in everything
    assert settings(str(out)).switches.dedupe == "same_uid"


def test_ctrl_c_ends_the_program_with_its_report_and_no_open_call(tmp_path: Path) -> None:
    """Exit code 130; calls are ended first."""
    with running(demo_world(), QUICK) as front:
        file = config(tmp_path, front.base_url)
        child = subprocess.Popen(
            program(file, "--confirm", CHANNEL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        calls: dict[str, Any] = {}
        while not calls and child.poll() is None:
            calls = _calls(front)
        child.send_signal(signal.SIGINT)
        stdout, stderr = child.communicate(timeout=30)
        assert child.returncode == 130, stderr
        assert "stopped early: it was interrupted" in stdout
        assert {call.status for call in _calls(front).values()} == {"abandoned"}


def _calls(front: Simulator) -> dict[str, Any]:
    return dict(front.state.front.accepted.of(CHANNEL, "corner-shop").calls)


def test_a_front_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    """No belief is judged by silence."""
    nowhere = "http://127.0.0.1:9"
    done = subprocess.run(
        program(config(tmp_path, nowhere), "--confirm", CHANNEL),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert done.returncode == 69
    assert done.stderr.splitlines()[-1] == (
        f"{nowhere} cannot be asked: 5 requests one after the other got no answer (connect)"
    )
    assert DEMO_SECRET not in done.stdout + done.stderr


def test_a_secret_that_front_does_not_know_is_told_as_such(tmp_path: Path) -> None:
    """With what to look at."""
    with running(demo_world()) as front:
        file = config(tmp_path, front.base_url)
        file.write_text(file.read_text().replace(DEMO_SECRET, "another-secret"))
        done = subprocess.run(
            program(file, "--confirm", CHANNEL),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    assert done.returncode == 77
    assert done.stderr.splitlines()[-1] == (
        f"Front does not take the token for {CHANNEL}: answered 401. Look at: this machine's clock; the app's secret and"
        " uid; a channel of another app"
    )
