"""What `make test` says of its parts: a failure in any fails all, and nothing is run twice or left out."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.side_by_side import PARTS, Part, main
from tests.support.service import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the many small runs starts in a fifth of the time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def part(folder: Path, name: str, body: str) -> Part:
    """A folder with one test."""
    place = folder / name
    place.mkdir()
    place.joinpath("test_it.py").write_text(body)
    return Part(name, (str(place), "--rootdir", str(folder), "-c", os.devnull), 1)


PASSES = "def test_good(): pass\n"
FAILS = "def test_bad():\n    assert 'told' == 'why'\n"


def test_all_parts_that_pass_are_a_pass(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A line for each at the end, and 0. A part of which nothing was chosen is none that failed."""
    empty = part(tmp_path, "empty", "")
    assert main((part(tmp_path, "one", PASSES), part(tmp_path, "two", PASSES), empty)) == 0
    said = capfd.readouterr().out.splitlines()
    assert [line.partition(" in ")[0] for line in said[-3:]] == [
        "  one: 1 passed",
        "  two: 1 passed",
        "  empty: no tests ran",
    ]


@pytest.mark.parametrize("first", [True, False])
def test_a_failure_in_any_part_fails_all_and_is_shown_last(
    first: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whichever it is: 1, its report behind the others', and how to run that part again."""
    bad, good = part(tmp_path, "bad", FAILS), part(tmp_path, "good", PASSES)
    assert main((bad, good) if first else (good, bad)) == 1
    said = capfd.readouterr().out
    assert said.index("#### good") < said.index("#### bad") < said.index("assert 'told' == 'why'")
    assert "! bad: 1 failed in" in said
    assert "  good: 1 passed in" in said
    assert said.splitlines()[-1].startswith("again: ")
    assert re.search(r"^FAILED .*bad/test_it.py::test_bad", said, re.MULTILINE)


@pytest.mark.parametrize(
    "body", ["import os\nos._exit(0)\n", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", ")"]
)
def test_a_part_that_ends_without_a_count_is_no_pass(
    body: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed, or broken before its tests; or ended with 0 by whatever a test did."""
    broken = part(tmp_path, "broken", body)
    assert main((broken, part(tmp_path, "good", PASSES))) == 1
    assert "! broken: " in capfd.readouterr().out


def test_of_nothing_at_all_it_says_no(tmp_path: Path) -> None:
    """Where no part ran a test, none passed."""
    assert main((part(tmp_path, "empty", ""),)) == 1


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel has no groups of sessions")
def test_a_part_stands_back_as_a_session_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Both values are the part's: `nice` alone is no use where sessions are equal to one another."""
    body = (
        "import os, pathlib, time\n"
        "def test_it():\n"
        f"    assert os.nice(0) == {min(19, os.nice(0) + 3)}\n"
        "    ends = time.monotonic() + 120\n"
        "    while not pathlib.Path('/proc/self/autogroup').read_text().endswith('nice 3\\n'):\n"
        "        assert time.monotonic() < ends\n"
        "        time.sleep(0.05)\n"
    )
    assert main((replace(part(tmp_path, "one", body), nice=3),)) == 0


def test_ctrl_c_ends_every_part_in_order(tmp_path: Path) -> None:
    """Fixtures of all parts are torn down before it says 130."""
    body = (
        "import pytest, time, pathlib\n"
        "here = pathlib.Path(__file__).parent\n"
        "@pytest.fixture\n"
        "def thing():\n    (here / 'began').touch()\n    yield\n    (here / 'ended').touch()\n"
        "def test_long(thing): time.sleep(600)\n"
    )
    parts = (part(tmp_path, "one", body), part(tmp_path, "two", body))
    program = f"import sys; from tests.side_by_side import Part, main; sys.exit(main({parts!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        eventually(lambda: all((tmp_path / one.name / "began").exists() for one in parts), 150, "both began")
        os.kill(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in said
    assert all((tmp_path / one.name / "ended").exists() for one in parts)


def test_every_test_is_in_exactly_one_part() -> None:
    """The last takes what the others leave: folders that come later, too."""
    rest = [one for one in PARTS if one.arguments[0] == "tests"]
    others = [one for one in PARTS if one not in rest]
    assert len(rest) == 1
    assert [one.arguments for one in others] == [
        (folder.removeprefix("--ignore="),) for folder in sorted(rest[0].arguments[1:])
    ]
    assert all((ROOT / one.arguments[0]).is_dir() for one in others)
