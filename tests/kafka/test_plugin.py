"""What tests need is found or missed out loud, and no program that they start outlives them. Needs no broker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.java import Missing, find_java
from tests.support.process import Guarded

ROOT = Path(__file__).parents[2]

START_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tests.support.process import Guarded

guarded = Guarded(["sleep", "300"], log=Path(sys.argv[1]))
guarded.freeze()
print(guarded.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_ends_with_the_tests_however_they_end(tmp_path: Path) -> None:
    """A run that is killed outright takes its programs along, even a frozen one."""
    killed = subprocess.run(
        [sys.executable, "-c", START_AND_DIE, str(tmp_path / "log")],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    _until(lambda: _gone(int(killed.stdout)), within_s=30.0)


def test_a_process_may_be_ended_twice(tmp_path: Path) -> None:
    """Stop and kill do nothing to what has ended, so that clean-up need not ask."""
    guarded = Guarded(["sleep", "300"], log=tmp_path / "log")
    assert guarded.alive
    guarded.freeze()
    guarded.stop()
    guarded.stop()
    guarded.kill()
    assert not guarded.alive


NEEDY = """
import pytest

@pytest.mark.kafka
def test_a(): raise AssertionError

@pytest.mark.kafka
def test_b(): raise AssertionError

@pytest.mark.kafka(java=True)
def test_c(): raise AssertionError

@pytest.mark.registry
def test_d(): raise AssertionError

def test_e(): pass
"""

LEFT_OUT = """\
2 tests are left out for want of a Kafka broker (no java on the path): \
set KAFKA_BOOTSTRAP to a broker's address, start Docker, or install Java 17+ and Maven. See docs/testing.md.
1 test is left out for want of Java with Kafka's jars (no java on the path): \
install Java 17+ and Maven. See docs/testing.md.
1 test is left out for want of a Schema Registry (no java on the path): \
set SCHEMA_REGISTRY_URL to a registry's address, or install Java 17+ and Maven. See docs/testing.md.
"""


def test_on_a_bare_machine_the_rest_runs_and_the_way_is_told(tmp_path: Path) -> None:
    """Without Kafka, Docker and Java the run is green, and says what was left out, why, and how to get it."""
    ran = _pytest_on_a_bare_machine(tmp_path, ci="")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert LEFT_OUT in ran.stdout
    assert "1 passed, 4 deselected" in ran.stdout


def test_what_was_not_chosen_is_not_missed(tmp_path: Path) -> None:
    """Choosing tests that need nothing looks for nothing, in CI too."""
    ran = _pytest_on_a_bare_machine(tmp_path, "-m", "not kafka and not registry", ci="true")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "left out" not in ran.stdout


def test_in_ci_what_is_missing_fails_the_run(tmp_path: Path) -> None:
    """With CI set, the same machine ends with an error before any test: a green run has run them all."""
    ran = _pytest_on_a_bare_machine(tmp_path, ci="true")
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: CI is set, so no test may be left out.\n{LEFT_OUT}" in ran.stderr


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'openjdk version \"11.0.2\" 2019-01-15' >&2", "is Java 11, older than 17"),
        ("exit 1", "does not tell its version"),
        ("echo 'openjdk version \"17.0.1\" 2021-10-19' >&2", "no mvn on the path"),
    ],
)
def test_a_java_that_does_not_serve_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    """Whoever has some Java is told what is wrong with it."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/bin-that-is-not-there")

    found = find_java.__wrapped__()

    assert isinstance(found, Missing)
    assert reason in found.reason


def _until(holds: Callable[[], bool], *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.01)


def _gone(pid: int) -> bool:
    """Whether a process that is not ours to wait for has ended; an unreaped one has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" in status.read_text()


def _pytest_on_a_bare_machine(tmp_path: Path, *options: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Run `NEEDY` under the project's settings where there is no Kafka, Docker or Java."""
    (tmp_path / "test_needy.py").write_text(NEEDY)
    bare = {"PATH": str(tmp_path), "HOME": str(tmp_path), "DOCKER_HOST": "tcp://127.0.0.1:9", "CI": ci}
    plugins = ["-p", "tests.support.plugin", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-c", "pyproject.toml", str(tmp_path), *options],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
