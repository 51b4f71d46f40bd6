"""What the Dockerfile says, read: the rules of hadolint and of reference guides that matter for this image."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from connector import __version__
from tests.image.recipe import ROOT, Stage, context, instructions, replaced, stages

TEXT = (ROOT / "Dockerfile").read_text()
BUILD, FINAL = stages(TEXT)
TOOLS = (ROOT / "image" / "tools.txt").read_text()
DIGEST = r"python:3\.(\d+)\.\d+-slim-\w+@sha256:[0-9a-f]{64}"


def _package(line: str) -> str:
    return re.split(r"[<>=;\[ ]", line, maxsplit=1)[0]


def test_the_base_is_one_glibc_image_by_tag_and_digest() -> None:
    """A tag moves; Alpine's has no glibc, for which alone cel-expr-python is published. Both stages have the same one."""
    assert BUILD.base == FINAL.base
    found = re.fullmatch(DIGEST, BUILD.base)
    assert found is not None
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert int(found[1]) >= int(oldest.removeprefix(">=3."))


def test_the_connector_is_process_one() -> None:
    """Exec form: with a shell in between, SIGTERM would never reach the connector."""
    assert json.loads(FINAL.all("ENTRYPOINT")[0]) == ["front-connector"]
    assert json.loads(FINAL.all("CMD")[0]) == ["run", "--config", "/etc/front-connector/config.yaml"]
    assert FINAL.all("HEALTHCHECK")[0].endswith('CMD ["front-connector", "healthcheck"]')


def test_the_user_is_a_number_and_not_root_and_the_last_word() -> None:
    """Kubernetes can verify `runAsNonRoot` only for a number; the chart runs as the same one. No step follows it as root."""
    assert FINAL.all("USER") == ("65532:65532",)
    after = [one.name for one in FINAL.instructions][[one.name for one in FINAL.instructions].index("USER") :]
    assert set(after) == {"USER", "WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def test_the_label_has_the_version_of_the_package() -> None:
    """Who builds without arguments gets a label that is true."""
    assert f"VERSION={__version__}" in FINAL.all("ARG")


def test_dependencies_come_from_the_lock_only() -> None:
    """A stale lock is refused, development tools stay out, every extra is in, and nothing is built but ourselves."""
    (sync,) = [step for step in BUILD.all("RUN") if "uv sync" in step]
    assert {"--locked", "--no-dev", "--all-extras", "--no-build", "--no-install-project"} <= set(sync.split())
    exports = [step for step in BUILD.all("RUN") if "uv export" in step]
    assert all("--locked --no-dev --all-extras" in step for step in exports)
    install = BUILD.all("RUN")[0].split()
    assert {"--require-hashes", "--only-binary=:all:"} <= set(install)


def test_no_step_fetches_anything_but_those_two() -> None:
    """No apt, no curl, no git, no ADD: what comes from elsewhere has a hash in this repository, or is the base itself."""
    assert not re.search(
        r"\b(apt|apt-get|curl|wget|git|npm)\b", " ".join((*BUILD.all("RUN"), *FINAL.all("RUN")))
    )
    assert "ADD" not in {one.name for one in instructions(TEXT)}
    assert not [step for step in FINAL.all("RUN") if " install " in step]


def test_no_argument_is_a_secret() -> None:
    """Arguments and variables stay in the image's history."""
    names = re.findall(
        r"\b(\w+)=", " ".join((*BUILD.all("ARG"), *FINAL.all("ARG"), *BUILD.all("ENV"), *FINAL.all("ENV")))
    )
    assert not [name for name in names if re.search(r"(?i)secret|token|password|key", name)]


@pytest.mark.parametrize("stage", [BUILD, FINAL], ids=["build", "final"])
def test_folders_are_absolute(stage: Stage) -> None:
    """hadolint DL3000: a relative WORKDIR depends on the base."""
    assert all(Path(one).is_absolute() for one in stage.all("WORKDIR"))


def test_what_the_image_copies_exists_and_nothing_else_is_sent() -> None:
    """The ignore list lets in exactly what a COPY names: no .git, no .venv, no tests, no bytecode."""
    words = [word for line in BUILD.all("COPY") for word in line.split()[:-1]]
    sent = tuple(context())
    for word in words:
        assert [path for path in sent if path.is_relative_to(word)], f"{word} is not sent"
    assert [path for path in sent if not any(path.is_relative_to(word) for word in words)] == []
    assert [path for path in sent if path.suffix == ".pyc" or "__pycache__" in path.parts] == []
    assert sum((ROOT / path).stat().st_size for path in sent) < 10_000_000
    assert all(line.startswith("--from=build ") for line in FINAL.all("COPY"))


def test_the_tools_are_those_asked_for_and_each_has_hashes() -> None:
    """`make lock` has been said since tools.in was changed, and the backend is pyproject.toml's."""
    asked = [line.split("#")[0].strip() for line in (ROOT / "image" / "tools.in").read_text().splitlines()]
    asked = [line for line in asked if line]
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(backend) <= set(asked)
    locked = re.findall(r"^([\w.-]+)==(\S+)", TOOLS, re.MULTILINE)
    assert {_package(line) for line in asked} <= {name for name, _ in locked}
    assert [line for line in asked if "==" in line and line not in TOOLS] == []
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", TOOLS) if "==" in entry)


def test_every_file_of_the_lock_has_a_hash() -> None:
    """Whatever an index answers, only these files are installed."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    files = [
        (package["name"], file)
        for package in lock["package"]
        for file in [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    ]
    assert len(files) > 1_000
    assert [name for name, file in files if not file.get("hash", "").startswith("sha256:")] == []
    sources = {key for package in lock["package"] for key in package["source"]}
    assert sources == {"registry", "editable"}, "a package from git or from a path has no hash"
    assert [one["name"] for one in lock["package"] if "editable" in one["source"]] == ["front-connector"]


def test_the_reader_replaces_joins_and_refuses() -> None:
    """The ruler itself: lines are joined over comments, an unknown variable or instruction is an error."""
    text = 'ARG A=x\nFROM ${A} AS one\nRUN a \\\n# why\n && b\nFROM one\nLABEL a.b="c d" e=f\n'
    first, second = stages(text)
    assert (first.base, first.name, second.name) == ("x", "one", None)
    assert first.all("RUN")[0].split() == ["a", "&&", "b"]
    with pytest.raises(KeyError):
        replaced("${B}", {})
    with pytest.raises(AssertionError):
        instructions("ADD a b")
