"""Chromium for tests of the simulator's page: the browser of this machine, or, where CI is set, one that is fetched.

What lives here: finding the program. Nothing about our page. A person's machine is only looked at: to put a browser on it
is for its owner to decide. CI's is ours: Debian's package by apt-get for root, else Playwright's own download.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.java import Missing

NEEDED = "install Chromium (Debian's package chromium), or run `playwright install chromium`"
PROGRAM_ENV = "CONNECTOR_TEST_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_FETCH_WITHIN_S = 480.0


@functools.cache
def find_chromium() -> Path | Missing:
    """The program that the environment names, one on the path, or Playwright's; fetched for CI. Asked once."""
    try:
        import playwright.sync_api as _playwright
    except ImportError:
        return Missing("Playwright for Python is not installed")
    del _playwright
    found = _installed()
    if found is None and os.environ.get("CI"):
        said = _fetch()
        found = _installed()
        if found is None:
            return Missing(f"no Chromium on the path, and none could be fetched: {said}")
    return found if found is not None else Missing("no Chromium on the path")


def launch_arguments() -> list[str]:
    """Chromium's sandbox refuses root; sound is not for the machine's speakers."""
    return ["--mute-audio", *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def _installed() -> Path | None:
    named = os.environ.get(PROGRAM_ENV)
    if named is not None:
        return Path(named)
    on_path = next(filter(None, map(shutil.which, _NAMES)), None)
    return Path(on_path) if on_path is not None else _playwrights_own()


def _playwrights_own() -> Path | None:
    """What `playwright install` left in its cache."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = Path(playwright.chromium.executable_path)
    return program if program.exists() else None


def _fetch() -> str:
    """Put one on this machine; what went wrong, if something did."""
    apt = ["apt-get", "-qq", "-oDPkg::Lock::Timeout=120"]
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        for command in ([*apt, "update"], [*apt, "install", "--yes", "--no-install-recommends", "chromium"]):
            said = _run(command)
            if said:
                return said
        return ""
    return _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_FETCH_WITHIN_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} did not end within {_FETCH_WITHIN_S:.0f} s"
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()[-300:]
