"""`make grafana` where no Docker engine is, and that what it would start fits together."""

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboard import engine
from tests.dashboard.build import FILE
from tests.dashboard.engine import ADDRESS, COMPOSE, DEMO, METRICS_PORT, ROOT
from tests.support.java import Missing
from tests.support.promtool import find_promtool, promtool

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]


def mounts(service: str) -> dict[str, Path]:
    """Path in the container: path here."""
    pairs = (volume.split(":") for volume in SERVICES[service]["volumes"])
    return {inside: (COMPOSE.parent / here).resolve() for here, inside, _ in pairs}


def program(folder: Path, text: str) -> None:
    """A docker that does what a test wants."""
    script = folder / "docker"
    script.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("docker", "why"),
    [
        (None, "no docker is on the path"),
        (
            "echo 'Cannot connect to the daemon.' >&2; exit 1",
            "no engine answers (Cannot connect to the daemon.)",
        ),
        ("test $1 = version", "docker has no compose plugin"),
    ],
)
def test_without_an_engine_it_says_so_in_a_sentence(tmp_path: Path, docker: str | None, why: str) -> None:
    """Exit code 69, what is needed, what is missing, and what to do instead."""
    if docker is not None:
        program(tmp_path, docker)
    done = subprocess.run(
        [sys.executable, "-m", "tests.dashboard.engine"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 69
    assert done.stdout == ""
    assert done.stderr == (
        f"make grafana needs Docker with its compose plugin, and here {why}. Without it: docs/dashboard.md says how to load "
        "the dashboard into a Grafana that you have.\n"
    )


def test_with_an_engine_it_starts_runs_the_demo_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Both containers go again when the demo has ended, and its exit code is ours."""
    program(tmp_path, "echo docker $*")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert engine.main(["-c", "raise SystemExit(3)"]) == 3
    lines = capfd.readouterr().out.splitlines()
    compose = f"docker compose --file {COMPOSE}"
    assert lines[0] == f"{compose} up --detach"
    assert ADDRESS in lines[1]
    assert lines[2] == f"{compose} down --volumes"


def test_what_is_mounted_is_there() -> None:
    """Every path of the compose file exists, and each image has a version."""
    for name, service in SERVICES.items():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        assert all(path.exists() for path in mounts(name).values())


def test_grafana_gets_the_charts_dashboard() -> None:
    """Where its provisioning looks, the chart's folder is mounted; the start page and the address are that dashboard."""
    folders = mounts("grafana")
    provisioning = folders["/etc/grafana/provisioning"] / "dashboards" / "front-connector.yaml"
    (provider,) = yaml.safe_load(provisioning.read_text(encoding="utf-8"))["providers"]
    assert folders[provider["options"]["path"]] == FILE.parent
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert folders[str(Path(home).parent)] / Path(home).name == FILE
    assert "/d/front-connector?" in ADDRESS


def test_prometheus_and_grafana_and_the_demo_meet() -> None:
    """The demo's port is the one that is scraped; the namespace is the address's; Grafana asks where Prometheus listens."""
    config = yaml.safe_load(
        mounts("prometheus")["/etc/prometheus/prometheus.yml"].read_text(encoding="utf-8")
    )
    (job,) = config["scrape_configs"]
    (static,) = job["static_configs"]
    assert static["targets"] == [f"127.0.0.1:{METRICS_PORT}"]
    assert str(METRICS_PORT) in DEMO
    assert f"var-namespace={static['labels']['namespace']}&var-job={job['job_name']}&" in ADDRESS
    sources = mounts("grafana")["/etc/grafana/provisioning"] / "datasources" / "prometheus.yaml"
    (source,) = yaml.safe_load(sources.read_text(encoding="utf-8"))["datasources"]
    assert (
        f"--web.listen-address={source['url'].removeprefix('http://')}" in SERVICES["prometheus"]["command"]
    )
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]


@pytest.mark.promtool
def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """promtool reads it and the rules that it names, laid out as in the container."""
    for inside, here in mounts("prometheus").items():
        place = tmp_path / inside.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(here, place)
    found = find_promtool()
    assert not isinstance(found, Missing)
    code, said = promtool(found, "check", "config", tmp_path / "etc" / "prometheus" / "prometheus.yml")
    assert code == 0, said
    assert "1 rule files found" in said
