"""Worlds from files: what they hold, and what a mistake in one is told; and the simulator as a program."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from connector.simulator.switches import Switches
from connector.simulator.world import World, WorldError, demo_world, load_world

GOOD = """
apps: {app_1: a-secret-of-this-test}
companies: [acme, globex]
channels:
  cha_1: {company: acme, app: app_1, aliases: ['+4930555010'], type: voice}
  cha_2: {company: globex, app: app_1}
"""


def test_a_world_is_read_from_yaml_and_from_json(tmp_path: Path) -> None:
    """Both forms give the same world."""
    (tmp_path / "world.yaml").write_text(GOOD)
    world = load_world(tmp_path / "world.yaml")
    assert (world.open, world.companies) == (False, ("acme", "globex"))
    assert world.channels["cha_1"].aliases == ("+4930555010",)
    same = {
        "apps": {"app_1": "a-secret-of-this-test"},
        "companies": ["acme", "globex"],
        "channels": {
            "cha_1": {"company": "acme", "app": "app_1", "aliases": ["+4930555010"], "type": "voice"},
            "cha_2": {"company": "globex", "app": "app_1"},
        },
    }
    (tmp_path / "world.json").write_text(json.dumps(same))
    assert load_world(tmp_path / "world.json") == world


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("company: globex", "company: globx", "no company 'globx' in this world; did you mean 'globex'?"),
        (
            "company: globex, app: app_1",
            "company: globex, app: app_2",
            "no app 'app_2' in this world; did you mean 'app_1'?",
        ),
        (
            "app: app_1}",
            "app: app_1, aliases: ['+4930555010']}",
            "channels.cha_2.aliases: '+4930555010' already names cha_1",
        ),
        ("companies:", "company:", "company: unknown name; did you mean 'companies'?"),
        ("type: voice", "type: fax", "channels.cha_1.type: Input should be 'messaging' or 'voice'"),
        ("[acme, globex]", "[acme", "not YAML or JSON"),
    ],
)
def test_a_mistake_in_a_world_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    """File, field, and the name that was probably meant."""
    path = tmp_path / "world.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(WorldError) as raised:
        load_world(path)
    assert told in str(raised.value)
    assert str(raised.value).startswith(str(path))
    assert "a-secret-of-this-test" not in str(raised.value)


def test_a_world_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(WorldError, match=r"none\.yaml: cannot be read"):
        load_world(tmp_path / "none.yaml")


def test_a_world_does_not_show_its_secrets() -> None:
    """Not in its text, not in its JSON."""
    world = demo_world()
    for secret in world.apps.values():
        assert secret.get_secret_value() not in repr(world) + world.model_dump_json()


def test_the_demo_world_joins_up() -> None:
    """It passes the check that a file must pass."""
    world = demo_world()
    assert World.model_validate(world.model_dump()) == world
    assert {channel.company for channel in world.channels.values()} == set(world.companies)


def test_a_status_switch_may_be_a_number() -> None:
    """404 and "404" mean the same, in JSON and in YAML."""
    assert Switches.model_validate({"unknown_call": 404, "status_on_unknown_message": 204}) == Switches(
        status_on_unknown_message="204"
    )


def test_as_a_program_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """`run` announces its address, answers, and ends with SIGTERM."""
    (tmp_path / "world.yaml").write_text(GOOD)
    program = (
        "from pathlib import Path; from connector.simulator.server import run;"
        f"run('127.0.0.1', 0, Path({str(tmp_path / 'world.yaml')!r}), announce=lambda url: print(url, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            answer = httpx.patch(f"{url}/channels/cha_1", json={}, trust_env=False)
            assert answer.status_code == 401
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
