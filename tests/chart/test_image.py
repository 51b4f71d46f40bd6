"""The image's recipe: what can be said about it without an engine to build it."""

import json
import re

from tests.chart.rendering import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()


def _instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(name + " ")]


def test_the_connector_is_process_one() -> None:
    """Exec form: with a shell in between, SIGTERM would never reach the connector."""
    assert json.loads(_instructions("ENTRYPOINT")[0]) == ["front-connector"]
    assert json.loads(_instructions("CMD")[0]) == ["run", "--config", "/etc/front-connector/config.yaml"]
    assert 'CMD ["front-connector", "healthcheck"]' in _instructions("HEALTHCHECK")[0]


def test_the_user_is_a_number_and_not_root() -> None:
    """Kubernetes can verify `runAsNonRoot` only for a number; the chart runs as the same one."""
    assert _instructions("USER") == ["65532:65532"]


def test_dependencies_come_from_the_lock_only() -> None:
    """Every sync refuses a stale lock and leaves the development tools out."""
    syncs = [line for line in _instructions("RUN") if "uv sync" in line]
    assert len(syncs) == 2
    assert all("--locked" in line and "--no-dev" in line for line in syncs)
    assert "--no-editable" in syncs[-1]
    assert "UV_COMPILE_BYTECODE=1" in DOCKERFILE


def test_what_the_image_copies_exists_and_is_not_ignored() -> None:
    """A file that the ignore list hides fails the build on the first machine that tries."""
    sources = {
        source.removeprefix("./")
        for line in _instructions("COPY")
        if "--from" not in line
        for source in line.split()[:-1]
    }
    allowed = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
    assert sources == allowed
    assert all((ROOT / source).exists() for source in sources)


def test_the_base_has_glibc() -> None:
    """cel-expr-python has no wheels for musl."""
    assert re.search(r"^ARG BASE=python:3\.\d+-slim$", DOCKERFILE, re.MULTILINE)
    assert _instructions("FROM") == ["${BASE} AS build", "${BASE}"]
