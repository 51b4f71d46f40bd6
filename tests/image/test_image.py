"""The image, after every step of its Dockerfile has run in a scratch root: what is in it, and that it runs as it will.

The process has its own root, read-only but for /tmp, is process 1, user 65532, without a capability and without a way to
get one: the chart's pod security. Its variables are the image's and no others.
"""

import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector import __version__
from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS, generate
from connector.demo.registry import running_registry
from connector.simulator.server import running
from tests.image.building import Built
from tests.image.conftest import REVISION
from tests.image.recipe import replaced
from tests.image.scratch import USER
from tests.support.estates import Publisher, world
from tests.support.process import Guarded
from tests.support.service import eventually

HOME = "/opt/front-connector"
PYTHON = f"{HOME}/bin/python"
RECORDS = 20
WITHIN_S = 150.0

# The first test waits for the build: 10 s, and minutes where all cores are taken.
pytestmark = pytest.mark.timeout(900)


def files(image: Built, inside: str) -> Iterator[Path]:
    """Everything below a folder of the image, itself too; symbolic links are not followed."""
    top = image.scratch.path(inside)
    yield top
    for folder, names, others in os.walk(top):
        yield from (Path(folder, name) for name in (*names, *others))


def asked(image: Built, program: str) -> str:
    """What a line of Python prints in the image."""
    said = image.ran(image.command(PYTHON, "-c", program))
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def test_it_says_its_version_and_starts_from_bytecode(image: Built) -> None:
    """`--version` is the package's; every module has bytecode that is never compared with its source."""
    said = image.ran(image.started("--version"))
    assert (said.returncode, said.stdout.strip()) == (0, __version__), said.stderr
    site = next(image.scratch.path(f"{HOME}/lib").glob("python3.*/site-packages"))
    modules = list((site / "connector").rglob("*.py"))
    assert len(modules) > 100
    for module in modules:
        (compiled,) = (module.parent / "__pycache__").glob(f"{module.stem}.cpython-*.pyc")
        assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", (
            f"{compiled} is not of the unchecked form (PEP 552)"
        )


def test_its_user_can_change_nothing(image: Built) -> None:
    """No file of ours is writable for others or the user, none lends rights, and outside /tmp nothing can be made."""
    for path in files(image, HOME):
        state = path.lstat()
        if not stat.S_ISLNK(state.st_mode):
            assert not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), path
        assert (state.st_uid, state.st_gid) == (0, 0), path
    program = """
import os, pathlib, tempfile
tried = []
for folder in ("/", "/opt/front-connector", "/usr/local", "/etc", "/src", "/var"):
    try:
        pathlib.Path(folder, "made").touch()
        tried.append(folder)
    except OSError:
        pass
rights = [line.split()[1] for line in open("/proc/self/status") if line[:6] in ("CapEff", "CapPrm", "CapBnd", "NoNewP")]
print(os.getuid(), os.getgid(), os.getgroups(), os.getpid(), tried, sorted(set(rights)), tempfile.gettempdir())
"""
    assert asked(image, program) == f"{USER} {USER} [] 1 [] ['0000000000000000', '1'] /tmp"


def test_no_tool_that_installs_or_builds_is_left(image: Built) -> None:
    """Neither pip nor uv nor a build backend, nor anything of the development groups, nor the build's own folders."""
    folders = [*(image.scratch.path(f"{top}/bin") for top in (HOME, "/usr/local"))]
    for top in (HOME, "/usr/local"):
        folders += image.scratch.path(f"{top}/lib").glob("python3.*")
        folders += image.scratch.path(f"{top}/lib").glob("python3.*/site-packages")
    names = {path.name for folder in folders for path in folder.iterdir()}
    assert {"python3", "front-connector", "connector", "json"} <= names
    assert not [name for name in names if re.match(r"(pip|uv|uvx|hatchling|setuptools|wheel)[\d.]*$", name)]
    assert not names & {"bazel-project", "ensurepip", "pytest", "mypy", "ruff", "hypothesis", "tests"}
    assert list(image.scratch.path("/src").iterdir()) == []
    assert (
        asked(image, "import importlib.util as u; print(u.find_spec('pip'), u.find_spec('tests'))")
        == "None None"
    )


def test_nothing_in_it_says_when_it_was_built(image: Built) -> None:
    """Two builds of one commit have the same files: uv's note on its cache, with a time, is away, and the list knows."""
    (facts,) = image.scratch.path(f"{HOME}/lib").glob("python3.*/site-packages/front_connector-*.dist-info")
    listed = {line.split(",")[0] for line in (facts / "RECORD").read_text().splitlines()}
    assert {f"{facts.name}/{path.name}" for path in facts.iterdir() if path.is_file()} <= listed
    assert f"{facts.name}/uv_cache.json" not in listed


def test_the_chart_and_the_image_name_the_same_revision(image: Built) -> None:
    """The label for registries, the variable for build_info and /healthz."""
    assert image.labels["org.opencontainers.image.revision"] == REVISION
    assert image.environment["SOURCE_REVISION"] == REVISION
    assert image.labels["org.opencontainers.image.version"] == __version__
    wanted = {"title", "description", "source", "revision", "version", "licenses", "created"}
    assert {name.removeprefix("org.opencontainers.image.") for name in image.labels} == wanted
    assert replaced("${PATH}", image.environment).startswith(f"{HOME}/bin:")


def test_a_health_check_without_a_connector_fails(image: Built) -> None:
    """Exit 1 is what an engine takes for unhealthy; anything else is reserved."""
    said = image.ran(image.command(*image.health, "--url", "http://127.0.0.1:9/readyz"))
    assert said.returncode == 1
    assert said.stdout.startswith("not ready: no answer")


def test_it_runs_as_a_pod_would_and_ends_on_sigterm(image: Built, tmp_path: Path) -> None:
    """`validate`, then its own command: ready, records reach Front, the health check agrees, SIGTERM ends process 1 with 0."""
    with EmbeddedBroker() as broker, running_registry() as registry, running(world()) as front:
        for topic in TOPICS:
            broker.create_topic(topic, 1)
        broker.create_topic(DEAD_LETTER_TOPIC, 1)
        estate = Estate(bootstrap=broker.bootstrap, registry_url=registry.url, front_url=front.base_url)
        estate.write(image.scratch.path("/etc/front-connector"))
        checked = image.ran(image.started("validate", "--config", "/etc/front-connector/config.yaml"))
        assert checked.returncode == 0, checked.stdout + checked.stderr
        with Publisher(broker.bootstrap, registry.url) as publisher:
            publisher.publish(generate(seed=7, records=RECORDS))
        log = tmp_path / "log"
        process = Guarded(image.started(), log=log)
        try:
            eventually(lambda: bool(_events(log, process)), WITHIN_S, log.read_text)
            url = f"http://127.0.0.1:{_events(log, process)[-1]['port']}"
            eventually(lambda: _get(f"{url}/readyz", process, log).is_success, WITHIN_S, log.read_text)
            eventually(
                lambda: _settled(_get(f"{url}/metrics", process, log).text) >= RECORDS,
                WITHIN_S,
                log.read_text,
            )
            assert image.ran(image.command(*image.health, "--url", f"{url}/readyz")).returncode == 0
            assert _get(f"{url}/healthz", process, log).json()["build"]["revision"] == REVISION
            os.kill(_process_one(process), signal.SIGTERM)
            assert process.wait(WITHIN_S) == 0, log.read_text()
        finally:
            process.kill()


def test_nothing_runs_on_in_a_root_whose_starter_is_gone(image: Built, tmp_path: Path) -> None:
    """Of the tests' own tool: killed from outside, it takes process 1 along, which has another user by then."""
    log = tmp_path / "log"
    process = Guarded(
        image.command(PYTHON, "-c", "import time; print('runs', flush=True); time.sleep(3600)"), log=log
    )
    try:
        eventually(lambda: "runs" in log.read_text(), WITHIN_S, log.read_text)
        inner = Path(f"/proc/{_process_one(process)}")
        assert inner.stat().st_uid == USER
    finally:
        process.kill()
    eventually(lambda: not inner.exists(), WITHIN_S, "the end of process 1")


def _process_one(process: Guarded) -> int:
    """Its number out here: the only child of the tool that made its root."""
    (inner,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(inner)


def _events(log: Path, process: Guarded) -> list[dict[str, Any]]:
    assert process.alive, log.read_text()
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("event") == "connector.started"]


def _get(url: str, process: Guarded, log: Path) -> httpx.Response:
    """Of a process that lives: one that has ended told why in its log, not on its port."""
    try:
        return httpx.get(url, timeout=30)
    except httpx.ConnectError as error:
        raise AssertionError(
            f"{error}; it {'runs' if process.alive else 'has ended'}\n{log.read_text()}"
        ) from error


def _settled(text: str) -> float:
    return sum(
        map(float, re.findall(r"^front_connector_records_processed_total\{.*\} (\S+)$", text, re.MULTILINE))
    )
